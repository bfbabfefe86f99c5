"""Sharpness along training beside what each learning rate allows: one problem, one optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from overshoot.study.figures.keys import cross
from overshoot.study.figures.panels import log_axis, title
from overshoot.study.figures.theme import SMALL, Look, spread, step_colors
from overshoot.study.figures.tips import tell
from overshoot.study.numbers import number

SIZE = (264.0, 220.0)
ALLOWED = (0, (4, 2))


@dataclass(frozen=True)
class EdgeLine:
    """One run: sharpness (n,) after `updates` (n,), and the largest curvature at which its rate is stable."""

    rate: float
    threshold: float
    diverged: bool
    updates: np.ndarray
    sharpness: np.ndarray


@dataclass(frozen=True)
class EdgeView:
    """lines: by ascending rate. y_range: of the sharpness. x_range: of the updates."""

    problem: str
    optimizer: Look
    lines: Sequence[EdgeLine]
    y_range: tuple[float, float]
    x_range: tuple[float, float]


def draw_edge(figure: FigureBase, view: EdgeView) -> None:
    """A curve for each rate in its colour, from its start at the left edge, and a dashed line in the same
    colour at what the rate allows."""
    width, height = SIZE
    left, right, bottom, top = 49 / width, 1 - 50 / width, 34 / height, 1 - 24 / height
    ax = figure.add_axes((left, bottom, right - left, top - bottom))
    title(figure, f"{view.problem}, {view.optimizer.label}", view.optimizer.color, SIZE)
    log_axis(ax, "x")
    log_axis(ax, "y")
    for line, color in zip(view.lines, step_colors(len(view.lines)), strict=True):
        _line(ax, line, color, view.x_range[0])
    ax.set(xlim=view.x_range, ylim=view.y_range)
    ax.set_xlabel("update", labelpad=1)
    ax.set_ylabel("sharpness", labelpad=1)
    low, high = np.log10(view.y_range)
    wanted = [(np.log10(line.threshold) - low) / (high - low) for line in view.lines]
    places = spread(np.clip(wanted, 0.02, 0.98), 11.5 / ((top - bottom) * height))
    for line, y, color in zip(view.lines, places, step_colors(len(view.lines)), strict=True):
        ax.text(1.02, y, number(line.rate), transform=ax.transAxes, va="center", color=color, fontsize=SMALL)


def _line(ax: Axes, line: EdgeLine, color: str, start: float) -> None:
    name = f"{line.rate:g}"
    allowed = ax.axhline(line.threshold, color=color, linestyle=ALLOWED, linewidth=1.0, gid=f"allowed-{name}")
    tell(allowed, f"rate {number(line.rate)}: stable up to {number(line.threshold)}")
    # A logarithmic axis has no place for update 0 but its end.
    (drawn,) = ax.plot(line.updates.clip(start), line.sharpness, color=color, linewidth=1.4)
    drawn.set_gid(f"sharpness-{name}")
    tell(drawn, f"rate {number(line.rate)}, {'diverged' if line.diverged else 'sharpness'}")
    if line.diverged:
        cross(ax, max(line.updates[-1], start), line.sharpness[-1], f"diverged-{name}")
