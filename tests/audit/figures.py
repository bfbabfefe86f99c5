"""What the recomputed findings share: a cell's runs, medians by problem, and the ends of drawn intervals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tests.audit.recompute import CELL, RESOLUTION, Audit

End = tuple[float, float]
"""Between which two values an end of an interval lies that others draw."""

Numbers = tuple[list[float], list[End]]
"""Points, and ends of intervals that were drawn."""

DRAWS = 3000

MISSED = 0.015
"""By how much of the distribution two who draw a few hundred or thousand times may place a quantile apart. A
median of few replicates takes few values: between two of them the end of an interval goes by chance."""


def ends_of(drawn: Sequence[float] | np.ndarray, scale: float = 1.0) -> list[End]:
    """The ends of the interval at 95 % of what was drawn."""
    around = [(q - MISSED, q + MISSED) for q in (0.025, 0.975)]
    low = [np.quantile(drawn, min(each), method="lower") for each in around]
    high = [np.quantile(drawn, max(each), method="higher") for each in around]
    return [(float(scale * a), float(scale * b)) for a, b in zip(low, high, strict=True)]


def tuned(found: Audit, column: str = "tuned_rate_training") -> dict[tuple[str, str, str], pd.DataFrame]:
    """(problem, optimizer, batch) -> its confirmed runs at a rate, by replicate."""
    at = found.at_rate(column).sort_values("replicate", kind="stable")
    return dict(iter(at.groupby(CELL, sort=False)))


def gaps(found: Audit, column: str = "tuned_rate_training") -> dict[tuple[str, str, str], np.ndarray]:
    return {k: np.maximum(runs["gap"].to_numpy(), RESOLUTION) for k, runs in tuned(found, column).items()}


def sweeps(found: Audit) -> dict[tuple[str, str, str], pd.DataFrame]:
    return dict(iter(found.swept.groupby(CELL, sort=False)))


def medians(values: pd.Series) -> list[float]:
    """The median, and the least and the largest of those of the problems."""
    each = values.groupby(level="problem").median()
    whole = float(values.median())
    return [whole, min(whole, each.min()), max(whole, each.max())]


def shares(flags: pd.Series) -> list[float]:
    """Per cent of those that are so, and the least and the largest share of a problem."""
    each = flags.astype(float).groupby(level="problem").mean()
    return [100 * float(flags.mean()), 100 * float(each.min()), 100 * float(each.max())]
