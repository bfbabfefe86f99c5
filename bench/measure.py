"""Time the competitors in turns, after seeing that they train the same networks."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.competitors import CORE, Competitor, Prepared
from bench.tasks import Task

SECONDS = 0.4  # each competitor has about this long for a task
REPEATS = (3, 40)
AGREEMENT = 1e-3  # of the loss after the task's updates, relative to the loss before them


@dataclass(frozen=True)
class Result:
    """One competitor on one task.

    best, median: microseconds of processor time for each trial and step, over `repeats` runs; None
        where `note` says why there is no figure.
    """

    competitor: str
    label: str
    network: str
    optimizer: str
    precision: str
    batch: str
    batch_size: int
    trials: int
    stacks: bool
    best: float | None
    median: float | None
    repeats: int
    compile_seconds: float
    note: str = ""


def measure(task: Task, competitors: Sequence[Competitor]) -> list[Result]:
    """The competitors take turns, so that a busy moment of the machine hits all of them alike."""
    ready, notes = _prepare(task, competitors)
    times: dict[str, list[float]] = {name: [] for name in ready}
    began = time.perf_counter()
    low, high = REPEATS
    for repeat in range(high):
        if repeat >= low and time.perf_counter() - began > SECONDS * len(ready):
            break
        for name, prepared in ready.items():
            start = time.process_time()  # of all threads, and not stretched by other processes
            prepared.run()
            times[name].append((time.process_time() - start) * 1e6 / task.steps / prepared.trials)
    return [_result(task, c, ready.get(c.name), times.get(c.name, []), notes) for c in competitors]


def _prepare(task: Task, competitors: Iterable[Competitor]) -> tuple[dict[str, Prepared], dict[str, str]]:
    """Those that can run and have done it once, and why the others cannot."""
    ready: dict[str, Prepared] = {}
    notes: dict[str, str] = {}
    losses: dict[str, float] = {}
    for competitor in competitors:
        if task.optimizer not in competitor.optimizers:
            notes[competitor.name] = f"has no {task.optimizer}"
            continue
        try:
            prepared = competitor.prepare(task)
        except ImportError:
            notes[competitor.name] = f"not installed: {competitor.needs}"
            continue
        prepared.run()
        ready[competitor.name] = prepared
        if prepared.theta is not None:
            losses[competitor.name] = task.loss_of(prepared.theta())
    before = task.loss_of(task.start)
    for name, loss in losses.items():
        if abs(loss - losses[CORE.name]) > AGREEMENT * before:
            notes[name] = f"ends with loss {loss:.6g}, the core with {losses[CORE.name]:.6g}"
            del ready[name]
    return ready, notes


def _result(
    task: Task, competitor: Competitor, prepared: Prepared | None, times: list[float], notes: dict[str, str]
) -> Result:
    return Result(
        competitor.name,
        competitor.label,
        task.network,
        task.optimizer,
        task.precision,
        "full" if task.batch is None else str(task.batch),
        task.size,
        prepared.trials if prepared else task.trials,
        competitor.stacks,
        min(times, default=None),
        statistics.median(times) if times else None,
        len(times),
        prepared.compile_seconds if prepared else 0.0,
        notes.get(competitor.name, ""),
    )
