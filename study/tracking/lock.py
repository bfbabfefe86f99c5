"""One writer at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from study.tracking.errors import StoreError


def hold(path: Path, what: str) -> IO[str]:
    """Lock the file at `path` for as long as the returned file stays open.

    The operating system lets go of the lock when the process ends, however it ends, so there are no
    stale locks. StoreError when another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise StoreError(
            f"{what} is being written by another process (pid {holder}): wait for it, or stop it ({path})"
        ) from None
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
