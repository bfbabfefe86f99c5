"""Two cells' rate curves in one picture: what an option, a schedule or a batch did to them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.figure import FigureBase

from overshoot.study.figures.keys import LegendKey, cross
from overshoot.study.figures.panels import log_axis
from overshoot.study.figures.theme import INK, ROLES

SIZE = (330.0, 250.0)
COLOURS = {"A": INK, "B": ROLES["too large"]}
KEYS = [LegendKey("A", COLOURS["A"], "-"), LegendKey("B", COLOURS["B"], "-")]


@dataclass(frozen=True)
class OverlaidCurve:
    """rates: (G,) of a sweep. gap: (G,) at the end, infinite where half of the runs diverged. limit: the
    measured one, None where there is none."""

    rates: np.ndarray
    gap: np.ndarray
    limit: float | None


@dataclass(frozen=True)
class Overlaid:
    """The curves of a pair of cells, "A" and "B", under a title of two lines."""

    title: tuple[str, str]
    curves: dict[str, OverlaidCurve]


def draw_overlaid(figure: FigureBase, view: Overlaid) -> None:
    """Gap over learning rate, both curves; a cross above for each rate at which half of the runs diverged."""
    width, height = SIZE
    ax = figure.add_axes((52 / width, 36 / height, 1 - 64 / width, 1 - 76 / height))
    figure.text(
        6 / width, 1 - 12 / height, view.title[0], color=INK, fontsize=10, fontweight="bold", va="center"
    )
    figure.text(6 / width, 1 - 26 / height, view.title[1], color=INK, fontsize=8.5, va="center")
    for name, curve in view.curves.items():
        lasted = np.isfinite(curve.gap) & (curve.gap > 0)
        line = np.where(lasted, curve.gap, np.nan)
        ax.plot(
            curve.rates,
            line,
            color=COLOURS[name],
            marker="o",
            markersize=3,
            linewidth=1.3,
            gid=f"curve-{name}",
        )
        if curve.limit is not None:
            ax.axvline(curve.limit, color=COLOURS[name], linestyle=(0, (1, 1.2)), gid=f"limit-{name}")
    log_axis(ax, "x")
    log_axis(ax, "y")
    top = ax.get_ylim()[1]
    for i, (name, curve) in enumerate(view.curves.items()):
        for rate in curve.rates[~np.isfinite(curve.gap)]:
            cross(ax, rate, top * 0.8**i, f"diverged-{name}-{rate:g}", size=4.5)
    ax.set_xlabel("learning rate", labelpad=1)
    ax.set_ylabel("final training gap", labelpad=1)
