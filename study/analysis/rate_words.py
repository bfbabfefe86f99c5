"""What a rate is called after its run: too small, right, overshooting, too large or diverging.

The study's outcome (phases/outcomes.py) decides; what overshoots is set apart from the runs that
converged, and from those right of the best rate that still fall. The playground has the same in verdict.js.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from overshoot.study.phases.outcomes import THROWN, Outcome, Reason, Verdict


class RateWord(StrEnum):
    """What a rate is called."""

    TOO_SMALL = "too small"
    RIGHT = "right"
    OVERSHOOTING = "overshooting"
    TOO_LARGE = "too large"
    DIVERGING = "diverging"


def overshoots(theta: np.ndarray, gradient: np.ndarray, q: np.ndarray) -> bool:
    """Whether most steps end beyond the lowest point on their way, or the run rises above its start.

    theta, gradient: (E, P) at each step of full batches. q: (E,), the training gap over that at the start.
    """
    beyond = np.einsum("tp,tp->t", gradient[1:], np.diff(theta, axis=0)) > 0
    return bool(beyond.mean() > 0.5 or q.max() > THROWN)


def rate_word(verdict: Verdict, overshot: bool) -> RateWord:
    """What the rate of a run with this verdict is called.

    A run that overshoots and still falls is below its limit and would converge, so it is not too large.
    At the best rate itself the budget ended first, as at a rate that is too small.
    """
    match verdict.outcome:
        case Outcome.DIVERGED:
            return RateWord.DIVERGING
        case Outcome.CONVERGED:
            return RateWord.OVERSHOOTING if overshot else RateWord.RIGHT
        case Outcome.TOO_SMALL | Outcome.UNRESOLVED:
            return RateWord.TOO_SMALL
    falls = verdict.reason is Reason.DESCENDING
    return RateWord.OVERSHOOTING if overshot and falls else RateWord.TOO_LARGE
