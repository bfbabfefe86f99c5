"""How rates move with the batch size, by optimizer: averaged over optimizers, opposite moves would cancel."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import Study
from overshoot.study.analysis.redrawn import Redrawn
from overshoot.study.comparison import Comparison, clustered, over_replicates
from overshoot.study.statistics import middle

MOVES = ("best", "sweep_boundary")
BEYOND = ("beyond_large", "beyond_small", "beyond_both")


def batch_shifts(study: Study, sensitivity: pd.DataFrame, ways: Redrawn) -> pd.DataFrame:
    """A row for each optimizer: `best` and `sweep_boundary`, by how many decades each moves from the largest
    batch to the smallest, the median over `pairs`, the problems that have both, as a Comparison. None without
    two batch strategies.

    Where there is no boundary on the grid the grid's end stands for it: what is known is that it lies there
    or beyond, and a median over the problems stays right while fewer than half of them are so. censored: how
    many pairs have such a side: the largest batch alone (beyond_large), the smallest, or both.
    """
    batches, columns = list(study.names.batches), ["optimizer", *MOVES, "pairs", "censored", *BEYOND]
    if len(batches) < 2:
        return pd.DataFrame(columns=columns)
    ends = batches[0], batches[-1]
    rows = []
    for optimizer in study.names.optimizers:
        own = sensitivity[sensitivity["optimizer"] == optimizer]
        sides = [own[own["batch"] == end] for end in ends]
        problems = [p for p in sides[0]["problem"] if p in set(sides[1]["problem"])]
        if not problems:
            continue
        large, small = (side.set_index("problem").loc[problems] for side in sides)
        beyond = [side["sweep_boundary"].isna().to_numpy() for side in (large, small)]
        counts = (beyond[0] & ~beyond[1], ~beyond[0] & beyond[1], beyond[0] & beyond[1])
        rows.append(
            {"optimizer": optimizer, "pairs": len(problems), "censored": int((beyond[0] | beyond[1]).sum())}
            | dict(zip(BEYOND, (int(count.sum()) for count in counts), strict=True))
            | {move: _shift(study, (large, small), ways, optimizer, move) for move in MOVES}
        )
    return pd.DataFrame(rows, columns=columns)


def _shift(
    study: Study, sides: tuple[pd.DataFrame, pd.DataFrame], ways: Redrawn, optimizer: str, move: str
) -> Comparison:
    large, small = sides
    rates = study.swept["rate"]
    end = rates.min() if move == "best" else rates.max()
    moved = np.log10((small[move].fillna(end) / large[move].fillna(end)).to_numpy())
    each = [
        ways.rows(move, optimizer=optimizer, batch=str(side["batch"].iloc[0])).loc[list(large.index)]
        for side in (large, small)
    ]
    drawn = np.log10(each[1].to_numpy() / each[0].to_numpy())
    value = float(middle(moved))
    return Comparison(
        value,
        over_replicates(drawn, large.index, middle, value=value, border=0),
        clustered(moved, large.index, middle, border=0),
    )


def updates(study: Study) -> dict[str, int]:
    """Batch strategy -> updates of a run at the same number of examples, the median over the problems."""
    counts = study.cells.drop_duplicates(["problem", "batch"]).groupby("batch")["updates_per_trial"].median()
    return {batch: int(counts[batch]) for batch in study.names.batches}
