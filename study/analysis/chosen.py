"""The loss curves that are shown: a rate that is too small, the best one, and one that is too large."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import AXES, Study, in_order
from overshoot.study.phases.outcomes import Outcome

ROLES = ("too small", "best", "too large")

FINE = (Outcome.CONVERGED, Outcome.UNRESOLVED, Outcome.TOO_SMALL)
"""Outcomes of a rate that is not too large."""

NAMES = ["key", *AXES, "role", "replicate", "outcome"]
"""The columns of a curve that are the same in all its points, and no numbers."""


def chosen_rates(rates: pd.DataFrame, sensitivity: pd.DataFrame) -> pd.DataFrame:
    """A row for each cell and role, from the rate table.

    best: the best rate of the sweep. too small: the largest rate at least a decade below it whose
    outcome is "too small", or else the smallest with that outcome. too large: beyond the last rate that
    does not fail (by flooring or by diverging), the smallest that is at least half a decade beyond it, or
    else the largest. Roles that a cell does not have are left out.
    """
    best = sensitivity.set_index("key")["best"]
    rows = []
    for key, group in rates.groupby("key", sort=False):
        at = pd.Series(group["outcome"].to_numpy(object), group["rate"].to_numpy())
        axes = {axis: group[axis].iloc[0] for axis in AXES}
        for role, rate in _roles(at, float(best[key])).items():
            rows.append({"key": key, **axes, "role": role, "rate": rate, "outcome": at[rate]})
    return pd.DataFrame(rows, columns=["key", *AXES, "role", "rate", "outcome"])


def _roles(outcomes: pd.Series, best: float) -> dict[str, float]:
    """`outcomes`: indexed by rate, ascending; `best` may be NaN when every rate diverged."""
    rates = outcomes.index.to_numpy()
    small = rates[(outcomes == Outcome.TOO_SMALL).to_numpy() & ~(rates >= best)]
    far = small[small <= best / 10 * 1.001]
    fine = rates[outcomes.isin(FINE).to_numpy()]
    last = max([best, *fine]) if np.isfinite(best) else 0.0
    large = rates[rates > last * 1.001]
    beyond = large[large >= last * 10**0.5]
    roles = {}
    if len(small):
        roles["too small"] = float(far[-1] if len(far) else small[0])
    if np.isfinite(best):
        roles["best"] = best
    if len(large):
        roles["too large"] = float(beyond[0] if len(beyond) else large[-1])
    return roles


def chosen_curves(study: Study, chosen: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Problem -> the curves of the sweep's trials at its chosen rates, a row a point. They are made one
    problem after another, with names as categories: in half a million points they take the most memory.

    examples, updates: processed so far. gap: the relative training gap. left: whether the trial
    diverged, so that its curve may end before the others. outcome: of this trial.
    """
    return {
        str(problem): _curves(study, own).astype(dict.fromkeys(NAMES, "category"))
        for problem, own in chosen.groupby("problem", sort=False)
    }


def _curves(study: Study, chosen: pd.DataFrame) -> pd.DataFrame:
    swept = study.swept
    columns = ["key", "trial", "rate", "replicate", "outcome", "first_bad_step"]
    trials = chosen.drop(columns="outcome").merge(swept[columns], on=["key", "rate"])
    parts = []
    for key, numbers in trials.groupby("key", sort=False)["trial"]:
        curves = study.curves[str(key)]
        parts.append(curves[curves["trial"].isin(numbers)].assign(key=key))
    points = pd.concat(parts, ignore_index=True).merge(trials, on=["key", "trial"])
    best = points["key"].map(study.cells.set_index("key")["best_known_loss"])
    start = points.groupby(["key", "trial"])["train_loss"].transform("first")
    points["gap"] = (points["train_loss"] - best) / (start - best)
    keep = [
        "key",
        *AXES,
        "role",
        "rate",
        "replicate",
        "outcome",
        "first_bad_step",
        "examples",
        "update",
        "gap",
    ]
    return in_order(points[keep], study.names)
