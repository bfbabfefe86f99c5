"""What a cell costs: exact counts, and a rough time for ordering, progress and `estimate`."""

from __future__ import annotations

from dataclasses import dataclass

from study.cells import Cell
from study.problem import shape_of
from study.stack import epochs_of
from study.sweep import grid

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
    and one that grows with parameters times batch."""
    samples, parameters = shape_of(cell)
    updates = epochs_of(cell.protocol.budget, samples) * cell.strategy.updates(samples)
    batch = cell.strategy.size or samples
    stacks = _stacks(cell)
    per_trial = 1.0 + 3.5e-3 * parameters + 1.1e-4 * parameters * batch
    microseconds = sum(updates * (80 + trials * per_trial) for trials in stacks)
    return Cost(sum(stacks), updates * sum(stacks), CELL_SECONDS + microseconds / 1e6)


def _stacks(cell: Cell) -> list[int]:
    """Trials in each stack that the cell trains, if its search stays clear of the edges."""
    p, search = cell.protocol, cell.protocol.search
    rest = search.trials - search.startup
    tpe = [min(search.batch, rest - done) for done in range(0, rest, search.batch)]
    return [len(grid(cell.rates)) * p.sweep_replicates, search.startup, *tpe, 2 * p.confirm_replicates]
