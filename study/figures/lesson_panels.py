"""Panels of the lessons: curves, paths on a bowl, and lines through points, each alone as SVG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from overshoot.study.figures.panels import Panels, log_axis
from overshoot.study.figures.stage import to_svgs
from overshoot.study.figures.theme import GRID, INK, MUTED, OPTIMIZERS, PAPER, variables

REGIONS, MARKERS = (OPTIMIZERS[0], OPTIMIZERS[3], OPTIMIZERS[5]), ("o", "s", "^")
"""Colour and sign of each class of a RegionPanel."""

SIZE = (352.0, 316.0)
TEXT = 14.0
LEFT, RIGHT, BOTTOM, TITLE, LINE = 66.0, 14.0, 48.0, 27.0, 19.0


@dataclass(frozen=True)
class LessonCurve:
    """A line of a panel. y: (E,); x: (E,), by default the steps 0, 1, ...; what is not finite is left out."""

    label: str
    y: np.ndarray
    color: str
    dash: Any = "-"
    x: np.ndarray | None = None


@dataclass(frozen=True)
class CurvePanel:
    """Curves over an axis. log: of which axes; y_range: shown of the vertical axis; level: a value to be
    marked across, with its label."""

    title: str
    curves: Sequence[LessonCurve]
    y_label: str = "loss"
    x_label: str = "step"
    log: str = "y"
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True)
class MapPanel:
    """A path (E, 2) on (t - best)^T H (t - best) / 2, seen up to `half` from the optimum."""

    title: str
    path: np.ndarray
    best: np.ndarray
    hessian: np.ndarray
    half: float
    color: str
    names: tuple[str, str] = ("slope", "intercept")


@dataclass(frozen=True)
class FitPanel:
    """Points and lines: label, slope, intercept, colour, dash."""

    title: str
    x: np.ndarray
    y: np.ndarray
    lines: Sequence[tuple[str, float, float, str, Any]]
    names: tuple[str, str] = field(default=("x", "y"))


@dataclass(frozen=True)
class RegionPanel:
    """Points (n, 2) of three classes (n,), and where each class has the largest of the probabilities that
    `predict` gives: (m, 2) -> (m, 3)."""

    title: str
    points: np.ndarray
    classes: np.ndarray
    predict: Callable[[np.ndarray], np.ndarray]
    names: tuple[str, str] = ("x₁", "x₂")


Panel = CurvePanel | MapPanel | FitPanel | RegionPanel


def lesson_svg(panel: Panel, name: str) -> str:
    """The panel as an `<svg>` element whose ids begin with `name` and whose colours are CSS variables."""
    panels = Panels(draw_lesson_panel, [panel], SIZE)
    colors = {color: variable for color, (variable, _, _) in variables(4).items()}
    return to_svgs(panels, name, colors)[0]


def draw_lesson_panel(figure: FigureBase, panel: Panel) -> None:
    """One panel: its title, its keys a line each, and its axes below."""
    keys = _keys(panel)
    width, height = SIZE
    top = TITLE + LINE * len(keys) + 8
    box = (LEFT / width, BOTTOM / height, (width - LEFT - RIGHT) / width, (height - top - BOTTOM) / height)
    ax = figure.add_axes(box)
    figure.text(
        6 / width,
        1 - 13 / height,
        panel.title,
        color=INK,
        fontsize=TEXT + 0.5,
        fontweight="bold",
        va="center",
    )
    for i, (label, color, dash) in enumerate(keys):
        y = 1 - (TITLE + LINE * (i + 0.5)) / height
        figure.add_artist(Line2D([8 / width, 36 / width], [y, y], color=color, linestyle=dash, linewidth=2.2))
        figure.text(44 / width, y, label, color=INK, fontsize=TEXT, va="center")
    ax.tick_params(labelsize=TEXT)
    if isinstance(panel, CurvePanel):
        _curves(ax, panel)
    elif isinstance(panel, MapPanel):
        _map(ax, panel)
    elif isinstance(panel, RegionPanel):
        _regions(ax, panel)
    else:
        _fit(ax, panel)


def _keys(panel: Panel) -> list[tuple[str, str, Any]]:
    if isinstance(panel, CurvePanel):
        return [(curve.label, curve.color, curve.dash) for curve in panel.curves]
    return (
        [(label, color, dash) for label, _, _, color, dash in panel.lines]
        if isinstance(panel, FitPanel)
        else []
    )


def _names(ax: Axes, x: str, y: str) -> None:
    ax.set_xlabel(x, fontsize=TEXT, labelpad=3)
    ax.set_ylabel(y, fontsize=TEXT, labelpad=4)


def _curves(ax: Axes, panel: CurvePanel) -> None:
    if "y" in panel.log:
        log_axis(ax, "y", 5)
    else:
        ax.yaxis.set_major_locator(MaxNLocator(5))
        ax.grid(True, axis="y", color=GRID)
    if "x" in panel.log:
        log_axis(ax, "x", 5)
    else:
        ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    for curve in panel.curves:
        x = np.arange(len(curve.y)) if curve.x is None else curve.x
        shown = np.isfinite(curve.y)
        ax.plot(x[shown], curve.y[shown], color=curve.color, linestyle=curve.dash, linewidth=2)
    if panel.y_range:
        ax.set_ylim(panel.y_range)
    _names(ax, panel.x_label, panel.y_label)


def _map(ax: Axes, panel: MapPanel) -> None:
    sides = np.linspace(-1, 1, 121) * panel.half
    a, b = np.meshgrid(sides, sides)
    (p, q), (_, r) = panel.hessian
    heights = (p * a * a + 2 * q * a * b + r * b * b) / 2
    levels = heights.max() * 2.0 ** -np.arange(11, -1, -1)
    ax.contour(panel.best[0] + a, panel.best[1] + b, heights, levels, colors=MUTED, linewidths=0.7, alpha=0.6)
    ax.plot(*panel.best, marker="+", markersize=11, markeredgewidth=2, color=INK, zorder=2)
    with np.errstate(over="ignore", invalid="ignore"):
        seen = np.cumprod(np.abs(panel.path - panel.best).max(axis=1) < 50 * panel.half).astype(bool)
    path = panel.path[seen]
    ax.plot(*path.T, color=panel.color, linewidth=1.5, marker="o", markersize=3, zorder=3)
    ax.plot(*path[0], marker="o", markersize=7, color=PAPER, markeredgecolor=panel.color, zorder=4)
    ax.set_xlim(panel.best[0] - panel.half, panel.best[0] + panel.half)
    ax.set_ylim(panel.best[1] - panel.half, panel.best[1] + panel.half)
    for side in (ax.xaxis, ax.yaxis):
        side.set_major_locator(MaxNLocator(4))
    ax.spines[["top", "right"]].set_visible(True)
    _names(ax, *panel.names)


def _regions(ax: Axes, panel: RegionPanel) -> None:
    half = 1.05 * float(np.abs(panel.points).max())
    sides = np.linspace(-half, half, 101)
    a, b = np.meshgrid(sides, sides)
    chances = panel.predict(np.column_stack([a.ravel(), b.ravel()]))
    for k, color in enumerate(REGIONS):
        lead = (chances[:, k] - np.delete(chances, k, axis=1).max(axis=1)).reshape(a.shape)
        ax.contourf(a, b, lead, [0, np.inf], colors=[color], alpha=0.25)
        at = panel.points[panel.classes == k]
        ax.plot(*at.T, linestyle="", marker=MARKERS[k], markersize=4, color=color)
    ax.set_xlim(-half, half)
    ax.set_ylim(-half, half)
    for side in (ax.xaxis, ax.yaxis):
        side.set_major_locator(MaxNLocator(4))
    _names(ax, *panel.names)


def _fit(ax: Axes, panel: FitPanel) -> None:
    ax.plot(panel.x, panel.y, linestyle="", marker="o", markersize=4, color=PAPER, markeredgecolor=MUTED)
    x = np.array([panel.x.min(), panel.x.max()])
    for _, slope, intercept, color, dash in panel.lines:
        ax.plot(x, slope * x + intercept, color=color, linestyle=dash, linewidth=2.4)
    for side in (ax.xaxis, ax.yaxis):
        side.set_major_locator(MaxNLocator(4))
    _names(ax, *panel.names)
