"""All tables of a study, made once and handed to the figures, the sentences and the page."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from overshoot.study.analysis.batch_shifts import batch_shifts
from overshoot.study.analysis.chosen import chosen_curves, chosen_rates
from overshoot.study.analysis.diverged_runs import diverged, failed_above, failures_above, reasons
from overshoot.study.analysis.divergence_shares import above_best, by_strategy
from overshoot.study.analysis.frame import Study
from overshoot.study.analysis.limit_tables import limits
from overshoot.study.analysis.overview import optimization, selection
from overshoot.study.analysis.redrawn import Redrawn, redrawn
from overshoot.study.analysis.scores import duels, performance, ranking, replicates, tuning
from overshoot.study.analysis.sensitivity import rate_table, sensitivity
from overshoot.study.analysis.surface_paths import LossSurface, paths, surfaces
from overshoot.study.phases.search import Claim


@dataclass(frozen=True)
class Tables:
    """What the functions of this package say of one study; each field is named after its function. shares: of
    `by_strategy`."""

    study: Study
    rates: pd.DataFrame
    sensitivity: pd.DataFrame
    performance: pd.DataFrame
    chosen: pd.DataFrame
    curves: pd.DataFrame
    paths: pd.DataFrame
    surfaces: dict[str, LossSurface]
    duels: dict[str, pd.DataFrame]
    ranking: dict[str, pd.DataFrame]
    tuning: dict[str, pd.DataFrame]
    optimization: pd.DataFrame
    selection: pd.DataFrame
    diverged: pd.DataFrame
    above_best: pd.DataFrame
    shares: pd.DataFrame
    reasons: pd.DataFrame
    failed: pd.DataFrame
    failures: pd.DataFrame
    redrawn: Redrawn
    batch_shifts: pd.DataFrame
    limits: pd.DataFrame

    def claimed(self, claim: Claim) -> pd.DataFrame:
        """The performance at the rate that was tuned for a claim, and at the default one."""
        return self.performance[self.performance["claim"] == claim]


def analyse(study: Study) -> Tables:
    """Every table of the report. duels, ranking and tuning are of the scores `gap` (training), `loss`
    (validation) and `test_score`."""
    rates = rate_table(study)
    ranges = sensitivity(rates, study.tolerance)
    chosen = chosen_rates(rates, ranges)
    scores = {name: replicates(study, name) for name in ("gap", "loss", "test_score")}
    ranks = {name: ranking(study, values) for name, values in scores.items()}
    tuned = {name: tuning(study, values) for name, values in scores.items()}
    gone, failed, ways = diverged(study), failed_above(study, ranges), redrawn(study)
    above = above_best(study, ranges)
    shares = by_strategy(above)
    selected = {name: ranks[name] for name in ("loss", "test_score")}
    return Tables(
        study=study,
        rates=rates,
        sensitivity=ranges,
        performance=performance(study),
        chosen=chosen,
        curves=chosen_curves(study, chosen),
        paths=paths(study, chosen, ranges),
        surfaces=surfaces(study),
        duels={name: duels(study, scores[name]) for name in ("gap", "test_score")},
        ranking=ranks,
        tuning=tuned,
        optimization=optimization(study, scores["gap"], ranks["gap"], ranges, shares),
        selection=selection(study, selected, {name: tuned[name] for name in selected}),
        diverged=gone,
        above_best=above,
        shares=shares,
        reasons=reasons(gone),
        failed=failed,
        failures=failures_above(failed),
        redrawn=ways,
        batch_shifts=batch_shifts(study, ranges, ways),
        limits=limits(study),
    )
