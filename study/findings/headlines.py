"""What the study found over all problems: for each theme one claim, and what it rests on."""

from __future__ import annotations

from overshoot.study.analysis.study_tables import Tables
from overshoot.study.findings import few_problems
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.divergence import diverged, plateaus
from overshoot.study.findings.held_out import selection, tuning_pays
from overshoot.study.findings.ranges import batch_size, usable_range
from overshoot.study.findings.training_claims import tuned_gap
from overshoot.study.findings.trust import trust
from overshoot.study.findings.windows import end_window

MAKERS = (tuned_gap, usable_range, batch_size, diverged, plateaus, tuning_pays, selection, trust, end_window)

SEEN = (
    few_problems.tuned_gap,
    few_problems.usable_range,
    batch_size,
    few_problems.diverged,
    few_problems.plateaus,
    few_problems.tuning_pays,
    trust,
)
"""The makers of a study of few problems: what was seen there."""


def findings(tables: Tables) -> list[Finding]:
    """What the study found, the most general first; what it has no data for is left out."""
    makers = SEEN if tables.study.few else MAKERS
    return [finding for maker in makers if (finding := maker(tables)) is not None]


__all__ = ["Finding", "RunLink", "findings", "runs_of"]
