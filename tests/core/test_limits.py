"""Limits and floors of random and of ordered batches, against recursions over all batches."""

import itertools
from functools import partial

import numpy as np
import pytest

from overshoot.core import OPTIMIZERS, limits, optimizer
from overshoot.core.limits import batch_variance, fixed_order_rate, mean_square_rate, noise_floor
from tests.core.least_squares import METHODS, SGD, features, recursion


def batches(n, size, replacement):
    """Every batch, all equally likely."""
    return itertools.product(range(n), repeat=size) if replacement else itertools.combinations(range(n), size)


def update_matrices(method, rate, Hessians):
    """(theta, v) -> (theta, v) for each batch's Hessian, as the optimizer itself steps."""
    name, options = method
    made, d = optimizer(name, lr=rate, **options), Hessians[0].shape[0]
    start = np.eye(2 * d)

    def update(H):
        theta, state = start[:, :d].copy(), {"v": start[:, d:].copy(), "work": np.zeros((2 * d, d))}
        step = made.step(theta @ H, state, theta, 2)
        return np.hstack([theta - step, state["v"]]).T

    return [update(H) for H in Hessians]


def exact_rate(X, size, replacement, method=SGD):
    """Where the second moment of (theta, v), averaged over every batch there is, begins to grow."""
    Hessians = [X[[*b]].T @ X[[*b]] / size for b in batches(len(X), size, replacement)]

    def grows(rate):
        updates = update_matrices(method, rate, Hessians)
        if method == SGD:  # it leaves the velocity as it was
            updates = [A[: X.shape[1], : X.shape[1]] for A in updates]
        moments = np.mean([np.kron(A, A) for A in updates], axis=0)
        # Directions in which the data do not vary stay as they are: an eigenvalue of one.
        return np.abs(np.linalg.eigvals(moments)).max() > 1 + 1e-9

    name, options = method
    low = high = 1.005 * optimizer(name, **options).critical_rate(np.linalg.eigvalsh(X.T @ X / len(X))[-1])
    while grows(low):
        low /= 2
    for _ in range(40):
        middle = np.sqrt(low * high)
        low, high = (low, middle) if grows(middle) else (middle, high)
    return low


@pytest.mark.parametrize("method", METHODS, ids=str)
@pytest.mark.parametrize(
    ("size", "replacement"), [(1, False), (2, False), (4, False), (5, False), (1, True), (3, True)]
)
def test_the_mean_square_limit_is_that_of_the_exact_recursion(size, replacement, method, rng):
    X = features(rng, 5, 2)
    found = mean_square_rate(X, size, replacement, recursion(method))
    assert found.converged
    assert found.value == pytest.approx(exact_rate(X, size, replacement, method), rel=1e-6)


DEGENERATE = {
    "one sample": lambda rng: features(rng, 1, 3),
    "collinear": lambda rng: np.repeat(features(rng, 5, 1), 2, axis=1),
    "more features than samples": lambda rng: features(rng, 3, 4),
    "constant features": lambda rng: np.hstack([features(rng, 5, 1), np.full((5, 2), 1.0)]),
    "a zero feature": lambda rng: np.hstack([features(rng, 5, 2), np.zeros((5, 1))]),
    "only a constant": lambda rng: np.full((4, 1), 3.0),
}


THREE = [SGD, ("momentum", {}), ("nesterov", {})]


@pytest.mark.parametrize("method", THREE, ids=str)
@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("kind", DEGENERATE)
def test_degenerate_data_have_the_limit_of_the_exact_recursion(kind, replacement, method, rng):
    X = DEGENERATE[kind](rng)
    found = mean_square_rate(X, 1, replacement, recursion(method)).value
    assert found == pytest.approx(exact_rate(X, 1, replacement, method), rel=1e-6)


def test_nothing_moves_without_inputs():
    assert mean_square_rate(np.zeros((4, 2)), 1).value == np.inf


@pytest.mark.parametrize("method", METHODS, ids=str)
def test_a_full_batch_has_the_limit_that_the_optimizer_declares(method, rng):
    name, options = method
    X = features(rng, 30, 4)
    curvature = np.linalg.eigvalsh(X.T @ X / 30)[-1]
    for size in (30, None):
        found = mean_square_rate(X, size, recursion=recursion(method)).value
        assert found == pytest.approx(optimizer(name, **options).critical_rate(curvature), rel=1e-9)


