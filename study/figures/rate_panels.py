"""Final training gap against learning rate: one optimizer on one problem, all batch strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from overshoot.study.analysis.frame import records
from overshoot.study.figures.limit_rows import LimitRows, rows_height
from overshoot.study.figures.panels import BOLD, NAME, brief, fitting, line, log_axis, segments, title
from overshoot.study.figures.stage import frame
from overshoot.study.figures.theme import INK, MUTED, OUTCOMES, PAPER, SMALL, Look
from overshoot.study.figures.tips import tell
from overshoot.study.numbers import number
from overshoot.study.phases.outcomes import Outcome

SIZE = (264.0, 264.0)
LEFT, RIGHT = 56.0, 8.0
ROW = 11.5
"""Height of a row of the outcome strip, in points."""


@dataclass(frozen=True)
class RateView:
    """What one panel shows.

    rates: a row for each batch strategy and rate (batch, rate, gap, gap_low, gap_high, outcome).
    tuned: a row for each batch strategy (batch, rate, gap). default: the default rate.
    rate_range, gap_range: of the axes, shared by the panels of a problem. limits: a row for each batch
    strategy (batch, predicted, measured) whose largest stable rate is known, NaN for the one that is not;
    None where none is known of the problem. at_end: the batch strategies whose best rate is the first or the
    last one of the sweep.
    """

    optimizer: Look
    batches: dict[str, Look]
    rates: pd.DataFrame
    tuned: pd.DataFrame
    default: float
    tolerance: float
    rate_range: tuple[float, float]
    gap_range: tuple[float, float]
    limits: pd.DataFrame | None = None
    at_end: Sequence[str] = ()


def rates_size(limits: bool, batches: int) -> tuple[float, float]:
    """Width and height in points of a panel, with or without rows of limits."""
    width, height = SIZE
    return width, height + (rows_height(batches) if limits else 0)


def draw_rates(figure: FigureBase, view: RateView) -> None:
    """A strip of outcomes, a row for each batch strategy, their limits, and the curves of the gap."""
    limits, size = view.limits is not None, rates_size(view.limits is not None, len(view.batches))
    shared = view.tolerance, view.rate_range, view.gap_range
    strip, main, above = frame(figure, _frame, size, tuple(view.batches.items()), limits, *shared)
    title(figure, view.optimizer.label, view.optimizer.color, size)
    _strip(strip, view)
    _curves(main, view)
    if view.limits is not None and above is not None:
        LimitRows(view.limits, view.batches, view.rate_range).draw(above, main)
    if view.at_end:
        _at_end(main, view.at_end, size[0] - LEFT - RIGHT)


def _frame(
    figure: FigureBase,
    size: tuple[float, float],
    batches: Sequence[tuple[str, Look]],
    limits: bool,
    tolerance: float,
    rate_range: tuple[float, float],
    gap_range: tuple[float, float],
) -> tuple[Axes, Axes, Axes | None]:
    """The axes of the strip, of the curves, and of the limits' rows between them."""
    width, height = size
    strip_height, rows = ROW * len(batches), height - SIZE[1]
    left, right, bottom, top = LEFT / width, 1 - RIGHT / width, 34 / height, 1 - 24 / height
    split = top - strip_height / height
    strip = figure.add_axes((left, split, right - left, strip_height / height))
    main = figure.add_axes((left, bottom, right - left, split - bottom - (5 + rows) / height))
    strip.set(xlim=np.log10(rate_range), ylim=(len(batches), 0))
    _names(strip, batches)
    log_axis(main, "x")
    log_axis(main, "y")
    main.set(xlim=rate_range, ylim=gap_range)
    main.axhspan(gap_range[0], tolerance, color=OUTCOMES["converged"], alpha=0.08, linewidth=0)
    main.axhline(tolerance, color=OUTCOMES["converged"], linewidth=0.9, linestyle=(0, (3, 2)))
    main.set_xlabel("learning rate", labelpad=1)
    main.set_ylabel("training gap q", labelpad=1)
    if not limits:
        return strip, main, None
    above = figure.add_axes((left, split - (4 + rows) / height, right - left, rows / height))
    above.set(xscale="log", xlim=rate_range, ylim=(len(batches) + 1, 0))
    above.axis("off")
    return strip, main, above


def _at_end(ax: Axes, batches: Sequence[str], width: float) -> None:
    """Whose best rate is at the boundary, at the foot of the curves, above which they end."""
    words = f"best at the search boundary: {', '.join(batches)}"
    shown = fitting(words, width - 4, NAME)
    note = ax.text(0.99, 0.015, shown, transform=ax.transAxes, color=MUTED, fontsize=SMALL, ha="right")
    note.set_gid("at-end")
    if shown != words:
        tell(note, words)


