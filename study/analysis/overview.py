"""Each optimizer with each batch strategy, over all problems."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import Study
from overshoot.study.analysis.scores import Replicates, verdicts
from overshoot.study.comparison import allowed, clustered
from overshoot.study.phases.search import Claim
from overshoot.study.statistics import Interval, bootstrap, middle


def optimization(
    study: Study, gaps: Replicates, ranks: pd.DataFrame, sensitivity: pd.DataFrame, shares: pd.DataFrame
) -> pd.DataFrame:
    """A row for each optimizer and batch strategy.

    rank: mean rank of the tuned gap over the problems. tuned, default: interquartile mean of log10 gap
    over all problems' replicates, an Interval; None where no cell has that rate. width: the same of the
    usable range in decades, over the problems. margin: median distance to the sweep boundary in decades, NaN
    without any; boundaries: problems that have one. diverged: the one in `shares`, just above the best rate,
    an Interval; None without one. tuned_diverged, tuned_runs: counts of the confirmed trials at the tuned
    rate.
    """
    tuned = study.tuned[Claim.TRAINING]
    rows = []
    for optimizer in study.names.optimizers:
        for batch in study.names.batches:
            at = _at(sensitivity, optimizer, batch)
            if at.empty:
                continue
            runs, above = _at(tuned, optimizer, batch)["diverged"], _at(shares, optimizer, batch)["share"]
            margins = at["margin"].dropna().to_numpy()
            rows.append(
                {"optimizer": optimizer, "batch": batch, "rank": rank(ranks, optimizer, batch)}
                | {role: pooled(gaps, optimizer, batch, role) for role in ("tuned", "default")}
                | {
                    "width": allowed(clustered(at["width"].to_numpy(), at["problem"]), len(at)),
                    "margin": float(middle(margins)) if len(margins) else np.nan,
                    "boundaries": len(margins),
                    "problems": len(at),
                    "diverged": above.iloc[0] if len(above) else None,
                    "tuned_diverged": int(runs.sum()),
                    "tuned_runs": len(runs),
                }
            )
    return pd.DataFrame(rows)


def selection(study: Study, ranks: dict[str, pd.DataFrame], tuned: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """A row for each optimizer and batch strategy.

    For each score in `ranks` its mean rank as a column of that name; for each score in `tuned` on how many
    problems the tuned rate did better than the default, worse, and no differently, as `{score}_verdicts`.
    """
    first = next(iter(ranks.values()))
    rows = []
    for optimizer in study.names.optimizers:
        for batch in study.names.batches:
            if _at(first, optimizer, batch).empty:
                continue
            rows.append(
                {"optimizer": optimizer, "batch": batch}
                | {name: rank(table, optimizer, batch) for name, table in ranks.items()}
                | {
                    f"{name}_verdicts": verdicts(_at(table, optimizer, batch)["verdict"])
                    for name, table in tuned.items()
                }
            )
    return pd.DataFrame(rows)


def pooled(scores: Replicates, optimizer: str, batch: str, role: str) -> Interval | None:
    """Interquartile mean of log10 of the scores over all problems, with replicates resampled within each."""
    own = [v for (_, o, b, r), v in scores.items() if (o, b, r) == (optimizer, batch, role)]
    return allowed(bootstrap(np.log10(np.stack(own))), len(own)) if own else None


def rank(ranks: pd.DataFrame, optimizer: str, batch: str) -> float:
    """Its mean rank; NaN where there is nobody to rank it against, and of a single problem."""
    ranked = _at(ranks, optimizer, batch)
    known = len(ranked) and min(ranked["problems"].iloc[0], ranked["optimizers"].iloc[0]) > 1
    return float(ranked["rank"].iloc[0]) if known else np.nan


def _at(table: pd.DataFrame, optimizer: str, batch: str) -> pd.DataFrame:
    return table[(table["optimizer"] == optimizer) & (table["batch"] == batch)]
