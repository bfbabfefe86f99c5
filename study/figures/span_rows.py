"""A row for each optimizer: a value and how far it may move, such as mean ranks when data are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import FigureBase

from overshoot.study.figures.lines import Scale, draw_scale
from overshoot.study.figures.panels import heading, names_width, row_names
from overshoot.study.figures.theme import INK, MUTED, Look
from overshoot.study.figures.tips import tell
from overshoot.study.numbers import number

WIDTH = 390.0
ROW, TOP, BOTTOM = 22.0, 26.0, 36.0
CLOSE = 15.0
"""The height of a row where there are more than twelve."""


@dataclass(frozen=True)
class SpanView:
    """One panel. looks: of the k optimizers, from top to bottom; values: theirs. spans: what moves them ->
    (k, 2) the lowest and the highest value of each then. reference: a value that a line marks."""

    title: str
    looks: Sequence[Look]
    values: np.ndarray
    spans: Mapping[str, np.ndarray]
    scale: Scale
    reference: float | None = None


def span_size(optimizers: int) -> tuple[float, float]:
    """Width and height in points of a panel with so many optimizers."""
    return WIDTH, TOP + BOTTOM + _row(optimizers) * optimizers


def draw_spans(figure: FigureBase, view: SpanView) -> None:
    """Each optimizer's value, and a bar for each kind of what moves it."""
    k, names = len(view.looks), [look.label for look in view.looks]
    width, height = span_size(k)
    room = names_width(names, WIDTH / 3)
    left = room + 14
    inner = _row(k) * k / height
    ax = figure.add_axes((left / width, BOTTOM / height, (width - left - 12) / width, inner))
    heading(figure, view.title)
    draw_scale(ax, "x", view.scale)
    if view.reference is not None:
        ax.axvline(view.reference, color=MUTED, linewidth=0.9, linestyle=(0, (3, 2)), gid="reference")
    low, high = view.scale.axis_range
    for i, look in enumerate(view.looks):
        for j, (kind, ends) in enumerate(view.spans.items()):
            y = i + 0.5 + (j - (len(view.spans) - 1) / 2) * 0.3
            drawn = np.clip(ends[i], low, high)
            (line,) = ax.plot(drawn, [y, y], color=look.color, linewidth=4.5 - 2 * j, alpha=0.45 + 0.4 * j)
            line.set(solid_capstyle="round", gid=f"{kind}-{i}")
            tell(line, f"{look.label}, {kind}: {number(ends[i][0])} to {number(ends[i][1])}")
        value = float(np.clip(view.values[i], low, high))
        (dot,) = ax.plot(value, i + 0.5, "o", color=look.color, markersize=5.5, markeredgecolor=INK)
        dot.set_clip_on(False)
        tell(dot, f"{look.label}: {number(view.values[i])}")
    row_names(ax, np.arange(k) + 0.5, names, room, pad=4)
    ax.set(ylim=(k, 0))
    ax.spines["left"].set_visible(False)


def _row(optimizers: int) -> float:
    return ROW if optimizers <= 12 else CLOSE
