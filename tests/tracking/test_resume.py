"""A writer killed at any moment, and two writers at once."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from overshoot.study.tracking import Store, StoreError, open_store
from overshoot.study.tracking.writers import ClientWriter
from tests.tracking.database import active_runs, query
from tests.tracking.planted_results import planted
from tests.tracking.serving import environment

ROOT = Path(__file__).parents[2]
FIRST, SECOND = planted("sgd"), planted("adam")

KILLED = """
# For each folder: a child writes a cell, and a second one until it kills itself in front of its n-th
# statement (sys.argv[1] says through which writer). Prints in which folders the second was finished.
import os, signal, sys
from pathlib import Path
import mlflow.store.tracking.sqlalchemy_store  # once, before the children
from sqlalchemy import event
from sqlalchemy.engine import Engine
from overshoot.study.tracking import open_store
from overshoot.study.tracking.writers import ClientWriter
from tests.tracking.planted_results import planted

def write(folder, n):
    store = open_store(folder)
    if sys.argv[1] == "client":
        store.writer = ClientWriter(store.client)
    store.write("demo", planted("sgd"))
    left = [n]
    def count(*_):
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
    event.listen(Engine, "before_cursor_execute", count)
    event.listen(Engine, "commit", count)
    store.write("demo", planted("adam"))

for name in sys.argv[2:]:
    child = os.fork()
    if child == 0:
        write(Path(name), int(Path(name).name))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(name if status == 0 else "", os.WTERMSIG(status))
"""


def python(*arguments: str) -> list[str]:
    return [sys.executable, "-c", *arguments]


def whole(store: Store) -> list[tuple[str, str, str]]:
    """The runs of a store in which both cells were written, once."""
    for result in (FIRST, SECOND):
        store.write("demo", result)
    return active_runs(store.results)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("through", "moments"), [("sql", range(0, 34, 2)), ("client", (0, 3, 10, 40, 100, 200, 400))]
)
def test_a_kill_at_any_moment_leaves_nothing_that_is_not_retired(
    store: Store, empty_database: Path, tmp_path: Path, through: str, moments: range
) -> None:
    expected = whole(store)
    folders = [tmp_path / through / str(n) for n in moments]
    for folder in folders:
        folder.mkdir(parents=True)
        shutil.copy(empty_database, folder / "mlflow.db")
    done = subprocess.run(
        python(KILLED, through, *map(str, folders)),
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    killed = sum(line.split()[-1] == str(int(signal.SIGKILL)) for line in done.stdout.splitlines())
    assert 6 <= killed < len(folders), "the moments do not reach from the first statement to past the last"
    for folder in folders:
        with closing(open_store(folder)) as again:
            stored = again.finished("demo")
            finished = [r for r in active_runs(folder) if r[2] == "FINISHED"]
            if through == "sql":  # a cell and its trials are finished in one transaction, or not at all
                assert len(finished) in (8, 16)
            retired = again.retire_unfinished("demo")
            assert again.finished("demo") == stored
            assert all(status == "FINISHED" for *_, status in active_runs(folder))
            assert len(active_runs(folder)) == 8 * len(stored)
            assert FIRST.cell.key in stored
            assert retired <= 2 - len(stored)
            if SECOND.cell.key not in stored:
                again.write("demo", SECOND)
            assert active_runs(folder) == expected
            assert {cell.key for cell in again.read("demo")} == {FIRST.cell.key, SECOND.cell.key}


@pytest.mark.parametrize("through", ["sql", "client"])
def test_what_an_error_left_is_retired(
    any_store: Store, monkeypatch: pytest.MonkeyPatch, through: str
) -> None:
    store = any_store
    if through == "client":
        store.writer = ClientWriter(store.client)
    store.write("demo", FIRST)

    def full(*_: object) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as broken:
        broken.setattr("overshoot.study.tracking.artifacts.save", full)
        with pytest.raises(OSError, match="no space"):
            store.write("demo", SECOND)
    assert store.finished("demo").keys() == {FIRST.cell.key}
    assert store.retire_unfinished("demo") == 1
    assert store.retire_unfinished("demo") == 0
    assert len(active_runs(store.engine)) == 8
    [(deleted,)] = query(store.engine, "select count(*) from runs where lifecycle_stage = 'deleted'")
    assert deleted == 8


def test_a_stray_attempt_at_a_finished_cell_takes_no_finished_trial_with_it(store: Store) -> None:
    store.write("demo", FIRST)
    cells = store.studies()[0].experiments["cells"]
    store.client.create_run(cells, tags={"kind": "cell", "key": FIRST.cell.key, "dataset": "iris"})
    assert store.retire_unfinished("demo") == 1
    assert len(active_runs(store.results)) == 8


def test_retiring_in_an_empty_store_does_nothing(store: Store) -> None:
    assert store.retire_unfinished("demo") == 0
    assert active_runs(store.results) == []


WRITER = """
import sys, time
from pathlib import Path
from overshoot.study.tracking import open_store
store = open_store(Path(sys.argv[1]), sys.argv[2])
store.retire_unfinished("demo")
print("ready", flush=True)
time.sleep(600)
"""


def test_a_second_writer_is_refused_until_the_first_is_gone(database: str, results: Path) -> None:
    """Wherever either has its results: the lock belongs to the database."""
    with closing(open_store(results / "elsewhere", database)) as store:
        with subprocess.Popen(
            python(WRITER, str(results), database), env=environment(), stdout=subprocess.PIPE, text=True
        ) as first:
            try:
                assert first.stdout is not None
                assert first.stdout.readline() == "ready\n"
                for refused in (lambda: store.write("demo", FIRST), lambda: store.retire_unfinished("demo")):
                    with pytest.raises(StoreError, match=rf"'demo' is being written .*pid {first.pid}\b"):
                        refused()
                assert store.read("demo") == []  # reading is free
                store.write("another", FIRST)  # and so are other studies
            finally:
                first.kill()
        end = time.monotonic() + 30
        while True:  # the system may take a moment to clear up after the process
            try:
                store.write("demo", FIRST)
                break
            except StoreError:
                assert time.monotonic() < end
                time.sleep(0.05)
        assert len(store.finished("demo")) == 1
