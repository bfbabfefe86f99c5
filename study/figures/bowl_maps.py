"""One bowl at one kind of learning rate: the first optimizer's path large, the second's below it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Ellipse

from overshoot.study.analysis.surface_paths import LossSurface
from overshoot.study.figures.surface_maps import leaving
from overshoot.study.figures.theme import INK, MUTED, OUTCOMES, PAPER, ROLES
from overshoot.study.numbers import number

SIZE = (264.0, 470.0)
LEFT, LARGE, SMALL = 6.0, 252.0, 138.0
COLORS = {
    "too small": ROLES["too small"],
    "right": ROLES["best"],
    "overshooting": ROLES["too large"],
    "diverging": OUTCOMES["diverged"],
}


@dataclass(frozen=True)
class BowlPath:
    """One run: its optimizer's label, its rate, theta (E, 2), and what became of it in a word or two."""

    label: str
    rate: float
    theta: np.ndarray
    outcome: str


@dataclass(frozen=True)
class BowlView:
    """What one panel shows: the kind of rate, the bowl, and a large and a small path on it. named: whether
    the start and the minimum are named."""

    kind: str
    surface: LossSurface
    paths: Sequence[BowlPath]
    named: bool


def draw_bowl(figure: FigureBase, view: BowlView) -> None:
    """Two maps: contours of equal loss, the minimum, and the path there, or away from it."""
    width, height = SIZE
    color = COLORS[view.kind]
    large, small = view.paths

    def text(x: float, y: float, words: str, **style: Any) -> None:
        figure.text(x / width, 1 - y / height, words, va="baseline", **style)

    text(LEFT, 18, view.kind.capitalize(), color=color, fontsize=15, fontweight="bold")
    text(LEFT, 37, f"{large.label}, rate {number(large.rate)}", color=INK, fontsize=12)
    _map(figure, view, large, 46, LARGE)
    _map(figure, view, small, 46 + LARGE + 20, SMALL)
    for i, line in enumerate((small.label, f"rate {number(small.rate)}", *small.outcome.split("\n"))):
        text(LEFT + SMALL + 10, 46 + LARGE + 32 + 17 * i, line, color=INK if i < 2 else MUTED, fontsize=12)


def _map(figure: FigureBase, view: BowlView, path: BowlPath, top: float, side: float) -> None:
    width, height = SIZE
    ax = figure.add_axes((LEFT / width, 1 - (top + side) / height, side / width, side / height))
    surface = view.surface
    for setter, middle in ((ax.set_xlim, surface.theta[0]), (ax.set_ylim, surface.theta[1])):
        setter(middle - surface.half, middle + surface.half)
    ax.set(xticks=[], yticks=[])
    ax.spines[["top", "right"]].set_visible(True)
    ellipses, angle = surface.contours()
    for a, b in reversed(ellipses):
        at = (surface.theta[0], surface.theta[1])
        shared: dict[str, Any] = {"angle": angle, "clip_path": ax.patch}
        ax.add_patch(Ellipse(at, 2 * a, 2 * b, facecolor=MUTED, alpha=0.055, linewidth=0, **shared))
        ax.add_patch(
            Ellipse(at, 2 * a, 2 * b, fill=False, edgecolor=MUTED, linewidth=0.7, alpha=0.5, **shared)
        )
    ax.plot(*surface.theta, marker="+", markersize=9, markeredgewidth=1.8, color=INK, zorder=2)
    _path(ax, view, path, side == LARGE)


def _path(ax: Axes, view: BowlView, path: BowlPath, large: bool) -> None:
    surface, color = view.surface, COLORS[view.kind]
    theta = _until_gone(surface.theta + surface.half * surface.view(path.theta), surface)
    thick = 1.0 if large else 0.7
    ax.plot(*theta.T, color=color, linewidth=1.7 * thick, marker="o", markersize=4.2 * thick, zorder=3)
    ax.plot(*theta[0], marker="o", markersize=9 * thick, color=PAPER, markeredgecolor=color, zorder=4)
    gone = np.abs(theta[-1] - surface.theta).max() > surface.half
    if gone:
        ax.plot(
            *leaving(theta, surface), marker="X", markersize=11 * thick, color=color, zorder=5, clip_on=False
        )
    else:
        ax.plot(*theta[-1], marker="o", markersize=8 * thick, color=color, markeredgecolor=PAPER, zorder=5)
    if view.named and large:
        note: dict[str, Any] = {"textcoords": "offset points", "fontsize": 12, "color": INK}
        ax.annotate("start", tuple(theta[0]), (8, 8), **note)
        ax.annotate("minimum", tuple(surface.theta), (8, -16), **note)


def _until_gone(theta: np.ndarray, surface: LossSurface) -> np.ndarray:
    """The path up to the first point after which it does not come back to the square that is shown."""
    inside = np.flatnonzero((np.abs(theta - surface.theta) <= surface.half).all(axis=1))
    return theta[: inside[-1] + 2]
