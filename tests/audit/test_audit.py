"""A whole study, run and reported, and its summary recomputed from the stored curves."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from overshoot.study.tracking import StoredCell
from tests.audit.recompute import Audit, audit, numbers, unexplained
from tests.audit.summary import RECOMPUTED

FINDING = re.compile(
    r"^- \*\*(?:\[(?P<first>.*?)\]\(#what-the-study-found\)\*\*|(?P<claim>.*)\*\* \((?P<about>[^()]*)\)) "
    r"(?:\*Inconclusive\.\* )?(?P<evidence>.*?)(?: Runs: \[.*)?(?:\n\n  (?P<details>\w.*))?$",
    re.M,
)
"""One of the Markdown twin's: its claim and what it is about (of the first five the second alone, which links
to the first), its evidence, and the details below."""

FIRST = re.compile(r"^\d+\. \*\*(.*)\*\* \(([^()]*)\)$", re.M)
"""One of the first five: its claim, which stands at the top alone, and what it is about."""

NAMES = re.compile(r"\(batch \d+\)|mini-batch \d+|short run, 1/\d+ of the budget")
"""Numbers that belong to a name."""


@pytest.fixture(scope="session")
def recomputed(cells: list[StoredCell]) -> Audit:
    return audit(cells)


@pytest.fixture(scope="session")
def summary(results: Path) -> dict[str, str]:
    """What each finding of the report is about -> its sentences."""
    text = (results / "quick" / "report.md").read_text(encoding="utf-8").replace("\\", "")
    claims = {about: claim for claim, about in FIRST.findall(text)}
    return {
        about: NAMES.sub("", " ".join((claims[first] if first else claim, evidence, details)))
        for first, claim, other, evidence, details in FINDING.findall(text)
        for about in (first or other,)
    }


@pytest.mark.slow
def test_every_finding_is_recomputed(summary: dict[str, str]) -> None:
    """One that is new, or goes by another name, is not passed over."""
    assert summary.keys() == RECOMPUTED.keys()


@pytest.mark.slow
@pytest.mark.parametrize("about", RECOMPUTED)
def test_every_number_of_the_summary_is_what_the_curves_say(
    about: str, summary: dict[str, str], recomputed: Audit
) -> None:
    assert numbers(summary[about])
    assert "By rate over" in summary["Divergence"], "details are numbers too"
    assert not unexplained(summary[about], *RECOMPUTED[about](recomputed))


TIED = {
    "Edge of stability": (1, 0, 2),
    "Tuning": (0, 2, 1),
    "Two limits": (8, 0, 0, 1, 2, 3, 4),
    "Short run": (6, 7, 0, 1, 2, 4, 5, 3, 6, 7),
}
"""About -> which of the recomputed points its first numbers are, in their order; elsewhere any will do."""


@pytest.mark.slow
@pytest.mark.parametrize("about", TIED)
def test_the_first_numbers_stand_in_their_place(
    about: str, summary: dict[str, str], recomputed: Audit
) -> None:
    points, _ = RECOMPUTED[about](recomputed)
    first = numbers(summary[about])[: len(TIED[about])]
    assert len(first) == len(TIED[about])
    off = [
        written
        for (written, *_), place in zip(first, TIED[about], strict=True)
        if unexplained(written, [points[place]])
    ]
    assert not off


@pytest.mark.slow
def test_the_audit_sees_other_curves(cells: list[StoredCell], summary: dict[str, str]) -> None:
    """Losses of one optimizer three times as high after the start: its gaps and times are others.

    All its cells: the cells come in the order in which they finished, and the figures of one alone may be
    close enough to another's to pass.
    """
    other = audit([_higher(cell) if cell.tags["optimizer"] == "momentum" else cell for cell in cells])
    wrong = {about for about in RECOMPUTED if unexplained(summary[about], *RECOMPUTED[about](other))}
    trained = {"Tuned training", "Usable range", "Divergence", "Speed", "Ranks"}
    limited = {"Stability limit", "Two limits", "Momentum", "Short run"}
    assert trained | limited <= wrong


def _higher(cell: StoredCell) -> StoredCell:
    factor = np.where(cell.curves["examples"] > 0, 3.0, 1.0)
    higher = cell.curves.assign(train_loss=cell.curves["train_loss"] * factor)
    return dataclasses.replace(cell, read_curves=lambda: higher)


def test_numbers_are_read_as_the_report_writes_them() -> None:
    text = "1,080 runs, −1.9 decades, 2.2·10⁻⁴, 10⁻⁵ and 64\u202f%"
    assert [value for _, value, _ in numbers(text)] == pytest.approx([1080, -1.9, 2.2e-4, 1e-5, 64])


def test_a_number_that_is_off_in_its_last_digit_is_not_explained() -> None:
    assert unexplained("3 of 12 cells, 0.57", [3, 12, 0.571]) == []
    assert unexplained("3 of 12 cells, 0.58", [3, 12, 0.571]) == ["0.58"]
    assert unexplained("[0.55, 0.60]", [], [(0.54, 0.56), (0.58, 0.59)]) == ["0.60"]
