"""Final training gap against learning rate: one optimizer on one problem, all batch strategies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import FigureBase
from matplotlib.patches import PathPatch
from matplotlib.path import Path

from overshoot.study.analysis.frame import records
from overshoot.study.figures.panels import line, log_axis, segments, title
from overshoot.study.figures.stage import frame
from overshoot.study.figures.theme import INK, MUTED, OUTCOMES, PAPER, Look
from overshoot.study.numbers import number

SIZE = (264.0, 252.0)
PREDICTED = (0, (2.5, 1.5))
ROW = 8.5
"""Height of a row of the outcome strip, in points."""


@dataclass(frozen=True)
class RateView:
    """What one panel shows.

    rates: a row for each batch strategy and rate (batch, rate, gap, gap_low, gap_high, outcome).
    tuned: a row for each batch strategy (batch, rate, gap). default: the default rate.
    rate_range, gap_range: of the axes, shared by the panels of a problem. limits: a row for each batch
    strategy (batch, predicted, measured) whose largest stable rate is known, NaN for the one that is not.
    """

    optimizer: Look
    batches: dict[str, Look]
    rates: pd.DataFrame
    tuned: pd.DataFrame
    default: float
    tolerance: float
    rate_range: tuple[float, float]
    gap_range: tuple[float, float]
    limits: pd.DataFrame


def draw_rates(figure: FigureBase, view: RateView) -> None:
    """A strip of outcomes, a row for each batch strategy, over the curves of the gap."""
    strip, main = frame(
        figure, _frame, tuple(view.batches.items()), view.tolerance, view.rate_range, view.gap_range
    )
    title(figure, view.optimizer.label, view.optimizer.color, SIZE)
    _strip(strip, view)
    _curves(main, view)


def _frame(
    figure: FigureBase,
    batches: Sequence[tuple[str, Look]],
    tolerance: float,
    rate_range: tuple[float, float],
    gap_range: tuple[float, float],
) -> tuple[Axes, Axes]:
    width, height = SIZE
    strip_height = ROW * len(batches)
    left, right, bottom, top = 49 / width, 1 - 8 / width, 34 / height, 1 - 24 / height
    split = top - strip_height / height
    strip = figure.add_axes((left, split, right - left, strip_height / height))
    main = figure.add_axes((left, bottom, right - left, split - bottom - 5 / height))
    strip.set(xlim=np.log10(rate_range), ylim=(len(batches), 0))
    _names(strip, batches)
    log_axis(main, "x")
    log_axis(main, "y")
    main.set(xlim=rate_range, ylim=gap_range)
    main.axhspan(gap_range[0], tolerance, color=OUTCOMES["converged"], alpha=0.08, linewidth=0)
    main.axhline(tolerance, color=OUTCOMES["converged"], linewidth=0.9, linestyle=(0, (3, 2)))
    main.set_xlabel("learning rate", labelpad=1)
    main.set_ylabel("training gap q", labelpad=1)
    return strip, main


def _names(ax: Axes, batches: Sequence[tuple[str, Look]]) -> None:
    """The batch strategies in their colours beside their rows, as short as the margin asks for."""
    short = [" ".join(w if len(w) < 8 else f"{w[:4]}." for w in name.split()) for name, _ in batches]
    ax.set(xticks=[])
    ax.set_yticks(np.arange(len(batches)) + 0.5, short, fontsize=7.5)
    ax.tick_params(axis="y", length=0, pad=2)
    for label, (_, look) in zip(ax.get_yticklabels(), batches, strict=True):
        label.set_color(look.color)
        label.set_fontweight("bold")
    for spine in ax.spines.values():
        spine.set_visible(False)


def _strip(ax: Axes, view: RateView) -> None:
    names = list(view.batches)
    step = _spacing(view.rates)
    for outcome, at in view.rates.groupby("outcome"):
        x = np.log10(at["rate"].to_numpy())
        y = np.array([names.index(batch) for batch in at["batch"]])
        ax.add_artist(
            PathPatch(
                _boxes(x - step / 2, y, step),
                facecolor=OUTCOMES[str(outcome)],
                edgecolor=PAPER,
                linewidth=0.6,
                gid="outcome-" + str(outcome).replace(" ", "-"),
            )
        )
        if outcome == "diverged":
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
    of = view.rates["batch"].to_numpy()
    for batch, look in view.batches.items():
        rate, gap, least, most = rates[of == batch].T
        lasted = np.isfinite(gap)
        ends = (values[lasted].clip(low, high) for values in (least, most))
        segments(ax, rate[lasted], *ends, color=look.color, linewidth=2.2, alpha=0.3)
        # A rate at which half diverged has no gap: NaN breaks the line there instead of bridging it.
        line(
            ax,
            rate,
            np.where(lasted, gap.clip(low, high), np.nan),
            color=look.color,
            marker=look.marker,
            markersize=3,
            linewidth=1.3,
            gid=f"gap-{batch}",
        )
    _mark_tuned(ax, view)
    _mark_default(ax, view)
    _mark_limits(ax, view)


def _mark_tuned(ax: Axes, view: RateView) -> None:
    """A star at the tuned rate of each batch size."""
    for row in records(view.tuned):
        look = view.batches[row["batch"]]
        y = np.clip(row["gap"], *view.gap_range)
        line(
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


def _mark_limits(ax: Axes, view: RateView) -> None:
    """A dashed line at each predicted limit, a diamond at the measured one, and its number beside them.

    The lines end one below the other, from left to right, so that none runs through another's number.
    """
    known = view.limits.assign(at=view.limits["measured"].fillna(view.limits["predicted"])).sort_values("at")
    inside = known[known["at"].between(*view.rate_range)]
    for place, row in enumerate(records(inside)):
        color, height = view.batches[row["batch"]].color, 1 - (21 + 9.5 * place) / _points(ax)
        across = ax.get_xaxis_transform()
        shared = np.isclose(known["predicted"], row["predicted"]).sum() > 1
        if np.isfinite(row["predicted"]):
            line(
                ax,
                [row["predicted"]] * 2,
                [0, height],
                color=INK if shared else color,
                linestyle=PREDICTED,
                linewidth=1.1,
                gid=f"predicted-{row['batch']}",
                transform=across,
            )
        if np.isfinite(row["measured"]):
            line(
                ax,
                [row["measured"]],
                [height],
                color=color,
                marker="D",
                markersize=4,
                markeredgecolor=PAPER,
                markeredgewidth=0.6,
                zorder=6,
                gid=f"limit-{row['batch']}",
                transform=across,
            )
        _number_limit(ax, view, row, height)


def _number_limit(ax: Axes, view: RateView, row: Mapping[str, Any], height: float) -> None:
    """The limit's number beside its mark, on the side where there is room."""
    low, high = view.rate_range
    leftwards = np.log10(high / row["at"]) < 0.16 * np.log10(high / low)
    ax.annotate(
        number(row["at"]),
        (row["at"], height),
        xycoords=ax.get_xaxis_transform(),
        xytext=(-4.5 if leftwards else 4.5, 0),
        textcoords="offset points",
        ha="right" if leftwards else "left",
        va="center",
        fontsize=7.5,
        color=view.batches[row["batch"]].color,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.6, "alpha": 0.8},
        gid=f"limit-number-{row['batch']}",
    )


def _points(ax: Axes) -> float:
    """The height of the axes in points."""
    return float(ax.get_position().height * SIZE[1])


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
        fontsize=8,
        color=INK,
        fontstyle="italic",
    )
