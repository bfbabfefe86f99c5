"""The sentences, read back from planted cells."""

import pytest

from study.analysis import gather
from study.analysis.study_tables import analyse
from study.findings import headlines as f
from study.findings.particulars import problem_finding
from study.numbers import around, between, fixed, fold, listing, number, percent, plural, share
from study.statistics import Interval
from tests.planted_cells import INF, VALLEY, planted

GOOD, BAD = (0.010, 0.011, 0.012, 0.013), (0.50, 0.51, 0.52, 0.53)
NARROW = {1e-3: 0.9, 1e-2: 0.5, 1e-1: 0.4, 1.0: 0.01, 10.0: INF, 100.0: INF}
WIDE = {1e-3: 0.05, 1e-2: 0.04, 1e-1: 0.03, 1.0: 0.01, 10.0: INF, 100.0: INF}
FLOOR = {1e-3: 0.9, 1e-2: 0.3, 1e-1: 0.05, 1.0: 0.01, 10.0: 0.4, 100.0: 0.6}


def study(problems=("a", "b", "c"), batches=("full", "1"), **optimizers):
    cells = [
        planted(problem=p, optimizer=o, batch=b, **given)
        for p in problems
        for o, given in optimizers.items()
        for b in batches
    ]
    return analyse(gather(cells))


def text(finding):
    return finding.text.replace("\u00a0", " ").replace("\u202f", " ")


class TestTunedTraining:
    def test_a_difference_is_given_with_its_counts_and_interval(self):
        found = f.tuned_gap(study(sgd={"tuned": BAD}, adam={"tuned": GOOD}))
        assert not found.inconclusive
        assert "Adam has the best mean rank in training gap, 1.0 of 2" in text(found)
        assert (
            "Against Gradient descent, Adam does clearly better on 6 and clearly worse on 0 of 6 pairs"
            in text(found)
        )
        assert "the probability that Adam does better is 1.00 [0.90, 1.00]: Adam is clearly better." in text(
            found
        )

    def test_no_difference_is_inconclusive(self):
        found = f.tuned_gap(study(sgd={}, adam={}))
        assert found.inconclusive
        assert "the probability that Gradient descent does better is 0.50" in text(found)
        assert "]: no clear difference." in text(found)
        assert "Gradient descent and Adam tie for the best mean rank in training gap, 1.5 of 2." in text(
            found
        )
        assert "Against Adam, Gradient descent does clearly better on 0 and clearly worse on 0 of 6" in text(
            found
        )

    def test_one_optimizer_has_nothing_to_be_compared_with(self):
        assert f.tuned_gap(study(sgd={})) is None

    def test_optimizers_that_have_no_tuned_rate_are_not_compared(self):
        assert f.tuned_gap(study(sgd={"tuned": ()}, adam={"tuned": ()})) is None


class TestPower:
    def test_ranks_that_differ_on_every_problem_are_found(self):
        found = f.rank_power(
            study(
                tuple("abcdefgh"),
                ("full",),
                sgd={"tuned": BAD},
                adam={"tuned": GOOD},
                momentum={"tuned": (0.2,) * 4},
            )
        )
        assert not found.inconclusive
        assert "Over 8 problems the ranks of the tuned optimizers clearly differ for full batch." in text(
            found
        )

    def test_ties_throughout_are_not(self):
        found = f.rank_power(study(sgd={}, adam={}, momentum={}))
        assert found.inconclusive
        assert "differ clearly for no batch strategy" in text(found)

    @pytest.mark.parametrize(
        ("problems", "optimizers"), [(("a",), "sgd adam momentum"), (("a", "b"), "sgd adam")]
    )
    def test_nothing_is_said_where_nothing_can_be_tested(self, problems, optimizers):
        assert f.rank_power(study(problems, **{o: {} for o in optimizers.split()})) is None


class TestUsableRange:
    def test_the_widest_and_the_narrowest_are_named(self):
        found = f.usable_range(study(sgd={"sweep": NARROW}, adam={"sweep": WIDE}))
        assert not found.inconclusive
        claim = (
            "Adam forgives most: it works over a 1,000-fold range of rates, Gradient descent over a 4-fold"
        )
        assert found.claim.startswith(claim)
        assert "Adam 3.0 [3.0, 3.0], Gradient descent 0.6 [0.6, 0.6]" in text(found)
        assert "wider in 6 of 6 cells, by 2.4 [2.4, 2.4]." in text(found)
        assert "6 of these ranges reach the end of the sweep" in text(found)

    def test_the_widest_is_compared_with_the_next_as_well(self):
        found = f.usable_range(study(sgd={"sweep": NARROW}, adam={"sweep": WIDE}, adamw={"sweep": WIDE}))
        assert "Against the next, Adam: 0.0 [0.0, 0.0], no clear difference." in text(found)
        found = f.usable_range(study(sgd={"sweep": NARROW}, adam={}, adamw={"sweep": WIDE}))
        assert "clearly wider" in text(found)

    def test_the_same_width_is_inconclusive(self):
        found = f.usable_range(study(sgd={}, adam={}))
        assert found.inconclusive
        assert "No optimizer clearly works over a wider range" in text(found)
        assert "reach the end" not in text(found)


