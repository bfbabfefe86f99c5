"""Floors against the learning rate, and noise floors as predicted against as measured: one problem each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from overshoot.study.figures.panels import heading, log_axis, segments, size_of
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
    ax, points = _axes(figure, view.title, right=32)
    low, high = view.gap_range
    ax.axhline(1, color=MUTED, linewidth=0.8, gid="start")
    _guides(ax, view)
    for line in view.lines:
        ends = (values.clip(low, high) for values in (line.low, line.high))
        segments(ax, line.rates, *ends, color=line.look.color, linewidth=2.2, alpha=0.3)
        (drawn,) = ax.plot(
            line.rates,
            line.middle.clip(low, high),
            color=line.look.color,
            marker=line.look.marker,
            markersize=3,
            linewidth=1.3,
            gid=f"floor {line.look.label}",
        )
        tell(drawn, line.look.label)
    ax.set(xlim=view.rate_range, ylim=view.gap_range)
    ax.set_xlabel("learning rate", labelpad=1)
    ax.set_ylabel("final training gap q", labelpad=1)
    sloped = [line for line in view.lines if np.isfinite(line.slope)]
    span = np.log10(high / low)
    wanted = [float(np.clip(np.log10(line.middle[-1] / low) / span, 0.02, 0.98)) for line in sloped]
    for line, y in zip(sloped, spread(wanted, LINE / points), strict=True):
        text = fixed(line.slope, 1)
        number = ax.text(
            1.03,
            y,
            text,
            transform=ax.transAxes,
            va="center",
            color=line.look.color,
            fontsize=SMALL,
            fontweight="bold",
        )
        tell(number, f"{line.look.label}: slope {text}")


def draw_noise(figure: FigureBase, view: NoiseView) -> None:
    """A mark for each run, hollow where the start is not forgotten; on the diagonal it is as predicted."""
    ax, _ = _axes(figure, view.title, right=12)
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
    ax.set(xlim=view.axis_range, ylim=view.axis_range)
    ax.set_xlabel("predicted noise floor q", labelpad=1)
    ax.set_ylabel("measured gap q", labelpad=1)


def _axes(figure: FigureBase, title: str, right: float) -> tuple[Axes, float]:
    """Logarithmic axes under a title, and their height in points."""
    width, height = size_of(figure)
    box = (49 / width, BOTTOM / height, 1 - (49 + right) / width, 1 - (TOP + BOTTOM) / height)
    heading(figure, title)
    ax = figure.add_axes(box)
    log_axis(ax, "x")
    log_axis(ax, "y")
    return ax, box[3] * height


def _guides(ax: Axes, view: FloorView) -> None:
    """Slopes 1 and 2 through the lower left of the curves, to compare theirs with."""
    x0 = min(line.rates[0] for line in view.lines)
    y0 = min(float(line.middle.min()) for line in view.lines)
    x = np.array([x0, view.rate_range[1]])
    for power in (1, 2):
        ax.plot(x, y0 * (x / x0) ** power, color=MUTED, linestyle=GUIDE, linewidth=1.2, gid=f"slope-{power}")