def test_momentum_with_small_batches_falls_towards_its_share_of_the_limit_of_sgd(rng):
    X = rng.standard_normal((200, 20))
    ratios = [
        mean_square_rate(X, B, recursion=recursion(THREE[1])).value / mean_square_rate(X, B).value
        for B in (1, 20, 200)
    ]
    assert 0.1 < ratios[0] < 0.12
    assert ratios[0] < ratios[1] < ratios[2]
    assert ratios[2] == pytest.approx(1.9, rel=1e-9)


@pytest.mark.parametrize("method", THREE, ids=str)
def test_many_features_take_another_way_to_the_same_limit(method, rng, monkeypatch):
    X = features(rng, 60, 9)
    formed = mean_square_rate(X, 4, recursion=recursion(method))
    monkeypatch.setattr(limits, "SMALL", 2)
    by_sample = mean_square_rate(X, 4, recursion=recursion(method))
    assert by_sample.converged
    assert by_sample.value == pytest.approx(formed.value, rel=1e-8)


@pytest.mark.parametrize("method", THREE, ids=str)
def test_a_limit_whose_eigenvalues_do_not_converge_says_so(method, monkeypatch):
    one_feature_each = np.diag(
        np.linspace(0.999, 1, 40)
    )  # so that there are forty eigenvalues close together
    X = np.vstack([one_feature_each, 2 * one_feature_each])
    truth = mean_square_rate(X, 4, recursion=recursion(method)).value
    for name in ("largest_eigenvalue", "spectral_radius"):
        monkeypatch.setattr(limits, name, partial(getattr(limits, name), iterations=1))
    found = mean_square_rate(X, 4, recursion=recursion(method))
    assert not found.converged
    assert found.message
    assert found.value > truth if method == SGD else np.isnan(found.value)


def test_the_second_moment_of_many_features_neither_grows_nor_shrinks_at_the_limit(rng):
    n, d, size = 90, 45, 3
    X = features(rng, n, d)
    H, p = X.T @ X / n, batch_variance(n, size)
    found = mean_square_rate(X, size)
    assert found.converged

    def growth(rate):
        S = np.eye(d)
        for _ in range(1500):
            S = S / np.trace(S)
            along = ((X @ S) * X).sum(axis=1)
            noise = (1 - p) * H @ S @ H + p * X.T @ (along[:, None] * X) / n
            S = S - rate * (H @ S + S @ H) + rate**2 * noise
        return np.trace(S)

    assert growth(found.value * (1 - 1e-4)) < 1 < growth(found.value * (1 + 1e-4))


def test_the_variance_of_a_batch_is_that_of_all_batches(rng):
    values = rng.standard_normal(5)
    for size, replacement in [(1, False), (3, False), (5, False), (1, True), (4, True)]:
        means = [values[[*b]].mean() for b in batches(5, size, replacement)]
        assert batch_variance(5, size, replacement) == pytest.approx(
            np.var(means) / np.var(values), abs=1e-12
        )


def test_simulated_sgd_keeps_its_mean_square_below_the_limit_and_not_above():
    X = np.array([[1.0], [2.0], [0.5]])  # so that a few thousand runs know their mean square
    limit = mean_square_rate(X, 1, replacement=True).value
    squares = X[:, 0] ** 2
    for rate, grows in [(0.7 * limit, False), (1.2 * limit, True)]:
        theta = np.ones(40_000)
        rng = np.random.default_rng(5)
        for _ in range(8):
            theta *= 1 - rate * squares[rng.integers(0, 3, len(theta))]
        assert (np.mean(theta**2) > 1) == grows


def test_single_runs_may_shrink_above_the_mean_square_limit():
    X = np.array([[1.0], [2.0], [0.5]])
    rate = 1.1 * mean_square_rate(X, 1, replacement=True).value
    factors = np.abs(1 - rate * X[:, 0] ** 2)
    assert np.mean(factors**2) > 1
    assert np.mean(np.log(factors)) < 0


def test_what_does_not_make_sense_is_refused(rng):
    X = features(rng, 4, 2)
    with pytest.raises(ValueError, match="larger than the data"):
        mean_square_rate(X, 5)
    assert mean_square_rate(X, 5, replacement=True).converged
    for size in (0, 1.5, True):
        with pytest.raises(ValueError, match="whole number"):
            mean_square_rate(X, size)
    with pytest.raises(ValueError, match="without weight decay"):
        mean_square_rate(X, 1, recursion=optimizer("sgd", weight_decay=0.1).recursion)
    for bad in (X[0], np.full((2, 2), np.nan), np.empty((0, 3))):
        with pytest.raises(ValueError, match="X must be"):
            mean_square_rate(bad, 1)


