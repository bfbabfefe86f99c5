"""Where noise holds runs: the gaps at which they stay over the ones that are predicted, recomputed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from tests.audit.figures import DRAWS, End, Numbers, ends_of, medians
from tests.audit.recompute import CELL, Audit

ENOUGH = 4


def noise_floors(found: Audit) -> Numbers:
    """Of runs that have forgotten their start: measured over predicted, by problem and by cell."""
    runs = found.runs[(found.runs["noise_floor"] > 0) & ~found.runs["gone"] & (found.runs["role"] == "grid")]
    curvature = found.cells.set_index(CELL)["curvature_low"].astype(float)
    flat = curvature.loc[[tuple(key) for key in runs[CELL].to_numpy()]].to_numpy()
    longest = runs.groupby([*CELL, "rate", "replicate"])["updates"].transform("max")
    left = np.exp(-runs["rate"] * flat * runs["updates"])
    at = runs[(runs["updates"] == longest) & (left < 0.1 * runs["noise_floor"])]
    at = at.drop_duplicates([*CELL, "rate", "replicate"])
    at = at[at["settled_gap"] > 0].set_index(CELL)
    ratio = at["settled_gap"] / at["noise_floor"]
    points: list[float] = [len(at), at.index.get_level_values("problem").value_counts().iloc[0]]
    ends: list[End] = []
    orders = at.index.get_level_values("batch").str.extract(r"-?(\D*)$")[0].fillna("").to_numpy()
    for order in np.unique(orders):
        own = orders == order
        points += [*medians(ratio[own]), int(own.sum())]
        ends += _redrawn(ratio[own], at.loc[own, "replicate"])
    cells = ratio.groupby(level=CELL)
    enough = cells.median()[cells.size() >= ENOUGH]
    return [*points, ENOUGH, len(enough), *((enough.min(), enough.max()) if len(enough) else ())], ends


def _redrawn(ratio: pd.Series, replicates: pd.Series) -> list[End]:
    """Ends of the median when each problem's replicates are drawn anew, with all their runs."""
    rng = np.random.default_rng(91)
    problems = ratio.index.get_level_values("problem")
    groups = []
    for p in np.unique(problems):
        own = ratio[problems == p].groupby(replicates[problems == p].to_numpy())
        groups.append([values.to_numpy() for _, values in own])
    drawn = []
    for _ in range(DRAWS):
        picked = [each[i] for each in groups for i in rng.integers(len(each), size=len(each))]
        drawn.append(float(np.median(np.concatenate(picked))))
    return ends_of(drawn)
