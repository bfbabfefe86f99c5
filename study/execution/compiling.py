"""Compile what cells will train with, once and before the workers start."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from rich.console import Console

from overshoot.core import Network
from overshoot.core.compiled import default_engine, warm_up
from overshoot.study.execution.processes import Pool
from overshoot.study.experiment.cells import Cell
from overshoot.study.problems.plugins import ready
from overshoot.study.problems.problem import loss_of

WORTH_SAYING = 5.0
"""Seconds from which on the time it took is said: what is kept from an earlier run takes less."""


def compile_for(cells: Sequence[Cell], console: Console) -> None:
    """Compile what the cells need, or find that it is kept; a line says so while it takes time.

    A process of its own does it: Numba and what it has compiled stay in memory, hundreds of megabytes that
    would stand beside the tables of a report.
    """
    if default_engine() != "compiled":
        return
    began = time.perf_counter()
    with console.status("compiling") as status, Pool(1, apart=True) as pool:
        for cell, loss in _kinds(cells):
            piece = f"{cell.network.activation} {loss} {cell.optimizer.name}"
            status.update(f"compiling for this machine, once: {piece}")
            pool.start([partial(_compile, cell, loss)])()
    if (seconds := time.perf_counter() - began) > WORTH_SAYING:
        console.print(f"compiled for this machine in {seconds:.0f} s")


def _kinds(cells: Sequence[Cell]) -> list[tuple[Cell, str]]:
    """A cell of each kind of training, and its loss: sizes make no difference to what is compiled."""
    kinds: dict[tuple[Any, ...], tuple[Cell, str]] = {}
    for cell in cells:
        loss = loss_of(cell)
        kind = (cell.network.activation, loss, cell.optimizer, cell.protocol.precision)
        kinds.setdefault(kind, (cell, loss))
    return list(kinds.values())


def _compile(cell: Cell, loss: str) -> None:
    """What the worker does: all pieces of the cell's kind."""
    ready(cell)
    net = Network((2, 2), cell.network.activation, loss)
    for _ in warm_up([(net, cell.make_optimizer(), np.dtype(cell.protocol.precision))]):
        pass
