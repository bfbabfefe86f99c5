"""The stored cells of one study, as three tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from overshoot.core import OPTIMIZERS
from overshoot.core.optimizers.base import Recursion
from overshoot.study.analysis import selections
from overshoot.study.analysis.labels import Names, names_of, problem_of
from overshoot.study.comparison import few
from overshoot.study.experiment.cells import Cell, Protocol
from overshoot.study.phases.confirm import at_rates
from overshoot.study.phases.outcomes import Outcome
from overshoot.study.phases.search import Claim, SearchStatus, SearchSummary
from overshoot.study.phases.summary import Summary
from overshoot.study.tracking import StoredCell

AXES = ["problem", "optimizer", "batch"]


@dataclass(frozen=True)
class Study:
    """cells: a row a cell, its summary as columns, `doubt`: why not to trust its search (a SearchStatus, or
    ""), and `extended`: whether the range of the search grew because the best rate lay at an edge of it.
    trials: a row a trial of any cell, with scores in which a diverged run is as bad as can be: `gap` (q_end),
    `loss` (validation) and `test_loss` are inf for it, `score` (validation) and `test_score` -inf.
    curves: cell key -> its curves, read when they are asked for. asked: cell key -> what was asked of it.
    """

    names: Names
    cells: pd.DataFrame
    trials: pd.DataFrame
    curves: Mapping[str, pd.DataFrame]
    asked: dict[str, Cell]

    @cached_property
    def protocol(self) -> Protocol:
        """The protocol that the cells were run with; ValueError when they were not all run with one."""
        first, *others = {cell.protocol for cell in self.asked.values()}
        if others:
            raise ValueError(f"cells of {1 + len(others)} different protocols cannot share a report")
        return first

    @cached_property
    def trials_of(self) -> dict[str, pd.DataFrame]:
        """Cell key -> its rows of `trials`."""
        return {str(key): rows for key, rows in self.trials.groupby("key", sort=False)}

    @cached_property
    def swept(self) -> pd.DataFrame:
        """The rows of `trials` of the sweep."""
        return selections.swept(self.trials)

    @cached_property
    def searched(self) -> pd.DataFrame:
        """Those of the search."""
        return selections.searched(self.trials)

    @cached_property
    def confirmed(self) -> dict[Claim, pd.DataFrame]:
        """For each claim the confirmed trials at the rate tuned for it and at the default one, `role` saying
        which: what the claim rests on, on replicates that the tuning did not use."""
        columns = {claim: f"tuned_rate_{claim.value}" for claim in Claim}
        rates = self.cells.set_index("key").reindex(columns=["default_rate", *columns.values()])
        place = {key: i for i, key in enumerate(self.cells["key"])}
        by_claim = {}
        for claim, column in columns.items():
            tuned, default = (
                self.trials["key"].map(rates[name].astype(float)) for name in (column, "default_rate")
            )
            rows = at_rates(self.trials, tuned, default)
            order = np.argsort(rows["key"].map(place).to_numpy(), kind="stable")  # cell by cell
            by_claim[claim] = rows.iloc[order].reset_index(drop=True)
        return by_claim

    @cached_property
    def tuned(self) -> dict[Claim, pd.DataFrame]:
        """For each claim those of `confirmed` at the rate tuned for it."""
        return {claim: selections.tuned(trials) for claim, trials in self.confirmed.items()}

    @cached_property
    def followed(self) -> pd.DataFrame:
        """The rows of `trials` whose sharpness was followed."""
        return selections.followed(self.trials)

    @cached_property
    def recursions(self) -> dict[str, Recursion | None]:
        """Optimizer -> the linear recursion that it is; None where it is none, as under a schedule, and where
        this program does not know the optimizer."""
        methods = {cell.method: cell for cell in self.asked.values()}
        return {
            method: cell.recursion if cell.optimizer.name in OPTIMIZERS else None
            for method, cell in methods.items()
        }

    @cached_property
    def run_of(self) -> dict[str, tuple[str, str]]:
        """Cell key -> the experiment and the run that it is in MLflow."""
        runs = zip(self.cells["experiment"], self.cells["run_id"], strict=True)
        return dict(zip(self.cells["key"], runs, strict=True))

    @property
    def problems(self) -> int:
        """How many it has."""
        return len(self.names.problems)

    @property
    def few(self) -> bool:
        """Whether it has too few problems to say anything of others."""
        return few(self.problems)

    @property
    def tolerance(self) -> float:
        return self.protocol.tolerance


class CurvesOf(Mapping[str, pd.DataFrame]):
    """Cell key -> its curves, one cell's at a time: millions of evaluations are never held together. Nor are
    the cells, whose trials the study has already."""

    def __init__(self, cells: Sequence[StoredCell]):
        self._read = {cell.key: cell.read_curves for cell in cells}

    def __getitem__(self, key: str) -> pd.DataFrame:
        return self._read[key]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)


def gather(cells: Sequence[StoredCell]) -> Study:
    """The study that these cells make up, in the order of their names; ValueError without any."""
    if not cells:
        raise ValueError("no finished cell is stored: there is nothing to report")
    names = names_of(cell.tags for cell in cells)
    rows = [
        _axes(cell)
        | {"run_id": cell.run_id, "experiment": cell.experiment_id, "doubt": doubt(cell.summary)}
        | {"extended": not selections.extended(cell.trials).empty}
        | cell.summary.flat()
        for cell in cells
    ]
    trials = pd.concat([cell.trials.assign(**_axes(cell)) for cell in cells], ignore_index=True)
    return Study(
        names,
        in_order(pd.DataFrame(rows), names),
        in_order(_scored(trials.drop(columns="run_id")), names),
        CurvesOf(cells),
        {cell.key: cell.cell for cell in cells},
    )


def doubt(summary: Summary) -> str:
    """Why a cell's search is not to be trusted, a SearchStatus; empty when nothing is wrong."""
    status = summary.part(SearchSummary).search_status
    return "" if status == SearchStatus.CLEAR else status.value


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table, each as a dictionary of its columns, numbers as Python has them."""
    columns = [table[name].tolist() for name in table]  # pandas' own way takes ten times as long
    names = [str(name) for name in table]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def in_order(table: pd.DataFrame, names: Names) -> pd.DataFrame:
    """The rows of `table` in the order of the names of its axes, otherwise as they were."""
    axes = [axis for axis in AXES if axis in table]
    places = table[axes].apply(lambda column: column.map(names.order[column.name]))
    return table.loc[places.sort_values(axes, kind="stable").index].reset_index(drop=True)


def _axes(cell: StoredCell) -> dict[str, str]:
    return {
        "key": cell.key,
        "problem": problem_of(cell.tags),
        "optimizer": cell.tags["optimizer"],
        "batch": cell.tags["batch"],
    }


def _scored(trials: pd.DataFrame) -> pd.DataFrame:
    gone = trials["outcome"].to_numpy() == Outcome.DIVERGED
    worst = {
        "gap": ("q_end", np.inf),
        "loss": ("validation_loss", np.inf),
        "test_loss": ("test_loss", np.inf),
    }
    worst |= {"score": ("validation_score", -np.inf), "test_score": ("test_score", -np.inf)}
    scores = {name: np.where(gone, value, trials[column]) for name, (column, value) in worst.items()}
    return trials.assign(diverged=gone, **scores)
