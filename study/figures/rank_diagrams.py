"""Mean ranks: Demšar's (2006) critical-difference diagram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from overshoot.study.figures.theme import INK, MUTED, Look

WIDTH = 390.0
LINE, HEAD, FOOT = 14.0, 74.0, 8.0
"""Height of a name's line, and of what is above and below all names, in points."""
SIDE = 118.0
"""Points at each side of the axis for the names."""


@dataclass(frozen=True)
class RankView:
    """One diagram. looks: of the optimizers by mean rank, the best first; ranks: theirs. distance: the
    critical one. bars: first and last place of each group without a clear difference. note: a few words.
    height: of the panel, in points."""

    title: str
    looks: Sequence[Look]
    ranks: np.ndarray
    distance: float
    bars: Sequence[tuple[int, int]]
    note: str
    height: float


def rank_size(optimizers: int, bars: int) -> tuple[float, float]:
    """Width and height in points of a diagram with so many optimizers and bars."""
    return WIDTH, HEAD + 6 * bars + LINE * -(-optimizers // 2) + FOOT


def draw_ranks(figure: FigureBase, view: RankView) -> None:
    """An axis of ranks with the critical distance above it; names on both sides; a bar under every group
    without a clear difference."""
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(view.height, 0))
    ax.axis("off")
    k = len(view.ranks)
    ax.text(6, 11, view.title, color=INK, fontsize=10.5, fontweight="bold", va="center")
    ax.text(WIDTH - 8, 11, view.note, color=MUTED, fontsize=8.5, va="center", ha="right")
    line = 60.0
    places = SIDE + (np.asarray(view.ranks) - 1) / (k - 1) * (WIDTH - 2 * SIDE)
    ax.plot([SIDE, WIDTH - SIDE], [line, line], color=MUTED, linewidth=1)
    for rank in ticks(k):
        x = SIDE + (rank - 1) / (k - 1) * (WIDTH - 2 * SIDE)
        ax.plot([x, x], [line - 4, line], color=MUTED, linewidth=0.8)
        ax.text(x, line - 7, f"{rank}", color=MUTED, fontsize=8.5, ha="center", va="bottom")
    _distance(ax, view, line - 25)
    for i, (first, last) in enumerate(view.bars):
        y = line + 7 + 6 * i
        ends = [places[first] - 3, places[last] + 3]
        ax.plot(ends, [y, y], color=INK, linewidth=3, solid_capstyle="butt", gid=f"bar-{first}-{last}")
    _names(ax, view, places, line, line + 14 + 6 * len(view.bars))


def ticks(optimizers: int) -> list[int]:
    """The ranks that an axis names: all of a few, else the first and every fifth."""
    return list(range(1, optimizers + 1)) if optimizers <= 12 else [1, *range(5, optimizers + 1, 5)]


def _distance(ax: Axes, view: RankView, y: float) -> None:
    """A ruler of the critical distance, cut where it is longer than the axis."""
    k, room = len(view.ranks), WIDTH - 2 * SIDE
    length = min(view.distance / (k - 1), 1) * room
    ax.plot([SIDE, SIDE + length], [y, y], color=INK, linewidth=1.2, gid="distance")
    for x in [SIDE, *([SIDE + length] if view.distance <= k - 1 else [])]:
        ax.plot([x, x], [y - 3, y + 3], color=INK, linewidth=1.2)
    more = "" if view.distance <= k - 1 else ", longer than the axis"
    ax.text(
        SIDE - 6, y, f"critical distance {view.distance:.1f}{more}", color=INK, fontsize=8.5, va="center"
    ).set(
        ha="right" if not more else "left", position=(SIDE - 6 if not more else SIDE, y - (9 if more else 0))
    )


def _names(ax: Axes, view: RankView, places: np.ndarray, line: float, top: float) -> None:
    """The better half's names at the left, the best on top; the others' at the right, the worst on top."""
    k = len(places)
    half = -(-k // 2)
    for i, (x, look) in enumerate(zip(places, view.looks, strict=True)):
        left = i < half
        y = top + LINE * (i if left else k - 1 - i)
        edge = SIDE - 8 if left else WIDTH - SIDE + 8
        ax.plot([x, x, edge], [line, y, y], color=look.color, linewidth=1.1, gid=f"stem-{i}")
        ax.plot(x, line, "o", color=look.color, markersize=5)
        ax.text(
            edge + (-4 if left else 4),
            y,
            look.label,
            color=INK,
            fontsize=9 * min(1, (SIDE - 14) / (5.6 * len(look.label))),
            ha="right" if left else "left",
            va="center",
            gid=f"name-{i}",
        )
