"""How often runs diverge, counted so that the range of the sweep does not decide it.

A share of all runs of a sweep grows with every further decade of rates. The shares here are of the runs
within a decade above the best rate, and of those at a given multiple of the cell's stability limit.
"""

from __future__ import annotations

from itertools import pairwise

import pandas as pd

from overshoot.study.analysis.frame import AXES, Study
from overshoot.study.comparison import Comparison, allowed, clustered, compare
from overshoot.study.statistics import mean

ABOVE = 10.0
"""Rates up to this multiple of the best one are counted as above it."""

BINS = (0.01, 0.1, 0.5, 0.9, 1.1, 2.0, 10.0, 100.0)
"""Multiples of the limit, between neighbours of which shares are taken."""


def above_best(study: Study, sensitivity: pd.DataFrame) -> pd.DataFrame:
    """A row for each cell and replicate: of its runs within a decade above the best rate, the `share` that
    diverged, of `runs`. A cell without a stable rate, or whose best rate is the last one, has none."""
    swept = study.swept
    best = swept["key"].map(sensitivity.set_index("key")["best"])
    near = swept[(swept["rate"] > best * 1.001) & (swept["rate"] <= best * ABOVE * 1.001)]
    groups = near.groupby(["key", *AXES, "replicate"], sort=False)["diverged"]
    return groups.agg(share="mean", gone="sum", runs="size").reset_index()


def compared(shares: pd.DataFrame) -> Comparison:
    """The mean of the shares of `above_best`, each cell counted once."""
    wide = shares.pivot(index=["problem", "optimizer", "batch"], columns="replicate", values="share").dropna()
    return compare(wide.to_numpy(), wide.index.get_level_values("problem"), mean)


def by_strategy(shares: pd.DataFrame) -> pd.DataFrame:
    """A row for each optimizer and batch strategy of `above_best`: the mean of its cells' shares, an Interval
    over the problems."""
    cells = shares.groupby(AXES, sort=False)["share"].mean().reset_index()
    groups = cells.groupby(["optimizer", "batch"], sort=False)
    rows = [
        {
            "optimizer": o,
            "batch": b,
            "share": allowed(clustered(at["share"].to_numpy(), at["problem"], mean), at["problem"].nunique()),
        }
        for (o, b), at in groups
    ]
    return pd.DataFrame(rows, columns=["optimizer", "batch", "share"])


def by_limit(study: Study) -> pd.DataFrame:
    """A row for each bin of rate over the cell's limit, measured or else predicted: low, high, its `runs` of
    the sweep, and the `share` that diverged, an Interval over the problems."""
    cells = study.cells.set_index("key").reindex(columns=["limit_measured", "limit_predicted"]).astype(float)
    limit = cells["limit_measured"].fillna(cells["limit_predicted"])
    swept = study.swept
    ratio = swept["rate"] / swept["key"].map(limit)
    rows = []
    for low, high in pairwise(BINS):
        at = swept[(ratio > low) & (ratio <= high)]
        if len(at):
            share = clustered(at["diverged"].to_numpy(float), at["problem"], mean)
            rows.append({"low": low, "high": high, "runs": len(at), "share": share})
    return pd.DataFrame(rows, columns=["low", "high", "runs", "share"])
