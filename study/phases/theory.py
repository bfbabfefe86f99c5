"""What theory says of a cell: up to which learning rate it is stable, and at which gap noise keeps it.

Least squares are the case that theory knows: exactly with full batches, and with random ones almost surely,
for single runs, and in mean square, for the mean over many. Networks have the curvature at their start,
which training changes. Methods that divide by what they have seen of the gradients have no such rate, and
it is said why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import ClassVar

import numpy as np

from overshoot.core import (
    Estimate,
    Optimizer,
    almost_sure_rates,
    fixed_order_rate,
    mean_square_rate,
    noise_floor,
    sharpness,
    smallest_eigenvalue,
)
from overshoot.core.losses import LOSSES
from overshoot.core.optimizers.base import Recursion
from overshoot.study.experiment.cells import CONSTANT, Cell
from overshoot.study.phases.phase import Done, Left, Phase, register
from overshoot.study.phases.stack import Run
from overshoot.study.phases.summary import Part
from overshoot.study.phases.sweep import replicates
from overshoot.study.problems.problem import Problem, least_squares
from overshoot.study.statistics import Interval, log_mean, log_median


class LimitBasis(StrEnum):
    """On what a predicted limit rests, the firmest first."""

    EXACT = "exact"
    ORDER = "exact_for_the_order"
    ALMOST_SURE = "almost_sure"
    AT_THE_START = "curvature_at_the_start"
    NONE = "none"


class NoLimit(StrEnum):
    """Why no limit is predicted."""

    SCHEDULE = "schedule"  # it changes the rate during training
    DIVIDES = "divides_by_gradients"  # the method's steps are bounded
    UNKNOWN = "none_known"  # of this method
    WEIGHT_DECAY = "weight_decay"  # with random batches
    ORDER_UNCOMPUTED = "order_not_computed"  # the radius of an epoch's map did not converge
    EPOCHS_UNCOMPUTED = "epochs_not_computed"  # too long to be followed, or the rates tried do not enclose it
    CURVATURE_UNCOMPUTED = "curvature_not_computed"  # at the start it did not converge
    ROOT = "root_of_a_loss"  # the better the fit, the more it curves
    NO_CURVATURE = "no_upward_curvature"  # at the start


@dataclass(frozen=True)
class TheorySummary(Part):
    """The predicted limit (see `Prediction`), and what it was computed from.

    limit_mean_square, limit_by_batch: of the mean square, by batch size drawn without replacement.
    sharpness_start, curvature_low: largest Hessian eigenvalue at the start, and the smallest that is not 0.
    """

    limit_basis: LimitBasis
    limit_predicted: float | None = None
    limit_predicted_low: float | None = None
    limit_predicted_high: float | None = None
    limit_mean_square: float | None = None
    limit_missing: NoLimit | None = None
    sharpness_start: float | None = None
    curvature_low: float | None = None
    limit_by_batch: dict[int, float] | None = None


SEQUENCES = 8
"""Of batches, of which the almost sure limit is estimated."""


@dataclass(frozen=True)
class Prediction:
    """The predicted critical learning rate, on what it rests, and, where there is no rate, why.

    interval: of a rate that is an estimate. mean_square: the rate above which the mean of the squared
    distance grows, as if the batches were drawn independently; None with full batches and one fixed order,
    and where it was not found.
    """

    basis: LimitBasis
    rate: float | None = None
    missing: NoLimit | None = None
    interval: Interval | None = None
    mean_square: float | None = None


def predict(cell: Cell, problem: Problem, sequences: int = SEQUENCES) -> Prediction:
    """Above which constant learning rate the cell's runs are predicted to diverge.

    sequences: of batches, at least two, of which an almost sure limit is estimated.
    """
    method = cell.make_optimizer()
    if cell.schedule != CONSTANT:
        return Prediction(LimitBasis.NONE, missing=NoLimit.SCHEDULE)
    if method.recursion is None:
        return Prediction(LimitBasis.NONE, missing=_without_limit(method))
    if LOSSES[problem.net.loss].root_of:
        return Prediction(LimitBasis.NONE, missing=NoLimit.ROOT)
    if not least_squares(cell):
        return _at_the_start(method, sharpness_at_starts(problem, len(replicates(cell))))
    if cell.strategy.size is None:
        return Prediction(LimitBasis.EXACT, _rate(method, _largest(problem)))
    if method.recursion.weight_decay:
        # With random batches limits are known of losses without weight decay alone.
        return Prediction(LimitBasis.NONE, missing=NoLimit.WEIGHT_DECAY)
    if cell.strategy.drawn.repeats:
        return _in_fixed_order(cell, problem, method.recursion)
    return _almost_surely(cell, problem, method.recursion, sequences)


def theory_summary(cell: Cell, problem: Problem) -> TheorySummary:
    """What goes into the cell's summary."""
    prediction = predict(cell, problem)
    return TheorySummary(
        limit_basis=prediction.basis,
        limit_predicted=prediction.rate,
        limit_predicted_low=prediction.interval.low if prediction.interval else None,
        limit_predicted_high=prediction.interval.high if prediction.interval else None,
        limit_mean_square=prediction.mean_square,
        limit_missing=prediction.missing,
        sharpness_start=_median(sharpness_at_starts(problem, len(replicates(cell)))),
        curvature_low=_flattest(problem, len(replicates(cell))),
        limit_by_batch=_by_batch(cell, problem),
    )


