"""A new store: killed while it is built, built by several at once, and what may lie in its place."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from overshoot.study.files import UnsafeError
from overshoot.study.tracking import StoreError, open_store
from overshoot.study.tracking.making import _usable
from tests.tracking.database import query
from tests.tracking.planted_results import planted
from tests.tracking.postgresql import Server
from tests.tracking.serving import environment

KILLED = """
# A child for each folder opens a store there until it kills itself in front of its n-th statement (the
# folder's name); sys.argv[1] says whether MLflow builds its tables by itself, as others do.
import os, signal, sys
from pathlib import Path
import mlflow.store.tracking.sqlalchemy_store  # once, before the children
from sqlalchemy import event
from sqlalchemy.engine import Engine
from mlflow import MlflowClient
from overshoot.study.tracking import open_store

def build(folder):
    left = [int(folder.name)]
    def count(*_):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    if sys.argv[1] == "alone":
        MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()
    else:
        open_store(folder)

for name in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        build(Path(name))
        os._exit(0)
    print(os.WTERMSIG(os.waitpid(child, 0)[1]))
"""

OPEN = """
import sys
from pathlib import Path
from overshoot.study.tracking import open_store
open_store(Path(sys.argv[1])).close()
"""


def starts(code: str, *arguments: object, count: int = 1) -> list[subprocess.Popen[str]]:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return [subprocess.Popen(command, env=environment(), **pipes) for _ in range(count)]  # type: ignore[call-overload]


@pytest.mark.slow
@pytest.mark.parametrize("builder", ["alone", "overshoot"])
def test_a_builder_killed_at_any_moment_leaves_a_store_that_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, builder: str
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folders = [tmp_path / builder / str(n) for n in (2, 120, 300, 450)]
    for folder in folders:
        folder.mkdir(parents=True)
    [child] = starts(KILLED, builder, *folders)
    said, _ = child.communicate()
    killed = said.split().count(str(int(signal.SIGKILL)))
    assert killed >= 3, f"the moments reach past the last statement: {said}"
    for folder in folders:
        with closing(open_store(folder)) as store:
            store.write("demo", planted())
            assert len(store.read("demo")) == 1
        assert not [*folder.glob(".mlflow.db.new*")]


def test_processes_that_start_at_once_wait_for_one_builder(tmp_path: Path) -> None:
    for process in starts(OPEN, tmp_path / "results", count=3):
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert query(tmp_path / "results", "select name from experiments") == [("Default",)]
    assert query(tmp_path / "results", "pragma journal_mode") == [("wal",)]


@pytest.mark.slow
def test_so_they_do_in_postgresql(postgresql: Server, tmp_path: Path) -> None:
    uri = postgresql.new_database()
    code = OPEN.replace("open_store(Path(sys.argv[1]))", "open_store(Path(sys.argv[1]), sys.argv[2])")
    for process in starts(code, tmp_path, uri, count=3):
        said, _ = process.communicate(timeout=120)
        assert process.returncode == 0, said


def plant(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as db:
        db.execute(statement)
        db.commit()


def test_a_half_changed_database_is_rebuilt_where_it_holds_no_run(results: Path) -> None:
    plant(results / "mlflow.db", "create table _alembic_tmp_metrics (key text)")
    with closing(open_store(results)) as store:
        assert store.studies() == []
        store.write("demo", planted())
    plant(results / "mlflow.db", "create table _alembic_tmp_metrics (key text)")
    with pytest.raises(StoreError, match=r"_alembic_tmp_metrics.*holds results: restore it from a backup"):
        open_store(results)
    assert query(results, "select count(*) from runs where status = 'FINISHED'") == [(8,)]


def test_a_journal_that_was_left_is_not_played_into_a_new_store(results: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with closing(sqlite3.connect(other / "mlflow.db")) as db:
        db.execute("pragma journal_mode=wal")
        db.execute("create table alembic_version (version_num text)")
        db.execute("insert into alembic_version values ('nonsense')")
        db.commit()
        for end in ("", "-wal"):
            shutil.copy(other / f"mlflow.db{end}", results / f"mlflow.db{end}")
    with closing(open_store(results)) as store:
        assert store.studies() == []
    assert query(results, "select count(*) from alembic_version where version_num = 'nonsense'") == [(0,)]


def test_an_empty_database_beside_files_of_runs_is_no_new_store(results: Path) -> None:
    database = results / "mlflow.db"
    with closing(open_store(results)) as store:
        store.write("demo", planted())
    database.write_bytes(b"")
    with pytest.raises(StoreError, match=r"the database is empty, but .*artifacts holds files of runs"):
        open_store(results)
    assert database.read_bytes() == b""
    shutil.rmtree(results / "artifacts")
    open_store(results).close()


@pytest.mark.parametrize("what", ["folder", "text", "link"])
def test_something_else_in_its_place_is_said(tmp_path: Path, what: str) -> None:
    place = tmp_path / "mlflow.db"
    if what == "folder":
        place.mkdir()
    elif what == "text":
        place.write_text("name = 'demo'\n" * 100)
    else:
        (tmp_path / "elsewhere").write_bytes(b"")
        place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match=r"this is a folder|no SQLite database|got a symbolic link"):
        open_store(tmp_path)


@pytest.mark.parametrize("kind", ["symbolic", "hard"])
def test_a_lock_that_is_a_link_is_not_followed(results: Path, tmp_path: Path, kind: str) -> None:
    precious = tmp_path / "precious"
    precious.write_text("precious")
    lock = results / ".demo.lock"
    lock.symlink_to(precious) if kind == "symbolic" else lock.hardlink_to(precious)
    with closing(open_store(results)) as store, pytest.raises(UnsafeError, match=r"\.demo\.lock (is|has) a"):
        store.write("demo", planted())
    assert precious.read_text() == "precious"


@pytest.mark.parametrize("table", ["studies", "dag_run", "users"])
def test_a_database_of_another_program_is_never_built_over(table: str, tmp_path: Path) -> None:
    """Many programs migrate their tables by Alembic, and so have a table of its versions."""
    database = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database)) as db:
        db.execute("create table alembic_version (version_num text)")
        db.execute("insert into alembic_version values ('v3.0.0.d')")
        db.execute(f"create table {table} (name text)")
        db.execute(f"insert into {table} values ('years of work')")
        db.commit()
    assert _usable(database)
    assert query(tmp_path, f"select name from {table}") == [("years of work",)]
