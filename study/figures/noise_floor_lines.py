"""Floors against the learning rate, and noise floors as predicted against as measured: one problem each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from overshoot.study.figures.panels import heading, line, log_axis, segments, size_of
from overshoot.study.figures.stage import frame
from overshoot.study.figures.theme import MUTED, PAPER, SMALL, Look, spread
from overshoot.study.figures.tips import tell
from overshoot.study.numbers import fixed

WIDTH, HEIGHT, LINE = 264.0, 230.0, 11.5
"""Of a panel, and the height of a slope at the end of a line."""
TOP, BOTTOM = 24.0, 34.0
GUIDE = (0, (1.2, 2.2))


@dataclass(frozen=True)
class FloorLine:
    """Final gaps of one optimizer: median, least and largest (n,) at ascending rates (n,). slope: of the
    rates above the best, NaN where there are too few."""

    look: Look
    rates: np.ndarray
    middle: np.ndarray
    low: np.ndarray
    high: np.ndarray
    slope: float


@dataclass(frozen=True)
class FloorView:
    """rate_range, gap_range: of the rate and the gap, shared by the panels."""

    title: str
    lines: Sequence[FloorLine]
    rate_range: tuple[float, float]
    gap_range: tuple[float, float]


@dataclass(frozen=True)
class NoiseView:
    """runs: a row each (batch, predicted, measured, settled). axis_range: of both axes."""

    title: str
    batches: dict[str, Look]
    runs: pd.DataFrame
    axis_range: tuple[float, float]


def floors_size(lines: int) -> tuple[float, float]:
    """Width and height in points of a panel with so many lines."""
    return WIDTH, max(HEIGHT, TOP + BOTTOM + LINE * (lines + 0.5))


def draw_floors(figure: FigureBase, view: FloorView) -> None:
    """A curve for each optimizer from its best rate on, its slope at its end; dots of slope 1 and 2."""
    axes = ("learning rate", view.rate_range), ("final training gap q", view.gap_range)
    ax, points = frame(figure, _axes, size_of(figure), 32, *axes)
    heading(figure, view.title)
    low, high = view.gap_range
    ax.axhline(1, color=MUTED, linewidth=0.8, gid="start")
    _guides(ax, view)
    for drawn in view.lines:
        ends = (values.clip(low, high) for values in (drawn.low, drawn.high))
        segments(ax, drawn.rates, *ends, color=drawn.look.color, linewidth=2.2, alpha=0.3)
        floor = line(
            ax,
            drawn.rates,
            drawn.middle.clip(low, high),
            color=drawn.look.color,
            marker=drawn.look.marker,
            markersize=3,
            linewidth=1.3,
            gid=f"floor {drawn.look.label}",
        )
        tell(floor, drawn.look.label)
    sloped = [drawn for drawn in view.lines if np.isfinite(drawn.slope)]
    span = np.log10(high / low)
    wanted = [float(np.clip(np.log10(drawn.middle[-1] / low) / span, 0.02, 0.98)) for drawn in sloped]
    for drawn, y in zip(sloped, spread(wanted, LINE / points), strict=True):
        text = fixed(drawn.slope, 1)
        number = ax.text(
            1.03,
            y,
            text,
            transform=ax.transAxes,
            va="center",
            color=drawn.look.color,
            fontsize=SMALL,
            fontweight="bold",
        )
        tell(number, f"{drawn.look.label}: slope {text}")


def draw_noise(figure: FigureBase, view: NoiseView) -> None:
    """A mark for each run, hollow where the start is not forgotten; on the diagonal it is as predicted."""
    axes = ("predicted noise floor q", view.axis_range), ("measured gap q", view.axis_range)
    ax, _ = frame(figure, _axes, size_of(figure), 12, *axes)
    heading(figure, view.title)
    ax.plot(view.axis_range, view.axis_range, color=MUTED, linewidth=1.0, gid="diagonal")
    for batch, look in view.batches.items():
        for settled in (False, True):
            at = view.runs[(view.runs["batch"] == batch) & (view.runs["settled"] == settled)]
            ax.plot(
                at["predicted"],
                at["measured"].clip(*view.axis_range),
                linestyle="",
                marker=look.marker,
                markersize=5.5 if settled else 3.6,
                color=look.color if settled else PAPER,
                markeredgecolor=PAPER if settled else look.color,
                markeredgewidth=0.5 if settled else 0.8,
                alpha=1 if settled else 0.55,
                zorder=3 if settled else 2,
                gid=f"{'settled' if settled else 'early'} {batch}",
            )


def _axes(
    figure: FigureBase,
    size: tuple[float, float],
    right: float,
    x: tuple[str, tuple[float, float]],
    y: tuple[str, tuple[float, float]],
) -> tuple[Axes, float]:
    """Logarithmic axes of these labels and ranges under a title's place, and their height in points."""
    width, height = size
    box = (49 / width, BOTTOM / height, 1 - (49 + right) / width, 1 - (TOP + BOTTOM) / height)
    ax = figure.add_axes(box)
    log_axis(ax, "x")
    log_axis(ax, "y")
    ax.set(xlim=x[1], ylim=y[1])
    ax.set_xlabel(x[0], labelpad=1)
    ax.set_ylabel(y[0], labelpad=1)
    return ax, box[3] * height


def _guides(ax: Axes, view: FloorView) -> None:
    """Slopes 1 and 2 through the lower left of the curves, to compare theirs with."""
    x0 = min(line.rates[0] for line in view.lines)
    y0 = min(float(line.middle.min()) for line in view.lines)
    x = np.array([x0, view.rate_range[1]])
    for power in (1, 2):
        ax.plot(x, y0 * (x / x0) ** power, color=MUTED, linestyle=GUIDE, linewidth=1.2, gid=f"slope-{power}")
