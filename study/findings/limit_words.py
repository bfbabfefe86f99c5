"""What the findings on stability limits say in the same words: where a prediction holds, why it is off."""

from __future__ import annotations

from typing import Any

from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import Comparison, Range
from overshoot.study.findings.phrases import cell_name
from overshoot.study.numbers import between, both, fixed, number
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.statistics import Interval

SECTION = "limits"
"""The section of the report that these findings open."""

WHERE = {
    LimitBasis.EXACT: "with full batches on least squares",
    LimitBasis.ORDER: "with one fixed order on least squares",
    LimitBasis.ALMOST_SURE: "with random batches on least squares",
    LimitBasis.AT_THE_START: "on networks",
}
"""Basis of a prediction -> where that is, in a sentence."""

KNOWN = {
    LimitBasis.EXACT: "where theory is exact",
    LimitBasis.ORDER: "where theory is exact for that order",
    LimitBasis.ALMOST_SURE: "where theory follows the growth of single runs",
    LimitBasis.AT_THE_START: "where theory knows only the curvature at the start",
}
"""Basis of a prediction -> what theory knows there."""

CAUSES = {
    (
        LimitBasis.EXACT,
        True,
    ): "just above its limit a run grows too slowly to show in the updates it is watched for",
    (
        LimitBasis.EXACT,
        False,
    ): "below its limit a run may rise before it falls, which counts as divergence when the watch is short",
    (
        LimitBasis.ORDER,
        True,
    ): "with one order the rates that diverge come in windows with stable rates between them; the lowest "
    "window is predicted, and it can be so narrow that it lies between two of the rates that were run",
    (
        LimitBasis.ORDER,
        False,
    ): "the noise of the batches drives a cycle that ends above the start and counts as divergence "
    "although it does not grow",
    (
        LimitBasis.ALMOST_SURE,
        True,
    ): "close to its limit a run grows or shrinks by the luck of its batches, and may shrink for as long as "
    "it is watched",
    (
        LimitBasis.ALMOST_SURE,
        False,
    ): "the prediction leaves out the noise of the residuals, which keeps a run at a noise floor, from where "
    "single batches throw it far; so below the limit a run may end above its start, which counts as "
    "divergence",
    (
        LimitBasis.AT_THE_START,
        True,
    ): "the first large steps land where the loss curves less than at "
    "the start, so training survives a rate that is too large for its first step",
    (
        LimitBasis.AT_THE_START,
        False,
    ): "curvature grows during training, and the noise of small batches adds to it",
}
"""Basis, and whether the measured limit is above the predicted one -> why they differ."""


def cause(cell: dict[str, Any]) -> str:
    """Why a measured limit is not at its prediction, in a clause."""
    if cell["low"] <= cell["predicted"] <= cell["high"]:
        return "they agree: the prediction lies in the interval of the measured limit"
    if cell["predicted_low"] <= cell["measured"] <= cell["predicted_high"]:
        return "they agree: the prediction is an estimate, and its interval holds the measured limit"
    return CAUSES[cell["basis"], cell["ratio"] > 1]


def where(tables: Tables, cell: dict[str, Any]) -> str:
    """`Adam, mini-batch 16, on diabetes`."""
    return cell_name(tables.study, cell)


def times(interval: Interval) -> str:
    """A factor with its interval: three decimals where all of it is within 5 % of 1, or where an end that is
    not 1 would read as if it were."""
    return between(interval, _digits(interval))


def _digits(interval: Interval) -> int:
    ends = (interval.value, interval.low, interval.high)
    close = interval.excludes(1) and 1 in (round(interval.low, 2), round(interval.high, 2))
    fine = close or max(abs(v - 1) for v in ends) < 0.05
    return 3 if fine else 2 if max(ends) < 10 else 1


def both_times(ratio: Interval, here: Interval | None) -> str:
    """`times`, with the interval over replicates where it is known: `2.04 ([1.90, 2.20] on these problems,
    [1.29, 4.59] on problems like these)`."""
    if here is None:
        return times(ratio)
    digits = min(_digits(ratio), _digits(here))
    return both(Comparison(ratio.value, here, ratio), lambda value: fixed(value, digits))


def factor(value: float) -> str:
    """A factor: 0.0034, 0.98, 1.40, 18, 4.1·10⁶."""
    if value < 0.095 or value >= 10_000:
        return number(value)
    return fixed(value, 2) if value < 10 else fixed(value, 0)


def unclear_ratio(ratio: Interval) -> bool:
    """Whether an interval includes 1. The range of few problems is shown, and nothing concluded from it."""
    return not ratio.excludes(1) and not isinstance(ratio, Range)


def upper(text: str) -> str:
    return text[0].upper() + text[1:]
