"""What reports of few problems say: what was seen there, with no verdict, interval or test over problems."""

import re
from functools import cache
from pathlib import Path

import pytest

from overshoot.study.analysis import gather
from overshoot.study.report import render
from tests.planted_cells import INF, VALLEY, planted
from tests.report.test_report import Parsed

PLATEAU = VALLEY | {10.0: 0.4, 100.0: [0.6, INF]}
GAPS = {"sgd": (0.02, 0.021, 0.022, 0.03), "momentum": (0.012, 0.013, 0.014, 0.015)}
LIMIT = {"limit_predicted": 2.0, "limit_basis": "exact", "limit_measured": 2.1}
STUDIES = {
    "one cell": (["p"], ["sgd"], ["full"]),
    "two cells": (["p"], ["sgd", "adam"], ["full"]),
    "one problem": (["p"], ["sgd", "momentum", "adam"], ["full", "1"]),
    "two problems": (["p", "q"], ["sgd", "momentum", "adam"], ["full", "1"]),
}
VERDICTS = (
    r"\bclear(ly)?\b|inconclusive|probabilit|\bbeats\b|Friedman|Nemenyi|Kendall|Holm|τ|critical distance|"
    r"distinguish|resampl|significan|\bleads in\b|leader|bootstrap|Wilson|95.%"
)
"""Words of verdicts, of the tests and of the intervals that they rest on."""
INTERVAL = r"\d\s?\[[−\d]|\(\[|\[[−\d.]+,\s?[−\d.]+\]"
OF_A_CELL = r"with its 95.% (bootstrap )?interval|with its 95.% interval where it is an estimate"
"""What a column says of one cell's own numbers, over its replicates."""


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("small")

    @cache
    def report(name: str) -> Path:
        problems, optimizers, batches = STUDIES[name]
        cells = [
            planted(
                p,
                o,
                b,
                VALLEY if o == "sgd" else PLATEAU,
                tuned=GAPS.get(o, (0.01, 0.011, 0.012, 0.013)),
                hits=(100.0, 110.0, 120.0, 130.0),
                **({} if o == "adam" else LIMIT),
            )
            for p in problems
            for o in optimizers
            for b in batches
        ]
        render(name, name, gather(cells), {}, folder / name, workers=1)
        return folder / name

    return report


def sentences(report: Path) -> str:
    """All text of the Markdown twin that stands in no table's row."""
    lines = (report / "report.md").read_text(encoding="utf-8").replace("\u202f", " ").splitlines()
    return "\n".join(re.sub(r"\(http\S*\)", "", line) for line in lines if not line.startswith("|"))


def rows(report: Path) -> list[str]:
    """The rows of its tables that are of no single cell: those lead to no run of one."""
    lines = (report / "report.md").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line.startswith("|") and "/runs/" not in line]


@pytest.mark.parametrize("name", STUDIES)
def test_nothing_is_concluded_from_few_problems(reports, name: str) -> None:
    said = re.sub(OF_A_CELL, "", sentences(reports(name)))
    assert not [line for line in said.splitlines() if re.search(VERDICTS, line)]
    assert not [line for line in said.splitlines() if re.search(INTERVAL, line)]
    assert rows(reports(name))
    assert not [row for row in rows(reports(name)) if re.search(INTERVAL, row)]


@pytest.mark.parametrize("name", STUDIES)
@pytest.mark.parametrize("page", ["report.html", "evidence.html"])
def test_the_pages_conclude_nothing_either(reports, name: str, page: str) -> None:
    text = Parsed((reports(name) / page).read_text(encoding="utf-8")).text.replace("\u00a0", " ")
    found = [text[max(0, m.start() - 80) : m.end() + 80] for m in re.finditer(VERDICTS, text)]
    assert not found


@pytest.mark.parametrize("name", ["one cell", "two cells", "one problem"])
def test_of_one_problem_there_is_no_rank_and_no_range(reports, name: str) -> None:
    assert rows(reports(name))
    text = "\n".join([sentences(reports(name)), *rows(reports(name))])
    assert not re.findall(r".*\branks?\b.*", text)
    assert not re.findall(r".*\d\s?\([−\d.]+ to [−\d.]+\).*", text.replace("\u00a0", " "))
    assert not re.findall(r".*by problem\b.*", text.replace("Problem by problem", ""))


@pytest.mark.parametrize("name", ["one cell", "two cells"])
def test_one_or_two_cells_are_named_and_not_counted(reports, name: str) -> None:
    text = sentences(reports(name))
    assert not re.findall(r".*(?:furthest off|\bof 1 \w+|median over 1 |mean over 1 |over 1 problem).*", text)
    assert "diverges from 2.1 on, where 2 was predicted" in text


def test_of_two_problems_ranks_are_given_and_not_tested(reports) -> None:
    text = sentences(reports("two problems"))
    assert "2 problems are too few to test whether" in text
    assert "left out" not in text
    assert (
        "Mean ranks in training gap: Adam 1.0, Heavy ball 2.0 and Gradient descent 3.0. A test needs at "
        "least 5 problems." in text
    )
    assert "needs 1 (1 to 1 by problem) times the examples" in text.replace("\u00a0", " ")
