"""What the sweep says of learning rates: the curve of each cell, and how forgiving it is."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import AXES, Study, in_order
from overshoot.study.phases.sweep import RateCurve

SAME = 1e-6
"""Rates are equal when they differ by no more, relative: they may be smaller than any absolute tolerance."""

WORST_FIRST = ("diverged", "too large", "too small", "unresolved", "converged")


def rate_table(study: Study) -> pd.DataFrame:
    """A row for each cell and rate of the sweep, ascending.

    gap: median q_end over the n replicates, inf where half of them diverged; gap_low, gap_high: the
    least and the largest among those that did not diverge. diverged: how many did. outcome: the
    commonest one, the worse of two that are as common: "diverged" wherever half of them did.
    """
    swept = study.swept
    swept = swept.assign(finite=swept["gap"].where(np.isfinite(swept["gap"])))
    groups = swept.groupby(["key", *AXES, "rate"], sort=False)
    table = groups.agg(
        gap=("gap", "median"),
        gap_low=("finite", "min"),
        gap_high=("finite", "max"),
        diverged=("diverged", "sum"),
        n=("gap", "size"),
    ).fillna({"gap_low": np.inf, "gap_high": np.inf})
    counts = groups["outcome"].value_counts().unstack(fill_value=0)
    # The first of the largest counts: where half diverged, no other outcome can be commoner.
    table["outcome"] = counts.reindex(columns=list(WORST_FIRST), fill_value=0).idxmax(axis=1)
    return in_order(table.reset_index().sort_values("rate", kind="stable"), study.names)


def sensitivity(rates: pd.DataFrame, tolerance: float) -> pd.DataFrame:
    """A row a cell, from its rate table.

    best: the rate with the smallest gap. low, high, width: the usable range and its decades, where the
    gap is at or below the tolerance; open_low, open_high: whether it runs to the end of the grid, so
    that the width is a lower bound. sweep_boundary: the smallest rate above the best at which at least half
    of the replicates diverged; margin: decades from the best rate to it. share: of the sweep's runs that
    diverged. NaN for what does not exist.
    """
    rows = []
    for key, group in rates.groupby(["key", *AXES], sort=False):
        share_at = group["diverged"] / group["n"]
        curve = RateCurve(group["rate"].to_numpy(), group["gap"].to_numpy(), share_at.to_numpy())
        share = float(group["diverged"].sum() / group["n"].sum())
        rows.append(
            dict(zip(["key", *AXES], key, strict=True)) | _sensitivity(curve, tolerance) | {"share": share}
        )
    return pd.DataFrame(rows)


def _sensitivity(curve: RateCurve, tolerance: float) -> dict[str, object]:
    low, high = curve.usable(tolerance) or (np.nan, np.nan)
    return {
        "best": curve.best_rate or np.nan,
        "low": low,
        "high": high,
        "width": curve.width(tolerance),
        "open_low": math.isclose(low, curve.rates[0], rel_tol=SAME),
        "open_high": math.isclose(high, curve.rates[-1], rel_tol=SAME),
        "sweep_boundary": curve.boundary or np.nan,
        "margin": curve.margin if curve.margin is not None else np.nan,
    }


def out_of_reach(sensitivity: pd.DataFrame) -> list[str]:
    """The problems in which more than half of the cells have no rate that reaches the tolerance: a width of 0
    says there that the budget is short, and nothing of the optimizer."""
    without = sensitivity["low"].isna().groupby(sensitivity["problem"], sort=False).mean()
    return [str(problem) for problem in without.index[without > 0.5]]


def widths(sensitivity: pd.DataFrame) -> pd.DataFrame:
    """(problem and batch, optimizers): usable ranges in decades, where all optimizers have a cell, without
    the problems that are `out_of_reach`."""
    reached = sensitivity[~sensitivity["problem"].isin(out_of_reach(sensitivity))]
    return reached.set_index(["problem", "batch", "optimizer"])["width"].unstack().dropna()
