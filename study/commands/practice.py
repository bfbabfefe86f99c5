"""Practice before a training: what rates a network bears and which serve it, from a tenth of the budget.

Runs of that length are tried at rates from half of the stability limit three decades down, each from several
starts, in one stack. The limit is theory's on least squares; elsewhere a short run forecasts it
(study.phases.short_run). So short a run cannot tell good rates apart that come within a factor of each other:
of such a plateau the middle is taken, on a logarithmic scale, which leaves room to both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot.core import train
from overshoot.study.experiment.cells import Cell
from overshoot.study.numbers import number
from overshoot.study.phases.short_run import SHORT_RUN, Predictor, ShortRunSettings, short_run
from overshoot.study.phases.stack import EXPLOSION, updates_of
from overshoot.study.problems.problem import Problem

SHARE = 0.1
"""Of a training's updates."""

REPLICATES = 3
PER_DECADE, DECADES = 4, 3
EVALUATIONS = 20

BELOW = 2.0
"""Rates are tried up to the least that the limit may be, over this."""

ALIKE = 1.5
"""Gaps within this factor of the smallest count as the same."""

CLOSED = 1e-3
"""A gap below which there is nothing to choose."""

WORK = 4e9
"""Updates of single parameters that practice may take, some seconds."""

FEWEST = 50
"""Updates that are made in any case, unless a training has fewer."""


@dataclass(frozen=True)
class Practice:
    """rates: (G,) ascending. gap: (G,) the relative training gap that is left, the median over the starts of
    the mean over the last quarter of the evaluations; inf where a run of any start diverged. updates: of each
    run, of `whole` that a training has."""

    rates: np.ndarray
    gap: np.ndarray
    updates: int
    whole: int

    @property
    def plateau(self) -> tuple[float, float] | None:
        """The ends of the rates about the best one whose gaps are ALIKE; None where every rate diverged."""
        if not np.isfinite(self.gap).any():
            return None
        best = int(self.gap.argmin())
        other = np.flatnonzero(self.gap > ALIKE * max(self.gap[best], CLOSED))
        low = max(other[other < best], default=-1) + 1
        high = min(other[other > best], default=len(self.gap)) - 1
        return float(self.rates[low]), float(self.rates[high])

    def at(self, rate: float) -> float:
        """The gap at the rate that was tried nearest to `rate`."""
        return float(self.gap[np.abs(np.log(self.rates / rate)).argmin()])

    @property
    def rate(self) -> float | None:
        """The one to take: the geometric middle of the plateau."""
        return None if self.plateau is None else float(np.sqrt(self.plateau[0] * self.plateau[1]))

    @property
    def why(self) -> str:
        """Why this rate, in words."""
        if self.plateau is None:
            return "every rate that was tried diverged"
        low, high = self.plateau
        after = f"after {self.updates:,} updates"
        if low == high:
            return f"best {after}"
        return f"middle of {number(low)} to {number(high)}, equally good {after}"


@dataclass(frozen=True)
class KnownLimit:
    """A stability limit with the ends of its interval, all three the same where it is exact, and what it
    rests on in a word or two."""

    rate: float
    low: float
    high: float
    basis: str


def share_of(cell: Cell, problem: Problem) -> float:
    """The share of a training's updates that practice takes: SHARE, more of few, less on large networks."""
    trials = REPLICATES * (2 * PER_DECADE * DECADES + 1)
    whole = updates_of(cell, problem.samples)
    most = WORK / (trials * problem.net.size)
    return min(1.0, max(FEWEST, min(SHARE * whole, most)) / whole)


def forecast(cell: Cell, problem: Problem) -> KnownLimit | None:
    """The limit by a short run, its lower end no higher than what the short run itself bears; None where it
    met no end."""
    made = short_run(cell, problem, ShortRunSettings(REPLICATES, share_of(cell, problem)))
    short = made.summary
    limit, low, high = short.limit_forecast, short.limit_forecast_low, short.limit_forecast_high
    if limit is None or low is None or high is None:
        return None
    return KnownLimit(limit, min(low, float(made.of[Predictor.TENTH].min())), high, SHORT_RUN)


def practise(cell: Cell, problem: Problem, highest: float | None) -> Practice:
    """Runs at rates up to `highest`, or over the range in which the optimizer is usually searched."""
    whole = updates_of(cell, problem.samples)
    updates = max(2, round(share_of(cell, problem) * whole))
    rates = _rates(cell, highest)
    return Practice(rates, _gaps(cell, problem, rates, updates), updates, whole)


def _rates(cell: Cell, highest: float | None) -> np.ndarray:
    if highest is None:
        decades = np.log10(cell.rates.high / cell.rates.low)
        return np.geomspace(cell.rates.low, cell.rates.high, round(decades * PER_DECADE) + 1)
    return np.asarray(highest * 10 ** (np.arange(-DECADES * PER_DECADE, 1) / PER_DECADE))


def _gaps(cell: Cell, problem: Problem, rates: np.ndarray, updates: int) -> np.ndarray:
    """(G,) as in `Practice`."""
    names = [f"practice-{k}" for k in range(REPLICATES) for _ in rates]
    theta = np.stack([problem.start(name) for name in names]).astype(cell.protocol.precision)
    initial = problem.net.evaluate(theta, problem.parts["train"]) - problem.best_loss
    trace = train(
        problem.net,
        cell.make_optimizer(lr=np.tile(rates, REPLICATES)),
        theta,
        problem.parts["train"],
        cell.strategy,
        [problem.order(name) for name in names],
        evaluate_at=[0],
        ceiling=problem.best_loss + EXPLOSION * initial,
        updates_at=sorted({int(t) for t in np.linspace(0, updates, EVALUATIONS + 1)}),
    )
    gap = (trace.values["train_loss"] - problem.best_loss) / initial[:, None]
    end = gap[:, -max(1, gap.shape[1] // 4) :].mean(axis=1)
    each = np.where(trace.first_bad_step == 0, end, np.inf).reshape(REPLICATES, -1)
    return np.where(np.isfinite(each).all(axis=0), np.median(each, axis=0), np.inf)
