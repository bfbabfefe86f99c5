"""Profiles, tuning effort and axes: tables and sentences, read back from planted cells."""

import re

import numpy as np
import pytest

from overshoot.study.analysis import arrivals as axes
from overshoot.study.analysis import gather, profiles
from overshoot.study.analysis import rank_tables as ranks
from overshoot.study.analysis import search_effort as effort
from overshoot.study.findings import batch_axes, speed, tuning
from overshoot.study.findings.claims import RunLink
from overshoot.study.findings.codes import SEARCHES
from overshoot.study.phases.search import SearchStatus
from tests.planted_cells import INF, planted

GOOD, FAIR, BAD = (0.010, 0.011, 0.012, 0.013), (0.1, 0.11, 0.12, 0.13), (0.50, 0.51, 0.52, 0.53)


def study(problems="abc", batches=("full", "1"), **optimizers):
    """A study in which each optimizer has the same planted cell everywhere."""
    return gather(
        [
            planted(problem=p, optimizer=o, batch=b, **given)
            for p in problems
            for o, given in optimizers.items()
            for b in batches
        ]
    )


def text(finding):
    return finding.text.replace("\u00a0", " ").replace("\u202f", " ")


class TestProfiles:
    FAST, SLOW, NEVER = (100.0,) * 4, (400.0,) * 4, (INF,) * 4

    def area(self, found, optimizer, target=0.1, batch=ranks.ALL):
        table = profiles.profile_table(found)
        at = table[
            (table["target"] == target) & (table["batch"] == batch) & (table["optimizer"] == optimizer)
        ]
        return at.iloc[0]

    def test_the_area_is_how_close_an_optimizer_comes_to_the_fastest(self):
        found = study(sgd={"hits": self.SLOW}, adam={"hits": self.FAST}, momentum={"hits": self.NEVER})
        assert self.area(found, "adam")["area"].value == 1
        assert self.area(found, "sgd")["area"].value == pytest.approx(1 - np.log(4) / np.log(10))
        assert self.area(found, "momentum")["area"].value == 0
        assert self.area(found, "sgd")["band"][0, 0] == 0
        assert self.area(found, "sgd")["band"][0, -1] == 1
        assert (self.area(found, "sgd")["reached"], self.area(found, "momentum")["reached"]) == (24, 0)

    def test_where_nobody_gets_there_all_areas_are_nought(self):
        found = study(sgd={}, adam={})
        for o in ("sgd", "adam"):
            row = self.area(found, o, target=0.001)
            assert (row["area"].value, row["area"].high, row["reached"], row["runs"]) == (0, 0, 0, 24)

    def test_a_run_that_reached_the_target_and_diverged_has_not(self):
        found = study("a", ("1",), sgd={"tuned": (0.01, INF, INF, INF), "hits": self.FAST})
        assert self.area(found, "sgd")["reached"] == 1

    def test_an_optimizer_without_a_tuned_rate_never_gets_there_and_is_counted(self):
        found = study(sgd={"tuned": ()}, adam={"hits": self.FAST})
        assert (self.area(found, "sgd")["reached"], self.area(found, "sgd")["runs"]) == (0, 24)

    def test_a_problem_that_an_optimizer_has_no_cell_for_is_left_out(self):
        cells = [planted(problem=p, optimizer=o) for p, o in (("a", "sgd"), ("a", "adam"), ("b", "sgd"))]
        found = profiles.times(gather(cells), 0.1)
        assert found.strata == (("a/net", "full"),)

    def test_replicates_are_paired(self):
        """Each is twice as slow in one half of the replicates: the ratios are 1 and 2, the times the same."""
        found = study(sgd={"hits": (100, 200, 100, 200)}, adam={"hits": (200, 100, 200, 100)})
        assert self.area(found, "sgd")["area"].value == pytest.approx(1 - np.log10(2) / 2)

    def test_the_fastest_is_named_with_its_lead(self):
        given = {"sgd": {"hits": self.SLOW}, "adam": {"hits": self.FAST}, "momentum": {"hits": self.NEVER}}
        found = study("abcdef", **given)
        finding = speed.fastest(found, profiles.profile_table(found))
        assert not finding.inconclusive
        assert finding.claim == (
            "Adam is the fastest to a training gap below 0.1. Heavy ball is the slowest."
        )
        assert (
            "Gradient descent 0.40, a difference of 0.60 ([0.60, 0.60] on these problems, "
            "[0.60, 0.60] on problems like these): clearly different" in text(finding)
        )
        assert "Heavy ball is last with 0.00. " in text(finding)
        assert "Adam reaches the target in 100 % on each problem; Heavy ball in 0 % on each problem." in text(
            finding
        )
        assert [runs.label for runs in finding.runs] == ["Adam", "Gradient descent", "Heavy ball"]

    def test_equal_speed_is_a_tie(self):
        found = study("abcdef", sgd={"hits": self.FAST}, adam={"hits": self.FAST})
        finding = speed.fastest(found, profiles.profile_table(found))
        assert finding.inconclusive
        assert "No optimizer is clearly the fastest" in text(finding)

    def test_a_leader_whose_lead_over_the_second_is_not_clear_is_told_as_such(self):
        """Ahead on seven of nine problems, and behind on two: first in nine of ten resamplings."""
        cells = [
            planted(
                problem=p, optimizer=o, hits=((100.0 if (o == "adam") == (p not in "ab") else 350.0),) * 4
            )
            for p in "abcdefghi"
            for o in ("sgd", "adam")
        ]
        finding = speed.fastest(found := gather(cells), profiles.profile_table(found))
        assert re.fullmatch(
            r"No optimizer is clearly the fastest to a training gap below 0.1; Adam leads in 9\d % of "
            r"resamplings\. Gradient descent is the slowest\.",
            text(finding).partition(" Area")[0],
        )
        assert "clear on these problems, but not for problems like these." in text(finding)

    def test_where_resamplings_agree_on_nobody_nobody_is_named(self):
        cells = [
            planted(problem=p, optimizer=o, hits=((100.0 if (o == "adam") == (p in "abc") else 350.0),) * 4)
            for p in "abcdef"
            for o in ("sgd", "adam")
        ]
        finding = speed.fastest(found := gather(cells), profiles.profile_table(found))
        assert finding.inconclusive
        assert finding.claim == "No optimizer is clearly the fastest to a training gap below 0.1."

    def test_where_no_run_reaches_the_target_it_says_so(self):
        found = study(sgd={"hits": self.NEVER}, adam={"hits": self.NEVER})
        finding = speed.fastest(found, profiles.profile_table(found))
        assert "No tuned optimizer reaches a training gap of 0.1" in text(finding)

    def test_one_optimizer_is_compared_with_none(self):
        found = study(sgd={})
        assert speed.fastest(found, profiles.profile_table(found)) is None


