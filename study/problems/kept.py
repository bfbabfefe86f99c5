"""Data that are kept with results, so that these need nothing but the store."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from overshoot.study.experiment.cells import Choice
from overshoot.study.problems.columns import Raw
from overshoot.study.problems.datasets import DATASETS, raw_of

LARGEST = 2**19
"""Bytes of inputs up to which they are kept with every cell."""


def save(choice: Choice, path: Path) -> None:
    """Write somebody's own data where they are small; other datasets are made again from their name.

    Data that changed or went away since the cell began are not written.
    """
    if not DATASETS[choice.name].own:
        return
    try:
        raw = raw_of(choice)
    except ValueError:
        return
    write(raw, path)


def write(raw: Raw, path: Path) -> None:
    """Write data where they are small."""
    if raw.X.nbytes <= LARGEST:
        words = {k: v for k, v in asdict(raw).items() if k not in ("X", "y")}
        np.savez_compressed(path, X=raw.X, y=raw.y, words=np.array(json.dumps(words)))


def load(path: Path) -> Raw:
    """What `save` wrote."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        words = json.loads(str(stored["words"]))
        lists: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in words.items()}
        return Raw(X=stored["X"], y=stored["y"], **lists)
