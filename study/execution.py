"""Cells in parallel: loky processes through joblib, one a core. The only place that knows the engine."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

from study.cells import Cell
from study.results import CellResult
from study.runner import run_cell

RETRIES = 2
"""Times that cells are tried again after a worker process was killed (by the system, for memory)."""


@dataclass(frozen=True)
class Failure:
    """A cell that could not be run, and why."""

    cell: Cell
    error: str


def run_cells(cells: Sequence[Cell], workers: int) -> Iterator[CellResult | Failure]:
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


def _parallel(cells: Sequence[Cell], workers: int) -> Iterator[CellResult | Failure]:
    with parallel_config(backend="loky", n_jobs=workers, inner_max_num_threads=1):
        parallel = Parallel(return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs")
        yield from parallel(delayed(_work)(cell, os.getpid()) for cell in cells)


def _work(cell: Cell, parent: int) -> CellResult | Failure:
    if os.getpid() != parent:
        # Ctrl-C reaches the whole process group; the parent alone decides what it means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return run_cell(cell)
    except Exception:
        return Failure(cell, traceback.format_exc())
