"""The stored cells of one study, as three tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd

from study.analysis.labels import Names, names_of, problem_of

AXES = ["problem", "optimizer", "batch"]


class StoredCell(Protocol):
    """What the store hands back of a finished cell.

    tags: dataset, network, optimizer, batch. summary: numbers and texts. trials: a row a trial, with
    the columns of study.phases.results.TRIALS and `run_id`. curves: those of study.phases.results.CURVES.
    """

    @property
    def key(self) -> str: ...
    @property
    def run_id(self) -> str: ...
    @property
    def experiment_id(self) -> str: ...
    @property
    def tags(self) -> dict[str, str]: ...
    @property
    def summary(self) -> dict[str, Any]: ...
    @property
    def trials(self) -> pd.DataFrame: ...
    @property
    def curves(self) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Study:
    """cells: a row a cell, its summary as columns, `doubt`: why not to trust its search, if so, and
    `extended`: whether the range of the search grew because the best rate lay at an edge of it.
    trials: a row a trial of any cell, with scores in which a diverged run is as bad as can be: `gap` (q_end),
    `loss` (validation) and `test_loss` are inf for it, `score` (validation) and `test_score` -inf.
    curves: cell key -> its curves.
    """

    names: Names
    cells: pd.DataFrame
    trials: pd.DataFrame
    curves: dict[str, pd.DataFrame]

    @property
    def protocol(self) -> dict[str, Any]:
        """The protocol that the cells were run with; ValueError when they were not all run with one."""
        found = set(self.cells["protocol"])
        if len(found) > 1:
            raise ValueError(f"cells of {len(found)} different protocols cannot share a report: {found}")
        return dict(json.loads(found.pop()))

    @cached_property
    def trials_of(self) -> dict[str, pd.DataFrame]:
        """Cell key -> its rows of `trials`."""
        return {str(key): rows for key, rows in self.trials.groupby("key", sort=False)}

    @cached_property
    def run_of(self) -> dict[str, tuple[str, str]]:
        """Cell key -> the experiment and the run that it is in MLflow."""
        runs = zip(self.cells["experiment"], self.cells["run_id"], strict=True)
        return dict(zip(self.cells["key"], runs, strict=True))

    @property
    def tolerance(self) -> float:
        return float(self.protocol["tolerance"])


def gather(cells: Sequence[StoredCell]) -> Study:
    """The study that these cells make up, in the order of their names; ValueError without any."""
    if not cells:
        raise ValueError("no finished cell is stored: there is nothing to report")
    names = names_of(cell.tags for cell in cells)
    rows = [
        _axes(cell)
        | {"run_id": cell.run_id, "experiment": cell.experiment_id, "doubt": doubt(cell.summary)}
        | {"extended": bool((cell.trials["role"] == "extended").any())}
        | cell.summary
        for cell in cells
    ]
    trials = pd.concat([cell.trials.assign(**_axes(cell)) for cell in cells], ignore_index=True)
    return Study(
        names,
        in_order(pd.DataFrame(rows), names),
        in_order(_scored(trials), names),
        {cell.key: cell.curves for cell in cells},
    )


def doubt(summary: Mapping[str, Any]) -> str:
    """Why a cell's search is not to be trusted; empty when nothing is wrong."""
    if summary["status"] != "ok":
        return str(summary["status"])
    return "" if summary["search_edge"] == "clear" else str(summary["search_edge"])


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
    gone = trials["outcome"].to_numpy() == "diverged"
    worst = {
        "gap": ("q_end", np.inf),
        "loss": ("validation_loss", np.inf),
        "test_loss": ("test_loss", np.inf),
    }
    worst |= {"score": ("validation_score", -np.inf), "test_score": ("test_score", -np.inf)}
    scores = {name: np.where(gone, value, trials[column]) for name, (column, value) in worst.items()}
    return trials.assign(diverged=gone, **scores)
