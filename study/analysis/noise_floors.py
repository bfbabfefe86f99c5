"""Where training levels off: floors of rates that are too large, and those that noise keeps."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.core import BatchStrategy
from overshoot.study.analysis import selections
from overshoot.study.analysis.frame import AXES, Study
from overshoot.study.comparison import Range
from overshoot.study.phases.best_rates import RESOLUTION
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.statistics import theil_sen

FORGOTTEN = 0.1
"""A run has forgotten its start when what may be left of it is below this share of the predicted floor."""


def floors(study: Study, sensitivity: pd.DataFrame, limits: pd.DataFrame) -> pd.DataFrame:
    """The sweep's runs of cells for which no limit is predicted, from the best rate on, that lasted to the
    end of their budget: a row each (key, AXES, rate, q, best).

    q: the gap at the end, no finer than RESOLUTION, also of runs that count as diverged because it lies
    above the start: bounded steps end there instead of overflowing.
    """
    without = limits.loc[limits["basis"] == LimitBasis.NONE, "key"]
    swept = study.swept[study.swept["key"].isin(without)]
    best = swept["key"].map(sensitivity.set_index("key")["best"]).astype(float)
    lasted = (swept["first_bad_step"] == 0) & np.isfinite(swept["q_end"])
    kept = swept[lasted & (swept["rate"] >= best * 0.999)]
    table = kept[["key", *AXES, "rate"]].assign(q=kept["q_end"].clip(lower=RESOLUTION), best=best)
    return table.reset_index(drop=True)


def slopes(floors: pd.DataFrame) -> pd.DataFrame:
    """A row for each cell with at least three rates above its best one: `slope`, by which power of the rate
    the final gap grows there, as an Interval; rates, how many; start, end: the first and the last of them;
    first, last: the median gaps there."""
    rows = []
    for key, at in floors[floors["rate"] > floors["best"] * 1.001].groupby("key", sort=False):
        middles = at.groupby("rate")["q"].median()
        if len(middles) < 3:
            continue
        slope = theil_sen(np.log10(at["rate"].to_numpy()), np.log10(at["q"].to_numpy()))
        rows.append(
            {"key": key}
            | {axis: at[axis].iloc[0] for axis in AXES}
            | {"slope": slope, "rates": len(middles), "start": middles.index[0], "end": middles.index[-1]}
            | {"first": middles.iloc[0], "last": middles.iloc[-1]}
        )
    return pd.DataFrame(rows, columns=["key", *AXES, "slope", "rates", "start", "end", "first", "last"])


def noise(study: Study) -> pd.DataFrame:
    """A row for each run over the grid of rates with a predicted noise floor that did not diverge.

    predicted, measured: gaps q, the second a mean over the last half of the run's evaluations; ratio of
    them; order: of its batches; settled: whether the start was forgotten by then: what is left of it in
    the flattest direction, exp(-2 rate curvature updates), below FORGOTTEN of the floor. They are the
    longer runs with which a limit was measured, where there are such, else the sweep's.
    """
    known = selections.on_grid(study.trials)
    known = known[(known["noise_floor"] > 0) & ~known["diverged"]]
    longest = known.groupby(["key", "rate", "replicate"])["updates"].transform("max")
    runs = known[known["updates"] == longest].drop_duplicates(["key", "rate", "replicate"])
    cells = study.cells.set_index("key").reindex(columns=["best_known_loss", "curvature_low"]).astype(float)
    means = {
        (key, trial): value
        for key, at in runs.groupby("key", sort=False)
        for trial, value in _means(
            study.curves[str(key)], at["trial"], float(cells["best_known_loss"][key])
        ).items()
    }
    measured = pd.Series(
        [means[at] for at in zip(runs["key"], runs["trial"], strict=True)], runs.index, float
    )
    left = np.exp(-runs["rate"] * runs["key"].map(cells["curvature_low"]).astype(float) * runs["updates"])
    table = runs[["key", *AXES, "rate", "replicate"]].assign(
        predicted=runs["noise_floor"],
        measured=measured,
        ratio=measured / runs["noise_floor"],
        order=[BatchStrategy.named(batch).order for batch in runs["batch"]],
        settled=left < FORGOTTEN * runs["noise_floor"],
    )
    return table[table["measured"] > 0].reset_index(drop=True)


def _means(curves: pd.DataFrame, trials: pd.Series, best: float) -> dict[int, float]:
    """Trial -> its mean gap over the last half of its evaluations, as a share of the gap at its start."""
    means = {}
    for trial, at in curves[curves["trial"].isin(trials)].groupby("trial"):
        late = at.loc[at["update"] >= at["update"].max() / 2, "train_loss"]
        means[int(str(trial))] = float((late.mean() - best) / (at["train_loss"].iloc[0] - best))
    return means


def noise_agreement(noise: pd.DataFrame) -> pd.DataFrame:
    """A row for each cell with runs that forgot their start: `runs`, how many, low, high: their rates, and
    `ratio`, the median of measured / predicted with the Range of these runs, which are not independent."""
    rows = [
        {"key": key}
        | {axis: at[axis].iloc[0] for axis in AXES}
        | {"order": at["order"].iloc[0], "runs": len(at), "low": at["rate"].min(), "high": at["rate"].max()}
        | {"ratio": Range(float(at["ratio"].median()), at["ratio"].min(), at["ratio"].max(), len(at))}
        for key, at in noise[noise["settled"]].groupby("key", sort=False)
    ]
    return pd.DataFrame(rows, columns=["key", *AXES, "order", "runs", "low", "high", "ratio"])
