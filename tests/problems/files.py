"""Small files in the shapes that people really have, with one table in most of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from overshoot.study.experiment.cells import Choice
from overshoot.study.problems.datasets import ready

ROWS = 60


def numbers(columns: int = 3) -> np.ndarray:
    """(60, columns) of four decimals."""
    return np.random.default_rng(0).standard_normal((ROWS, columns)).round(4)


TABLE = [[f"{value:.4f}" for value in row] for row in numbers()]
TEXT = "\n".join(["a,b,y", *(",".join(row) for row in TABLE)]) + "\n"


def with_column(name: str, values: list[str]) -> str:
    """The table with a third input."""
    rows = [f"{value},{','.join(row)}" for value, row in zip(values, TABLE, strict=True)]
    return "\n".join([f"{name},a,b,y", *rows])


def with_target(values: list[str]) -> str:
    """The table's inputs with another target."""
    rows = [f"{row[0]},{row[1]},{value}" for row, value in zip(TABLE, values, strict=True)]
    return "\n".join(["a,b,y", *rows])


def cycle(*values: str) -> list[str]:
    return [values[i % len(values)] for i in range(ROWS)]


def write(folder: Path, text: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def own(path: Path, target: str = "y", seed: int = 0, kind: str = "csv", **options: object) -> Choice:
    """The choice of a file as cells have it."""
    return ready(
        Choice(kind, tuple(sorted({"path": str(path), "target": target, **options}.items()))), Path(), seed
    )
