"""The sweep: a logarithmic grid of learning rates, and what its curve says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import ClassVar

import numpy as np

from overshoot.study.experiment.cells import Cell, Choice, PhaseSettings, Rates
from overshoot.study.experiment.reader import Reader
from overshoot.study.phases.best_rates import EXCURSION, RESOLUTION, midpoint, plateau
from overshoot.study.phases.outcomes import converged, divergence, peak, q_end
from overshoot.study.phases.phase import MOST_TRIALS, Done, Left, Phase, StackCost, register
from overshoot.study.phases.stack import Run, Trial, run_stack, updates_of
from overshoot.study.phases.summary import Part
from overshoot.study.problems.problem import Problem


class SweepRole(StrEnum):
    """Why a rate was swept: it is one of the grid."""

    GRID = "grid"


@dataclass(frozen=True)
class SweepSettings(PhaseSettings, phase="sweep"):
    """On how many `replicates` each rate is run."""

    replicates: int = 2


@dataclass(frozen=True)
class SweepSummary(Part):
    """sweep_best_rate: the best one (`best_rates`). sweep_boundary: the lowest above it at which half of
    the replicates diverge; sweep_margin_decades: how far it is away."""

    sweep_best_rate: float | None
    sweep_boundary: float | None
    sweep_margin_decades: float | None
    usable_width_decades: float


def grid(rates: Rates) -> np.ndarray:
    """The rates of the sweep, both ends included, ascending."""
    points = round(np.log10(rates.high / rates.low) * rates.per_decade) + 1
    return np.geomspace(rates.low, rates.high, points)


def replicates(cell: Cell) -> list[str]:
    """The names of the sweep's replicates, on which other phases go on."""
    return [f"sweep-{k}" for k in range(cell.protocol.of(SweepSettings).replicates)]


def sweep(cell: Cell, problem: Problem) -> list[Run]:
    """Every rate of the grid on every replicate of the sweep."""
    rates = [float(rate) for rate in grid(cell.rates)]
    trials = [
        Trial(Sweep.name, SweepRole.GRID, rate, replicate) for replicate in replicates(cell) for rate in rates
    ]
    return run_stack(cell, problem, trials)


@dataclass(frozen=True)
class RateCurve:
    """What a sweep says of the rates, each (G,): q, the median q_end over the replicates, inf where half of
    them diverged; the shares of the replicates that diverged and that converged; and whether one that lasted
    exploded on its way."""

    rates: np.ndarray
    q: np.ndarray
    diverged: np.ndarray
    converged: np.ndarray
    exploded: np.ndarray

    @cached_property
    def _best(self) -> int | None:
        """The place of the best rate: the midpoint of the plateau of the smallest gap."""
        able = (self.diverged < 0.5) & ~self.exploded
        level = plateau(self.rates, able, self.converged > 0.5, [np.log10(np.maximum(self.q, RESOLUTION))])
        return midpoint(self.rates, level) if level else None

    @property
    def best_rate(self) -> float | None:
        """The best rate, None where none lasts."""
        return None if self._best is None else float(self.rates[self._best])

    @property
    def boundary(self) -> float | None:
        """The smallest rate above the best at which at least half of the replicates diverge."""
        best = self.best_rate
        above = self.rates[(self.diverged >= 0.5) & (self.rates > (best or 0))]
        return float(above[0]) if len(above) else None

    @property
    def margin(self) -> float | None:
        """Decades from the best rate to the boundary; None without one."""
        if self.best_rate is None or self.boundary is None:
            return None
        return float(np.log10(self.boundary / self.best_rate))

    def summary(self, tolerance: float) -> SweepSummary:
        return SweepSummary(self.best_rate, self.boundary, self.margin, self.width(tolerance))

    def width(self, tolerance: float) -> float:
        """Decades of the usable interval, 0 without one."""
        low, high = self.usable(tolerance) or (1.0, 1.0)
        return float(np.log10(high) - np.log10(low))

    def usable(self, tolerance: float) -> tuple[float, float] | None:
        """Ends of the contiguous interval of rates around the best with q <= tolerance; None without one.

        ln q is interpolated over the logarithm of the rate; towards a rate that diverged, where
        there is nothing to interpolate, the interval ends at the last rate that did not.
        """
        i = self._best
        if i is None or self.q[i] > tolerance:
            return None
        x = np.log10(self.rates)
        return 10 ** self._edge(x, i, -1, tolerance), 10 ** self._edge(x, i, 1, tolerance)

    def _edge(self, x: np.ndarray, i: int, step: int, tolerance: float) -> float:
        while 0 <= i + step < len(x) and self.q[i + step] <= tolerance:
            i += step
        if not 0 <= i + step < len(x) or not np.isfinite(self.q[i + step]):
            return float(x[i])
        inside, outside = (np.log(max(self.q[k], 1e-300)) for k in (i, i + step))
        share = (np.log(tolerance) - inside) / (outside - inside)
        return float(x[i] + share * (x[i + step] - x[i]))


