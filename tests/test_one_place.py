"""One of everything that can be added is added here, each in one block, and taken down the whole road: from
an experiment file through cells, training and the store to lists, labels, findings and figures."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import FigureBase
from numpy.typing import ArrayLike
from rich.console import Console

from overshoot.core import (
    ACTIVATIONS,
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    Network,
    gradient_error,
    optimizer,
)
from overshoot.core import schedules as core_schedules
from overshoot.core.activations import Activation
from overshoot.core.batches import ORDERS, Order
from overshoot.core.domain import Hyper, RealRange, hyper
from overshoot.core.hessian import hessian_product
from overshoot.core.initializers import Initializer
from overshoot.core.losses import Loss
from overshoot.core.optimizers.base import LR, Optimizer, Recursion, State, like, ratio, register
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.commands import listing
from overshoot.study.execution.engine import Failure, attempt
from overshoot.study.experiment.cells import Cell
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.theme import Looks
from overshoot.study.findings.claims import Finding
from overshoot.study.phases.results import CellResult
from overshoot.study.pipeline import Account, train_missing, write_report
from overshoot.study.problems import registry
from overshoot.study.problems.columns import Raw
from overshoot.study.problems.registry import DATASETS
from overshoot.study.problems.tables import Table, of_frame
from overshoot.study.report import sections as report_sections
from overshoot.study.report.html_tables import Row, ShownColumn, ShownTable
from overshoot.study.report.pictures import Picture, Tile
from overshoot.study.report.sections import Block, Section
from overshoot.study.spec import Experiment, parse

REGISTRIES: tuple[dict[Any, Any], ...] = (
    OPTIMIZERS,
    SCHEDULES,
    DATASETS,
    LOSSES,
    ACTIVATIONS,
    INITIALIZERS,
    ORDERS,
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


def add_an_order() -> None:
    ORDERS["backwards"] = Order(
        "from the last to the first",
        lambda seed, epoch, n, size: np.arange(n)[::-1],
        "as stored, backwards",
        repeats=True,
    )


@dataclass(frozen=True)
class Bars:
    """A figure's view: what it shows of a problem."""

    title: str
    heights: Sequence[float]


def draw_bars(figure: FigureBase, view: Bars) -> None:
    ax = figure.add_subplot()
    ax.bar(range(len(view.heights)), view.heights, gid="bars of trials")
    ax.set_title(view.title)


def add_a_section_with_a_figure() -> None:
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
    add_an_order,
    add_a_section_with_a_figure,
)

FILE = """
name = "added"
optimizers = ["sgd", {{ name = "halved", share = 0.25 }}]
schedules = ["constant", "late"]
batches = ["full", {{ size = 8, order = "backwards" }}]
[budget]
examples = 1
epochs = 12
[sweep]
replicates = 1
[search]
trials = 4
[confirm]
replicates = 2
[rates]
low = 0.01
high = 10.0
per_decade = 1
[networks.straight]
hidden = []
[networks.curved]
hidden = [3]
activation = "softsign"
initializer = "flat"
loss = "fourth"
[[problems]]
datasets = [{{ name = "ramp", height = 3.0 }}]
network = "straight"
[[problems]]
datasets = [{{ name = "fixed_width", path = "{path}", target = "b", skip = 1 }}]
network = "curved"
"""


POINTS = np.random.default_rng(1).standard_normal((60, 2))
ROWS = f"made by hand\n{'a':>8}{'b':>8}\n" + "".join(f"{a:8.3f}{a * a + b / 9:8.3f}\n" for a, b in POINTS)


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


class Here:
    """The engine of this process, in which the registries are what they are."""

    def run(self, cells: Sequence[Cell]) -> Generator[CellResult | Failure, None, None]:
        yield from map(attempt, cells)


@dataclass(frozen=True)
class Road:
    experiment: Experiment
    summaries: dict[str, dict[str, Any]]
    markdown: str
    html: str
    figures: set[str]


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Road:
    from overshoot.study.tracking import open_store

    folder = tmp_path_factory.mktemp("added")
    file = folder / "own.fwf"
    file.write_text(ROWS, encoding="utf-8")
    with added(), closing(open_store(folder, f"sqlite:///{folder / 'mlflow.db'}")) as store:
        experiment = parse(FILE.format(path=file), str(folder / "added.toml"))
        account = Account()
        train_missing(experiment, store, Here(), Console(quiet=True), account)
        assert not account.failures, account.failures[0].error
        page = write_report(experiment.outline, store, folder / "added", 1, account, {})
        stored = {cell.label: cell for cell in experiment.cells}
        keys = {cell.key: label for label, cell in stored.items()}
        summaries = {keys[read.key]: read.summary.flat() for read in store.read("added", list(keys))}
        return Road(
            experiment,
            summaries,
            page.with_suffix(".md").read_text(encoding="utf-8"),
            page.with_name("evidence.html").read_text(encoding="utf-8"),
            {figure.stem for figure in (page.parent / "figures").iterdir()},
        )