class TestTuningEffort:
    EARLY, LATE = (0.01, 0.012, 0.5, 0.02), (INF, 0.9, 0.5, 0.01)

    def searched(self, **given):
        return effort.searches(gather([planted(**given)]))

    def missing(self, **given):
        return self.searched(**given)["missing"].tolist()

    def test_what_is_missing_falls_from_all_to_nothing(self):
        assert self.missing(search=(0.9, 0.9, 0.4, 0.2)) == pytest.approx([0.875, 0.875, 0.25, 0])

    def test_a_diverged_trial_and_one_worse_than_the_start_gain_nothing(self):
        assert self.missing(search=(INF, 3.0, 0.5, INF)) == [1, 1, 0, 0]

    def test_a_lucky_first_trial_is_worth_half_of_two_in_any_order(self):
        """Of the two start-up trials one finds the best rate: it comes first in one order of two."""
        for search in ((0.2, INF, 0.4), (INF, 0.2, 0.4)):
            assert self.missing(search=search) == [0.5, 0, 0]
            assert self.searched(search=search)["near"].tolist() == [1.5] * 3

    @pytest.mark.parametrize(
        ("search", "trials"),
        [((0.0, 0.0, 0.0), 1.0), ((INF, INF, 0.2, 0.0), 4.0), ((1.0, 0.05, 0.0), 1.5), ((INF, INF), INF)],
    )
    def test_trials_until_as_good_as_there(self, search, trials):
        assert self.searched(search=search)["near"].iloc[0] == trials

    @pytest.mark.parametrize("search", [(INF, INF), (1.0, 1.0), (2.0, 5.0), (INF,)])
    def test_where_nothing_is_gained_all_stays_missing(self, search):
        assert self.missing(search=search) == [1.0] * len(search)

    def test_the_mean_over_the_problems_is_at_powers_of_two_and_at_the_end_that_all_have(self):
        found = effort.searches(
            study(sgd={"search": (1.0, 0.5, 0.5, 0.5, 0.5, 0.0)}, adam={"search": (0.0,) * 7})
        )
        table = effort.best_so_far(found)
        assert sorted(set(table["trials"])) == [1, 2, 4, 6]
        rows = table[table["optimizer"] == "sgd"].groupby("trials")
        assert [rows.get_group(k)["missing"].iloc[0].value for k in (1, 2, 4, 6)] == [0.75, 0.5, 0.5, 0]
        assert set(table["problems"]) == {3}

    def test_without_searches_there_is_nothing_to_say(self):
        found = study(sgd={"search": ()}, adam={"search": ()})
        assert effort.searches(found).empty

    def test_who_needs_more_trials_is_told_with_the_factor(self):
        found = study("abcdef", sgd={"search": self.LATE}, adam={"search": self.EARLY})
        finding = tuning.tuning_effort(found, effort.searches(found))
        assert not finding.inconclusive
        assert finding.claim == "Adam needs the fewest trials of tuning; Gradient descent needs the most."
        assert "Trials that the median search takes: Adam 1 [1, 1] and Gradient" in text(finding)
        assert "Gradient descent takes 4 [4, 4] times as many trials as Adam on" in text(finding)

    def test_the_same_effort_is_a_tie(self):
        found = study("abcdef", sgd={}, adam={})
        finding = tuning.tuning_effort(found, effort.searches(found))
        assert finding.inconclusive
        assert "No optimizer clearly needs the fewest trials of tuning." in text(finding)
        assert "1 [1, 1] times as many" in text(finding)

    def test_a_leader_is_not_named_where_the_ratio_may_be_one(self):
        """Adam is ahead on two of six problems and equal on the rest: it needs fewer in nine of ten
        resamplings, but not in the median cell."""
        cells = [
            planted(problem=p, optimizer=o, search=self.EARLY if o == "adam" or p in "cdef" else self.LATE)
            for p in "abcdef"
            for o in ("sgd", "adam")
        ]
        finding = tuning.tuning_effort(found := gather(cells), effort.searches(found))
        assert float(re.search(r"Fewest when .* Adam in (\d+) %", text(finding)).group(1)) >= 90
        assert "Gradient descent takes 1 [1, 4] times as many trials as Adam" in text(finding)
        assert finding.claim == "No optimizer clearly needs the fewest trials of tuning."
        assert finding.inconclusive

    def test_a_search_that_gains_nothing_needs_for_ever(self):
        found = study("abcdef", sgd={"search": (INF,) * 4}, adam={"search": self.EARLY})
        finding = tuning.tuning_effort(found, effort.searches(found))
        assert "Gradient descent ∞ [∞, ∞]" in text(finding)
        assert "12 searches never gained anything" in text(finding)
        assert not finding.inconclusive

    def test_one_optimizer_is_compared_with_none(self):
        found = study(sgd={})
        assert tuning.tuning_effort(found, effort.searches(found)) is None