def floors(cell: Cell, problem: Problem, runs: Sequence[Run]) -> np.ndarray:
    """The gap q (runs,) around which noise is predicted to keep each run; NaN where no floor is predicted.

    Least squares with random batches, below the mean-square limit. A mean over time and over runs, reached
    once the start is forgotten. Of reshuffled batches it is the floor of independent ones, far above their
    own at small rates.
    """
    recursion = cell.make_optimizer().recursion
    known = cell.strategy.size is not None and not cell.strategy.drawn.repeats and cell.schedule == CONSTANT
    if not least_squares(cell) or recursion is None or recursion.weight_decay or not known:
        return np.full(len(runs), np.nan)
    rates, place = np.unique([run.trial.rate for run in runs], return_inverse=True)
    X, residuals = _inputs(problem), problem.residuals
    excess = noise_floor(X, residuals, rates, cell.strategy.size, cell.strategy.drawn.replacement, recursion)
    return excess[place] / (np.array([run.train_loss[0] for run in runs]) - problem.best_loss)


def threshold(cell: Cell, run: Run) -> float:
    """The largest curvature at which the run's rate is stable; NaN where none is known."""
    if cell.schedule != CONSTANT:
        return float("nan")
    known = cell.make_optimizer(lr=run.trial.rate).critical_curvature()
    return float("nan") if known is None else float(known)


@lru_cache(maxsize=32)
def sharpness_at_starts(problem: Problem, replicates: int) -> tuple[Estimate, ...]:
    """Largest Hessian eigenvalue of the training loss at the start of each of the sweep's replicates."""
    return tuple(sharpness(problem.net, _starts(problem, replicates), problem.exact))


def _starts(problem: Problem, replicates: int) -> np.ndarray:
    return np.stack([problem.start(f"sweep-{k}") for k in range(replicates)])


def _in_fixed_order(cell: Cell, problem: Problem, recursion: Recursion) -> Prediction:
    """The median over the replicates, each of which has an order of its own."""
    n, cuts = problem.samples, cell.strategy.cuts(problem.samples)
    orders = [cell.strategy.samples(problem.order(replicate), 0, n) for replicate in replicates(cell)]
    limits = [fixed_order_rate(_inputs(problem), [order[cut] for cut in cuts], recursion) for order in orders]
    rate = _median(limits)
    if rate is None:
        return Prediction(LimitBasis.NONE, missing=NoLimit.ORDER_UNCOMPUTED)
    return Prediction(LimitBasis.ORDER, rate)


