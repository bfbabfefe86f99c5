"""The same runs with another end: the final gap over twice, or half, as many evaluations."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import Study
from overshoot.study.phases.confirm import Confirm
from overshoot.study.phases.outcomes import window
from overshoot.study.phases.stack import evaluation_epochs
from overshoot.study.phases.sweep import Sweep

PHASES = (Sweep.name, Confirm.name)


def with_windows(study: Study, factors: Sequence[float]) -> Iterator[Study]:
    """For each factor the study with the final gap of every run of the sweep and the confirmation that did
    not diverge taken over `factor` times as many evaluations. What was tuned, and what diverged, stays as it
    was. Each is made when it is asked for: its tables would double those of the study."""
    gaps = pd.concat([_gaps(study, str(key), factors) for key in study.cells["key"]])
    windowed = gaps.reindex(pd.MultiIndex.from_frame(study.trials[["key", "trial"]]))
    gap = study.trials["gap"].to_numpy()
    changed = [np.where(np.isfinite(gap) & ~np.isnan(w), w, gap) for w in windowed.to_numpy().T]
    return (dataclasses.replace(study, trials=study.trials.assign(gap=each)) for each in changed)


def _gaps(study: Study, key: str, factors: Sequence[float]) -> pd.DataFrame:
    """(key, trial) x factors: the final gap of each of a cell's runs in PHASES that trained to its end."""
    trials, curves = study.trials_of[key], study.curves[key]
    own = trials.loc[trials["phase"].isin(PHASES), "trial"].to_numpy()
    grid = _grid(study, key)
    trial, update = curves["trial"].to_numpy(), curves["update"].to_numpy()
    # Only what all batch strategies share: of two parameters every early update is stored as well.
    at = np.flatnonzero(np.isin(trial, own) & np.isin(update, grid))
    at = at[np.lexsort((update[at], trial[at]))]
    runs, first, sizes = np.unique(trial[at], return_index=True, return_counts=True)
    ended = sizes == len(grid)
    losses = curves["train_loss"].to_numpy()[at[first[ended, None] + np.arange(len(grid))]]
    best = float(study.cells.loc[study.cells["key"] == key, "best_known_loss"].iloc[0])
    fall = losses[:, 0] - best
    counts = [max(1, round(factor * window(len(grid)))) for factor in factors]
    with np.errstate(divide="ignore", invalid="ignore"):
        ends = [(np.median(losses[:, -count:], axis=1) - best) / fall for count in counts]
    return pd.DataFrame(np.transpose(ends), pd.MultiIndex.from_product([[key], runs[ended]]))


def _grid(study: Study, key: str) -> np.ndarray:
    """The updates at which every run of a cell is evaluated."""
    cell = study.asked[key]
    samples = int(study.cells.loc[study.cells["key"] == key, "training_samples"].iloc[0])
    return np.array(evaluation_epochs(cell.protocol.budget, samples)) * cell.strategy.updates(samples)
