"""Lines with their bands against a common axis: profiles, best-so-far, shares that have arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FixedLocator, FuncFormatter

from overshoot.study.figures.panels import line, log_axis, title
from overshoot.study.figures.stage import frame
from overshoot.study.figures.theme import GRID, INK, Look, spread

NARROW = (264.0, 214.0)
WIDE = (390.0, 250.0)
"""The size of a panel, and of one whose lines are named at their ends."""

NAMES = 122.0
"""Points kept for the names at the lines' ends."""


@dataclass(frozen=True)
class Series:
    """A line: its name in the figure, how it looks, and its points. band: (3, m) the value, the lower and the
    upper end at each of x: (m,)."""

    name: str
    look: Look
    x: np.ndarray
    band: np.ndarray


@dataclass(frozen=True)
class Scale:
    """An axis. ticks: where they are, or else decades on a logarithmic axis and a few on another one."""

    label: str
    axis_range: tuple[float, float]
    log: bool = False
    ticks: tuple[float, ...] = ()


@dataclass(frozen=True)
class LineView:
    """What one panel shows. What lies beyond the range of y runs along them. named: whether the lines' names
    stand at their ends."""

    title: str
    color: str
    series: Sequence[Series]
    x: Scale
    y: Scale
    named: bool = False


def draw_lines(figure: FigureBase, view: LineView) -> None:
    """A line for each series over its pale band."""
    ax = frame(figure, _frame, view.named, view.x, view.y)
    title(figure, view.title, view.color, WIDE if view.named else NARROW)
    for series in view.series:
        _draw(ax, view, series)
    if view.named:
        _names(ax, view)


def _frame(figure: FigureBase, named: bool, x: Scale, y: Scale) -> Axes:
    width, height = WIDE if named else NARROW
    left, right = 49 / width, 1 - (NAMES if named else 10) / width
    bottom, top = 34 / height, 1 - 26 / height
    ax = figure.add_axes((left, bottom, right - left, top - bottom))
    draw_scale(ax, "x", x)
    draw_scale(ax, "y", y)
    return ax


def draw_scale(ax: Axes, name: str, scale: Scale) -> None:
    """The axis `name`, x or y, with its label, ticks and grid."""
    if scale.log:
        log_axis(ax, "x" if name == "x" else "y")
    else:
        ax.grid(True, axis="x" if name == "x" else "y", color=GRID)
    axis = ax.xaxis if name == "x" else ax.yaxis
    if scale.ticks:
        axis.set_major_locator(FixedLocator(scale.ticks))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set(**{f"{name}lim": scale.axis_range})
    axis.set_label_text(scale.label)
    axis.labelpad = 1


def _draw(ax: Axes, view: LineView, series: Series) -> None:
    value, low, high = np.clip(series.band, *view.y.axis_range)
    ax.fill_between(series.x, low, high, color=series.look.color, alpha=0.13, linewidth=0)
    line(
        ax,
        series.x,
        value,
        color=series.look.color,
        linestyle=series.look.dash,
        linewidth=1.6,
        marker="" if len(series.x) > 12 else series.look.marker,
        gid=series.name,
        clip_on=False,
    )


def _names(ax: Axes, view: LineView) -> None:
    """Each line's name at its right end, moved where two would touch."""
    low, high = view.y.axis_range
    ends = [float(np.clip((series.band[0, -1] - low) / (high - low), 0, 1)) for series in view.series]
    points = ax.get_position().height * WIDE[1]
    for series, y in zip(view.series, spread(ends, 12 / points), strict=True):
        ax.text(
            1.03, y, "■", transform=ax.transAxes, color=series.look.color, fontsize=8, va="center", ha="left"
        )
        ax.text(
            1.075,
            y,
            series.look.label,
            transform=ax.transAxes,
            color=INK,
            fontsize=8.5,
            va="center",
            gid=f"label-{series.name}",
        )
