"""How the core's cost grows with the trials, the batch, the network and the data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from bench.competitors import CORE, PRODUCTS
from bench.measure import measure
from bench.tasks import Task

COLORS = {CORE.name: "#0072b2", PRODUCTS.name: "#8a7a00"}  # Okabe & Ito (2008)
MARKERS = {CORE.name: "o", PRODUCTS.name: "s"}
INK, MUTED, GRID = "#1d222b", "#69707d", "#dfe3e8"


@dataclass(frozen=True)
class Axis:
    """A quantity that grows while everything else stays; `tasks` by its value."""

    name: str
    label: str
    tasks: dict[int, Task]


@dataclass(frozen=True)
class Curve:
    """Microseconds for each trial and step of one competitor along an axis."""

    axis: str
    label: str
    competitor: str
    competitor_label: str
    places: list[int]
    micros: list[float]


def axes() -> list[Axis]:
    """Around 64-32-10 with Adam, 32 trials and batches of 32 samples of random data."""

    def task(
        hidden: tuple[int, ...] = (32,), batch: int | None = 32, trials: int = 32, samples: int = 2048
    ) -> Task:
        return Task((64, *hidden, 10), "softmax_cross_entropy", "adam", batch, trials, samples)

    doubling = [2**i for i in range(14)]
    return [
        Axis("trials", "trials in the stack", {r: task(trials=r) for r in doubling[:10]}),
        Axis("batch", "samples in a batch", {b: task(batch=b) for b in doubling[:12]}),
        Axis("width", "units in the hidden layer", {w: task((w,)) for w in doubling[1:10]}),
        Axis("depth", "hidden layers of 32 units", {d: task((32,) * d) for d in range(9)}),
        Axis("samples", "samples, all in one batch", {n: task(batch=None, samples=n) for n in doubling[7:]}),
    ]


def curves() -> Iterator[Curve]:
    """The core and its products alone along every axis, measured as it is asked for."""
    for axis in axes():
        results = [measure(task, (CORE, PRODUCTS)) for task in axis.tasks.values()]
        for i, competitor in enumerate((CORE, PRODUCTS)):
            micros = [result[i].best or 0.0 for result in results]
            yield Curve(axis.name, axis.label, competitor.name, competitor.label, list(axis.tasks), micros)


def draw(drawn: Sequence[Curve], path: Path) -> None:
    """A panel for each axis: microseconds a trial and step of the core, over its products alone."""
    names = list(dict.fromkeys(curve.axis for curve in drawn))
    with mpl.rc_context({"font.size": 9, "text.color": INK, "axes.labelcolor": INK}):
        figure = Figure(figsize=(2.5 * len(names), 2.9), layout="constrained", facecolor="white")
        panels = figure.subplots(1, len(names), sharey=True)
        for panel, name in zip(panels, names, strict=True):
            _panel(panel, [curve for curve in drawn if curve.axis == name])
        panels[0].set_ylabel("µs for each trial and step")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=2, frameon=False)
        figure.savefig(path, dpi=160)


def _panel(panel: mpl.axes.Axes, drawn: list[Curve]) -> None:
    for curve in drawn:
        panel.plot(
            curve.places,
            curve.micros,
            color=COLORS[curve.competitor],
            marker=MARKERS[curve.competitor],
            markersize=3.6,
            linewidth=1.5,
            label=curve.competitor_label,
        )
    if min(drawn[0].places) > 0:
        panel.set_xscale("log", base=2)
        panel.xaxis.set_major_formatter("{x:g}")
    panel.set_yscale("log")
    panel.yaxis.set_major_formatter("{x:g}")
    panel.set_xlabel(drawn[0].label)
    panel.grid(axis="y", color=GRID, linewidth=0.7)
    panel.tick_params(color=MUTED, labelcolor=MUTED)
    panel.spines[["top", "right"]].set_visible(False)
    panel.spines[["left", "bottom"]].set_color(MUTED)
