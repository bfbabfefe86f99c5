"""What the stored codes mean, in words: reasons of outcomes, bases of limits, states of searches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from overshoot.study.phases.limit import LimitStatus
from overshoot.study.phases.outcomes import Outcome, Reason
from overshoot.study.phases.search import SearchStatus
from overshoot.study.phases.summary import Score
from overshoot.study.phases.theory import LimitBasis, NoLimit

BASES = {
    LimitBasis.EXACT: "full batches on least squares: the loss grows without bound above this rate, and "
    "not below it",
    LimitBasis.ORDER: "the same batches in the same order on least squares: an epoch is one linear map that "
    "grows or shrinks; below the limit the gap may still end above its start, as noise drives a cycle",
    LimitBasis.ALMOST_SURE: "random batches on least squares, in their order: a run grows in the long term "
    "above this rate, and shrinks below it, apart from the noise of the residuals",
    LimitBasis.AT_THE_START: "networks, before training: from the largest curvature at the start, which "
    "changes during training",
    LimitBasis.NONE: "no such rate exists, or none is known",
}
"""On what a predicted limit rests -> what that means."""

BASIS_NAMES = {
    LimitBasis.EXACT: "exact",
    LimitBasis.ORDER: "exact for the order",
    LimitBasis.ALMOST_SURE: "single runs",
    LimitBasis.AT_THE_START: "curvature at the start",
    LimitBasis.NONE: "none",
}

STATUSES = {
    LimitStatus.MEASURED: "measured",
    LimitStatus.BELOW_GRID: "below the grid",
    LimitStatus.ABOVE_GRID: "beyond the grid",
}
"""Where a measured limit lies."""

SEARCHES = {
    SearchStatus.CLEAR: "inside the searched range",
    SearchStatus.AT_BOUNDARY: "at the search boundary",
    SearchStatus.NO_STABLE_RATE: "no stable rate",
}
"""What a search ended with."""

SCORES = {Score.ACCURACY: "accuracy", Score.R_SQUARED: "R²"}

DIVERGENCES = {
    Reason.EXPLODED: "loss a million times its start",
    Reason.NOT_FINITE: "loss overflowed (not finite)",
    Reason.ENDED_ABOVE: "ended further from the optimum than it started",
    Reason.GROWING: "still growing when the budget ended",
}
"""Why runs counted as diverged, without the numbers of each."""

SIDES = {
    Outcome.TOO_SMALL: "below the best rate",
    Outcome.TOO_LARGE: "above the best rate",
    Outcome.UNRESOLVED: "at the best rate of the sweep",
}


def reason(trial: Mapping[str, Any], tolerance: float) -> str:
    """Why a trial (its row) has its outcome, a clause with its numbers."""
    code, step = Reason(trial["reason"]), int(trial["first_bad_step"])
    if code in (Reason.DESCENDING, Reason.LEVEL):
        state = "still descending" if code == Reason.DESCENDING else "on a plateau or oscillating"
        return f"{state}, {SIDES[Outcome(trial['outcome'])]}"
    return {
        Reason.EXPLODED: f"loss a million times its start by update {step:,}",
        Reason.NOT_FINITE: f"not finite at update {step:,}",
        Reason.ENDED_ABOVE: f"ended {trial['q_end']:.3g} times as far from the optimum as it started",
        Reason.GROWING: DIVERGENCES[Reason.GROWING],
        Reason.REACHED: f"gap at or below {tolerance:g} of its start",
    }[code]


def no_limit(code: str, optimizer: str) -> str:
    """Why no limit is predicted. optimizer: its label."""
    return {
        NoLimit.SCHEDULE: "the schedule changes the learning rate during training",
        NoLimit.DIVIDES: f"{optimizer} divides its steps by the size of the gradients it has seen, and these "
        "grow with the loss, so too large a rate ends on a plateau, and no rate is known at which it "
        "diverges",
        NoLimit.UNKNOWN: f"for {optimizer} no learning rate is known above which it must diverge",
        NoLimit.WEIGHT_DECAY: "with random batches limits are known only for losses without weight decay",
        NoLimit.ORDER_UNCOMPUTED: "the limit of this order could not be computed: no convergence",
        NoLimit.EPOCHS_UNCOMPUTED: "the limit of single runs could not be computed: an epoch is too long to "
        "be followed, or the rates tried do not enclose it",
        NoLimit.CURVATURE_UNCOMPUTED: "the curvature at the start could not be computed: no convergence",
        NoLimit.ROOT: "the curvature of the root of a mean loss grows without bound as the fit improves",
        NoLimit.NO_CURVATURE: "at the start the loss curves upwards in no direction",
    }[NoLimit(code)]
