"""Ranks: what they tell apart, and what hangs on a single problem or replicate."""

import pytest

from overshoot.study.analysis import gather
from overshoot.study.analysis import rank_tables as ranks
from overshoot.study.analysis.scores import replicates
from overshoot.study.findings import ranking
from overshoot.study.findings.claims import RunLink
from tests.findings.test_evidence import BAD, FAIR, GOOD, study, text
from tests.planted_cells import INF, planted


def diagrams(found):
    return ranks.diagrams(found, replicates(found, "gap"))


def stable(found):
    return ranks.stability(ranks.left_out(found, replicates(found, "gap")))


def ranked(found):
    return ranking.ranked(found, diagrams(found))


def steadiness(found):
    table = ranks.left_out(found, replicates(found, "gap"))
    return ranking.steadiness(found, table, ranks.stability(table))


THREE = {"sgd": {"tuned": BAD}, "momentum": {"tuned": FAIR}, "adam": {"tuned": GOOD}}


class TestDiagrams:
    def test_there_is_one_of_all_batch_strategies_and_one_of_each(self):
        found = diagrams(study("abcdefgh", **THREE))
        assert [d.batch for d in found] == [ranks.ALL, "full", "1"]
        for d in found:
            assert d.optimizers == ("adam", "momentum", "sgd")
            assert d.ranks.tolist() == [1, 2, 3]
            assert d.problems == 8

    def test_what_is_distinguishable_is_not_joined(self):
        """Nemenyi's distance for three methods on eight problems is 1.17: neighbours are joined."""
        d = diagrams(study("abcdefgh", **THREE))[0]
        assert d.bars == ((0, 1), (1, 2))
        assert d.pairs == [("adam", "sgd")]

    def test_where_friedman_finds_nothing_one_bar_joins_all(self):
        d = diagrams(study("abcdef", sgd={}, momentum={}, adam={}))[0]
        assert not d.differs
        assert d.bars == ((0, 2),)
        assert d.pairs == []

    def test_no_pair_is_distinguished_where_friedman_finds_nothing_however_far_apart_it_is(self):
        """Ranks 1.5 to 3.5 are 2.0 apart and the distance is 1.9, but Friedman's p is 0.066."""
        orders = [(1, 2, 3, 4)] * 4 + [(1, 4, 2, 3), (4, 3, 1, 2)]
        names = ("sgd", "momentum", "nesterov", "adam")
        cells = [
            planted(problem=p, optimizer=o, tuned=(rank / 10,) * 3, default=BAD)
            for p, order in zip("abcdef", orders, strict=True)
            for o, rank in zip(names, order, strict=True)
        ]
        (d,) = diagrams(gather(cells))
        assert d.ranks[-1] - d.ranks[0] > d.distance
        assert 0.05 < d.p < 0.1
        assert d.bars == ((0, 3),)

    def test_several_batch_strategies_are_tested_with_holm_s_correction(self):
        """Friedman's p of five problems, two of which swap the first two, is 0.022; as one of three
        strategies, 0.067."""

        def swapped(batches):
            turned = THREE | {"momentum": THREE["adam"], "adam": THREE["momentum"]}
            cells = [
                planted(problem=p, optimizer=o, batch=b, **given)
                for p in "abcde"
                for o, given in (turned if p in "ab" else THREE).items()
                for b in batches
            ]
            return diagrams(gather(cells))

        alone = swapped(("full",))[0]
        assert alone.p == pytest.approx(0.0224, abs=1e-4)
        whole, *single = swapped(("full", "16", "1"))
        assert whole.p == alone.p
        assert [d.p for d in single] == pytest.approx([3 * alone.p] * 3)
        assert whole.differs
        assert not any(d.differs for d in single)
        assert [d.bars for d in single] == [((0, 2),)] * 3

    def test_of_two_optimizers_the_distance_is_the_test(self):
        d = diagrams(study("abcdefgh", ("1",), sgd={"tuned": BAD}, adam={"tuned": GOOD}))[0]
        assert d.pairs == [("adam", "sgd")]

    @pytest.mark.parametrize(
        ("problems", "optimizers"), [("abcd", ("sgd", "adam")), ("abcdef", ("sgd",)), ("a", ("sgd",))]
    )
    def test_few_problems_or_one_optimizer_have_none(self, problems, optimizers):
        found = study(problems, **{o: {} for o in optimizers})
        assert diagrams(found) == []
        assert ranked(found) is None

    def test_all_tied_and_all_diverged_share_the_middle_rank(self):
        for tuned in (GOOD, (INF,) * 4, ()):
            d = diagrams(study("abcde", **{o: {"tuned": tuned} for o in ("sgd", "adam", "momentum")}))[0]
            assert d.ranks.tolist() == [2, 2, 2]
            assert d.bars == ((0, 2),)
            assert d.p == 1.0

    def test_each_problem_counts_once_over_all_batch_strategies(self):
        """On each problem, adam wins with two batch strategies of three: it is first there, by one rank."""
        cells = [
            planted(problem=p, optimizer=o, batch=b, tuned=BAD if (o == "sgd") != (b == "1") else GOOD)
            for p in "abc"
            for o in ("sgd", "adam")
            for b in ("full", "32", "1")
        ]
        found = gather(cells)
        table = ranks.standing(found, replicates(found, "gap"))
        assert table.to_numpy().tolist() == [[2, 1]] * 3


