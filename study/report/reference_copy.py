"""A small copy of a report that can be kept beside the code: its Markdown and its figures."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from overshoot.study.figures.panels import smaller_png

KEPT = {"report.md", "figures"}

LARGE = 500_000
"""Characters of a report that is abridged."""

ROWS = 100
"""Rows of the longest table in an abridged report."""

LINK = r"\[((?:[^\]\\]|\\.)*)\]\(https?://[^)]*\)"
"""A link to an address on the web, with its text."""

LEFT_OUT = "*Left out of this copy: {}; the report itself has it.*"


def keep(folder: Path, copy: Path) -> Path:
    """Put `report.md` of the report in `folder`, with its figures, in the place of the folder `copy`.

    Links into the store are taken out, since whoever reads the copy does not have that store. Of a report
    that is LARGE then, problems one by one and tables of more than ROWS rows are left out as well.
    FileNotFoundError without a report, FileExistsError as `check` does.
    """
    check(copy)
    text = without_links((folder / "report.md").read_text(encoding="utf-8"))
    if len(text) > LARGE:
        text = abridged(text)
    if copy.exists():
        shutil.rmtree(copy)
    (copy / "figures").mkdir(parents=True)
    for figure in sorted(set(re.findall(r"\]\((figures/[^)]+)\)", text))):
        smaller_png(folder / figure, copy / figure)
    (copy / "report.md").write_text(text, encoding="utf-8")
    return copy / "report.md"


def check(copy: Path) -> None:
    """FileExistsError when a copy in the folder `copy` would replace anything but an earlier copy."""
    if copy.exists() and not copy.is_dir():
        raise FileExistsError(f"{copy}: is not a folder")
    others = sorted({entry.name for entry in copy.iterdir()} - KEPT) if copy.exists() else []
    if others:
        raise FileExistsError(f"{copy}: holds more than a report, which a copy would delete: {others[0]}")


def without_links(text: str) -> str:
    """Markdown with the text of its links to addresses on the web in their place, and without the lists of
    links alone, whose names would lead nowhere."""
    return re.sub(LINK, r"\1", re.sub(rf" Runs: {LINK}(?:, {LINK})*\.", "", text))


def abridged(text: str) -> str:
    """A Markdown report without its section `Problem by problem` and its tables of more than ROWS rows."""
    text = re.sub(
        r"(?ms)^(## Problem by problem\n\n).*?(?=^## )",
        lambda found: f"{found[1]}{LEFT_OUT.format('what each problem shows')}\n\n",
        text,
    )

    def table(found: re.Match[str]) -> str:
        rows = found[0].count("\n") - 2
        return found[0] if rows <= ROWS else f"{LEFT_OUT.format(f'a table of {rows:,} rows')}\n"

    return re.sub(r"(?m)(?:^\|.*\n)+", table, text)
