"""The rate curve of one cell as a small PNG, to look at among its files in MLflow."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from overshoot.study.experiment.cells import Cell
from overshoot.study.figures.panels import log_axis
from overshoot.study.figures.theme import INK, MUTED, OUTCOMES, PAPER, ROLES, themed
from overshoot.study.numbers import number
from overshoot.study.phases.limit import LimitSummary
from overshoot.study.phases.outcomes import Outcome
from overshoot.study.phases.search import SearchSummary
from overshoot.study.phases.summary import Summary
from overshoot.study.phases.sweep import Sweep
from overshoot.study.phases.theory import TheorySummary

SIZE, DPI = (6.4, 3.4), 90
PANEL = (0.11, 0.14, 0.58, 0.76)
"""Left, bottom, width and height of the axes, as shares of the picture; the key is beside them."""

LEAST, MOST = 1e-9, 1e3
"""Gaps below and above are drawn there."""


def cell_picture(cell: Cell, trials: pd.DataFrame, summary: Summary) -> bytes | None:
    """A point for each trial of the sweep, the median at each rate, what was tuned, and both limits; a PNG.

    None where no trial was swept.
    """
    swept = trials[trials["phase"] == Sweep.name]
    if swept.empty:
        return None
    with themed():
        figure = Figure(figsize=SIZE, dpi=DPI, facecolor=PAPER)
        ax = figure.add_axes(PANEL)
        _trials(ax, swept, cell.protocol.tolerance)
        _marks(ax, summary)
        log_axis(ax, "x")
        log_axis(ax, "y")
        ax.set(xlabel="learning rate", ylabel="final training gap q")
        ax.set_title(cell.label, y=1.01)  # a given place takes no search for one
        ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
        file = BytesIO()
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


def _trials(ax: Axes, swept: pd.DataFrame, tolerance: float) -> None:
    gone = swept["outcome"] == Outcome.DIVERGED
    lasted, diverged = swept[~gone], swept[gone]
    ax.plot(lasted["rate"], lasted["q_end"].clip(LEAST, MOST), "o", markersize=3, color=INK, alpha=0.45)
    # A rate at which half diverged has an infinite gap: NaN breaks the line there.
    middle = swept["q_end"].mask(gone, np.inf).groupby(swept["rate"]).median()
    ax.plot(
        middle.index,
        middle.where(np.isfinite(middle)).clip(LEAST, MOST),
        color=INK,
        linewidth=1.4,
        label="median of the starts",
    )
    ax.axhline(tolerance, color=OUTCOMES["converged"], linewidth=1, linestyle="--", label="converged below")
    if len(diverged):
        top = ax.get_ylim()[1]
        ax.plot(
            diverged["rate"], np.full(len(diverged), top), "x", color=OUTCOMES["diverged"], label="diverged"
        )


def _marks(ax: Axes, summary: Summary) -> None:
    search, limit = summary.get(SearchSummary), summary.get(LimitSummary)
    theory = summary.get(TheorySummary)
    if search is not None and search.tuned_rate_training is not None:
        rate = search.tuned_rate_training
        ax.axvline(rate, color=ROLES["best"], linewidth=1.2, label=f"tuned for training: {number(rate)}")
    if theory is not None and theory.limit_predicted is not None:
        rate = theory.limit_predicted
        ax.axvline(rate, color=MUTED, linewidth=1.2, linestyle=":", label=f"limit predicted: {number(rate)}")
    if limit is not None and limit.limit_measured is not None:
        rate = limit.limit_measured
        ax.axvline(rate, color=OUTCOMES["diverged"], linewidth=1.2, label=f"limit measured: {number(rate)}")
