"""What is moved into MLflow's trash, to be done again: what was not finished, and what was damaged."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from overshoot.study.tracking import artifacts, moved, reading
from overshoot.study.tracking.errors import StoreError
from overshoot.study.tracking.runs import Runs, tag
from overshoot.study.tracking.views import CELLS

if TYPE_CHECKING:
    from mlflow.entities import Run

RUNNING = "attributes.status = 'RUNNING'"


def unfinished(runs: Runs, study: str) -> int:
    """Retire what a killed writer, or an answer that was lost, left; how many cells it was.

    Nobody writes the study (its lock is held), so that a trial that is still RUNNING belongs to no cell.
    """
    cells = runs.search(study, CELLS, f"tags.kind = 'cell' and {RUNNING}")
    finished = {key for key, _ in runs.finished(study)} if cells else set()
    for cell in cells:
        stray = f" and {RUNNING}" if tag(cell, "key") in finished else ""
        retire(runs, study, cell, stray)
    for part in runs.parts(study):
        if part != CELLS:
            for trial in runs.search(study, part, f"tags.kind = 'trial' and {RUNNING}"):
                runs.client.delete_run(trial.info.run_id)
    return len(cells)


def retire(runs: Runs, study: str, cell: Run, stray: str = "") -> None:
    """Move a cell's run and those of its trials, those that meet a condition, into MLflow's trash."""
    key, dataset = tag(cell, "key"), tag(cell, "dataset")
    trials = runs.search(study, f"trials/{dataset}", f"tags.cell = '{key}'{stray}")
    for run in [*trials, cell]:  # the cell's run last: while it is there, there is work to do
        runs.client.delete_run(run.info.run_id)


def damaged(results: Path, study: str, cells: Iterable[Run]) -> list[tuple[Run, str]]:
    """Of a study's finished cells those with files that are missing, empty or not what was written, and what
    is wrong. Files that a server keeps are not looked at.

    StoreError where no file of any of them is there: then they are elsewhere, or can be brought back.
    """
    damaged_runs: list[tuple[Run, str]] = []
    away: Path | None = None
    there = False
    for run in cells:
        folder = moved.local(results, run.info.artifact_uri)
        if folder is None:
            continue
        away, there = away or folder, there or folder.is_dir()
        if (what := artifacts.damage(folder, reading.digests(run))) is not None:
            damaged_runs.append((run, what))
    if away is not None and not there:
        raise StoreError(
            f"{away.parent.parent} holds none of the files of study {study!r}: bring them back, or "
            "give the experiment another name"
        )
    return damaged_runs
