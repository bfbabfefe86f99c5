"""What is said of many methods, on cells whose answers are planted."""

import numpy as np
import pytest

from overshoot.core import OPTIMIZERS
from overshoot.study.analysis import gather
from overshoot.study.analysis.extremes import extremes
from overshoot.study.analysis.study_tables import analyse
from overshoot.study.analysis.update_costs import update_costs
from overshoot.study.figures.keys import family_keys
from overshoot.study.figures.theme import looks
from overshoot.study.findings.methods import (
    against_rival,
    beats_adam,
    default_right,
    finds_its_rate,
    survived,
    update_cost,
)
from overshoot.study.report.methods_section import methods_section
from overshoot.study.report.pictures import overview
from tests.planted_cells import INF, planted

PROBLEMS = "abcdef"
LEVELS = {"sgd": 0.3, "adam": 0.1, "muon": 0.01, "prodigy": 0.1, "dog": 0.1}
"""Tuned gaps; every other optimizer's is that of Adam."""
DEFAULT_RATES = {"adam": 1.0, "sgd": 1e-3, "prodigy": 1.0}
"""The usable range of the planted sweep goes from about 0.03 to 1."""


def around(level):
    return level * np.geomspace(0.9, 1.1, 4)


@pytest.fixture(scope="module")
def tables():
    cells = [
        planted(
            problem,
            optimizer,
            tuned=[INF] * 4 if (optimizer, problem) == ("lion", "a") else around(LEVELS.get(optimizer, 0.1)),
            default=around(0.02) if optimizer == "prodigy" else around(0.5),
            default_rate=DEFAULT_RATES.get(optimizer, 0.01),
            seconds_sweep=60.0 if optimizer == "shampoo" else 0.5,
        )
        for problem in PROBLEMS
        for optimizer in OPTIMIZERS
    ]
    return analyse(gather(cells))


@pytest.fixture(scope="module")
def look(tables):
    return looks(tables.study.names.optimizers, tables.study.names.batches)


def test_one_method_beats_adam_and_one_is_behind(tables):
    finding = beats_adam(tables, against_rival(tables))
    assert finding.claim == (
        "Tuned alike, Muon clearly trains further than Adam, and 1 of 32 other optimizers clearly trains "
        "less far."
    )


def test_defaults_that_are_right_are_counted(tables):
    assert default_right(tables).claim.startswith(
        "No optimizer clearly has the default rate that is right most often: default rates lie in the usable "
        "range in 0 to 6 of 6 cells."
    )


def test_a_method_left_alone_is_compared_with_adam_tuned(tables):
    claim = finds_its_rate(tables).claim
    assert "Prodigy trains clearly further than tuned Adam" in claim
    assert "DoG trains clearly less far than tuned Adam" in claim


def test_rates_that_did_not_survive_are_counted(tables):
    finding = survived(tables)
    assert finding.claim == (
        "In 1 of 198 cells at least half of the fresh runs at the rate tuned for training diverged."
    )
    assert "By optimizer: Lion 1." in finding.evidence


def test_what_an_update_costs(tables):
    table = update_costs(tables.study).set_index("optimizer")
    assert table.loc["shampoo", "ratio"].value == pytest.approx(120)
    assert table.loc["adam", "ratio"].value == pytest.approx(1)
    claim = update_cost(tables, update_costs(tables.study)).claim
    assert claim.startswith("An update of Shampoo takes 120 times as long as one of gradient descent")
    assert "with 32 of 33 optimizers" in claim


def test_every_optimizer_has_a_colour_of_its_family(look):
    colors = [drawn.color for drawn in look.optimizers.values()]
    assert len(set(colors)) == len(OPTIMIZERS)
    assert set(colors) <= look.variables.keys()
    assert len(family_keys(look)) == 9
    assert look.optimizers["adam"].family == look.optimizers["adamw"].family
    assert looks({"sgd": "a", "adam": "b"}, {"full": "full batch"}).kin == ()


def test_of_many_optimizers_the_best_and_the_worst_are_shown(tables, look):
    order = list(OPTIMIZERS)[::-1]
    assert extremes(OPTIMIZERS, dict(zip(order, range(33), strict=True)), 4) == [*order[:2], *order[-2:]]
    _, gaps, _ = overview(tables, look)
    shown = list(gaps.panels.views[0].looks.optimizers)
    assert len(shown) == 20
    assert shown[0] == "muon"
    assert shown[-1] == "sgd"
    assert gaps.keys[-1].label == "the best 10 and the worst 10 of 33; the tables have all"


def test_the_section_has_it_all(tables, look):
    section = methods_section(tables, look)
    assert len(section.findings) == 5
    assert [picture.name for picture in section.pictures] == ["against-adam", "update-costs"]
    assert methods_section(tables, looks({"sgd": "a"}, {"full": "full batch"})) is None