def _names(ax: Axes, batches: Sequence[tuple[str, Look]]) -> None:
    """The batch strategies in their colours beside their rows, as short as the margin asks for."""
    short = [fitting(brief(name), LEFT - 5, BOLD) for name, _ in batches]
    ax.set(xticks=[])
    ax.set_yticks(np.arange(len(batches)) + 0.5, short)
    ax.tick_params(axis="y", length=0, pad=2)
    for label, (name, look) in zip(ax.get_yticklabels(), batches, strict=True):
        label.set(color=look.color, fontweight="bold")
        if label.get_text() != name:
            tell(label, look.label)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _strip(ax: Axes, view: RateView) -> None:
    names = list(view.batches)
    step = _spacing(view.rates)
    for outcome, at in view.rates.groupby("outcome"):
        x = np.log10(at["rate"].to_numpy())
        y = np.array([names.index(batch) for batch in at["batch"]])
        strip = PathPatch(
            _boxes(x - step / 2, y, step),
            facecolor=OUTCOMES[str(outcome)],
            edgecolor=PAPER,
            linewidth=0.6,
            gid="outcome-" + str(outcome).replace(" ", "-"),
        )
        tell(strip, str(outcome))
        ax.add_artist(strip)
        if outcome == Outcome.DIVERGED:
            mark: dict[str, Any] = {"marker": "x", "markersize": 2.6, "markeredgewidth": 0.8}
            line(ax, x, y + 0.5, color=PAPER, linestyle="", **mark)


def _boxes(left: np.ndarray, top: np.ndarray, width: float) -> Path:
    """A box 1 high at each place, all as one path."""
    box = Path.unit_rectangle()
    corners = np.stack([left, top], axis=1)[:, None] + np.asarray(box.vertices) * (width, 1)
    return Path(corners.reshape(-1, 2), np.tile(np.asarray(box.codes), len(left)))


def _spacing(rates: pd.DataFrame) -> float:
    """Decades between neighbouring rates of the grid."""
    places = np.log10(np.sort(rates["rate"].unique()))
    return float(np.min(np.diff(places))) if len(places) > 1 else 0.3


def _curves(ax: Axes, view: RateView) -> None:
    low, high = view.gap_range
    ax.axvline(view.default, color=MUTED, linewidth=0.9, linestyle=(0, (1, 1.6)), gid="default")
    rates = view.rates[["rate", "gap", "gap_low", "gap_high"]].to_numpy(float)
    of, outcomes = (view.rates[column].to_numpy() for column in ("batch", "outcome"))
    for batch, look in view.batches.items():
        rate, gap, least, most = rates[of == batch].T
        lasted = np.isfinite(gap)
        ends = (values[lasted].clip(low, high) for values in (least, most))
        segments(ax, rate[lasted], *ends, color=look.color, linewidth=2.2, alpha=0.3)
        # A rate at which half diverged has no gap: NaN breaks the line there instead of bridging it.
        curve = line(
            ax,
            rate,
            np.where(lasted, gap.clip(low, high), np.nan),
            color=look.color,
            marker=look.marker,
            markersize=3,
            linewidth=1.3,
            gid=f"gap-{batch}",
        )
        points = zip(rate[lasted], gap[lasted], outcomes[of == batch][lasted], strict=True)
        tell(curve, look.label, [f"{batch}, {number(r)}: {number(q)}, {said}" for r, q, said in points])
    _mark_tuned(ax, view)
    _mark_default(ax, view)


def _mark_tuned(ax: Axes, view: RateView) -> None:
    """A star at the tuned rate of each batch size."""
    for row in records(view.tuned):
        look = view.batches[row["batch"]]
        y = np.clip(row["gap"], *view.gap_range)
        star = line(
            ax,
            [row["rate"]],
            [y],
            marker="*",
            markersize=10.5,
            color=look.color,
            markeredgecolor=PAPER,
            markeredgewidth=0.7,
            zorder=5,
            clip_on=False,
            gid=f"tuned-{row['batch']}",
        )
        tell(star, f"{row['batch']}, tuned {number(row['rate'])}: {number(row['gap'])}")


def _mark_default(ax: Axes, view: RateView) -> None:
    leftwards = view.default > np.sqrt(view.rate_range[0] * view.rate_range[1])
    ax.annotate(
        "default",
        (view.default, 0.985),
        xycoords=ax.get_xaxis_transform(),
        xytext=(-3 if leftwards else 3, -5),
        textcoords="offset points",
        ha="right" if leftwards else "left",
        va="top",
        fontsize=SMALL,
        color=INK,
        fontstyle="italic",
    )
