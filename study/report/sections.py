"""A section of the page: the findings that open it, then pictures and tables, each with what to look for.

To add one, write a function that makes it of a study's tables in a module of this package whose name ends
in `_section`, and decorate it with `section`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from overshoot.study import report
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.figures.theme import Looks
from overshoot.study.findings.claims import Finding
from overshoot.study.report.html_tables import ShownTable
from overshoot.study.report.pictures import Picture


@dataclass(frozen=True)
class Block:
    """A part of a section: how to read it, its pictures and its tables.

    pictures: label -> picture; of several, the page shows one at a time behind a switch, the Markdown twin
    the first. tables: caption -> table. wide: whether the pictures' panels are wide ones.
    terms: word in the pictures -> what it means.
    """

    title: str
    text: str
    pictures: Mapping[str, Picture] = field(default_factory=dict)
    tables: Mapping[str, ShownTable] = field(default_factory=dict)
    wide: bool = False
    terms: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> dict[str, str]:
        """What the button of each picture says."""
        return {label: label for label in self.pictures}


@dataclass(frozen=True)
class Section:
    """anchor: its place in the page. The first of its findings may stand on the story's page too."""

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


Maker = Callable[[Tables, Looks], Section | None]
"""Makes a section of what a study's tables hold; None where that is nothing."""

MAKERS: dict[int, Maker] = {}
"""Place on the page -> maker. Between the overview and the single problems."""


def section(place: int) -> Callable[[Maker], Maker]:
    """Decorator that enters a maker at its place, in the order of the numbers."""

    def enter(maker: Maker) -> Maker:
        assert place not in MAKERS, f"two sections have the place {place}"
        MAKERS[place] = maker
        return maker

    return enter


def sections(tables: Tables, looks: Looks) -> Iterator[Section]:
    """All sections that have something to say, in their order, each made when it is asked for."""
    for module in pkgutil.iter_modules(report.__path__):
        if module.name.endswith("_section"):
            importlib.import_module(f"{report.__name__}.{module.name}")
    made = (MAKERS[place](tables, looks) for place in sorted(MAKERS))
    return (each for each in made if each is not None)
