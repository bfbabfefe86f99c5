"""A stored study as tidy tables, for analyses of one's own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from overshoot.study.tracking import Store, StoredCell, studies

AXES = ("key", "dataset", "network", "optimizer", "batch")
"""What every row is of: `key` joins the tables, with `trial` where there is one."""


@dataclass(frozen=True)
class Frames:
    """A study's tables, one row a trial, an evaluation and a cell.

    trials: `AXES`, `trial` and the columns of `study.phases.results.TRIALS`. curves: `AXES`, `trial` and
    those of `study.phases.results.CURVES`. cells: `AXES` and the fields of `study.phases.summary.Summary`.
    """

    trials: pd.DataFrame
    curves: pd.DataFrame
    cells: pd.DataFrame


def frames(store: Store, name: str) -> Frames:
    """The tables of the study as it was stored last; StoreError where there is none of that name."""
    keys = studies.named(store, name).keys
    cells = store.read(name, keys)
    order = {key: i for i, key in enumerate(keys)}
    cells.sort(key=lambda cell: order[cell.key])
    rows = [_axes(cell) | _plain(cell.summary.flat()) for cell in cells]
    return Frames(_joined(cells, "trials"), _joined(cells, "curves"), pd.DataFrame(rows))


def export(tables: Frames, folder: Path, kind: str) -> list[Path]:
    """Write the tables into the folder as "parquet" or "csv"; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in ("trials", "curves", "cells"):
        table, path = getattr(tables, name), folder / f"{name}.{kind}"
        if kind == "csv":
            table.to_csv(path, index=False)
        else:
            table.to_parquet(path, index=False)
        files.append(path)
    return files


def _axes(cell: StoredCell) -> dict[str, Any]:
    return {"key": cell.key} | {name: cell.tags[name] for name in AXES[1:]}


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """What is neither a number nor text as JSON, which a table can hold."""
    simple = (str, int, float, bool)
    return {k: v if isinstance(v, simple) else json.dumps(v, default=str) for k, v in fields.items()}


def _joined(cells: list[StoredCell], table: str) -> pd.DataFrame:
    """The cells' tables under each other, with what each row is of, as categories, before its own columns."""
    if not cells:
        return pd.DataFrame(columns=pd.Index(AXES))
    each = [getattr(cell, table) for cell in cells]
    parts, lengths = pd.concat(each, ignore_index=True), [len(own) for own in each]
    for i, name in enumerate(AXES):
        values = pd.Categorical([_axes(cell)[name] for cell in cells])
        parts.insert(i, name, values.take(np.repeat(np.arange(len(cells)), lengths)))
    return parts
