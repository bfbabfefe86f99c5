"""What measured stability limits would have been with other draws of their replicates."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from overshoot.study.analysis import selections
from overshoot.study.analysis.frame import Study
from overshoot.study.comparison import over_replicates
from overshoot.study.draws import generator, times_drawn
from overshoot.study.phases.threshold import redrawn
from overshoot.study.statistics import Interval, middle

WAYS = 4096
"""Draws of the replicates, the same ones in every cell: cells of a problem share their starts. Of few
replicates many draws are the same set, which is looked at once."""


def limit_ways(study: Study) -> dict[str, np.ndarray]:
    """Cell key -> (WAYS,) its limit under each draw; only of cells that have one."""
    measured = study.cells.reindex(columns=["limit_measured"])["limit_measured"].astype(float) > 0
    keys = set(study.cells.loc[measured, "key"])
    ways = {}
    for key, at in selections.limiting(study.trials).groupby("key", sort=False):
        if key in keys:
            gone = at.pivot(index="rate", columns="replicate", values="diverged").sort_index()
            count = gone.shape[1]
            times = times_drawn(generator(np.arange(count)), count, WAYS)
            sets, which = np.unique(times, axis=0, return_inverse=True)
            rates = gone.index.to_numpy(dtype=float)
            ways[str(key)] = redrawn(rates, gone.to_numpy(dtype=float).T, sets)[which.ravel()]
    return ways


def median_redrawn(limits: pd.DataFrame, predicted: str, ways: Mapping[str, np.ndarray]) -> Interval | None:
    """The median of measured over `predicted` over the rows of `limits`, with its interval over replicates of
    the measurement; None where those of a cell are not known."""
    if limits.empty or not set(limits["key"]) <= ways.keys():
        return None
    ratio = (limits["measured"] / limits[predicted]).to_numpy(dtype=float)
    drawn = np.stack([ways[key] for key in limits["key"]]) / limits[[predicted]].to_numpy(dtype=float)
    return over_replicates(drawn, limits["problem"], middle, value=float(middle(ratio)), border=1)
