"""What a short run knows of the stability limit: a finding, the words of its predictors, causes of errors."""

from __future__ import annotations

from typing import Any

import pandas as pd

from overshoot.study.analysis.frame import records
from overshoot.study.analysis.limit_evidence import LimitEvidence
from overshoot.study.analysis.limit_forecasts import THEORY, MethodKind, chosen_without
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.findings.claims import Finding, runs_of
from overshoot.study.findings.limit_words import SECTION, both_times, factor
from overshoot.study.numbers import fixed, listing, over_problems, plural
from overshoot.study.phases.short_run import Predictor

PREDICTOR_WORDS = {
    THEORY: "curvature at the start",
    Predictor.BATCH_AT_START: "batch sharpness at the start",
    Predictor.FIRST_UPDATE: "first update",
    Predictor.BATCH_AFTER_RUN: "batch sharpness after a safe run",
    Predictor.HUNDREDTH: "climb of a hundredth",
    Predictor.TENTH: "climb of a tenth",
}
"""Predictor -> what it is called."""

PREDICTOR_MEANS = {
    THEORY: "the method’s threshold over the largest curvature of the whole loss at the start",
    Predictor.BATCH_AT_START: "the rate whose threshold is the batch sharpness at the start, with the "
    "transition between small and large batches for momentum",
    Predictor.FIRST_UPDATE: "the smallest rate at which one update along the whole gradient raises the loss",
    Predictor.BATCH_AFTER_RUN: "the same as at the start, after a run of a tenth of the budget at 0.3 times "
    "the limit expected at the start",
    Predictor.HUNDREDTH: "the rate from which a hundredth of the budget no longer lowers the loss",
    Predictor.TENTH: "the rate from which a tenth of the budget no longer lowers the loss",
}
"""Predictor -> which rate it is."""

KINDS = {
    MethodKind.LINEAR: "methods that overflow (gradient descent and its momentum)",
    MethodKind.DIVIDES: "methods that divide by past gradients",
}

FEW_UPDATES = 20
"""Of a climb, under which a run that jumps has hardly time to come back."""


def forecast(tables: Tables, found: LimitEvidence) -> Finding | None:
    """How near the short run's forecast is to the measured limit, beside theory's prediction."""
    rows = {(row["kind"], row["predictor"]): row for row in records(found.predictors)}
    own = _own(found.forecasts)
    linear, divides = (rows.get((kind, own)) for kind in MethodKind)
    first = linear or divides
    if first is None:
        return None
    claim = (
        "Trials of a tenth of the budget predict the stability limit of networks to a factor of two in "
        f"{first['twice']} of {plural(first['compared'], 'cell')}"
        + (f" with {KINDS[MethodKind(first['kind'])]}." if divides is not None else ".")
    )
    parts = [_sentence(row) for row in (linear, divides) if row is not None]
    if (theory := rows.get((MethodKind.LINEAR.value, THEORY))) is not None:
        parts.append(f"The curvature at the start, for comparison: {_numbers(theory)}.")
    if divides is not None and divides["ratio"].value > 1:
        parts.append(
            "Methods that divide by past gradients do not overflow: after a step that is too large they come "
            "back as far as the budget lets them. Within a tenth of it, the median cell seems to fail at a "
            "lower rate than over the whole budget."
        )
    parts.append(_left_out(found.forecasts))
    runs = [runs_of(tables.study, "limit_forecast")]
    evidence, *rest = (part for part in parts if part)
    return Finding("Short run", claim, evidence, SECTION, runs=runs, details=" ".join(rest))


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
    """`measured over predicted 1.14 (1.03 to 1.30) in the median, 0.18 decades apart, ...`."""
    return (
        f"measured over predicted {both_times(row['ratio'], row['here'])} in the median with a spread of "
        f"{fixed(row['spread'], 2)} decades, from {factor(row['least'])} to {factor(row['most'])}; within a "
        f"factor of two in {row['twice']} of {row['compared']} "
        f"({over_problems(row['share'])})"
    )


def _left_out(forecasts: pd.DataFrame) -> str:
    """What becomes of problems that had no part in choosing the predictor."""
    apart = chosen_without(forecasts)
    apart = apart[apart["kind"] == MethodKind.LINEAR]
    if len(apart) < 2:
        return ""
    names = listing([PREDICTOR_WORDS[p] for p in dict.fromkeys(apart["chosen"])])
    return (
        f"Chosen on all problems but one and tried on that one, for each in turn, the predictor is the "
        f"{names}; there {apart['twice'].sum()} of {plural(int(apart['compared'].sum()), 'cell')} are within "
        f"a factor of two, and the problems’ medians go from {factor(apart['middle'].min())} to "
        f"{factor(apart['middle'].max())}."
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
            "too large a rate throws the run out at once, and its steps, divided by the gradients met there, "
            f"bring it back below its start within the whole budget but not within {_climbed(cell)}"
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
    return (
        "Trials climb from a safe rate to ever larger ones, each for a tenth of the budget "
        f"({plural(int(updates.min()), 'update')} to {int(updates.max()):,}); the forecast is the rate from "
        "which that much training no longer lowers the loss. Several predictors were stored with it and are "
        f"compared here. Theory predicts {int((at[THEORY] > 0).sum())} of these "
        f"{plural(len(at), 'cell')}, the short run {int((at['forecast'] > 0).sum())}."
    )


def _own(forecasts: pd.DataFrame) -> str:
    return str(forecasts["basis"].iloc[0]) if len(forecasts) else ""
