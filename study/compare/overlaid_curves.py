"""The overlaid rate curves of pairs of which something was changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from overshoot.study.analysis import selections
from overshoot.study.compare.changes import Change, StudyComparison, axes_of, limit_of
from overshoot.study.compare.sentences import named
from overshoot.study.figures.overlaid import KEYS, SIZE, Overlaid, OverlaidCurve, draw_overlaid
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.stage import write_png
from overshoot.study.tracking import StoredCell

MOST = 12
"""Panels of the picture: the first pairs."""


def draw(comparison: StudyComparison, path: Path) -> bool:
    """Write the picture of the pairs that are not alike as PNG; whether there are any."""
    pairs = [change for change in comparison.changes if change.other != change.axes][:MOST]
    if not pairs:
        return False
    write_png(panels(comparison, pairs), path, dpi=140)
    return True


def panels(comparison: StudyComparison, pairs: list[Change]) -> Panels:
    of_a, of_b = ({axes_of(c): c for c in side.cells} for side in (comparison.a, comparison.b))
    views = [
        Overlaid(
            (named(comparison, change.axes), f"B: {named(comparison, change.other)}"),
            {"A": _curve(of_a[change.axes]), "B": _curve(of_b[change.other])},
        )
        for change in pairs
    ]
    return Panels(draw_overlaid, views, SIZE, 3, KEYS)


def _curve(cell: StoredCell) -> OverlaidCurve:
    swept = selections.swept(cell.trials)
    gone = selections.diverged(swept)
    rows = swept.assign(gone=gone, q=swept["q_end"].where(~gone, np.inf)).groupby("rate")
    table = rows.agg(q=("q", "median"))
    limit = limit_of(cell)
    return OverlaidCurve(
        table.index.to_numpy(), table["q"].to_numpy(), None if limit is None else limit.value
    )
