"""A new database, whole or not there: MLflow builds its tables by dozens of migrations, in about a second.

They are not one transaction: an SQLite database whose builder was killed in between is refused by MLflow for
ever, and two builders at once break each other. So one process builds, in a file beside it that takes the
database's name at the end; the others wait.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from overshoot.study.files import sync
from overshoot.study.tracking.errors import StoreError
from overshoot.study.tracking.lock import one_at_a_time

ENDS = ("", "-journal", "-wal", "-shm")
"""Of the files that an SQLite database consists of."""

HEADER = b"SQLite format 3\0"


def make(path: Path, artifacts: Path) -> None:
    """Have an SQLite database with MLflow's tables at `path`, built anew where there is none or one that was
    half built and holds no run. StoreError where something else is in its place.

    artifacts: the folder of the runs' files.
    """
    if _usable(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(path.with_name(f".{path.name}.lock")):
        if _usable(path):  # another process was faster
            return
        _refuse_to_lose(path, artifacts)
        for left in path.parent.glob(f".{path.name}.new*"):
            left.unlink()
        new = path.with_name(f".{path.name}.new")
        try:
            _build(new, artifacts)
            _take_place(new, path)
        finally:
            for end in ENDS:
                new.with_name(new.name + end).unlink(missing_ok=True)


def _usable(path: Path) -> bool:
    """Whether there is a database that is not to be built: any but an empty one or one without a run whose
    builder did not get to its end."""
    if not path.exists() and not path.is_symlink():
        return False
    if not path.is_file():
        what = "a folder" if path.is_dir() else "not a file"
        raise StoreError(f"{path}: the database of the store belongs here, but this is {what}: move it away")
    with path.open("rb") as file:
        start = file.read(len(HEADER))
    if not start:
        return False
    if start != HEADER:
        raise StoreError(f"{path}: this is no SQLite database: restore it from a backup, or move it away")
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True)) as db:
            return not _half_built(db)
    except sqlite3.Error:  # locked, damaged, ...: MLflow will say it
        return True


def _half_built(db: sqlite3.Connection) -> bool:
    tables = {name for (name,) in db.execute("select name from sqlite_master where type = 'table'")}
    own = {"runs", "experiments", "registered_models"}
    holds = [
        name for name in sorted(tables) if _rows(db, name) > GIVEN.get(name, 0) and not _kept_aside(name)
    ]
    if tables and not tables & own and (holds or not any(map(_kept_aside, tables))):
        return False  # somebody else's: many programs have tables of Alembic's
    from mlflow.store.db.utils import _get_latest_schema_revision

    newest = _get_latest_schema_revision()  # type: ignore[no-untyped-call]
    versions = db.execute("select version_num from alembic_version") if "alembic_version" in tables else []
    if [v for (v,) in versions] == [newest] and not _halfway(tables):
        return False
    if holds and _halfway(tables):
        raise StoreError(
            f"{db.execute('pragma database_list').fetchone()[2]}: a change of MLflow's tables was broken off "
            f"in this database (it has the table {_halfway(tables)[0]}), which holds results: restore it "
            "from a backup made before that"
        )
    return not holds


GIVEN = {"experiments": 1, "workspaces": 1}
"""Table -> rows that MLflow itself puts into a new store."""


def _kept_aside(table: str) -> bool:
    """Whether it is one of Alembic's or of SQLite's own, and holds nothing of anybody's."""
    return table.startswith(("alembic_version", "_alembic_tmp_", "sqlite_"))


def _halfway(tables: set[str]) -> list[str]:
    """Tables that a migration copies to and renames at its end."""
    return [name for name in tables if name.startswith("_alembic_tmp_")]


def _rows(db: sqlite3.Connection, table: str) -> int:
    """How many rows a table has, two at the most."""
    return int(db.execute(f'select count(*) from (select 1 from "{table}" limit 2)').fetchone()[0])


def _refuse_to_lose(path: Path, files: Path) -> None:
    """A database without a run beside the files of runs was lost, and is no new store."""
    if path.exists() and files.is_dir() and any(files.iterdir()):
        raise StoreError(
            f"{path}: the database is empty, but {files} holds files of runs: bring the database back from a "
            "copy, or delete it to begin anew"
        )


def _build(new: Path, artifacts: Path) -> None:
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    store = SqlAlchemyStore(f"sqlite:///{new}", str(artifacts))  # type: ignore[no-untyped-call]
    store.engine.dispose()
    with closing(sqlite3.connect(new)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("ANALYZE")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _take_place(new: Path, path: Path) -> None:
    sync(new)
    for end in reversed(ENDS[1:]):  # another database's journal would be played into this one
        path.with_name(path.name + end).unlink(missing_ok=True)
    os.replace(new, path)
    with suppress(OSError):  # not every file system can
        sync(path.parent)
