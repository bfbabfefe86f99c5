"""The sentences, read back from planted cells."""

import re

import pytest

from overshoot.study.analysis import gather
from overshoot.study.analysis.study_tables import analyse
from overshoot.study.findings import headlines as f
from overshoot.study.findings.divergence import diverged, plateaus
from overshoot.study.findings.held_out import selection, tuning_pays
from overshoot.study.findings.particulars import problem_finding
from overshoot.study.findings.ranges import batch_size, usable_range
from overshoot.study.findings.ranking import rank_power
from overshoot.study.findings.training_claims import tuned_gap
from overshoot.study.findings.trust import trust
from tests.planted_cells import INF, VALLEY, planted

GOOD, BAD = (0.010, 0.011, 0.012, 0.013), (0.50, 0.51, 0.52, 0.53)
NARROW = {1e-3: 0.9, 1e-2: 0.5, 1e-1: 0.4, 1.0: 0.01, 10.0: INF, 100.0: INF}
WIDE = {1e-3: 0.05, 1e-2: 0.04, 1e-1: 0.03, 1.0: 0.01, 10.0: INF, 100.0: INF}
SHORT = {1e-3: 0.9, 1e-2: 0.5, 1e-1: 0.4, 1.0: 0.2, 10.0: INF, 100.0: INF}
FLOOR = {1e-3: 0.9, 1e-2: 0.3, 1e-1: 0.05, 1.0: 0.01, 10.0: 0.4, 100.0: 0.6}


def study(problems=tuple("abcdef"), batches=("full", "1"), **optimizers):
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
    def test_a_leader_is_named_with_both_intervals(self):
        found = tuned_gap(study(sgd={"tuned": BAD}, adam={"tuned": GOOD}))
        assert not found.inconclusive
        assert found.claim == "Adam trains furthest at its tuned rate. Gradient descent trains least far."
        assert "over 6 problems: Adam 1.0 and Gradient descent 2.0." in text(found)
        assert "First when the 6 problems are resampled: Adam in 100 %." in text(found)
        assert "Adam does clearly better on 12 and clearly worse on 0 of 12 pairs" in text(found)
        assert (
            "a run with Adam ends with a smaller training gap than one with Gradient descent is 1.00 "
            "([0.90, 1.00] on these problems, [1.00, 1.00] on problems like these): clearly different."
            in text(found)
        )

    def test_where_problems_disagree_nobody_leads(self):
        cells = [
            planted(problem=p, optimizer=o, tuned=GOOD if (o == "adam") == (p in "abc") else BAD)
            for p in "abcdef"
            for o in ("sgd", "adam")
        ]
        found = tuned_gap(analyse(gather(cells)))
        assert found.inconclusive
        assert "No optimizer clearly trains furthest" in found.claim
        assert "on problems like these): no clear difference." in text(found)

    def test_what_replicates_show_and_problems_do_not_is_said(self):
        """Better on five of seven problems, each time in every replicate."""
        cells = [
            planted(problem=p, optimizer=o, tuned=GOOD if (o == "adam") == (p in "abcde") else BAD)
            for p in "abcdefg"
            for o in ("sgd", "adam")
        ]
        assert "clear on these problems, but not for problems like these." in text(
            tuned_gap(analyse(gather(cells)))
        )

    def test_of_few_problems_what_was_seen_is_said(self):
        first, *_ = f.findings(study(tuple("abc"), sgd={"tuned": BAD}, adam={"tuned": GOOD}))
        assert not first.inconclusive
        assert first.claim == (
            "At the tuned rate the smallest training gap is Gradient descent’s in 0 and Adam’s in 6 of 6 "
            "pairs of problem and batch strategy."
        )

    def test_one_optimizer_has_nothing_to_be_compared_with(self):
        assert tuned_gap(study(sgd={})) is None

    def test_optimizers_that_have_no_tuned_rate_are_not_compared(self):
        assert tuned_gap(study(sgd={"tuned": ()}, adam={"tuned": ()})) is None


