"""The tables, read back from planted cells."""

import gc
import weakref

import numpy as np
import pytest

from overshoot.study.analysis import gather
from overshoot.study.analysis.chosen import chosen_curves, chosen_rates
from overshoot.study.analysis.diverged_runs import diverged, failed_above, failures_above, reasons
from overshoot.study.analysis.divergence_shares import above_best, by_strategy
from overshoot.study.analysis.labels import dataset_label, names_of, optimizer_label
from overshoot.study.analysis.overview import optimization
from overshoot.study.analysis.scores import against, duels, performance, ranking, replicates, tuning
from overshoot.study.analysis.sensitivity import rate_table, sensitivity
from overshoot.study.analysis.study_tables import analyse
from overshoot.study.comparison import Range
from overshoot.study.problems.datasets import DATASETS
from tests.planted_cells import INF, VALLEY, planted


def only(table):
    assert len(table) == 1
    return table.iloc[0]


def rates_of(*cells):
    return rate_table(gather(cells))


def sensitivity_of(cell):
    study = gather([cell])
    return only(sensitivity(rate_table(study), study.tolerance))


def tags(**changes):
    return {"dataset": "iris", "network": "net", "optimizer": "adam", "batch": "full"} | changes


class TestNames:
    def test_labels_are_the_registrys_with_the_options(self):
        assert optimizer_label("sgd") == "Gradient descent"
        assert optimizer_label("adam(beta1=0.5)") == "Adam (beta1=0.5)"
        assert optimizer_label("unheard_of") == "unheard_of"
        assert optimizer_label("sgd + unheard_of") == "Gradient descent + unheard_of"

    def test_datasets_are_written_as_people_write_them(self):
        for name in DATASETS:
            assert "_" not in dataset_label(name), f"{name} has no label"
        assert dataset_label("digits(samples=600)") == "digits (samples=600)"
        assert dataset_label("my_own_houses") == "my_own_houses", "a file keeps its name"
        several = names_of([tags(dataset="breast_cancer"), tags(dataset="breast_cancer", network="deep")])
        assert [*several.problems.values()] == ["breast cancer / net", "breast cancer / deep"]

    def test_a_problem_goes_by_its_dataset_unless_that_has_several_networks(self):
        assert names_of([tags(), tags(dataset="wine")]).problems == {"iris/net": "iris", "wine/net": "wine"}
        several = names_of([tags(), tags(network="deep")])
        assert list(several.problems.values()) == ["iris / net", "iris / deep"]

    def test_batches_go_from_the_largest_to_the_smallest_and_optimizers_as_stored(self):
        names = names_of(
            [tags(batch=b, optimizer=o) for b in ("1", "16", "full", "64") for o in ("sgd", "adam")]
        )
        assert list(names.batches) == ["full", "64", "16", "1"]
        assert list(names.optimizers) == ["sgd", "adam"]


class TestGather:
    def test_without_cells_there_is_nothing_to_report(self):
        with pytest.raises(ValueError, match="nothing to report"):
            gather([])

    def test_cells_of_two_protocols_do_not_share_a_report(self):
        with pytest.raises(ValueError, match="2 different protocols"):
            _ = gather([planted(), planted(batch="1", protocol="{}")]).tolerance

    def test_a_diverged_trial_is_as_bad_as_can_be_whatever_it_scored(self):
        trials = gather([planted(tuned=(0.01, INF), default=(0.3, 0.3))]).trials
        gone = only(trials[(trials["phase"] == "confirm") & trials["diverged"]])
        assert (gone["gap"], gone["loss"], gone["test_loss"]) == (INF, INF, INF)
        assert (gone["score"], gone["test_score"]) == (-INF, -INF)
        assert gone["validation_score"] == 0.1  # what was stored stays as it was

    def test_a_study_reads_the_curves_of_cells_that_it_does_not_hold(self):
        cell = planted()
        trials, key = weakref.ref(cell.trials), cell.key
        study = gather([cell])
        del cell
        gc.collect()
        assert trials() is None
        assert len(study.curves[key])


