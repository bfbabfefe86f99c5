"""The study: experiments in, evidence out. `core` does the training and knows nothing of it.

>>> from overshoot import study
>>> tables = study.load("quick")        # doctest: +SKIP
>>> tables.trials.groupby("optimizer")["q_end"].median()        # doctest: +SKIP
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overshoot.study.commands.frames import Frames

__all__ = ["load"]


def load(name: str, results: str | Path = "results") -> Frames:
    """The tables of a stored study, `trials`, `curves` and `cells`, as tidy DataFrames.

    results: the folder of results; `MLFLOW_TRACKING_URI` is honoured. Raises study.tracking.StoreError where
    no study of that name is stored.
    """
    from overshoot.study.commands.frames import (
        frames,
    )  # what importing `study` alone must not take the time for
    from overshoot.study.tracking import open_store

    with closing(open_store(Path(results), reading=True)) as store:
        return frames(store, name)


if __name__ == "study":  # imported by its folder's name, in a clone
    from overshoot.alias import stand_for

    stand_for("study")
