"""Compile what cells will train with, once and before the workers start."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console

from overshoot.core import Network
from overshoot.core.compiled import PIECES, default_engine, warm_up
from overshoot.study.execution.processes import Pool
from overshoot.study.experiment.cells import Cell
from overshoot.study.problems.plugins import ready
from overshoot.study.problems.problem import loss_of


def compile_for(cells: Sequence[Cell], console: Console) -> None:
    """Compile what the cells need, or find that it is kept; a line says so while it takes time.

    Two processes of their own do it: Numba and what it has compiled stay in memory, hundreds of megabytes
    that would stand beside the tables of a report. What goes wrong there goes wrong again where the cell
    trains, and is said there.
    """
    if default_engine() != "compiled":
        return
    began, anew = time.perf_counter(), False
    with console.status("compiling") as status, Pool(2) as pool, suppress(BrokenExecutor):
        for cell, loss in _kinds(cells):
            kind = f"{cell.network.activation} {loss} {cell.optimizer.name}"
            status.update(f"compiling for this machine, once: {kind}")
            anew |= any(pool.start([partial(_compile, cell, loss, piece) for piece in PIECES])())
    if anew:
        console.print(f"compiled for this machine in {time.perf_counter() - began:.0f} s")


def _kinds(cells: Sequence[Cell]) -> list[tuple[Cell, str]]:
    """A cell of each kind of training, and its loss: sizes make no difference to what is compiled."""
    kinds: dict[tuple[Any, ...], tuple[Cell, str]] = {}
    for cell in cells:
        loss = loss_of(cell)
        kind = (cell.network.activation, loss, cell.optimizer, cell.protocol.precision)
        kinds.setdefault(kind, (cell, loss))
    return list(kinds.values())


def _compile(cell: Cell, loss: str, piece: str) -> bool:
    """What a worker does: a piece of the cell's kind; whether it is new."""
    with suppress(Exception):
        ready(cell)
        net = Network((2, 2), cell.network.activation, loss)
        return warm_up(net, cell.make_optimizer(), np.dtype(cell.protocol.precision), piece)
    return False
