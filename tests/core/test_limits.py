"""Declared limits against bisection, and mean-square limits against recursions over all batches."""

import itertools
from functools import partial

import numpy as np
import pytest
from test_optimizers_stability import CLOSED_FORMS, L, critical_rate

import core
from core import limits, optimizer
from core.limits import batch_variance, mean_square_rate

PRECONDITIONER = {"adabelief": 1.5}
"""What a method divides its step by in the closed forms' cases, where that is not one."""


def declared(name, options, curvature=L):
    return optimizer(name, **options).critical_rate(curvature / PRECONDITIONER.get(name, 1))


DECLARED = [case for case in CLOSED_FORMS if declared(case[0], case[1]) is not None]
BISECTED = [
    ("momentum", {"momentum": 0.5, "dampening": 0.25, "weight_decay": 0.5}, L),
    ("nesterov", {"weight_decay": 0.5}, L),
    ("nadam", {"eps": 1.0, "momentum_decay": 0.0}, L),
    ("nadam", {"eps": 1.0, "momentum_decay": 0.0, "beta1": 0.5}, L),
    ("yogi", {"eps": 1.0, "beta2": 0.5}, L / (1 + 1e-3)),
    ("rmsprop", {"eps": 0.5, "weight_decay": 0.5}, (L + 0.5) / 0.5),
    ("adam", {"eps": 1.0, "weight_decay": 0.5}, L + 0.5),
    ("adabelief", {"eps": 0.5, "beta2": 0.5, "weight_decay": 0.5}, L / 1.5),
]
"""Method, options, and the largest eigenvalue of its preconditioned Hessian, an L2 penalty of its within."""


@pytest.mark.parametrize(("name", "options", "closed_form"), DECLARED)
def test_the_declared_limit_is_the_closed_form_that_bisection_confirms(name, options, closed_form):
    assert declared(name, options) == pytest.approx(closed_form(), rel=1e-12)


@pytest.mark.parametrize(("name", "options", "curvature"), BISECTED)
def test_the_declared_limit_is_where_the_path_breaks(name, options, curvature):
    limit = optimizer(name, **options).critical_rate(curvature)
    assert critical_rate(name, **options) == pytest.approx(limit, rel=1e-6)


def test_every_declaration_is_confirmed():
    with_limit = {name for name in core.OPTIMIZERS if optimizer(name).critical_rate(1.0) is not None}
    assert with_limit == {name for name, *_ in [*DECLARED, *BISECTED]}


@pytest.mark.parametrize("name", ["adagrad", "amsgrad", "adamax", "signsgd", "lion", "rprop", "lamb", "asgd"])
def test_methods_without_a_limit_declare_none(name):
    assert optimizer(name).critical_rate(8.0) is None


def test_limits_of_stacks_and_of_what_does_not_curve_upwards():
    heavy_ball = optimizer("momentum", momentum=[0.0, 0.5, 0.5], lr=1.0)
    np.testing.assert_allclose(heavy_ball.critical_rate([2.0, 3.0, -1.0]), [1.0, 1.0, np.inf])
    np.testing.assert_allclose(heavy_ball.critical_rate(2.0), [1.0, 1.5, 1.5])
    assert optimizer("sgd").critical_rate(0.0) == np.inf
    assert optimizer("sgd", weight_decay=0.5).critical_rate(0.0) == 4.0
    assert optimizer("adam").critical_rate(-1.0) == np.inf


def batches(n, size, replacement):
    """Every batch, all equally likely."""
    return itertools.product(range(n), repeat=size) if replacement else itertools.combinations(range(n), size)


def exact_rate(X, size, replacement, momentum=0.0, dampening=0.0):
    """Where the second moment of (theta, v), averaged over every batch there is, begins to grow."""
    d, keep = X.shape[1], 1 - dampening
    Hessians = [X[[*b]].T @ X[[*b]] / size for b in batches(len(X), size, replacement)]

    def grows(rate):
        updates = [
            np.block(
                [
                    [np.eye(d) - rate * keep * H, -rate * momentum * np.eye(d)],
                    [keep * H, momentum * np.eye(d)],
                ]
            )
            for H in Hessians
        ]
        moments = np.mean([np.kron(A, A) for A in updates], axis=0)
        # Directions in which the data do not vary stay as they are: an eigenvalue of one.
        return np.abs(np.linalg.eigvals(moments)).max() > 1 + 1e-9

    low = high = 2.01 * (1 + momentum) / (keep * np.linalg.eigvalsh(X.T @ X / len(X))[-1])
    while grows(low):
        low /= 2
    for _ in range(40):
        middle = np.sqrt(low * high)
        low, high = (low, middle) if grows(middle) else (middle, high)
    return low


