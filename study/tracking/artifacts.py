"""The files of a cell's run: its definition, its two tables, its summary and the last states of diverged
trials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from study.phases.results import CellResult

CELL, SUMMARY, STATES = "cell.json", "summary.json", "states.npz"
TRIALS, CURVES = "trials.parquet", "curves.parquet"


def save(folder: Path, result: CellResult, run_ids: list[str]) -> None:
    """Write the cell's files; the table of trials gets a column with each trial's run in MLflow."""
    result.trials.assign(run_id=pd.Series(run_ids, dtype="str")).to_parquet(folder / TRIALS, index=False)
    result.curves.to_parquet(folder / CURVES, index=False)
    (folder / CELL).write_text(result.cell.definition, encoding="utf-8")
    states = [*result.states.values()]
    np.savez(folder / STATES, trials=[*result.states], theta=np.stack(states) if states else np.empty((0, 0)))
    plain = {k: v.item() if isinstance(v, np.generic) else v for k, v in result.summary.items()}
    (folder / SUMMARY).write_text(json.dumps(plain, indent=1), encoding="utf-8")


def whole(folder: Path) -> bool:
    """Whether the files that a cell is read from are in the folder, and not empty."""
    files = (folder / name for name in (SUMMARY, TRIALS, CURVES))
    return all(file.is_file() and file.stat().st_size for file in files)


def load(summary: Path, trials: Path, curves: Path) -> tuple[dict[str, Any], pd.DataFrame, pd.DataFrame]:
    """What is in these files; ValueError or OSError for damaged ones.

    The summary is as it was, with infinities and NaN, which Python's JSON knows.
    """
    found = json.loads(summary.read_text(encoding="utf-8"))
    return found, pd.read_parquet(trials), pd.read_parquet(curves)


def load_states(path: Path) -> dict[int, np.ndarray]:
    """trial -> (P,) last finite parameters."""
    with np.load(path) as stored:
        return dict(zip(stored["trials"].tolist(), stored["theta"], strict=True))