def named(road: Road, *words: str) -> list[dict[str, Any]]:
    """The summaries of the cells whose labels hold all of these words."""
    return [summary for label, summary in road.summaries.items() if all(word in label for word in words)]


def test_every_cell_was_trained_and_stored(road: Road) -> None:
    assert len(road.summaries) == len(road.experiment.cells) == 2 * 2 * 2 * 2
    assert all(summary["trials"] > 0 for summary in road.summaries.values())


def test_an_optimizer(road: Road) -> None:
    """Its limit is that of gradient descent over its share, with full batches on least squares."""
    (own,), (plain,) = (
        [s for s in named(road, "straight", name, "batch full") if "limit_predicted" in s]
        for name in ("halved(share=0.25)", " sgd")
    )
    assert own["limit_basis"] == plain["limit_basis"] == "exact"
    assert own["limit_predicted"] == pytest.approx(plain["limit_predicted"] / 0.25)
    assert "Halved descent (share=0.25)" in road.markdown
    assert "Halved descent (share=0.25)" in road.html


def test_a_schedule(road: Road) -> None:
    assert len(named(road, "+ late")) == 8
    assert "Gradient descent + late stop" in road.markdown


def test_a_dataset(road: Road) -> None:
    assert len(named(road, "ramp(height=3.0)/straight")) == 8
    assert "ramp(height=3.0)" in road.markdown


def test_a_file_format(road: Road) -> None:
    assert len(named(road, "fixed_width", "/curved")) == 8
    assert registry.of_file(".fwf") == "csv", "it is gone when the test is over"
    with added():
        assert registry.of_file(".FWF") == "fixed_width"


def test_a_loss(road: Road) -> None:
    assert all(summary["sharpness_start"] > 0 for summary in named(road, "curved(loss=fourth)"))
    assert "mean fourth power" in road.markdown
    assert_its_derivatives_are_right(activation="tanh", loss="fourth")


def test_an_activation(road: Road) -> None:
    assert all(cell.network.activation == "softsign" for cell in road.experiment.cells if cell.network.hidden)
    assert_its_derivatives_are_right(activation="softsign", loss="half_mse")


def assert_its_derivatives_are_right(activation: str, loss: str) -> None:
    rng = np.random.default_rng(3)
    with added():
        net = Network((2, 3, 1), activation, loss)
        theta, v = rng.standard_normal((2, net.size))
        X, Y = rng.standard_normal((9, 2)), rng.standard_normal(9)
        assert gradient_error(lambda t: net.loss_and_grad(t, X, Y), theta) < 1e-6
        above, below = (net.loss_and_grad(theta + h * v, X, Y)[1] for h in (1e-5, -1e-5))
        exact = hessian_product(net, theta, v, net.data(X, Y))
        np.testing.assert_allclose(exact, (above - below) / 2e-5, rtol=1e-6, atol=1e-8)


def test_an_initializer(road: Road) -> None:
    with added():
        theta = Network((4, 3, 1), initializer="flat").init(np.random.default_rng(0))
        assert set(np.abs(theta)) == {0, 0.125, 0.5 / 3}


def test_an_order(road: Road) -> None:
    """It repeats, so that theory takes an epoch for one linear map, with no further word."""
    repeated = [s["limit_basis"] for s in named(road, "straight", "sgd batch 8 backwards")]
    assert repeated
    assert all("order" in str(basis) for basis in repeated)
    assert "mini-batch 8, from the last to the first" in road.markdown


def test_a_section_and_a_figure(road: Road) -> None:
    assert "How many trials were counted" in road.markdown
    assert "How many trials were counted" in road.html
    assert road.markdown.count("trials.") >= 1
    assert "There are " in road.html
    assert "counted" in road.figures
    assert 'href="#counted"' in road.html


@pytest.mark.parametrize(
    ("what", "name", "about"),
    [
        ("optimizers", "halved", "what part of a gradient a step takes"),
        ("schedules", "late", "the factor over the last tenth of the run"),
        ("datasets", "ramp", "a ramp of a chosen height, made"),
        ("datasets", "fixed_width", "text in columns of one width"),
        ("losses", "fourth", "mean fourth power"),
        ("activations", "softsign", "z / (1 + |z|)"),
        ("initializers", "flat", "all one half of 1 / fan_in"),
        ("batches", "backwards", "as stored, backwards"),
    ],
)
def test_lists_show_it(what: str, name: str, about: str) -> None:
    console = Console(width=500)
    with added(), console.capture() as captured:
        console.print(listing.REGISTERED[what]())
    assert name in captured.get()
    assert about in captured.get()


def test_options_of_a_dataset_are_checked_by_its_signature(tmp_path: Path) -> None:
    (tmp_path / "own.fwf").write_text(ROWS, encoding="utf-8")
    text = FILE.replace("height = 3.0", "height = 10").format(path=tmp_path / "own.fwf")
    with added(), pytest.raises(ValueError, match=r"height = 10 is outside its domain \[0, 9\]"):
        parse(text, "added.toml")


def test_nothing_stays_behind() -> None:
    with added():
        pass
    with pytest.raises(ValueError, match="unknown optimizer 'halved'"):
        optimizer("halved")
