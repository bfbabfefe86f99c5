"""Processes on this machine, for cells and for drawing. The only place that knows loky."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any, TypeVar

from loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError

from overshoot.study.execution.engine import KILLED, ONE_THREAD, RETRIES, Failure, attempt
from overshoot.study.execution.memory import free, refuse_short
from overshoot.study.experiment.cells import Cell
from overshoot.study.phases.results import CellResult

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """The engine of one machine: `workers` processes, which end with the run."""

    workers: int

    def run(self, cells: Sequence[Cell]) -> Generator[CellResult | Failure, None, None]:
        """See `Engine.run`. A cell whose worker was killed is run again, RETRIES times; the others take no
        part in it. EngineError where the cells would not fit into memory."""
        refuse_short(cells, self.workers, free())
        waiting = deque(_Try(cell) for cell in cells)
        lanes = [_Lane() for _ in range(min(self.workers, len(cells)))]
        try:
            while busy := _started(lanes, waiting):
                ended = wait([lane.future for lane in busy if lane.future], return_when=FIRST_COMPLETED).done
                results = [lane.take(waiting) for lane in busy if lane.future in ended]
                _started(lanes, waiting)  # before a result is handed on, which may take a while
                yield from (result for result in results if result is not None)
        finally:
            for lane in lanes:
                lane.end()


@dataclass(frozen=True)
class _Try:
    cell: Cell
    retries: int = RETRIES


class _Lane:
    """One worker, and what it runs. It has an executor of its own: loky ends all workers of an executor when
    one is killed, and would not say whose cell it was."""

    def __init__(self) -> None:
        self.executor: ProcessPoolExecutor | None = None
        self.running: _Try | None = None
        self.future: Future[CellResult | Failure] | None = None

    def start(self, tried: _Try) -> None:
        if self.executor is None:
            self.executor = _executor(1)
        try:
            future = self.executor.submit(attempt, tried.cell)
        except TerminatedWorkerError:  # killed while it had nothing to do
            self.executor = _executor(1)
            future = self.executor.submit(attempt, tried.cell)
        self.running, self.future = tried, future

    def take(self, waiting: deque[_Try]) -> CellResult | Failure | None:
        """The result; None where the worker was killed and the cell waits again."""
        assert self.running is not None
        assert self.future is not None
        tried, future = self.running, self.future
        self.running = self.future = None
        try:
            return future.result()
        except TerminatedWorkerError:
            self.executor = None
            if not tried.retries:
                return Failure(tried.cell, KILLED)
            waiting.appendleft(_Try(tried.cell, tried.retries - 1))
            return None

    def end(self) -> None:
        if self.executor is not None:
            _end(self.executor, [self.future] if self.future else [])


def _started(lanes: Sequence[_Lane], waiting: deque[_Try]) -> list[_Lane]:
    """The lanes at work, once each that was idle has a cell, as long as there are any."""
    for lane in lanes:
        if lane.running is None and waiting:
            lane.start(waiting.popleft())
    return [lane for lane in lanes if lane.running is not None]


class Pool:
    """`workers` processes for tasks of any kind, kept between tasks; with one worker, this process itself."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._executor: ProcessPoolExecutor | None = None
        self._futures: list[Future[Any]] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        if self._executor is not None:
            for future in self._futures:
                future.cancel()
            _end(self._executor, self._futures)

    def start(self, tasks: Sequence[Callable[[], T]]) -> Callable[[], list[T]]:
        """Begin with the tasks; what is returned waits for their results and gives them in the tasks' order.

        An error of a task is raised there. Tasks whose worker was killed are tried again, RETRIES times; then
        it is loky's TerminatedWorkerError.
        """
        if self.workers == 1:
            return lambda: [task() for task in tasks]
        futures = [self._submit(task) for task in tasks]
        return lambda: self._results(tasks, futures, RETRIES)

    def _results(self, tasks: Sequence[Callable[[], T]], futures: list[Future[T]], retries: int) -> list[T]:
        try:
            return [future.result() for future in futures]
        except TerminatedWorkerError:
            if not retries:
                raise
        wait(futures)
        again = [
            self._submit(task) if future.exception() else future
            for task, future in zip(tasks, futures, strict=True)
        ]
        return self._results(tasks, again, retries - 1)

    def _submit(self, task: Callable[[], T]) -> Future[T]:
        if self._executor is None:
            self._executor = _executor(self.workers)
        try:
            future: Future[T] = self._executor.submit(task)
        except TerminatedWorkerError:  # a worker was killed before, and with it this executor
            self._executor = _executor(self.workers)
            future = self._executor.submit(task)
        self._futures.append(future)
        return future


def _executor(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, initializer=_prepare_worker, initargs=(os.getpid(),), env=ONE_THREAD)


def _end(executor: ProcessPoolExecutor, running: Collection[Future[Any]]) -> None:
    # A shutdown prints a traceback of loky's own when it finds a task that no queue has taken yet.
    while not all(future.running() or future.done() for future in running):
        wait(running, timeout=0.01)
    executor.shutdown(wait=True, kill_workers=True)


def _prepare_worker(parent: int) -> None:
    """Ctrl-C reaches the whole process group; the parent alone decides what it means. A worker whose
    parent was killed ends at once: nobody would store its results."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
