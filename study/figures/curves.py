"""Training gap against examples processed, at a rate that is too small, the best, and one too large."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.ticker import FuncFormatter, MaxNLocator

from study.figures.panels import log_axis, title
from study.figures.theme import OUTCOMES, PAPER, ROLES, Look, rate_text, spread

SIZE = (264.0, 214.0)
DASH = {"too small": (0, (5, 2)), "best": "-", "too large": (0, (1.5, 1.2))}


@dataclass(frozen=True)
class CurveView:
    """What one panel shows.

    curves: a row a point (role, rate, replicate, outcome, examples, gap). examples: the budget.
    gap_limits: shared by the panels of a problem; what lies beyond leaves at the edge.
    """

    optimizer: Look
    curves: pd.DataFrame
    tolerance: float
    examples: float
    gap_limits: tuple[float, float]


def draw_curves(figure: FigureBase, view: CurveView) -> None:
    """A line for each replicate, its rate written at its end, a cross where it left."""
    width, height = SIZE
    left, right, bottom, top = 44 / width, 1 - 50 / width, 34 / height, 1 - 26 / height
    ax = figure.add_axes((left, bottom, right - left, top - bottom))
    title(figure, view.optimizer.label, view.optimizer.color, SIZE)
    log_axis(ax, "y")
    ax.set(xlim=(0, view.examples), ylim=view.gap_limits)
    ax.axhline(view.tolerance, color=OUTCOMES["converged"], linewidth=0.9, linestyle=(0, (3, 2)))
    for (role, replicate), line in view.curves.groupby(["role", "replicate"], sort=False):
        _line(ax, view, str(role), str(replicate), line)
    _labels(ax, view)
    ax.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(_thousands))
    ax.set_xlabel("examples processed", labelpad=1)
    ax.set_ylabel("training gap q", labelpad=1)


def _line(ax: Axes, view: CurveView, role: str, replicate: str, line: pd.DataFrame) -> None:
    finite = line[np.isfinite(line["gap"])]
    ax.plot(
        finite["examples"],
        finite["gap"].clip(lower=view.gap_limits[0]),
        color=ROLES[role],
        linestyle=DASH[role],
        linewidth=1.9 if role == "best" else 1.4,
        alpha=0.85,
        gid=f"{role}-{replicate}".replace(" ", "-"),
        zorder=3 if role == "best" else 2,
    )
    if line["outcome"].iloc[0] == "diverged":
        ax.plot(
            *_exit(line, view.gap_limits),
            marker="X",
            markersize=7,
            color=OUTCOMES["diverged"],
            markeredgecolor=PAPER,
            markeredgewidth=0.8,
            clip_on=False,
            zorder=5,
            gid=f"diverged-{replicate}",
        )


def _exit(line: pd.DataFrame, limits: tuple[float, float]) -> tuple[float, float]:
    """Where a diverged curve ends, or where it crosses the upper edge of the panel for good."""
    finite = line[np.isfinite(line["gap"])]
    x, y = finite["examples"].to_numpy(), finite["gap"].clip(lower=limits[0]).to_numpy()
    inside = np.flatnonzero(y <= limits[1])
    if not len(inside) or inside[-1] == len(y) - 1:
        return float(x[-1]), min(float(y[-1]), limits[1])
    i = int(inside[-1])
    share = np.log(limits[1] / y[i]) / np.log(y[i + 1] / y[i])
    return float(x[i] + share * (x[i + 1] - x[i])), limits[1]


def _labels(ax: Axes, view: CurveView) -> None:
    """Each role's rate where its curves end: at the right, or beside the cross where all of them left."""
    at_right: dict[str, float] = {}
    for role in ROLES:
        lines = [line for _, line in view.curves[view.curves["role"] == role].groupby("replicate", sort=False)]
        exits = [_exit(line, view.gap_limits) for line in lines if line["outcome"].iloc[0] == "diverged"]
        ends = max(exits, default=(0.0, 0.0))
        if exits and len(exits) == len(lines) and ends[0] < 0.45 * view.examples:
            _beside(ax, role, lines[0]["rate"].iloc[0], ends)
        elif lines:
            at_right[role] = _height(view, [line["gap"].iloc[-1] for line in lines])
    points = ax.get_position().height * SIZE[1]
    rates = view.curves.groupby("role")["rate"].first()
    for role, y in zip(at_right, spread(at_right.values(), 11 / points), strict=True):
        ax.text(1.04, y, rate_text(rates[role]), transform=ax.transAxes, va="center", **_lettering(role))


def _height(view: CurveView, ends: list[float]) -> float:
    """The share of the panel's height at which curves with these last gaps end, a little inside of it."""
    low, high = np.log10(view.gap_limits)
    last = np.nan_to_num(np.array(ends), nan=np.inf).clip(*view.gap_limits)
    return float(np.clip((np.median(np.log10(last)) - low) / (high - low), 0.03, 0.97))


def _beside(ax: Axes, role: str, rate: float, place: tuple[float, float]) -> None:
    ax.annotate(
        f"{rate_text(rate)}, diverged",
        place,
        xytext=(7, 0),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        **_lettering(role),
    )


def _lettering(role: str) -> dict[str, Any]:
    weight = "bold" if role == "best" else "normal"
    return {"color": ROLES[role], "fontsize": 8.5, "fontweight": weight, "gid": f"label-{role}".replace(" ", "-")}


def _thousands(value: float, _: int) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