def test_the_recursions_are_those_of_the_steps(rng):
    """The declared coefficients, against the steps of the optimizers themselves."""
    H = np.diag([0.5, 2.0])
    for method in METHODS:
        declared, rate = recursion(method), 0.3
        (A,) = update_matrices(method, rate, [H])
        eye = np.eye(2)
        velocity = [declared.feed * H, declared.momentum * eye]
        rows = [[eye - rate * declared.kick * H, -rate * declared.carry * eye], velocity]
        if declared.carry:
            np.testing.assert_allclose(A, np.block(rows), atol=1e-12)
        else:
            np.testing.assert_allclose(A[:2], np.block(rows)[:2], atol=1e-12)
    assert [name for name in OPTIMIZERS if optimizer(name).recursion] == ["sgd", "momentum", "nesterov"]


def least_squares(rng, n=6, d=2, outputs=1):
    """X (n, d) and the residuals (n, outputs) of the best parameters."""
    X, Y = features(rng, n, d), rng.standard_normal((n, outputs))
    return X, Y - X @ np.linalg.lstsq(X, Y, rcond=None)[0]


def exact_floor(X, residuals, rate, size, replacement, method):
    """tr(H S) / 2 at the fixed point of the second moment of (1, theta, v), over every batch there is."""
    n, d = X.shape
    moment = 0.0
    chosen = list(batches(n, size, replacement))
    Hessians = [X[[*b]].T @ X[[*b]] / size for b in chosen]
    linear = update_matrices(method, rate, Hessians)
    kick = np.vstack([-rate * recursion(method).kick * np.eye(d), recursion(method).feed * np.eye(d)])
    width = d if method == SGD else 2 * d
    for e in residuals.T:
        maps = []
        for b, A in zip(chosen, linear, strict=True):
            whole = np.zeros((width + 1, width + 1))
            whole[0, 0] = 1
            whole[1:, 1:] = A[:width, :width]
            whole[1:, 0] = (kick @ (-X[[*b]].T @ e[[*b]] / size))[:width]
            maps.append(np.kron(whole, whole))
        values, vectors = np.linalg.eig(np.mean(maps, axis=0))
        fixed = vectors[:, np.argmin(np.abs(values - 1))].real.reshape(width + 1, width + 1)
        S = (fixed / fixed[0, 0])[1 : d + 1, 1 : d + 1]
        moment += np.trace(X.T @ X / n @ S) / 2
    return moment


@pytest.mark.parametrize("method", [*THREE, METHODS[2]], ids=str)
@pytest.mark.parametrize(("size", "replacement"), [(1, False), (4, False), (1, True), (3, True)])
def test_the_noise_floor_is_the_fixed_point_of_the_exact_recursion(size, replacement, method, rng):
    X, residuals = least_squares(rng, outputs=2)
    limit = mean_square_rate(X, size, replacement, recursion(method)).value
    rates = limit * np.array([0.01, 0.3, 0.9, 0.999])
    found = noise_floor(X, residuals, rates, size, replacement, recursion(method))
    expected = [exact_floor(X, residuals, rate, size, replacement, method) for rate in rates]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.isnan(noise_floor(X, residuals, [limit, 2 * limit], size, replacement, recursion(method))).all()


def test_without_noise_there_is_no_floor(rng):
    X, residuals = least_squares(rng)
    np.testing.assert_array_equal(noise_floor(X, residuals, [0.01, 0.1], None), 0)
    np.testing.assert_array_equal(noise_floor(X, 0 * residuals, [1e-3], 1), 0)


def test_a_small_rate_has_a_floor_in_proportion_to_it(rng):
    """r p tr(G) / 4 for gradient descent, G the second moment of the samples' gradients."""
    X, residuals = least_squares(rng, n=50, d=4)
    trace = np.mean(((residuals * X) ** 2).sum(axis=1))
    for size in (1, 10):
        floor = noise_floor(X, residuals, [1e-6], size, replacement=True)
        np.testing.assert_allclose(floor, 1e-6 * trace / size / 4, rtol=1e-4)


