"""The edge of stability: sharpness along full-batch training against the curvature that a rate allows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import AXES, Study, records

AT = "at the threshold"

NEAR = 1.1
"""A run stays at its threshold when the median of its sharpness lies within this factor of it."""


def edge_runs(study: Study) -> pd.DataFrame:
    """A row for each run whose sharpness was followed and whose threshold is known.

    rate, replicate, threshold, diverged; start: its sharpness at the first evaluation that has one;
    largest: the largest sharpness over the threshold; late: the median of that ratio over the last half of
    the evaluations; reached: the update at which it first came to the threshold, NaN where it never did;
    verdict: AT where `late` is within a factor NEAR of it, else "below" or "above", "diverged" before all.
    """
    columns = [
        *("key", *AXES, "trial", "rate", "replicate", "threshold", "diverged", "start", "largest", "late"),
        *("reached", "verdict"),
    ]
    followed = study.followed
    followed = followed[(followed["threshold"] > 0) & np.isfinite(followed["threshold"])]
    rows = []
    for trial in records(followed):
        line = edge_line(study, trial["key"], trial["trial"])
        if line.empty:
            continue
        ratio = line["sharpness"].to_numpy() / trial["threshold"]
        reached = line["update"].to_numpy()[ratio >= 1]
        late = float(np.median(ratio[line["update"] >= line["update"].max() / 2]))
        values = {
            "start": line["sharpness"].iloc[0],
            "largest": ratio.max(),
            "late": late,
            "reached": reached[0] if len(reached) else np.nan,
            "verdict": "diverged" if trial["diverged"] else _verdict(late),
        }
        rows.append({name: trial.get(name) for name in columns} | values)
    return pd.DataFrame(rows, columns=columns)


def edge_line(study: Study, key: str, trial: int) -> pd.DataFrame:
    """A row for each evaluation of a trial (update, sharpness) that has a sharpness."""
    curves = study.curves[key]
    known = np.isfinite(curves["sharpness"]) & (curves["sharpness"] > 0)
    return curves.loc[(curves["trial"] == trial) & known, ["update", "sharpness"]]


def _verdict(late: float) -> str:
    if late > NEAR:
        return "above"
    return AT if late >= 1 / NEAR else "below"
