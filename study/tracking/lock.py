"""One writer of a study at a time: the lock lies where the study does, as far as that is possible."""

from __future__ import annotations

import os
import socket
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol

from filelock import lock_descriptor

from overshoot.study.files import open_own
from overshoot.study.tracking.errors import LockedError, StoreError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine


class Lock(Protocol):
    """Held until it is closed, or its process ends, however that happens: there are no stale locks."""

    def check(self) -> None:
        """StoreError when it was lost."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class FileLock:
    """The operating system's lock of an open file."""

    file: IO[str]

    def check(self) -> None:
        """Nobody takes it away."""

    def close(self) -> None:
        self.file.close()


@dataclass(frozen=True)
class SessionLock:
    """A lock that a session with a database holds."""

    session: Connection
    study: str

    def check(self) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        try:
            self.session.exec_driver_sql("select 1")
        except SQLAlchemyError as error:
            raise StoreError(
                f"the database ended the session that kept others from writing study {self.study!r}: run the "
                "same command again to continue"
            ) from error

    def close(self) -> None:
        self.session.close()


def hold(study: str, engine: Engine | None, results: Path) -> Lock:
    """Lock the study; LockedError when another process holds it.

    In PostgreSQL the lock is the database's own, for writers on any machine. Beside an SQLite database
    it is a file. Another kind of store has nothing to lock: a file in `results` keeps out this folder's
    other writers.
    """
    if engine is not None and engine.dialect.name == "postgresql":
        return _hold_in(engine, study)
    folder = results
    if engine is not None and engine.dialect.name == "sqlite":
        folder = Path(str(engine.url.database)).parent
    return _hold_file(folder / f".{study}.lock", study)


@contextmanager
def one_at_a_time(path: Path) -> Iterator[None]:
    """Wait until no other process is within this block, by the lock of the file at `path`."""
    with os.fdopen(open_own(path)) as file:
        lock_descriptor(file.fileno())
        yield


@contextmanager
def one_session_at_a_time(uri: str) -> Iterator[None]:
    """The same by an advisory lock of PostgreSQL, for processes on any machine."""
    from sqlalchemy import NullPool, create_engine

    with create_engine(uri, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as session:
        session.exec_driver_sql("select pg_advisory_lock(%(space)s, %(study)s)", _key(""))
        yield


def _hold_file(path: Path, study: str) -> Lock:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.fdopen(open_own(path), "r+", encoding="utf-8", errors="replace")
    if not lock_descriptor(file.fileno(), blocking=False):
        holder = file.read(100).strip() or "unknown"
        file.close()
        raise _refusal(study, f"pid {holder}", f" ({path})")
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return FileLock(file)


def _key(study: str) -> dict[str, int]:
    """PostgreSQL's advisory locks have two numbers as their name; no study has an empty one."""
    return {"space": zlib.crc32(b"overshoot") >> 1, "study": zlib.crc32(study.encode()) >> 1}


def _hold_in(engine: Engine, study: str) -> Lock:
    """An advisory lock of PostgreSQL, held by a session that bears this process' name."""
    key = _key(study)
    name = {"name": f"pid {os.getpid()} on {socket.gethostname()}"[:63]}
    session = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
    session.detach()  # closing it ends it, rather than giving it back to the pool with its lock
    try:
        session.exec_driver_sql("select set_config('application_name', %(name)s, false)", name)
        if session.exec_driver_sql("select pg_try_advisory_lock(%(space)s, %(study)s)", key).scalar():
            return SessionLock(session, study)
        holder = session.exec_driver_sql(
            "select application_name from pg_locks join pg_stat_activity using (pid) where locktype = "
            "'advisory' and classid = %(space)s and objid = %(study)s and datname = current_database()",
            key,
        ).scalar()
    except BaseException:
        session.close()
        raise
    session.close()
    raise _refusal(study, holder or "unknown")


def _refusal(study: str, holder: str, where: str = "") -> LockedError:
    return LockedError(
        f"study {study!r} is being written by another process ({holder}): wait for it or stop it{where}"
    )
