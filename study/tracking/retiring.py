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
    finished = runs.finished(study)
    cells = runs.search(study, CELLS, f"tags.kind = 'cell' and {RUNNING}")
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
    places = [(run, moved.local(results, run.info.artifact_uri)) for run in cells]
    here = [(run, folder) for run, folder in places if folder is not None]
    if here and not any(folder.is_dir() for _, folder in here):
        raise StoreError(
            f"{here[0][1].parent.parent} holds none of the files of study {study!r}: bring them back, or "
            "give the experiment another name"
        )
    looked = [(run, artifacts.damage(folder, reading.digests(run))) for run, folder in here]
    return [(run, what) for run, what in looked if what is not None]
