"""How many examples the tuned optimizers need to reach a target: performance profiles.

Dolan & Moré (2002): of every run the time to the target as a multiple of the fastest optimizer's, on the
same problem with the same batches. The profile is the share of runs within a factor of the fastest. A run
that never reaches the target takes infinitely long, and stays in the count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import Study
from overshoot.study.analysis.rank_tables import ALL
from overshoot.study.comparison import Comparison, allowed, allowed_band, clustered, compare
from overshoot.study.phases.outcomes import TOLERANCES
from overshoot.study.phases.search import Claim
from overshoot.study.statistics import band, bootstrap, mean, profile, profile_area, time_ratios

REACH = 10.0
"""Profiles are drawn and integrated up to this multiple of the fastest optimizer's time."""
FACTORS = np.geomspace(1, REACH, 61)


@dataclass(frozen=True)
class Times:
    """Examples until the gap stays below `target`, inf where it never does.

    values: (strata, n, optimizers), a stratum for each problem and batch strategy in `strata`, n replicates
    that all optimizers share, each with its own initial weights and order of samples.
    """

    target: float
    optimizers: tuple[str, ...]
    strata: tuple[tuple[str, str], ...]
    values: np.ndarray

    def of(self, batch: str = ALL) -> np.ndarray:
        """The values of one batch strategy, or of all."""
        return self.values[[batch in (ALL, b) for _, b in self.strata]]


def times(study: Study, target: float) -> Times:
    """The times of the tuned rates on the fresh replicates, in the problems and batch strategies that all
    optimizers have a cell for. Where an optimizer has no tuned rate, they are infinite."""
    names = study.names
    has = study.cells.groupby(["problem", "batch"])["optimizer"].nunique()
    strata = [
        (p, b) for b in names.batches for p in names.problems if has.get((p, b), 0) == len(names.optimizers)
    ]
    tuned = study.tuned[Claim.SPEED]
    column = f"hit_{target:g}"
    # A run that came back from an excursion may have reached the target and diverged all the same.
    tuned = tuned.assign(time=tuned[column].where(~tuned["diverged"], np.inf))
    table = tuned.pivot(index=["problem", "batch", "replicate"], columns="optimizer", values="time")
    replicates = sorted(set(tuned["replicate"]))
    each = [(p, b, r) for p, b in strata for r in replicates]
    whole = table.reindex(index=each, columns=list(names.optimizers)).fillna(np.inf).to_numpy()
    shape = (len(strata), len(replicates), len(names.optimizers))
    return Times(target, tuple(names.optimizers), tuple(strata), whole.reshape(shape))


def profile_table(study: Study) -> pd.DataFrame:
    """A row for each target, batch strategy (and ALL) and optimizer.

    area: of the profile up to REACH, an Interval. reached: of `runs`, how many reached the target;
    share: as an Interval over the problems. band: (3, m) the profile at FACTORS and its bootstrap band.
    """
    rows = []
    for target in TOLERANCES:
        to_target = times(study, target)
        for batch in [ALL, *study.names.batches]:
            ratios = time_ratios(values) if (values := to_target.of(batch)).size else values
            for i, optimizer in enumerate(to_target.optimizers):
                if not (own := ratios[..., i]).size:
                    continue
                reached = np.isfinite(own)
                problems = np.repeat([p for p, b in to_target.strata if batch in (ALL, b)], own.shape[1])
                count = len(set(problems))
                rows.append(
                    {"target": target, "batch": batch, "optimizer": optimizer}
                    | {"area": allowed(bootstrap(profile_area(own, REACH), mean), count)}
                    | {"band": allowed_band(band(profile(own, FACTORS)), count)}
                    | {"reached": int(reached.sum()), "runs": own.size}
                    | {"share": allowed(clustered(reached.ravel(), problems, mean), count)}
                )
    columns = ["target", "batch", "optimizer", "area", "band", "reached", "runs", "share"]
    return pd.DataFrame(rows, columns=columns)


def lead(to_target: Times, a: str, b: str) -> Comparison:
    """How much larger the area of `a` is than that of `b`, run by run of the same replicate."""
    areas = profile_area(time_ratios(to_target.values), REACH)
    ahead = np.subtract(*(areas[..., to_target.optimizers.index(o)] for o in (a, b)))
    return compare(ahead, [problem for problem, _ in to_target.strata], mean, border=0)


def areas_by_problem(to_target: Times) -> pd.DataFrame:
    """(problems, optimizers): the mean area of each one's runs."""
    areas = profile_area(time_ratios(to_target.values), REACH).mean(axis=1)
    table = pd.DataFrame(areas, [problem for problem, _ in to_target.strata], list(to_target.optimizers))
    return table.groupby(level=0, sort=False).mean()
