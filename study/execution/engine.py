"""What an engine is: something that runs cells and gives back each result as soon as it is there."""

from __future__ import annotations

import traceback
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

from overshoot.study.experiment.cells import Cell
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.results import CellResult

RETRIES = 2
"""Times that work is tried again, without any progress, after its worker was killed (by the system, for
memory, or at the end of its time)."""

ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "BLIS", "VECLIB_MAXIMUM")}
"""The environment of a worker: cells run side by side, and each on one thread."""

KILLED = "its worker process was killed each time"


@dataclass(frozen=True)
class Failure:
    """A cell that could not be run, and why."""

    cell: Cell
    error: str


class EngineError(Exception):
    """Cells cannot be run, or no more: what there is no engine for, in one sentence."""


class Engine(Protocol):
    """Runs cells somewhere."""

    def run(self, cells: Sequence[Cell]) -> Generator[CellResult | Failure, None, None]:
        """Run the cells, the first ones first, and yield each result as soon as it is there.

        An error in one cell is yielded as its Failure and the others go on. Cells whose worker was killed are
        run again on another. Closing the generator ends what runs.
        """


def attempt(cell: Cell) -> CellResult | Failure:
    """What a worker does: the cell's result, or the traceback of its error."""
    try:
        return run_cell(cell)
    except Exception:
        return Failure(cell, traceback.format_exc())
