"""The short run: a forecast of a network's stability limit, from trials of a tenth of the budget.

On networks theory knows the curvature at the start alone, and training changes it. So a few trials climb
from a rate that theory calls safe, rung by rung, each for a tenth of a trial's budget: where the loss ends no
lower than it began the climb is over. What they meet on their way gives several forecasts of the limit
(`Predictor`), and a study compares them with the limit that it measures:

- along one update, the smallest rate that raises the loss (2 over it is the critical
  sharpness of Kalra et al. 2026);
- along a hundredth and a tenth of the budget, the rate at which that many updates no longer lower the loss;
- from curvature, the rate whose threshold is the batch sharpness, at the start and after a safe run
  (Andreyev & Beneventano 2024), with momentum's transition between batches (`core.transition_rate`).

For gradient descent, plain or with momentum, the forecast is the climb of a tenth of the budget. A method
that divides its steps by past gradients does not blow up: it is thrown out and returns as far as the budget
lets it, so that a tenth of the budget bears less than all of it. Its forecast is extended to the whole budget
(`extended`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import ClassVar

import numpy as np

from overshoot.core import (
    ACTIVATIONS,
    Batch,
    Optimizer,
    Trace,
    batch_sharpness,
    critical_rate,
    train,
    transition_rate,
)
from overshoot.core.hessian import gradient
from overshoot.core.loop import Divisor
from overshoot.core.optimizers.base import Recursion
from overshoot.study.experiment.cells import CONSTANT, Cell, Choice, PhaseSettings
from overshoot.study.experiment.reader import Reader
from overshoot.study.phases.climb import PART, TREND, Climb
from overshoot.study.phases.phase import MOST_TRIALS, Done, Left, Phase, StackCost, register
from overshoot.study.phases.stack import EXPLOSION, Run, updates_of
from overshoot.study.phases.summary import Part
from overshoot.study.problems.problem import Problem, least_squares

SHORT_RUN = "short run"
"""The basis of a prediction that is its forecast, as `LimitBasis` has others."""

SAFE = 0.1
"""Of the limit that theory has from the curvature at the start: the climb's first rung."""

FOLLOWED = 2
"""The rung, 0.3 times that limit, whose run the curvature is taken after."""

PER_DECADE, RUNGS, LADDERS = 4, 6, 6
"""Rungs of the climb: so many a decade; so many train together; and so often it goes on, up or down."""

BATCHES = 32
"""Of which a batch sharpness is the mean."""

EPSILON = 1e-8
"""Added to a gradient's size before it divides, as methods do."""


@dataclass(frozen=True)
class ShortRunSettings(PhaseSettings, phase="short_run"):
    """On how many `replicates` the climb is made, and which `share` of a trial's updates each rung has."""

    replicates: int = 3
    share: float = 0.1


class Predictor(StrEnum):
    """Where a forecast comes from."""

    BATCH_AT_START = "batch_sharpness_at_start"
    FIRST_UPDATE = "first_update"
    BATCH_AFTER_RUN = "batch_sharpness_after_run"
    HUNDREDTH = "climb_hundredth"
    TENTH = "climb_tenth"
    EXTENDED = "climb_extended"


@dataclass(frozen=True)
class ShortRunSummary(Part):
    """limit_forecast: the rate from which runs of the whole budget are expected to diverge, None where the
    climb met no end; limit_forecast_low, limit_forecast_high: the least and the most of its replicates.
    forecast_basis: the predictor that it is. limit_forecasts: of each predictor, the median over replicates.
    safe_rate: the first rung; climb_updates: of each rung; climb_trials: how many were run."""

    forecast_basis: Predictor
    safe_rate: float
    climb_updates: int
    climb_trials: int
    limit_forecasts: dict[str, float]
    limit_forecast: float | None = None
    limit_forecast_low: float | None = None
    limit_forecast_high: float | None = None


def settings_of(cell: Cell) -> ShortRunSettings | None:
    """How the short run is made: at a constant rate, where theory does not know the limit; elsewhere None."""
    meant = cell.schedule == CONSTANT and not least_squares(cell)
    return cell.protocol.get(ShortRunSettings) if meant else None


