"""When runs blew up and how fast, against the learning rate: one optimizer on all problems."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase

from overshoot.study.figures.panels import line, log_axis, title
from overshoot.study.figures.stage import frame
from overshoot.study.figures.theme import MUTED, PAPER, Look

SIZE = (264.0, 214.0)


@dataclass(frozen=True)
class DivergenceView:
    """Diverged trials of one optimizer. trials: a row each (batch, rate, lasted, and the column `y`).

    hollow: whether trials that lasted to the end of their budget are drawn hollow. limits: of the rate
    and of y, shared by the optimizers; what lies outside of the latter stands at its edge.
    """

    optimizer: Look
    batches: dict[str, Look]
    trials: pd.DataFrame
    y: str
    label: str
    rate_range: tuple[float, float]
    y_range: tuple[float, float]
    hollow: bool


def draw_divergence(figure: FigureBase, view: DivergenceView) -> None:
    """A mark for each trial, its batch strategy by colour and shape."""
    ax = frame(figure, _frame, view.label, view.rate_range, view.y_range)
    title(figure, view.optimizer.label, view.optimizer.color, SIZE)
    for i, (batch, look) in enumerate(view.batches.items()):
        at = view.trials[view.trials["batch"] == batch]
        # All strategies share the grid's rates: side by side, not on top of each other.
        at = at.assign(rate=at["rate"] * 10 ** (0.07 * (i - (len(view.batches) - 1) / 2)))
        _marks(ax, view, at[~at["lasted"]], look, f"left-{batch}", filled=True)
        _marks(ax, view, at[at["lasted"]], look, f"lasted-{batch}", filled=not view.hollow)
    if view.trials.empty:
        ax.text(0.5, 0.5, "no run diverged", transform=ax.transAxes, ha="center", va="center", color=MUTED)


def _frame(
    figure: FigureBase, label: str, rate_range: tuple[float, float], y_range: tuple[float, float]
) -> Axes:
    width, height = SIZE
    left, right, bottom, top = 49 / width, 1 - 10 / width, 34 / height, 1 - 26 / height
    ax = figure.add_axes((left, bottom, right - left, top - bottom))
    log_axis(ax, "x")
    log_axis(ax, "y")
    ax.set(xlim=rate_range, ylim=y_range)
    ax.set_xlabel("learning rate", labelpad=1)
    ax.set_ylabel(label, labelpad=1)
    return ax


def _marks(ax: Axes, view: DivergenceView, at: pd.DataFrame, look: Look, gid: str, filled: bool) -> None:
    line(
        ax,
        at["rate"].to_numpy(),
        at[view.y].clip(*view.y_range).to_numpy(),
        linestyle="",
        marker=look.marker,
        markersize=3.4,
        color=look.color if filled else PAPER,
        markeredgecolor=PAPER if filled else look.color,
        markeredgewidth=0.35 if filled else 0.8,
        gid=gid,
    )
