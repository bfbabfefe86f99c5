"""One run: its gap beside what theory says it does, its sharpness, and its rate among the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import MaxNLocator

from overshoot.study.figures.keys import DIVERGED, LegendKey, cross
from overshoot.study.figures.panels import log_axis
from overshoot.study.figures.theme import INK, MUTED, OUTCOMES, PAPER, ROLES

SIZE = (290.0, 236.0)
LIMITS = {"predicted": (0, (4, 2)), "measured": (0, (1, 1.2))}

KEYS = [
    LegendKey("this run", INK, "-"),
    LegendKey("predicted by theory", ROLES["too large"], LIMITS["predicted"]),
    LegendKey("measured limit", ROLES["too large"], LIMITS["measured"]),
    DIVERGED,
    LegendKey("tolerance: below, converged", OUTCOMES["converged"], (0, (3, 2))),
]


@dataclass(frozen=True)
class GapPanel:
    """updates, gap: (E,) the run. left: whether it diverged. predicted: updates and gap of the exponential
    that theory has for its last stretch, both empty where it has none."""

    updates: np.ndarray
    gap: np.ndarray
    left: bool
    tolerance: float
    predicted: tuple[Sequence[float], Sequence[float]]

    def draw(self, figure: FigureBase) -> None:
        ax = _axes(figure, "Training gap", "update", "training gap q")
        shown = np.isfinite(self.gap) & (self.gap > 0)
        ax.plot(self.updates[shown], self.gap[shown], color=INK, linewidth=1.4, gid="gap")
        log_axis(ax, "y")
        ax.axhline(self.tolerance, color=OUTCOMES["converged"], linewidth=0.9, linestyle=(0, (3, 2)))
        ax.plot(
            *self.predicted,
            color=ROLES["too large"],
            linestyle=LIMITS["predicted"],
            linewidth=2.2,
            zorder=4,
            gid="predicted",
        )
        if self.left and shown.any():
            cross(ax, self.updates[shown][-1], self.gap[shown][-1], "diverged", size=8)
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))


@dataclass(frozen=True)
class SharpnessPanel:
    """updates, sharpness, threshold: (E,); NaN where there is none. label: of the threshold."""

    updates: np.ndarray
    sharpness: np.ndarray
    threshold: np.ndarray
    label: str

    def draw(self, figure: FigureBase) -> None:
        ax = _axes(figure, "Sharpness", "update", "largest curvature")
        known = np.isfinite(self.sharpness) & (self.sharpness > 0)
        ax.plot(
            self.updates[known],
            self.sharpness[known],
            color=INK,
            linewidth=1.4,
            marker="o",
            markersize=3.4,
            gid="sharpness",
        )
        log_axis(ax, "y")
        stable = np.isfinite(self.threshold)
        if stable.any():
            ax.plot(
                self.updates[stable],
                self.threshold[stable],
                color=ROLES["too large"],
                linestyle=LIMITS["predicted"],
                gid="threshold",
            )
            below = known.any() and self.sharpness[known][-1] > self.threshold[stable][-1]
            ax.annotate(
                self.label,
                (0.98, self.threshold[stable][-1]),
                xycoords=ax.get_yaxis_transform(),
                xytext=(0, -4 if below else 3),
                textcoords="offset points",
                ha="right",
                va="top" if below else "bottom",
                fontsize=8.5,
                color=ROLES["too large"],
            )
        if not known.any():
            ax.text(0.5, 0.5, "could not be computed", transform=ax.transAxes, ha="center", color=MUTED)
        _room(ax, [*self.sharpness[known], *self.threshold[stable]])
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))


@dataclass(frozen=True)
class RatePanel:
    """rates, gap: (G,) the cell's sweep, infinite where half of the runs diverged. rate: the run's. own: its
    gap, infinite where it diverged. limits: "predicted" and "measured" -> the rate, those that exist."""

    rates: np.ndarray
    gap: np.ndarray
    rate: float
    own: float
    tolerance: float
    limits: dict[str, float]

    def draw(self, figure: FigureBase) -> None:
        ax = _axes(figure, "Among the cell's rates", "learning rate", "final training gap")
        lasted = np.isfinite(self.gap) & (self.gap > 0)
        line = np.where(lasted, self.gap, np.nan)
        ax.plot(self.rates, line, color=MUTED, marker="o", markersize=3, linewidth=1.2, gid="sweep")
        log_axis(ax, "x")
        log_axis(ax, "y")
        finite = [*self.gap[lasted], *([self.own] if np.isfinite(self.own) and self.own > 0 else [])]
        _room(ax, [*finite, self.tolerance])
        for rate in self.rates[~np.isfinite(self.gap)]:
            cross(ax, rate, ax.get_ylim()[1], f"diverged-{rate:g}", size=4.5)
        ax.axhline(self.tolerance, color=OUTCOMES["converged"], linewidth=0.9, linestyle=(0, (3, 2)))
        for name, rate in self.limits.items():
            ax.axvline(
                rate, color=ROLES["too large"], linestyle=LIMITS[name], linewidth=1.3, gid=f"limit-{name}"
            )
        ax.axvline(self.rate, color=INK, linewidth=1.4, gid="rate")
        if np.isfinite(self.own):
            ax.plot(
                self.rate, self.own, marker="*", markersize=11, color=INK, markeredgecolor=PAPER, zorder=5
            )
        else:
            cross(ax, self.rate, ax.get_ylim()[1], "diverged", size=8)


Panel = GapPanel | SharpnessPanel | RatePanel


def draw_explanation(figure: FigureBase, panel: Panel) -> None:
    """One of the three panels."""
    panel.draw(figure)


def _axes(figure: FigureBase, title: str, x: str, y: str) -> Axes:
    width, height = SIZE
    left, right, bottom, top = 52 / width, 1 - 12 / width, 36 / height, 1 - 28 / height
    ax = figure.add_axes((left, bottom, right - left, top - bottom))
    figure.text(6 / width, 1 - 12 / height, title, color=INK, fontsize=10.5, fontweight="bold", va="center")
    ax.set_xlabel(x, labelpad=1)
    ax.set_ylabel(y, labelpad=1)
    return ax


def _room(ax: Axes, values: Sequence[float]) -> None:
    """Limits of a logarithmic y axis that leave room around the values."""
    finite = np.array([value for value in values if np.isfinite(value) and value > 0])
    if len(finite):
        low, high = np.log10(finite.min()), np.log10(finite.max())
        room = max(0.15 * (high - low), 0.3)
        ax.set_ylim(10 ** (low - room), 10 ** (high + room))
