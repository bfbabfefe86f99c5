"""Of many optimizers those that a figure shows: the best and the worst, where they differ most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

MOST = 20
"""Optimizers that a panel with a few rows or a line for each can show."""

FEW = 10
"""Optimizers that have a panel each on every problem with every batch strategy."""


PROBLEMS = 4
"""Beyond so many panels of rows, one for each problem, each has as many optimizers as a picture of FEW."""


def rows_shown(problems: int) -> int:
    """Optimizers that have rows in the panel of each of so many problems."""
    return MOST if problems <= PROBLEMS else FEW


def extremes(names: Iterable[str], scores: Mapping[str, float], most: int = MOST) -> list[str]:
    """These optimizers, or of more than `most` the half of them with the lowest and the half with the
    highest score, in its order; one without a score comes last."""
    names = list(names)
    if len(names) <= most:
        return names
    order = sorted(names, key=lambda name: (pd.isna(scores.get(name)), scores.get(name, 0.0)))
    return [*order[: most // 2], *order[-(most // 2) :]]


def by_rank(ranking: pd.DataFrame) -> dict[str, float]:
    """Optimizer -> mean rank over the batch strategies, of a `scores.ranking`."""
    return _means(ranking, "rank")


def by_width(sensitivity: pd.DataFrame) -> dict[str, float]:
    """Optimizer -> minus the mean usable range in decades: the widest comes first."""
    return {name: -width for name, width in _means(sensitivity, "width").items()}


def by_speed(profiles: pd.DataFrame) -> dict[str, float]:
    """Optimizer -> minus the area under its profile."""
    areas = profiles.assign(area=[interval.value for interval in profiles["area"]])
    return {name: -area for name, area in _means(areas, "area").items()}


def _means(table: pd.DataFrame, column: str) -> dict[str, float]:
    means = table.groupby("optimizer", sort=False)[column].mean()
    return {str(name): float(mean) for name, mean in means.items()}