def _almost_surely(cell: Cell, problem: Problem, recursion: Recursion, sequences: int) -> Prediction:
    """The mean over sequences of batches in the cell's order, of which no replicate meets any."""
    squared = _mean_square(problem, cell.strategy.size, cell.strategy.drawn.replacement, recursion)
    mean_square = squared.value if squared.converged else None
    seeds = [problem.order(f"limit-{k}") for k in range(sequences)]
    rates = almost_sure_rates(_inputs(problem), cell.strategy, seeds, recursion)
    if not np.isfinite(rates).all():
        return Prediction(LimitBasis.NONE, missing=NoLimit.EPOCHS_UNCOMPUTED, mean_square=mean_square)
    limit = log_mean(rates)
    return Prediction(LimitBasis.ALMOST_SURE, limit.value, interval=limit, mean_square=mean_square)


def _at_the_start(method: Optimizer, curvatures: Sequence[Estimate]) -> Prediction:
    curvature = _median(curvatures)
    if curvature is None:
        return Prediction(LimitBasis.NONE, missing=NoLimit.CURVATURE_UNCOMPUTED)
    rate = log_median(np.array([_rate(method, estimate.value) for estimate in curvatures]))
    if not np.isfinite(rate):
        return Prediction(LimitBasis.NONE, missing=NoLimit.NO_CURVATURE)
    return Prediction(LimitBasis.AT_THE_START, rate)


def _without_limit(method: Optimizer) -> NoLimit:
    return NoLimit.UNKNOWN if method.critical_rate(1.0) is None else NoLimit.DIVIDES


def _rate(method: Optimizer, curvature: float) -> float:
    rate = method.critical_rate(curvature)
    assert rate is not None, f"{method.name} is a linear recursion, and so has a limit"
    return float(rate)


def _median(estimates: Sequence[Estimate]) -> float | None:
    converged = all(estimate.converged for estimate in estimates)
    return log_median(np.array([estimate.value for estimate in estimates])) if converged else None


def _flattest(problem: Problem, replicates: int) -> float | None:
    """Smallest non-zero eigenvalue at the start, of models without hidden layers."""
    if len(problem.net.sizes) > 2 or LOSSES[problem.net.loss].weights is None:
        return None
    smallest = smallest_eigenvalue(problem.net, _starts(problem, replicates), problem.exact)
    return None if np.isnan(smallest).any() else float(np.median(smallest))


def _inputs(problem: Problem) -> np.ndarray:
    return problem.inputs


def _largest(problem: Problem) -> float:
    X = _inputs(problem)
    return float(np.linalg.svd(X, compute_uv=False)[0] ** 2 / len(X))


@lru_cache(maxsize=256)
def _mean_square(problem: Problem, size: int | None, replacement: bool, recursion: Recursion) -> Estimate:
    return mean_square_rate(_inputs(problem), size, replacement, recursion)


def _by_batch(cell: Cell, problem: Problem) -> dict[int, float] | None:
    """Batch size -> mean-square limit of batches drawn independently without replacement."""
    recursion = cell.make_optimizer().recursion
    if not least_squares(cell) or recursion is None or recursion.weight_decay or cell.schedule != CONSTANT:
        return None
    sizes = sorted({*(2**k for k in range(problem.samples.bit_length())), problem.samples})
    limits = {size: _mean_square(problem, size, False, recursion) for size in sizes}
    return {size: float(limit.value) for size, limit in limits.items() if limit.converged}


@dataclass(frozen=True)
class Predicted(Left):
    """What is predicted of the cell, and of each of its runs: where noise keeps it, and up to which curvature
    its rate is stable."""

    facts: TheorySummary
    noise_floor: np.ndarray
    threshold: np.ndarray
    runs: Sequence[Run] = ()

    @property
    def summary(self) -> TheorySummary:
        return self.facts

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        return {"noise_floor": self.noise_floor, "threshold": self.threshold}


@register
class Theory(Phase):
    """What is predicted, beside what was measured; it trains nothing, and comes last."""

    name: ClassVar[str] = "theory"
    rank: ClassVar[int] = 1000
    part: ClassVar[type[Part]] = TheorySummary

    def run(self, cell: Cell, problem: Problem, done: Done) -> Predicted:
        runs = done.runs
        thresholds = np.array([threshold(cell, run) for run in runs])
        return Predicted(theory_summary(cell, problem), floors(cell, problem, runs), thresholds)