class TestBatchSize:
    def test_a_shift_of_the_best_rate_and_of_the_boundary(self):
        shifted = {rate / 10: q for rate, q in VALLEY.items()}
        cells = [planted(problem=p) for p in "ab"] + [
            planted(problem=p, batch="1", sweep=shifted) for p in "ab"
        ]
        found = f.batch_size(analyse(gather(cells)))
        assert "from full batch to stochastic (batch 1) the best rate is 10-fold smaller" in text(found)
        assert "the best rate moves by −1.0 [−1.0, −1.0] decades (2 pairs)" in text(found)
        assert "the sweep boundary, where half diverge, moves by −1.0" in text(found)
        assert not found.inconclusive

    def test_pairs_without_a_boundary_are_not_passed_over_in_silence(self):
        cells = [planted(problem=p, batch=b) for p in "ab" for b in ("full", "1")]
        cells += [planted(problem="c", batch=b, sweep=FLOOR) for b in ("full", "1")]
        found = f.batch_size(analyse(gather(cells)))
        assert "decades (2 of 3 pairs)" in text(found)
        assert "whose rates both lie in the sweep" in text(found)

    def test_no_shift_is_inconclusive(self):
        found = f.batch_size(study(sgd={}))
        assert found.inconclusive
        assert "does not clearly move" in text(found)

    def test_one_batch_strategy_has_no_shift(self):
        assert f.batch_size(study(batches=("full",), sgd={})) is None


class TestDivergence:
    def test_the_share_and_who_diverges_most(self):
        found = f.diverged(study(sgd={}, adagrad={"sweep": FLOOR}))
        assert "24 of 144 runs, 17 % [11, 24]" in text(found)
        said = "Gradient descent 33 % [24, 45], AdaGrad 0 % [0, 5]"
        assert said in text(found)

    def test_equal_shares_name_nobody(self):
        assert "most often" not in text(f.diverged(study(sgd={}, adam={})))

    def test_plateaus_are_distinguished_from_overflow(self):
        found = f.plateaus(study(sgd={}, adagrad={"sweep": FLOOR}))
        assert "100 % [86, 100] with Gradient descent but only 0 % [0, 14] with AdaGrad overflowed" in text(
            found
        )
        assert "Of AdaGrad’s 24, another 0 ended above" in text(found)
        assert "and 24 below it without converging" in text(found)

    def test_where_all_fail_alike_nothing_is_said(self):
        assert f.plateaus(study(sgd={}, adam={})) is None


class TestTuning:
    def test_the_tuned_rate_against_the_default(self):
        found = f.tuning_pays(study(sgd={}, adam={"default": (0.010, 0.011, 0.012, 0.013)}))
        assert (
            "Tuning the rate clearly beats the default rate in 6 of 12 cells, and clearly loses in 0. "
            "Validation loss on fresh replicates: better in 50 % [25, 75] of the cells, no clear difference "
            "in 6." in text(found)
        )
        assert (
            "most often for Gradient descent (6 of 6 cells) and least often for Adam (0 of 6 cells)"
            in text(found)
        )

    def test_a_difference_between_few_cells_is_not_mentioned(self):
        found = text(f.tuning_pays(study(("a",), ("full",), sgd={}, adam={"default": GOOD})))
        assert "pays most often" not in found

    def test_no_effect_is_inconclusive(self):
        assert f.tuning_pays(study(sgd={"default": (0.010, 0.011, 0.012, 0.013)})).inconclusive


class TestSelection:
    def test_inconclusive_test_scores_are_counted_beside_those_in_training(self):
        same = {"tuned": (0.9,) * 4, "default": (0.9,) * 4}
        found = f.selection(study(sgd={"tuned": BAD, "tests": same}, adam={"tuned": GOOD, "tests": same}))
        assert found.inconclusive
        assert "clearly different in 0 of 6 comparisons, in training gap in 6." in text(found)
        assert "by test score 100 % [61, 100] show no clear difference" in text(found)


class TestTrust:
    def test_all_is_well(self):
        assert text(f.trust(study(sgd={}))) == "All 6 searches ended inside the searched range."

    def test_tuned_rates_that_fresh_runs_do_not_survive_are_counted(self):
        cells = [planted(problem="a", tuned=[0.1, INF, INF]), planted(problem="b", tuned=[0.1, 0.1, 0.1])]
        found = text(f.trust(analyse(gather(cells))))
        assert found.endswith(
            "But 2 of 6 fresh runs at the tuned rates diverged, in 1 cell: there the tuned rate lies at the "
            "stability limit or above it."
        )

    def test_doubtful_searches_are_counted_by_their_reason(self):
        cells = [planted(problem=p, search_status="at_search_boundary") for p in "ab"] + [
            planted(problem="c")
        ]
        cells.append(planted(problem="d", search_status="no_stable_rate"))
        found = text(f.trust(analyse(gather(cells))))
        assert found.startswith(
            "Of 4 searches, 2 (at the search boundary) and 1 (no stable rate) are in doubt"
        )


