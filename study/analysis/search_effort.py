"""How much tuning each optimizer needs: the best rate found so far, against the trials that it took.

Sivaprasad et al. (2020): an optimizer that is good after two trials is worth more to most people than one
that is a little better after a hundred. Here each cell's own search is its judge: what it found in the end.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis import selections
from overshoot.study.analysis.frame import AXES, Study
from overshoot.study.comparison import allowed
from overshoot.study.phases.search import Claim
from overshoot.study.statistics import bootstrap, expected_best

NEAR = 0.1
"""A search has as good as arrived when no more than this share of what it will gain is missing."""


DISAGREE = 0.5
"""Decades: search replicates whose own best rates lie further apart do not agree on it."""


def disagreements(study: Study) -> dict[str, tuple[int, int]]:
    """Claim -> in how many cells the search's replicates disagree on the best rate, of how many in which each
    has one."""
    disagreeing = {}
    for claim in (Claim.TRAINING, Claim.VALIDATION):
        column = f"search_spread_{claim.value}"
        if column in study.cells:
            spread = study.cells[column].dropna()
            disagreeing[claim.value] = (int((spread > DISAGREE).sum()), len(spread))
    return {claim: counts for claim, counts in disagreeing.items() if counts[1]}


def searches(study: Study) -> pd.DataFrame:
    """The rates of all searches in order, a row each: `trials` run so far, 1 to n, and what is `missing`, by
    the median over the replicates of a rate.

    missing: of the fall in validation loss from the untrained network to the best trial of the whole search,
    the share that the best trial so far has not made: 1 at first, 0 in the end. A diverged trial gains
    nothing, and where none gains anything all of it stays missing. The start-up trials, whose rates are the
    same for all, came in one shuffled order, and a lucky first rate suits some optimizers: `missing` is the
    mean over all orders of them. near: how many trials it takes until it is at most NEAR, the same mean.
    """
    parts = []
    for key, group in study.searched.groupby("key", sort=False):
        group = group.sort_values("trial")
        curves = study.curves[str(key)]
        first = int((curves["trial"].to_numpy() == group["trial"].iloc[0]).argmax())
        start = float(curves["validation_loss"].iloc[first])
        replicates = group["replicate"].nunique()
        losses = np.median(group["loss"].to_numpy().reshape(-1, replicates), axis=1)
        alone = _missing(losses, start)
        startup = len(selections.startup(group)) // replicates
        order, missing = np.arange(1, len(losses) + 1), _so_far(alone, startup)
        cell = group[["key", *AXES]].iloc[::replicates]
        parts.append(cell.assign(trials=order, missing=missing, near=_near(alone, startup)))
    columns = ["key", *AXES, "trials", "missing", "near"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _missing(losses: np.ndarray, start: float) -> np.ndarray:
    """(n,) what each trial alone leaves missing, of `losses: (n,)` and the one before training, `start`."""
    kept = np.minimum(np.where(np.isnan(losses), np.inf, losses), start)
    gain = start - kept.min()
    return (kept - kept.min()) / gain if gain > 0 else np.ones(len(losses))


def _so_far(missing: np.ndarray, startup: int) -> np.ndarray:
    """(n,) what is missing after each trial, the first `startup` of them in any order."""
    after = np.minimum.accumulate(missing)
    return np.concatenate([expected_best(missing[:startup]) if startup else after[:0], after[startup:]])


def _near(missing: np.ndarray, startup: int) -> float:
    """Trials until no more than NEAR is missing, the first `startup` of them in any order; inf for never.

    Of n trials in random order, m of which will do, the first comes after (n + 1) / (m + 1) on average.
    """
    near = np.flatnonzero(missing <= NEAR)
    among = int((near < startup).sum())
    if among:
        return (startup + 1) / (among + 1)
    return float(near[0] + 1) if len(near) else np.inf


def best_so_far(searched: pd.DataFrame) -> pd.DataFrame:
    """A row for each optimizer, batch strategy and number of `trials` (1, 2, 4, 8, ... and the most that all
    searches have): the interquartile mean over the problems of what is `missing`, an Interval over them."""
    most = int(searched.groupby("key")["trials"].max().min())
    counts = sorted({*(2**i for i in range(most.bit_length())), most})
    at = searched[searched["trials"].isin(counts)]
    groups = at.groupby(["optimizer", "batch", "trials"], sort=False)["missing"]
    return pd.DataFrame(
        [
            dict(zip(("optimizer", "batch", "trials"), axes, strict=True))
            | {"missing": allowed(bootstrap(values.to_numpy()), len(values)), "problems": len(values)}
            for axes, values in groups
        ]
    )


def needed(searched: pd.DataFrame) -> pd.DataFrame:
    """(cells, optimizers): trials until no more than NEAR is missing, inf for a search that gains nothing, in
    the problems and batch strategies in which every optimizer was searched."""
    each = searched.drop_duplicates("key").set_index(["problem", "batch", "optimizer"])["near"]
    return each.unstack().dropna()[list(dict.fromkeys(searched["optimizer"]))]


def ratios(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b (n,), where two infinities are equal."""
    return np.divide(a, b, out=np.ones(len(a)), where=~(np.isinf(a) & np.isinf(b)))


def alarms(study: Study) -> pd.DataFrame:
    """The cells whose search ended at a search boundary at some time, or found no stable rate: a row each.

    first_low, first_high: the range searched first, as wide as the sweep; search_low, search_high: the one in
    the end; added: trials that the extensions added; trusted: whether the best rate was clear of the
    search boundaries in the end.
    """
    swept = study.swept.groupby("key")["rate"].agg(["min", "max"])
    extended = selections.extended(study.trials).groupby("key").size()
    table = study.cells.assign(
        first_low=study.cells["key"].map(swept["min"]),
        first_high=study.cells["key"].map(swept["max"]),
        added=study.cells["key"].map(extended).fillna(0).astype(int),
        trusted=study.cells["doubt"] == "",
    )
    return table[table["extended"] | ~table["trusted"]].reset_index(drop=True)
