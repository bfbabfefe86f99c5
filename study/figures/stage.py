"""Panels of one kind drawn one after the other, what they share drawn once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, FigureBase
from PIL import ImageColor

from overshoot.study.figures.keys import draw_keys
from overshoot.study.figures.panels import Draw, Panels, save
from overshoot.study.figures.svg import VectorMedium
from overshoot.study.figures.theme import PAPER, themed

T = TypeVar("T")


class Medium(Protocol):
    """What a figure is drawn on."""

    def keep(self, figure: Figure) -> None:
        """What is drawn from now on lies above the figure as it is."""

    def drawn(self, figure: Figure) -> Any:
        """The figure above what was kept."""


class RasterMedium:
    """Draws a figure as pixels (rows, columns, 4) on paper."""

    def __init__(self, dpi: float) -> None:
        self.dpi = dpi
        self.under: np.ndarray | None = None

    def keep(self, figure: Figure) -> None:
        self.under = None
        self.under = self.drawn(figure)

    def drawn(self, figure: Figure) -> np.ndarray:
        before, figure.dpi = figure.dpi, self.dpi
        renderer = cast(Any, figure.canvas).get_renderer()
        pixels = np.asarray(renderer.buffer_rgba())
        pixels[:] = ImageColor.getcolor(PAPER, "RGBA") if self.under is None else self.under
        figure.draw(renderer)
        figure.dpi = before
        return pixels.copy()


class Stage(Figure):
    """A figure of `size` points for one panel after the other, on each of the `media`."""

    def __init__(self, size: tuple[float, float], media: Sequence[Medium]) -> None:
        super().__init__(figsize=(size[0] / 72, size[1] / 72), dpi=72)
        FigureCanvasAgg(self)
        self.media = media
        self.made: tuple[Callable[..., Any], tuple[Any, ...]] | None = None
        self.framed: Any = None

    def frame(self, make: Callable[..., T], given: tuple[Any, ...]) -> T:
        """See `frame`."""
        if self.made != (make, given):
            self.clear()
            self.framed = make(self, *given)
            for medium in self.media:
                medium.keep(self)
            self.made = make, given
            for ax in self.axes:
                ax.set_axis_off()
            self._emptied()
        return self.framed

    def present(self, draw: Draw, view: Any) -> list[Any]:
        """The panel on each medium."""
        if self.made is None:
            self.clear()
        draw(self, view)
        shown = [medium.drawn(self) for medium in self.media]
        self._emptied()
        return shown

    def _emptied(self) -> None:
        """Without what was drawn, but for the axes."""
        drawn = [*self.lines, *self.patches, *self.texts]
        for ax in self.axes:
            drawn += [*ax.lines, *ax.patches, *ax.texts, *ax.collections]
        for artist in drawn:
            artist.remove()


def frame(figure: FigureBase, make: Callable[..., T], *given: Any) -> T:
    """What `make(figure, *given)` returns: axes that are made, and drawn, once for all panels with the same.

    All that `make` draws lies below what follows, which can no longer change it.
    """
    return figure.frame(make, given) if isinstance(figure, Stage) else make(figure, *given)


def shown(panels: Panels, *media: Medium) -> list[list[Any]]:
    """Each panel on each medium."""
    with themed():
        stage = Stage(panels.size, media)
        return [stage.present(panels.draw, view) for view in panels.views]


def to_svgs(panels: Panels, name: str, variables: Mapping[str, str]) -> list[str]:
    """An `<svg>` element for each of the panels, which fills the width of its place.

    name: what every id in them starts with, so that the figures of one page share none. variables: the CSS
    variable that takes the place of each colour.
    """
    drawn = shown(panels, VectorMedium(panels.size, variables))
    return [layer.document(panels.size, f"{name}-{i}") for i, (layer,) in enumerate(drawn)]


def write_png(panels: Panels, path: Path, dpi: float) -> None:
    """The panels row by row under their keys."""
    write_sheet(panels, [pixels for (pixels,) in shown(panels, RasterMedium(dpi))], path, dpi)


def write_sheet(panels: Panels, drawn: Sequence[np.ndarray], path: Path, dpi: float) -> None:
    """The panels, which are `drawn`, row by row under their keys."""
    rows, columns = panels.grid
    width, height = columns * panels.size[0], panels.legend + rows * panels.size[1]
    sheet = np.empty((int(height * dpi / 72), int(width * dpi / 72), 4), np.uint8)
    sheet[:] = ImageColor.getcolor(PAPER, "RGBA")
    parts = [(0.0, 0.0, _legend(panels, width, dpi))] if panels.keys else []
    parts += [(*panels.place(i), pixels) for i, pixels in enumerate(drawn)]
    for x, y, pixels in parts:
        place = sheet[int(y * dpi / 72) :, int(x * dpi / 72) :]
        seen = pixels[: place.shape[0], : place.shape[1]]
        place[: seen.shape[0], : seen.shape[1]] = seen
    save(sheet, path)


def _legend(panels: Panels, width: float, dpi: float) -> np.ndarray:
    with themed():
        figure = Figure(figsize=(width / 72, panels.legend / 72))
        FigureCanvasAgg(figure)
        draw_keys(figure, panels.keys, width, panels.legend)
        return RasterMedium(dpi).drawn(figure)