class TestAlarms:
    def test_a_range_that_grew_and_came_clear_is_shown_and_trusted(self):
        found = study("a", ("1",), sgd={"extended": 2, "search_high": 1e4}, adam={})
        row = effort.alarms(found).iloc[0]
        assert (row["optimizer"], row["added"], bool(row["trusted"])) == ("sgd", 2, True)
        assert (row["first_high"], row["search_high"]) == (100.0, 1e4)
        finding = tuning.search_boundary(found, effort.alarms(found))
        assert "In 1 of 2 searches the best rate was in doubt at first." in text(finding)
        assert "Share of all searches: 50 %. In 1 the best rate lay within" in text(finding)

    def test_one_that_did_not_come_clear_is_not_trusted_and_its_runs_are_linked(self):
        status = SearchStatus.AT_BOUNDARY
        found = study("a", ("1",), sgd={"extended": 2, "search_status": status}, adam={})
        finding = tuning.search_boundary(found, effort.alarms(found))
        assert "searching a wider range did not settle it" in text(finding)
        assert f"1 remained in doubt, marked † in the tables ({SEARCHES[status]}: 1)" in text(finding)
        assert finding.runs[0] == RunLink(SEARCHES[status], {"search_status": "at_search_boundary"})

    def test_no_stable_rate_is_a_doubt_of_its_own(self):
        found = study("a", ("1",), sgd={"search_status": "no_stable_rate", "search": (INF,)})
        assert effort.alarms(found)["doubt"].tolist() == ["no_stable_rate"]
        finding = tuning.search_boundary(found, effort.alarms(found))
        assert finding.runs[0].tags == {"search_status": "no_stable_rate"}

    def test_no_alarm_is_told_with_its_interval(self):
        found = study(sgd={})
        assert effort.alarms(found).empty
        assert (
            "No search found its best rate at the search boundary. Within half a decade of it: 0 of 6"
            in text(tuning.search_boundary(found, effort.alarms(found)))
        )


