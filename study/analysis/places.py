"""Which side of its best rate a run is on: by the best rate as it is defined now."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis import selections
from overshoot.study.phases.outcomes import Outcome
from overshoot.study.phases.sweep import RateCurve

BESIDE = [Outcome.TOO_SMALL.value, Outcome.TOO_LARGE.value, Outcome.UNRESOLVED.value]
"""Outcomes that the place of the rate decides."""


def placed(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials (key, rate, gap, diverged, outcome) whose outcome follows from the sweep's best rate.

    Stored ones may rest on an earlier definition of it.
    """
    best = trials["key"].map(_best_rates(selections.swept(trials)))
    moved = trials["outcome"].isin(BESIDE) & best.notna()
    rate = trials["rate"]
    side = np.select(
        [np.isclose(rate, best, rtol=1e-6, atol=0), rate < best],
        [Outcome.UNRESOLVED.value, Outcome.TOO_SMALL.value],
        Outcome.TOO_LARGE.value,
    )
    return trials.assign(outcome=trials["outcome"].where(~moved, side))


def _best_rates(swept: pd.DataFrame) -> pd.Series:
    """Cell key -> the best rate of its sweep; only cells that have one."""
    table = swept.groupby(["key", "rate"], as_index=False).agg(q=("gap", "median"), gone=("diverged", "mean"))
    curves = {
        key: RateCurve(*(rows[name].to_numpy() for name in ("rate", "q", "gone")))
        for key, rows in table.groupby("key", sort=False)
    }
    return pd.Series({key: curve.best_rate for key, curve in curves.items()}, dtype=float)
