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
        """See `Engine.run`. When a worker is killed, the cells that are not finished are run again on new
        workers, RETRIES times without any progress. EngineError where they would not fit into memory."""
        refuse_short(cells, self.workers, free())
        todo, patience = {cell.key: cell for cell in cells}, RETRIES
        while todo:
            try:
                for result in self._once(list(todo.values())):
                    del todo[result.cell.key]
                    patience = RETRIES
                    yield result
            except TerminatedWorkerError:
                patience -= 1
                if patience < 0:
                    yield from (Failure(cell, KILLED) for cell in todo.values())
                    return

    def _once(self, cells: Sequence[Cell]) -> Generator[CellResult | Failure, None, None]:
        waiting = deque(cells)
        running: set[Future[CellResult | Failure]] = set()
        executor = _executor(self.workers)
        try:
            while waiting or running:
                # One more than there are workers, so that none goes idle while a result is stored.
                while waiting and len(running) <= self.workers:
                    running.add(executor.submit(attempt, waiting.popleft()))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            _end(executor, running)


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
