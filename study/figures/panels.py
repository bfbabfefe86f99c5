"""Small multiples: one drawing function, alone as SVG in the page or side by side in one PNG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from study.figures.theme import GRID, INK, PAPER, power_of_ten, themed

Draw = Callable[[FigureBase, Any], None]


@dataclass(frozen=True)
class Panels:
    """`draw` on one panel for each of `views`, each `size` points wide and high."""

    draw: Draw
    views: Sequence[Any]
    size: tuple[float, float]
    columns: int = 1

    def figure(self) -> Figure:
        """The panels side by side, row by row."""
        columns = min(self.columns, len(self.views))
        rows = -(-len(self.views) // columns)
        width, height = self.size
        with themed():
            figure = Figure(figsize=(columns * width / 72, rows * height / 72))
            parts = figure.subfigures(rows, columns, squeeze=False, wspace=0, hspace=0).ravel()
            for part, view in zip(parts, self.views, strict=False):
                part.set_facecolor("none")
                self.draw(part, view)
        return figure


def write_png(panels: Panels, path: Path, dpi: int = 110) -> None:
    """The panels as a PNG on white."""
    figure = panels.figure()
    FigureCanvasAgg(figure)
    with themed():
        figure.savefig(path, dpi=dpi, facecolor=PAPER)


def segments(ax: Axes, x: Iterable[float], low: Iterable[float], high: Iterable[float], **style: Any) -> None:
    """Upright lines at `x` from `low` to `high`, as one path."""
    xs = [v for value in x for v in (value, value, np.nan)]
    ys = [v for ends in zip(low, high, strict=True) for v in (*ends, np.nan)]
    ax.plot(xs, ys, **style)


def log_axis(ax: Axes, axis: str, numticks: int = 6) -> None:
    """A logarithmic axis whose ticks are decades, written as people do."""
    getattr(ax, f"set_{axis}scale")("log")
    side = getattr(ax, f"{axis}axis")
    side.set_major_locator(LogLocator(base=10, numticks=numticks))
    side.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    side.set_minor_locator(NullLocator())
    side.set_minor_formatter(NullFormatter())
    ax.grid(True, axis=axis, color=GRID)


def title(figure: FigureBase, text: str, color: str, size: tuple[float, float]) -> None:
    """The panel's title at its upper left, after a mark in its colour. `size`: of the panel, in points."""
    width, height = size
    y = 1 - 11 / height
    figure.text(6 / width, y, "■", color=color, fontsize=11, va="center")
    figure.text(20 / width, y, text, color=INK, fontsize=10.5, fontweight="bold", va="center")
