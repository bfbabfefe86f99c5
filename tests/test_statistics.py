"""The statistics, on their identities, on published values, and where they could break."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from overshoot.study import draws
from overshoot.study.statistics import (
    Interval,
    band,
    bootstrap,
    difference,
    holm,
    improvement,
    independent_strata,
    interquartile_mean,
    mean,
    mean_ranks,
    middle,
    theil_sen,
    time_ratios,
    unequal,
)

INF = float("inf")
FINITE = st.floats(-1e6, 1e6)
SCORES = arrays(float, st.integers(1, 30), elements=FINITE)


@given(SCORES)
def test_interquartile_mean_is_scipys_trimmed_mean(scores):
    expected = stats.trim_mean(scores, 0.25)
    assert interquartile_mean(scores) == pytest.approx(expected, rel=1e-9, abs=1e-6)


def test_interquartile_mean_leaves_out_a_quarter_at_each_end():
    assert interquartile_mean(np.array([-INF, -1e9, 3.0, 4.0, 5.0, 6.0, 1e9, INF])) == 4.5
    assert interquartile_mean(np.array([1.0, 2.0, 9.0])) == 4.0  # under four values nothing is left out


def test_one_in_four_may_diverge_and_no_more():
    assert np.isfinite(interquartile_mean(np.array([1.0, 2, 3, 4, 5, 6, INF, INF])))
    assert interquartile_mean(np.array([1.0, 2, 3, 4, 5, INF, INF, INF])) == INF


@given(FINITE, st.integers(1, 12))
@settings(max_examples=20)
def test_the_interval_of_equal_scores_is_a_point(value, n):
    found = bootstrap(np.full(n, value))
    assert found.low == found.high == pytest.approx(value)


def test_the_interval_of_diverged_scores_is_infinite():
    assert bootstrap(np.full(10, INF)) == Interval(INF, INF, INF)


def test_some_diverged_scores_reach_into_the_interval_without_nan():
    found = bootstrap(np.array([1.0, 2, 3, 4, 5, 6, 7, 8, INF, INF]))
    assert found.value == 5.5
    assert found.low < 5.5
    assert found.high == INF


@given(SCORES)
@settings(max_examples=30)
def test_the_interval_lies_within_the_scores(scores):
    found = bootstrap(scores, resamples=200)
    slack = 1e-9 * max(1.0, np.abs(scores).max())
    assert scores.min() - slack <= found.low <= found.high <= scores.max() + slack


def test_the_bootstrap_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    samples = rng.normal(3.0, 1.0, (400, 20))
    hits = sum(not bootstrap(sample, resamples=400).excludes(3.0) for sample in samples)
    assert 0.88 <= hits / 400 <= 0.98  # a little under 0.95 at 20 values, as percentile intervals are


def test_strata_are_resampled_within_themselves():
    """Two constant strata: every resample is the same, though their values differ."""
    found = bootstrap(np.array([[1.0, 1, 1], [3.0, 3, 3]]), statistic=lambda x: x.mean(axis=-1))
    assert found == Interval(2.0, 2.0, 2.0)


def test_the_bootstrap_is_repeatable_and_each_has_draws_of_its_own(monkeypatch):
    scores = np.random.default_rng(0).normal(size=12)
    found = bootstrap(scores)
    assert bootstrap(scores) == found
    turned = bootstrap(-scores[::-1])  # the same draws would have given the mirror image
    assert (turned.low, turned.high) != (-found.high, -found.low)
    monkeypatch.setattr(draws, "LUCK", 1)
    assert bootstrap(scores) != found


@given(arrays(float, 6, elements=FINITE), arrays(float, 8, elements=FINITE))
def test_improvement_is_mann_whitneys_u(a, b):
    """SciPy's statistic counts the pairs in which its first sample is the larger one."""
    expected = stats.mannwhitneyu(b, a).statistic / (len(a) * len(b))
    assert improvement(a, b).value == pytest.approx(expected)


@given(arrays(float, (2, 5), elements=FINITE), arrays(float, (2, 5), elements=FINITE))
@settings(max_examples=30)
def test_improvement_of_a_over_b_and_of_b_over_a_add_up_to_one(a, b):
    assert improvement(a, b).value + improvement(b, a).value == pytest.approx(1)


