"""How a study scales: python -m bench.scaling RESULTS

The cells of a stored study give what matters: how long each trained, how large its result is, and how long
it takes here to unpack and to store it. With these a run on W workers is simulated, event by event: workers
train chunks of cells, the one writer unpacks and stores what arrives, and sends the next chunks. `--check`
runs the same cells on a real Dask cluster of this machine, whose workers sleep for the cells' times.
"""

from __future__ import annotations

import argparse
import heapq
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from overshoot.study.execution.cluster import CHUNK_SECONDS, WINDOW, Cluster
from overshoot.study.execution.engine import Failure
from overshoot.study.execution.packing import pack, unpack
from overshoot.study.experiment.cells import restore
from overshoot.study.phases.results import CellResult
from overshoot.study.tracking import Store, StoredCell, open_store

TASK_SECONDS = 1e-3
"""What Dask takes for one task, in the scheduler and in the client together (measured with empty tasks)."""

SAMPLE = 24
"""Cells that are unpacked and stored once more, to measure what that takes."""


@dataclass(frozen=True)
class Costs:
    """Of each cell of a study. train: (n,) seconds on a worker. size: (n,) bytes of its result. unpack,
    store: seconds of the writer for a cell, medians."""

    train: np.ndarray
    size: np.ndarray
    unpack: float
    store: float


@dataclass(frozen=True)
class SimulatedRun:
    """A simulated run. makespan: its seconds. efficiency: training time over makespan times workers. writer:
    the share of the makespan in which the writer was busy."""

    makespan: float
    efficiency: float
    writer: float


def simulate(train: np.ndarray, writer: float, workers: int) -> SimulatedRun:
    """Cells of these training times (n,), the longest first, on `workers` workers and one writer, which takes
    `writer` seconds for each cell, and TASK_SECONDS for each chunk."""
    waiting = deque(_chunks(np.sort(train)[::-1], workers))
    free = [0.0] * workers
    done: list[tuple[float, int]] = []
    now = busy = 0.0
    under_way = 0
    while waiting or done:
        while waiting and under_way < WINDOW * workers:
            chunk = waiting.popleft()
            now, busy = now + TASK_SECONDS, busy + TASK_SECONDS
            end = max(now, heapq.heappop(free)) + float(chunk.sum())
            heapq.heappush(free, end)
            heapq.heappush(done, (end, len(chunk)))
            under_way += 1
        ready, cells = heapq.heappop(done)
        under_way -= 1
        now = max(now, ready) + cells * writer
        busy += cells * writer
    return SimulatedRun(now, float(train.sum()) / (now * workers), busy / now)


def _chunks(train: np.ndarray, workers: int) -> list[np.ndarray]:
    """As `study.execution.cluster.chunks` makes them, if its estimates are right."""
    most = min(CHUNK_SECONDS, float(train.sum()) / (WINDOW * workers))
    cuts, filled = [], 0.0
    for i, seconds in enumerate(train):
        if i and filled + seconds > most:
            cuts.append(i)
            filled = 0.0
        filled += seconds
    return np.split(train, cuts)


