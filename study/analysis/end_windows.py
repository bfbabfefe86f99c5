"""The same runs with another end: the final gap over twice, or half, as many evaluations."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import Study
from overshoot.study.phases.confirm import Confirm
from overshoot.study.phases.outcomes import window
from overshoot.study.phases.stack import evaluation_epochs
from overshoot.study.phases.sweep import Sweep

PHASES = (Sweep.name, Confirm.name)


def with_window(study: Study, factor: float) -> Study:
    """The study with the final gap of every run of the sweep and the confirmation that did not diverge taken
    over `factor` times as many evaluations. Which rates were tuned, and what diverged, stays as it was."""
    gaps = [_gaps(study, str(key), factor) for key in study.cells["key"]]
    windowed = pd.concat(gaps).reindex(pd.MultiIndex.from_frame(study.trials[["key", "trial"]])).to_numpy()
    gap = study.trials["gap"].to_numpy()
    changed = np.where(np.isfinite(gap) & ~np.isnan(windowed), windowed, gap)
    return dataclasses.replace(study, trials=study.trials.assign(gap=changed))


def _gaps(study: Study, key: str, factor: float) -> pd.Series:
    """(key, trial) -> the final gap of each of a cell's runs in PHASES."""
    trials, curves = study.trials_of[key], study.curves[key]
    own = trials.loc[trials["phase"].isin(PHASES), "trial"]
    grid = _grid(study, key)
    # Only what all batch strategies share: of two parameters every early update is stored as well.
    at = curves[curves["trial"].isin(own) & curves["update"].isin(grid)].sort_values(["trial", "update"])
    count = max(1, round(factor * window(len(grid))))
    left = at.groupby("trial").cumcount(ascending=False)
    end = at[left < count].groupby("trial")["train_loss"].median()
    start = at.groupby("trial")["train_loss"].first()
    best = float(study.cells.loc[study.cells["key"] == key, "best_known_loss"].iloc[0])
    shares = (end - best) / (start - best)
    shares.index = pd.MultiIndex.from_product([[key], shares.index])
    return shares


def _grid(study: Study, key: str) -> np.ndarray:
    """The updates at which every run of a cell is evaluated."""
    cell = study.asked[key]
    samples = int(study.cells.loc[study.cells["key"] == key, "training_samples"].iloc[0])
    return np.array(evaluation_epochs(cell.protocol.budget, samples)) * cell.strategy.updates(samples)
