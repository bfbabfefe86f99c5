"""Stability limits: tables and sentences read back from planted cells, their figures, and the section."""

import numpy as np
import pytest

from overshoot.study.analysis import gather
from overshoot.study.analysis.limit_evidence import limit_evidence
from overshoot.study.analysis.limit_tables import heavy_ball, limits
from overshoot.study.analysis.study_tables import analyse
from overshoot.study.figures import theme
from overshoot.study.findings import limit_words, near_the_limit, stability_limits
from overshoot.study.findings.captions import WORDS
from overshoot.study.findings.codes import BASES
from overshoot.study.findings.limit_words import CAUSES, KNOWN, WHERE
from overshoot.study.findings.stability_limits import findings
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.report.stability_section import limits_section
from overshoot.study.statistics import Interval
from tests.planted_cells import planted

EXACT, ORDER, ALMOST_SURE, AT_THE_START, NONE = LimitBasis
BATCHES = {"full": EXACT, "16": ALMOST_SURE, "16 replacement": ALMOST_SURE}
BY_BATCH = {1: 0.2, 10: 0.8, 100: 1.0}
SETTLED = {0.3: 0.01, 1.0: 0.01, 3.0: 0.01}
RISING = {r: 1e-4 * r**2 for r in np.geomspace(1, 100, 7)}
"""rate -> q_end of a method whose floor grows as the rate squared, its best rate the lowest."""


def known(measured, predicted=1.0, basis=EXACT, spread=1.1, **more):
    """What a cell's summary says of a limit that was found."""
    found = {"limit_status": "measured", "limit_measured": measured, "limit_predicted": predicted}
    ends = {"limit_low": measured / spread, "limit_high": measured * spread}
    return found | ends | {"limit_basis": basis} | more


def linear(ratios, problem="toy", optimizer="sgd", **more):
    """A cell for each batch strategy whose measured limit is such a multiple of the predicted one."""
    return [
        planted(problem, optimizer, batch, **known(ratios[batch], basis=basis), **more)
        for batch, basis in BATCHES.items()
        if batch in ratios
    ]


def read(*cells):
    tables = analyse(gather(cells))
    return tables, limit_evidence(tables)


def said(maker, *cells):
    found = maker(*read(*cells))
    return None if found is None else plain(found.text)


def plain(text):
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def everything():
    """Least squares with SGD and heavy ball, a network, a method without a limit, floors and an edge."""
    flat = {"curvature_low": 1.0, "limit_by_batch": BY_BATCH}
    noisy = {0.1: 0.04, 1.0: 0.02}
    heavy = flat | {"limit_by_batch": {1: 0.022, 10: 0.3, 100: 1.9}}
    return [
        *linear({"full": 1.002, "16": 1.2, "16 replacement": 1.1}, noise=noisy, **flat),
        planted("toy", "momentum", "full", **known(1.9, 1.9), **heavy),
        planted("net", "sgd", "full", edge={0.1: [5, 19, 20.5, 20]}, **known(6.0, 2.0, AT_THE_START)),
        planted("net", "momentum", "full", **known(1.0, 2.0, AT_THE_START)),
        *(
            planted(p, "rmsprop", "full", sweep=RISING, limit_status="above_grid", limit_basis=NONE)
            for p in ("toy", "net")
        ),
    ]


def looks(tables):
    return theme.looks(tables.study.names.optimizers, tables.study.names.batches)


