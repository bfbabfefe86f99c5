"""What the sweep would have said with other draws of its replicates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import AXES, Study
from overshoot.study.draws import generator
from overshoot.study.phases.sweep import RateCurve

MOST = 32
"""Draws of a cell's replicates, where there are more ways to draw them."""


@dataclass(frozen=True)
class Redrawn:
    """cells: key and AXES, a row a cell. best, sweep_boundary, width: (cells, m), what each of m equally
    likely draws of the replicates would have given, as `sensitivity` has it; a best rate or a boundary that
    is not on the grid counts as its end."""

    cells: pd.DataFrame
    best: np.ndarray
    sweep_boundary: np.ndarray
    width: np.ndarray

    def rows(self, column: str, **axes: str) -> pd.DataFrame:
        """(cells, m) the values of a column, indexed by the axes that are not given, of the cells that have
        the given ones."""
        at = np.all([self.cells[axis] == value for axis, value in axes.items()], axis=0)
        index = pd.MultiIndex.from_frame(self.cells.loc[at, [axis for axis in AXES if axis not in axes]])
        return pd.DataFrame(getattr(self, column)[at], index=index)


def redrawn(study: Study) -> Redrawn:
    """Every cell of the sweep under every draw, with replacement, of its replicates."""
    swept = study.swept
    count = swept["replicate"].nunique()
    draws = _draws(count)
    cells, results = [], []
    for key, at in swept.groupby(["key", *AXES], sort=False):
        wide = at.pivot(index="rate", columns="replicate", values="gap").sort_index()
        gaps = wide.to_numpy()[:, draws % wide.shape[1]]
        cells.append(key)
        results.append([_of(wide.index.to_numpy(), gaps[:, i], study.tolerance) for i in range(len(draws))])
    values = np.moveaxis(np.array(results, dtype=float), 2, 0)
    return Redrawn(pd.DataFrame(cells, columns=["key", *AXES]), *values)


def _draws(count: int) -> np.ndarray:
    """(m, count) which replicates are drawn: every way, or MOST of them at random."""
    if count**count <= MOST:
        return np.array(list(product(range(count), repeat=count)))
    return generator(np.arange(count)).integers(count, size=(MOST, count))


def _of(rates: np.ndarray, gaps: np.ndarray, tolerance: float) -> tuple[float, float, float]:
    """Best rate, boundary and width of gaps (G, replicates), infinite where a run diverged."""
    curve = RateCurve(rates, np.median(gaps, axis=1), np.isinf(gaps).mean(axis=1))
    return curve.best_rate or rates[0], curve.boundary or rates[-1], curve.width(tolerance)
