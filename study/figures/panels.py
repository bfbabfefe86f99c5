"""Small multiples: one drawing function, alone as SVG in the page or side by side in one PNG."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import text_to_path
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator
from numpy.typing import ArrayLike
from PIL import Image

from overshoot.study.figures.keys import LINE, LegendKey, lines
from overshoot.study.figures.theme import GRID, INK, SMALL, power_of_ten
from overshoot.study.figures.tips import tell

TITLE = FontProperties(size=10.5, weight="bold")
NAME, BOLD = FontProperties(size=SMALL), FontProperties(size=SMALL, weight="bold")

Draw = Callable[[FigureBase, Any], None]


@dataclass(frozen=True)
class Panels:
    """`draw` on one panel for each of `views`, each `size` points wide and high, under their `keys`."""

    draw: Draw
    views: Sequence[Any]
    size: tuple[float, float]
    columns: int = 1
    keys: Sequence[LegendKey] = field(default_factory=tuple)

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns."""
        columns = min(self.columns, len(self.views))
        return -(-len(self.views) // columns), columns

    @property
    def legend(self) -> float:
        """Height of the keys, in points."""
        return LINE * lines(self.keys, self.grid[1] * self.size[0]) + 6 if self.keys else 0.0

    def place(self, i: int) -> tuple[float, float]:
        """The left and the upper edge of panel i, in points."""
        row, column = divmod(i, self.grid[1])
        return column * self.size[0], self.legend + row * self.size[1]


def save(pixels: np.ndarray, path: Path) -> None:
    """Pixels (rows, columns, 4) as a PNG in a palette of its own: a third of the bytes of full colours.

    Of ways to choose 256 colours, the one that keeps small areas too: a colour must stay the optimizer's.
    """
    _in_colors(Image.fromarray(pixels), 256).save(path, compress_level=8)


def smaller_png(source: Path, path: Path) -> None:
    """The picture in a quarter of the colours, chosen for all of it at once: a fifth of its bytes less."""
    with Image.open(source) as drawn:
        chosen = Image.Quantize.MAXCOVERAGE
        few = drawn.convert("RGB").quantize(64, chosen, dither=Image.Dither.NONE, kmeans=1)
        few.save(path, optimize=True)


def _in_colors(image: Image.Image, most: int) -> Image.Image:
    """The picture in a palette of so many colours: half of them its most frequent ones as they are, the
    others chosen for the rest, each colour of which counts once."""
    red, green, blue = np.moveaxis(np.asarray(image.convert("RGB"), np.uint32), 2, 0)
    place, codes = pd.factorize(((red << 16) | (green << 8) | blue).ravel())
    colors = np.stack([codes >> 16, (codes >> 8) & 255, codes & 255], axis=1).astype(np.uint8)
    by_frequency = np.argsort(-np.bincount(place), kind="stable")
    exact, rest = np.split(by_frequency, [most // 2])
    entry, palette = np.empty(len(colors), np.uint8), colors[exact].ravel().tolist()
    entry[exact] = np.arange(len(exact))
    if len(rest):
        chosen = Image.fromarray(colors[rest][None]).quantize(
            most - len(exact), Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE, kmeans=1
        )
        entry[rest] = len(exact) + np.asarray(chosen)[0]
        palette += chosen.getpalette() or []
    whole = Image.fromarray(entry[place].reshape(red.shape), "P")
    whole.putpalette(palette[: 3 * most])
    return whole


def line(ax: Axes, x: ArrayLike, y: ArrayLike, **style: Any) -> Line2D:
    """A line in axes whose limits are given: `plot` spends most of its time on finding out about them."""
    drawn = Line2D(x, y, **style)
    ax.add_artist(drawn)
    return drawn


def segments(ax: Axes, x: Iterable[float], low: Iterable[float], high: Iterable[float], **style: Any) -> None:
    """Upright lines at `x` from `low` to `high`, as one path."""
    xs = [v for value in x for v in (value, value, np.nan)]
    ys = [v for ends in zip(low, high, strict=True) for v in (*ends, np.nan)]
    line(ax, xs, ys, **style)


def log_axis(ax: Axes, axis: Literal["x", "y"], numticks: int = 6) -> None:
    """A logarithmic axis whose ticks are decades, written as people do."""
    getattr(ax, f"set_{axis}scale")("log")
    side = getattr(ax, f"{axis}axis")
    side.set_major_locator(LogLocator(base=10, numticks=numticks))
    side.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    side.set_minor_locator(NullLocator())
    side.set_minor_formatter(NullFormatter())
    ax.grid(True, axis=axis, color=GRID, clip_on=False)  # they end at the edges by themselves


def size_of(figure: FigureBase) -> tuple[float, float]:
    """Width and height of a panel in points."""
    assert isinstance(figure, Figure)
    scale = 72 / figure.dpi
    return float(figure.bbox.width * scale), float(figure.bbox.height * scale)


def title(figure: FigureBase, text: str, color: str, size: tuple[float, float]) -> None:
    """The panel's title at its upper left, after a mark in its colour. `size`: of the panel, in points."""
    width, height = size
    y = 1 - 11 / height
    figure.text(6 / width, y, "■", color=color, fontsize=11, va="center")
    _title(figure, text, 20 / width, y, width - 22)


def heading(figure: FigureBase, text: str) -> None:
    """The title of a panel that is about no single optimizer or batch strategy."""
    width, height = size_of(figure)
    _title(figure, text, 6 / width, 1 - 11 / height, width - 8)


def _title(figure: FigureBase, text: str, x: float, y: float, room: float) -> None:
    shown = fitting(text, room)
    placed = figure.text(x, y, shown, color=INK, fontproperties=TITLE, va="center")
    if shown != text:
        tell(placed, text)


def fitting(text: str, width: float, font: FontProperties = TITLE) -> str:
    """The text, of which so much of the middle is left out that it takes at most `width` points: what tells
    it from others, who is trained or an option, stands at its end."""
    kept, shown = len(text), text
    while kept > 8 and text_width(shown, font) > width:
        kept -= 1
        shown = f"{text[: kept // 2].rstrip()}…{text[-(kept - kept // 2) :].lstrip()}"
    return shown


@cache
def text_width(text: str, font: FontProperties = NAME) -> float:
    """In points."""
    return float(text_to_path.get_text_width_height_descent(text, font, False)[0])


def brief(batch: str) -> str:
    """A batch strategy's name with its long words cut short, for narrow places."""
    return " ".join(word if len(word) < 8 else f"{word[:4]}." for word in batch.split())


def row_names(
    ax: Axes, places: np.ndarray | Sequence[float], names: Sequence[str], width: float, pad: float
) -> None:
    """The names of rows at the left of their axes, `pad` points away, none longer than `width`."""
    ax.set_yticks(places, [fitting(name, width, NAME) for name in names])
    ax.tick_params(axis="y", length=0, labelcolor=INK, labelsize=SMALL, pad=pad)
    for label, name in zip(ax.get_yticklabels(), names, strict=True):
        if label.get_text() != name:
            tell(label, name)


def names_width(names: Iterable[str], most: float) -> float:
    """Points that the longest of the names takes, or `most`."""
    return min(max(text_width(name) for name in names) + 2, most)
