"""The stability limit: the learning rate at which half of a cell's runs diverge, with its interval.

Around it runs survive and diverge by replicate and by rate, so several replicates are run at each rate, and
the limit is where their share crosses one half (study.phases.threshold). The sweep says between which rates
of its grid to look; two rounds of further rates follow, where the change is sharp within the two rates it
lies between, and otherwise over the zone in which both happen.

What counts as divergence is what counts everywhere (study.phases.outcomes), and so depends on how long a run
is watched. Close above its limit a run takes long to show that it grows: at 1 + delta times the limit of
gradient descent a component grows by 1 + 2 delta in each update and its loss by 1 + 4 delta, so that one that
starts with a hundredth of the gap is seen after about 1.2 / delta updates. Forty updates are blind to 3 %; a
thousand bring that to 0.1 %. So where the limit is known exactly, on least squares, runs are watched for at
least `LimitSettings.updates`. On networks the limit is that of the sweep's own horizon.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import numpy as np

from overshoot.study.experiment.cells import Cell, Choice, PhaseSettings
from overshoot.study.experiment.reader import Reader
from overshoot.study.phases.outcomes import divergence
from overshoot.study.phases.phase import Done, Left, Phase, StackCost, register
from overshoot.study.phases.stack import Run, Trial, epochs_of, run_stack, updates_of
from overshoot.study.phases.summary import Part
from overshoot.study.phases.sweep import RateCurve, SweepRole, Swept, grid
from overshoot.study.phases.threshold import HALF, Threshold, monotone, threshold
from overshoot.study.problems.problem import Problem, least_squares

ROUNDS = 2
"""Of further rates, once two rates of the grid enclose the limit."""

ZONE = 6
"""Rates of a round over a zone in which runs both diverge and survive."""

STEPS = 8
"""By so many pairs of rates of the grid the search for the limit may move before it is given up."""


class LimitRole(StrEnum):
    """Why a rate was tried: it lies between two of the grid. One of the grid has the role of the sweep's."""

    SECTION = "section"


@dataclass(frozen=True)
class LimitSettings(PhaseSettings, phase="limit"):
    """How the stability limit is measured: on so many `replicates`; where all of them change their fate at
    one rate, to which `precision`, relative; and on least squares watching for at least so many `updates`."""

    precision: float = 0.01
    updates: int = 1000
    replicates: int = 6


class LimitStatus(StrEnum):
    """Whether the limit lies on the sweep's grid."""

    MEASURED = "measured"
    BELOW_GRID = "below_grid"
    ABOVE_GRID = "above_grid"


@dataclass(frozen=True)
class LimitSummary(Part):
    """limit_measured: the rate at which half of the runs diverge; limit_low, limit_high: its 95 % interval.
    limit_zone_low, limit_zone_high: the lowest rate at which a run diverged and the highest at which one
    survived, the one above the other where the change is sharp. None where the limit is not on the grid."""

    limit_status: LimitStatus
    limit_measured: float | None = None
    limit_low: float | None = None
    limit_high: float | None = None
    limit_zone_low: float | None = None
    limit_zone_high: float | None = None


@dataclass
class MeasuredLimit(Left):
    """What was run, in order, and which replicates diverged at which rate."""

    replicates: tuple[str, ...]
    runs: list[Run] = field(default_factory=list)
    diverged: dict[float, np.ndarray] = field(default_factory=dict)

    @property
    def rates(self) -> np.ndarray:
        """(G,) so far, ascending."""
        return np.array(sorted(self.diverged))

    @property
    def outcomes(self) -> np.ndarray:
        """(K, G): whether each replicate diverged at each rate."""
        return np.stack([self.diverged[rate] for rate in sorted(self.diverged)], axis=1)

    @property
    def share(self) -> np.ndarray:
        """(G,) that diverged, as the nearest curve that does not fall."""
        return np.asarray(monotone(self.outcomes.mean(axis=0)[None])[0])

    @property
    def threshold(self) -> Threshold | None:
        return threshold(self.rates, self.outcomes)

    @property
    def summary(self) -> LimitSummary:
        threshold = self.threshold if self.diverged else None
        if threshold is None:
            below = bool(self.diverged) and self.share[0] >= HALF
            return LimitSummary(LimitStatus.BELOW_GRID if below else LimitStatus.ABOVE_GRID)
        ends = (threshold.rate, threshold.low, threshold.high, threshold.zone_low, threshold.zone_high)
        return LimitSummary(LimitStatus.MEASURED, *ends)

    def run(self, cell: Cell, problem: Problem, rates: Sequence[float], role: str) -> None:
        """Run these rates on every replicate."""
        fresh = [float(rate) for rate in rates if float(rate) not in self.diverged]
        trials = [Trial(Limit.name, role, rate, replicate) for rate in fresh for replicate in self.replicates]
        if not trials:
            return
        runs = run_stack(cell, problem, trials)
        self.runs += runs
        gone = [divergence(run, problem.best_loss) is not None for run in runs]
        for rate, row in zip(fresh, np.reshape(gone, (len(fresh), -1)), strict=True):
            self.diverged[rate] = row