class TestLimits:
    def test_the_ratio_is_measured_over_predicted(self):
        found = read(planted(**known(0.6, 0.5)))[1].limits.iloc[0]
        assert (found["ratio"], found["basis"], found["status"]) == (pytest.approx(1.2), EXACT, "measured")
        assert found["low"] < found["measured"] < found["high"]

    def test_where_nothing_diverged_the_grid_bounds_the_ratio(self):
        cells = [
            planted("a", limit_status="above_grid", limit_predicted=50.0, limit_basis=EXACT),
            planted("b", limit_status="below_grid", limit_predicted=1.0, limit_basis=EXACT),
        ]
        table = limits(gather(cells))
        assert table["at_least"].tolist() == [pytest.approx(2.0), pytest.approx(np.nan, nan_ok=True)]
        assert table["at_most"].tolist() == [pytest.approx(np.nan, nan_ok=True), pytest.approx(1e-3)]
        assert table["ratio"].isna().all()

    def test_stores_without_limits_have_none(self):
        tables, found = read(planted())
        assert found.empty
        assert tables.limits.empty
        assert findings(tables, found) == []
        assert limits_section(tables, looks(tables)) is None

    def test_some_cells_without_are_left_out(self):
        _, found = read(planted("a", **known(1.0)), planted("b"))
        assert found.limits["problem"].tolist() == ["a/net"]

    def test_agreement_counts_by_basis_the_firmest_first(self):
        cells = linear({"full": 1.005, "16": 1.3}, "a") + linear({"full": 1.05, "16": 0.8}, "b")
        table = read(*cells)[1].agreement.set_index("basis")
        assert list(table.index) == [EXACT, ALMOST_SURE]
        assert table.loc[EXACT, ["near", "fair", "cells"]].tolist() == [1, 2, 2]
        assert table.loc[ALMOST_SURE, ["near", "fair"]].tolist() == [0, 0]
        assert table.loc[ALMOST_SURE, "worst"] == "a-sgd-16"  # ln 1.3 is more than ln 1 / 0.8
        ratio = table.loc[ALMOST_SURE, "ratio"]
        assert (ratio.low, ratio.high) == (pytest.approx(0.8), pytest.approx(1.3))

    @pytest.mark.parametrize(
        ("method", "b"),
        [
            ("momentum", 0.9),
            ("momentum(momentum=0.5)", 0.5),
            ("momentum(weight_decay=0.1, momentum=0.75)", 0.75),
            ("momentum(dampening=0.5)", None),
            ("momentum + cosine", None),
            ("sgd", None),
        ],
    )
    def test_the_momentum_of_a_heavy_ball_is_that_of_its_recursion(self, method, b):
        assert heavy_ball(planted(optimizer=method).cell.recursion) == b

    def test_every_basis_has_its_words(self):
        assert set(WORDS) == set(BASES)
        assert set(WHERE) == set(KNOWN) == set(BASES) - {NONE}
        assert set(CAUSES) == {(basis, above) for basis in WHERE for above in (True, False)}


