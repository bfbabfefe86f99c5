"""The stability map: what the measured limit is in units of the predicted one, for every cell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Rectangle

from overshoot.study.analysis.frame import records
from overshoot.study.figures.panels import brief, heading, row_names
from overshoot.study.figures.stage import frame
from overshoot.study.figures.theme import GRID, INK, MUTED, PAPER, SMALL, Looks, ratio_color
from overshoot.study.figures.tips import tell

NAMES, COLUMN, ROW = 136.0, 62.0, 33.0
"""Width of the optimizers' names and of a batch strategy's column, and height of a row, in points."""
TOP, BOTTOM, RIGHT = 50.0, 6.0, 6.0


@dataclass(frozen=True)
class MapView:
    """One problem. cells: a row for each optimizer and batch strategy (optimizer, batch, number, word,
    ratio): the text in large letters, the one below it, and what the colour stands for, NaN for none."""

    title: str
    looks: Looks
    cells: pd.DataFrame


def map_size(optimizers: int, batches: int) -> tuple[float, float]:
    """Width and height in points of a panel with so many rows and columns."""
    return NAMES + max(batches, 4) * COLUMN + RIGHT, TOP + BOTTOM + optimizers * ROW


def draw_map(figure: FigureBase, view: MapView) -> None:
    """A coloured field with its number and what the prediction rests on for each cell."""
    rows, columns = list(view.looks.optimizers), list(view.looks.batches)
    ax = frame(figure, _frame, view.looks)
    heading(figure, view.title)
    for cell in records(view.cells):
        column, row = columns.index(cell["batch"]), rows.index(cell["optimizer"])
        who = f"{view.looks.optimizers[rows[row]].label}, {cell['batch']}"
        _field(ax, cell, column, row, who)


def _frame(figure: FigureBase, looks: Looks) -> Axes:
    rows, columns = list(looks.optimizers), list(looks.batches)
    width, height = map_size(len(rows), len(columns))
    inner = len(columns) * COLUMN, len(rows) * ROW
    ax = figure.add_axes((NAMES / width, BOTTOM / height, inner[0] / width, inner[1] / height))
    ax.set(xlim=(0, len(columns)), ylim=(len(rows), 0))
    heads = [brief(batch).replace(" ", "\n") for batch in columns]
    ax.set_xticks([i + 0.5 for i in range(len(columns))], heads, fontsize=SMALL)
    ax.xaxis.tick_top()
    names = [look.label for look in looks.optimizers.values()]
    row_names(ax, [i + 0.5 for i in range(len(rows))], names, NAMES - 18, pad=14)
    ax.tick_params(axis="x", length=0, pad=3)
    for tick, (batch, look) in zip(ax.get_xticklabels(), looks.batches.items(), strict=True):
        tick.set(color=look.color, fontweight="bold")
        if brief(batch) != batch:
            tell(tick, look.label)
    for i, look in enumerate(looks.optimizers.values()):
        ax.plot(
            -8 / inner[0],
            i + 0.5,
            "s",
            color=look.color,
            ms=6,
            transform=ax.get_yaxis_transform(),
            clip_on=False,
        )
    for spine in ax.spines.values():
        spine.set_visible(False)
    return ax


def _field(ax: Axes, cell: dict[str, Any], column: int, row: int, who: str) -> None:
    ratio = cell["ratio"]
    name = f"{cell['optimizer']}-{cell['batch']}"
    known = bool(np.isfinite(ratio))
    face = ratio_color(ratio) if known else "none"
    field = Rectangle((column, row), 1, 1, facecolor=face, edgecolor=PAPER if known else GRID, linewidth=1.2)
    field.set_gid(f"field-{name}")
    tell(field, f"{who}: {cell['number']} {cell['word']}".replace(":  ", ": "))
    ax.add_artist(field)
    color = INK if known else MUTED
    number = cell["number"]
    where: dict[str, Any] = {"ha": "center", "va": "center"}
    if number:
        ax.text(column + 0.5, row + 0.34, number, color=color, fontsize=10, gid=f"number-{name}", **where)
    ax.text(column + 0.5, row + (0.74 if number else 0.5), cell["word"], color=color, fontsize=SMALL, **where)
