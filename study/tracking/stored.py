"""A finished cell, as the store hands it back."""

from __future__ import annotations

from collections.abc import Callable
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
    in MLflow. read_curves: reads `curves`. finished: when, in milliseconds since 1970.
    """

    key: str
    run_id: str
    experiment_id: str
    tags: dict[str, str]
    cell: Cell
    summary: Summary
    trials: pd.DataFrame
    read_curves: Callable[[], pd.DataFrame]
    finished: int

    @property
    def curves(self) -> pd.DataFrame:
        """The columns of `study.phases.results.CURVES`, read anew: those of a study would fill the memory."""
        return self.read_curves()
