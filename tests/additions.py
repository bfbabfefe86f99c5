"""One of everything that can be added, each in one block: copy from here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
import pandas as pd
from matplotlib.figure import FigureBase
from numpy.typing import ArrayLike

from overshoot.core import (
    ACTIVATIONS,
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
)
from overshoot.core import schedules as core_schedules
from overshoot.core.activations import Activation
from overshoot.core.batches import ORDERS, Order
from overshoot.core.domain import Hyper, RealRange, hyper
from overshoot.core.initializers import Initializer
from overshoot.core.losses import Loss
from overshoot.core.optimizers.base import LR, Optimizer, Recursion, State, like, ratio, register
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.experiment.cells import Cell, Choice, PhaseSettings
from overshoot.study.experiment.reader import Reader
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.theme import Looks
from overshoot.study.findings.claims import Finding
from overshoot.study.phases import phase
from overshoot.study.phases.phase import Done, Left, Phase, StackCost
from overshoot.study.phases.stack import Run, Trial, run_stack, updates_of
from overshoot.study.phases.summary import Part
from overshoot.study.phases.sweep import Swept
from overshoot.study.problems import registry
from overshoot.study.problems.columns import Raw
from overshoot.study.problems.problem import Problem
from overshoot.study.problems.registry import DATASETS
from overshoot.study.problems.tables import Table, of_frame
from overshoot.study.report import sections as report_sections
from overshoot.study.report.html_tables import Row, ShownColumn, ShownTable
from overshoot.study.report.pictures import Picture, Tile
from overshoot.study.report.sections import Block, Section

REGISTRIES: tuple[dict[Any, Any], ...] = (
    OPTIMIZERS,
    SCHEDULES,
    DATASETS,
    LOSSES,
    ACTIVATIONS,
    INITIALIZERS,
    ORDERS,
    phase.PHASES,
    report_sections.MAKERS,
)
Height = Annotated[float, RealRange(0, 9)]


def add_an_optimizer() -> None:
    @register("halved", label="Halved descent", paper="Nobody (2026)", search=(1e-3, 1e1), defaults="nobody")
    class Halved(Optimizer):
        """theta_t = theta_{t-1} - lr share g_t."""

        lr: Hyper = hyper(0.1, RealRange(0, 10), LR)
        share: Hyper = hyper(0.5, RealRange(0, 1), "what part of a gradient a step takes")

        def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
            g *= like(self.lr * self.share, g)
            return g

        @property
        def recursion(self) -> Recursion:
            return Recursion(kick=float(self.share))

        def critical_rate(self, curvature: ArrayLike) -> Hyper | None:
            return ratio(2, np.multiply(self.share, curvature))


def add_a_schedule() -> None:
    @core_schedules.register("late", label="late stop")
    class Late(core_schedules.Schedule):
        """1, and `last` over the last tenth of the run."""

        last: Hyper = hyper(0.1, RealRange(0, 1), "the factor over the last tenth of the run")

        def factor(self, progress: float) -> Hyper:
            return 1.0 if progress < 0.9 else self.last


def add_a_dataset() -> None:
    @registry.dataset("ramp", "real", "a ramp of a chosen height, made")
    def _ramp(samples: registry.Samples = 60, height: Height = 2.0) -> Raw:
        X = np.random.default_rng(0).standard_normal((samples, 2))
        return Raw(X, height * X[:, 0] + X[:, 1] ** 2 / 4)


def add_a_file_format() -> None:
    @registry.table("fixed_width", "text in columns of one width", (".fwf",))
    def _fixed_width(path: str, skip: Annotated[int, RealRange(0, 9)] = 0) -> Table:
        return of_frame(path, pd.read_fwf(path, skiprows=skip), "fixed width")


def add_a_loss() -> None:
    def total(z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(((z - y) ** 4).astype(np.float64).sum(axis=2).sum(axis=1) / 4)

    def delta(z: np.ndarray, y: np.ndarray) -> None:
        z -= y
        z **= 3
        z /= z.shape[2]

    LOSSES["fourth"] = Loss(
        label="mean fourth power",
        total=total,
        delta=delta,
        output=lambda z: None,
        targets="real",
        curve=lambda z, y, r_z: 3 * (z - y) ** 2 * r_z,
    )


def add_an_activation() -> None:
    def apply(z: np.ndarray) -> None:
        z /= 1 + np.abs(z)

    def backward(a: np.ndarray, delta: np.ndarray) -> None:
        delta *= (1 - np.abs(a)) ** 2

    ACTIVATIONS["softsign"] = Activation(
        "z / (1 + |z|)", apply, backward, lambda a: -2 * np.sign(a) * (1 - np.abs(a))
    )


def add_an_initializer() -> None:
    INITIALIZERS["flat"] = Initializer(
        "all one half of 1 / fan_in", lambda rng, i, o: np.full((o, i), 0.5 / i) * rng.choice([-1, 1], (o, i))
    )


def add_a_batch_order() -> None:
    ORDERS["backwards"] = Order(
        "from the last to the first",
        lambda seed, epoch, n, size: np.arange(n)[::-1],
        "as stored, backwards",
        repeats=True,
    )


@dataclass(frozen=True)
class AgainSettings(PhaseSettings, phase="again"):
    """The sweep's best rate once more, on so many `replicates`."""

    replicates: int = 2


