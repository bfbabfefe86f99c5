"""What blew up, when and how fast."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis import selections
from overshoot.study.analysis.frame import AXES, Study
from overshoot.study.comparison import allowed, clustered
from overshoot.study.statistics import mean, wilson


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
    problems = swept.groupby(["optimizer", "batch"], sort=False)["problem"].nunique()
    shares = [
        allowed(wilson(int(k), int(n)), int(count))
        for k, n, count in zip(counts["sum"], counts["size"], problems, strict=True)
    ]
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


def failed_above(study: Study, sensitivity: pd.DataFrame) -> pd.DataFrame:
    """The sweep's trials at rates above the best that did not converge: whether each `exploded`, leaving
    before the end of its budget, or diverged otherwise: it had `risen` above its start at the end, or was
    rising."""
    swept = study.swept
    best = swept["key"].map(sensitivity.set_index("key")["best"])
    failed = swept[(swept["rate"] > best * 1.001) & (swept["outcome"] != "converged")]
    left = failed["first_bad_step"] > 0
    return failed.assign(exploded=left, risen=failed["diverged"] & ~left, size=1)


def failures_above(failed: pd.DataFrame) -> pd.DataFrame:
    """A row for each optimizer of `failed_above`: how many trials (`size`), `exploded` and `risen`, and the
    `share` that exploded, with its interval over the problems."""
    groups = failed.groupby("optimizer", sort=False)
    counts = groups[["exploded", "risen", "size"]].sum().reset_index()
    shares = [clustered(at["exploded"].to_numpy(float), at["problem"], mean, border=0.5) for _, at in groups]
    return counts.assign(share=pd.Series(shares, dtype=object))


def listed(gone: pd.DataFrame) -> pd.DataFrame:
    """The columns in which the diverged trials are listed one by one."""
    columns = [*AXES, "phase", "rate", "replicate", "first_bad_step", "growth", "reason"]
    return gone[columns]