class TestParticulars:
    def test_a_problem_in_its_numbers(self):
        tables = study(sgd={"tuned": BAD}, adam={"tuned": GOOD, "sweep": WIDE})
        found = problem_finding(tables, "a/net", "1").replace("\u00a0", " ").replace("\u202f", " ")
        assert found.startswith("The best rate of the sweep is 1 in every cell.")
        assert "The usable range is widest for Adam, full batch, 3.0 decades." in found
        assert (
            "the smallest tuned gap is Adam’s, 0.011 [0.010, 0.013], clearly smaller than 1 of the 1 others"
            in found
        )
        assert "Of the sweep’s 48 runs, 16 diverged, 33 %" in found

    def test_where_nothing_is_stable(self):
        tables = study(sgd={"sweep": {1.0: INF, 10.0: INF}, "tuned": (INF,) * 4})
        found = problem_finding(tables, "a/net", "full")
        assert "At every rate of the sweep half of the runs or more diverged." in found
        assert "every tuned rate diverges" in found

    def test_where_nothing_reaches_the_tolerance(self):
        found = problem_finding(study(sgd={"sweep": {0.1: 0.9, 1.0: 0.5}}), "a/net", "full")
        assert "No run reaches the tolerance within the budget." in found


class TestRuns:
    def test_the_runs_behind_a_sentence_are_those_of_the_optimizers_that_it_names(self):
        tables = study(sgd={"sweep": NARROW}, adam={"sweep": WIDE})
        assert f.usable_range(tables).runs == [
            f.Runs("Adam", {"optimizer": "adam"}, "usable_width_decades"),
            f.Runs("Gradient descent", {"optimizer": "sgd"}, "usable_width_decades"),
        ]

    def test_of_all_optimizers_they_are_the_studys(self):
        assert f.tuning_pays(study(sgd={})).runs == [f.Runs("all cells")]

    def test_a_problem_is_a_dataset_with_a_network(self):
        found = f.runs_of(study(sgd={}).study, problem="a/net", batch="1")
        assert found.tags == {"dataset": "a", "network": "net", "batch": "1"}
        assert found.label == "a, stochastic (batch 1)"


def test_a_study_of_one_cell_says_what_it_can():
    found = f.findings(analyse(gather([planted()])))
    assert [finding.about for finding in found] == ["Divergence", "Tuning", "Trust"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0461, "0.046"), (2.154, "2.2"), (123.4, "123"), (0.000222, "2.2·10⁻⁴"), (1e-5, "10⁻⁵"),
        (3.2e7, "3.2·10⁷"), (0.0, "0"), (-0.5, "−0.5"), (INF, "∞"), (-INF, "−∞"), (float("nan"), "–"),
        (100.0, "100"), (9.96, "10"),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(value, expected):
    assert number(value) == expected


def test_words():
    assert fixed(-1.26, 1) == "−1.3"
    assert between(Interval(1, 0.5, INF), 1) == "1.0\u00a0[0.5,\u00a0∞]"
    assert around(Interval(0.0115, 0.009, 0.02)) == "0.0115\u00a0[0.0090,\u00a00.0200]"
    assert around(Interval(3e-6, 1e-6, 1.0)) == "3·10⁻⁶\u00a0[10⁻⁶,\u00a01]"
    assert (percent(0.0004), percent(0.9999)) == ("<0.1\u202f%", ">99.9\u202f%")
    assert (percent(0), percent(0.5), percent(0.996), percent(1)) == (
        "0\u202f%",
        "50\u202f%",
        "99.6\u202f%",
        "100\u202f%",
    )
    assert share(Interval(0.2, 0.1, 0.3)) == "20\u202f%\u00a0[10,\u00a030]"
    assert (plural(1, "cell"), plural(2000, "cell"), plural(2, "search", "searches")) == (
        "1 cell",
        "2,000 cells",
        "2 searches",
    )
    assert (listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])) == ("a", "a and b", "a, b and c")


@pytest.mark.parametrize(
    ("chance", "says"),
    [
        (Interval(0.52, 0.45, 0.59), "no clear difference"),
        (Interval(0.6, 0.55, 0.7), "Nesterov is clearly better"),
        (Interval(0.43, 0.39, 0.46), "Adam is clearly better of the two, although a mean rank"),
    ],
)
def test_a_comparison_that_the_best_by_rank_loses_is_not_written_as_won(chance: Interval, says: str) -> None:
    assert f.outcome(chance, "Nesterov", "Adam").startswith(says)
    assert "a mean rank" not in f.outcome(chance, "Nesterov", "Adam", level=True)


def test_folds_are_round() -> None:
    assert [fold(d) for d in (2.9, 1.5, 0.3, 3.01)] == ["800-fold", "30-fold", "2-fold", "1,000-fold"]
