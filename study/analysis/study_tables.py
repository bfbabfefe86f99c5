"""All tables of a study, each made once, for the figures, the sentences and the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from overshoot.study.analysis.batch_shifts import batch_shifts
from overshoot.study.analysis.chosen import chosen_curves, chosen_rates
from overshoot.study.analysis.diverged_runs import diverged, failed_above, failures_above, reasons
from overshoot.study.analysis.divergence_shares import above_best, by_strategy
from overshoot.study.analysis.frame import Study
from overshoot.study.analysis.limit_draws import limit_ways
from overshoot.study.analysis.limit_tables import limits
from overshoot.study.analysis.overview import optimization, selection
from overshoot.study.analysis.redrawn import Redrawn, redrawn
from overshoot.study.analysis.scores import Replicates, duels, performance, ranking, replicates, tuning
from overshoot.study.analysis.sensitivity import rate_table, sensitivity
from overshoot.study.analysis.surface_paths import LossSurface, paths, surfaces
from overshoot.study.phases.search import Claim

T = TypeVar("T")
Start = Callable[[Callable[[], T]], Callable[[], T]]
"""Begins a task elsewhere; what it returns waits for the result."""


@dataclass(frozen=True)
class Tables:
    """What the functions of this package say of one study; each table is named after its function, and made
    when it is first asked for: what is drawn first waits for few of them. duels, ranking and tuning are of
    the scores `gap` (training), `loss` (validation) and `test_score`. begun: name of a table -> what waits
    for it, where another process makes it."""

    study: Study
    begun: Mapping[str, Callable[[], Any]] = field(default_factory=dict)

    @cached_property
    def rates(self) -> pd.DataFrame:
        return rate_table(self.study)

    @cached_property
    def sensitivity(self) -> pd.DataFrame:
        return sensitivity(self.rates, self.study.tolerance)

    @cached_property
    def performance(self) -> pd.DataFrame:
        return self._made(performance)

    @cached_property
    def chosen(self) -> pd.DataFrame:
        return chosen_rates(self.rates, self.sensitivity)

    @cached_property
    def curves(self) -> dict[str, pd.DataFrame]:
        return chosen_curves(self.study, self.chosen)

    @cached_property
    def paths(self) -> pd.DataFrame:
        return paths(self.study, self.chosen, self.sensitivity)

    @cached_property
    def surfaces(self) -> dict[str, LossSurface]:
        return surfaces(self.study)

    @cached_property
    def duels(self) -> dict[str, pd.DataFrame]:
        return {name: duels(self.study, self._scores[name]) for name in ("gap", "test_score")}

    @cached_property
    def ranking(self) -> dict[str, pd.DataFrame]:
        return {name: ranking(self.study, values) for name, values in self._scores.items()}

    @cached_property
    def tuning(self) -> dict[str, pd.DataFrame]:
        return {name: tuning(self.study, values) for name, values in self._scores.items()}

    @cached_property
    def optimization(self) -> pd.DataFrame:
        scores, ranks = self._scores["gap"], self.ranking["gap"]
        return optimization(self.study, scores, ranks, self.sensitivity, self.shares)

    @cached_property
    def selection(self) -> pd.DataFrame:
        scores = ("loss", "test_score")
        return selection(
            self.study, *({name: of[name] for name in scores} for of in (self.ranking, self.tuning))
        )

    @cached_property
    def diverged(self) -> pd.DataFrame:
        return diverged(self.study)

    @cached_property
    def above_best(self) -> pd.DataFrame:
        return above_best(self.study, self.sensitivity)

    @cached_property
    def shares(self) -> pd.DataFrame:
        """Of `by_strategy`."""
        return by_strategy(self.above_best)

    @cached_property
    def reasons(self) -> pd.DataFrame:
        return reasons(self.diverged)

    @cached_property
    def failed(self) -> pd.DataFrame:
        return failed_above(self.study, self.sensitivity)

    @cached_property
    def failures(self) -> pd.DataFrame:
        return failures_above(self.failed)

    @cached_property
    def redrawn(self) -> Redrawn:
        return self._made(redrawn)

    @cached_property
    def limit_ways(self) -> dict[str, np.ndarray]:
        return self._made(limit_ways)

    @cached_property
    def batch_shifts(self) -> pd.DataFrame:
        return batch_shifts(self.study, self.sensitivity, self.redrawn)

    @cached_property
    def limits(self) -> pd.DataFrame:
        return limits(self.study)

    @cached_property
    def _scores(self) -> dict[str, Replicates]:
        return {name: replicates(self.study, name) for name in ("gap", "loss", "test_score")}

    def claimed(self, claim: Claim) -> pd.DataFrame:
        """The performance at the rate that was tuned for a claim, and at the default one."""
        return self._claimed[claim]

    @cached_property
    def _claimed(self) -> dict[Claim, pd.DataFrame]:
        return {claim: self.performance[self.performance["claim"] == claim] for claim in Claim}

    def _made(self, make: Callable[[Study], T]) -> T:
        begun = self.begun.get(make.__name__)
        return begun() if begun else make(self.study)


AHEAD = (performance, redrawn, limit_ways)
"""Take seconds and need no curves: other processes can make them meanwhile, what is asked for first first."""


def analyse(study: Study, start: Start[Any] | None = None) -> Tables:
    """The tables of a study, none of them made yet, those of AHEAD begun where there is a `start`."""
    if start is None:
        return Tables(study)
    bare = replace(study, curves={})
    return Tables(study, {make.__name__: start(partial(make, bare)) for make in AHEAD})
