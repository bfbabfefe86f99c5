"""Small cells and planted runs for the tests of the study."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from overshoot.core import BatchStrategy
from overshoot.study.execution.processes import Processes
from overshoot.study.experiment.cells import Budget, Cell, Choice, NetworkSpec, Protocol, Rates
from overshoot.study.phases.confirm import ConfirmSettings
from overshoot.study.phases.results import CellResult
from overshoot.study.phases.search import SearchSettings
from overshoot.study.phases.stack import Run, Trial
from overshoot.study.phases.sweep import SweepSettings

WIDE = Rates(1e-3, 1e2, 1)
SMALL = Protocol(
    seed=7,
    budget=Budget(examples=1, epochs=12, evaluations=12),
    phases=(SweepSettings(2), SearchSettings(trials=8, startup=4, batch=4), ConfirmSettings(3)),
)


def cell(
    dataset: str = "iris",
    optimizer: str = "sgd",
    batch: int | None = 16,
    order: str = "reshuffled",
    hidden: tuple[int, ...] = (4,),
    rates: Rates = WIDE,
    protocol: Protocol = SMALL,
    **options: float,
) -> Cell:
    chosen = Choice(dataset, tuple(sorted(options.items())))
    return Cell(
        chosen, NetworkSpec("net", hidden), Choice(optimizer), BatchStrategy(batch, order), rates, protocol
    )


def run(losses: list[float], rate: float = 0.1, bad: int = 0, last: int | None = None) -> Run:
    """A run with this training loss at every 10 updates of 10 examples."""
    updates = 10 * np.arange(len(losses))
    curve = np.array(losses, dtype=float)
    return Run(
        Trial("sweep", "grid", rate, "sweep-0"),
        updates,
        10 * updates,
        curve,
        curve,
        bad,
        np.zeros(3),
        int(updates[-1]) if last is None else last,
        {"validation_score": 0.5},
    )


def same(one: CellResult, other: CellResult) -> None:
    pd.testing.assert_frame_equal(one.trials, other.trials, check_exact=True)
    pd.testing.assert_frame_equal(one.curves, other.curves, check_exact=True)


def on_one_and_two_workers(cells: Sequence[Cell]) -> list[tuple[CellResult, CellResult]]:
    """The results of each cell, on two workers in the opposite order."""
    ways = [
        {r.cell.key: r for r in Processes(workers).run(order) if isinstance(r, CellResult)}
        for order, workers in ((cells, 1), (cells[::-1], 2))
    ]
    return [(ways[0][c.key], ways[1][c.key]) for c in cells]
