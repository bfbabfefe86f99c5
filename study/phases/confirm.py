"""The confirmation: the tuned rates and the default one on fresh replicates that tuning never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
