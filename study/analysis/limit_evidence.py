"""All tables on where runs begin to diverge: limits, the edge of stability, floors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from overshoot.core.batches import USUAL
from overshoot.study.analysis.limit_forecasts import limit_forecasts, predictors_compared, with_forecasts
from overshoot.study.analysis.limit_tables import (
    agreement,
    heavy_ball,
    limit_by_batch,
    measured_by_batch,
    orders_compared,
    plain,
)
from overshoot.study.analysis.noise_floors import floors, noise, noise_agreement, slopes
from overshoot.study.analysis.sharpness_runs import edge_runs
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import clustered
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.statistics import Interval, middle


@dataclass(frozen=True)
class LimitEvidence:
    """The tables behind the section, each named after the function that makes it, with `limits`, and
    `forecasts` and `predictors` of study.analysis.limit_forecasts and `ways` of limit_draws."""

    limits: pd.DataFrame
    agreement: pd.DataFrame
    orders: pd.DataFrame
    by_batch: pd.DataFrame
    measured: pd.DataFrame
    edge: pd.DataFrame
    floors: pd.DataFrame
    slopes: pd.DataFrame
    noise: pd.DataFrame
    noise_agreement: pd.DataFrame
    forecasts: pd.DataFrame
    predictors: pd.DataFrame
    ways: dict[str, np.ndarray]

    @property
    def predicted(self) -> pd.DataFrame:
        """`limits` with the best prediction that is known before training: theory's where that is of single
        runs on least squares, the short run's on networks."""
        return with_forecasts(self.limits, self.forecasts)

    @property
    def empty(self) -> bool:
        """Whether the study knows nothing of limits, edges and floors."""
        return all(table.empty for table in (self.limits, self.edge, self.noise))


def limit_evidence(tables: Tables) -> LimitEvidence:
    """All that the section shows of a study; tables of what its runs do not have are empty."""
    study, limits = tables.study, tables.limits
    plateaus = floors(study, tables.sensitivity, limits)
    runs = noise(study)
    ways = tables.limit_ways
    forecasts = limit_forecasts(study, limits)
    return LimitEvidence(
        limits=limits,
        agreement=agreement(limits, ways),
        orders=orders_compared(limits[limits["basis"] == LimitBasis.ALMOST_SURE]),
        by_batch=limit_by_batch(study),
        measured=measured_by_batch(study, limits),
        edge=edge_runs(study),
        floors=plateaus,
        slopes=slopes(plateaus),
        noise=runs,
        noise_agreement=noise_agreement(runs),
        forecasts=forecasts,
        predictors=predictors_compared(forecasts, ways),
        ways=ways,
    )


def pairs(by_batch: pd.DataFrame) -> list[tuple[str, pd.DataFrame, pd.DataFrame, float]]:
    """(problem, limits of gradient descent, limits of a heavy ball, its b) of every problem with both."""
    matched = []
    for problem, at in by_batch.groupby("problem", sort=False):
        descent = at[at["recursion"].map(plain)]
        for _, heavy in at.groupby("optimizer", sort=False):
            b = heavy_ball(heavy["recursion"].iloc[0])
            if b is not None and len(descent) and len(heavy):
                matched.append((str(problem), descent, heavy, b))
    return matched


def slopes_by_optimizer(slopes: pd.DataFrame) -> dict[str, Interval]:
    """optimizer -> the median of its cells' slopes."""
    return {
        str(optimizer): clustered(np.array([slope.value for slope in at["slope"]]), at["problem"], middle)
        for optimizer, at in slopes.groupby("optimizer", sort=False)
    }


def measured_ratios(measured: pd.DataFrame, method: str) -> Sequence[tuple[float, float]]:
    """(batch size, measured limit over gradient descent's) at the smallest and the largest size of both."""
    usual = measured[measured["order"] == USUAL].set_index(["optimizer", "size"])["measured"]
    known = [str(name) for name in usual.index.get_level_values(0).unique()]
    descent = next((str(name) for name in measured.loc[measured["recursion"].map(plain), "optimizer"]), None)
    if descent not in known or method not in known:
        return []
    ratio = (usual[method] / usual[descent]).dropna().sort_index()
    places = list(dict.fromkeys([0, len(ratio) - 1])) if len(ratio) else []
    return [(float(ratio.index[i]), float(ratio.iloc[i])) for i in places]