class TestRates:
    def test_the_sweep_is_read_rate_by_rate(self):
        table = rates_of(planted())
        assert table["rate"].tolist() == list(VALLEY)
        assert table["gap"].tolist() == list(VALLEY.values())
        assert table["outcome"].tolist() == ["too small"] * 2 + ["converged"] * 2 + ["diverged"] * 2
        assert table["diverged"].tolist() == [0, 0, 0, 0, 2, 2]

    def test_half_of_the_replicates_diverged_is_diverged_and_the_others_stay_visible(self):
        row = only(rates_of(planted(sweep={1.0: [0.05, INF]})))
        assert (row["gap"], row["outcome"]) == (INF, "diverged")
        assert (row["gap_low"], row["gap_high"]) == (0.05, 0.05)

    def test_of_two_outcomes_as_common_the_worse_one_is_shown(self):
        table = rates_of(planted(sweep={0.1: [0.05, 0.3], 1.0: 0.01}))
        assert table["outcome"].tolist() == ["too small", "converged"]

    def test_one_in_three_diverged_leaves_a_gap(self):
        row = only(rates_of(planted(sweep={1.0: [0.05, 0.2, INF]})))
        assert (row["gap"], row["diverged"], row["n"]) == (0.2, 1, 3)


class TestSensitivity:
    def test_the_usable_range_is_interpolated_to_the_tolerance_and_ends_before_divergence(self):
        found = sensitivity_of(planted())
        share = np.log(0.1 / 0.05) / np.log(0.3 / 0.05)
        assert found["best"] == 1.0
        assert found["low"] == pytest.approx(10 ** (-1 - share))
        assert found["high"] == pytest.approx(1.0)
        assert found["width"] == pytest.approx(1 + share)
        assert (found["sweep_boundary"], found["margin"]) == (pytest.approx(10.0), pytest.approx(1.0))
        assert not found["open_low"]
        assert not found["open_high"]

    def test_a_range_that_reaches_the_end_of_the_sweep_says_so(self):
        found = sensitivity_of(planted(sweep={1e-3: 0.05, 1e-2: 0.01, 1e-1: 0.02}))
        assert found["open_low"]
        assert found["open_high"]
        assert np.isnan(found["sweep_boundary"])

    def test_what_never_converges_has_no_range(self):
        found = sensitivity_of(planted(sweep={1e-3: 0.9, 1e-2: 0.3, 1e-1: INF}))
        assert (found["width"], found["best"]) == (0.0, pytest.approx(1e-2))
        assert np.isnan(found["low"])

    def test_a_rate_at_which_one_exploded_on_its_way_is_not_the_best(self):
        cell = planted(sweep=VALLEY | {10.0: [1e-9, 1e-9, INF]})
        cell.trials.loc[(cell.trials["rate"] == 10.0) & (cell.trials["q_end"] == 1e-9), "peak"] = 50.0
        found = sensitivity_of(cell)
        assert found["best"] == pytest.approx(1.0)
        assert found["width"] == sensitivity_of(planted(sweep=VALLEY | {10.0: 1e-9}))["width"]

    def test_where_every_rate_diverges_there_is_no_best(self):
        found = sensitivity_of(planted(sweep={1e-3: INF, 1e-2: INF}))
        assert np.isnan(found["best"])
        assert found["width"] == 0.0


class TestChosen:
    def test_a_rate_too_small_the_best_and_one_too_large(self):
        table = chosen_rates(rates := rates_of(planted()), sensitivity(rates, 0.1))
        assert table["role"].tolist() == ["too small", "best", "too large"]
        assert table["rate"].tolist() == pytest.approx([0.01, 1.0, 10.0])

    def test_too_large_may_be_a_floor(self):
        rates = rates_of(planted(sweep={0.01: 0.9, 0.1: 0.05, 1.0: 0.2, 10.0: 0.5}))
        table = chosen_rates(rates, sensitivity(rates, 0.1)).set_index("role")
        assert table.loc["too large", "outcome"] == "too large"

    def test_roles_that_a_cell_does_not_have_are_left_out(self):
        rates = rates_of(planted(sweep={0.01: 0.05, 0.1: 0.01, 1.0: 0.02}))
        assert chosen_rates(rates, sensitivity(rates, 0.1))["role"].tolist() == ["best"]
        rates = rates_of(planted(sweep={0.01: INF, 0.1: INF}))
        assert chosen_rates(rates, sensitivity(rates, 0.1))["role"].tolist() == ["too large"]

    def test_curves_are_gaps_of_the_chosen_trials_with_nothing_left_out(self):
        study = gather([planted(best_known_loss=0.0)])
        rates = rate_table(study)
        (curves,) = chosen_curves(study, chosen_rates(rates, sensitivity(rates, 0.1))).values()
        assert curves.groupby(["role", "replicate"]).ngroups == 6
        starts = curves[curves["update"] == 0]
        assert starts["gap"].tolist() == [1.0] * 6
        gone = curves[curves["role"] == "too large"]
        assert gone[gone["replicate"] == "sweep-0"]["gap"].tolist() == [1.0, 1e3, INF]
        best = curves[(curves["role"] == "best") & (curves["examples"] == 1000)]
        assert best["gap"].tolist() == pytest.approx([0.01, 0.01])


