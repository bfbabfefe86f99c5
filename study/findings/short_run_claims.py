"""What a short run knows of the stability limit: a finding, the words of its predictors, causes of errors."""

from __future__ import annotations

from typing import Any

import pandas as pd

from overshoot.study.analysis.frame import records
from overshoot.study.analysis.limit_evidence import LimitEvidence
from overshoot.study.analysis.limit_forecasts import THEORY, MethodKind, chosen_without
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import NAMED
from overshoot.study.findings.claims import Finding, runs_of
from overshoot.study.findings.limit_words import SECTION, factor, times, where
from overshoot.study.numbers import fixed, listing, number, plural, share
from overshoot.study.phases.short_run import Predictor

PREDICTOR_WORDS = {
    THEORY: "curvature at the start",
    Predictor.BATCH_AT_START: "batch sharpness at the start",
    Predictor.FIRST_UPDATE: "first update that raises the loss",
    Predictor.BATCH_AFTER_RUN: "batch sharpness after a safe run",
    Predictor.HUNDREDTH: "short run of a hundredth of the budget",
    Predictor.TENTH: "short run of a tenth of the budget",
}
"""Predictor -> what it is called."""

PREDICTOR_MEANS = {
    THEORY: "the rate that is just stable at the sharpness of the whole loss at the start (2/sharpness for "
    "gradient descent)",
    Predictor.BATCH_AT_START: "the same for the batch sharpness, the curvature of a batch’s own loss "
    "along that batch’s gradient, averaged over batches; for momentum with a correction for the batch size",
    Predictor.FIRST_UPDATE: "the lowest rate at which a first update along the full gradient raises the loss",
    Predictor.BATCH_AFTER_RUN: "the batch sharpness measured after a tenth of the budget at a safe rate, 0.3 "
    "times the limit expected at the start",
    Predictor.HUNDREDTH: "the lowest rate at which training for a hundredth of the budget does not lower the "
    "loss",
    Predictor.TENTH: "the lowest rate at which training for a tenth of the budget does not lower the loss",
}
"""Predictor -> which rate it is."""

KINDS = {
    MethodKind.LINEAR: "gradient descent, plain or with momentum",
    MethodKind.DIVIDES: "adaptive methods, which divide by past gradients",
}

FEW_UPDATES = 20
"""Of a short run, under which one that jumps has hardly time to come back."""


def forecast(tables: Tables, found: LimitEvidence) -> Finding | None:
    """How near the short run's forecast is to the measured limit, beside theory's prediction."""
    rows = {(row["kind"], row["predictor"]): row for row in records(found.predictors)}
    own = _own(found.forecasts)
    linear, divides = (rows.get((kind, own)) for kind in MethodKind)
    first = linear or divides
    if first is None:
        return _each(tables, found.forecasts)
    claim = (
        "A short run, a tenth of the budget, predicts the stability limit of networks to a factor of two in "
        f"{first['twice']} of {plural(first['compared'], 'cell')}"
        + (f" with {KINDS[MethodKind(first['kind'])]}." if divides is not None else ".")
    )
    parts = [_sentence(row) for row in (linear, divides) if row is not None]
    if (theory := rows.get((MethodKind.LINEAR.value, THEORY))) is not None:
        parts.append(f"The curvature at the start, for comparison: {_numbers(theory)}.")
    if divides is not None and divides["ratio"].value > 1:
        parts.append(
            "Adaptive methods rarely overflow: after too large a step they come back as far as the budget "
            "lets them. So within a tenth of the budget the median cell fails at a lower rate than within "
            "all of it."
        )
    parts.append(_left_out(found.forecasts))
    runs = [runs_of(tables.study, "limit_forecast")]
    evidence, *rest = (part for part in parts if part)
    return Finding("Short run", claim, evidence, SECTION, runs=runs, details=" ".join(rest))


def _each(tables: Tables, forecasts: pd.DataFrame) -> Finding | None:
    """What the short run said of one or two cells; None of more, which share no predictor."""
    both = records(forecasts[forecasts["ratio"] > 0])
    if not 0 < len(both) <= NAMED:
        return None
    each = [
        f"{number(cell['forecast'])} with {where(tables, cell)}, which diverges from "
        f"{number(cell['measured'])} on"
        for cell in both
    ]
    claim = f"A short run, a tenth of the budget, predicts the stability limit {listing(each)}."
    return Finding("Short run", claim, "", SECTION, runs=[runs_of(tables.study, "limit_forecast")])


