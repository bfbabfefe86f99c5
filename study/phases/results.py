"""What a cell leaves behind. Two tables, one row a trial and one row an evaluation, and a summary.

These tables are the contract between the runner, the tracking store and the report: they are written
as they are and read back as they are, non-finite values and all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from overshoot.study.experiment.cells import Cell
from overshoot.study.late import Late
from overshoot.study.phases.summary import Summary

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = Late("pandas")

TRIALS: dict[str, str] = {
    "trial": "int64",  # unique within the cell
    "phase": "str",  # sweep, search, confirm, limit or edge
    "role": "str",  # why its rate was run: SweepRole, SearchRole, ConfirmRole ...
    "rate": "float64",
    "replicate": "str",  # the named axis behind its seeds, such as sweep-0 or confirm-7
    "outcome": "str",  # see study.phases.outcomes.Outcome
    "reason": "str",  # why: see study.phases.outcomes.Reason
    "first_bad_step": "int64",  # update, 0 where there is none
    "growth": "float64",  # mean factor a update of the training loss, for diverged trials
    "q_end": "float64",  # median relative training gap over the last window
    "peak": "float64",  # the largest relative training gap on the way; inf for a run that left
    "hit_0.1": "float64",  # examples after which q stays below 0.1; inf when it never does
    "hit_0.01": "float64",
    "hit_0.001": "float64",
    "updates": "int64",
    "train_loss": "float64",  # median over the last window
    "validation_loss": "float64",
    "validation_score": "float64",  # accuracy or R^2 of the last parameters
    "test_loss": "float64",  # confirm only, NaN elsewhere
    "test_score": "float64",
    "noise_floor": "float64",  # the gap around which the run is predicted to stay; NaN where none is
    "threshold": "float64",  # the largest curvature at which this rate is stable; NaN where none is known
}

CURVES: dict[str, str] = {
    "trial": "int64",
    "update": "int64",
    "examples": "int64",
    "train_loss": "float64",
    "validation_loss": "float64",
    "sharpness": "float64",  # largest eigenvalue of the training loss' Hessian; NaN where not taken
    "theta_0": "float64",  # the parameters where they are two, NaN elsewhere
    "theta_1": "float64",
}


@dataclass(frozen=True)
class CellResult:
    """All that one cell produced.

    trials, curves: tables with the columns of TRIALS and CURVES.
    states: trial number -> (P,) last finite parameters, for diverged trials.
    """

    cell: Cell
    trials: pd.DataFrame
    curves: pd.DataFrame
    states: dict[int, np.ndarray]
    summary: Summary


def table(rows: list[dict[str, Any]], columns: dict[str, str]) -> pd.DataFrame:
    """Rows as a table with exactly these columns and dtypes; KeyError when one is missing."""
    return pd.DataFrame({c: pd.Series([r[c] for r in rows], dtype=d) for c, d in columns.items()})