@pytest.mark.parametrize("method", THREE, ids=str)
def test_many_features_take_another_way_to_the_same_floor(method, rng, monkeypatch):
    X, residuals = least_squares(rng, n=60, d=9)
    rates = mean_square_rate(X, 4, recursion=recursion(method)).value * np.array([0.1, 0.9])
    formed = noise_floor(X, residuals, rates, 4, recursion=recursion(method))
    monkeypatch.setattr(limits, "SMALL", 2)
    by_sample = noise_floor(X, residuals, rates, 4, recursion=recursion(method))
    np.testing.assert_allclose(by_sample, formed, rtol=1e-9)
    monkeypatch.setattr(limits, "TERMS", 3)
    assert np.isnan(noise_floor(X, residuals, rates, 4, recursion=recursion(method))).all()


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
def test_simulated_runs_stay_at_the_floor(name, rng):
    """The mean over many runs and a long time, with batches drawn with replacement."""
    X, residuals = least_squares(rng, n=40, d=3)
    made, size, runs = optimizer(name), 4, 400
    rate = 0.5 * mean_square_rate(X, size, True, made.recursion).value
    theta, state, excess = np.zeros((runs, 3)), made.init(np.zeros((runs, 3))), []
    made, H = optimizer(name, lr=rate), X.T @ X / len(X)
    for t in range(1, 1501):
        rows = rng.integers(len(X), size=(runs, size))
        errors = np.einsum("rbd,rd->rb", X[rows], theta) - residuals[rows, 0]
        theta = theta - made.step(np.einsum("rb,rbd->rd", errors, X[rows]) / size, state, theta, t)
        excess.append(np.einsum("rd,de,re->r", theta, H, theta).mean() / 2)
    expected = noise_floor(X, residuals, [rate], size, True, made.recursion)[0]
    assert np.mean(excess[500:]) == pytest.approx(expected, rel=0.05)


def test_floors_of_what_does_not_make_sense_are_refused(rng):
    X, residuals = least_squares(rng)
    for bad in (residuals[:-1], np.full(6, np.nan), np.zeros((6, 1, 1))):
        with pytest.raises(ValueError, match="residuals must be"):
            noise_floor(X, bad, [0.1], 1)


def test_data_of_one_sample_or_of_nothing_have_no_floor(rng):
    assert noise_floor(np.zeros((4, 2)), np.ones(4), [0.1], 1)[0] == 0
    assert noise_floor(features(rng, 1, 3), np.zeros(1), [1e-3], 1)[0] == 0
    X = DEGENERATE["constant features"](rng)
    Y = rng.standard_normal(5)
    residuals = Y - X @ np.linalg.lstsq(X, Y, rcond=None)[0]
    found = noise_floor(X, residuals, [1e-2], 1, replacement=True)
    merged = np.column_stack([X[:, 0], np.full(5, np.sqrt(2))])  # the same Hessian, without its kernel
    np.testing.assert_allclose(found, noise_floor(merged, residuals, [1e-2], 1, replacement=True), rtol=1e-9)


@pytest.mark.parametrize("method", THREE, ids=str)
@pytest.mark.parametrize("size", [1, 3])
def test_a_fixed_order_breaks_where_its_path_does(method, size, rng):
    X = features(rng, 8, 2)
    name, options = method
    order = [np.arange(8)[i : i + size] for i in range(0, 8, size)]
    found = fixed_order_rate(X, order, recursion(method))
    assert found.converged

    def growth(rate):
        theta, made = np.ones((1, 2)) * 1e-3, optimizer(name, lr=rate, **options)
        state, size = made.init(theta), []
        for t in range(1, 3001):
            rows = X[order[(t - 1) % len(order)]]
            theta = theta - made.step(theta @ rows.T @ rows / len(rows), state, theta, t)
            size.append(np.abs(theta).max())
        return max(size[-50:]) / max(size[-1000:-950])

    assert growth(found.value * (1 - 1e-2)) < 1 < growth(found.value * (1 + 1e-2))


def test_one_batch_of_everything_is_the_full_batch(rng):
    X = features(rng, 8, 2)
    top = np.linalg.eigvalsh(X.T @ X / 8)[-1]
    for name, options in THREE:
        made = optimizer(name, **options)
        found = fixed_order_rate(X, [np.arange(8)], made.recursion)
        assert found.value == pytest.approx(made.critical_rate(top), rel=1e-8)
    assert fixed_order_rate(np.zeros((4, 2)), [np.arange(4)]).value == np.inf


@pytest.mark.parametrize("method", THREE, ids=str)
def test_a_direction_that_is_all_but_flat_does_not_set_the_limit_of_an_order(method, rng):
    X = features(rng, 40, 3)
    order = np.arange(40).reshape(5, 8)
    same = np.column_stack([X, X[:, 0]])
    nearly = same + [0, 0, 0, 1e-7] * rng.normal(size=(40, 1))
    limits = [fixed_order_rate(inputs, order, recursion(method)).value for inputs in (same, nearly)]
    assert limits[1] == pytest.approx(limits[0], rel=1e-5)
