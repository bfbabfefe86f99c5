"""Limits of single runs: closed forms of one dimension, limits without chance, and the exact mean square."""

import numpy as np
import pytest
from scipy.optimize import brentq

from overshoot.core import (
    BatchStrategy,
    almost_sure_rates,
    exponents,
    lyapunov_exponents,
    mean_square_rate,
    optimizer,
)
from overshoot.core.limits import fixed_order_rate
from tests.core.least_squares import SGD, features, recursion

METHODS = [
    SGD,
    ("momentum", {}),
    ("momentum", {"momentum": 0.5, "dampening": 0.25}),
    ("nesterov", {}),
]
CLOSE = 3e-3  # half of the last bracket's width, and what thousands of updates leave


def test_in_one_dimension_the_exponent_is_the_mean_logarithm_of_the_factors(rng):
    X = rng.standard_normal((30, 1))
    rates = np.array([0.1, 0.5, 2.0])
    expected = np.log(np.abs(1 - rates * X**2)).mean(axis=0)
    found = lyapunov_exponents(X, BatchStrategy(1), [1, 2], rates)
    np.testing.assert_allclose(found, np.tile(expected, (2, 1)), rtol=1e-9)
    drawn = lyapunov_exponents(X, BatchStrategy(1, "replacement"), range(40), rates)
    error = drawn.std(axis=0, ddof=1) / np.sqrt(40)
    assert (np.abs(drawn.mean(axis=0) - expected) < 4 * error).all()


def test_in_one_dimension_the_limit_is_the_root_of_the_mean_logarithm():
    squares = np.array([1.0, 1.0, 4.0])
    X = np.sqrt(squares)[:, None]
    root = brentq(lambda rate: np.log(np.abs(1 - rate * squares)).mean(), 1.3, 1.9)
    assert almost_sure_rates(X, BatchStrategy(1), [5])[0] == pytest.approx(root, rel=CLOSE)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_full_batch_has_the_limit_that_the_optimizer_declares(method, rng):
    name, options = method
    X = features(rng, 30, 4)
    declared = optimizer(name, **options).critical_rate(np.linalg.eigvalsh(X.T @ X / 30)[-1])
    found = almost_sure_rates(X, BatchStrategy(), [0], recursion(method))
    assert found[0] == pytest.approx(declared, rel=CLOSE)


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_fixed_order_has_the_limit_of_its_epoch_s_map(method, rng):
    """Seven samples in batches of three: the last one is short."""
    X, strategy = features(rng, 7, 2), BatchStrategy(3, "fixed")
    for seed in range(3):
        order = strategy.samples(seed, 0, 7)
        exact = fixed_order_rate(X, [order[cut] for cut in strategy.cuts(7)], recursion(method)).value
        found = almost_sure_rates(X, strategy, [seed], recursion(method))[0]
        assert found == pytest.approx(exact, rel=CLOSE)


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("method", METHODS, ids=str)
def test_independent_batches_break_single_runs_no_earlier_than_the_mean_square(method, size, rng):
    X = features(rng, 12, 3)
    strategy = BatchStrategy(size, "replacement")
    single = almost_sure_rates(X, strategy, range(6), recursion(method))
    assert single.mean() > mean_square_rate(X, size, True, recursion(method)).value


def test_the_spread_over_seeds_covers_what_a_longer_product_says(rng):
    X, strategy = features(rng, 40, 3), BatchStrategy(1, "replacement")
    few, many = (np.log(almost_sure_rates(X, strategy, seeds)) for seeds in (range(8), range(100, 164)))
    error = np.hypot(few.std(ddof=1) / np.sqrt(8), many.std(ddof=1) / np.sqrt(64))
    assert abs(few.mean() - many.mean()) < 4 * error
    assert error < 0.02


def test_directions_in_which_nothing_varies_are_left_out(rng):
    X = features(rng, 9, 2)
    wide = np.hstack([X, X[:, :1], np.zeros((9, 2))])
    same = np.hstack([X * [np.sqrt(2), 1.0]])  # a feature twice is one that is sqrt 2 times as large
    found, expected = (almost_sure_rates(inputs, BatchStrategy(2), [3]) for inputs in (wide, same))
    assert found == pytest.approx(expected, rel=2 * CLOSE)