@dataclass(frozen=True)
class AgainSummary(Part):
    again_rate: float


@dataclass(frozen=True)
class Again(Left):
    runs: list[Run]
    rate: float

    @property
    def summary(self) -> AgainSummary:
        return AgainSummary(self.rate)


class AgainPhase(Phase):
    """Half of the sweep's best rate on replicates of its own."""

    name: ClassVar[str] = "again"
    rank: ClassVar[int] = 35
    part: ClassVar[type[Part]] = AgainSummary

    def read(self, top: Reader, optimizers: Sequence[Choice] | None) -> AgainSettings | None:
        if not top.has(self.name):
            return None
        t = top.table(self.name)
        settings = AgainSettings(t.integer("replicates", 2, low=1, high=9))
        t.done()
        return settings

    def asked(self, cell: Cell) -> bool:
        return cell.protocol.get(AgainSettings) is not None

    def run(self, cell: Cell, problem: Problem, done: Done) -> Again:
        best = done.of(Swept).curve.best_rate
        assert best is not None
        count = cell.protocol.of(AgainSettings).replicates
        trials = [Trial(self.name, "half", best / 2, f"again-{k}") for k in range(count)]
        return Again(run_stack(cell, problem, trials), best / 2)

    def stacks(self, cell: Cell, samples: int) -> Sequence[StackCost]:
        return [StackCost(cell.protocol.of(AgainSettings).replicates, updates_of(cell, samples))]


def add_a_phase() -> None:
    phase.register(AgainPhase)


@dataclass(frozen=True)
class Bars:
    """A figure's view: what it shows of a problem."""

    title: str
    heights: Sequence[float]


def draw_bars(figure: FigureBase, view: Bars) -> None:
    ax = figure.add_subplot()
    ax.bar(range(len(view.heights)), view.heights, gid="bars of trials")
    ax.set_title(view.title)


def add_a_report_section_and_a_figure() -> None:
    @report_sections.section(15)
    def _trials(tables: Tables, looks: Looks) -> Section:
        counts = tables.study.trials.groupby("problem", sort=False).size()
        views = [Bars(tables.study.names.problems[str(p)], [float(n)]) for p, n in counts.items()]
        tiles = [Tile(f"{view.title}: {view.heights[0]:g} trials") for view in views]
        rows = [Row([view.title, f"{view.heights[0]:g}"]) for view in views]
        return Section(
            "counted",
            "How many trials were counted",
            "A bar for each problem.",
            [Finding("Counting", f"There are {counts.sum()} trials.", "All phases.", "counted")],
            [
                Block(
                    "Trials",
                    "One bar a problem.",
                    {"": Picture("counted", Panels(draw_bars, views, (200, 120), 2), tiles)},
                    {"Trials": ShownTable([ShownColumn("problem"), ShownColumn("trials")], rows)},
                )
            ],
        )


ADDED = (
    add_an_optimizer,
    add_a_schedule,
    add_a_dataset,
    add_a_file_format,
    add_a_loss,
    add_an_activation,
    add_an_initializer,
    add_a_batch_order,
    add_a_phase,
    add_a_report_section_and_a_figure,
)


@contextmanager
def added() -> Iterator[None]:
    """The time in which the registries have one more of each."""
    before = [set(known) for known in REGISTRIES]
    for add in ADDED:
        add()
    new = [known.keys() - was for known, was in zip(REGISTRIES, before, strict=True)]
    try:
        yield
    finally:
        for known, names in zip(REGISTRIES, new, strict=True):
            assert len(names) == (2 if known is DATASETS else 1)
            for name in names:
                del known[name]
