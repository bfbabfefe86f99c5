"""What a cell's sweep says: its curve, its best rate and its usable range, written out once more."""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

import numpy as np
import pandas as pd

from tests.audit.recompute import RESOLUTION


class Curve(NamedTuple):
    """rates, q, gone: (G,) each, the median gap and the share of replicates that diverged. best: the place
    of the best rate, None where no rate lasts."""

    rates: np.ndarray
    q: np.ndarray
    gone: np.ndarray
    best: int | None


def curve(runs: pd.DataFrame, replicates: list[str] | None = None) -> Curve:
    """The curve of these replicates, one that is named twice counting twice; of all unless some are named."""
    names = replicates or sorted(runs["replicate"].unique())

    def wide(column: str) -> np.ndarray:
        return runs.pivot(index="rate", columns="replicate", values=column).sort_index()[names].to_numpy()

    gaps, gone = wide("gap"), wide("gone").astype(bool)
    burst = ((wide("peak") > 10) & ~gone).any(axis=1)
    lasts = (gone.mean(axis=1) < 0.5) & ~burst
    met = lasts & (wide("converged").astype(float).mean(axis=1) > 0.5)
    rates, q = np.sort(runs["rate"].unique()), np.median(gaps, axis=1)
    return Curve(rates, q, gone.mean(axis=1), best_place(rates, q, met if met.any() else lasts))


def best_place(rates: np.ndarray, q: np.ndarray, able: np.ndarray) -> int | None:
    """The lower middle of the longest stretch of neighbouring rates that are as good as the best."""
    if not able.any():
        return None
    log_q = np.log10(np.maximum(q, RESOLUTION))
    as_good = able & (log_q <= log_q[able].min() + 1e-3)
    stretches = [
        [i for i, _ in group] for good, group in groupby(enumerate(as_good), key=lambda p: p[1]) if good
    ]
    longest = sorted(stretches, key=lambda places: (-len(places), places[0]))[0]
    return longest[(len(longest) - 1) // 2]


def usable(found: Curve, tolerance: float) -> tuple[float, float]:
    """Logarithms of the ends of the usable range; equal where there is none."""
    rates, q, _, best = found
    if best is None or not q[best] <= tolerance:
        return 0.0, 0.0
    ends = []
    for step in (-1, 1):
        i = best
        while 0 <= i + step < len(q) and q[i + step] <= tolerance:
            i += step
        x = np.log10(rates[i])
        if 0 <= i + step < len(q) and np.isfinite(q[i + step]):
            inside, outside = np.log(max(q[i], 1e-300)), np.log(max(q[i + step], 1e-300))
            share = (np.log(tolerance) - inside) / (outside - inside)
            x += share * (np.log10(rates[i + step]) - x)
        ends.append(x)
    return ends[0], ends[1]


def rates_of(runs: pd.DataFrame, replicates: list[str] | None = None) -> tuple[float, float, bool]:
    """The best rate and the boundary, each an end of the grid where there is none, and whether the boundary
    lies beyond it."""
    rates, _, gone, place = curve(runs, replicates)
    above = np.flatnonzero((gone >= 0.5) & (np.arange(len(rates)) > (-1 if place is None else place)))
    boundary = rates[above[0]] if len(above) else rates[-1]
    return float(rates[place or 0]), float(boundary), not len(above)
