"""What became of a run, in a sentence: what MLflow shows at the top of its page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from overshoot.study.experiment.cells import Cell
from overshoot.study.findings.codes import reason
from overshoot.study.numbers import fixed, number, plural
from overshoot.study.phases.search import SearchSummary
from overshoot.study.phases.summary import Summary
from overshoot.study.phases.sweep import SweepSummary

if TYPE_CHECKING:
    import pandas as pd


def run_notes(cell: Cell, trials: pd.DataFrame, summary: Summary) -> list[str]:
    """Of a cell, and then of each of its trials in their order."""
    rows = cast(list[dict[str, Any]], trials.to_dict("records"))
    return [_of_cell(summary), *(_of_trial(row, cell.protocol.tolerance) for row in rows)]


def _of_trial(trial: dict[str, Any], tolerance: float) -> str:
    outcome = str(trial["outcome"])
    return f"{outcome[0].upper()}{outcome[1:]}: {reason(trial, tolerance)}."


def _of_cell(summary: Summary) -> str:
    counts = summary.counts
    said = [
        f"Of {plural(counts.trials, 'trial')} {counts.trials_converged:,} converged and "
        f"{counts.trials_diverged:,} diverged."
    ]
    sweep, search = summary.get(SweepSummary), summary.get(SearchSummary)
    if sweep is not None:
        said.append(
            f"The usable range of learning rates is {fixed(sweep.usable_width_decades, 1)} decades wide."
        )
    if search is not None and search.tuned_rate_training is not None:
        said.append(f"Tuned for training: {number(search.tuned_rate_training)}.")
    return " ".join(said)