def rate_curve(runs: Sequence[Run], best_loss: float, tolerance: float) -> RateCurve:
    """The learning-rate curve of a sweep's runs."""
    rates = sorted({run.trial.rate for run in runs})
    each = [_ends([run for run in runs if run.trial.rate == rate], best_loss, tolerance) for rate in rates]
    return curve_of(np.array(rates), *(np.array(part) for part in zip(*each, strict=True)))


def _ends(runs: Sequence[Run], best: float, tolerance: float) -> tuple[list[float], list[float], list[bool]]:
    """Of each run its final gap, infinite where it diverged, the largest on its way, and whether it
    converged."""
    gone = [divergence(run, best) is not None for run in runs]
    gaps = [np.inf if bad else q_end(run, best) for run, bad in zip(runs, gone, strict=True)]
    met = [converged(run, best, tolerance) and not bad for run, bad in zip(runs, gone, strict=True)]
    return gaps, [peak(run, best) for run in runs], met


def curve_of(rates: np.ndarray, gaps: np.ndarray, peaks: np.ndarray, converged: np.ndarray) -> RateCurve:
    """The curve of `rates: (G,)` from what their runs did, each (G, replicates): the final gaps, infinite
    where one diverged, the largest gaps on the way, and which converged."""
    gone = np.isinf(gaps)
    # With half of the replicates diverged the median would average a number and infinity: inf.
    q = np.median(gaps, axis=1)
    exploded = ((peaks > EXCURSION) & ~gone).any(axis=1)
    return RateCurve(rates, q, gone.mean(axis=1), converged.mean(axis=1), exploded)


@dataclass(frozen=True)
class Swept(Left):
    """The sweep's runs, their curve, and the tolerance that its usable range has."""

    runs: list[Run]
    curve: RateCurve
    tolerance: float

    @property
    def summary(self) -> SweepSummary:
        return self.curve.summary(self.tolerance)


@register
class Sweep(Phase):
    """Every rate of a grid on a few replicates."""

    name: ClassVar[str] = "sweep"
    rank: ClassVar[int] = 10
    part: ClassVar[type[Part]] = SweepSummary

    def read(self, top: Reader, optimizers: Sequence[Choice] | None) -> SweepSettings:
        t = top.table(self.name)
        settings = SweepSettings(t.integer("replicates", SweepSettings().replicates, low=1, high=MOST_TRIALS))
        t.done()
        return settings

    def run(self, cell: Cell, problem: Problem, done: Done) -> Swept:
        runs = sweep(cell, problem)
        tolerance = cell.protocol.tolerance
        return Swept(runs, rate_curve(runs, problem.best_loss, tolerance), tolerance)

    def stacks(self, cell: Cell, samples: int) -> Sequence[StackCost]:
        return [StackCost(len(grid(cell.rates)) * len(replicates(cell)), updates_of(cell, samples))]