class TestScores:
    def test_performance_is_the_interquartile_mean_of_the_fresh_replicates(self):
        table = performance(gather([planted()])).query("claim == 'training'").set_index("role")
        assert table.loc["tuned", "gap"].value == pytest.approx((0.011 + 0.012) / 2)
        assert (table.loc["tuned", "rate"], table.loc["default", "rate"]) == (0.5, 0.01)
        assert table.loc["tuned", "test_score"].value == pytest.approx(1 - 0.0115)

    def test_a_rate_at_which_all_diverged_has_infinite_gap_and_the_worst_score(self):
        table = (
            performance(gather([planted(tuned=(INF,) * 4)])).query("claim == 'training'").set_index("role")
        )
        assert table.loc["tuned", "gap"].value == INF
        assert table.loc["tuned", "test_score"].value == -INF
        assert table.loc["tuned", "diverged"] == 4

    def test_a_duel_is_won_tied_or_lost(self):
        same, worse = (0.01, 0.02, 0.03, 0.04), (0.5, 0.6, 0.7, 0.8)
        study = gather(
            [planted(optimizer=o, tuned=t) for o, t in (("sgd", same), ("adam", same), ("lion", worse))]
        )
        table = duels(study, replicates(study, "gap"))
        assert against(table, "sgd", "adam") == {"better": 0, "worse": 0, "unclear": 1}
        assert against(table, "adam", "lion") == {"better": 1, "worse": 0, "unclear": 0}
        assert against(table, "lion", "adam") == {"better": 0, "worse": 1, "unclear": 0}

    def test_higher_test_scores_win(self):
        ends = {"default": (0.5,) * 4}
        good = planted(optimizer="sgd", tests=ends | {"tuned": (0.9, 0.91, 0.92, 0.93)})
        bad = planted(optimizer="adam", tests=ends | {"tuned": (0.7, 0.71, 0.72, 0.73)})
        study = gather([good, bad])
        assert against(duels(study, replicates(study, "test_score")), "sgd", "adam")["better"] == 1

    def test_gaps_beyond_the_resolution_are_equal(self):
        study = gather(
            [planted(optimizer="sgd", tuned=(1e-9,) * 4), planted(optimizer="adam", tuned=(1e-8,) * 4)]
        )
        assert against(duels(study, replicates(study, "gap")), "sgd", "adam")["unclear"] == 1

    def test_tuning_is_judged_against_the_default(self):
        study = gather([planted(), planted(batch="1", default=(0.01, 0.011, 0.012, 0.013))])
        table = tuning(study, replicates(study, "gap"))
        assert table["verdict"].tolist() == ["better", "unclear"]

    def test_an_optimizer_without_a_tuned_rate_ranks_last(self):
        cells = [planted(problem=p, optimizer=o) for p in ("a", "b") for o in ("sgd", "adam")]
        cells += [planted(problem=p, optimizer="lion", tuned=()) for p in ("a", "b")]
        study = gather(cells)
        ranks = ranking(study, replicates(study, "gap")).set_index("optimizer")["rank"]
        assert ranks.to_dict() == {"sgd": 1.5, "adam": 1.5, "lion": 3.0}


