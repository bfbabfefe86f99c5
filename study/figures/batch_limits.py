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
from overshoot.study.figures.panels import log_axis
from overshoot.study.figures.theme import INK, MUTED, PAPER, Look, spread
from overshoot.study.numbers import number

SIZE = (390.0, 280.0)
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


def draw_batch_limits(figure: FigureBase, view: BatchLimitView) -> None:
    """Curves for the predictions, dashes for the guides, marks with bars over the replicates for runs."""
    width, height = SIZE
    left, right, bottom, top = 49 / width, 1 - 104 / width, 34 / height, 1 - 24 / height
    ax = figure.add_axes((left, bottom, right - left, top - bottom))
    figure.text(
        6 / width, 1 - 11 / height, view.title, color=INK, fontsize=10.5, fontweight="bold", va="center"
    )
    log_axis(ax, "x")
    log_axis(ax, "y")
    for guide in view.guides:
        ax.plot(
            guide.sizes, guide.limits, color=MUTED, linestyle=GUIDE, linewidth=1.1, gid=f"guide {guide.label}"
        )
    for curve in view.curves:
        color = curve.look.color if curve.look else MUTED
        ax.plot(curve.sizes, curve.limits, color=color, linewidth=1.6, gid=f"curve {curve.label}")
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
        ax.plot(
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


def _labels(ax: Axes, view: BatchLimitView, points: float) -> None:
    """Each line's name at its right end."""
    named = [*view.curves, *view.guides]
    low, high = np.log10(view.rate_range)
    wanted = [(np.log10(curve.limits[-1]) - low) / (high - low) for curve in named]
    for curve, y in zip(named, spread(wanted, 11 / points), strict=True):
        color = curve.look.color if curve.look else MUTED
        weight = "bold" if curve.look else "normal"
        ax.text(
            1.02,
            y,
            curve.label,
            transform=ax.transAxes,
            va="center",
            color=color,
            fontsize=8,
            fontweight=weight,
        )
