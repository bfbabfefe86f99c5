"""The confirmation: the tuned rates and the default one on fresh replicates that tuning never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from study.experiment.cells import Cell
from study.phases.stack import Run, Trial, run_stack
from study.phases.summary import Part
from study.problems.problem import Problem


@dataclass(frozen=True)
class ConfirmSummary(Part):
    """default_rate: the one that was run beside the tuned one."""

    default_rate: float


def confirm(cell: Cell, problem: Problem, tuned: Sequence[float]) -> list[Run]:
    """The tuned rates and the default rate on every replicate, each rate once."""
    roles = dict.fromkeys([*tuned, cell.default_rate], "tuned") | {cell.default_rate: "default"}
    return run_stack(
        cell,
        problem,
        [
            Trial("confirm", role, rate, f"confirm-{k}")
            for rate, role in roles.items()
            for k in range(cell.protocol.confirm_replicates)
        ],
    )


def at_rates(trials: pd.DataFrame, tuned: float, default: float) -> pd.DataFrame:
    """A cell's trials of the confirmation at these two rates, `role` saying at which; NaN is no rate.
    Where both are the same rate its runs stand for both."""
    confirmed = trials[trials["phase"] == "confirm"]
    sides = {"tuned": tuned, "default": default}
    return pd.concat([confirmed[confirmed["rate"] == rate].assign(role=role) for role, rate in sides.items()])