def measure_limit(cell: Cell, problem: Problem, curve: RateCurve) -> MeasuredLimit:
    """Measure the limit of a cell whose sweep has this curve."""
    limit, watched = cell.protocol.of(LimitSettings), at_horizon(cell, problem.samples)
    measured = MeasuredLimit(tuple(f"boundary-{k}" for k in range(limit.replicates)))
    _enclose(measured, watched, problem, curve)
    for left in range(ROUNDS, 0, -1):
        if measured.threshold is not None:
            measured.run(watched, problem, _next_rates(measured, limit.precision, left), LimitRole.SECTION)
    return measured


def _enclose(measured: MeasuredLimit, cell: Cell, problem: Problem, curve: RateCurve) -> None:
    """Run rates of the grid, two at a time from the sweep's boundary on, until they enclose the limit."""
    rates = grid(cell.rates).tolist()
    half = np.flatnonzero(curve.diverged >= 0.5)
    low = high = int(half[0]) if len(half) else len(rates)
    low, high = max(low - 1, 0), min(high + 1, len(rates))
    measured.run(cell, problem, rates[low:high], SweepRole.GRID)
    for _ in range(STEPS):
        if measured.share[0] >= HALF and low > 0:
            low, more = max(low - 2, 0), rates[max(low - 2, 0) : low]
        elif measured.share[-1] < HALF and high < len(rates):
            high, more = min(high + 2, len(rates)), rates[high : high + 2]
        else:
            return
        measured.run(cell, problem, more, SweepRole.GRID)


def _next_rates(measured: MeasuredLimit, precision: float, rounds: int) -> list[float]:
    """Where to look next: within the two rates between which all runs change their fate, or over the zone in
    which only some do."""
    rates, share = measured.rates, measured.share
    i = int(np.flatnonzero(share >= HALF)[0])
    if share[i - 1] == 0 and share[i] == 1:
        return sections(float(rates[i - 1]), float(rates[i]), precision, rounds)
    low = int(np.flatnonzero(share <= 0.15)[-1]) if (share <= 0.15).any() else 0
    high = int(np.flatnonzero(share >= 0.85)[0]) if (share >= 0.85).any() else len(rates) - 1
    return [float(rate) for rate in np.geomspace(rates[low], rates[high], ZONE + 2)[1:-1]]


def at_horizon(cell: Cell, samples: int) -> Cell:
    """The cell with the budget at which its limit is measured: on least squares a longer one, if need be."""
    limit, budget = cell.protocol.get(LimitSettings), cell.protocol.budget
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


@register
class Limit(Phase):
    """The stability limit, on replicates of its own."""

    name: ClassVar[str] = "limit"
    rank: ClassVar[int] = 40
    part: ClassVar[type[Part]] = LimitSummary

    def read(self, top: Reader, optimizers: Sequence[Choice] | None) -> LimitSettings | None:
        if not top.has(self.name):
            return None
        t, default = top.table(self.name), LimitSettings()
        settings = LimitSettings(
            precision=t.number("precision", default.precision, high=1.0, low=1e-6),
            updates=t.integer("updates", default.updates, low=1),
            replicates=t.integer("replicates", default.replicates, low=2),
        )
        t.done()
        return settings

    def asked(self, cell: Cell) -> bool:
        return cell.protocol.get(LimitSettings) is not None

    def run(self, cell: Cell, problem: Problem, done: Done) -> MeasuredLimit:
        return measure_limit(cell, problem, done.of(Swept).curve)

    def stacks(self, cell: Cell, samples: int) -> Sequence[StackCost]:
        """If the grid holds the limit where the sweep's boundary is."""
        settings, rates = cell.protocol.of(LimitSettings), grid(cell.rates)
        sharp = len(sections(float(rates[0]), float(rates[1]), settings.precision, ROUNDS))
        updates = updates_of(at_horizon(cell, samples), samples)
        counts = [2, *[max(sharp, ZONE)] * ROUNDS]
        return [StackCost(settings.replicates * count, updates) for count in counts]
