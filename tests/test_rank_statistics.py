"""Statistics of many methods: ranks and their tests, the expected best, profiles of performance."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from overshoot.study.statistics import (
    agreement,
    cliques,
    critical_distance,
    expected_best,
    friedman,
    mean_ranks,
    problems_needed,
    profile,
    profile_area,
    time_ratios,
)

INF = float("inf")
FINITE = st.floats(-1e6, 1e6)
SCORES = arrays(float, st.integers(1, 30), elements=FINITE)


def test_ranks_are_shared_among_ties_and_infinities():
    assert mean_ranks(np.array([[1.0, 2.0, 3.0], [5.0, INF, INF]])).tolist() == [1.0, 2.25, 2.75]


def test_friedman_on_demsars_table_6():
    """Four methods on 14 data sets (Demšar 2006, table 6), where chi-square is 9.28. He does not correct for
    ties as SciPy does, so his p is the larger one."""
    auc = np.array(
        [
            [0.763, 0.768, 0.771, 0.798], [0.599, 0.591, 0.590, 0.569], [0.954, 0.971, 0.968, 0.967],
            [0.628, 0.661, 0.654, 0.657], [0.882, 0.888, 0.886, 0.898], [0.936, 0.931, 0.916, 0.931],
            [0.661, 0.668, 0.609, 0.685], [0.583, 0.583, 0.563, 0.625], [0.775, 0.838, 0.866, 0.875],
            [1.000, 1.000, 1.000, 1.000], [0.940, 0.962, 0.965, 0.962], [0.619, 0.666, 0.614, 0.669],
            [0.972, 0.981, 0.9751, 0.975], [0.957, 0.978, 0.946, 0.970],
        ]
    )  # fmt: skip
    ranks = mean_ranks(-auc)
    assert ranks == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert 12 * 14 / 20 * ((ranks**2).sum() - 25) == pytest.approx(9.28, abs=0.01)
    assert 0.01 < friedman(-auc) < stats.chi2.sf(9.28, 3)


@pytest.mark.parametrize(
    "scores",
    [np.ones((5, 4)), np.full((5, 4), INF), np.ones((1, 4)), np.random.default_rng(0).random((6, 2))],
    ids=["tied", "diverged", "one problem", "two methods"],
)
def test_friedman_finds_nothing_where_there_is_nothing_to_find(scores):
    assert friedman(scores) == 1.0


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (5, 2.728), (10, 3.164)])
def test_nemenyis_distance_on_published_values(methods, q):
    """Demšar (2006), table 5."""
    expected = q * np.sqrt(methods * (methods + 1) / (6 * 14))
    assert critical_distance(methods, 14) == pytest.approx(expected, rel=5e-4)


@pytest.mark.parametrize("gap", [0.1, 1.0, 2.5])
def test_with_as_many_problems_as_needed_the_distance_is_the_gap(gap):
    assert critical_distance(7, 1) / np.sqrt(problems_needed(7, gap)) == pytest.approx(gap)
    assert problems_needed(7, 0.0) == INF


def test_the_bars_join_what_is_closer_than_the_distance_and_no_bar_lies_within_another():
    ranks = np.array([1.0, 1.8, 2.9, 3.0, 6.0])
    assert cliques(ranks, 1.5) == [(0, 1), (1, 3)]
    assert cliques(ranks, 0.8) == [(2, 3)]  # 1.0 and 1.8 are the distance apart: clearly different
    assert cliques(ranks, 10.0) == [(0, 4)]
    assert cliques(np.full(4, 2.5), 0.1) == [(0, 3)]
    assert cliques(np.array([1.0]), 1.0) == []


@given(arrays(float, st.integers(1, 8), elements=st.floats(1, 8)), st.floats(0.1, 8))
def test_every_pair_is_joined_by_a_bar_or_as_far_apart_as_the_distance(ranks, distance):
    ranks = np.sort(ranks)
    bars = cliques(ranks, distance)
    for j in range(len(ranks)):
        for i in range(j):
            joined = any(first <= i and j <= last for first, last in bars)
            assert joined == (ranks[j] < ranks[i] + distance)


@pytest.mark.parametrize("values", [[3.0], [2.0, 2.0, 2.0], [0.1, 5.0, 0.3, 1.0], [1.0, 7.0, 2.0, 2.0, 0.0]])
def test_the_expected_best_is_the_mean_over_all_orders(values):
    orders = np.array(list(permutations(values)))
    assert expected_best(np.array(values)) == pytest.approx(
        np.minimum.accumulate(orders, axis=1).mean(axis=0)
    )


def test_the_expected_best_is_infinite_until_none_of_the_orders_can_be_all_bad():
    assert expected_best(np.array([INF, 1.0, INF])).tolist() == [INF, INF, 1.0]


def test_agreement_is_kendalls_tau_even_where_there_is_no_order():
    assert agreement(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 4, 3])) == pytest.approx(4 / 6)
    assert agreement(np.array([1.0, 2, 3]), np.array([3.0, 2, 1])) == -1
    assert agreement(np.ones(3), np.ones(3)) == 1
    assert agreement(np.ones(3), np.arange(3.0)) == 0
    assert agreement(np.array([1.0]), np.array([1.0])) == 1


def test_time_ratios_are_to_the_fastest_and_infinite_where_the_target_is_not_reached():
    times = np.array([[10.0, 20.0, INF], [INF, INF, INF], [5.0, 5.0, 50.0], [0.0, 0.0, 3.0]])
    assert time_ratios(times).tolist() == [[1, 2, INF], [INF, INF, INF], [1, 1, 10], [1, 1, INF]]


@given(arrays(float, (4, 3), elements=st.floats(1, 1e6) | st.just(INF)), st.floats(1.1, 100))
def test_the_area_is_the_integral_of_the_profile(times, reach):
    """Against a fine sum over the factors, and whatever the unit of time is."""
    ratios = time_ratios(times)
    factors = np.exp((np.arange(4000) + 0.5) / 4000 * np.log(reach))
    assert profile_area(ratios, reach) == pytest.approx(profile(ratios, factors).mean(axis=-1), abs=5e-4)
    assert time_ratios(times * 8) == pytest.approx(ratios)


def test_areas_at_the_ends():
    assert profile_area(np.array([1.0, 10.0, 11.0, INF]), 10.0).tolist() == [1, 0, 0, 0]
    assert profile_area(np.sqrt(np.array([10.0])), 10.0) == pytest.approx(0.5)


def test_a_profile_never_falls_and_ends_at_the_share_that_gets_there():
    ratios = time_ratios(np.random.default_rng(0).exponential(size=(200, 3)))
    curve = profile(ratios, np.geomspace(1, 1e9, 50)).mean(axis=0)
    assert np.all(np.diff(curve, axis=-1) >= 0)
    assert curve[:, -1].tolist() == [1, 1, 1]
    assert curve[:, 0].sum() == pytest.approx(1)  # somebody is the fastest, ties aside
