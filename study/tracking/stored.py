"""A finished cell, as the store hands it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from overshoot.study.experiment.cells import Cell
from overshoot.study.late import Late
from overshoot.study.phases.summary import Summary

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = Late("pandas")


@dataclass(frozen=True)
class StoredCell:
    """A finished cell as it was written.

    cell: what was asked. trials: the columns of `study.phases.results.TRIALS`, and `run_id`, the run of each
    in MLflow. curves: the columns of `study.phases.results.CURVES`. finished: when, in milliseconds since
    1970.
    """

    key: str
    run_id: str
    experiment_id: str
    tags: dict[str, str]
    cell: Cell
    summary: Summary
    trials: pd.DataFrame
    curves: pd.DataFrame
    finished: int
