"""No verdict of the summary hangs on the luck of a seed. On another processor, with other replicates, none
passes to another optimizer; a lead near its border may come or go, and few do.

A verdict is what a claim says without its numbers, who and which way, and whether it is inconclusive.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pytest

from overshoot.study import draws
from overshoot.study.analysis import gather
from overshoot.study.analysis.study_tables import Tables, analyse
from overshoot.study.comparison import FEW
from overshoot.study.figures.theme import looks
from overshoot.study.findings.headlines import Finding, findings
from overshoot.study.phases.edge import Edge
from overshoot.study.phases.short_run import ShortRun, ShortRunSummary
from overshoot.study.report.sections import sections
from overshoot.study.tracking import StoredCell
from tests.audit.other_machine import other_machine
from tests.audit.recompute import audit, unexplained
from tests.audit.summary import steadiness

NUMBER = re.compile(r"[−<>]?\d[\d,.]*(?:·?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|−?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
Verdicts = dict[str, tuple[str, bool]]

COMING = 3
"""Verdicts that may come or go with the replicates."""


def found_in(tables: Tables) -> list[Finding]:
    """All findings of the report."""
    names = tables.study.names
    parts = sections(tables, looks(names.optimizers, names.batches))
    return [*findings(tables), *(finding for part in parts for finding in part.findings)]


def verdicts(tables: Tables) -> Verdicts:
    """What each finding of the report is about -> its claim without numbers, whether it is inconclusive."""
    made = found_in(tables)
    return {finding.about: (NUMBER.sub("#", finding.claim), finding.inconclusive) for finding in made}


@pytest.fixture(scope="module")
def tables(many: Sequence[StoredCell]) -> Tables:
    return analyse(gather(many))


@pytest.fixture(scope="module")
def stored(tables: Tables) -> Verdicts:
    return verdicts(tables)


@pytest.mark.slow
def test_there_are_verdicts_that_could_change(tables: Tables, stored: Verdicts) -> None:
    """Enough problems for leaders, and every kind of evidence."""
    assert tables.study.cells["problem"].nunique() > FEW
    assert not any("too few" in claim for claim, _ in stored.values())
    assert {"Edge of stability", "Short run", "Ranks", "Steadiness", "Speed", "Plateaus"} <= stored.keys()
    assert {unclear for _, unclear in stored.values()} == {False, True}


@pytest.mark.slow
@pytest.mark.parametrize("luck", range(1, 5))
def test_another_seed_changes_no_verdict(
    tables: Tables, stored: Verdicts, monkeypatch: pytest.MonkeyPatch, luck: int
) -> None:
    monkeypatch.setattr(draws, "LUCK", luck)
    assert verdicts(tables) == stored


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_another_machine_and_other_replicates_name_nobody_else(
    many: Sequence[StoredCell], tables: Tables, stored: Verdicts, seed: int
) -> None:
    moved = verdicts(analyse(gather(other_machine(many, np.random.default_rng(seed)))))
    assert moved.keys() == stored.keys()
    changed = [about for about in stored if moved[about] != stored[about]]
    assert len(changed) <= COMING, changed
    for about in changed:
        ours, theirs = (_named(found[about][0], tables) for found in (stored, moved))
        assert not {said for said in ours.keys() & theirs.keys() if ours[said] != theirs[said]}, about


def _named(claim: str, tables: Tables) -> dict[str, list[str]]:
    """What a claim says of somebody -> of whom."""
    labels = sorted(tables.study.names.optimizers.values(), key=len, reverse=True)
    who = re.compile("|".join(map(re.escape, labels)))
    each = {who.sub("@", clause): who.findall(clause) for clause in re.split("[.;:]", claim)}
    return {said: names for said, names in each.items() if names}


@pytest.mark.slow
def test_steadiness_is_what_the_curves_say(many: Sequence[StoredCell], tables: Tables) -> None:
    """A report of few problems, which the audit reads, leaves it out."""
    said = next(finding for finding in found_in(tables) if finding.about == "Steadiness")
    assert "Kendall" in said.evidence
    assert not unexplained(f"{said.claim} {said.evidence}", *steadiness(audit(many)))


@pytest.mark.slow
def test_a_lead_that_passes_to_another_is_seen(tables: Tables) -> None:
    said = [_named(f"{name} forgives most; Adam forgives least.", tables) for name in ("Nesterov", "Adam")]
    assert said[0].keys() == said[1].keys()
    assert said[0]["@ forgives most"] != said[1]["@ forgives most"]
    assert _named("No optimizer clearly forgives most.", tables) == {}


@pytest.mark.slow
def test_the_other_machine_is_another_one(many: Sequence[StoredCell]) -> None:
    """Its numbers differ, and by more than rounding where replicates were drawn anew; so does the sharpness
    along training."""
    cell = next(cell for cell in many if Edge.name in cell.summary.parts)
    other = other_machine([cell], np.random.default_rng(0))[0]
    sharp = [table.curves["sharpness"].dropna().to_numpy() for table in (cell, other)]
    assert 0 < np.abs(sharp[1] / sharp[0] - 1).max() < 0.05
    ends = [table.trials["q_end"].to_numpy() for table in (cell, other)]
    lasted = np.isfinite(ends).all(axis=0)
    apart = np.abs(ends[1][lasted] / ends[0][lasted] - 1)
    assert (apart > 0).mean() > 0.8
    assert (apart > 1e-3).mean() > 0.1
    assert list(other.trials.columns) == list(cell.trials.columns)


@pytest.mark.slow
def test_the_short_run_of_other_replicates_forecasts_other_limits(many: Sequence[StoredCell]) -> None:
    """In many cells: in one, the middle replicate may be drawn again, or all may have said the same."""
    moved = other_machine(many, np.random.default_rng(0))
    forecasts = [
        tuple(table.summary.part(ShortRunSummary).limit_forecast for table in pair)
        for pair in zip(many, moved, strict=True)
        if ShortRun.name in pair[0].summary.parts
    ]
    assert sum(ours != theirs for ours, theirs in forecasts) > len(forecasts) / 4


@pytest.mark.slow
def test_without_noise_and_with_its_own_replicates_a_machine_agrees_with_itself(
    many: Sequence[StoredCell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the stored tables say of a run is what its curve says."""

    class Same(np.random.Generator):
        def choice(self, a, *_, **__):  # each replicate is drawn for itself
            return np.asarray(a)

        def integers(self, *_, **__):  # and each rate
            return np.int64(0)

    monkeypatch.setattr("tests.audit.other_machine.ROUNDING", 0.0)
    monkeypatch.setattr("tests.audit.other_machine.ESTIMATE", 0.0)
    cell = next(cell for cell in many if {Edge.name, ShortRun.name} <= cell.summary.parts.keys())
    other = other_machine([cell], Same(np.random.PCG64(0)))[0]
    names = ["outcome", "reason", "q_end", "peak", "hit_0.1", "train_loss", "validation_loss"]
    assert other.trials[names].equals(cell.trials[names])
    assert other.curves.drop(columns="trial").equals(cell.curves.drop(columns="trial"))
    assert other.summary == cell.summary
