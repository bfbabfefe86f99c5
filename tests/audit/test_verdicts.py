"""No verdict of the summary hangs on the luck of a seed, on the processor, or on which replicates were drawn.

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
from overshoot.study.figures.theme import looks
from overshoot.study.findings.headlines import findings
from overshoot.study.report.sections import sections
from overshoot.study.tracking import StoredCell
from tests.audit.other_machine import other_machine

NUMBER = re.compile(r"[−<>]?\d[\d,.]*(?:·?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)?|−?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")
Verdicts = dict[str, tuple[str, bool]]


def verdicts(tables: Tables) -> Verdicts:
    """What each finding of the summary is about -> its claim without numbers, whether it is inconclusive."""
    names = tables.study.names
    parts = sections(tables, looks(names.optimizers, names.batches))
    made = [*findings(tables), *(part.findings[0] for part in parts if part.findings)]
    return {finding.about: (NUMBER.sub("#", finding.claim), finding.inconclusive) for finding in made}


@pytest.fixture(scope="module")
def tables(cells: Sequence[StoredCell]) -> Tables:
    return analyse(gather(cells))


@pytest.fixture(scope="module")
def stored(tables: Tables) -> Verdicts:
    return verdicts(tables)


@pytest.mark.slow
def test_another_seed_changes_no_verdict(
    tables: Tables, stored: Verdicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draws, "LUCK", 1)
    assert verdicts(tables) == stored


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_another_machine_and_other_replicates_change_no_verdict(
    cells: Sequence[StoredCell], stored: Verdicts, seed: int
) -> None:
    moved = other_machine(cells, np.random.default_rng(seed))
    assert verdicts(analyse(gather(moved))) == stored


@pytest.mark.slow
def test_the_other_machine_is_another_one(cells: Sequence[StoredCell]) -> None:
    """Its numbers differ, and by more than rounding where replicates were drawn anew."""
    cell, other = cells[0], other_machine(cells[:1], np.random.default_rng(0))[0]
    ends = [table.trials["q_end"].to_numpy() for table in (cell, other)]
    lasted = np.isfinite(ends).all(axis=0)
    apart = np.abs(ends[1][lasted] / ends[0][lasted] - 1)
    assert (apart > 0).mean() > 0.8
    assert (apart > 1e-3).mean() > 0.1
    assert list(other.trials.columns) == list(cell.trials.columns)


@pytest.mark.slow
def test_without_noise_and_with_its_own_replicates_a_machine_agrees_with_itself(
    cells: Sequence[StoredCell], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the stored tables say of a run is what its curve says."""

    class Same(np.random.Generator):
        def choice(self, a, *_, **__):  # each replicate is drawn for itself
            return np.asarray(a)

        def integers(self, *_, **__):  # and each rate
            return np.int64(0)

    monkeypatch.setattr("tests.audit.other_machine.ROUNDING", 0.0)
    cell = cells[0]
    other = other_machine([cell], Same(np.random.PCG64(0)))[0]
    names = ["outcome", "reason", "q_end", "peak", "hit_0.1", "train_loss", "validation_loss"]
    assert other.trials[names].equals(cell.trials[names])
    assert other.curves.drop(columns="trial").equals(cell.curves.drop(columns="trial"))
    assert other.summary == cell.summary
