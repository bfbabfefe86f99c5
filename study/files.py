"""Files that are trusted no further than needed: what lies in a results folder may come from elsewhere.

Links lead out of a folder, a device never ends, and a second name of a file is somebody else's: each is
refused before anything is read, emptied or written.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path


class UnsafeError(RuntimeError):
    """A path that is not what it should be; the message names it and says what it is instead."""


def inside(folder: Path, path: Path) -> Path:
    """`path` with all links followed; UnsafeError where that is not within `folder`, links followed too."""
    whole, home = path.resolve(), folder.resolve()
    if not whole.is_relative_to(home):
        raise UnsafeError(f"{path} leads out of {home}, to {whole}: nothing is read or written there")
    return whole


def place(folder: Path, *parts: str) -> Path:
    """Where in `folder` a file may be written, its own folder made; UnsafeError where that is not within it,
    or is a link."""
    path = folder.joinpath(*parts)
    inside(folder, path)
    if path.is_symlink():
        raise UnsafeError(f"{path} is a symbolic link, where a file is to be written: delete it")
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def open_own(path: Path, flags: int = os.O_RDWR | os.O_CREAT) -> int:
    """A descriptor of the regular file at `path`, a lock or a log, never through a link."""
    try:
        file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if path.is_symlink():
            raise UnsafeError(f"{path} is a symbolic link, where a file belongs: delete it") from None
        if path.exists() and not path.is_file():
            raise UnsafeError(f"{path} is not a regular file: move it away") from None
        raise error
    about = os.fstat(file)
    if not stat.S_ISREG(about.st_mode) or about.st_nlink > 1:
        os.close(file)
        kind = "has a second name elsewhere" if stat.S_ISREG(about.st_mode) else "is not a regular file"
        raise UnsafeError(f"{path} {kind}: move it away")
    return file


def read_text(path: Path, most: int) -> str:
    """The UTF-8 text of a regular file of at most `most` bytes; UnsafeError for another, OSError and
    UnicodeDecodeError as usual."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe must not be waited for
    with os.fdopen(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise UnsafeError(f"{path} is not a regular file")
        content = opened.read(most + 1)
    if len(content) > most:
        raise UnsafeError(f"{path} is larger than {most:,} bytes")
    return content.decode("utf-8")


def sync(path: Path) -> None:
    """Have a file, or a folder's list of names, on the disk before going on."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
