"""What a cell costs: exact counts, and a rough time for ordering, progress and `estimate`.

The times come from a model of the stacked step, fitted on two cores, between a quiet and a busy day.
Compiled code and NumPy each have their own: on small batches they are dozens of times apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from overshoot.core import OPTIMIZERS, Network, optimizer
from overshoot.core.compiled import stack_for
from overshoot.study.experiment.cells import Cell, Choice
from overshoot.study.phases.catalogue import phases_of
from overshoot.study.problems.problem import entries, network_of, shape_of

CELL_SECONDS = 0.26
"""What a cell takes whatever it trains: its data, its evaluations, the search's own arithmetic."""

STAYS = 0.62
"""Share of the planned updates that are made: trials that diverge leave early."""

START_SECONDS = 6.0
"""Of a run: imports, the store, and compiled code being read."""

TRIAL_SECONDS = 1.45e-3
"""To store a trial, beside the training."""

REPORT_SECONDS, REPORT_POWER = 0.26, 0.77
"""Of the report: so much times the number of cells to this power."""


@dataclass(frozen=True)
class Cost:
    """Trials of a cell, their updates in all (none leaving early), and about how many seconds of one
    core they take."""

    trials: int
    updates: int
    seconds: float


def cost(cell: Cell) -> Cost:
    """The cost of a cell.

    A share for each update of a stack, and for each trial in it one that grows with the parameters and one
    that grows with parameters times batch; a product with the Hessian takes six times a trial's in NumPy.
    """
    samples, parameters = shape_of(cell)
    batch = cell.strategy.size or samples
    stacks = [stack for phase in phases_of(cell) for stack in phase.stacks(cell, samples)]
    plain = 1.0 + 3.5e-3 * parameters + 1.1e-4 * parameters * batch
    if _compiled(cell):
        each, per_trial = 0.0, 0.043 + 1.3e-4 * parameters * batch
    else:
        each, per_trial = 80.0, plain
    microseconds = STAYS * sum(stack.updates * (each + stack.trials * per_trial) for stack in stacks)
    microseconds += sum(stack.products for stack in stacks) * (150 + 6 * plain)
    trained = sum(stack.trials * stack.updates for stack in stacks)
    return Cost(sum(stack.trials for stack in stacks), trained, CELL_SECONDS + microseconds / 1e6)


def wall_seconds(costs: Sequence[Cost], workers: int) -> float:
    """About how long a run of cells of these costs takes, the report included."""
    if not costs:
        return START_SECONDS
    training = sum(cost.seconds + TRIAL_SECONDS * cost.trials for cost in costs) / workers
    return START_SECONDS + training + REPORT_SECONDS * len(costs) ** REPORT_POWER


def _compiled(cell: Cell) -> bool:
    """Whether the cell's updates are made in compiled code."""
    registered = (OPTIMIZERS.get(cell.optimizer.name), *entries(cell))
    return _compiles(network_of(cell), cell.optimizer, cell.protocol.precision, registered)


@lru_cache(maxsize=256)
def _compiles(
    net: Network,
    method: Choice,
    precision: str,
    registered: tuple[object, ...],
) -> bool:
    made, theta = optimizer(method.name, **dict(method.options)), _shaped(net.size, precision)
    return stack_for("auto", net, made, theta) is not None


def _shaped(size: int, precision: str) -> np.ndarray:
    """Parameters (1, P) that take no memory: only their shape and type are asked for."""
    return np.broadcast_to(np.zeros((), precision), (1, size))
