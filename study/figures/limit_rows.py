"""Limits of the learning rate above a panel's curves, a row for each batch strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from overshoot.study.analysis.frame import records
from overshoot.study.figures.panels import line
from overshoot.study.figures.theme import INK, PAPER, PREDICTED, SMALL, Look
from overshoot.study.figures.tips import tell
from overshoot.study.numbers import number

ROW = 11.5
"""Height of a row, in points."""


def rows_height(batches: int) -> float:
    """Height of the rows: one for each of so many batch strategies, and one that names shared predictions."""
    return ROW * (batches + 1)


@dataclass(frozen=True)
class LimitRows:
    """limits: a row for each batch strategy (batch, predicted, measured), NaN for the one that is not known.
    batches: all of the panel. rate_range: of its axis."""

    limits: pd.DataFrame
    batches: Mapping[str, Look]
    rate_range: tuple[float, float]

    def draw(self, ax: Axes, curves: Axes) -> None:
        """A diamond at each measured limit with its number, and a dashed line at each predicted one, down
        through the `curves`: in its batch's colour, or in black under the names of those that share it.
        ax: of the rates, and as many units high as there are rows."""
        for value, names in self._predicted():
            self._line(ax, curves, value, names)
        for row in records(self.limits):
            self._measured(ax, row)

    def _predicted(self) -> list[tuple[float, list[str]]]:
        """Each predicted limit that is inside, and the batch strategies that it is for."""
        groups: list[tuple[float, list[str]]] = []
        for row in records(self.limits):
            same = next((names for value, names in groups if np.isclose(value, row["predicted"])), None)
            if same is not None:
                same.append(row["batch"])
            elif self._inside(row["predicted"]):
                groups.append((row["predicted"], [row["batch"]]))
        return groups

    def _inside(self, rate: float) -> bool:
        return bool(self.rate_range[0] <= rate <= self.rate_range[1])

    def _line(self, ax: Axes, curves: Axes, value: float, names: Sequence[str]) -> None:
        shared = len(names) > 1
        top = len(self.batches) + 0.1 if shared else self._middle(names[0])
        style: dict[str, Any] = {
            "color": INK if shared else self.batches[names[0]].color,
            "linestyle": PREDICTED,
            "linewidth": 1.1,
        }
        line(ax, [value] * 2, [len(self.batches) + 1, top], clip_on=False, **style)
        down = line(curves, [value] * 2, [0, 1], transform=curves.get_xaxis_transform(), **style)
        down.set_gid(f"predicted-{'-'.join(names)}")
        tell(down, f"{', '.join(names)}: predicted limit {number(value)}")
        if shared:
            every = len(names) == len(self.batches)
            words = "predicted, every batch size" if every else f"predicted, {', '.join(names)}"
            self._text(ax, value, len(self.batches) + 0.5, words, INK, "predicted-for", wide=True)

    def _measured(self, ax: Axes, row: Mapping[str, Any]) -> None:
        at = row["measured"] if np.isfinite(row["measured"]) else row["predicted"]
        if not self._inside(at):
            return
        color, y = self.batches[row["batch"]].color, self._middle(row["batch"])
        if np.isfinite(row["measured"]):
            mark = line(
                ax,
                [at],
                [y],
                color=color,
                marker="D",
                markersize=4,
                markeredgecolor=PAPER,
                markeredgewidth=0.6,
                gid=f"limit-{row['batch']}",
            )
            tell(mark, f"{row['batch']}: measured limit {number(at)}")
        self._text(ax, at, y, number(at), color, f"limit-number-{row['batch']}")

    def _middle(self, batch: str) -> float:
        return list(self.batches).index(batch) + 0.5

    def _text(
        self, ax: Axes, rate: float, y: float, words: str, color: str, name: str, wide: bool = False
    ) -> None:
        """Beside its mark, on the side where there is room."""
        low, high = self.rate_range
        leftwards = np.log10(high / rate) < (0.5 if wide else 0.16) * np.log10(high / low)
        ax.annotate(
            words,
            (rate, y),
            xytext=(-4.5 if leftwards else 4.5, 0),
            textcoords="offset points",
            ha="right" if leftwards else "left",
            va="center",
            fontsize=SMALL,
            color=color,
            bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.4, "alpha": 0.9},  # a line may be near
            gid=name,
        )
