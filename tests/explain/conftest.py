"""A store with small real cells, run once: theory is exact for two of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from overshoot.study.experiment.cells import Budget, Cell, Choice, Protocol, Rates
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.confirm import ConfirmSettings
from overshoot.study.phases.results import CellResult
from overshoot.study.phases.search import SearchSettings
from overshoot.study.phases.sweep import SweepSettings
from overshoot.study.tracking import Store, open_store
from tests.builders import cell

BRIEF = Protocol(
    seed=7,
    budget=Budget(examples=1, epochs=60, evaluations=30),
    phases=(SweepSettings(1), SearchSettings(trials=2, startup=2, batch=1), ConfirmSettings(2)),
)
GRID = Rates(1e-2, 1e2, 3)


def _cell(dataset: str, optimizer: str, batch: int | None = None, schedule: str = "constant") -> Cell:
    hidden = () if dataset == "ill_conditioned" else (4,)
    made = cell(dataset, optimizer, batch, hidden=hidden, rates=GRID, protocol=BRIEF)
    return dataclasses.replace(made, schedule=Choice(schedule))


CELLS = {
    "line": _cell("ill_conditioned", "sgd"),
    "ball": _cell("ill_conditioned", "momentum"),
    "noise": _cell("ill_conditioned", "sgd", 8),
    "net": _cell("iris", "sgd"),
    "adam": _cell("iris", "adam"),
    "sign": _cell("iris", "signsgd"),
    "cosine": _cell("iris", "sgd", 32, "cosine"),
}


@pytest.fixture(scope="session")
def ran() -> dict[str, CellResult]:
    """The results of CELLS, by name."""
    return {name: run_cell(made) for name, made in CELLS.items()}


@pytest.fixture(scope="session")
def results(ran: dict[str, CellResult], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A results folder with all of them stored as the study `small`."""
    folder = tmp_path_factory.mktemp("results")
    with closing(open_store(folder, f"sqlite:///{folder / 'mlflow.db'}")) as store:
        for result in ran.values():
            store.write("small", result)
    return folder


@pytest.fixture
def store(results: Path) -> Iterator[Store]:
    with closing(open_store(results, f"sqlite:///{results / 'mlflow.db'}", reading=True)) as opened:
        yield opened
