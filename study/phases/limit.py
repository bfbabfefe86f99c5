"""The stability limit: the rate above which a cell's runs diverge, for each replicate of its sweep.

The sweep brackets it between two rates of its grid; a few rounds of rates within the bracket, all replicates
in one stack, close it in. What counts as divergence is what counts everywhere (study.phases.outcomes), and so
depends on how long a run is watched. Close above its limit a run takes long to show that it grows: at 1 +
delta times the limit of gradient descent a component grows by 1 + 2 delta in each update and its loss by 1 +
4 delta, so that one that starts with a hundredth of the gap is seen after about 1.2 / delta updates. A sweep
of forty updates is blind to 3 %; a thousand updates bring that to 0.1 %. So where the limit is known exactly,
on least squares, runs are watched for at least `Limit.updates`, and the sweep's bracket is taken again at
that horizon. On networks the limit is measured at the sweep's own horizon.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from study.experiment.cells import Cell
from study.phases.outcomes import divergence
from study.phases.stack import Run, Trial, epochs_of, run_stack
from study.phases.summary import Part
from study.problems.problem import Problem, least_squares
from study.statistics import log_median

ROUNDS = 2
"""In which a bracket is closed: two rounds of eight rates, where bisection would take seven of one."""


class LimitStatus(StrEnum):
    """Whether the limit lies on the sweep's grid."""

    MEASURED = "measured"
    BELOW_GRID = "below_grid"
    ABOVE_GRID = "above_grid"


@dataclass(frozen=True)
class LimitSummary(Part):
    """The median over the replicates, and the extremes of those in which it lies on the grid; None where the
    median does not."""

    limit_status: LimitStatus
    limit_measured: float | None = None
    limit_low: float | None = None
    limit_high: float | None = None


@dataclass(frozen=True)
class MeasuredLimit:
    """runs: of this phase, in order. boundaries: (replicates,) the middle of each last bracket on a
    logarithmic scale; 0 where even the grid's lowest rate diverged, inf where none did."""

    runs: list[Run]
    boundaries: np.ndarray

    @property
    def summary(self) -> LimitSummary:
        median = log_median(self.boundaries)
        finite = self.boundaries[(self.boundaries > 0) & np.isfinite(self.boundaries)]
        if not 0 < median < np.inf:
            return LimitSummary(LimitStatus.BELOW_GRID if median == 0 else LimitStatus.ABOVE_GRID)
        return LimitSummary(LimitStatus.MEASURED, median, float(finite.min()), float(finite.max()))


def measure_limit(cell: Cell, problem: Problem, swept: Sequence[Run]) -> MeasuredLimit:
    """The boundary of each replicate of the sweep, to the precision that the protocol asks for."""
    watched = at_horizon(cell, problem.samples)
    runs: list[Run] = []
    if watched != cell:
        runs = run_stack(watched, problem, [_trial("grid", r.trial.rate, r.trial.replicate) for r in swept])
    known = list(runs or swept)
    replicates = list(dict.fromkeys(run.trial.replicate for run in swept))
    for left in range(ROUNDS, 0, -1):
        trials = [
            _trial("section", rate, replicate)
            for replicate in replicates
            for rate in sections(*_bracket(known, replicate, problem), _precision(cell), left)
        ]
        fresh = run_stack(watched, problem, trials) if trials else []
        known += fresh
        runs += fresh
    brackets = np.array([_bracket(known, replicate, problem) for replicate in replicates])
    return MeasuredLimit(runs, np.sqrt(brackets[:, 0]) * np.sqrt(brackets[:, 1]))


def at_horizon(cell: Cell, samples: int) -> Cell:
    """The cell with the budget at which its limit is measured: on least squares a longer one, if need be."""
    limit, budget = cell.protocol.limit, cell.protocol.budget
    if limit is None or not least_squares(cell):
        return cell
    needed = -(-limit.updates // cell.strategy.updates(samples))
    if needed <= epochs_of(budget, samples):
        return cell
    longer = dataclasses.replace(budget, epochs=needed)
    return dataclasses.replace(cell, protocol=dataclasses.replace(cell.protocol, budget=longer))


def sections(low: float, high: float, precision: float, rounds: int) -> list[float]:
    """The rates that cut a bracket so that so many rounds bring it to `precision`; none where it is open."""
    if not 0 < low < high < np.inf:
        return []
    parts = int(np.ceil((np.log(high / low) / np.log1p(precision) - 1e-9) ** (1 / rounds)))
    return [float(rate) for rate in np.geomspace(low, high, parts + 1)[1:-1]]


def _precision(cell: Cell) -> float:
    assert cell.protocol.limit is not None, "the phase is run where the experiment asks for it"
    return cell.protocol.limit.precision


def _trial(role: str, rate: float, replicate: str) -> Trial:
    return Trial("limit", role, rate, replicate)


def _bracket(runs: Sequence[Run], replicate: str, problem: Problem) -> tuple[float, float]:
    """The first rate that diverged and the one before it; 0 and inf where there is none."""
    own = sorted((r for r in runs if r.trial.replicate == replicate), key=lambda r: r.trial.rate)
    low = 0.0
    for run in own:
        if divergence(run, problem.best_loss):
            return low, run.trial.rate
        low = run.trial.rate
    return low, np.inf
