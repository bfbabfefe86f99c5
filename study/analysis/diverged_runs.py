"""What blew up, when and how fast."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.analysis import selections
from study.analysis.frame import AXES, Study
from study.statistics import wilson


def diverged(study: Study) -> pd.DataFrame:
    """The diverged trials of sweep, search and confirmation, a row each: those that look for the cliff are
    put there on purpose.

    step: the update at which the trial left, or its last one when it lasted to the end of its budget;
    lasted says which. decades: decades that the training loss gained at each update, up to the last
    finite state.
    """
    gone = selections.unprovoked(study.trials).query("diverged")
    left = gone["first_bad_step"] > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        decades = np.log10(gone["growth"].to_numpy())
    return gone.assign(
        lasted=~left,
        step=gone["first_bad_step"].where(left, gone["updates"]),
        decades=decades,
    ).reset_index(drop=True)


def shares(study: Study) -> pd.DataFrame:
    """A row for each optimizer and batch strategy: how many of the sweep's trials diverged, of how many,
    and the share as an Interval."""
    swept = study.swept
    counts = swept.groupby(["optimizer", "batch"], sort=False)["diverged"].agg(["sum", "size"]).reset_index()
    shares = [wilson(int(k), int(n)) for k, n in zip(counts["sum"], counts["size"], strict=True)]
    return counts.assign(share=pd.Series(shares, dtype=object))


def reasons(gone: pd.DataFrame) -> pd.DataFrame:
    """A row for each reason: its trials, the steps at which they left (lowest, middle and
    highest), and how many lasted to the end of their budget; the commonest first."""
    table = gone.groupby("reason").agg(
        trials=("step", "size"),
        first=("step", "min"),
        middle=("step", "median"),
        last=("step", "max"),
        lasted=("lasted", "sum"),
    )
    return table.sort_values("trials", ascending=False, kind="stable").reset_index()


def failures_above(study: Study, sensitivity: pd.DataFrame) -> pd.DataFrame:
    """A row for each optimizer: of the sweep's trials at rates above the best that did not converge (`size`),
    how many `exploded`, leaving before the end of their budget, the `share` of those as an Interval, and how
    many diverged otherwise: they had `risen` above their start, or were rising, at the end."""
    swept = study.swept
    best = swept["key"].map(sensitivity.set_index("key")["best"])
    failed = swept[(swept["rate"] > best * 1.001) & (swept["outcome"] != "converged")]
    left = failed["first_bad_step"] > 0
    sorts = failed.assign(exploded=left, risen=failed["diverged"] & ~left, size=1)
    counts = sorts.groupby("optimizer", sort=False)[["exploded", "risen", "size"]].sum().reset_index()
    shares = [wilson(int(k), int(n)) for k, n in zip(counts["exploded"], counts["size"], strict=True)]
    return counts.assign(share=pd.Series(shares, dtype=object))


def listed(gone: pd.DataFrame) -> pd.DataFrame:
    """The columns in which the diverged trials are listed one by one."""
    columns = [*AXES, "phase", "rate", "replicate", "first_bad_step", "growth", "reason"]
    return gone[columns]
