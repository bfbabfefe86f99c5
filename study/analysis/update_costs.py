"""What an update costs: each optimizer's time against gradient descent's, in the same cells."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.arrivals import costs
from overshoot.study.analysis.frame import AXES, Study
from overshoot.study.comparison import clustered
from overshoot.study.statistics import middle

BASE = "sgd"
"""The optimizer whose update is the unit."""


def update_costs(study: Study) -> pd.DataFrame:
    """A row for each optimizer, the cheapest first: over its `pairs` of problem and batch strategy that BASE
    has as well the median `ratio` of the two times of an update, an Interval over the problems, and the
    median `microseconds` of its own. Empty without BASE or where no time was kept."""
    timed = study.cells[["key", *AXES]].assign(seconds=study.cells["key"].map(costs(study)))
    wide = timed.pivot(index=["problem", "batch"], columns="optimizer", values="seconds")
    rows = []
    for optimizer in study.names.optimizers if BASE in wide else ():
        own = wide[optimizer][wide[[BASE, optimizer]].notna().all(axis=1)]
        if own.empty:
            continue
        ratio = (own / wide[BASE].loc[own.index]).to_numpy()
        problems = own.index.get_level_values("problem")
        rows.append(
            {"optimizer": optimizer, "pairs": len(own), "ratio": clustered(ratio, problems, middle)}
            | {"microseconds": float(np.median(own)) * 1e6}
        )
    table = pd.DataFrame(rows, columns=["optimizer", "pairs", "ratio", "microseconds"])
    return table.iloc[np.argsort([ratio.value for ratio in table["ratio"]], kind="stable")]
