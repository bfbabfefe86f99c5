"""Rows of optimizers, each with its batch strategies: usable ranges, scores, shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from overshoot.study.analysis.frame import records
from overshoot.study.figures.panels import heading, line, log_axis, names_width, row_names
from overshoot.study.figures.stage import frame
from overshoot.study.figures.theme import GRID, INK, MUTED, OUTCOMES, PAPER, Looks
from overshoot.study.figures.tips import tell
from overshoot.study.numbers import number
from overshoot.study.phases.confirm import ConfirmRole

WIDTH = 390.0
ROW, GAP = 8.0, 6.0
"""Height of a batch strategy's row and of the space between optimizers, in points."""
RIGHT, TOP, BOTTOM = 12.0, 24.0, 36.0


@dataclass(frozen=True)
class RangeView:
    """The usable ranges on one problem. sensitivity: a row for each optimizer and batch strategy, as
    `study.analysis.sensitivity` makes them. defaults: optimizer -> its default rate. axis_range: of the
    sweep's rates."""

    title: str
    looks: Looks
    sensitivity: pd.DataFrame
    defaults: dict[str, float]
    axis_range: tuple[float, float]


@dataclass(frozen=True)
class ScoreView:
    """Scores on one problem. scores: a row for each optimizer, batch strategy and role, with value, low and
    high, which may be infinite. label: what the axis means. axis_range: what lies beyond it,
    diverged runs above all, is marked at its border. log: whether the axis is logarithmic."""

    title: str
    looks: Looks
    scores: pd.DataFrame
    label: str
    axis_range: tuple[float, float]
    log: bool


def rows_size(optimizers: int, batches: int) -> tuple[float, float]:
    """Width and height in points of a panel with so many rows."""
    return WIDTH, TOP + BOTTOM + optimizers * (batches * ROW + GAP)


def draw_ranges(figure: FigureBase, view: RangeView) -> None:
    """A bar from the lowest to the highest usable rate; a dot at the best, a cross at the sweep boundary."""
    ax = frame(figure, _rows, view.looks, "learning rate", view.axis_range, True)
    heading(figure, view.title)
    places = _places(view.looks)
    for row in records(view.sensitivity):
        _range(ax, row, places[row["optimizer"], row["batch"]], view.looks)
    for optimizer, rate in view.defaults.items():
        ends = [places[optimizer, batch] for batch in view.looks.batches]
        span = [min(ends) - ROW / 2, max(ends) + ROW / 2]
        upright = line(ax, [rate, rate], span, color=INK, linewidth=1.1, gid="default")
        tell(upright, f"{view.looks.optimizers[optimizer].label}: default {number(rate)}")


def _range(ax: Axes, row: dict[str, Any], y: float, looks: Looks) -> None:
    """The row of one optimizer with one batch strategy."""
    color, who = looks.batches[row["batch"]].color, _who(row, looks)
    if np.isfinite(row["low"]):
        bar = line(
            ax,
            [row["low"], row["high"]],
            [y, y],
            color=color,
            linewidth=ROW - 3,
            solid_capstyle="butt",
            gid=f"range-{row['optimizer']}-{row['batch']}",
        )
        tell(bar, f"{who}: usable from {number(row['low'])} to {number(row['high'])}")
    if np.isfinite(row["best"]):
        ring: dict[str, Any] = {"marker": "o", "markersize": 4.2, "markeredgewidth": 1.2}
        dot = line(ax, [row["best"]], [y], color=PAPER, markeredgecolor=color, **ring)
        tell(dot, f"{who}: best {number(row['best'])}")
    if np.isfinite(row["sweep_boundary"]):
        mark: dict[str, Any] = {"marker": "X", "markersize": 4.4, "markeredgewidth": 0}
        cross = line(ax, [row["sweep_boundary"]], [y], color=OUTCOMES["diverged"], **mark)
        tell(cross, f"{who}: half diverge from {number(row['sweep_boundary'])}")


def _who(row: dict[str, Any], looks: Looks) -> str:
    return f"{looks.optimizers[row['optimizer']].label}, {row['batch']}"


