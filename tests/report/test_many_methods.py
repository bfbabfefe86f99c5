"""A report of every optimizer on problems with long names: what its figures say can be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from overshoot.core import OPTIMIZERS
from overshoot.study.analysis import gather
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.report import render
from overshoot.study.tracking import StoredCell
from tests.findings.test_stability_limits import BATCHES, RISING, known
from tests.planted_cells import VALLEY, planted
from tests.report.figure_texts import WIDEST, beyond, figure_texts, overlapping, small

pytestmark = pytest.mark.slow

LONG = "2019_house_prices_of_all_communities_in_the_metropolitan_region"
PROBLEMS = (LONG, "bowl")
METHODS = [*OPTIMIZERS, "momentum(momentum=0.99)", "schedule_free_adamw(weight_decay=0.05) + warm_up"]
LIMITED = 24
"""So many of the methods have a predicted limit; the others have plateaus."""


def cell(problem: str, method: str, i: int, batch: str, basis: LimitBasis) -> StoredCell:
    """One of the i-th method: its gaps, its ranks and its limits are its own."""
    own = 1 + 0.05 * i
    tuned = [0.01 * own * step for step in (1, 1.1, 1.2, 1.3)]
    if i >= LIMITED:
        rising = {rate: gap * own for rate, gap in RISING.items()}
        above = {"limit_status": "above_grid", "limit_basis": LimitBasis.NONE}
        return planted(problem, method, batch, sweep=rising, tuned=tuned, surface=problem == "bowl", **above)
    limits = {size: 0.9 * own * share for size, share in ((1, 0.2), (10, 0.8), (100, 1.0))}
    edge = {0.1: [5, 19, 20.5, 20], 0.000464: [5, 19, 19, 30]} if i < 3 and batch == "full" else None
    flat = {"curvature_low": 1.0, "limit_by_batch": limits}
    found = known(own, 1.1 * own, basis, **flat) | {"limit_predicted": 1.1 * own}
    return planted(
        *(problem, method, batch, VALLEY, tuned),
        noise={0.1: 0.04, 1.0: 0.02},
        edge=edge,
        surface=problem == "bowl",
        hits=[40.0 * own] * 4,
        **found,
    )


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of many methods."""
    cells = [
        cell(problem, method, i, batch, basis)
        for problem in PROBLEMS
        for i, method in enumerate(METHODS)
        for batch, basis in BATCHES.items()
    ]
    folder = tmp_path_factory.mktemp("many")
    return render("many", "Many methods", gather(cells), {}, folder, workers=2).with_name("evidence.html")


@pytest.mark.parametrize("style", ["", WIDEST], ids=["as set", "in the widest type"])
def test_every_text_of_a_figure_can_be_read(many: Path, browser: Browser, style: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800}, bypass_csp=True)
    page.goto(many.as_uri(), timeout=120_000)
    if style:
        page.add_style_tag(content=style)
    texts = figure_texts(page)
    assert len({text.picture for text in texts}) > 20
    assert not small(texts)
    assert not beyond(texts)
    assert not overlapping(texts)
    page.close()
