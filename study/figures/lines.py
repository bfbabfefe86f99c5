"""Lines with their bands against a common axis: profiles, best-so-far, shares that have arrived."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FixedLocator, FuncFormatter

from overshoot.study.figures.panels import NAME, fitting, line, log_axis, size_of, title
from overshoot.study.figures.stage import frame
from overshoot.study.figures.theme import GRID, INK, SMALL, Look, spread
from overshoot.study.figures.tips import tell

NARROW = (264.0, 214.0)
WIDE = (390.0, 250.0)
"""The size of a panel, and of one whose lines are named at their ends."""

NAMES, LINE = 132.0, 12.0
"""Points kept for the names at the lines' ends, and the height of each."""
TOP, BOTTOM = 26.0, 34.0


def named_size(lines: int) -> tuple[float, float]:
    """Width and height in points of a panel with so many lines that are named."""
    return WIDE[0], max(WIDE[1], TOP + BOTTOM + LINE * (lines + 0.5))


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
    size = size_of(figure)
    ax = frame(figure, _frame, size, view.named, view.x, view.y)
    title(figure, view.title, view.color, size)
    for series in view.series:
        _draw(ax, view, series)
    if view.named:
        _names(ax, view, size[1] - TOP - BOTTOM)


def _frame(figure: FigureBase, size: tuple[float, float], named: bool, x: Scale, y: Scale) -> Axes:
    width, height = size
    left, right = 49 / width, 1 - (NAMES if named else 10) / width
    bottom, top = BOTTOM / height, 1 - TOP / height
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
    drawn = line(
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
    tell(drawn, series.look.label)


def _names(ax: Axes, view: LineView, points: float) -> None:
    """Each line's name at its right end, moved where two would touch."""
    low, high = view.y.axis_range
    ends = [float(np.clip((series.band[0, -1] - low) / (high - low), 0, 1)) for series in view.series]
    for series, y in zip(view.series, spread(ends, LINE / points), strict=True):
        ax.text(
            1.03, y, "■", transform=ax.transAxes, color=series.look.color, fontsize=8, va="center", ha="left"
        )
        shown = fitting(series.look.label, NAMES - 20, NAME)
        name = ax.text(1.075, y, shown, transform=ax.transAxes, color=INK, fontsize=SMALL, va="center")
        name.set_gid(f"label-{series.name}")
        if shown != series.look.label:
            tell(name, series.look.label)
