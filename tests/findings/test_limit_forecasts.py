"""Forecasts of the stability limit: tables and sentences read back from planted cells, and their block."""

import re
from dataclasses import replace

import numpy as np
import pytest

from overshoot.study.analysis import gather
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.limit_forecasts import (
    THEORY,
    MethodKind,
    chosen_without,
    worst_forecasts,
)
from overshoot.study.comparison import Range
from overshoot.study.findings.short_run_claims import (
    KINDS,
    PREDICTOR_MEANS,
    PREDICTOR_WORDS,
    forecast,
    forecast_cause,
)
from overshoot.study.findings.stability_limits import predictions
from overshoot.study.phases.short_run import SHORT_RUN, Predictor
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.report import render
from overshoot.study.report.forecast_block import KIND_WORDS
from overshoot.study.report.stability_section import limits_section
from tests.findings.test_stability_limits import known, looks, plain, read
from tests.planted_cells import planted

RATIOS = {"a": 1.0, "b": 1.5, "c": 3.0}
"""Problem -> measured limit over the short run's forecast."""


def climbed(problem, optimizer, ratio, predicted=None, updates=6):
    """A cell whose limit of 1 is forecast by the short run, and elsewhere ten times as high."""
    basis = Predictor.EXTENDED if optimizer == "adam" else Predictor.TENTH
    made = {name.value: 10 / ratio for name in Predictor if name != Predictor.EXTENDED}
    made[basis.value] = 1 / ratio
    own = {"forecast_basis": basis.value, "safe_rate": 0.1, "climb_updates": updates, "climb_trials": 18}
    own |= {"limit_forecasts": made, "limit_forecast": 1 / ratio}
    own |= {"limit_forecast_low": 0.9 / ratio, "limit_forecast_high": 1.1 / ratio}
    theory = known(1.0, predicted, LimitBasis.AT_THE_START if predicted else LimitBasis.NONE)
    return planted(problem, optimizer, "full", **{k: v for k, v in theory.items() if v is not None}, **own)


@pytest.fixture(scope="module")
def found():
    cells = [climbed(p, "sgd", ratio, predicted=0.1) for p, ratio in RATIOS.items()]
    return read(*cells, *(climbed(p, "adam", 100.0) for p in RATIOS), planted("d", **known(1.0)))


def test_cells_without_a_short_run_are_left_out(found):
    assert set(found[1].forecasts["problem"]) == {f"{p}/net" for p in RATIOS}
    assert read(planted("d", **known(1.0)))[1].forecasts.empty


def test_every_predictor_is_compared_with_the_measured_limit(found):
    table = found[1].predictors.set_index(["kind", "predictor"])
    own = table.loc[(MethodKind.LINEAR.value, Predictor.TENTH.value)]
    assert (own["ratio"].value, own["least"], own["most"]) == pytest.approx((1.5, 1.0, 3.0))
    assert own[["cells", "predicted", "compared", "twice"]].tolist() == [3, 3, 3, 2]
    assert own["share"] == Range(2 / 3, 2 / 3, 2 / 3, 1), "of three problems the share alone"
    assert own["spread"] == pytest.approx(np.log10(list(RATIOS.values())).std(ddof=1))
    assert table.loc[(MethodKind.LINEAR.value, THEORY), "ratio"].value == pytest.approx(10)
    assert (MethodKind.DIVIDES.value, THEORY) not in table.index
    assert table.loc[(MethodKind.DIVIDES.value, Predictor.EXTENDED), "ratio"].value == pytest.approx(100)
    assert (MethodKind.LINEAR.value, Predictor.EXTENDED.value) not in table.index


def test_a_problem_has_no_part_in_the_choice_that_it_is_judged_by():
    """Theory is exact up to a factor on the first two problems, and on the third far off."""
    cells = [climbed("a", "sgd", 1.0, 0.5), climbed("b", "sgd", 4.0, 0.5), climbed("c", "sgd", 1.0, 0.01)]
    apart = {row["problem"]: row for row in records(chosen_without(read(*cells)[1].forecasts))}
    assert (apart["c/net"]["chosen"], apart["c/net"]["twice"]) == (THEORY, 0)
    assert apart["c/net"]["middle"] == pytest.approx(100)
    assert apart["b/net"]["chosen"] != THEORY


def test_the_worst_come_first_each_with_its_cause(found):
    worst = worst_forecasts(found[1].forecasts)
    assert [row["ratio"] for row in worst] == pytest.approx([100] * 3 + [3, 1.5, 1])
    assert "sooner than the trend of 6 updates says" in forecast_cause(worst[0])
    assert "6 updates end before a run that jumps" in forecast_cause(worst[3])
    assert "replicates differ by so much" in forecast_cause(worst[5])
    assert "curvature grows" in forecast_cause(worst[3] | {"ratio": 0.1})
    assert "comes back after the short run" in forecast_cause(worst[3] | {"climb_updates": 500})