def draw_scores(figure: FigureBase, view: ScoreView) -> None:
    """Filled: at the tuned rate, with its interval. Hollow: at the default rate."""
    ax = frame(figure, _rows, view.looks, view.label, view.axis_range, view.log)
    heading(figure, view.title)
    places = _places(view.looks)
    for row in records(view.scores.sort_values("role")):
        _score(ax, row, places[row["optimizer"], row["batch"]], view)


def _score(ax: Axes, row: dict[str, Any], y: float, view: ScoreView) -> None:
    """The mark of one optimizer with one batch strategy at one of its rates, over its interval."""
    look, tuned = view.looks.batches[row["batch"]], row["role"] == ConfirmRole.TUNED
    low, high = view.axis_range
    who = f"{_who(row, view.looks)}, {row['role']}"
    if not low <= row["value"] <= high:
        mark = _beyond(ax, row["value"] > high, y, look.color, bool(np.isinf(row["value"])))
        tell(mark, f"{who}: {'diverged' if np.isinf(row['value']) else number(row['value'])}")
        return
    if tuned:
        ends = np.clip([row["low"], row["high"]], low, high)
        line(ax, ends, [y, y], color=look.color, linewidth=2, alpha=0.45, solid_capstyle="butt")
    mark = line(
        ax,
        [row["value"]],
        [y],
        marker=look.marker,
        color=look.color if tuned else PAPER,
        markeredgecolor=look.color,
        markersize=4.2,
        markeredgewidth=0.9,
        gid=f"{row['role']}-{row['optimizer']}-{row['batch']}",
    )
    interval = f" ({number(row['low'])} to {number(row['high'])})" if tuned else ""
    tell(mark, f"{who}: {number(row['value'])}{interval}")


def _beyond(ax: Axes, above: bool, y: float, color: str, diverged: bool) -> Line2D:
    """A mark at the edge: a cross for runs that diverged, else an arrow to where the score would be."""
    return line(
        ax,
        [1 if above else 0],
        [y],
        marker="X" if diverged else (">" if above else "<"),
        transform=ax.get_yaxis_transform(),
        color=OUTCOMES["diverged"] if diverged else color,
        markersize=4.6,
        markeredgewidth=0,
        clip_on=False,
    )


def _places(looks: Looks) -> dict[tuple[str, str], float]:
    """(optimizer, batch) -> height of its row, in points from the top, downwards."""
    block = len(looks.batches) * ROW + GAP
    return {
        (o, b): i * block + GAP / 2 + (j + 0.5) * ROW
        for i, o in enumerate(looks.optimizers)
        for j, b in enumerate(looks.batches)
    }


def _rows(figure: FigureBase, looks: Looks, label: str, axis_range: tuple[float, float], log: bool) -> Axes:
    """Axes whose y axis is in points, with the optimizers' names."""
    width, height = rows_size(len(looks.optimizers), len(looks.batches))
    names = [look.label for look in looks.optimizers.values()]
    room = names_width(names, WIDTH / 3)
    inner, left = height - TOP - BOTTOM, room + 26
    ax = figure.add_axes((left / width, BOTTOM / height, (width - left - RIGHT) / width, inner / height))
    if log:
        log_axis(ax, "x", numticks=8)
    else:
        ax.grid(True, axis="x", color=GRID)
        ax.xaxis.set_major_locator(MaxNLocator(int(ax.get_position().width * WIDTH // 60)))
    ax.set(xlim=axis_range, ylim=(inner, 0))
    ax.set_xlabel(label, labelpad=1)
    block = len(looks.batches) * ROW + GAP
    for i in range(0, len(looks.optimizers), 2):
        band = Rectangle((0, i * block), 1, block, transform=ax.get_yaxis_transform(), color=GRID, alpha=0.4)
        ax.add_patch(band).set(linewidth=0, zorder=0)
    middles = (np.arange(len(looks.optimizers)) + 0.5) * block
    row_names(ax, middles, names, room, pad=14)
    for middle, look in zip(middles, looks.optimizers.values(), strict=True):
        line(
            ax,
            [-8 / (width - left - RIGHT)],
            [middle],
            marker="s",
            color=look.color,
            markersize=6,
            transform=ax.get_yaxis_transform(),
            clip_on=False,
        )
    ax.spines["left"].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
    return ax
