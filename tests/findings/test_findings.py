"""The sentences, read back from planted cells."""

import pytest

from study.analysis import gather
from study.analysis.study_tables import analyse
from study.findings import headlines as f
from study.findings.particulars import problem_finding
from study.numbers import around, between, fixed, listing, number, percent, plural, share
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
    def test_a_difference_is_told_with_its_counts_and_interval(self):
        found = f.tuned_gap(study(sgd={"tuned": BAD}, adam={"tuned": GOOD}))
        assert not found.tie
        assert "Adam has the best mean rank in training gap, 1.0 of 2" in text(found)
        assert "Against Gradient descent it does better on 6 of 6" in text(found)
        assert "probability of improvement 1.00 [0.90, 1.00], told apart" in text(found)

    def test_no_difference_is_a_tie(self):
        found = f.tuned_gap(study(sgd={}, adam={}))
        assert found.tie
        assert "probability of improvement 0.50" in text(found)
        assert "], a tie." in text(found)
        assert "ties on 6" in text(found)
        assert "Gradient descent and Adam share the best mean rank in training gap, 1.5 of 2." in text(found)
        assert "Against Adam Gradient descent does better on 0 of 6" in text(found)

    def test_one_optimizer_has_nothing_to_be_compared_with(self):
        assert f.tuned_gap(study(sgd={})) is None

    def test_optimizers_that_have_no_tuned_rate_are_not_compared(self):
        assert f.tuned_gap(study(sgd={"tuned": ()}, adam={"tuned": ()})) is None


class TestPower:
    def test_ranks_that_differ_on_every_problem_are_found(self):
        found = f.told_apart(
            study(
                tuple("abcdefgh"),
                ("full",),
                sgd={"tuned": BAD},
                adam={"tuned": GOOD},
                momentum={"tuned": (0.2,) * 4},
            )
        )
        assert not found.tie
        assert "over the 8 problems finds that the tuned optimizers’ ranks differ for full batch" in text(
            found
        )

    def test_ties_throughout_are_not(self):
        found = f.told_apart(study(sgd={}, adam={}, momentum={}))
        assert found.tie
        assert "differ for no batch strategy" in text(found)

    @pytest.mark.parametrize(
        ("problems", "optimizers"), [(("a",), "sgd adam momentum"), (("a", "b"), "sgd adam")]
    )
    def test_nothing_is_said_where_nothing_can_be_tested(self, problems, optimizers):
        assert f.told_apart(study(problems, **{o: {} for o in optimizers.split()})) is None


class TestUsableRange:
    def test_the_widest_and_the_narrowest_are_named(self):
        found = f.usable_range(study(sgd={"sweep": NARROW}, adam={"sweep": WIDE}))
        assert not found.tie
        assert "widest for Adam, 3.0 [3.0, 3.0] decades" in text(found)
        assert "narrowest for Gradient descent, 0.6 [0.6, 0.6]" in text(found)
        assert "Adam’s is wider in 6 of 6 cells, by 2.4 [2.4, 2.4] decades: told apart." in text(found)
        assert "6 of these, its width is a lower bound" in text(found)

    def test_the_widest_is_compared_with_the_next_as_well(self):
        found = f.usable_range(study(sgd={"sweep": NARROW}, adam={"sweep": WIDE}, adamw={"sweep": WIDE}))
        assert "From the next, Adam’s, it is not told apart: 0.0 [0.0, 0.0] decades." in text(found)
        found = f.usable_range(study(sgd={"sweep": NARROW}, adam={}, adamw={"sweep": WIDE}))
        assert "From the next, Adam’s, it is told apart" in text(found)

    def test_the_same_width_is_a_tie(self):
        found = f.usable_range(study(sgd={}, adam={}))
        assert found.tie
        assert "a tie" in text(found)
        assert "lower bound" not in text(found)


class TestBatchSize:
    def test_a_shift_of_the_best_rate_and_of_the_cliff(self):
        shifted = {rate / 10: q for rate, q in VALLEY.items()}
        cells = [planted(problem=p) for p in "ab"] + [
            planted(problem=p, batch="1", sweep=shifted) for p in "ab"
        ]
        found = f.batch_size(analyse(gather(cells)))
        assert "From full batch to stochastic (batch 1)" in text(found)
        assert "the best learning rate moves by −1.0 [−1.0, −1.0] decades (2 pairs)" in text(found)
        assert "the cliff, where half of the runs diverge, moves by −1.0" in text(found)
        assert not found.tie

    def test_pairs_without_a_cliff_are_not_passed_over_in_silence(self):
        cells = [planted(problem=p, batch=b) for p in "ab" for b in ("full", "1")]
        cells += [planted(problem="c", batch=b, sweep=FLOOR) for b in ("full", "1")]
        found = f.batch_size(analyse(gather(cells)))
        assert "decades (2 of 3 pairs)" in text(found)
        assert "where both of a pair lie in the sweep" in text(found)

    def test_no_shift_is_a_tie(self):
        found = f.batch_size(study(sgd={}))
        assert found.tie
        assert "an interval that includes 0 shows no shift" in text(found)

    def test_one_batch_strategy_has_no_shift(self):
        assert f.batch_size(study(batches=("full",), sgd={})) is None