class TestPower:
    def test_ranks_that_differ_on_every_problem_are_found(self):
        found = rank_power(
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

    def test_where_they_differ_with_every_batch_strategy_none_is_listed(self):
        each = {"sgd": BAD, "adam": GOOD, "momentum": (0.2,) * 4}
        found = rank_power(study(tuple("abcdefgh"), **{o: {"tuned": gaps} for o, gaps in each.items()}))
        assert found.claim.endswith("clearly differ with every batch strategy.")

    def test_ties_throughout_are_not(self):
        found = rank_power(study(sgd={}, adam={}, momentum={}))
        assert found.inconclusive
        assert "differ clearly for no batch strategy" in text(found)

    @pytest.mark.parametrize(
        ("problems", "optimizers"), [("abcd", "sgd adam momentum"), ("abcdef", "sgd adam")]
    )
    def test_nothing_is_said_where_nothing_can_be_tested(self, problems, optimizers):
        assert rank_power(study(tuple(problems), **{o: {} for o in optimizers.split()})) is None


class TestUsableRange:
    def test_the_widest_and_the_narrowest_are_named(self):
        found = usable_range(study(sgd={"sweep": NARROW}, adam={"sweep": WIDE}))
        assert not found.inconclusive
        assert found.claim == (
            "Adam forgives most; Gradient descent forgives least: Adam works over a 1,000-fold range, "
            "Gradient descent over a 4-fold one."
        )
        assert "from the median of 2 replicates at each rate" in text(found)
        assert "at each rate: Adam 3.0 and Gradient descent 0.6." in text(found)
        assert (
            "Adam’s range is 2.4 decades wider than Gradient descent’s ([2.4, 2.4] on these problems, "
            "[2.4, 2.4] on problems like these): clear" in text(found)
        )
        assert "12 of Adam’s and Gradient descent’s ranges reach the end of the sweep" in text(found)

    def test_those_that_tie_are_named_in_the_evidence_and_not_in_the_claim(self):
        found = usable_range(study(sgd={"sweep": NARROW}, adam={"sweep": WIDE}, adamw={"sweep": WIDE}))
        assert found.claim == (
            "No optimizer clearly forgives most; Gradient descent forgives least: the widest works over a "
            "1,000-fold range, Gradient descent over a 4-fold one."
        )
        assert not found.inconclusive, "who forgives least is clear"
        assert "Adam and AdamW tie for first: one of the two leads in at least 90 %" in text(found)

    def test_the_same_width_is_inconclusive(self):
        found = usable_range(study(sgd={}, adam={}))
        assert found.inconclusive
        assert "No optimizer clearly forgives most" in text(found)
        assert "reach the end" not in text(found)

    def test_problems_on_which_no_rate_reaches_the_tolerance_are_left_out_and_named(self):
        cells = [
            planted(problem=p, optimizer=o, sweep=SHORT if p == "f" else VALLEY)
            for p in "abcdef"
            for o in ("sgd", "adam")
        ]
        found = usable_range(analyse(gather(cells)))
        assert "On average over 5 pairs of problem and batch strategy (5 problems)" in text(found)
        assert "few or no rates reach the tolerance within the budget there: f." in text(found)

    def test_replicates_that_disagree_widen_the_interval_over_replicates(self):
        mixed = WIDE | {1e-3: [0.05, 0.9], 1e-2: [0.04, 0.9]}
        found = text(usable_range(study(sgd={"sweep": NARROW}, adam={"sweep": mixed})))
        low, high = re.search(
            r"decades wider than Gradient descent’s \(\[([\d.]+), ([\d.]+)\] on these", found
        ).groups()
        assert float(low) < float(high)


class TestBatchSize:
    def test_a_shift_of_the_best_rate_and_of_the_boundary_by_optimizer(self):
        shifted = {"full": VALLEY, "1": {rate / 10: q for rate, q in VALLEY.items()}}
        cells = [planted(problem=p, batch=b, sweep=shifted[b]) for p in "abcdef" for b in shifted]
        cells += [planted(problem=p, batch=b, optimizer="adam") for p in "abcdef" for b in shifted]
        found = batch_size(analyse(gather(cells)))
        assert found.claim == (
            "From full batch to stochastic (batch 1) the best rate falls with 1 of 2 optimizers, and the "
            "rate at which runs diverge falls with 1."
        )
        assert "Gradient descent −1.0 ([−1.0, −1.0] on these problems, [−1.0, −1.0] on" in text(found)
        assert "Adam 0.0 ([0.0, 0.0] on these" in text(found)
        assert "medians over 6 problems: 100 with full batch and 100 with stochastic (batch" in text(found)
        assert not found.inconclusive

    def test_pairs_without_a_boundary_count_as_the_end_of_the_grid(self):
        cells = [planted(problem=p, batch=b) for p in "ab" for b in ("full", "1")]
        cells += [planted(problem="c", batch=b, sweep=FLOOR) for b in ("full", "1")]
        found = batch_size(analyse(gather(cells)))
        assert "over 3 problems" in text(found)
        assert (
            "Of 3 pairs of problem and optimizer this concerns 1 with both, where the shift is unknown"
            in text(found)
        )

    def test_which_side_lies_beyond_the_grid_says_which_shift_is_larger(self):
        cells = [planted(problem=p, batch=b) for p in "abcd" for b in ("full", "1")]
        cells += [planted(problem=p, batch="full", sweep=FLOOR) for p in "ef"]
        cells += [planted(problem=p, batch="1") for p in "ef"]
        found = text(batch_size(analyse(gather(cells))))
        assert "concerns 2 with full batch, where a fall is underestimated." in found
        assert "not counted in the claim" not in found

    def test_no_shift_is_claimed_of_boundaries_that_are_mostly_beyond_the_grid(self):
        low = {rate / 100: q for rate, q in VALLEY.items()}
        cells = [planted(problem=p, batch="full", sweep=FLOOR) for p in "abcdef"]
        cells += [planted(problem=p, batch="1", sweep=low) for p in "abcdef"]
        found = batch_size(analyse(gather(cells)))
        assert "the rate at which runs diverge" not in found.claim
        assert (
            "With Gradient descent these are half of the pairs or more, so its shift is not counted in the "
            "claim." in text(found)
        )

    def test_the_updates_of_every_strategy_are_said(self):
        counts = {"full": 40, "64": 120, "16": 480, "1": 7680}
        cells = [planted(problem=p, batch=b, updates_per_trial=n) for p in "ab" for b, n in counts.items()]
        assert (
            "40 with full batch, 120 with mini-batch 64, 480 with mini-batch 16 and 7,680 with stochastic "
            "(batch 1)." in text(batch_size(analyse(gather(cells))))
        )

    def test_no_shift_is_inconclusive(self):
        found = batch_size(study(sgd={}))
        assert found.inconclusive
        assert "does not clearly move" in text(found)

    def test_one_batch_strategy_has_no_shift(self):
        assert batch_size(study(batches=("full",), sgd={})) is None


class TestDivergence:
    def test_the_share_and_who_diverges_most(self):
        found = diverged(study(sgd={}, adagrad={"sweep": FLOOR}))
        assert found.claim == (
            "50 % of the runs within a decade above the best rate diverge; by optimizer, 0 % to 100 %."
        ).replace(" %", "\u202f%")
        assert "24 of 48 runs of the sweep, every cell with the same weight" in text(found)
        assert "Gradient descent 100 % and AdaGrad 0 %" in text(found)

    def test_the_range_of_the_sweep_does_not_change_the_share(self):
        longer = VALLEY | {1000.0: INF, 10000.0: INF}
        shares = [diverged(study(sgd={"sweep": sweep})).claim for sweep in (VALLEY, longer)]
        assert shares[0] == shares[1]

    def test_shares_are_given_by_rate_over_the_limit(self):
        found = text(diverged(study(sgd={"limit_measured": 2.0})))
        assert "0 % [0, 0] at 0.01 to 0.1 times" in found
        assert "100 % [100, 100] at 2 to 10 times" in found

    def test_plateaus_are_distinguished_from_overflow(self):
        found = plateaus(study(sgd={}, adagrad={"sweep": FLOOR}))
        assert found.claim.startswith("With 1 of 2 optimizers too large a rate seldom overflows")
        assert (
            "initial gap, by optimizer: 0 % to 100 %. Seldom: clearly less than half of them, with AdaGrad."
            in text(found)
        )
        assert text(found).count("Gradient descent 100 %") == text(found).count("AdaGrad 0 %") == 1
        assert (
            "Gradient descent 100 % ([100, 100] on these problems, [100, 100] on problems like these) and "
            "AdaGrad 0 % ([0, 0] on these problems, [0, 0] on problems like these)." in text(found)
        )
        assert (
            "Of all 96 failed runs, another 0 ended above their start or still rising, and 48 below it"
            in text(found)
        )

    def test_where_all_overflow_that_is_inconclusive(self):
        found = plateaus(study(sgd={}, adam={}))
        assert found.inconclusive
        assert found.claim.startswith("With no optimizer is it clear")


class TestTuning:
    def test_the_tuned_rate_against_the_default(self):
        found = tuning_pays(study(sgd={}, adam={"default": (0.010, 0.011, 0.012, 0.013)}))
        assert (
            "Tuning the rate clearly beats the default rate in 12 of 24 cells, and clearly loses in 0. "
            "Validation loss on fresh replicates: clearly better in 50 % [50, 50] of the cells (resampled "
            "by problem), no clear difference in 12 cells; each cell is judged over its replicates. The "
            "probability that a tuned run does better is" in text(found)
        )

    def test_whose_the_defaults_are_is_said(self):
        found = text(tuning_pays(study(sgd={"default_rate": 1e-3}, adam={})))
        assert (
            "Keras has others: 0.01 for Gradient descent instead of 0.001 (in the usable range of 0 instead "
            "of 0 of 12 cells)." in found
        )
        assert "PyTorch’s where it has the optimizer" in found

    def test_no_effect_is_inconclusive(self):
        assert tuning_pays(study(sgd={"default": (0.010, 0.011, 0.012, 0.013)})).inconclusive


class TestSelection:
    def test_inconclusive_test_scores_are_counted_beside_those_in_training(self):
        same = {"tuned": (0.9,) * 4, "default": (0.9,) * 4}
        found = selection(study(sgd={"tuned": BAD, "tests": same}, adam={"tuned": GOOD, "tests": same}))
        assert found.inconclusive
        assert (
            "clearly different on held-out data in 0 of 12 comparisons, and in training gap in 12 of them."
            in text(found)
        )
        assert "by test score 100 % [100, 100] show no clear difference" in text(found)


class TestTrust:
    def test_all_is_well(self):
        assert text(trust(study(sgd={}))) == (
            "12 of 12 searches ended inside the searched range. All 48 fresh runs at the tuned rates "
            "survived."
        )

    def test_tuned_rates_that_fresh_runs_do_not_survive_are_counted(self):
        cells = [planted(problem="a", tuned=[0.1, INF, INF]), planted(problem="b", tuned=[0.1, 0.1, 0.1])]
        found = text(trust(analyse(gather(cells))))
        assert found.endswith(
            "Of 6 fresh runs at tuned rates 2 diverged, at 1 of 2 rates tuned for training, for validation "
            "or for speed."
        )

    def test_a_rate_tuned_for_speed_counts_too(self):
        cell = planted(tuned=[0.1, INF], tuned_rate_training=0.1, tuned_rate_validation=0.1)
        assert "Of 2 fresh runs at tuned rates 1 diverged, at 1 of 1 rate" in text(
            trust(analyse(gather([cell])))
        )

    def test_replicates_of_the_search_that_disagree_are_counted(self):
        spreads = {"a": 0.6, "b": 0.4, "c": None}
        cells = [planted(problem=p, search_spread_training=s) for p, s in spreads.items()]
        found = text(trust(analyse(gather(cells))))
        assert "disagree on the best rate by more than 0.5 decades in 1 of 2 cells for training." in found

    def test_doubtful_searches_are_counted_by_their_reason(self):
        cells = [planted(problem=p, search_status="at_search_boundary") for p in "ab"] + [
            planted(problem="c")
        ]
        cells.append(planted(problem="d", search_status="no_stable_rate"))
        found = text(trust(analyse(gather(cells))))
        assert found.startswith(
            "1 of 4 searches ended inside the searched range. In doubt, and marked † in the tables: 2 (at "
            "the search boundary) and 1 (no stable rate)."
        )


class TestParticulars:
    def test_a_problem_in_its_numbers(self):
        tables = study(sgd={"tuned": BAD}, adam={"tuned": GOOD, "sweep": WIDE})
        found = problem_finding(tables, "a/net", "1").replace("\u00a0", " ").replace("\u202f", " ")
        assert found.startswith("The best rate of the sweep is 1 in every cell.")
        assert "The usable range is widest for Adam, full batch: 3.0 decades." in found
        assert "the smallest tuned gap is Adam’s, 0.011, the next Gradient descent’s, 0.52." in found
        assert "Of its 8 runs within a decade above the best rates 8 diverged: 100 %, each cell" in found

    def test_where_nothing_is_stable(self):
        tables = study(sgd={"sweep": {1.0: INF, 10.0: INF}, "tuned": (INF,) * 4})
        found = problem_finding(tables, "a/net", "full")
        assert (
            "At every rate of the sweep half of the runs or more diverged, or one exploded on its way."
            in found
        )
        assert "every tuned rate diverges" in found

    def test_where_nothing_reaches_the_tolerance(self):
        found = problem_finding(study(sgd={"sweep": {0.1: 0.9, 1.0: 0.5}}), "a/net", "full")
        assert "No run reaches the tolerance within the budget." in found


class TestRuns:
    def test_the_runs_behind_a_sentence_are_those_of_the_optimizers_that_it_names(self):
        tables = study(sgd={"sweep": NARROW}, adam={"sweep": WIDE})
        assert usable_range(tables).runs == [
            f.RunLink("Adam", {"optimizer": "adam"}, "usable_width_decades"),
            f.RunLink("Gradient descent", {"optimizer": "sgd"}, "usable_width_decades"),
        ]

    def test_of_all_optimizers_they_are_the_studys(self):
        assert tuning_pays(study(sgd={})).runs == [f.RunLink("all cells")]

    def test_a_problem_is_a_dataset_with_a_network(self):
        found = f.runs_of(study(sgd={}).study, problem="a/net", batch="1")
        assert found.tags == {"dataset": "a", "network": "net", "batch": "1"}
        assert found.label == "a, stochastic (batch 1)"


def test_a_study_of_one_cell_says_what_it_can():
    found = f.findings(analyse(gather([planted()])))
    said = [finding.about for finding in found]
    assert said == ["Usable range", "Divergence", "Plateaus", "Tuning", "Trust"]
