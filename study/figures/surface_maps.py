"""The path of an optimizer on a loss surface over two parameters, at four learning rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import Ellipse
from matplotlib.ticker import MaxNLocator

from overshoot.study.analysis.surface_paths import KINDS, LossSurface
from overshoot.study.figures.keys import cross
from overshoot.study.figures.panels import line, title
from overshoot.study.figures.stage import frame
from overshoot.study.figures.theme import INK, MUTED, OUTCOMES, PAPER, ROLES, SMALL, Look
from overshoot.study.numbers import number

SIZE = (264.0, 312.0)
SIDE, GAP, LEFT, TOP = 106.0, 10.0, 36.0, 42.0
COLORS = {
    "too small": ROLES["too small"],
    "good": ROLES["best"],
    "overshooting": ROLES["too large"],
    "diverging": OUTCOMES["diverged"],
}


@dataclass(frozen=True)
class Way:
    """One run: its rate, updates (E,) and parameters theta (E, 2); diverged: whether it counts as such."""

    rate: float
    diverged: bool
    updates: np.ndarray
    theta: np.ndarray

    @property
    def joined(self) -> int:
        """How many of the first points follow each other update by update."""
        return joined(self.updates)


@dataclass(frozen=True)
class PathView:
    """What one panel shows: the surface, and the way of each kind of rate that there is."""

    optimizer: Look
    surface: LossSurface
    ways: Mapping[str, Way]


def joined(updates: np.ndarray) -> int:
    """How many of the first points of a path follow each other update by update."""
    return int(np.cumprod(updates == np.arange(len(updates))).sum())


def draw_paths(figure: FigureBase, view: PathView) -> None:
    """Four small maps: contours of equal loss, the optimum, and the way there, or away from it."""
    maps = frame(figure, _maps, view.surface)
    title(figure, view.optimizer.label, view.optimizer.color, SIZE)
    for kind, ax in zip(KINDS, maps, strict=True):
        way = view.ways.get(kind)
        text = f"{kind} {number(way.rate)}" if way else f"{kind}: none"
        ax.text(0, 1.03, text, transform=ax.transAxes, color=COLORS[kind] if way else MUTED, fontsize=SMALL)
        if way:
            _way(ax, view.surface, way, COLORS[kind], kind)


def _maps(figure: FigureBase, surface: LossSurface) -> list[Axes]:
    width, height = SIZE
    maps = []
    for i in range(len(KINDS)):
        row, column = divmod(i, 2)
        x = LEFT + column * (SIDE + GAP)
        y = height - TOP - SIDE - row * (SIDE + GAP + 16)
        maps.append(figure.add_axes((x / width, y / height, SIDE / width, SIDE / height)))
        _map(maps[-1], surface, named=(row == 1, column == 0))
    return maps


def _map(ax: Axes, surface: LossSurface, named: tuple[bool, bool]) -> None:
    for sides, name in zip(surface.theta, ("x", "y"), strict=True):
        getattr(ax, f"set_{name}lim")(sides - surface.half, sides + surface.half)
        side = getattr(ax, f"{name}axis")
        side.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    ellipses, angle = surface.contours()
    for a, b in ellipses:
        ax.add_patch(
            Ellipse(
                (surface.theta[0], surface.theta[1]),
                2 * a,
                2 * b,
                angle=angle,
                fill=False,
                edgecolor=MUTED,
                linewidth=0.6,
                alpha=0.6,
            )
        )
    ax.plot(*surface.theta, marker="+", markersize=7, markeredgewidth=1.4, color=INK, zorder=2)
    ax.tick_params(labelbottom=named[0], labelleft=named[1], labelsize=SMALL, pad=1.5)
    if named[0]:
        ax.set_xlabel("slope", labelpad=0, fontsize=SMALL)
    if named[1]:
        ax.set_ylabel("intercept", labelpad=0, fontsize=SMALL)
    ax.spines[["top", "right"]].set_visible(True)


def _way(ax: Axes, surface: LossSurface, way: Way, color: str, kind: str) -> None:
    theta = surface.theta + surface.half * surface.view(way.theta)
    first = min(way.joined, len(theta))
    points: dict[str, Any] = {"marker": "o", "zorder": 3, "color": color}
    line(ax, *theta[:first].T, linewidth=1.1, markersize=1.9, gid=f"path-{kind}", **points)
    line(ax, *theta[first:].T, linestyle="", markersize=1.6, alpha=0.45, **points)
    line(ax, *theta[:1].T, marker="o", markersize=4.5, color=PAPER, markeredgecolor=color, zorder=4)
    if way.diverged:
        x, y = leaving(theta, surface)
        cross(ax, x, y, "left")


def leaving(theta: np.ndarray, surface: LossSurface) -> np.ndarray:
    """Where a path (E, 2) crosses the edge of the view for good, or its last point when it does not."""
    away = (theta - surface.theta) / surface.half
    inside = np.flatnonzero((np.abs(away) <= 1).all(axis=1))
    if not len(inside) or inside[-1] == len(theta) - 1:
        return np.clip(theta[-1], surface.theta - surface.half, surface.theta + surface.half)
    i = int(inside[-1])
    step = away[i + 1] - away[i]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = np.where(step == 0, np.inf, (np.sign(step) - away[i]) / step)
    return np.asarray(surface.theta + surface.half * (away[i] + shares.min() * step))
