"""The whole road for one experiment: cells that are missing, the store, the report."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from overshoot.study.execution.compiling import compile_for
from overshoot.study.execution.cost import cost
from overshoot.study.execution.engine import Engine, Failure
from overshoot.study.execution.garbage import collecting_rarely
from overshoot.study.execution.progress import Display
from overshoot.study.findings.run_pages import run_pages
from overshoot.study.numbers import plural
from overshoot.study.phases.results import CellResult
from overshoot.study.spec import Experiment, Outline
from overshoot.study.tracking import Store, StoreError
from overshoot.study.tracking.lock import one_at_a_time

if TYPE_CHECKING:
    from overshoot.study.analysis import Study

WAITING = 16
"""Results that may wait to be stored."""


@dataclass
class Account:
    """Where the time of one run went, and what was done in it.

    stages: seconds of this process; results are written while the workers train on, so "tracking"
        lies within "training" for the most part.
    phases: seconds of all workers together.
    """

    started: float = field(default_factory=time.perf_counter)
    stages: dict[str, float] = field(default_factory=dict)
    phases: dict[str, float] = field(default_factory=dict)
    cells: int = 0
    trials: int = 0
    updates: int = 0
    failures: list[Failure] = field(default_factory=list)

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        start = time.perf_counter()
        try:
            yield
        finally:
            _add(self.stages, stage, time.perf_counter() - start)

    def add(self, result: CellResult) -> None:
        self.cells += 1
        self.trials += len(result.trials)
        self.updates += result.summary.counts.updates_total
        for name, seconds in result.summary.seconds.items():
            _add(self.phases, name, seconds)

    def lines(self) -> list[str]:
        """The account, one line per aspect."""
        wall = time.perf_counter() - self.started
        shares = [f"{name} {s:.1f} s ({s / wall:.0%})" for name, s in self.stages.items()]
        lines = [
            f"{plural(self.cells, 'cell')}, {self.trials:,} trials, {self.updates:,} updates in {wall:.1f} s"
        ]
        if shares:
            lines.append(f"by stage: {', '.join(shares)}; tracking overlaps training")
        if self.phases:
            phases = [f"{name} {s:.1f} s" for name, s in self.phases.items()]
            lines.append(f"worker time by phase: {', '.join(phases)}")
        return lines


def _add(totals: dict[str, float], name: str, seconds: float) -> None:
    totals[name] = totals.get(name, 0.0) + seconds


def train_missing(
    experiment: Experiment, store: Store, engine: Engine, console: Console, account: Account
) -> None:
    """Run the cells that the store does not have, storing each as soon as it is finished.

    KeyboardInterrupt ends the workers and passes on; what was finished is stored.
    """
    store.retire_unfinished(experiment.name)
    keys = [cell.key for cell in experiment.cells]
    if lost := store.retire_lost(experiment.name, keys):
        console.print(f"{plural(lost, 'stored cell')} lost files, and will be trained again")
    finished = store.finished(experiment.name, keys)
    missing = [cell for cell in experiment.cells if cell.key not in finished]
    cells = plural(len(experiment.cells), "cell")
    console.print(f"{experiment.name}: {cells}, {len(finished)} stored, {len(missing)} to run")
    if not missing:
        return
    work = {cell.key: cost(cell).seconds for cell in missing}
    compile_for(missing, console)
    missing.sort(key=lambda cell: -work[cell.key])  # the long ones first: no core waits at the end
    with (
        account.time("training"),
        Display(console, len(missing), sum(work.values())) as display,
        _Behind(partial(_write, store, experiment.name, account)) as behind,
        closing(engine.run(missing)) as results,
    ):
        for result in results:
            if isinstance(result, Failure):
                account.failures.append(result)
                console.print(f"failed: {result.cell.label}", style="red")
            else:
                behind.write(result)
                account.add(result)
            display.finished(result if isinstance(result, CellResult) else None, work[result.cell.key])
    with account.time("tracking"):
        store.finish()


def _write(store: Store, study: str, account: Account, result: CellResult) -> None:
    with account.time("tracking"):
        store.write(study, result, pages=run_pages(result.cell, result.trials, result.summary))


class _Behind:
    """Stores results in a thread of its own, in order, so that training goes on while a server is slow.

    An error is raised by the next `write`, or at the end. After an error or an interruption what is under way
    is brought to its end, and nothing more.
    """

    def __init__(self, store: Callable[[CellResult], None]) -> None:
        self.store = store
        self.pending: deque[Future[None]] = deque()
        self.thread = ThreadPoolExecutor(1)

    def __enter__(self) -> _Behind:
        return self

    def write(self, result: CellResult) -> None:
        """Wait where WAITING results are not stored yet: they take memory."""
        self.pending.append(self.thread.submit(self.store, result))
        while self.pending and (self.pending[0].done() or len(self.pending) > WAITING):
            self.pending.popleft().result()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for future in self.pending:
                future.result()
        self.thread.shutdown(cancel_futures=True)


def write_report(
    study: Outline,
    store: Store,
    folder: Path,
    workers: int,
    account: Account,
    facts: dict[str, str],
) -> Path:
    """Render what the store holds of a study into `folder`, and log the report to the store; neither where
    the report that is there would come out the same.

    facts: what the study was run with, names and values.
    """
    from overshoot.study.report import unchanged

    lock = folder.parent / f".{study.name}.report.lock"
    with account.time("reporting"), collecting_rarely(), one_at_a_time(lock):
        drawings = folder.parent / "drawings" / study.name
        order = {key: i for i, key in enumerate(study.keys)}
        source = unchanged.made_from(study.title, store.stamps(study.name, order), facts)
        record = drawings / "report.json"
        if not unchanged.is_made(record, source, folder):
            from overshoot.study.report import rendering  # its libraries take a second to import

            with rendering.prepared(workers) as pool:
                content = _gathered(study.name, store, order)
                rendering.render(study.name, study.title, content, facts, folder, pool, drawings=drawings)
            unchanged.keep(record, source, folder)
    with account.time("tracking"):
        store.log_study(study.name, study.text, facts, folder, study.keys)
    return folder / unchanged.FILES[-1]


def _gathered(name: str, store: Store, order: Mapping[str, int]) -> Study:
    """The finished cells of a study in this order, as its tables. The cells themselves, whose many small
    tables take as much memory again, are let go."""
    from overshoot.study.analysis import gather

    cells = sorted(store.read(name, order), key=lambda stored: order[stored.key])
    if not cells:
        raise StoreError(_nothing_stored(name, store))
    return gather(cells)


def _nothing_stored(name: str, store: Store) -> str:
    others = len(store.finished(name))
    if not others:
        return f"the store holds no finished cell of {name!r}: run the experiment first"
    return (
        f"the store holds {plural(others, 'cell')} of {name!r}, but none of those that its file "
        "asks for now: the file has changed, or this version of the program stores cells in another format; "
        "run the experiment again"
    )
