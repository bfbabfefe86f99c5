"""The engine: killed workers, interruptions, resuming. Real processes, really killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from overshoot.study.execution.engine import Failure
from overshoot.study.execution.processes import Pool, Processes
from overshoot.study.experiment.cells import Choice
from overshoot.study.phases.results import CellResult
from overshoot.study.problems import plugins
from overshoot.study.spec import load
from overshoot.study.tracking import StoredCell, open_store
from tests.builders import cell

EXPERIMENT = """
name = "interrupted"
optimizers = ["sgd", "adam"]
batches = ["full", 1]
[budget]
examples = 4000
epochs = 12
evaluations = 12
[sweep]
replicates = 1
[limit]
[search]
trials = 4
[confirm]
replicates = 2
[networks.net]
hidden = [8]
[[problems]]
datasets = ["iris", "moons"]
network = "net"
"""


def children(pid: int) -> list[int]:
    """Process ids of all descendants."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue  # it ended while we looked
            if int(stat[1]) == pid:
                found += [int(entry.name), *children(int(entry.name))]
    return found


def is_worker(pid: int) -> bool:
    try:
        return b"popen_loky" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def test_a_killed_worker_costs_nothing_but_time() -> None:
    cells = [cell(optimizer=o, batch=1) for o in ("sgd", "momentum", "nesterov", "adam")]
    results = Processes(2).run(cells)
    done = [next(results)]
    os.kill(next(pid for pid in children(os.getpid()) if is_worker(pid)), signal.SIGKILL)
    done += list(results)
    assert all(isinstance(r, CellResult) for r in done)
    assert {r.cell.key for r in done} == {c.key for c in cells}
    assert len(done) == len(cells)


DEADLY = """
import os, signal
from overshoot.core.schedules import Schedule, register


@register("deadly", label="deadly")
class Deadly(Schedule):
    def factor(self, progress):
        open({file!r}, "a").write("x")
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_cell_that_kills_its_worker_takes_no_other_along(tmp_path: Path) -> None:
    file = tmp_path / "deadly.py"
    file.write_text(DEADLY.format(file=str(tmp_path / "deaths")))
    deadly = replace(cell(), schedule=Choice("deadly"), plugins=(plugins.load(file),))
    try:
        results = list(Processes(2).run([deadly, *(cell(optimizer=o) for o in ("sgd", "adam", "lion"))]))
    finally:
        plugins._forget(deadly.plugins[0])
    assert [r.cell for r in results if isinstance(r, Failure)] == [deadly]
    assert len([r for r in results if isinstance(r, CellResult)]) == 3
    assert (tmp_path / "deaths").read_text() == "xxx"


def the_process() -> int:
    return os.getpid()


def killed_once(file: Path) -> str:
    if not file.exists():
        file.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "drawn"


def test_a_task_whose_worker_is_killed_is_tried_again(tmp_path: Path) -> None:
    with Pool(2) as pool:
        first = pool.start([partial(killed_once, tmp_path / name) for name in "ab"] + [partial(str, "c")])
        assert first() == ["drawn", "drawn", "c"]
        worker = pool.start([the_process])()[0]
        os.kill(worker, signal.SIGKILL)
        assert pool.start([partial(str, i) for i in range(4)])() == ["0", "1", "2", "3"]
        with pytest.raises(ZeroDivisionError):
            pool.start([partial(divmod, 1, 0)])()


def test_a_task_that_always_kills_its_worker_is_given_up() -> None:
    with Pool(2) as pool, pytest.raises(RuntimeError, match="worker"):
        pool.start([partial(signal.raise_signal, signal.SIGKILL)])()


def study(folder: Path, *more: str) -> subprocess.Popen[str]:
    file = folder / "experiment.toml"
    file.write_text(EXPERIMENT)
    return subprocess.Popen(
        [sys.executable, "-m", "study", "run", str(file), "--results", str(folder / "results"), *more],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a process group of its own, as a terminal gives it
        env={k: v for k, v in os.environ.items() if k != "MLFLOW_TRACKING_URI"},
    )


def wait_until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def wait_for_a_cell(folder: Path, process: subprocess.Popen[str]) -> None:
    artifacts = folder / "results" / "artifacts"
    wait_until(lambda: process.poll() is not None or list(artifacts.rglob("curves.parquet")))
    assert process.poll() is None, process.communicate()


def stored(folder: Path) -> dict[str, StoredCell]:
    return {c.key: c for c in open_store(folder / "results").read("interrupted")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a study that nobody stopped."""
    folder = tmp_path_factory.mktemp("undisturbed")
    assert study(folder, "--no-report").communicate(timeout=300)[1] == ""
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_study_that_was_stopped_continues_and_ends_with_the_same_results(
    tmp_path: Path, undisturbed: Path, how: signal.Signals
) -> None:
    process = study(tmp_path, "--no-report")
    wait_for_a_cell(tmp_path, process)
    below = children(process.pid)
    os.killpg(process.pid, how) if how == signal.SIGINT else process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    if how != signal.SIGKILL:
        assert process.returncode == 130
        assert errors.startswith("stopped: what was finished is stored")
        assert "Traceback" not in errors
    wait_until(lambda: not [pid for pid in below if is_worker(pid)])
    assert study(tmp_path, "--no-report").communicate(timeout=300)[1] == ""
    one, other = stored(tmp_path), stored(undisturbed)
    assert set(one) == set(other) == {c.key for c in load(tmp_path / "experiment.toml").cells}
    for key, cell_stored in one.items():
        columns = [c for c in cell_stored.trials.columns if c != "run_id"]
        assert cell_stored.trials[columns].equals(other[key].trials[columns])
        assert cell_stored.curves.equals(other[key].curves)
    assert "0 to run" in study(tmp_path, "--no-report").communicate(timeout=120)[0]
