"""What a cell costs: exact counts, and a rough time for ordering, progress and `estimate`."""

from __future__ import annotations

from dataclasses import dataclass

from study.experiment.cells import Cell
from study.phases.catalogue import phases_of
from study.problems.problem import shape_of

CELL_SECONDS = 0.5
"""What a cell takes whatever it trains: its data, its evaluations, the search's own arithmetic."""


@dataclass(frozen=True)
class Cost:
    """Trials of a cell, their updates in all (none leaving early), and about how many seconds of one
    core they take."""

    trials: int
    updates: int
    seconds: float


def cost(cell: Cell) -> Cost:
    """The cost of a cell. The seconds come from a model of the stacked step, measured on one machine:
    a share for each update of a stack, and for each trial in it one that grows with the parameters
    and one that grows with parameters times batch; a product with the Hessian takes six times a trial's."""
    samples, parameters = shape_of(cell)
    batch = cell.strategy.size or samples
    stacks = [stack for phase in phases_of(cell) for stack in phase.stacks(cell, samples)]
    per_trial = 1.0 + 3.5e-3 * parameters + 1.1e-4 * parameters * batch
    microseconds = sum(stack.updates * (80 + stack.trials * per_trial) for stack in stacks)
    microseconds += sum(stack.products for stack in stacks) * (150 + 6 * per_trial)
    trained = sum(stack.trials * stack.updates for stack in stacks)
    return Cost(sum(stack.trials for stack in stacks), trained, CELL_SECONDS + microseconds / 1e6)
