"""What the study found over all problems: for each theme one claim, and what it rests on."""

from __future__ import annotations

from overshoot.study.analysis.study_tables import Tables
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.divergence import diverged, plateaus
from overshoot.study.findings.held_out import selection, tuning_pays
from overshoot.study.findings.ranges import batch_size, usable_range
from overshoot.study.findings.training_claims import tuned_gap
from overshoot.study.findings.trust import trust
from overshoot.study.findings.windows import end_window

MAKERS = (tuned_gap, usable_range, batch_size, diverged, plateaus, tuning_pays, selection, trust, end_window)


def findings(tables: Tables) -> list[Finding]:
    """What the study found, the most general first; what it has no data for is left out."""
    return [finding for maker in MAKERS if (finding := maker(tables)) is not None]


__all__ = ["Finding", "RunLink", "findings", "runs_of"]