def features(rng, n, d):
    return rng.standard_normal((n, d)) * np.geomspace(1, 3, d)


@pytest.mark.parametrize(
    ("momentum", "dampening"), [(0.0, 0.0), (0.0, 0.5), (0.5, 0.25), (0.9, 0.0), (0.9, 0.9)]
)
@pytest.mark.parametrize(
    ("size", "replacement"), [(1, False), (2, False), (4, False), (5, False), (1, True), (3, True)]
)
def test_the_mean_square_limit_is_that_of_the_exact_recursion(size, replacement, momentum, dampening, rng):
    X = features(rng, 5, 2)
    found = mean_square_rate(X, size, replacement, momentum, dampening)
    assert found.converged
    assert found.value == pytest.approx(exact_rate(X, size, replacement, momentum, dampening), rel=1e-6)


DEGENERATE = {
    "one sample": lambda rng: features(rng, 1, 3),
    "collinear": lambda rng: np.repeat(features(rng, 5, 1), 2, axis=1),
    "more features than samples": lambda rng: features(rng, 3, 4),
    "constant features": lambda rng: np.hstack([features(rng, 5, 1), np.full((5, 2), 1.0)]),
    "a zero feature": lambda rng: np.hstack([features(rng, 5, 2), np.zeros((5, 1))]),
    "only a constant": lambda rng: np.full((4, 1), 3.0),
}


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("replacement", [False, True])
@pytest.mark.parametrize("kind", DEGENERATE)
def test_degenerate_data_have_the_limit_of_the_exact_recursion(kind, replacement, momentum, rng):
    X = DEGENERATE[kind](rng)
    found = mean_square_rate(X, 1, replacement, momentum).value
    assert found == pytest.approx(exact_rate(X, 1, replacement, momentum), rel=1e-6)


def test_nothing_moves_without_inputs():
    assert mean_square_rate(np.zeros((4, 2)), 1).value == np.inf


@pytest.mark.parametrize(
    ("name", "options"), [("sgd", {}), ("momentum", {"momentum": 0.9, "dampening": 0.5})]
)
def test_a_full_batch_has_the_limit_that_the_optimizer_declares(name, options, rng):
    X = features(rng, 30, 4)
    curvature = np.linalg.eigvalsh(X.T @ X / 30)[-1]
    for size in (30, None):
        found = mean_square_rate(X, size, **options).value
        assert found == pytest.approx(optimizer(name, **options).critical_rate(curvature), rel=1e-9)


def test_momentum_with_small_batches_falls_towards_its_share_of_the_limit_of_sgd(rng):
    X = rng.standard_normal((200, 20))
    ratios = [mean_square_rate(X, B, momentum=0.9).value / mean_square_rate(X, B).value for B in (1, 20, 200)]
    assert 0.1 < ratios[0] < 0.12
    assert ratios[0] < ratios[1] < ratios[2]
    assert ratios[2] == pytest.approx(1.9, rel=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_many_features_take_another_way_to_the_same_limit(momentum, rng, monkeypatch):
    X = features(rng, 60, 9)
    formed = mean_square_rate(X, 4, momentum=momentum)
    monkeypatch.setattr(limits, "SMALL", 2)
    by_sample = mean_square_rate(X, 4, momentum=momentum)
    assert by_sample.converged
    assert by_sample.value == pytest.approx(formed.value, rel=1e-8)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_a_limit_whose_eigenvalues_do_not_converge_says_so(momentum, monkeypatch):
    one_feature_each = np.diag(
        np.linspace(0.999, 1, 40)
    )  # so that there are forty eigenvalues close together
    X = np.vstack([one_feature_each, 2 * one_feature_each])
    truth = mean_square_rate(X, 4, momentum=momentum).value
    for name in ("largest_eigenvalue", "spectral_radius"):
        monkeypatch.setattr(limits, name, partial(getattr(limits, name), iterations=1))
    found = mean_square_rate(X, 4, momentum=momentum)
    assert not found.converged
    assert found.message
    assert np.isnan(found.value) if momentum else found.value > truth


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
    with pytest.raises(ValueError, match="momentum"):
        mean_square_rate(X, 1, momentum=1.0)
    for bad in (X[0], np.full((2, 2), np.nan), np.empty((0, 3))):
        with pytest.raises(ValueError, match="X must be"):
            mean_square_rate(bad, 1)
