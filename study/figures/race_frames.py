"""A film of optimizers on a surface in two parameters: their paths, and what is left of the loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from overshoot.study.figures.panels import log_axis
from overshoot.study.figures.theme import INK, MUTED, OPTIMIZERS, PAPER, themed

SIZE = (9.6, 5.4)
DPI = 100
PAUSE = 12
"""Pictures for which the last one stays."""


@dataclass(frozen=True)
class Track:
    """One optimizer's way: its label, path (E, 2), and the share of the start's loss that is left (E,)."""

    label: str
    path: np.ndarray
    left: np.ndarray


@dataclass(frozen=True)
class Scene:
    """What they race on. value(x, y) of arrays; minima: (k, 2); the square that is shown."""

    title: str
    value: Callable[[np.ndarray, np.ndarray], np.ndarray]
    minima: np.ndarray
    center: tuple[float, float]
    half: float


def film(scene: Scene, tracks: Sequence[Track], file: Path, per_second: int = 12, most: int = 120) -> None:
    """Write the race as a GIF that repeats, of at most about `most` pictures. file: its path."""
    steps = len(tracks[0].path) - 1
    shown = np.unique(np.linspace(0, steps, min(steps + 1, most)).round().astype(int))
    pictures = [_small(picture) for picture in _pictures(scene, tracks, [*shown, *[steps] * PAUSE])]
    first, *rest = pictures
    first.save(file, save_all=True, append_images=rest, duration=1000 // per_second, loop=0)


def _small(picture: Image.Image) -> Image.Image:
    return picture.quantize(128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def _pictures(scene: Scene, tracks: Sequence[Track], shown: Sequence[int]) -> Iterator[Image.Image]:
    with themed():
        figure = Figure(figsize=SIZE, dpi=DPI, facecolor=PAPER)
        canvas = FigureCanvasAgg(figure)
        surface = figure.add_axes((0.07, 0.11, 0.49, 0.78))
        curve = figure.add_axes((0.66, 0.11, 0.32, 0.78 - 0.06 * len(tracks)))
        _surface(surface, scene)
        _axes(curve, len(tracks[0].left) - 1)
        lines = [_lines(figure, surface, curve, track, i) for i, track in enumerate(tracks)]
        step = figure.text(0.07, 0.93, "", color=INK, fontsize=15, fontweight="bold")
        for t in shown:
            step.set_text(f"{scene.title}, step {t}")
            for track, (path, head, loss) in zip(tracks, lines, strict=True):
                seen = track.path[: t + 1][np.isfinite(track.path[: t + 1]).all(axis=1)]
                path.set_data(seen[:, 0], seen[:, 1])
                head.set_data(seen[-1:, 0], seen[-1:, 1])
                loss.set_data(np.arange(t + 1), track.left[: t + 1])
            canvas.draw()  # type: ignore[no-untyped-call]
            pixels = np.asarray(canvas.buffer_rgba())  # type: ignore[no-untyped-call]
            yield Image.fromarray(pixels).convert("RGB")


def _surface(ax: Axes, scene: Scene) -> None:
    x, y = (middle + scene.half * np.linspace(-1, 1, 161) for middle in scene.center)
    heights = scene.value(*np.meshgrid(x, y))
    depth = np.log10(np.maximum(heights / heights.max(), 1e-5))
    ax.contour(x, y, depth, 14, colors=MUTED, linewidths=0.7, linestyles="solid", alpha=0.6)
    ax.plot(*scene.minima.T, linestyle="", marker="+", markersize=12, markeredgewidth=2, color=INK)
    ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xlabel="θ₁", ylabel="θ₂")


def _axes(ax: Axes, steps: int) -> None:
    log_axis(ax, "y", 6)
    ax.set(xlim=(0, steps), ylim=(1e-6, 1e2), xlabel="step")
    ax.set_ylabel("share of the start’s loss", fontsize=12)


def _lines(figure: Figure, surface: Axes, curve: Axes, track: Track, i: int) -> tuple[Line2D, Line2D, Line2D]:
    """Its path, its head and its curve, empty as yet, and its name above the curves."""
    color = OPTIMIZERS[i % len(OPTIMIZERS)]
    (path,) = surface.plot([], [], color=color, linewidth=2, marker="o", markersize=3)
    (head,) = surface.plot([], [], color=color, marker="o", markersize=11, markeredgecolor=PAPER)
    (loss,) = curve.plot([], [], color=color, linewidth=2.2)
    y = 0.93 - 0.055 * i
    figure.add_artist(Line2D([0.6, 0.635], [y + 0.012, y + 0.012], color=color, linewidth=3))
    figure.text(0.65, y, track.label, color=INK, fontsize=13)
    return path, head, loss
