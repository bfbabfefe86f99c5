"""Trials by what they were run for and how they ended: the one place that asks for phases and roles."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.phases.confirm import Confirm, ConfirmRole
from overshoot.study.phases.edge import Edge
from overshoot.study.phases.limit import Limit
from overshoot.study.phases.outcomes import Outcome
from overshoot.study.phases.search import Search, SearchRole
from overshoot.study.phases.sweep import Sweep, SweepRole


def swept(trials: pd.DataFrame) -> pd.DataFrame:
    """The sweep's trials."""
    return trials[trials["phase"] == Sweep.name]


def searched(trials: pd.DataFrame) -> pd.DataFrame:
    """The search's trials."""
    return trials[trials["phase"] == Search.name]


def startup(searched: pd.DataFrame) -> pd.DataFrame:
    """Those of the search at the rates that all cells start from."""
    return searched[searched["role"] == SearchRole.STARTUP]


def extended(trials: pd.DataFrame) -> pd.DataFrame:
    """Those of the search after its range grew."""
    return trials[trials["role"] == SearchRole.EXTENDED]


def confirmed(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials on fresh replicates."""
    return trials[trials["phase"] == Confirm.name]


def tuned(trials: pd.DataFrame) -> pd.DataFrame:
    """Those at a tuned rate on fresh replicates."""
    return trials[trials["role"] == ConfirmRole.TUNED]


def default(trials: pd.DataFrame) -> pd.DataFrame:
    """Those at the optimizer's default rate on fresh replicates."""
    return trials[trials["role"] == ConfirmRole.DEFAULT]


def followed(trials: pd.DataFrame) -> pd.DataFrame:
    """Those whose sharpness was followed."""
    return trials[trials["phase"] == Edge.name]


def limiting(trials: pd.DataFrame) -> pd.DataFrame:
    """Those that measure the stability limit."""
    return trials[trials["phase"] == Limit.name]


def on_grid(trials: pd.DataFrame) -> pd.DataFrame:
    """Those at a rate of the sweep's grid, the sweep's and those that measure the limit."""
    return trials[trials["role"] == SweepRole.GRID]


def along_rates(trials: pd.DataFrame) -> pd.DataFrame:
    """Those that show what the rate does: of the sweep and of the limit."""
    return trials[trials["phase"].isin([Sweep.name, Limit.name])]


def unprovoked(trials: pd.DataFrame) -> pd.DataFrame:
    """Those of sweep, search and confirmation: the others look for divergence on purpose."""
    return trials[trials["phase"].isin([Sweep.name, Search.name, Confirm.name])]


def by_rate(swept: pd.DataFrame) -> tuple[np.ndarray, list[np.ndarray]]:
    """(G,) the rates of a cell's swept trials, ascending, and of each replicate, (G, K): its final gap, inf
    where it diverged, its largest gap on the way, and whether it converged."""
    gap = swept["q_end"].where(~diverged(swept), np.inf)
    runs = swept.assign(gap=gap, converged=converged(swept))
    wide = runs.pivot(index="rate", columns="replicate", values=["gap", "peak", "converged"]).sort_index()
    return wide.index.to_numpy(), [wide[name].to_numpy(dtype=float) for name in ("gap", "peak", "converged")]


def diverged(trials: pd.DataFrame) -> pd.Series:
    """Of each trial, whether it diverged."""
    return trials["outcome"] == Outcome.DIVERGED


def converged(trials: pd.DataFrame) -> pd.Series:
    """Of each trial, whether it converged."""
    return trials["outcome"] == Outcome.CONVERGED
