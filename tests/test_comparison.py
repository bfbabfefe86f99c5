"""Comparisons: what is drawn anew in each of their two intervals, and that no verdict hangs on the draws."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overshoot.study import draws
from overshoot.study.comparison import Comparison, Range, clustered, compare, compare_runs, over_replicates
from overshoot.study.statistics import Interval, bootstrap, interquartile_mean, mean, middle

INF = float("inf")


def slowly(values: np.ndarray, member: np.ndarray, statistic, draws: int = 4000) -> tuple[float, float]:
    """The cluster bootstrap as its definition has it: clusters drawn and joined."""
    rng, count = np.random.default_rng(5), member.max() + 1
    picks = rng.integers(count, size=(draws, count))
    drawn = [float(statistic(np.concatenate([values[member == i] for i in pick]))) for pick in picks]
    return tuple(np.quantile(drawn, [0.025, 0.975], method="inverted_cdf"))


@pytest.mark.parametrize("statistic", [mean, middle, interquartile_mean])
def test_whole_clusters_are_drawn(statistic) -> None:
    rng = np.random.default_rng(1)
    member = np.repeat(np.arange(9), rng.integers(1, 9, size=9))
    values = rng.normal(size=9)[member] + rng.normal(size=len(member))
    found = clustered(values, member, statistic)
    assert found.value == float(statistic(values))
    assert (found.low, found.high) == pytest.approx(slowly(values, member, statistic), abs=0.1)


def test_values_alike_within_their_clusters_count_once() -> None:
    each, clusters = np.array([1.0, 2.0, 4.0, 8.0, 16.0]), np.repeat([*"abcde"], 9)
    found = clustered(np.repeat(each, 9), clusters, mean)
    once = clustered(each, [*"abcde"], mean)
    assert (found.low, found.high) == pytest.approx((once.low, once.high), abs=0.5)
    assert found.low < bootstrap(np.repeat(each, 9), mean).low


def test_infinite_values_are_drawn_like_others() -> None:
    found = clustered(np.array([1.0, 2, 3, INF, INF]), [*"abcde"], middle)
    assert (found.value, found.low, found.high) == (3.0, 1.0, INF)


def test_few_clusters_have_a_range_and_no_interval() -> None:
    found = clustered(np.array([1.0, 3.0, 5.0]), [*"aab"], mean)
    assert found == Range(3.0, 2.0, 5.0, 2)
    assert not found.excludes(0.0)
    assert clustered(np.arange(12.0), ["a"] * 12, mean) == Range(5.5, 0.0, 11.0, 1)


def test_the_order_of_the_values_does_not_matter() -> None:
    values, names = np.random.default_rng(2).normal(size=12), np.repeat([*"abcdef"], 2)
    order = np.random.default_rng(3).permutation(12)
    assert clustered(values, names, middle) == clustered(values[order], names[order], middle)


@pytest.fixture
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough where many intervals are taken, and none has a verdict."""
    monkeypatch.setattr(draws, "DRAWS", 400)


@pytest.mark.usefixtures("few_draws")
def test_clusters_cover_the_truth_where_single_values_do_not() -> None:
    """Values that share what their cluster adds: drawn one by one, they promise too much."""
    rng = np.random.default_rng(1)
    samples = rng.normal(size=(300, 12, 1)) + 0.3 * rng.normal(size=(300, 12, 6))
    names = np.repeat(np.arange(12), 6)
    whole, single = (
        sum(not found(sample.ravel()).excludes(0.0) for sample in samples) / 300
        for found in (
            lambda x: clustered(x, names, mean),
            lambda x: bootstrap(x, mean, resamples=400),
        )
    )
    assert whole > 0.86
    assert single < 0.7


@pytest.mark.usefixtures("few_draws")
def test_the_report_says_how_often_an_interval_over_problems_holds() -> None:
    """Nine of ten times with nine problems."""
    samples = np.random.default_rng(2).normal(size=(500, 9, 1)) + np.zeros((1, 1, 8))
    samples = samples + 0.3 * np.random.default_rng(3).normal(size=samples.shape)
    names = np.repeat(np.arange(9), 8)
    held = sum(not clustered(s.ravel(), names, middle).excludes(0.0) for s in samples) / 500
    assert 0.86 < held < 0.96


def test_replicates_move_a_comparison_little_and_problems_much() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(8, 1)) + 0.1 * rng.normal(size=(8, 10))
    found = compare(scores, range(8), mean)
    here, beyond = (i.high - i.low for i in (found.replicates, found.problems))
    assert here < 0.2 < beyond


