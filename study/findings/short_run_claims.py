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
from overshoot.study.findings.limit_words import SECTION, both_times, factor, where
from overshoot.study.numbers import fixed, listing, number, over_problems, plural
from overshoot.study.phases.short_run import Predictor

PREDICTOR_WORDS = {
    THEORY: "curvature at the start",
    Predictor.BATCH_AT_START: "batch sharpness at the start",
    Predictor.FIRST_UPDATE: "first update that raises the loss",
    Predictor.BATCH_AFTER_RUN: "batch sharpness after a safe run",
    Predictor.HUNDREDTH: "short run, 1/100 of the budget",
    Predictor.TENTH: "short run, 1/10 of the budget",
    Predictor.EXTENDED: "short run, extended to the budget",
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
    Predictor.EXTENDED: "the lowest rate at which training for the whole budget is not expected to: by the "
    "trend of the short run’s loss with full batches and with ReLU networks without weight decay; √10 times "
    "the short run’s own rate for AdaGrad, whose steps shrink with the root of time; elsewhere the short "
    "run’s own rate",
}
"""Predictor -> which rate it is."""

KINDS = {
    MethodKind.LINEAR: "gradient descent, plain or with momentum",
    MethodKind.DIVIDES: "adaptive methods, which divide by past gradients",
}

FEW_UPDATES = 20
"""Of a short run, under which one that jumps has hardly time to come back."""


def forecast(tables: Tables, limit_data: LimitEvidence) -> Finding | None:
    """How near the short run's forecast is to the measured limit, beside theory's prediction."""
    rows = {(row["kind"], row["predictor"]): row for row in records(limit_data.predictors)}
    linear, divides = (rows.get((kind, own_predictor(limit_data.forecasts, kind))) for kind in MethodKind)
    first = linear or divides
    if first is None:
        return _each(tables, limit_data.forecasts)
    claim = (
        "A short run, a tenth of the budget, predicts the stability limit of networks to a factor of two in "
        f"{first['twice']} of {plural(first['compared'], 'cell')}"
        + (f" with {KINDS[MethodKind(first['kind'])]}." if divides is not None else ".")
    )
    parts = [_sentence(row) for row in (linear, divides) if row is not None]
    if (theory := rows.get((MethodKind.LINEAR.value, THEORY))) is not None:
        parts.append(f"The curvature at the start, for comparison: {_numbers(theory)}.")
    if divides is not None:
        parts.append(
            "Adaptive methods rarely overflow: after too large a step they come back as far as the budget "
            "lets them. So their forecast is extended from the short run to the whole budget."
        )
    if linear is not None and divides is not None:
        parts.append(_chance(limit_data.forecasts))
    parts.append(_left_out(limit_data.forecasts))
    runs = [runs_of(tables.study, "limit_forecast")]
    evidence, *rest = (part for part in parts if part)
    return Finding("Short run", claim, evidence, SECTION, runs=runs, details=" ".join(rest))


def _chance(forecasts: pd.DataFrame) -> str:
    """Why adaptive methods are predicted less well: by what factor the forecasts of one cell's replicates
    differ."""
    apart = forecasts["forecast_high"] / forecasts["forecast_low"]
    linear, divides = (apart[forecasts["kind"] == kind].median() for kind in MethodKind)
    return (
        "Adaptive methods are predicted less well because chance decides more: with the same rate one run "
        "comes back and another does not. The forecasts of a cell’s replicates lie within a factor of "
        f"{factor(divides)} there in the median cell, and of {factor(linear)} with "
        f"{KINDS[MethodKind.LINEAR]}."
    )


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


def beside_theory(limit_data: LimitEvidence) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """What the short run and the curvature at the start predict on networks; None where one is not known."""
    rows = {(row["kind"], row["predictor"]): row for row in records(limit_data.predictors)}
    used = own_predictor(limit_data.forecasts, MethodKind.LINEAR)
    own, theory = (rows.get((MethodKind.LINEAR, name)) for name in (used, THEORY))
    return None if own is None or theory is None else (own, theory)


def _sentence(row: dict[str, Any]) -> str:
    said = KINDS[MethodKind(row["kind"])]
    return f"{said[0].upper()}{said[1:]}: {_numbers(row)}."


def _numbers(row: dict[str, Any]) -> str:
    """`the measured limit is 1.14 (1.03 to 1.30) times the predicted one in the median, ...`."""
    return (
        f"the measured limit is {both_times(row['ratio'], row['here'])} times the predicted one in the "
        f"median, {factor(row['least'])} to {factor(row['most'])} times at the extremes, with a standard "
        f"deviation of {fixed(row['spread'], 2)} decades; within a factor of two in {row['twice']} of "
        f"{row['compared']} cells ({over_problems(row['share'])})"
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
            "the first steps throw the run far out; it comes back below its start within the whole budget, "
            f"sooner than the trend of {_climbed(cell)} says"
        )
    if cell["climb_updates"] <= FEW_UPDATES:
        return f"{_climbed(cell)} end before a run that jumps at first has come back to where it is flatter"
    return "the first large steps land where the loss curves less, and the run comes back after the short run"


def _climbed(cell: dict[str, Any]) -> str:
    return plural(int(cell["climb_updates"]), "update")


def captioned(limit_data: LimitEvidence) -> str:
    """What the short run does, and how often it has an answer."""
    at = limit_data.forecasts
    updates = at["climb_updates"]
    least, most = int(updates.min()), int(updates.max())
    return (
        "Short runs, each of a tenth of the budget "
        f"({plural(least, 'update')}{f' to {most:,}' if most > least else ''}), try ever larger rates, "
        "beginning with a safe one. The forecast is the lowest rate at which so much training does not lower "
        "the loss; for adaptive methods it is extended to the whole budget. Other predictors, cheaper ones "
        "among them, are compared with it here. Of "
        f"{plural(len(at), 'cell')} theory predicts a limit for {int((at[THEORY] > 0).sum())}, the short run "
        f"for {int((at['forecast'] > 0).sum())}."
    )


def own_predictor(forecasts: pd.DataFrame, kind: MethodKind) -> str:
    """The predictor that is the short run's forecast for methods of this kind; empty without any."""
    at = forecasts[forecasts["kind"] == kind] if len(forecasts) else forecasts
    return str(at["basis"].iloc[0]) if len(at) else ""