class TestOverview:
    def test_counts_and_means_over_the_problems(self):
        study = gather([planted(problem="a"), planted(problem="b", tuned=(0.1, INF, 0.1, 0.1))])
        rates = rate_table(study)
        found = sensitivity(rates, study.tolerance)
        gaps = replicates(study, "gap")
        shares = by_strategy(above_best(study, found))
        row = only(optimization(study, gaps, ranking(study, gaps), found, shares))
        assert (row["tuned_diverged"], row["tuned_runs"], row["boundaries"], row["problems"]) == (1, 8, 2, 2)
        assert row["diverged"] == Range(1.0, 1.0, 1.0, 1)
        assert row["width"].value == pytest.approx(found["width"].mean())


class TestDivergence:
    def test_every_diverged_trial_is_there_with_its_step_and_its_speed(self):
        gone = diverged(gather([planted(tuned=(0.01, INF))]))
        assert len(gone) == 5
        assert set(gone["step"]) == {20}
        assert set(gone["decades"]) == {1.0}
        assert not gone["lasted"].any()

    def test_reasons_are_counted_without_their_numbers(self):
        table = reasons(diverged(gather([planted()])))
        assert only(table)["reason"] == "exploded"
        assert only(table)["trials"] == 4

    def test_without_divergence_the_tables_are_empty(self):
        study = gather([planted(sweep={0.1: 0.05, 1.0: 0.01})])
        assert diverged(study).empty
        assert reasons(diverged(study)).empty

    def test_a_strategy_s_share_is_taken_above_the_best_rate_and_varies_by_problem(self):
        """However far the sweep goes, and each cell once."""
        longer = VALLEY | dict.fromkeys((1000.0, 10000.0, 100000.0), INF)
        mixed = {0.1: 0.05, 1.0: 0.01, 5.0: 0.05, 10.0: INF}
        cells = [planted(problem="a", sweep=longer), planted(problem="b", sweep=mixed)]
        study = gather(cells)
        above = above_best(study, sensitivity(rate_table(study), 0.1))
        assert only(by_strategy(above))["share"] == Range(0.75, 0.75, 0.75, 1), "of two problems alone"
        many = gather([planted(problem=p) for p in "abcde"])
        found = only(by_strategy(above_best(many, sensitivity(rate_table(many), 0.1))))["share"]
        assert not isinstance(found, Range)

    def test_failures_above_the_best_rate_explode_or_end_too_high(self):
        cell = planted(sweep={0.1: 0.9, 1.0: 0.01, 10.0: [0.5, 3.0], 100.0: INF})
        cell.trials.loc[cell.trials["q_end"] == 3.0, "outcome"] = "diverged"  # it ended above its start
        study = gather([cell])
        row = only(failures_above(failed_above(study, sensitivity(rate_table(study), 0.1))))
        assert (row["exploded"], row["risen"], row["size"]) == (2, 1, 4)
        assert row["share"].value == 0.5


@pytest.mark.parametrize(
    "cells",
    [
        [planted()],
        [planted(sweep={0.1: INF, 1.0: INF}, tuned=(), default=(INF,) * 4)],
        [planted(tuned=(0.01,) * 4), planted(optimizer="adam", tuned=(0.01,) * 4)],
        [planted(sweep={1.0: [0.01]}, tuned=(0.01, 0.02), default=(0.01, 0.02))],
    ],
    ids=["one cell", "all diverged", "all tied", "one rate, one replicate"],
)
def test_the_smallest_and_the_saddest_studies_have_tables(cells):
    assert len(analyse(gather(cells)).sensitivity) == len(cells)


def test_an_optimizer_that_this_program_does_not_know_has_no_recursion():
    study = gather([planted(optimizer="of_somebody"), planted(optimizer="momentum(momentum=0.5)")])
    unknown, ball = study.recursions.values()
    assert unknown is None
    assert ball.momentum == 0.5


def test_what_comes_back_from_an_explosion_above_the_boundary_is_not_the_best():
    cell = planted(sweep={0.001: 0.5, 0.01: 0.05, 0.1: 0.02, 1.0: 0.2, 10.0: INF, 100.0: 1e-9})
    cell.trials.loc[cell.trials["rate"] == 100.0, "peak"] = 50.0
    row = sensitivity(rate_table(gather([cell])), 0.1).iloc[0]
    assert (row["best"], row["sweep_boundary"]) == (0.1, 10.0)
    assert row["width"] > 1