def test_improvement_where_all_are_tied_or_diverged():
    for tied in (np.full((3, 4), 2.0), np.full((3, 4), INF)):
        found = improvement(tied, tied)
        assert found.value == 0.5
        assert found.low == pytest.approx(1 - found.high)
        assert not found.excludes(0.5)


def test_a_run_that_lasts_beats_one_that_diverges():
    found = improvement(np.full(5, 1e9), np.full(5, INF))
    assert (found.value, found.high) == (1, 1)
    assert found.excludes(0.5)


def test_improvement_is_a_mean_over_the_problems_whatever_their_scale():
    a, b = np.array([[1.0, 1.0], [500.0, 500.0]]), np.array([[2.0, 2.0], [100.0, 100.0]])
    assert improvement(a, b).value == 0.5


def test_the_interval_of_improvement_is_newcombes():
    """Recomputed by bisection from the formula in his paper, for 0.8 of pairs of 12 and 15."""
    a, b = np.arange(12.0), np.arange(15.0) + 5.5
    found = improvement(a, b)
    for end in (found.low, found.high):
        variance = end * (1 - end) * (1 + 12.5 * ((1 - end) / (2 - end) + end / (1 + end))) / 180
        assert abs(found.value - end) == pytest.approx(stats.norm.ppf(0.975) * np.sqrt(variance))
    assert 0 < found.low < found.value < found.high < 1


