"""Files that are gone or damaged, places that are out of reach, and a lock that was lost."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import create_engine
from sqlalchemy.exc import InvalidRequestError, OperationalError, ProgrammingError

from overshoot.study.cli import main
from overshoot.study.tracking import Store, StoreError, open_store
from overshoot.study.tracking.artifacts import CURVES, SUMMARY
from overshoot.study.tracking.errors import failure
from tests.tracking.database import active_runs
from tests.tracking.planted_results import planted
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
    with pytest.raises(StoreError, match=r"train(ed again|s the cell anew)"):
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
    with pytest.raises(StoreError, match=rf"{run_id}/artifacts/{name}: .* is damaged"):
        store.read("demo")


def test_where_all_files_are_gone_nothing_is_retired(store: Store) -> None:
    store.write("demo", FIRST)
    shutil.rmtree(store.results / "artifacts")
    with pytest.raises(StoreError, match=r"artifacts/demo holds none of the files .*bring them back"):
        store.retire_lost("demo")
    assert len(store.finished("demo")) == 1


def test_a_study_that_lost_a_cell_is_whole_after_the_next_run(
    tmp_path: Path, results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "tiny.toml"
    file.write_text(TINY)
    arguments = ["run", str(file), "--no-report", "--results", str(results), "--workers", "1"]
    assert main(arguments) == 0
    shutil.rmtree(next((results / "artifacts" / "tiny").glob(f"*/artifacts/{CURVES}")).parents[1])
    capsys.readouterr()
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "1 stored cell lost files" in said
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
    with pytest.raises(StoreError, match="no table latest_metrics"):
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


def test_who_reads_leaves_the_paths_of_a_writer_alone(store: Store, tmp_path: Path) -> None:
    """`settle`, as `ui` calls it, waits until nobody writes the study."""
    address = str(store.engine.url) if store.engine else ""
    store.write("demo", FIRST)
    other = tmp_path / "other"
    shutil.copytree(store.results / "artifacts", other / "artifacts")

    def place() -> str:
        experiment = store.client.get_experiment_by_name("demo/cells")
        assert experiment is not None
        return str(experiment.artifact_location)

    mine = place()
    (store.results / "artifacts").rename(tmp_path / "away")  # so that only the other folder has them
    with closing(open_store(other, address)) as reader:
        reader.settle()
        assert place() == mine
        assert len(reader.read("demo")) == 1
        store.close()
        reader.settle()
        assert place() == (other / "artifacts" / "demo").as_uri()


def test_a_folder_of_that_name_is_not_yet_the_studys(store: Store, tmp_path: Path) -> None:
    """Another machine may have a study of the same name, or the disk with the files may not be there."""
    address = str(store.engine.url) if store.engine else ""
    store.write("demo", FIRST)
    (tmp_path / "other" / "artifacts" / "demo").mkdir(parents=True)
    (store.results / "artifacts").rename(tmp_path / "away")
    store.close()
    for _ in range(2):  # the second time as well
        with closing(open_store(tmp_path / "other", address)) as other:
            with pytest.raises(StoreError, match=r"keeps its files in .*, which is not on this machine"):
                other.write("demo", SECOND)
            with pytest.raises(StoreError, match=r"keeps its files in .*, which is not on this machine"):
                other.retire_lost("demo")
    (store.results / "artifacts" / "demo").mkdir(parents=True)  # as an empty mount point is
    with closing(open_store(store.results)) as again:
        with pytest.raises(StoreError, match="holds none of the files of study 'demo'"):
            again.retire_lost("demo")
        assert len(again.finished("demo")) == 1


def test_names_that_differ_in_capitals_are_two_studies(store: Store) -> None:
    store.write("Demo", FIRST)
    store.write("demo", SECOND)
    store.close()
    with closing(open_store(store.results)) as again:
        again.write("demo", FIRST)
        assert len(again.read("Demo")) == 1
        assert len(again.read("demo")) == 2
        experiment = again.client.get_experiment_by_name("Demo/cells")
        assert experiment is not None
        assert str(experiment.artifact_location).endswith("/artifacts/Demo")


@pytest.mark.parametrize("name", ["exp?1", "s%61me"])
def test_a_folder_that_a_database_cannot_be_in_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="choose another folder"):
        open_store(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://u:secret@host:abc/x",
        "postgresql://u:secret@[::1/x",
        "postgres://u:secret@host/db",
        "postgresql://u:se/secret@host/db",
        "postgresql://localhost:1/db?user=u&password=secret",
        "http://u:secret@localhost:1",
        "https://secret@localhost:1",
        "https://localhost:1/?access_token=secret&x=1",
        "postgres://host/db?SSLKEY=secret",
        "postgres://host/db?sig=secret",
    ],
)
def test_an_address_is_shown_without_its_password(results: Path, uri: str) -> None:
    with pytest.raises(
        StoreError, match=r"expected the address of a store|that starts with one of|cannot be opened"
    ) as said:
        open_store(results, uri)
    assert "secret" not in str(said.value)


@pytest.mark.slow
def test_files_of_a_database_study_follow_the_folder_they_are_in(postgresql: Server, tmp_path: Path) -> None:
    uri = postgresql.new_store()
    with closing(open_store(tmp_path / "a", uri)) as store:
        store.write("demo", FIRST)
    beside = pytest.raises(StoreError, match=r"keeps its files in .*: go on with --results .*/a")
    with closing(open_store(tmp_path / "b", uri)) as store, beside:
        store.write("demo", SECOND)
    with closing(open_store(tmp_path / "a", uri)) as store:
        store.write("demo", SECOND)
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


@pytest.mark.parametrize(
    ("error", "theirs"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (PermissionError(errno.EACCES, "Permission denied"), True),
        (OperationalError("insert", {}, Exception("server closed the connection")), True),
        (MlflowException("the server is gone"), True),
        (FileNotFoundError(errno.ENOENT, "no such template"), False),
        (ProgrammingError("selekt", {}, Exception("syntax error")), False),
        (InvalidRequestError("the program's own"), False),
        (MlflowException.invalid_parameter_value("the program's own"), False),
        (ValueError("the program's own"), False),
    ],
)
def test_only_failures_of_the_store_or_the_disk_are_told_as_such(error: Exception, theirs: bool) -> None:
    assert (failure(error) is not None) == theirs