def test_the_finding_says_both_kinds_and_theory_beside_them(found):
    said = forecast(*found)
    assert plain(said.claim).endswith("in 2 of 3 cells with gradient descent, plain or with momentum.")
    assert "the measured limit is 1.50" in said.text
    assert "in 2 of 3 cells (67 %)" in plain(said.text)
    assert "The curvature at the start, for comparison: the measured limit is 10" in said.text
    assert forecast(*read(planted("d", **known(1.0)))) is None


def test_the_section_shows_the_tables_of_predictors(found):
    tables, _ = found
    section = limits_section(tables, looks(tables))
    block = {b.title: b for b in section.blocks}["The limit from a short run"]
    rows = [row.cells for row in block.tables["Predictors of the limit on networks"].rows]
    assert ["non-adaptive", "short run, 1/10 of the budget", "3/3", "3"] in [row[:4] for row in rows]
    assert len(block.tables["The forecasts that are furthest off"].rows) == 6
    assert "Short run" in [finding.about for finding in section.findings]


def test_the_map_has_the_short_run_on_networks_and_behind_a_switch_theory_alone(found):
    tables, evidence = found
    block = limits_section(tables, looks(tables)).blocks[0]
    best, theory = ({tile.alt for tile in picture.tiles} for picture in block.pictures.values())
    start = "a: measured limit over predicted limit. Gradient descent full: "
    assert f"{start}1.00 short run; Adam full: 100 short run" in best
    assert f"{start}10 at the start; Adam full: no prediction" in theory
    assert not best.isdisjoint(theory), "a problem without a short run has the same field in both"
    assert list(block.terms) == ["exact", "at the start", "no prediction", SHORT_RUN]
    first, *_ = limits_section(tables, looks(tables)).findings
    assert plain(first.claim) == (
        "With full batches on least squares theory is right to 1 % in 1 of 1 cell; on networks, with "
        "gradient descent, plain or with momentum, a run of a tenth of the training is right to a factor of "
        "two in 2 of 3 cells, theory in 0 of 3."
    ), "few problems are counted, and nothing is said of others"
    assert first.evidence.startswith("Measured over predicted by theory, in the median over cells: ")
    assert first.plain
    assert set(evidence.predicted.columns) == set(evidence.limits.columns)


def test_of_five_problems_the_claim_is_a_sentence_with_its_counts_below():
    cells = [
        climbed(p, "sgd", ratio, predicted=0.1) for p, ratio in zip("abcde", (1, 1.5, 3, 1, 1), strict=True)
    ]
    said = predictions(*read(*cells, planted("f", **known(1.0))))
    assert said.claim == (
        "On least squares with full batches theory predicts the rate at which training diverges; on "
        "networks, with gradient descent, plain or with momentum, a short trial run predicts it, and theory "
        "alone seldom does."
    )
    assert (
        "on networks a run of a tenth of the training is right to a factor of two in 4 of 5 cells"
        in said.evidence
    )


def often(run, theory):
    """What is said of networks where the two are right in so many of a hundred cells."""
    cells = [climbed(p, "sgd", 1.0, predicted=0.1) for p in "abcde"]
    tables, evidence = read(*cells)
    table = evidence.predictors
    used = table["predictor"].map({Predictor.TENTH.value: run, THEORY: theory})
    hits = table.assign(twice=used, compared=100)
    return predictions(tables, replace(evidence, predictors=hits)).claim


@pytest.mark.parametrize(
    ("run", "theory", "said"),
    [
        (67, 33, "a short trial run predicts {}, and theory alone seldom does"),
        (67, 34, "a short trial run predicts {}, and theory alone does so in about half of the cells"),
        (66, 33, "a short trial run predicts {} in about half of the cells, and theory alone seldom does"),
        (50, 49, "a short trial run predicts {} in about half of the cells, and so does theory alone"),
        (90, 80, "a short trial run predicts {}, and so does theory alone"),
        (33, 90, "theory alone predicts {}, and a short trial run seldom does"),
        (10, 20, "neither theory nor a short trial run often predicts {}"),
    ],
)
def test_what_predicts_often_in_half_or_seldom_is_said(run, theory, said):
    where = "On networks, with gradient descent, plain or with momentum, "
    assert often(run, theory) == f"{where}{said.format('the rate at which training diverges')}."


def test_every_predictor_and_kind_has_its_words():
    assert set(PREDICTOR_WORDS) == set(PREDICTOR_MEANS) == {THEORY, *Predictor}
    assert set(KINDS) == set(MethodKind)


def test_each_kind_of_method_is_named_once_in_the_page(tmp_path):
    study = gather([climbed(p, o, 2.0, predicted=0.1) for p in RATIOS for o in ("sgd", "adam")])
    page = render("limits", "Limits", study, {}, tmp_path / "limits", workers=1).with_name("evidence.html")
    text = page.read_text(encoding="utf-8")
    table = text[text.index("Predictors of the limit on networks") :].partition("</table>")[0]
    named = re.findall(r'<tr[^>]*class="first">\s*<th scope="row">(.*?)</th>', table)
    assert named == list(KIND_WORDS.values())