def test_nothing_grows_without_inputs():
    nothing = np.zeros((4, 2))
    assert almost_sure_rates(nothing, BatchStrategy(1), [0, 1]).tolist() == [np.inf, np.inf]
    assert (lyapunov_exponents(nothing, BatchStrategy(1), [0], [1.0]) == -np.inf).all()


def test_one_step_to_the_optimum_is_an_exponent_without_bound():
    assert lyapunov_exponents([[1.0]], BatchStrategy(), [0], [1.0]) == -np.inf


def test_a_rate_s_exponent_does_not_depend_on_the_others(rng):
    X, strategy = features(rng, 10, 3), BatchStrategy(4)
    both = lyapunov_exponents(X, strategy, [1, 2], [0.01, 0.1], recursion(("momentum", {})))
    alone = lyapunov_exponents(X, strategy, [2], [0.1], recursion(("momentum", {})))
    assert both[1, 1] == pytest.approx(alone[0, 0], rel=1e-9)


def test_what_does_not_make_sense_is_refused(rng):
    X = features(rng, 4, 2)
    decayed = optimizer("sgd", weight_decay=0.1).recursion
    for ask in (almost_sure_rates, lambda X, s, seeds, *a: lyapunov_exponents(X, s, seeds, [0.1], *a)):
        with pytest.raises(ValueError, match="larger than the data"):
            ask(X, BatchStrategy(5), [0])
        with pytest.raises(ValueError, match="without weight decay"):
            ask(X, BatchStrategy(1), [0], decayed)
        with pytest.raises(ValueError, match="X must be"):
            ask(np.full((2, 2), np.nan), BatchStrategy(1), [0])


def test_an_epoch_is_seen_whole_however_long_it_is(monkeypatch):
    """One sample in two thousand sets the limit, and none of the updates that are too many may miss it."""
    monkeypatch.setattr(exponents, "MOST", 500)
    X = np.hstack([np.random.default_rng(1).standard_normal((2000, 1)), np.zeros((2000, 1))])
    X[1234, 1] = 40.0
    single = almost_sure_rates(X, BatchStrategy(1), [0, 1, 2])
    squared = mean_square_rate(X, 1).value
    assert single == pytest.approx(np.full(3, single[0]), rel=0.05)
    assert squared < single[0] < 100 * squared


def test_an_epoch_that_is_too_long_has_no_limit(monkeypatch, rng):
    monkeypatch.setattr(exponents, "LONGEST", 9)
    assert np.isnan(almost_sure_rates(features(rng, 10, 2), BatchStrategy(1), [0])).all()
    assert np.isfinite(almost_sure_rates(features(rng, 10, 2), BatchStrategy(2), [0])).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_a_velocity_that_hardly_forgets_is_followed_for_longer(name, rng):
    X, method = features(rng, 30, 2), (name, {"momentum": 0.998})
    declared = optimizer(name, momentum=0.998).critical_rate(np.linalg.eigvalsh(X.T @ X / 30)[-1])
    found = almost_sure_rates(X, BatchStrategy(), [0], recursion(method))
    assert found[0] == pytest.approx(declared, rel=CLOSE)


def test_a_lowest_rate_that_grows_already_is_no_limit(monkeypatch, rng):
    monkeypatch.setattr(
        exponents, "_exponents", lambda Z, strategy, seeds, rates, recursion: np.ones_like(rates)
    )
    assert np.isnan(almost_sure_rates(features(rng, 10, 2), BatchStrategy(1), [0, 1])).all()


def test_the_start_does_not_count():
    """The steep direction shrinks at once, and with it a part of the distance that depends on the start."""
    X = np.sqrt(2) * np.diag([1.0, 0.1])  # curvatures 1 and 0.01
    found = lyapunov_exponents(X, BatchStrategy(), [0], [0.5])
    assert found[0, 0] == pytest.approx(np.log(1 - 0.5 * 0.01), rel=1e-9)