def measure(store: Store) -> Costs:
    """The costs of the cells of the store's studies."""
    cells = [cell for study in store.studies() for cell in store.read(study.name)]
    if not cells:
        sys.exit("the store has no finished cell")
    results = [_result(store, cell) for cell in cells]
    sizes = [len(pack([result])) for result in results]
    chosen = results[:: max(1, len(results) // SAMPLE)]
    unpacking, storing = [], []
    with tempfile.TemporaryDirectory() as folder, closing(_empty(Path(folder))) as other:
        other.write("warm", chosen[0])  # makes the experiments, and imports
        for result in chosen:
            packed = pack([result])
            unpacking.append(_seconds(partial(unpack, [result.cell], packed)))
            storing.append(_seconds(partial(other.write, "again", result)))
    train = np.array([sum(cell.summary.seconds.values()) for cell in cells])
    return Costs(train, np.array(sizes), float(np.median(unpacking)), float(np.median(storing)))


def _empty(folder: Path) -> Store:
    return open_store(folder, f"sqlite:///{folder / 'mlflow.db'}")


def _result(store: Store, cell: StoredCell) -> CellResult:
    trials = cell.trials.drop(columns="run_id")
    return CellResult(cell.cell, trials, cell.curves, store.states(cell.run_id), cell.summary)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def asleep(folder: Path, definitions: Sequence[str]) -> bytes:
    """What a worker does in a check: it sleeps for the cells' times, and sends the results that it finds."""
    results: list[CellResult | Failure] = []
    for text in definitions:
        cell = restore(text)
        seconds, packed = (folder / cell.key).read_bytes().split(b"\n", 1)
        time.sleep(float(seconds))
        results += unpack([cell], packed)
    return pack(results)


def check(store: Store, workers: Sequence[int], faster: float) -> list[tuple[int, float, float]]:
    """For each number of workers: the seconds of a real run with sleeping workers, and those simulated with
    what the writer took in that very run. faster: by which the cells' times are divided."""
    cells = [cell for study in store.studies() for cell in store.read(study.name)]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for cell in cells:
            seconds = sum(cell.summary.seconds.values()) / faster
            packed = pack([_result(store, cell)])
            (Path(folder) / cell.cell.key).write_bytes(b"%f\n" % seconds + packed)
        for number in workers:
            real, writing = _run(cells, Path(folder), number)
            train = np.array([sum(cell.summary.seconds.values()) for cell in cells]) / faster
            found.append((number, real, simulate(train, writing / len(cells), number).makespan))
    return found


def _run(cells: Sequence[StoredCell], folder: Path, workers: int) -> tuple[float, float]:
    """Seconds from the first task to the last cell stored, and those of them in which the writer worked."""
    order = sorted(cells, key=lambda cell: -sum(cell.summary.seconds.values()))
    engine = Cluster(None, workers, partial(asleep, folder))
    writing = 0.0
    with (
        tempfile.TemporaryDirectory() as made,
        closing(_empty(Path(made))) as other,
        engine.started() as run,
    ):
        start = time.perf_counter()
        for result in run([cell.cell for cell in order]):
            assert isinstance(result, CellResult), result
            writing += _seconds(partial(other.write, "check", result))
        return time.perf_counter() - start, writing


def table(costs: Costs, cells: int) -> list[str]:
    """Lines of a Markdown table: a study of so many cells like these on more and more workers."""
    train = np.random.default_rng(0).choice(costs.train, cells)
    lines = ["| workers | hours | efficiency | writer busy |", "| ---: | ---: | ---: | ---: |"]
    for workers in (1, 2, 4, 10, 30, 100, 300, 1000):
        run = simulate(train, costs.unpack + costs.store, workers)
        lines.append(f"| {workers:,} | {run.makespan / 3600:.2f} | {run.efficiency:.0%} | {run.writer:.0%} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.scaling", description=__doc__)
    parser.add_argument("results", type=Path, help="the results folder of a study that was run here")
    parser.add_argument("--cells", type=int, default=100_000, help="of the simulated study")
    parser.add_argument("--check", type=int, nargs="*", default=[], metavar="W", help="numbers of workers")
    parser.add_argument("--faster", type=float, default=1.0, help="divides the times that workers sleep")
    options = parser.parse_args()
    with closing(open_store(options.results, reading=True)) as store:
        costs = measure(store)
        print(
            f"{len(costs.train)} cells: training {np.median(costs.train):.2f} s in the median, "
            f"{costs.train.mean():.2f} s in the mean, {costs.train.max():.2f} s at the most; result "
            f"{np.mean(costs.size) / 1e3:.0f} kB; unpacking {1e3 * costs.unpack:.0f} ms, "
            f"storing {1e3 * costs.store:.0f} ms"
        )
        print("\n".join(table(costs, options.cells)))
        for number, real, simulated in check(store, options.check, options.faster):
            share = simulated / real
            print(f"{number} sleeping workers: {real:.1f} s, simulated {simulated:.1f} s ({share:.2f})")


if __name__ == "__main__":
    main()
