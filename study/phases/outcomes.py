"""What happened to a run: a closed vocabulary.

q_t = (L_t - L*) / (L_0 - L*) is the training gap relative to the initial one; q_end its median over
the last tenth of the evaluations, at least three of them.

diverged    not finite, or q above a million; or it ended at or above its start after an excursion;
            or it was still growing when the budget ended: more than a doubling over the last quarter
            by Theil-Sen, in a steady rise, to more than twice the smallest q and more than 0.1.
converged   q stayed at or below the tolerance over the whole last window.
too small   neither, at a rate below the best one of the sweep.
too large   neither, at a rate above the best one. Adaptive methods do not overflow: this is where
            they floor or oscillate.
unresolved  neither, at the best rate itself: the budget ended first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

import numpy as np

from overshoot.study.phases.stack import EXPLOSION, Run

TOLERANCES = (0.1, 0.01, 0.001)
THROWN = 1.01
"""Times the gap at the start: a run that rises above it was thrown out."""
TAU = -0.5
"""Kendall's tau of ten losses in order of time at or below which they count as descending; under no
trend its standard deviation is 0.25."""
STEADY = 0.8
"""Kendall's tau at or above which they count as growing: a divergence grows at nearly every
evaluation, while a noisy floor reaches this in one of 200 runs of seven losses."""


class Outcome(StrEnum):
    """How a run ended."""

    CONVERGED = "converged"
    TOO_SMALL = "too small"
    TOO_LARGE = "too large"
    DIVERGED = "diverged"
    UNRESOLVED = "unresolved"


class Reason(StrEnum):
    """Why a run has its outcome; the numbers that belong to it are in the run's row.

    EXPLODED, NOT_FINITE: at `first_bad_step`. ENDED_ABOVE: at `q_end` times its distance from the optimum.
    GROWING, DESCENDING: still, when the budget ended. LEVEL: on a plateau, or oscillating.
    """

    EXPLODED = "exploded"
    NOT_FINITE = "not_finite"
    ENDED_ABOVE = "ended_above_start"
    GROWING = "still_growing"
    REACHED = "within_tolerance"
    DESCENDING = "still_descending"
    LEVEL = "level"


@dataclass(frozen=True)
class Verdict:
    """A run's outcome, and why."""

    outcome: Outcome
    reason: Reason


def window(evaluations: int) -> int:
    """Evaluations in the last window, the end of a run: a tenth, at least three, at most all."""
    return min(evaluations, max(3, -(-evaluations // 10)))


def gap(losses: np.ndarray, best: float) -> np.ndarray:
    """q_t of a curve (E,); not finite where the loss is not."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray((losses - best) / (losses[0] - best))


def median(values: np.ndarray) -> float:
    """Median of a few values (n,), NaN where one is: NumPy's own takes ten times as long."""
    if math.isnan(values.sum()) and np.isnan(values).any():
        return math.nan
    ordered, half = sorted(values.tolist()), len(values) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def q_end(run: Run, best: float) -> float:
    """Median gap over the last window; inf for a run that left."""
    if run.first_bad_step:
        return float("inf")
    q = gap(run.train_loss, best)
    return median(q[-window(len(q)) :])


def peak(run: Run, best: float) -> float:
    """The largest gap of a run on its way, inf for a run that left."""
    return float("inf") if run.first_bad_step else float(gap(run.train_loss, best).max())


def converged(run: Run, best: float, tolerance: float) -> bool:
    """Whether the gap of a run stayed at or below the tolerance over the whole last window."""
    q = gap(run.train_loss, best)
    return not run.first_bad_step and bool(np.all(q[-window(len(q)) :] <= tolerance))


def hitting_examples(run: Run, best: float, tolerance: float) -> float:
    """Examples at the first evaluation after which q stays at or below `tolerance`; inf for never."""
    above = np.flatnonzero(~(gap(run.train_loss, best) <= tolerance))
    if run.first_bad_step or (len(above) and above[-1] == len(run.examples) - 1):
        return float("inf")
    return float(run.examples[above[-1] + 1 if len(above) else 0])


def growth(run: Run) -> float:
    """Mean factor by which the training loss changed at each update, up to the last finite state."""
    first, last = run.train_loss[0], run.train_loss[-1]
    if not run.last_update or not np.isfinite(last) or last <= 0 or first <= 0:
        return float("nan")
    return float(np.exp((np.log(last) - np.log(first)) / run.last_update))


def trend(q: np.ndarray) -> tuple[float, float]:
    """Theil-Sen slope of ln q over an evaluation, and Kendall's tau with time, over the last quarter."""
    tail = np.log(np.maximum(q[-max(4, len(q) // 4) :], np.finfo(float).tiny))
    i, j = _pairs(len(tail))
    rise = tail[j] - tail[i]
    return median(rise / (j - i)), float(np.mean(np.sign(rise)))


@cache
def _pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    i, j = np.triu_indices(n, 1)
    return i, j


def divergence(run: Run, best: float) -> Reason | None:
    """Why the run counts as diverged, or None."""
    if run.first_bad_step:
        if np.isfinite(run.train_loss[-1]) and gap(run.train_loss, best)[-1] > EXPLOSION:
            return Reason.EXPLODED
        return Reason.NOT_FINITE
    q = gap(run.train_loss, best)
    end = q_end(run, best)
    if end >= 1 and q.max() > THROWN:
        return Reason.ENDED_ABOVE
    # Below the largest tolerance, and without a steady rise, a doubling is noise around a floor.
    if end <= max(TOLERANCES) or end <= 2 * q.min():
        return None
    slope, tau = trend(q)
    growing = slope * max(4, len(q) // 4) > np.log(2) and tau >= STEADY
    return Reason.GROWING if growing else None


def judge(run: Run, best_loss: float, tolerance: float, best_rate: float | None) -> Verdict:
    """The verdict on a run, given the sweep's best rate (None when every rate diverged)."""
    reason = divergence(run, best_loss)
    if reason:
        return Verdict(Outcome.DIVERGED, reason)
    q = gap(run.train_loss, best_loss)
    if converged(run, best_loss, tolerance):
        return Verdict(Outcome.CONVERGED, Reason.REACHED)
    falling = Reason.DESCENDING if trend(q)[1] <= TAU else Reason.LEVEL
    if best_rate is None or math.isclose(run.trial.rate, best_rate, rel_tol=1e-6):
        return Verdict(Outcome.UNRESOLVED, falling)
    return Verdict(Outcome.TOO_SMALL if run.trial.rate < best_rate else Outcome.TOO_LARGE, falling)
