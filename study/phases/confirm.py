"""The confirmation: the winner and the default rate on fresh replicates that tuning never saw."""

from __future__ import annotations

from dataclasses import dataclass

from study.experiment.cells import Cell
from study.phases.stack import Run, Trial, run_stack
from study.phases.summary import Part
from study.problems.problem import Problem


@dataclass(frozen=True)
class ConfirmSummary(Part):
    """default_rate: the one that was run beside the tuned one."""

    default_rate: float


def confirm(cell: Cell, problem: Problem, tuned: float | None) -> list[Run]:
    """The tuned rate, where there is one, and the default rate on every replicate."""
    rates = {"tuned": tuned, "default": cell.default_rate}
    return run_stack(
        cell,
        problem,
        [
            Trial("confirm", role, rate, f"confirm-{k}")
            for role, rate in rates.items()
            if rate is not None
            for k in range(cell.protocol.confirm_replicates)
        ],
    )
