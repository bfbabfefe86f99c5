"""Training gap against examples processed, at a rate that is too small, the best, and one too large."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FuncFormatter, MaxNLocator

from overshoot.study.figures.keys import cross
from overshoot.study.figures.panels import line, log_axis, title
from overshoot.study.figures.stage import frame
from overshoot.study.figures.theme import OUTCOMES, ROLE_DASHES, ROLES, SMALL, Look, spread
from overshoot.study.figures.tips import tell
from overshoot.study.numbers import number

SIZE = (264.0, 214.0)


@dataclass(frozen=True)
class Line:
    """One trial: the role of its rate, its replicate, and its curve, examples and gap (E,), where a gap may
    be infinite but is a number. diverged: whether it counts as diverged."""

    role: str
    rate: float
    replicate: str
    diverged: bool
    examples: np.ndarray
    gap: np.ndarray


@dataclass(frozen=True)
class CurveView:
    """What one panel shows. examples: the budget. gap_range: shared by the panels of a problem; a curve
    that rises beyond leaves at the upper edge, one that falls beyond runs along the lower."""

    optimizer: Look
    lines: Sequence[Line]
    tolerance: float
    examples: float
    gap_range: tuple[float, float]


def draw_curves(figure: FigureBase, view: CurveView) -> None:
    """A line for each replicate, its rate written at its end, a cross where it left."""
    ax = frame(figure, _frame, view.tolerance, view.examples, view.gap_range)
    title(figure, view.optimizer.label, view.optimizer.color, SIZE)
    for drawn in view.lines:
        _draw(ax, view, drawn)
    _labels(ax, view)


def _frame(figure: FigureBase, tolerance: float, examples: float, gap_range: tuple[float, float]) -> Axes:
    width, height = SIZE
    left, right, bottom, top = 49 / width, 1 - 52 / width, 34 / height, 1 - 26 / height
    ax = figure.add_axes((left, bottom, right - left, top - bottom))
    log_axis(ax, "y")
    ax.set(xlim=(0, examples), ylim=gap_range)
    ax.axhline(tolerance, color=OUTCOMES["converged"], linewidth=0.9, linestyle=(0, (3, 2)))
    ax.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(_thousands))
    ax.set_xlabel("examples processed", labelpad=1)
    ax.set_ylabel("training gap q", labelpad=1)
    return ax


def _draw(ax: Axes, view: CurveView, drawn: Line) -> None:
    best = drawn.role == "best"
    curve = line(
        ax,
        drawn.examples,
        _within_reach(drawn.gap, view.gap_range),
        color=ROLES[drawn.role],
        linestyle=ROLE_DASHES[drawn.role],
        linewidth=1.9 if best else 1.4,
        alpha=0.85,
        gid=f"{drawn.role}-{drawn.replicate}".replace(" ", "-"),
        zorder=3 if best else 2,
    )
    end = "diverged" if drawn.diverged else number(drawn.gap[-1])
    tell(curve, f"{drawn.role}, {number(drawn.rate)}: {end}")
    if drawn.diverged:
        cross(ax, *_exit(drawn, view.gap_range), f"diverged-{drawn.role}-{drawn.replicate}".replace(" ", "-"))


def _exit(line: Line, axis_range: tuple[float, float]) -> tuple[float, float]:
    """Where a diverged curve ends, or where it crosses the upper edge of the panel for good."""
    x, y = line.examples, _within_reach(line.gap, axis_range)
    inside = np.flatnonzero(y <= axis_range[1])
    if not len(inside) or inside[-1] == len(y) - 1:
        return float(x[-1]), min(float(y[-1]), axis_range[1])
    i = int(inside[-1])
    share = np.log(axis_range[1] / y[i]) / np.log(y[i + 1] / y[i])
    return float(x[i] + share * (x[i + 1] - x[i])), axis_range[1]


def _within_reach(gap: np.ndarray, axis_range: tuple[float, float]) -> np.ndarray:
    """The gaps, none below the panel, and none so far above that a line to it could not be drawn."""
    return np.clip(gap, axis_range[0], axis_range[1] * 1e6)


def _labels(ax: Axes, view: CurveView) -> None:
    """Each role's rate where its curves end: at the right, or beside the cross where all of them left."""
    at_right: dict[str, float] = {}
    rates = {line.role: line.rate for line in view.lines}
    for role, rate in rates.items():
        lines = [line for line in view.lines if line.role == role]
        exits = [_exit(line, view.gap_range) for line in lines if line.diverged]
        end = max(exits, default=(0.0, 0.0))
        if len(exits) == len(lines) and end[0] < 0.45 * view.examples:
            _beside(ax, role, rate, end)
        else:
            lasted = [line for line in lines if not line.diverged] or lines
            at_right[role] = _height(view, [line.gap[-1] for line in lasted])
    points = ax.get_position().height * SIZE[1]
    for role, y in zip(at_right, spread(at_right.values(), 11.5 / points), strict=True):
        ax.text(1.04, y, number(rates[role]), transform=ax.transAxes, va="center", **_lettering(role))


def _height(view: CurveView, ends: Sequence[float]) -> float:
    """The share of the panel's height at which curves with these last gaps end, a little inside of it."""
    low, high = np.log10(view.gap_range)
    middle = np.median(np.log10(np.clip(ends, *view.gap_range)))
    return float(np.clip((middle - low) / (high - low), 0.03, 0.97))


def _beside(ax: Axes, role: str, rate: float, place: tuple[float, float]) -> None:
    ax.annotate(
        f"{number(rate)}, diverged",
        place,
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        **_lettering(role),
    )


def _lettering(role: str) -> dict[str, Any]:
    weight = "bold" if role == "best" else "normal"
    return {
        "color": ROLES[role],
        "fontsize": SMALL,
        "fontweight": weight,
        "gid": f"label-{role}".replace(" ", "-"),
    }


def _thousands(value: float, _: int) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