class TestDivergence:
    def test_the_share_and_who_diverges_most(self):
        found = f.diverged(study(sgd={}, adagrad={"sweep": FLOOR}))
        assert "24 of 144 runs diverged, 17 % [11, 24]" in text(found)
        said = "from 0 % [0, 5] with AdaGrad to 33 % [24, 45] with Gradient descent"
        assert said in text(found)

    def test_equal_shares_name_nobody(self):
        assert "By optimizer" not in text(f.diverged(study(sgd={}, adam={})))

    def test_floors_are_told_from_overflow(self):
        found = f.floors(study(sgd={}, adagrad={"sweep": FLOOR}))
        assert "100 % [86, 100] with Gradient descent but only 0 % [0, 14] with AdaGrad left" in text(found)
        assert "Of AdaGrad’s 24, another 0 ended above" in text(found)
        assert "and 24 below it without converging" in text(found)

    def test_where_all_fail_alike_nothing_is_said(self):
        assert f.floors(study(sgd={}, adam={})) is None


class TestTuning:
    def test_the_tuned_rate_against_the_default(self):
        found = f.tuning_pays(study(sgd={}, adam={"default": (0.010, 0.011, 0.012, 0.013)}))
        assert (
            "lower validation loss than the default rate in 6 of 12 cells, 50 % [25, 75], a higher one in 0, "
            "and in 6 they tie" in text(found)
        )
        assert "most often for Gradient descent (6 of 6 cells), least often for Adam (0 of 6 cells)" in text(
            found
        )

    def test_a_difference_between_few_cells_is_called_chance(self):
        found = text(f.tuning_pays(study(("a",), ("full",), sgd={}, adam={"default": GOOD})))
        assert "Tuning pays most often for Gradient descent (1 of 1 cell)" in found
        assert found.endswith("a difference that these few cells do not show to be more than chance.")

    def test_no_effect_is_a_tie(self):
        assert f.tuning_pays(study(sgd={"default": (0.010, 0.011, 0.012, 0.013)})).tie


class TestSelection:
    def test_ties_on_the_test_set_are_counted_beside_those_in_training(self):
        same = {"tuned": (0.9,) * 4, "default": (0.9,) * 4}
        found = f.selection(study(sgd={"tuned": BAD, "tests": same}, adam={"tuned": GOOD, "tests": same}))
        assert found.tie
        assert "Of the 6 comparisons" in text(found)
        assert "6 are told apart by training gap and 0 by test score; the other 6, 100 % [61, 100]" in text(
            found
        )


class TestTrust:
    def test_all_is_well(self):
        assert text(f.trust(study(sgd={}))) == "All 6 searches ended clear of the edges of their range."

    def test_tuned_rates_that_fresh_runs_do_not_survive_are_counted(self):
        cells = [planted(problem="a", tuned=[0.1, INF, INF]), planted(problem="b", tuned=[0.1, 0.1, 0.1])]
        found = text(f.trust(analyse(gather(cells))))
        assert found.endswith(
            "But 2 of 6 fresh runs at the tuned rates diverged, in 1 cell: there the rate lies at the cliff "
            "or beyond."
        )

    def test_doubtful_searches_are_counted_by_their_reason(self):
        cells = [planted(problem=p, search_status="at_search_boundary") for p in "ab"] + [
            planted(problem="c")
        ]
        cells.append(planted(problem="d", search_status="no_stable_rate"))
        found = text(f.trust(analyse(gather(cells))))
        assert found.startswith(
            "Of 4 searches, 2 (at a boundary of the range: not trusted) and 1 (no stable learning rate found)"
        )


class TestParticulars:
    def test_a_problem_in_its_numbers(self):
        tables = study(sgd={"tuned": BAD}, adam={"tuned": GOOD, "sweep": WIDE})
        found = problem_finding(tables, "a/net", "1").replace("\u00a0", " ").replace("\u202f", " ")
        assert found.startswith("The best rate of the sweep is 1 in every cell.")
        assert "The usable range is widest for Adam, full batch, 3.0 decades." in found
        assert (
            "the smallest tuned gap is Adam’s, 0.011 [0.010, 0.013], told apart from 1 of the 1 others"
            in found
        )
        assert "Of the sweep’s 48 runs, 16 diverged, 33 %" in found

    def test_where_nothing_is_stable(self):
        tables = study(sgd={"sweep": {1.0: INF, 10.0: INF}, "tuned": (INF,) * 4})
        found = problem_finding(tables, "a/net", "full")
        assert "No rate of the sweep was stable." in found
        assert "no tuned rate lasts" in found

    def test_where_nothing_reaches_the_tolerance(self):
        found = problem_finding(study(sgd={"sweep": {0.1: 0.9, 1.0: 0.5}}), "a/net", "full")
        assert "None reaches the tolerance within the budget." in found


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
        (Interval(0.52, 0.45, 0.59), "a tie"),
        (Interval(0.6, 0.55, 0.7), "told apart"),
        (Interval(0.43, 0.39, 0.46), "told apart, in favour of Adam: a mean rank counts places"),
    ],
)
def test_a_duel_that_the_best_by_rank_loses_is_not_written_as_won(chance: Interval, says: str) -> None:
    assert f.told(chance, "Adam").startswith(says)
    assert says != "told apart" or f.told(chance, "Adam") == says
    assert "a mean rank" not in f.told(chance, "Adam", level=True)  # equal ranks explain nothing