class TestRanked:
    def test_the_claim_names_nobody_where_the_first_place_is_open(self):
        found = ranked(study("abcdefgh", **THREE))
        assert found.inconclusive  # the first two are not clearly different
        assert found.claim == (
            "No optimizer clearly ranks first over 8 problems; in 1 of 3 pairs one clearly ranks before the "
            "other."
        )
        assert "Friedman’s test finds that the ranks differ (p = 3.4·10⁻⁴)" in text(found)
        assert "differ by 1.2 or more, of 2 possible: 1 of 3 pairs." in text(found)
        assert "Distinguishable: Gradient descent behind Adam." in text(found)
        assert "To distinguish the first two would take about 11 problems." in text(found)
        assert found.runs == [
            RunLink("Adam", {"optimizer": "adam"}),
            RunLink("Heavy ball", {"optimizer": "momentum"}),
        ]

    def test_a_clear_first_place_is_no_tie(self):
        found = ranked(study("abcdefghijklmnop", ("1",), **THREE))
        assert not found.inconclusive
        assert "would take" not in text(found)
        assert "Over 16 problems Adam clearly ranks first, with a mean rank of 1.0." in text(found)

    def test_equal_ranks_need_no_number_of_problems(self):
        found = ranked(study("abcde", sgd={}, adam={}, momentum={}))
        assert found.inconclusive
        assert "clearly ranks first over 5 problems; in 0 of 3 pairs one clearly ranks" in text(found)
        assert "does not find that the ranks differ (p = 1)" in text(found)
        assert "would take" not in text(found)


class TestSteadiness:
    def test_where_all_problems_agree_nothing_moves(self):
        problem, replicate = stable(study(**THREE))
        assert (problem.kind, problem.out, problem.moved, problem.tau) == ("problem", 3, (), (1.0, 1.0))
        assert (replicate.kind, replicate.out, replicate.moved) == ("replicate", 4, ())
        assert problem.span == {"sgd": (3.0, 3.0), "momentum": (2.0, 2.0), "adam": (1.0, 1.0)}

    def test_a_first_place_that_hangs_on_one_problem_is_named(self):
        """sgd is first on a and b, adam on c, second place on c is far: without a or b they share it."""
        tuned = {
            "a": {"sgd": GOOD, "adam": BAD},
            "b": {"sgd": GOOD, "adam": BAD},
            "c": {"sgd": BAD, "adam": GOOD},
        }
        cells = [
            planted(problem=p, optimizer=o, tuned=t) for p, each in tuned.items() for o, t in each.items()
        ]
        found = gather(cells)
        problem, _ = stable(found)
        assert problem.moved == ("a/net", "b/net")
        assert problem.tau[0] == 0  # a shared first place has no order
        said = (
            "Leaving out one problem at a time puts another optimizer first in 2 of 3 cases (without a and b)"
        )
        assert said in text(steadiness(found))
        assert (
            "Gradient descent has the best mean rank, but leaving out a single problem can change that."
            in text(steadiness(found))
        )

    def test_a_first_place_that_hangs_on_one_replicate_is_counted(self):
        """The middle of sgd's three is its second: without one of its good runs it loses."""
        cells = [planted(problem=p, optimizer="sgd", tuned=(0.01, 0.02, 0.9)) for p in "ab"]
        cells += [planted(problem=p, optimizer="adam", tuned=(0.03, 0.03, 0.03)) for p in "ab"]
        _, replicate = stable(gather(cells))
        assert replicate.moved == ("replicate 1", "replicate 2")

    def test_one_problem_and_one_replicate_cannot_be_left_out(self):
        one = study(
            "a", ("1",), sgd={"tuned": (0.1,), "default": (0.1,)}, adam={"tuned": (0.2,), "default": (0.1,)}
        )
        assert stable(one) == []
        assert steadiness(one) is None

    def test_a_shared_first_place_says_so(self):
        assert (
            "Gradient descent and Adam share the best mean rank whichever single problem or replicate"
            in text(steadiness(study(sgd={}, adam={})))
        )
