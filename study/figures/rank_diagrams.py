"""Mean ranks: Demšar's (2006) critical-difference diagram."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from overshoot.study.figures.panels import NAME, fitting, heading
from overshoot.study.figures.theme import INK, MUTED, SMALL, Look
from overshoot.study.figures.tips import tell

WIDTH = 390.0
LINE, HEAD, FOOT = 14.0, 98.0, 8.0
"""Height of a name's line, and of what is above and below all names, in points."""
SIDE = 122.0
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
    heading(figure, view.title)
    ax.text(6, 26, view.note, color=MUTED, fontsize=SMALL, va="center")
    line = HEAD - 14
    places = SIDE + (np.asarray(view.ranks) - 1) / (k - 1) * (WIDTH - 2 * SIDE)
    ax.plot([SIDE, WIDTH - SIDE], [line, line], color=MUTED, linewidth=1)
    for rank in ticks(k):
        x = SIDE + (rank - 1) / (k - 1) * (WIDTH - 2 * SIDE)
        ax.plot([x, x], [line - 4, line], color=MUTED, linewidth=0.8)
        ax.text(x, line - 7, f"{rank}", color=MUTED, fontsize=SMALL, ha="center", va="bottom")
    _distance(ax, view, line - 25)
    for i, (first, last) in enumerate(view.bars):
        y = line + 7 + 6 * i
        ends = [places[first] - 3, places[last] + 3]
        (bar,) = ax.plot(ends, [y, y], color=INK, linewidth=3, solid_capstyle="butt")
        bar.set_gid(f"bar-{first}-{last}")
        tell(bar, f"no clear difference: {view.looks[first].label} to {view.looks[last].label}")
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
        SIDE, y - 10, f"critical distance {view.distance:.1f}{more}", color=INK, fontsize=SMALL, va="center"
    )


def _names(ax: Axes, view: RankView, places: np.ndarray, line: float, top: float) -> None:
    """The better half's names at the left, the best on top; the others' at the right, the worst on top."""
    k = len(places)
    half = -(-k // 2)
    for i, (x, look) in enumerate(zip(places, view.looks, strict=True)):
        left = i < half
        y = top + LINE * (i if left else k - 1 - i)
        edge = SIDE - 8 if left else WIDTH - SIDE + 8
        words = f"{look.label}: mean rank {view.ranks[i]:.1f}"
        (stem,) = ax.plot([x, x, edge], [line, y, y], color=look.color, linewidth=1.1, gid=f"stem-{i}")
        (dot,) = ax.plot(x, line, "o", color=look.color, markersize=5)
        name = ax.text(
            edge + (-4 if left else 4),
            y,
            fitting(look.label, SIDE - 14, NAME),
            color=INK,
            fontsize=SMALL,
            ha="right" if left else "left",
            va="center",
            gid=f"name-{i}",
        )
        for artist in (stem, dot, name):
            tell(artist, words)
