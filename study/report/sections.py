"""A section of the page: the findings that open it, then pictures and tables, each with what to look for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from study.findings.claims import Finding
from study.report.html_tables import Table
from study.report.pictures import Picture


@dataclass(frozen=True)
class Block:
    """A part of a section: how to read it, its pictures and its tables.

    pictures: label -> picture; of several, the page shows one at a time behind a switch, the Markdown twin
    the first. tables: caption -> table. wide: whether the pictures' panels are wide ones.
    """

    title: str
    text: str
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    wide: bool = False


@dataclass(frozen=True)
class Section:
    """anchor: its place in the page. The first of its findings stands in the summary too."""

    anchor: str
    title: str
    text: str
    findings: Sequence[Finding]
    blocks: Sequence[Block]

    @property
    def pictures(self) -> Iterator[Picture]:
        """All pictures."""
        return (picture for block in self.blocks for picture in block.pictures.values())

    @property
    def sheets(self) -> Iterator[Picture]:
        """The pictures of the Markdown twin: the first of each block."""
        return (picture for block in self.blocks for picture in [*block.pictures.values()][:1])
