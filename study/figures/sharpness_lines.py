"""Sharpness along training beside what each learning rate allows: one problem, one optimizer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from overshoot.study.figures.keys import cross
from overshoot.study.figures.panels import line, log_axis, title
from overshoot.study.figures.stage import frame
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
    ax = frame(figure, _frame, view.x_range, view.y_range)
    title(figure, f"{view.problem}, {view.optimizer.label}", view.optimizer.color, SIZE)
    for edge, color in zip(view.lines, step_colors(len(view.lines)), strict=True):
        _line(ax, edge, color, view.x_range[0])
    low, high = np.log10(view.y_range)
    wanted = [(np.log10(edge.threshold) - low) / (high - low) for edge in view.lines]
    places = spread(np.clip(wanted, 0.02, 0.98), 11.5 / (SIZE[1] - 58))
    for edge, y, color in zip(view.lines, places, step_colors(len(view.lines)), strict=True):
        ax.text(1.02, y, number(edge.rate), transform=ax.transAxes, va="center", color=color, fontsize=SMALL)


def _frame(figure: FigureBase, x_range: tuple[float, float], y_range: tuple[float, float]) -> Axes:
    width, height = SIZE
    ax = figure.add_axes((49 / width, 34 / height, 1 - 99 / width, 1 - 58 / height))
    log_axis(ax, "x")
    log_axis(ax, "y")
    ax.set(xlim=x_range, ylim=y_range)
    ax.set_xlabel("update", labelpad=1)
    ax.set_ylabel("sharpness", labelpad=1)
    return ax


def _line(ax: Axes, edge: EdgeLine, color: str, start: float) -> None:
    name = f"{edge.rate:g}"
    allowed = ax.axhline(edge.threshold, color=color, linestyle=ALLOWED, linewidth=1.0, gid=f"allowed-{name}")
    tell(allowed, f"rate {number(edge.rate)}: stable up to {number(edge.threshold)}")
    # A logarithmic axis has no place for update 0 but its end.
    drawn = line(ax, edge.updates.clip(start), edge.sharpness, color=color, linewidth=1.4)
    drawn.set_gid(f"sharpness-{name}")
    tell(drawn, f"rate {number(edge.rate)}, {'diverged' if edge.diverged else 'sharpness'}")
    if edge.diverged:
        cross(ax, max(edge.updates[-1], start), edge.sharpness[-1], f"diverged-{name}")
