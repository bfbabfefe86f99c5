"""The rate at which half of the runs diverge: against known curves, an independent fit, and in simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from overshoot.study.phases.threshold import monotone, redrawn, threshold

RATES = np.geomspace(0.01, 1, 9)


def outcomes(rng: np.random.Generator, rates: np.ndarray, replicates: int, middle: float, width: float):
    """Runs whose own limits are spread about `middle` by so many decades (s.d.)."""
    own = middle * 10 ** (width * rng.standard_normal(replicates))
    return rates[None] > own[:, None]


@given(st.lists(st.lists(st.floats(0, 1), min_size=6, max_size=6), min_size=1, max_size=4))
def test_the_fit_is_isotonic_regression(shares: list[list[float]]) -> None:
    curves = np.array(shares)
    for curve, fitted in zip(curves, monotone(curves), strict=True):
        np.testing.assert_allclose(fitted, isotonic_regression(curve).x, atol=1e-12)


def test_a_sharp_change_lies_between_two_rates() -> None:
    found = threshold(RATES, np.tile(RATES > 0.1001, (6, 1)))
    assert found is not None
    below, above = RATES[4], RATES[5]
    assert found.rate == pytest.approx(np.sqrt(below * above))
    assert (found.low, found.high) == (below, above)
    assert found.zone_decades == 0


def test_a_rate_that_survives_above_one_that_diverged_is_no_limit() -> None:
    """The lowest rate that diverged would be 0.0178; three of four runs lasted there."""
    diverged = np.tile(RATES > 0.3, (4, 1))
    diverged[0, 1] = True
    found = threshold(RATES, diverged)
    assert found is not None
    assert RATES[5] < found.rate < RATES[6]
    assert found.zone_low == RATES[1]
    assert found.zone_decades == pytest.approx(1)


def test_without_a_crossing_there_is_no_threshold() -> None:
    assert threshold(RATES, np.zeros((3, 9), dtype=bool)) is None
    assert threshold(RATES, np.ones((3, 9), dtype=bool)) is None


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.floats(0.1, 10))
def test_units_do_not_matter(seed: int, unit: float) -> None:
    diverged = outcomes(np.random.default_rng(seed), RATES, 6, 0.1, 0.2)
    a, b = threshold(RATES, diverged), threshold(RATES * unit, diverged)
    assert (a is None) == (b is None)
    if a and b:
        np.testing.assert_allclose([b.rate, b.low, b.high], np.array([a.rate, a.low, a.high]) * unit)


def test_the_interval_holds_in_about_so_many_cases() -> None:
    """Eight replicates are few, so a bootstrap's interval is a little short of its 95 %."""
    rng = np.random.default_rng(1)
    rates = np.geomspace(0.02, 0.5, 25)
    cases = [threshold(rates, outcomes(rng, rates, 8, 0.1, 0.1)) for _ in range(300)]
    held = [case is not None and case.low <= 0.1 <= case.high for case in cases]
    assert 0.88 <= np.mean(held) <= 0.99
    middles = np.log10([case.rate for case in cases if case])
    assert abs(middles.mean() + 1) < 0.01, "the estimate is not biased, as the lowest of the crossings is"


def test_a_fitted_half_is_a_half() -> None:
    """(4 + 1 + 1 + 3 + 2) / 5 and the like: a sum of fifths misses a half by its rounding."""
    fit = monotone(np.array([[4, 1, 1, 3, 2]]) / 5)[0]
    assert fit[-1] == 0.5


def test_a_draw_of_replicates_has_the_limit_that_they_would_have_had() -> None:
    gone = outcomes(np.random.default_rng(4), RATES, 4, 0.1, 0.2)
    times = np.array([[1, 1, 1, 1], [2, 1, 1, 0], [0, 0, 0, 4]])
    each = [threshold(RATES, gone[np.repeat(np.arange(4), own)]) for own in times]
    np.testing.assert_allclose(redrawn(RATES, gone, times), [found.rate for found in each if found])