def test_strata_that_share_their_replicates_count_as_what_they_say():
    """Three copies of one say what one says; three that are drawn apart say three things."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(5), 3)
    a, b = rng.normal(size=(2, 5, 12))
    assert independent_strata(np.repeat(a, 3, axis=0), np.repeat(b, 3, axis=0), groups) == pytest.approx(5)
    draw = lambda: rng.normal(size=(15, 12))  # noqa: E731
    apart = [independent_strata(draw(), draw(), groups) for _ in range(20)]
    assert 10 < np.mean(apart) <= 15
    always = independent_strata(np.zeros((15, 4)), np.ones((15, 4)), groups)
    assert always == 5


def test_three_runs_of_each_show_nothing():
    assert not improvement(np.arange(2.0), np.arange(2.0) + 9).excludes(0.5)


def test_the_same_distribution_differs_about_one_time_in_twenty():
    rng = np.random.default_rng(3)
    pairs = rng.normal(size=(300, 2, 12))
    told = sum(improvement(a, b).excludes(0.5) for a, b in pairs)
    assert 0.02 <= told / 300 <= 0.08


def test_the_band_is_the_bootstrap_of_each_point():
    values = np.random.default_rng(2).normal(size=(3, 8, 5))
    found = band(values)
    assert found[0] == pytest.approx(values.mean(axis=(0, 1)))
    for i in range(5):
        one = bootstrap(values[..., i], mean)
        assert found[1:, i] == pytest.approx([one.low, one.high], abs=0.06)


def test_the_band_of_a_single_run_or_of_equal_ones_is_a_line():
    for values in (np.full((1, 1, 4), 0.5), np.full((3, 6, 4), 0.5), np.zeros((2, 5, 4))):
        assert band(values) == pytest.approx(np.broadcast_to(values[0, 0], (3, 4)))


def test_holm_on_an_example_worked_by_hand():
    assert holm(np.array([0.01, 0.04, 0.03, 0.005])) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.8])).tolist() == [1.0, 1.0]


def test_the_middle_is_the_median_and_of_two_the_lower_where_the_other_is_infinite():
    assert middle(np.array([1.0, INF])) == 1.0
    assert middle(np.array([3.0, 1.0, INF])) == 3.0
    assert middle(np.array([INF, INF])) == INF
    scores = np.random.default_rng(0).normal(size=(5, 8))
    np.testing.assert_allclose(middle(scores), np.median(scores, axis=-1), rtol=1e-15)


@pytest.mark.parametrize("function", [interquartile_mean, bootstrap, middle, mean, mean_ranks, time_ratios])
def test_what_is_no_number_is_refused(function):
    with pytest.raises(ValueError, match="numbers"):
        function(np.array([[1.0, np.nan]]))
    with pytest.raises(ValueError, match="at least one"):
        function(np.empty((1, 0)))


@pytest.mark.parametrize(("interval", "apart"), [((0.6, 0.7), True), ((0.3, 0.4), True), ((0.4, 0.6), False)])
def test_an_interval_excludes_what_lies_outside(interval, apart):
    assert Interval(0.5, *interval).excludes(0.5) is apart


@given(SCORES, st.floats(-1e3, 1e3))
def test_a_paired_difference_that_is_the_same_everywhere_has_no_spread(scores, shift):
    found = difference(scores, scores + shift, paired=True)
    assert (found.low, found.high) == pytest.approx((shift, shift), abs=1e-6)


def test_pairs_tell_apart_what_is_drowned_in_the_spread_over_replicates():
    a = np.array([1.0, 5.0, 9.0, 13.0, 17.0, 21.0, 25.0, 29.0])
    b = a + np.array([0.4, 0.5, 0.6, 0.5, 0.4, 0.6, 0.5, 0.5])
    assert difference(a, b, paired=True).excludes(0)
    assert not difference(a, b, paired=False).excludes(0)
    assert unequal(a, b, paired=True) == pytest.approx(stats.ttest_rel(b, a).pvalue)
    assert unequal(a, b, paired=False) == pytest.approx(stats.mannwhitneyu(a, b).pvalue)
    assert unequal(a, b, paired=True) < 1e-5 < 0.5 < unequal(a, b, paired=False)


@pytest.mark.parametrize("paired", [True, False])
def test_diverged_runs_are_worst_and_tied(paired):
    fine, gone = np.arange(8.0), np.full(8, INF)
    assert difference(fine, gone, paired).low == INF
    assert difference(gone, fine, paired).high == -INF
    assert difference(gone, gone, paired) == Interval(0, 0, 0)
    assert unequal(gone, gone, paired) == 1
    assert unequal(fine, gone, paired) < 0.01
    half = np.array([INF, INF, INF, INF, 0.0, 0.0, 0.0, 0.0])
    assert not difference(half, half[::-1], paired).excludes(0)


def test_no_difference_is_never_found_unequal():
    scores = np.array([1e-3, 2.0, 1e5])
    assert unequal(scores, scores, paired=True) == 1
    assert unequal(scores, scores + 1.0, paired=True) == pytest.approx(0, abs=1e-12)
    assert unequal(np.ones(5), np.ones(7), paired=False) == 1


def test_differences_of_equal_scores_are_rarely_told_apart():
    rng = np.random.default_rng(3)
    draws = rng.standard_normal((200, 2, 10))
    found = [
        (difference(a, b, paired).excludes(0), unequal(a, b, paired)) for a, b in draws for paired in (0, 1)
    ]
    assert np.mean([apart for apart, _ in found]) < 0.15
    assert np.mean([p < 0.05 for _, p in found]) < 0.09


class TestSlope:
    def test_a_line_has_its_slope_and_no_doubt(self):
        x = np.arange(8.0)
        assert theil_sen(x, 3 * x - 1) == Interval(3.0, 3.0, 3.0)

    def test_one_outlier_moves_the_slope_little(self):
        x = np.arange(12.0)
        found = theil_sen(x, 2 * x + 100 * (x == 5))
        assert found.value == pytest.approx(2.0)
        assert found.low <= 2.0 <= found.high

    def test_noise_about_no_slope_does_not_exclude_it(self):
        noise = np.random.default_rng(3).normal(size=30)
        assert not theil_sen(np.arange(30.0), noise).excludes(0)

    def test_ties_throughout_have_no_slope(self):
        x = np.repeat(np.arange(7.0), 2)
        assert theil_sen(x, np.ones(14)) == Interval(0.0, 0.0, 0.0)

    def test_a_single_value_of_x_has_none(self):
        with pytest.raises(ValueError, match="two different values"):
            theil_sen(np.ones(4), np.arange(4.0))