class TestSentences:
    def test_predictions_are_told_by_what_they_rest_on(self):
        cells = [cell for p in "abcde" for cell in linear({"full": 1.002, "16": 1.2}, p)]
        text = said(stability_limits.predictions, *cells)
        assert "1.002 [1.002, 1.002] with full batches on least squares" in text
        assert ": 5 cells of 5 problems, all 5 within 1 %." in text
        assert "1.20 [1.20, 1.20] with random batches on least squares." in text
        assert ": 5 cells of 5 problems, none within 10 %." in text
        assert text.endswith("its 95 % interval spans a factor of 1.21 in the median over 10 cells.")

    def test_the_claim_is_a_sentence_and_the_evidence_has_its_numbers(self):
        ratios = dict(zip("abcde", (1.002, 1.002, 1.2, 1.2, 1.2), strict=True))
        cells = [cell for p, ratio in ratios.items() for cell in linear({"full": ratio}, p)]
        found = stability_limits.predictions(*read(*cells))
        assert found.claim == (
            "On least squares with full batches theory predicts the rate at which training diverges in about "
            "half of the cells."
        )
        assert "2 within 1 % (40 % [0, 80], resampled by problem), 2 within 10 %." in plain(found.details)
        cells = [cell for p in ratios for cell in linear({"full": 1.2}, p)]
        assert stability_limits.predictions(*read(*cells)).claim == (
            "On least squares with full batches theory seldom predicts the rate at which training diverges."
        )
        cells = [cell for p in ratios for cell in linear({"full": 1.002}, p)]
        found = stability_limits.predictions(*read(*cells))
        assert found.claim == (
            "On least squares with full batches theory predicts the rate at which training diverges."
        )
        assert found.evidence == (
            "With full batches on least squares theory is right to 1\u202f% in 5 of 5 cells."
        )

    def test_one_or_two_cells_are_named_with_their_numbers(self):
        found = stability_limits.predictions(
            *read(*linear({"full": 1.002}, "a"), *linear({"full": 1.2}, "b"))
        )
        assert found.claim == (
            "Gradient descent, full batch, on a, diverges from 1 on, where 1 was predicted; Gradient "
            "descent, full batch, on b, diverges from 1.2 on, where 1 was predicted."
        )

    def test_zones_in_which_runs_both_diverge_and_survive_are_counted(self):
        zones = {"a": (1.0, 2.0), "b": (2.0, 1.0), "c": (1.0, 10.0), "d": (2.0, 1.0), "e": (2.0, 1.0)}
        cells = [
            planted(p, **known(1.0, limit_zone_low=low, limit_zone_high=high))
            for p, (low, high) in zones.items()
        ]
        assert (
            " 2 of them have a zone of rates at which some replicates diverge and others survive: 0.65 "
            "decades wide in the median, 1.0 at most." in said(stability_limits.predictions, *cells)
        )

    def test_on_networks_each_batch_strategy_has_its_median(self):
        ratios = {"full": (3.0, 5.0), "16": (0.5, 0.5), "1": (0.1, 0.2)}
        cells = [
            planted(problem, batch=batch, **known(ratio, basis=AT_THE_START))
            for batch, both in ratios.items()
            for problem, ratio in zip("ab", both, strict=True)
        ]
        text = said(stability_limits.predictions, *cells)
        assert ": 6 cells of 2 problems" in text
        assert (
            "By batch size on networks: 4.00 with full batch, 0.50 with mini-batch 16 and 0.15 with "
            "stochastic (batch 1)." in text
        )

    def test_an_end_that_is_not_one_does_not_read_as_one(self):
        assert plain(limit_words.times(Interval(0.97, 0.93, 0.998))) == "0.970 [0.930, 0.998]"
        assert plain(limit_words.times(Interval(0.97, 0.93, 1.001))) == "0.97 [0.93, 1.00]"

    def test_no_difference_is_inconclusive(self):
        sides = zip("abcdef", [0.99, 1.01] * 3, strict=True)
        found = stability_limits.predictions(
            *read(*(x for p, ratio in sides for x in linear({"full": ratio}, p)))
        )
        assert found.inconclusive
        assert "no clear difference" in found.text
        apart = stability_limits.predictions(*read(*(x for p in "abcdef" for x in linear({"full": 1.01}, p))))
        assert not apart.inconclusive
        assert "no clear difference" not in apart.text

    def test_of_few_problems_the_range_is_given_and_nothing_concluded(self):
        text = said(stability_limits.predictions, *linear({"full": 0.99}, "a"), *linear({"full": 1.01}, "b"))
        assert "1.000 (0.990 to 1.010) with full batches on least squares." in text
        assert "no clear difference" not in text

    def test_the_worst_on_least_squares_and_on_networks_are_named_with_their_cause(self):
        networks = [planted(f"net {i}", **known(1.0, basis=AT_THE_START)) for i in range(2)]
        text = said(stability_limits.disagreements, *everything(), *networks)
        assert (
            "In the cells measured here the prediction was off by at most a factor of 1.20 on least squares "
            "and of 3.00 on a network." in text
        )
        assert (
            "On least squares the furthest is Gradient descent, mini-batch 16, on toy (measured 1.2, "
            "predicted 1): close to its limit a run grows" in text
        )
        assert "The intervals of 3 other cells overlap with its own, so it may not be the worst." in text
        assert text.endswith(
            "On a network the furthest is Gradient descent, full batch, on net (measured 6, predicted 2): "
            "the first large steps land where the loss curves less than at the start, so training survives a "
            "rate that is too large for its first step."
        ), "no other interval overlaps with its"

    def test_where_another_may_be_as_far_off_that_is_said(self):
        ends = [(3.0, 2.5, 3.5), (2.8, 2.4, 3.2), (1.2, 1.1, 1.3)]
        cells = [
            planted(problem=p, **known(m) | {"limit_low": low, "limit_high": high})
            for p, (m, low, high) in zip("abc", ends, strict=True)
        ]
        text = said(stability_limits.disagreements, *cells)
        assert "the furthest is Gradient descent, full batch, on a (measured 3, predicted 1): " in text
        assert text.endswith(
            "The interval of another cell overlaps with its own, so it may not be the worst."
        ), "of b alone: that of c ends before it"

    def test_a_difference_below_what_is_known_has_no_other_cause(self):
        def off(basis, ratio, **ends):
            known = {"predicted_low": np.nan, "predicted_high": np.nan, "low": ratio, "high": ratio} | ends
            return {"basis": basis, "measured": ratio, "ratio": ratio, "predicted": 1.0} | known

        between = {"predicted_low": 0.85, "predicted_high": 1.15}
        assert "its interval holds" in limit_words.cause(off(ALMOST_SURE, 0.9, **between))
        assert limit_words.cause(off(ALMOST_SURE, 0.8, **between)) == CAUSES[ALMOST_SURE, False]
        assert "lies in the interval of the measured limit" in limit_words.cause(off(EXACT, 1.009, low=0.999))
        assert limit_words.cause(off(EXACT, 1.02)) == CAUSES[EXACT, True]
        assert limit_words.cause(off(ORDER, 0.9)) == CAUSES[ORDER, False]

    def test_single_runs_are_told_from_the_mean(self):
        cells = [
            planted(problem, batch="16", **known(measured, basis=ALMOST_SURE, limit_mean_square=0.8))
            for problem, measured in (("a", 0.9), ("b", 0.96), ("c", 1.005), ("d", 1.2))
        ]
        found = stability_limits.single_runs(*read(*cells[:3]))
        text = plain(found.text)
        assert (
            "Over 3 cells of 3 problems the measured limit is, in the median, 1.20 (1.12 to 1.26) times the "
            "mean-square limit" in text
        )
        assert "0.96 (0.90 to 1.00) times the single-run limit" in text
        assert "in 3 cells it, or its interval, lies between them." in text
        assert not found.inconclusive
        assert "in 3 cells it, or" in said(stability_limits.single_runs, *cells)
        assert stability_limits.single_runs(*read(*linear({"full": 1.0, "16": 1.0}))) is None

    def test_reshuffling_is_compared_in_pairs(self):
        cells = [x for p in "ab" for x in linear({"16": 1.5, "16 replacement": 1.0}, p)]
        found = stability_limits.reshuffling(*read(*cells))
        assert not found.inconclusive
        assert (
            "gives the higher stability limit in 2 of 2 pairs of cells. By a median factor of 1.50 (1.50 to "
            "1.50)" in plain(found.text)
        )
        assert stability_limits.reshuffling(*read(*cells[:2])) is None
        same = [x for p in "abcde" for x in linear({"16": 1.0, "16 replacement": 1.0}, p)]
        assert stability_limits.reshuffling(*read(*same)).inconclusive

    def test_momentum_is_told_in_units_of_gradient_descent(self):
        text = said(stability_limits.momentum, *everything())
        assert "Predicted: 0.11 times gradient descent’s limit with batches of one sample" in text
        assert "1.90 times with all samples" in text
        assert "(1 − b) = 0.10 times" in text
        assert "(1 + b) = 1.90 times" in text
        assert text.endswith("Measured on toy: 1.90 with 100 samples.")
        assert stability_limits.momentum(*read(*linear({"full": 1.0}))) is None

    def test_the_problems_at_which_momentum_s_limit_is_extreme_are_named(self):
        limits = {"a": {1: 0.1, 100: 1.9}, "b": {1: 0.3, 100: 1.9}}
        cells = [
            planted(p, o, **known(1.0, limit_by_batch=at))
            for p, heavy in limits.items()
            for o, at in (("sgd", {1: 1.0, 100: 1.0}), ("momentum", heavy))
        ]
        assert "0.10 (a) to 0.30 (b) times gradient descent’s limit" in said(
            stability_limits.momentum, *cells
        )

    def test_the_floor_s_power_is_that_of_the_planted_runs(self):
        tables, found = read(*everything())
        assert found.slopes["slope"].iloc[0].value == pytest.approx(2.0)
        assert found.slopes["rates"].iloc[0] == 6
        text = plain(near_the_limit.floored(tables, found).text)
        assert (
            "grows as the rate to the power of 2.0 (2.0 to 2.0) with RMSprop (median over 2 cells, range over"
            in text
        )

    def test_plateaus_that_do_not_clearly_rise_are_inconclusive(self):
        cells = [
            planted(p, o, sweep=RISING, limit_basis=NONE, limit_status="above_grid")
            for p in "abcde"
            for o in ("adam", "rmsprop")
        ]
        assert not near_the_limit.floored(*read(*cells)).inconclusive, (
            "that they rise alike is no doubt that they rise"
        )
        flat = [planted(p, "adagrad", sweep=dict.fromkeys(RISING, 0.1), limit_basis=NONE) for p in "abcde"]
        found = near_the_limit.floored(*read(*cells, *flat))
        assert found.inconclusive
        assert "0.0 [0.0, 0.0] with AdaGrad" in plain(found.text)

    def test_an_optimizer_without_an_interval_is_left_out_beside_others(self):
        cells = [planted(p, "adam", sweep=RISING, limit_basis=NONE) for p in "abcde"]
        falling = {rate: 0.1 / rate for rate in RISING} | {1.0: 1e-3}
        alone = planted("a", "momentum", sweep=falling, limit_basis=NONE)
        tables, evidence = read(*cells, alone)
        found = near_the_limit.floored(tables, evidence)
        assert found.claim == (
            "Where theory predicts no limit, training stalls on a plateau that rises with the learning rate."
        )
        assert plain(found.evidence).endswith(
            "2.0 [2.0, 2.0] with Adam (median over 5 cells, interval over problems)."
        )
        assert not found.inconclusive
        assert "Heavy ball −1.0" in plain(limits_section(tables, looks(tables)).blocks[-1].text)
        few = near_the_limit.floored(*read(*cells[:2], alone))
        assert "grows with the rate in 2 of 3 cells without a predicted limit" in few.claim

    def test_two_rates_above_the_best_have_no_slope(self):
        cell = planted(optimizer="adam", sweep={1.0: 0.1, 2.0: 0.2, 4.0: 0.4}, limit_basis=NONE)
        tables, found = read(cell)
        assert found.slopes.empty
        assert near_the_limit.floored(tables, found) is None

    def test_noise_floors_are_means_over_the_last_half_of_settled_runs(self):
        tables, found = read(planted(noise={1.0: 0.02, 0.1: 0.02}, curvature_low=0.5))
        runs = found.noise.set_index("rate")
        curve = np.geomspace(1, 0.01, 11)[5:]
        assert runs.loc[1.0, "measured"].tolist() == [pytest.approx(curve.mean())] * 2
        assert runs.loc[1.0, "settled"].all()  # exp(-1 * 0.5 * 100) is nothing
        assert not runs.loc[0.1, "settled"].any()  # exp(-0.1 * 0.5 * 100) is more than a tenth of 0.02
        text = plain(near_the_limit.noisy(tables, found).text)
        assert f"forgotten their start: {curve.mean() / 0.02:.2f}" in text
        assert "with batches reshuffled (2 runs)" in text
        assert "The medians of" not in text
        assert "cells with at least 4 such runs range from" in said(near_the_limit.noisy, *everything())

    def test_a_problem_that_most_settled_runs_are_on_is_named(self):
        much = planted("a", noise=dict.fromkeys((0.3, 1.0, 3.0), 0.02), sweep=SETTLED, curvature_low=5.0)
        little = planted("b", noise={1.0: 0.02}, sweep=SETTLED, curvature_low=5.0)
        text = said(near_the_limit.noisy, much, little)
        assert "6 of these 8 runs are on a." in text
        assert "The medians of" not in text  # one cell alone has four runs

    def test_without_a_flattest_curvature_no_run_has_settled(self):
        tables, found = read(planted(noise={1.0: 0.02}))
        assert len(found.noise) == 2
        assert near_the_limit.noisy(tables, found) is None
        assert "hollow" in limits_section(tables, looks(tables)).blocks[-1].text
