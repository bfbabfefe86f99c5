"""What a short run forecasts of the stability limit, beside what theory predicts and what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import Study, records
from overshoot.study.analysis.limit_draws import median_redrawn
from overshoot.study.comparison import NAMED, allowed, clustered
from overshoot.study.phases.limit import LimitStatus
from overshoot.study.phases.short_run import SHORT_RUN, Predictor
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.statistics import mean, middle

THEORY = LimitBasis.AT_THE_START.value
"""The predictor that needs no run: theory's limit from the curvature at the start."""

PREDICTORS = (THEORY, *(predictor.value for predictor in Predictor))

FORECAST_COLUMNS = {
    "predicted": "forecast",
    "predicted_low": "forecast_low",
    "predicted_high": "forecast_high",
    "ratio": "ratio",
    "at_least": "at_least",
    "at_most": "at_most",
}
"""Column of a table of limits -> what it is of a forecast."""

TWICE = 2.0
"""The factor within which a prediction is of use for choosing a rate."""

WORST = 10
"""Cells that are listed with their causes."""


class MethodKind(StrEnum):
    """Methods by what too large a rate does to them."""

    LINEAR = "linear"  # they overflow
    DIVIDES = "divides"  # they are thrown out, and may come back


def limit_forecasts(study: Study, limits: pd.DataFrame) -> pd.DataFrame:
    """A row for each cell that had a short run, with the columns of `limits` and

    kind: a MethodKind. Of each of PREDICTORS a column with its rate, NaN where it has none. forecast,
    forecast_low, forecast_high: the short run's, with the least and the most of its replicates. basis: the
    predictor that it is. climb_updates: of each trial of it. ratio, at_least: measured over forecast.
    """
    empty = pd.DataFrame(columns=[*limits, "kind", *PREDICTORS, "forecast", "climb_updates"])
    if "limit_forecasts" not in study.cells or limits.empty:
        return empty
    known = study.cells.dropna(subset=["limit_forecasts"]).set_index("key")
    at = limits[limits["key"].isin(known.index)].reset_index(drop=True)
    if at.empty:
        return empty
    own = known.loc[at["key"]].reset_index(drop=True)
    each: list[dict[str, float]] = own["limit_forecasts"].tolist()
    for predictor in Predictor:
        at[predictor.value] = [float(of.get(predictor.value, np.nan)) for of in each]
    for column in ("forecast", "forecast_low", "forecast_high"):
        at[column] = own.reindex(columns=[f"limit_{column}"]).iloc[:, 0].astype(float)
    linear = [study.recursions[optimizer] is not None for optimizer in at["optimizer"]]
    at[THEORY], at["climb_updates"] = at["predicted"], own["climb_updates"].astype(float)
    at["kind"] = np.where(linear, MethodKind.LINEAR.value, MethodKind.DIVIDES.value)
    at["basis"] = own["forecast_basis"].astype(str)
    beyond = (at["highest"] / at["forecast"]).where(at["status"] == LimitStatus.ABOVE_GRID)
    below = (at["lowest"] / at["forecast"]).where(at["status"] == LimitStatus.BELOW_GRID)
    return at.assign(ratio=at["measured"] / at["forecast"], at_least=beyond, at_most=below)


def with_forecasts(limits: pd.DataFrame, forecasts: pd.DataFrame) -> pd.DataFrame:
    """`limits` with the short run's forecast in the place of theory's prediction, where there is one: the
    basis is SHORT_RUN there."""
    known = forecasts[forecasts["forecast"] > 0].set_index("key")
    at = limits["key"].isin(known.index)
    if known.empty:
        return limits
    own = known.loc[limits.loc[at, "key"]]
    better = limits.copy()
    for column, source in FORECAST_COLUMNS.items():
        better.loc[at, column] = own[source].to_numpy()
    return better.assign(basis=limits["basis"].where(~at, SHORT_RUN))


