"""What a cell costs: exact counts, and a rough time for ordering, progress and `estimate`."""

from __future__ import annotations

from dataclasses import dataclass

from study.experiment.cells import Cell
from study.phases.limit import ROUNDS, ZONE, at_horizon, sections
from study.phases.search import Claim
from study.phases.stack import epochs_of
from study.phases.sweep import grid
from study.problems.problem import shape_of

CELL_SECONDS = 0.5
"""What a cell takes whatever it trains: its data, its evaluations, the search's own arithmetic."""

PRODUCTS = 10
"""With the Hessian, for one sharpness."""


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
    stacks = [*_stacks(cell, samples), *_limit_stacks(cell, samples), *_edge_stacks(cell)]
    per_trial = 1.0 + 3.5e-3 * parameters + 1.1e-4 * parameters * batch
    microseconds = sum(updates * (80 + trials * per_trial) for trials, updates in stacks)
    microseconds += _products(cell) * (150 + 6 * per_trial)
    trained = sum(trials * updates for trials, updates in stacks)
    return Cost(sum(trials for trials, _ in stacks), trained, CELL_SECONDS + microseconds / 1e6)


def _stacks(cell: Cell, samples: int) -> list[tuple[int, int]]:
    """Trials and updates of each stack that the cell trains, if its search stays clear of the edges."""
    p, search = cell.protocol, cell.protocol.search
    rest = search.trials - search.startup
    tpe = [min(search.batch, rest - done) for done in range(0, rest, search.batch)]
    searched = [rates * search.replicates for rates in (search.startup, *tpe)]
    confirmed = (len(Claim) + 1) * p.confirm_replicates
    stacks = [len(grid(cell.rates)) * p.sweep_replicates, *searched, confirmed]
    return [(trials, _updates(cell, samples)) for trials in stacks]


def _limit_stacks(cell: Cell, samples: int) -> list[tuple[int, int]]:
    """Those that measure the limit, if the grid holds it where the sweep's boundary is."""
    limit, rates = cell.protocol.limit, grid(cell.rates)
    if limit is None:
        return []
    sharp = len(sections(float(rates[0]), float(rates[1]), limit.precision, ROUNDS))
    updates = _updates(at_horizon(cell, samples), samples)
    return [(limit.replicates * count, updates) for count in (2, *[max(sharp, ZONE)] * ROUNDS)]


def _edge_stacks(cell: Cell) -> list[tuple[int, int]]:
    """The one whose sharpness is followed, if the sweep has a rate that does not diverge."""
    return [(cell.edge.rates, cell.edge.updates)] if cell.edge else []


def _products(cell: Cell) -> int:
    """With the Hessian, for the sharpness."""
    return PRODUCTS * cell.edge.rates * (cell.edge.evaluations + 1) if cell.edge else 0


def _updates(cell: Cell, samples: int) -> int:
    return epochs_of(cell.protocol.budget, samples) * cell.strategy.updates(samples)