def short_run(cell: Cell, problem: Problem, settings: ShortRunSettings) -> Forecasts:
    """The climb of a cell and its forecasts."""
    names = [f"short-{k}" for k in range(settings.replicates)]
    starts = np.stack([problem.start(name) for name in names])
    whole = updates_of(cell, problem.samples)
    tenth = max(2, round(settings.share * whole))
    marks = sorted({max(1, tenth // 10), *(round(x) for x in np.geomspace(PART * tenth, tenth, TREND))})
    batches = drawn_batches(cell, problem)
    at_start = curvature_rates(cell, problem, starts, batches)
    first = first_update(cell, problem, starts, batches)
    safe = SAFE * _scale(cell, at_start, first)
    climb = climb_from(cell, problem, names, safe, marks, whole)
    after = curvature_rates(cell, problem, climb.theta, batches, climb.divisor)
    of = {
        Predictor.BATCH_AT_START: at_start,
        Predictor.FIRST_UPDATE: first,
        Predictor.BATCH_AFTER_RUN: after,
        Predictor.HUNDREDTH: climb.crossing(marks[0]),
        Predictor.TENTH: climb.crossing(marks[-1]),
    }
    if cell.make_optimizer().recursion is None:
        of[Predictor.EXTENDED] = extended(cell, climb, whole)
    return Forecasts(of, safe, tenth, climb.ratio.shape[0] * climb.ratio.shape[1])


def extended(cell: Cell, climb: Climb, whole: int) -> np.ndarray:
    """(K,) the rate from which the whole budget is expected to leave an adaptive method's loss above its
    start.

    A method that divides by the sum of all past squares shrinks its steps as 1 / sqrt(t), and so bears more
    by that much. With small batches others soon hover where steps and noise balance, and a tenth of the
    budget shows it, where the weights have a scale: that of a decay, or of units that saturate. With full
    batches, and with ReLU, whose networks do at every scale what they do at one, the loss goes on falling:
    there its trend is followed.
    """
    if by_trend(cell):
        return climb.crossing_by(whole)
    updates, accumulates = climb.updates[-1], cell.make_optimizer().accumulates
    return climb.crossing(updates) * np.sqrt(whole / updates if accumulates else 1.0)


def by_trend(cell: Cell) -> bool:
    """Whether the forecast follows the trend of the loss: of an adaptive method, and as `extended` says."""
    method = cell.make_optimizer()
    if method.recursion is not None or method.accumulates:
        return False
    homogeneous = cell.network.hidden and ACTIVATIONS[cell.network.activation].homogeneous
    return not cell.strategy.size or bool(homogeneous and not method.decays)


@dataclass(frozen=True)
class Forecasts:
    """of: predictor -> (K,) its rate for each replicate. safe: the first rung; updates: of each rung; trials:
    how many were run."""

    of: Mapping[Predictor, np.ndarray]
    safe: float
    updates: int
    trials: int

    @property
    def basis(self) -> Predictor:
        return Predictor.EXTENDED if Predictor.EXTENDED in self.of else Predictor.TENTH

    @property
    def summary(self) -> ShortRunSummary:
        medians = {name.value: _median(values) for name, values in self.of.items()}
        chosen = self.of[self.basis]
        known = np.isfinite(chosen).all()
        return ShortRunSummary(
            self.basis,
            self.safe,
            self.updates,
            self.trials,
            {name: value for name, value in medians.items() if np.isfinite(value)},
            *((medians[self.basis], float(chosen.min()), float(chosen.max())) if known else ()),
        )


def _median(values: np.ndarray) -> float:
    known = values[values > 0]
    return float(np.exp(np.median(np.log(known)))) if len(known) else float("inf")


def drawn_batches(cell: Cell, problem: Problem) -> list[np.ndarray]:
    """The row numbers of BATCHES batches in the cell's order, of which no replicate meets any."""
    strategy, n = cell.strategy, problem.samples
    if strategy.size is None:
        return [np.arange(n)]
    seed, drawn = problem.order("short-curvature"), []
    for epoch in range(-(-BATCHES // strategy.updates(n))):
        order = strategy.samples(seed, epoch, n)
        drawn += [order[cut] for cut in strategy.cuts(n)]
    return drawn[:BATCHES]


def curvature_rates(
    cell: Cell,
    problem: Problem,
    theta: np.ndarray,
    batches: Sequence[np.ndarray],
    divisor: np.ndarray | None = None,
) -> np.ndarray:
    """(K,) the rate at which the batch sharpness at theta (K, P) is at the method's threshold; NaN without
    one. divisor: as in `Climb`; by default the root mean square of the batches' gradients."""
    method = cell.make_optimizer()
    if method.recursion is None and (divisor is None or not (np.isfinite(divisor) & (divisor > 0)).all()):
        divisor = typical_size(problem, theta, batches)
    if not np.isfinite(theta).all() or (divisor is not None and not np.isfinite(divisor).all()):
        return np.full(len(theta), np.nan)
    every = [np.arange(problem.samples)]
    mean = batch_sharpness(problem.net, theta, problem.exact, every, divisor)
    batch = batch_sharpness(problem.net, theta, problem.exact, batches, divisor)
    return np.array([stable(method, *pair) for pair in zip(mean.tolist(), batch.tolist(), strict=True)])


def stable(method: Optimizer, mean: float, batch: float) -> float:
    """The rate at which this curvature is at the method's threshold: `mean` along the gradient of the whole
    loss, `batch` the mean over batches along their own; NaN where it does not curve upwards.

    A method that divides by P averages its gradients, so that noise counts in full: with 2 for gradient
    descent's threshold, 1 / rate = (batch - mean) / 2 + 1 / critical rate of the mean.
    """
    if not (mean > 0 and batch > 0):
        return float("nan")
    recursion = method.recursion
    if recursion is not None:
        return transition_rate(mean, batch, without_decay(recursion))
    critical = method.critical_rate(mean)
    known = float(critical) if critical is not None else 2 / mean
    return 1 / (max(batch - mean, 0.0) / 2 + 1 / known)


def without_decay(recursion: Recursion) -> Recursion:
    return replace(recursion, weight_decay=0.0)


def typical_size(problem: Problem, theta: np.ndarray, batches: Sequence[np.ndarray]) -> np.ndarray:
    """(K, P) the root mean square of the batches' gradients at theta, by which methods come to divide."""
    squares = np.zeros_like(theta)
    for batch in _parts(problem, batches):
        squares += gradient(problem.net, theta, batch) ** 2
    return np.asarray(np.sqrt(squares / len(batches)) + EPSILON)


def first_update(
    cell: Cell, problem: Problem, starts: np.ndarray, batches: Sequence[np.ndarray]
) -> np.ndarray:
    """(K,) the smallest rate at which one update along the gradient of the whole loss, divided as the method
    does it, raises the loss."""
    slope = gradient(problem.net, starts, problem.exact)
    if cell.make_optimizer().recursion is None:
        slope = slope / typical_size(problem, starts, batches)
    return critical_rate(problem.net, starts, problem.exact, slope)


def _parts(problem: Problem, batches: Sequence[np.ndarray]) -> list[Batch]:
    return [problem.exact.take(rows[None]) for rows in batches]


def _scale(cell: Cell, at_start: np.ndarray, first: np.ndarray) -> float:
    """The limit to which the climb's first rung is small: theory's from the start, where that is known, or
    the first update's, or the middle of the range that the optimizer is usually searched in."""
    scales = (_median(at_start), _median(first), float(np.sqrt(cell.rates.low * cell.rates.high)))
    return next(scale for scale in scales if 0 < scale < np.inf)


def climb_from(
    cell: Cell, problem: Problem, replicates: Sequence[str], safe: float, marks: Sequence[int], whole: int
) -> Climb:
    """Train up the ladder from `safe` on until every replicate is past its crossing, and past that of its
    trend where this is followed; and down from it while one is past it there."""
    trend = by_trend(cell)
    rates = safe * 10 ** (np.arange(RUNGS) / PER_DECADE)
    ratio, trace = _ladder(cell, problem, replicates, rates, marks)
    followed = np.arange(len(replicates)) * RUNGS + FOLLOWED
    divisor = trace.last["divisor"][followed] if "divisor" in trace.last else None
    theta = trace.theta[followed].astype(np.float64)
    climb = Climb(rates, np.array(marks), ratio, theta, divisor)
    for _ in range(LADDERS):
        past = ~(climb.ratio[:, :, -1] < 1)
        beyond = climb.extended(whole) >= 0 if trend else past
        if past[:, 0].any():
            more = climb.rates[0] * 10 ** (np.arange(-RUNGS, 0) / PER_DECADE)
        elif not (past.any(axis=1).all() and beyond[:, -1].all()):
            more = climb.rates[-1] * 10 ** (np.arange(1, RUNGS + 1) / PER_DECADE)
        else:
            break
        climb = climb.joined(more, _ladder(cell, problem, replicates, more, marks)[0])
    return climb


def _ladder(
    cell: Cell, problem: Problem, replicates: Sequence[str], rates: np.ndarray, marks: Sequence[int]
) -> tuple[np.ndarray, Trace]:
    """The loss over its start (K, G, H) at each of `marks`, of every replicate at every rate."""
    names = [name for name in replicates for _ in rates]
    theta = np.stack([problem.start(name) for name in names]).astype(cell.protocol.precision)
    method, data = cell.make_optimizer(lr=np.tile(rates, len(replicates))), problem.parts["train"]
    first = problem.net.evaluate(theta, data)
    divides = method.recursion is None
    trace = train(
        problem.net,
        method,
        theta,
        data,
        cell.strategy,
        [problem.order(name) for name in names],
        evaluate_at=[0],
        updates_at=marks,
        ceiling=problem.best_loss + EXPLOSION * (first - problem.best_loss),
        measure={"divisor": _divisor} if divides else None,
    )
    losses = trace.values["train_loss"][:, 1:] / first[:, None]
    return losses.reshape(len(replicates), len(rates), len(marks)), trace


def _divisor(theta: np.ndarray, divisor: Divisor) -> np.ndarray:
    P = divisor()
    return np.full_like(theta, np.nan) if P is None else P


@dataclass(frozen=True)
class Forecast(Left):
    """What the short run says; its trials are no trials of the cell's budget, and are not kept."""

    forecasts: Forecasts
    runs: Sequence[Run] = ()

    @property
    def summary(self) -> ShortRunSummary:
        return self.forecasts.summary


@register
class ShortRun(Phase):
    """A forecast of the stability limit, before it is measured."""

    name: ClassVar[str] = "short_run"
    rank: ClassVar[int] = 38
    part: ClassVar[type[Part]] = ShortRunSummary

    def read(self, top: Reader, optimizers: Sequence[Choice] | None) -> ShortRunSettings | None:
        if not top.has(self.name):
            return None
        t, default = top.table(self.name), ShortRunSettings()
        settings = ShortRunSettings(
            replicates=t.integer("replicates", default.replicates, low=1, high=MOST_TRIALS),
            share=t.number("share", default.share, high=1.0, low=1e-6),
        )
        t.done()
        return settings

    def asked(self, cell: Cell) -> bool:
        return settings_of(cell) is not None

    def run(self, cell: Cell, problem: Problem, done: Done) -> Forecast:
        settings = settings_of(cell)
        assert settings is not None, "it is run where it is asked for"
        return Forecast(short_run(cell, problem, settings))

    def stacks(self, cell: Cell, samples: int) -> Sequence[StackCost]:
        """As if two ladders were enough, as they mostly are, or four where a trend is followed."""
        settings = settings_of(cell)
        if settings is None:
            return []
        updates = max(2, round(settings.share * updates_of(cell, samples)))
        ladders = 4 if by_trend(cell) else 2
        products = 2 * settings.replicates * (BATCHES if cell.strategy.size else 1)
        return [StackCost(settings.replicates * RUNGS, updates, products)] * ladders
