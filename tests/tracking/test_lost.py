"""Files that are gone or damaged, places that are out of reach, and a lock that was lost."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from study.cli import main
from study.tracking import Store, StoreError, open_store
from study.tracking.artifacts import CURVES, SUMMARY
from tests.tracking.database import active_runs
from tests.tracking.planted import planted
from tests.tracking.postgresql import Server

FIRST, SECOND = planted("sgd"), planted("adam")

TINY = """
name = "tiny"
optimizers = ["sgd"]
batches = ["full", 16]
[budget]
examples = 200
epochs = 20
evaluations = 10
[rates]
low = 1e-2
high = 1e1
per_decade = 1
[sweep]
replicates = 1
[search]
trials = 2
startup = 2
batch = 2
[confirm]
replicates = 2
[networks.linear]
hidden = []
[[problems]]
datasets = ["line"]
network = "linear"
"""


def folder_of(store: Store, run_id: str) -> Path:
    return store.results / "artifacts" / "demo" / run_id


def remove(folder: Path) -> None:
    shutil.rmtree(folder)


def empty(folder: Path) -> None:
    (folder / "artifacts" / CURVES).write_bytes(b"")  # what a power cut leaves


@pytest.mark.parametrize("harm", [remove, empty])
def test_a_cell_whose_files_are_gone_is_run_again(store: Store, harm: Callable[[Path], None]) -> None:
    kept, lost = store.write("demo", FIRST), store.write("demo", SECOND)
    assert store.retire_lost("demo") == 0
    harm(folder_of(store, lost))
    with pytest.raises(StoreError, match=r"train(ed|s the cell) again"):
        store.read("demo")
    assert store.retire_lost("demo", [FIRST.cell.key]) == 0  # another version's past stays as it is
    assert store.retire_lost("demo") == 1
    assert store.finished("demo") == {FIRST.cell.key: kept}
    assert len(active_runs(store.results)) == 8
    store.write("demo", SECOND)
    assert len(store.read("demo")) == 2


@pytest.mark.parametrize("name", [CURVES, SUMMARY])
def test_a_damaged_file_says_what_to_do(store: Store, name: str) -> None:
    run_id = store.write("demo", FIRST)
    file = folder_of(store, run_id) / "artifacts" / name
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(StoreError, match=rf"{run_id}/artifacts: .*delete this folder"):
        store.read("demo")


def test_where_all_files_are_gone_nothing_is_retired(store: Store) -> None:
    store.write("demo", FIRST)
    shutil.rmtree(store.results / "artifacts")
    with pytest.raises(StoreError, match=r"artifacts/demo is missing.*bring it back"):
        store.retire_lost("demo")
    assert len(store.finished("demo")) == 1


def test_a_study_that_lost_a_cell_is_whole_after_the_next_run(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(TINY)
    arguments = ["run", str(file), "--no-report", "--results", str(results), "--workers", "1"]
    assert main(arguments) == 0
    shutil.rmtree(next((results / "artifacts" / "tiny").iterdir()))
    capsys.readouterr()
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "the files of 1 stored cell are gone" in said
    assert "2 cells, 1 stored, 1 to run" in said
    with closing(open_store(results)) as store:
        assert len(store.read("tiny")) == 2


def test_a_store_that_fails_is_told_from_cells_that_fail(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(TINY)
    with closing(sqlite3.connect(results / "mlflow.db")) as db:
        db.execute("create trigger full before insert on tags begin select raise(abort, 'disk is full'); end")
    assert main(["run", str(file), "--no-report", "--results", str(results), "--workers", "1"]) == 3
    said = capsys.readouterr().err
    assert "the store of results or the disk failed: disk is full" in said
    assert "SQL" not in said


def test_a_table_that_is_gone_is_named(results: Path) -> None:
    with closing(sqlite3.connect(results / "mlflow.db")) as db:
        db.execute("drop table latest_metrics")
    with pytest.raises(StoreError, match="latest_metrics is missing in its database"):
        open_store(results)


def test_a_report_of_a_copy_does_not_touch_the_original(store: Store, tmp_path: Path) -> None:
    store.write("demo", FIRST)
    store.close()
    copy = tmp_path / "copy"
    shutil.copytree(store.results, copy)
    before = sorted(store.results.rglob("*"))
    with closing(open_store(copy)) as other:
        other.log_study("demo", 'name = "demo"\n', {})
    assert sorted(store.results.rglob("*")) == before


def test_reading_changes_no_path_under_a_writer(store: Store, tmp_path: Path) -> None:
    """Whoever reads the folder under another name must not send a writer's files there."""
    store.write("demo", FIRST)
    other = tmp_path / "another name"
    other.symlink_to(store.results)
    with closing(open_store(other)) as reader:
        reader.results = other
        reader.settle()  # as `ui` does
        assert len(reader.read("demo")) == 1
    run_id = store.write("demo", SECOND)
    assert str(store.results) in store.client.get_run(run_id).info.artifact_uri


@pytest.mark.parametrize("name", ["exp?1", "s%61me"])
def test_a_folder_that_a_database_cannot_be_in_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="choose another folder"):
        open_store(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["postgresql://u:secret@host:abc/x", "postgresql://u:secret@[::1/x"])
def test_a_malformed_address_is_named_without_its_password(results: Path, uri: str) -> None:
    with pytest.raises(StoreError, match="no address of a store") as said:
        open_store(results, uri)
    assert "secret" not in str(said.value)


@pytest.mark.slow
def test_files_of_a_database_study_follow_the_folder_they_are_in(postgresql: Server, tmp_path: Path) -> None:
    uri = postgresql.new_store()
    with closing(open_store(tmp_path / "a", uri)) as store:
        store.write("demo", FIRST)
    with closing(open_store(tmp_path / "b", uri)) as store:
        store.write("demo", SECOND)  # where the first ones are
        assert len(store.read("demo")) == 2
    assert not (tmp_path / "b" / "artifacts").exists()
    (tmp_path / "a").rename(tmp_path / "c")
    away = pytest.raises(StoreError, match=r"keeps its files in .*/a/artifacts/demo, which is not on this")
    with closing(open_store(tmp_path / "b", uri)) as store, away:
        store.retire_unfinished("demo")
    with closing(open_store(tmp_path / "c", uri)) as store:
        assert len(store.read("demo")) == 2
        assert store.retire_lost("demo") == 0
        store.write("demo", planted("momentum"))
        assert len(store.read("demo")) == 3
    assert not (tmp_path / "a").exists()


@pytest.mark.slow
def test_a_lost_session_is_noticed_before_the_next_cell(postgresql: Server, tmp_path: Path) -> None:
    uri = postgresql.new_store()
    with closing(open_store(tmp_path, uri)) as store:
        store.write("demo", FIRST)
        engine = create_engine(uri, isolation_level="AUTOCOMMIT")
        with engine.connect() as db:
            db.exec_driver_sql(
                "select pg_terminate_backend(pid) from pg_locks join pg_stat_activity using (pid) "
                "where locktype = 'advisory' and datname = current_database()"
            )
        engine.dispose()
        with pytest.raises(StoreError, match="ended the session that kept others from writing"):
            store.write("demo", SECOND)
        assert len(store.finished("demo")) == 1
