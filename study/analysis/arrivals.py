"""Batch strategies on three axes: examples, updates and measured cost.

At an equal number of examples a small batch makes many more updates; at an equal number of updates a large
batch sees many more examples; and what an update costs depends on its batch, though not in proportion. So
which batch is faster depends on what is counted. Progress is always the full training loss, never that
of a mini-batch.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import AXES, Study
from overshoot.study.comparison import Comparison, allowed, allowed_band, clustered, over_replicates
from overshoot.study.draws import generator
from overshoot.study.phases.outcomes import TOLERANCES
from overshoot.study.phases.search import Claim
from overshoot.study.statistics import Interval, band, bootstrap, middle, profile

TARGET = max(TOLERANCES)
"""The training gap whose time is compared, the one that most runs reach."""

REDRAWN = 4096
"""Draws of a cell's replicates. All cells share them: with a few hundred an end of an interval lies a tenth
off, to one side."""

UNITS = {"examples": "examples processed", "updates": "updates", "milliseconds": "measured milliseconds"}
"""What time is counted in, and what the axis says."""


def costs(study: Study) -> pd.Series:
    """cell key -> seconds of an update, NaN where no time was kept.

    The seconds of the cell's sweep over the updates that all its trials made: what an update costs when
    many trials train as one stack, evaluations included, on the machine and under the load that there was.
    """
    swept = study.swept
    updates = study.cells["key"].map(swept.groupby("key")["updates"].sum())
    seconds = study.cells.get("seconds_sweep", pd.Series(np.nan, study.cells.index))
    return pd.Series((seconds / updates.where(updates > 0)).to_numpy(), study.cells["key"])


def arrivals(study: Study) -> pd.DataFrame:
    """The confirmed trials at tuned rates, a row each: the examples, updates and milliseconds until the
    training gap stays below TARGET, inf where it never does, as in the one row of a cell without a tuned
    rate; milliseconds are NaN where no time was kept."""
    tuned = study.tuned[Claim.SPEED].sort_values("replicate", kind="stable")
    hits = tuned[f"hit_{TARGET:g}"].where(~tuned["diverged"], np.inf)
    tuned = tuned[["key", *AXES, "replicate", "trial"]].assign(examples=hits)
    updates = pd.Series(np.inf, tuned.index)
    for key, rows in tuned.groupby("key", sort=False):
        updates[rows.index] = _updates(study.curves[str(key)], rows["examples"].to_numpy())
    tuned = tuned.assign(updates=updates)
    lost = study.cells[~study.cells["key"].isin(tuned["key"])][["key", *AXES]]
    lost = lost.assign(replicate="", examples=np.inf, updates=np.inf)
    table = pd.concat([tuned, lost], ignore_index=True)
    return table.assign(milliseconds=1000 * table["updates"] * table["key"].map(costs(study)))


def _updates(curves: pd.DataFrame, examples: np.ndarray) -> np.ndarray:
    """How many updates a cell's trials have made after `examples: (n,)`; inf after inf."""
    known = curves[["examples", "update"]].drop_duplicates("examples").sort_values("examples")
    updates = np.interp(examples, known["examples"], known["update"])
    return np.where(np.isinf(examples), np.inf, updates)


def arrived(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each optimizer and batch strategy, over all problems: of `runs`, how many `reached` the
    target, and for each of UNITS the middle time of its runs to it, an Interval, runs resampled within each
    problem; inf where half of them never reach it, None where no time was kept."""
    rows = []
    for (optimizer, batch), group in table.groupby(["optimizer", "batch"], sort=False):
        times = {unit: _middle(group, unit) for unit in UNITS}
        reached = int(np.isfinite(group["examples"]).sum())
        rows.append({"optimizer": optimizer, "batch": batch, "runs": len(group), "reached": reached} | times)
    return pd.DataFrame(rows)


def _middle(group: pd.DataFrame, unit: str) -> Interval | None:
    strata = _strata(group, unit)
    return None if np.isnan(strata).any() else allowed(bootstrap(strata, middle), len(strata))


def _strata(group: pd.DataFrame, unit: str) -> np.ndarray:
    """(problems, n) times of the runs of one optimizer and batch strategy; a problem with fewer runs than the
    others, having no tuned rate, has its own again."""
    each = [values.to_numpy() for _, values in group.groupby("problem", sort=False)[unit]]
    return np.stack([np.resize(values, max(map(len, each))) for values in each])


def shares(table: pd.DataFrame, unit: str, points: np.ndarray) -> dict[tuple[str, str], np.ndarray]:
    """(optimizer, batch) -> (3, m): the share of its runs on all problems that have reached the target after
    each of `points: (m,)` of a unit, and its bootstrap band."""
    return {
        (str(optimizer), str(batch)): allowed_band(band(profile(strata, points)), len(strata))
        for (optimizer, batch), group in table.groupby(["optimizer", "batch"], sort=False)
        for strata in (_strata(group, unit),)
    }


def ratios(study: Study, table: pd.DataFrame) -> dict[str, Comparison]:
    """For each of UNITS: how many times the largest batch's time the smallest needs, the median over the
    pairs of problem and optimizer, a Comparison. Where neither reaches the target it is 1, a tie."""
    large, *_, small = study.names.batches
    comparisons = {}
    for unit in UNITS:
        times = table.groupby(["problem", "optimizer", "batch"], sort=False)[unit].agg(_median).unstack()
        both = times.reindex(columns=[large, small]).dropna()
        if len(both):
            problems = both.index.get_level_values("problem")
            factors = _over(both[small].to_numpy(), both[large].to_numpy())
            by_problem = clustered(factors, problems, middle, border=1)
            drawn = (_redrawn(table, unit, batch).loc[list(both.index)] for batch in (small, large))
            ways = _over(*(way.to_numpy() for way in drawn))
            here = over_replicates(ways, problems, middle, value=by_problem.value, border=1)
            comparisons[unit] = Comparison(by_problem.value, here, by_problem)
    return comparisons


def _over(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b, where two infinities are equal."""
    return np.divide(a, b, out=np.ones(a.shape), where=~(np.isinf(a) & np.isinf(b)))


def _redrawn(table: pd.DataFrame, unit: str, batch: str) -> pd.DataFrame:
    """(pairs of problem and optimizer, REDRAWN): the median time of a cell's runs under as many draws of its
    replicates, the same ones in every cell."""
    count = table.groupby(["problem", "optimizer", "batch"], sort=False).size().max()
    picks = generator(np.arange(count)).integers(count, size=(REDRAWN, count))
    groups = table[table["batch"] == batch].groupby(["problem", "optimizer"], sort=False)[unit]
    rows = {
        key: np.asarray(middle(np.resize(values.to_numpy(), count)[picks]))
        for key, values in groups
        if values.notna().all()
    }
    return pd.DataFrame(np.stack([*rows.values()]), pd.MultiIndex.from_tuples([*rows]))


def _median(values: pd.Series) -> float:
    return float(middle(values.to_numpy())) if values.notna().all() else np.nan