def short_run_beside_theory(found: LimitEvidence) -> str | None:
    """How often each comes within a factor of two on networks, in a clause; None where one is not known."""
    rows = {(row["kind"], row["predictor"]): row for row in records(found.predictors)}
    own, theory = (rows.get((MethodKind.LINEAR, name)) for name in (_own(found.forecasts), THEORY))
    if own is None or theory is None:
        return None
    return (
        "on networks, with gradient descent and its momentum, a short run predicts the limit to a factor of "
        f"two in {own['twice']} of {plural(own['compared'], 'cell')}, the curvature at the start in "
        f"{theory['twice']} of {theory['compared']}"
    )


def _sentence(row: dict[str, Any]) -> str:
    said = KINDS[MethodKind(row["kind"])]
    return f"{said[0].upper()}{said[1:]}: {_numbers(row)}."


def _numbers(row: dict[str, Any]) -> str:
    """`the measured limit is 1.14 (1.03 to 1.30) times the predicted one in the median, ...`."""
    return (
        f"the measured limit is {times(row['ratio'])} times the predicted one in the median, "
        f"{factor(row['least'])} to {factor(row['most'])} times at the extremes, with a standard deviation "
        f"of {fixed(row['spread'], 2)} decades; within a factor of two in {row['twice']} of "
        f"{row['compared']} cells ({share(row['share'])})"
    )


def _left_out(forecasts: pd.DataFrame) -> str:
    """What becomes of problems that had no part in choosing the predictor."""
    apart = chosen_without(forecasts)
    apart = apart[apart["kind"] == MethodKind.LINEAR]
    if len(apart) < 2:
        return ""
    names = listing([f"“{PREDICTOR_WORDS[p]}”" for p in dict.fromkeys(apart["chosen"])])
    return (
        "Cross-validated: each problem is left out in turn, and the predictor with the smallest spread on "
        f"the others is used for it. That is {names}; it is within a factor of two in {apart['twice'].sum()} "
        f"of {plural(int(apart['compared'].sum()), 'cell')}, and the problems’ medians of measured over "
        f"predicted range from {factor(apart['middle'].min())} to {factor(apart['middle'].max())}."
    )


def forecast_cause(cell: dict[str, Any]) -> str:
    """The likely reason why a forecast is off, in a clause: by the method, the side on which it is off and
    the length of the short run. No run is looked at."""
    if cell["low"] <= cell["forecast_high"] and cell["forecast_low"] <= cell["high"]:
        return "the two intervals overlap: replicates differ by so much"
    if cell["ratio"] < 1:
        return (
            "curvature grows, or noise adds up, in the nine tenths of training that the short run leaves out"
        )
    if cell["kind"] == MethodKind.DIVIDES:
        return (
            "the first steps throw the run far out; its steps, divided by the large gradients there, bring "
            f"it back below its start within the whole budget, but not within {_climbed(cell)}"
        )
    if cell["climb_updates"] <= FEW_UPDATES:
        return f"{_climbed(cell)} end before a run that jumps at first has come back to where it is flatter"
    return "the first large steps land where the loss curves less, and the run comes back after the short run"


def _climbed(cell: dict[str, Any]) -> str:
    return plural(int(cell["climb_updates"]), "update")


def captioned(found: LimitEvidence) -> str:
    """What the short run does, and how often it has an answer."""
    at = found.forecasts
    updates = at["climb_updates"]
    least, most = int(updates.min()), int(updates.max())
    return (
        "Short runs, each of a tenth of the budget "
        f"({plural(least, 'update')}{f' to {most:,}' if most > least else ''}), try ever larger rates, "
        "beginning with a safe one. The forecast is the lowest rate at which so much training does not lower "
        "the loss. Other predictors, cheaper ones among them, are compared with it here. Of "
        f"{plural(len(at), 'cell')} theory predicts a limit for {int((at[THEORY] > 0).sum())}, the short run "
        f"for {int((at['forecast'] > 0).sum())}."
    )


def _own(forecasts: pd.DataFrame) -> str:
    return str(forecasts["basis"].iloc[0]) if len(forecasts) else ""
