"""The cliff: the learning rate above which runs diverge, as theory predicts it and as it was measured."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.core import BatchStrategy
from overshoot.core.batches import ORDERS, USUAL
from overshoot.core.optimizers.base import Recursion
from overshoot.study.analysis.frame import AXES, Study, records
from overshoot.study.comparison import allowed, clustered
from overshoot.study.phases.limit import LimitStatus
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.statistics import Interval, middle, wilson

CODES = {"status": "limit_status", "basis": "limit_basis", "missing": "limit_missing"}
NUMBERS = {
    "measured": "limit_measured",
    "low": "limit_low",
    "high": "limit_high",
    "zone_low": "limit_zone_low",
    "zone_high": "limit_zone_high",
    "predicted": "limit_predicted",
    "predicted_low": "limit_predicted_low",
    "predicted_high": "limit_predicted_high",
    "mean_square": "limit_mean_square",
}


def limits(study: Study) -> pd.DataFrame:
    """A row for each cell of which a limit was predicted or measured; none in a study that knows of neither.

    status, basis, missing: codes of the cell's summary, "" where it has none. measured, low, high: the rate
    at which half of the replicates diverge, with its interval; zone_low, zone_high: the lowest rate at
    which one diverged and the highest at which one survived; predicted, with the ends of its interval where
    it is an estimate, and mean_square, the limit of the mean square; NaN where there is none. lowest,
    highest: rates of the sweep, between which the limit was looked for. ratio: measured / predicted;
    at_least, at_most: what is known of it where no run diverged, or all did, NaN elsewhere.
    """
    cells = study.cells
    known = cells.reindex(columns=[*CODES.values(), *NUMBERS.values()])
    codes = {name: known[column].astype(object).fillna("").astype(str) for name, column in CODES.items()}
    numbers = {name: known[column].astype(float) for name, column in NUMBERS.items()}
    swept = study.swept.groupby("key")["rate"]
    table = cells[["key", *AXES]].assign(**codes, **numbers)
    table["lowest"], table["highest"] = (cells["key"].map(ends) for ends in (swept.min(), swept.max()))
    for end in ("low", "high"):  # of a limit that was stored without its interval
        table[end] = table[end].fillna(table["measured"])
    table["ratio"] = table["measured"] / table["predicted"]
    for bound, end, status in (
        ("at_least", "highest", LimitStatus.ABOVE_GRID),
        ("at_most", "lowest", LimitStatus.BELOW_GRID),
    ):
        table[bound] = (table[end] / table["predicted"]).where(table["status"] == status)
    return table[(table["status"] != "") | (table["basis"] != "")].reset_index(drop=True)


def widths_of_limits(limits: pd.DataFrame) -> pd.DataFrame:
    """A row for each measured limit: `span`, the factor that its interval spans, and `zone`, the decades over
    which runs both diverge and survive, 0 where the change is sharp."""
    at = limits[limits["measured"] > 0]
    zone = np.log10((at["zone_high"] / at["zone_low"]).clip(lower=1).fillna(1))
    return at[["key", *AXES, "basis"]].assign(span=at["high"] / at["low"], zone=zone)


def agreement(limits: pd.DataFrame) -> pd.DataFrame:
    """A row for each basis of a prediction, the firmest first, over the cells that have both numbers.

    ratio: the median of measured / predicted as an Interval over the problems; least, most: its extremes.
    near, fair: how many cells agree to 1 % and to 10 %; worst: the key of the cell that agrees least, on
    a logarithmic scale.
    """
    both = limits[limits["ratio"] > 0]
    rows = []
    for basis in LimitBasis:
        at = both[both["basis"] == basis]
        if at.empty:
            continue
        ratio = at["ratio"].to_numpy()
        off = np.abs(np.log(ratio))
        rows.append(
            {
                "basis": basis.value,
                "cells": len(at),
                "problems": at["problem"].nunique(),
                "ratio": clustered(ratio, at["problem"], middle, border=1),
                "least": ratio.min(),
                "most": ratio.max(),
                "near": int((np.abs(ratio - 1) <= 0.01).sum()),
                "fair": int((np.abs(ratio - 1) <= 0.1).sum()),
                "worst": at["key"].iloc[int(off.argmax())],
            }
        )
    columns = ["basis", "cells", "problems", "ratio", "least", "most", "near", "fair", "worst"]
    return pd.DataFrame(rows, columns=columns)


def orders_compared(limits: pd.DataFrame) -> pd.DataFrame:
    """A row for each problem, optimizer and batch size of which the limit was measured both in reshuffled
    batches and in some drawn with replacement: `factor`, the first over the second."""
    table = limits.assign(**_strategies(limits))[
        ["problem", "optimizer", "size", "order", "measured"]
    ].dropna()
    wide = table.pivot_table(
        index=["problem", "optimizer", "size"], columns="order", values="measured", sort=False
    )
    drawn = [order for order in wide if ORDERS[str(order)].replacement]
    if USUAL not in wide or not drawn:
        return pd.DataFrame(columns=["problem", "optimizer", "size", "factor"])
    factors = [(wide[USUAL] / wide[order]).dropna().rename("factor").reset_index() for order in drawn]
    return pd.concat(factors, ignore_index=True)


def limit_by_batch(study: Study) -> pd.DataFrame:
    """A row for each problem, optimizer (and its `recursion`) and batch size: the predicted mean-square
    `limit` at this `size`."""
    empty = pd.DataFrame(columns=["problem", "optimizer", "recursion", "size", "limit"])
    if "limit_by_batch" not in study.cells:
        return empty
    known = study.cells.dropna(subset=["limit_by_batch"]).drop_duplicates(["problem", "optimizer"])
    rows = [
        {
            "problem": cell["problem"],
            "optimizer": cell["optimizer"],
            "recursion": study.recursions[cell["optimizer"]],
            "size": size,
            "limit": limit,
        }
        for cell in records(known)
        for size, limit in cell["limit_by_batch"].items()
    ]
    return pd.DataFrame(rows, columns=list(empty)).sort_values("size", kind="stable")


def measured_by_batch(study: Study, limits: pd.DataFrame) -> pd.DataFrame:
    """The measured limits with their batch `size` in samples (a full one's is the data's) and `order`, and
    the `recursion` of their optimizer."""
    samples = study.cells.set_index("key")["training_samples"]
    at = limits[limits["status"] == LimitStatus.MEASURED]
    strategies = _strategies(at)
    own = [study.recursions[optimizer] for optimizer in at["optimizer"]]
    recursions = pd.Series(own, index=at.index, dtype=object)
    size = strategies["size"].fillna(at["key"].map(samples))
    return at.assign(**strategies | {"size": size, "recursion": recursions})


def heavy_ball(recursion: Recursion | None) -> float | None:
    """b of a heavy ball, with weight decay or without; None of anything else."""
    b = recursion.momentum if recursion else 0.0
    if recursion is None or not b:
        return None
    return b if recursion == Recursion(1.0, b, b, 1.0, recursion.weight_decay) else None


def plain(recursion: Recursion | None) -> bool:
    """Whether a method is gradient descent and no more."""
    return recursion == Recursion()


def share_near(row: dict[str, object], column: str) -> Interval:
    """The share of a row of `agreement` whose cells agree so well."""
    whole = wilson(int(str(row[column])), int(str(row["cells"])))
    return allowed(whole, int(str(row["problems"])))


def _strategies(table: pd.DataFrame) -> dict[str, pd.Series]:
    strategies = [BatchStrategy.named(batch) for batch in table["batch"]]
    return {
        "size": pd.Series([s.size for s in strategies], index=table.index, dtype=float),
        "order": pd.Series([s.order for s in strategies], index=table.index, dtype=object),
    }
