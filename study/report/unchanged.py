"""Whether a report is still what would be made now: what it was made from, and its files, kept as hashes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from overshoot import core, study
from overshoot.study.files import place

FILES = ("figures", "report.md", "evidence.html", "report.html")
"""What a report consists of, the page to begin with last."""

LIBRARIES = ("jinja2", "matplotlib", "numpy", "pandas", "scipy", "seaborn")
"""That decide what a report says and looks like, besides the program's own code."""


def code_hash(folders: Iterable[str], libraries: Iterable[str]) -> str:
    """The hash of every file in these folders of code and their folders, and of the libraries' versions."""
    digest = hashlib.sha256()
    for name in libraries:
        digest.update(f"{name} {version(name)}\n".encode())
    for folder in folders:
        for file in sorted(Path(folder).rglob("*.*")):
            if file.is_file() and file.suffix != ".pyc":
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def made_from(title: str, cells: Mapping[str, Any], facts: Mapping[str, str]) -> str:
    """The hash of all that a report depends on. cells: key -> what says which cell it is and what its files
    hold, in the order of the report."""
    known = sorted(core.OPTIMIZERS)  # a user's file may have added some
    code = code_hash([*study.__path__, *core.__path__], LIBRARIES)
    content = json.dumps([title, [*cells.items()], facts, known, code], default=str)
    return hashlib.sha256(content.encode()).hexdigest()


def is_made(record: Path, source: str, folder: Path) -> bool:
    """Whether `folder` holds, whole, the report that was made from `source`, as `record` says."""
    with suppress(OSError, ValueError):
        return bool(json.loads(record.read_text(encoding="utf-8")) == _record(source, folder))
    return False


def keep(record: Path, source: str, folder: Path) -> None:
    """Write down in `record` that the report in `folder` was made from `source`."""
    text = json.dumps(_record(source, folder))
    place(record.parent, record.name).write_text(text, encoding="utf-8")


def _record(source: str, folder: Path) -> dict[str, Any]:
    """OSError where a file is missing."""
    files = [path for name in FILES for path in [folder / name, *sorted((folder / name).glob("*"))]]
    hashes = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if not path.is_dir()
    }
    return {"made from": source, "files": hashes}