def test_cells_of_one_problem_share_their_draw() -> None:
    """Two cells whose ways cancel: drawn together their mean is always 0, drawn apart it is not."""
    ways = np.array([[1.0, -1.0], [-1.0, 1.0]])
    together = over_replicates(ways, ["a", "a"], mean, value=0.0)
    apart = over_replicates(ways, ["a", "b"], mean, value=0.0)
    assert (together.low, together.high) == (0.0, 0.0)
    assert (apart.low, apart.high) == (-1.0, 1.0)


def test_it_is_clear_only_where_both_intervals_say_so() -> None:
    here, open_ended = Interval(1.0, 0.5, 1.5), Interval(1.0, -0.5, 2.0)
    assert Comparison(1.0, here, here).clear(0.0)
    assert not Comparison(1.0, here, open_ended).clear(0.0)
    assert not Comparison(1.0, open_ended, here).clear(0.0)
    assert Comparison(1.0, here, Range(1.0, 0.9, 1.1, 2)).few


@pytest.mark.parametrize("statistic", [mean, middle, interquartile_mean])
def test_no_verdict_flips_between_two_seeds(statistic, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty comparisons of fifteen problems, many of them near the border."""
    rng = np.random.default_rng(4)
    names, flips = np.repeat(np.arange(15), 4), 0
    for shift in np.linspace(0, 1, 30):
        values = (shift + rng.normal(size=(15, 1)) + 0.3 * rng.normal(size=(15, 4))).ravel()
        verdicts = set()
        for luck in (1, 2):
            monkeypatch.setattr(draws, "LUCK", luck)
            verdicts.add(clustered(values, names, statistic, border=0).excludes(0))
        flips += len(verdicts) > 1
    assert flips == 0


def test_a_million_draws_are_never_held_together() -> None:
    """An end of the interval is the border itself, which no number of draws settles."""
    values, names = np.random.default_rng(7).normal(size=20), range(20)
    border = clustered(values, names, mean).low
    tracemalloc.start()
    try:
        clustered(values, names, mean, border=border)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 8 * draws.MOST * len(values) / 2, "the memory of half of them"


def test_every_comparison_has_draws_of_its_own_and_rounding_does_not_change_them() -> None:
    rng = np.random.default_rng(6)
    values, names = rng.normal(size=40), np.repeat(np.arange(10), 4)
    first = clustered(values, names, middle)
    again = clustered(values * (1 + 1e-7 * rng.normal(size=40)), names, middle)
    assert (again.low, again.high) == pytest.approx((first.low, first.high), rel=1e-5)
    assert clustered(values, names, middle) == first


@settings(max_examples=25)
@given(arrays(float, 12, elements=st.floats(-1e3, 1e3)))
def test_an_interval_holds_its_value_and_lies_among_the_values(values: np.ndarray) -> None:
    found = clustered(values, np.repeat(np.arange(6), 2), middle)
    assert values.min() <= found.low <= found.value <= found.high <= values.max()


@pytest.mark.parametrize("values", [np.array([1.0, np.nan]), np.array([])])
def test_what_is_no_number_is_refused(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="scores must be numbers"):
        clustered(values, ["a"] * len(values))


def test_runs_that_differ_by_replicate_have_an_interval_over_replicates_within_their_problems() -> None:
    """Two replicates, of which one always explodes and has three times as many runs: all, 3/4 or none of a
    problem's runs, in 1, 2 and 1 of four draws."""
    flags, problems, replicates = [], [], []
    for problem in ("a", "b", "a b"):
        flags += [1.0, 1.0, 1.0, 0.0]
        problems += [problem] * 4
        replicates += ["x", "x", "x", "y"]
    found = compare_runs(np.array(flags), problems, replicates)
    assert found.value == found.problems.value == 0.75
    assert found.problems == Range(0.75, 0.75, 0.75, 3)
    one = compare_runs(np.array(flags[:4]), problems[:4], replicates[:4])
    assert (one.replicates.low, one.replicates.high) == (0, 1)
    assert 0 < found.replicates.low < 0.5 < found.replicates.high <= 1
    alike = compare_runs(np.array([1.0, 0.0] * 6), problems, ["x", "x", "y", "y"] * 3)
    assert alike.replicates == Interval(0.5, 0.5, 0.5)
