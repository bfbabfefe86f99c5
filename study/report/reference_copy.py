"""A small copy of a report that can be kept beside the code: its Markdown and its figures."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

KEPT = {"report.md", "figures"}


def keep(folder: Path, copy: Path) -> Path:
    """Put `report.md` of the report in `folder`, with its figures, in the place of the folder `copy`.

    Links into the store are taken out, since whoever reads the copy does not have that store.
    FileNotFoundError without a report, FileExistsError as `check` does.
    """
    check(copy)
    text = (folder / "report.md").read_text(encoding="utf-8")
    if copy.exists():
        shutil.rmtree(copy)
    (copy / "figures").mkdir(parents=True)
    for figure in sorted(set(re.findall(r"\]\((figures/[^)]+)\)", text))):
        shutil.copy(folder / figure, copy / figure)
    (copy / "report.md").write_text(without_links(text), encoding="utf-8")
    return copy / "report.md"


def check(copy: Path) -> None:
    """FileExistsError when a copy in the folder `copy` would replace anything but an earlier copy."""
    if copy.exists() and not copy.is_dir():
        raise FileExistsError(f"{copy}: is not a folder")
    others = sorted({entry.name for entry in copy.iterdir()} - KEPT) if copy.exists() else []
    if others:
        raise FileExistsError(f"{copy}: holds more than a report, which a copy would delete: {others[0]}")


def without_links(text: str) -> str:
    """Markdown with the text of its links to addresses on the web in their place."""
    return re.sub(r"\[((?:[^\]\\]|\\.)*)\]\(https?://[^)]*\)", r"\1", text)