class TestAxes:
    def test_updates_are_read_off_the_curves_and_time_off_the_sweep(self):
        """The planted curves make an update every 10 examples; 2000 updates of the sweep took 8 seconds."""
        cell = planted(hits=(500.0, 505.0, INF, 0.0), seconds_sweep=8.0, sweep={0.1: 0.05, 1.0: [0.01] * 18})
        table = axes.arrivals(gather([cell]))
        assert table["updates"].tolist() == [50, 50.5, INF, 0]
        assert table["milliseconds"].tolist() == pytest.approx([200, 202, INF, 0])

    def test_a_run_that_arrived_and_diverged_has_not(self):
        table = axes.arrivals(study("a", ("1",), sgd={"tuned": (0.01, INF), "hits": (100.0, 100.0)}))
        assert table["examples"].tolist() == [100, INF]

    def test_a_cell_without_a_tuned_rate_never_arrives(self):
        table = axes.arrivals(study("a", ("1",), sgd={"tuned": ()}))
        assert table[["examples", "updates", "milliseconds"]].to_numpy().tolist() == [[INF] * 3]

    def test_the_middle_time_is_infinite_where_half_never_arrive(self):
        row = axes.arrived(axes.arrivals(study("ab", ("1",), sgd={"hits": (100, INF, INF, INF)}))).iloc[0]
        assert (row["reached"], row["runs"]) == (2, 8)
        assert row["examples"].value == INF

    def test_shares_go_from_none_to_all_that_arrive(self):
        table = axes.arrivals(study("ab", ("1",), sgd={"hits": (100, 200, 400, INF)}))
        curve = axes.shares(table, "examples", np.array([50.0, 100, 300, 1e6]))["sgd", "1"]
        assert curve[0].tolist() == [0, 0.25, 0.5, 0.75]
        assert np.all(curve[1] <= curve[0])
        assert np.all(curve[0] <= curve[2])

    def cells(self, small, large=(400.0,) * 4, **given):
        return gather(
            [
                planted(problem=p, optimizer=o, batch=b, hits=hits, **given)
                for p in "abcdef"
                for o in ("sgd", "adam")
                for b, hits in (("full", large), ("1", small))
            ]
        )

    def test_which_is_faster_is_told_on_each_axis(self):
        found = self.cells((100.0,) * 4)
        finding = batch_axes.batch_axes(found, axes.arrivals(found))
        assert "stochastic (batch 1) needs 0.25 ([0.25, 0.25] on these problems, [0.25, 0.25] on" in text(
            finding
        )
        assert "problems like these) times the measured milliseconds of full batch" in text(finding)
        assert "over 12 pairs of problem and optimizer" in text(finding)
        assert not finding.inconclusive
        assert [runs.tags for runs in finding.runs] == [{"batch": "full"}, {"batch": "1"}]

    def test_equal_times_and_times_that_are_never_reached_are_ties(self):
        for hits in ((400.0,) * 4, (INF,) * 4):
            found = self.cells(hits, hits)
            finding = batch_axes.batch_axes(found, axes.arrivals(found))
            assert finding.inconclusive
            assert "1 ([1, 1] on these problems, [1, 1] on problems like these) times the examples" in text(
                finding
            )
            assert (
                "Neither stochastic (batch 1) nor full batch is clearly faster, in examples or in updates."
                in text(finding)
            )

    def test_one_that_never_arrives_is_infinitely_slow(self):
        found = self.cells((INF,) * 4)
        assert "∞ ([∞, ∞] on these problems" in text(batch_axes.batch_axes(found, axes.arrivals(found)))

    def test_without_measured_time_there_are_two_axes(self):
        found = self.cells((100.0,) * 4, seconds_sweep=float("nan"))
        finding = batch_axes.batch_axes(found, axes.arrivals(found))
        assert "examples processed and" in text(finding)
        assert "milliseconds" not in text(finding)

    def test_one_batch_strategy_is_compared_with_none(self):
        found = study("ab", ("1",), sgd={}, adam={})
        assert batch_axes.batch_axes(found, axes.arrivals(found)) is None
