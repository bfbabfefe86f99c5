"""What the sweep would have said with other draws of its replicates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import AXES, Study
from overshoot.study.analysis.selections import by_rate
from overshoot.study.draws import generator
from overshoot.study.phases.sweep import curve_of

EXACT = 3125
"""Up to so many ways, those of five replicates, every way to draw them is gone through."""

DRAWN = 512
"""Where there are more ways, so many are drawn at random."""


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
    draws, which = _draws(study.swept["replicate"].nunique())
    cells, results = [], []
    for key, at in study.swept.groupby(["key", *AXES], sort=False):
        rates, parts = by_rate(at)
        drawn = [part[:, draws % part.shape[1]] for part in parts]
        cells.append(key)
        ways = ([part[:, i] for part in drawn] for i in range(len(draws)))
        results.append([_of(rates, way, study.tolerance) for way in ways])
    values = np.moveaxis(np.array(results, dtype=float), 2, 0)[:, :, which]
    return Redrawn(pd.DataFrame(cells, columns=["key", *AXES]), *values)


def _draws(count: int) -> tuple[np.ndarray, np.ndarray]:
    """(s, count) which replicates are drawn, in ascending order, each set once; and (m,) the set of each of
    m equally likely ways to draw: every way, or DRAWN of them."""
    if count**count <= EXACT:
        ways = np.array(list(product(range(count), repeat=count)))
    else:
        ways = generator(np.arange(count)).integers(count, size=(DRAWN, count))
    sets, which = np.unique(np.sort(ways, axis=1), axis=0, return_inverse=True)
    return sets, which.ravel()


def _of(rates: np.ndarray, parts: list[np.ndarray], tolerance: float) -> tuple[float, float, float]:
    """Best rate, boundary and width of what runs did, each (G, replicates), as `curve_of` has it."""
    curve = curve_of(rates, *parts)
    return curve.best_rate or rates[0], curve.boundary or rates[-1], curve.width(tolerance)
