"""Cells in parallel: joblib's loky processes, one a core. The only place that knows the engine."""

from __future__ import annotations

import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from joblib.externals.loky.process_executor import ProcessPoolExecutor, TerminatedWorkerError

from study.experiment.cells import Cell
from study.phases.cell import run_cell
from study.phases.results import CellResult

RETRIES = 2
"""Times that cells are tried again after a worker process was killed (by the system, for memory)."""
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")}


@dataclass(frozen=True)
class Failure:
    """A cell that could not be run, and why."""

    cell: Cell
    error: str


def run_cells(cells: Sequence[Cell], workers: int) -> Generator[CellResult | Failure, None, None]:
    """Run the cells on `workers` processes and yield each result as soon as it is there.

    An error in one cell is yielded as its Failure and the others go on. When a worker is killed, the
    cells that are not finished are run again on new workers, RETRIES times without any progress.
    Closing the generator ends the workers.
    """
    todo, patience = {cell.key: cell for cell in cells}, RETRIES
    while todo:
        try:
            for result in _parallel(list(todo.values()), workers):
                del todo[result.cell.key]
                patience = RETRIES
                yield result
        except TerminatedWorkerError:
            patience -= 1
            if patience < 0:
                yield from (
                    Failure(cell, "its worker process was killed each time") for cell in todo.values()
                )
                return


def _parallel(cells: Sequence[Cell], workers: int) -> Generator[CellResult | Failure, None, None]:
    # The executor itself and not joblib.Parallel, which on an interruption prints the tracebacks of
    # its own callbacks and leaves the running tasks to their end.
    executor = ProcessPoolExecutor(
        workers, initializer=_prepare_worker, initargs=(os.getpid(),), env=ONE_THREAD
    )
    waiting = deque(cells)
    running: set[Future[CellResult | Failure]] = set()
    try:
        while waiting or running:
            # One more than there are workers, so that none goes idle while a result is stored.
            while waiting and len(running) <= workers:
                running.add(executor.submit(_work, waiting.popleft()))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    finally:
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


def _work(cell: Cell) -> CellResult | Failure:
    try:
        return run_cell(cell)
    except Exception:
        return Failure(cell, traceback.format_exc())
