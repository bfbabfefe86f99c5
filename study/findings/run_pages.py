"""What MLflow shows of a cell: what became of each run, in a sentence, and the picture of its rates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from overshoot.study.experiment.cells import Cell
from overshoot.study.findings.codes import reason
from overshoot.study.numbers import fixed, number, plural
from overshoot.study.phases.search import SearchSummary
from overshoot.study.phases.summary import Summary
from overshoot.study.phases.sweep import SweepSummary
from overshoot.study.tracking.pages import RunPages

if TYPE_CHECKING:
    import pandas as pd


def run_pages(cell: Cell, trials: pd.DataFrame, summary: Summary) -> RunPages:
    """Of a cell, and of its trials in their order."""
    from overshoot.study.figures.cell_picture import cell_picture  # its libraries take a second to import

    rows = cast(list[dict[str, Any]], trials.to_dict("records"))
    notes = [_of_cell(summary), *(_of_trial(row, cell.protocol.tolerance) for row in rows)]
    return RunPages(notes, cell_picture(cell, trials, summary))


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
