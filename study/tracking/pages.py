"""What people see first on MLflow's pages of a cell and its trials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class RunPages:
    """notes: what became of the cell's run and then of each trial's, a sentence or two each, or nothing.
    picture: the cell's rate curve, a PNG that is among its files; None where it has none."""

    notes: Sequence[str] = ()
    picture: bytes | None = None


NO_PAGES = RunPages()
