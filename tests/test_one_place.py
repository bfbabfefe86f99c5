"""One of everything that can be added (`additions.py`) is taken down the whole road: from an experiment file
through cells, training and the store to lists, labels, findings and figures."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from overshoot.core import (
    Network,
    gradient_error,
    optimizer,
)
from overshoot.core.hessian import hessian_product
from overshoot.study.commands import listing
from overshoot.study.execution.engine import Failure, attempt
from overshoot.study.experiment.cells import Cell
from overshoot.study.phases.results import CellResult
from overshoot.study.pipeline import Account, train_missing, write_report
from overshoot.study.problems import registry
from overshoot.study.spec import Experiment, parse
from tests.additions import ADDED, added

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
[again]
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


def test_a_batch_order(road: Road) -> None:
    """It repeats, so that theory takes an epoch for one linear map, with no further word."""
    repeated = [s["limit_basis"] for s in named(road, "straight", "sgd batch 8 backwards")]
    assert repeated
    assert all("order" in str(basis) for basis in repeated)
    assert "mini-batch 8, from the last to the first" in road.markdown


def test_a_phase(road: Road) -> None:
    """It trained in every cell, and what it left was read from the store."""
    assert all(summary["again_rate"] > 0 for summary in road.summaries.values())
    assert all(summary["seconds_again"] > 0 for summary in road.summaries.values())


def test_a_report_section_and_a_figure(road: Road) -> None:
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


def test_what_contributors_are_told_to_add_is_added_and_tested() -> None:
    """Row for row: `additions.py` has a block for it, and this file a test of that name."""
    text = (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = {"_".join(words.split()) for words in re.findall(r"^\| (an? [\w ]+) \|", text, flags=re.MULTILINE)}
    blocks = [add.__name__.removeprefix("add_") for add in ADDED]
    assert told == {name for block in blocks for name in block.split("_and_")}
    assert all(callable(globals()[f"test_{block}"]) for block in blocks)


def test_nothing_stays_behind() -> None:
    with added():
        pass
    with pytest.raises(ValueError, match="unknown optimizer 'halved'"):
        optimizer("halved")
