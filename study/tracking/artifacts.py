"""The files of a cell's run: its definition, its two tables, its summary, the last states of diverged
trials, and small data of one's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from study.experiment.cells import Cell, restore
from study.phases.registry import parts
from study.phases.results import CellResult
from study.phases.summary import Summary, decode, encode
from study.problems import kept

CELL, SUMMARY, STATES, DATA = "cell.json", "summary.json", "states.npz", "data.npz"
TRIALS, CURVES = "trials.parquet", "curves.parquet"
READ = (CELL, SUMMARY, TRIALS, CURVES)
"""What a stored cell is read from."""


def save(folder: Path, result: CellResult, run_ids: list[str]) -> None:
    """Write the cell's files; the table of trials gets a column with each trial's run in MLflow."""
    result.trials.assign(run_id=pd.Series(run_ids, dtype="str")).to_parquet(folder / TRIALS, index=False)
    result.curves.to_parquet(folder / CURVES, index=False)
    (folder / CELL).write_text(result.cell.definition, encoding="utf-8")
    kept.save(result.cell.dataset, folder / DATA)
    states = [*result.states.values()]
    np.savez(folder / STATES, trials=[*result.states], theta=np.stack(states) if states else np.empty((0, 0)))
    (folder / SUMMARY).write_text(encode(result.summary), encoding="utf-8")


def whole(folder: Path) -> bool:
    """Whether the files that a cell is read from are in the folder, and not empty."""
    files = (folder / name for name in READ)
    return all(file.is_file() and file.stat().st_size for file in files)


def load(
    cell: Path, summary: Path, trials: Path, curves: Path
) -> tuple[Cell, Summary, pd.DataFrame, pd.DataFrame]:
    """What is in these files; ValueError or OSError for damaged ones, and for those of another version."""
    texts = [path.read_text(encoding="utf-8") for path in (cell, summary)]
    return restore(texts[0]), decode(texts[1], parts()), pd.read_parquet(trials), pd.read_parquet(curves)


def load_states(path: Path) -> dict[int, np.ndarray]:
    """trial -> (P,) last finite parameters."""
    with np.load(path) as stored:
        return dict(zip(stored["trials"].tolist(), stored["theta"], strict=True))
