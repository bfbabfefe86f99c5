"""Compile what cells will train with, once and before the workers start."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from rich.console import Console

from overshoot.core import Network, Optimizer
from overshoot.core.compiled import warm_up
from overshoot.study.experiment.cells import Cell
from overshoot.study.problems.problem import loss_of

WORTH_SAYING = 1.0
"""Seconds from which on the time it took is said: what is kept from an earlier run takes less."""


def compile_for(cells: Sequence[Cell], console: Console) -> None:
    """Compile what the cells need, or find that it is kept; a line says so while it takes time."""
    began = time.perf_counter()
    with console.status("compiling") as status:
        for piece in warm_up(_kinds(cells)):
            status.update(f"compiling for this machine, once: {piece}")
    if (seconds := time.perf_counter() - began) > WORTH_SAYING:
        console.print(f"compiled for this machine in {seconds:.0f} s")


def _kinds(cells: Sequence[Cell]) -> list[tuple[Network, Optimizer, np.dtype]]:
    """One of each kind of training: sizes make no difference to what is compiled."""
    kinds = {}
    for cell in cells:
        kind = (cell.network.activation, loss_of(cell), cell.optimizer, cell.protocol.precision)
        if kind not in kinds:
            net = Network((2, 2), kind[0], kind[1])
            kinds[kind] = (net, cell.make_optimizer(), np.dtype(cell.protocol.precision))
    return list(kinds.values())