def predictors_compared(forecasts: pd.DataFrame, ways: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """A row for each kind of method and predictor.

    cells: of the kind; predicted: those that have a prediction; compared: those with a measured limit as
    well. ratio: the median of measured over predicted as an Interval over the problems; here: over
    replicates of the measurement, by `ways`, None where these are not known; spread: standard
    deviation of its decimal logarithm; twice: cells within a factor TWICE; share: of those compared, an
    Interval over the problems; least, most: the extremes of the ratio.
    """
    rows = []
    for kind, at in forecasts.groupby("kind", sort=False):
        for predictor in PREDICTORS:
            both = at[(at[predictor] > 0) & (at["measured"] > 0)]
            if len(both) <= NAMED:
                continue
            rows.append(
                {"kind": str(kind), "predictor": predictor, **_agreement(at, both, predictor)}
                | {"here": median_redrawn(both, predictor, ways)}
            )
    return pd.DataFrame(rows, columns=["kind", "predictor", *_COLUMNS, "here"])


_COLUMNS = ("cells", "predicted", "compared", "ratio", "spread", "twice", "share", "least", "most")


def _agreement(cells: pd.DataFrame, both: pd.DataFrame, predictor: str) -> dict[str, object]:
    ratio = (both["measured"] / both[predictor]).to_numpy(dtype=float)
    logs = np.log10(ratio)
    twice = np.abs(logs) <= np.log10(TWICE)
    return {
        "cells": len(cells),
        "predicted": int((cells[predictor] > 0).sum()),
        "compared": len(both),
        "ratio": clustered(ratio, both["problem"], middle, border=1),
        "spread": float(logs.std(ddof=1)),
        "twice": int(twice.sum()),
        "share": allowed(clustered(twice, both["problem"], mean), both["problem"].nunique()),
        "least": float(ratio.min()),
        "most": float(ratio.max()),
    }


def chosen_without(forecasts: pd.DataFrame) -> pd.DataFrame:
    """A row for each kind of method and problem: `chosen`, the predictor with the least spread on all other
    problems, and what it does on this one, which had no part in the choice: `compared` cells, `middle`, the
    median of measured over predicted, and `twice`, how many are within a factor TWICE."""
    rows = []
    for kind, at in forecasts.groupby("kind", sort=False):
        for problem in at["problem"].unique():
            spreads = {p: _spread(at[at["problem"] != problem], p) for p in PREDICTORS}
            known = {p: spread for p, spread in spreads.items() if np.isfinite(spread)}
            own = at[at["problem"] == problem]
            if not known:
                continue
            chosen = min(known, key=lambda p: known[p])
            ratio = (own["measured"] / own[chosen]).dropna().to_numpy(dtype=float)
            if len(ratio):
                twice = int((np.abs(np.log(ratio)) <= np.log(TWICE)).sum())
                row = {"kind": str(kind), "problem": problem, "chosen": chosen}
                rows.append(row | {"compared": len(ratio), "middle": np.median(ratio), "twice": twice})
    return pd.DataFrame(rows, columns=["kind", "problem", "chosen", "compared", "middle", "twice"])


def _spread(cells: pd.DataFrame, predictor: str) -> float:
    """Of measured over predicted in decades; NaN where half of the cells or more have no prediction."""
    if (cells[predictor] > 0).sum() * 2 <= len(cells):
        return float("nan")
    ratio = (cells["measured"] / cells[predictor]).dropna()
    return float(np.log10(ratio).std(ddof=1)) if len(ratio) > 1 else float("nan")


def worst_forecasts(forecasts: pd.DataFrame) -> list[dict[str, object]]:
    """The rows whose forecast is furthest off, the worst first."""
    at = forecasts[forecasts["ratio"] > 0]
    off = np.abs(np.log(at["ratio"].to_numpy(dtype=float)))
    return records(at.iloc[np.argsort(-off, kind="stable")[:WORST]])
