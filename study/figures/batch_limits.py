"""Predicted limits against the batch size, with those that were measured: one problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FuncFormatter, LogLocator

from overshoot.core.batches import ORDERS, USUAL
from overshoot.study.analysis.frame import records
from overshoot.study.figures.panels import NAME, fitting, heading, log_axis, size_of
from overshoot.study.figures.theme import MUTED, PAPER, SMALL, Look, spread
from overshoot.study.figures.tips import tell
from overshoot.study.numbers import number

WIDTH, HEIGHT, LINE = 390.0, 280.0, 11.5
"""Of a panel, and the height of a name at the end of a line."""
TOP, BOTTOM, NAMES = 24.0, 34.0, 118.0
MARKERS = "osD^vP*X"
"""Of the orders of the batches, one after the other."""
GUIDE = (0, (4, 2))


@dataclass(frozen=True)
class LimitCurve:
    """A limit (n,) over batch sizes (n,), in samples. look: its optimizer's, None for a guide."""

    label: str
    sizes: np.ndarray
    limits: np.ndarray
    look: Look | None = None


@dataclass(frozen=True)
class BatchLimitView:
    """measured: a row for each measured limit (optimizer, size, order, measured, low, high, predicted) of
    `looks`."""

    title: str
    curves: Sequence[LimitCurve]
    guides: Sequence[LimitCurve]
    measured: pd.DataFrame
    looks: dict[str, Look]
    rate_range: tuple[float, float]


def batch_limits_size(named: int) -> tuple[float, float]:
    """Width and height in points of a panel with so many named lines."""
    return WIDTH, max(HEIGHT, TOP + BOTTOM + LINE * (named + 0.5))


def draw_batch_limits(figure: FigureBase, view: BatchLimitView) -> None:
    """Curves for the predictions, dashes for the guides, marks with bars over the replicates for runs."""
    width, height = size_of(figure)
    left, right, bottom, top = 49 / width, 1 - NAMES / width, BOTTOM / height, 1 - TOP / height
    ax = figure.add_axes((left, bottom, right - left, top - bottom))
    heading(figure, view.title)
    log_axis(ax, "x")
    log_axis(ax, "y")
    for guide in view.guides:
        (line,) = ax.plot(guide.sizes, guide.limits, color=MUTED, linestyle=GUIDE, linewidth=1.1)
        line.set_gid(f"guide {guide.label}")
        tell(line, guide.label)
    for curve in view.curves:
        color = curve.look.color if curve.look else MUTED
        (line,) = ax.plot(curve.sizes, curve.limits, color=color, linewidth=1.6)
        line.set_gid(f"curve {curve.label}")
        tell(line, f"{curve.label}: predicted limit")
    _measured(ax, view)
    largest = max(curve.sizes.max() for curve in view.curves)
    ax.set(xlim=(0.8, largest * 1.25), ylim=view.rate_range)
    if np.diff(np.trunc(np.log10(view.rate_range) + 99)) < 2:
        # Decades alone would leave such an axis with a single number.
        ax.yaxis.set_major_locator(LogLocator(base=10, subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    ax.set_xlabel("batch size (samples)", labelpad=1)
    ax.set_ylabel("stability limit", labelpad=1)
    _labels(ax, view, (top - bottom) * height)


def marker(order: str) -> str:
    """The mark of limits measured with batches in this order."""
    return MARKERS[list(ORDERS).index(order) % len(MARKERS)]


def _place(order: str) -> float:
    """How many marks beside the middle one those of an order stand."""
    return list(ORDERS).index(order) - (len(ORDERS) - 1) / 2


def _measured(ax: Axes, view: BatchLimitView) -> None:
    # Side by side where several orders have one batch size.
    for row in records(view.measured):
        look, x = view.looks[row["optimizer"]], row["size"] * 1.09 ** _place(row["order"])
        ax.plot([x, x], [row["low"], row["high"]], color=look.color, linewidth=2.6, alpha=0.4)
        ax.plot(
            x,
            row["predicted"],
            marker="_",
            color=look.color,
            markersize=9,
            markeredgewidth=1.4,
            zorder=3,
            gid=f"predicted {row['optimizer']} {row['size']:g} {row['order']}",
        )
        (mark,) = ax.plot(
            x,
            row["measured"],
            marker=marker(row["order"]),
            color=look.color if row["order"] == USUAL else PAPER,
            markeredgecolor=look.color,
            markeredgewidth=1.0,
            markersize=5,
            zorder=4,
            gid=f"measured {row['optimizer']} {row['size']:g} {row['order']}",
        )
        tell(mark, f"{look.label}, batch {row['size']:g} {row['order']}: {number(row['measured'])}")


def _labels(ax: Axes, view: BatchLimitView, points: float) -> None:
    """Each line's name at its right end."""
    named = [*view.curves, *view.guides]
    low, high = np.log10(view.rate_range)
    wanted = [(np.log10(curve.limits[-1]) - low) / (high - low) for curve in named]
    for curve, y in zip(named, spread(wanted, LINE / points), strict=True):
        color = curve.look.color if curve.look else MUTED
        shown = fitting(curve.label, NAMES - 8, NAME)
        text = ax.text(1.02, y, shown, transform=ax.transAxes, va="center", color=color, fontsize=SMALL)
        if shown != curve.label:
            tell(text, curve.label)
