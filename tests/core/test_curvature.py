"""Hessian-vector products and eigenvalues against Hessians formed by differences of the gradient."""

import itertools

import numpy as np
import pytest

from overshoot.core import ACTIVATIONS, LOSSES, Network, descend, hessian, optimizer
from overshoot.core.curvature import sharpness, smallest_eigenvalue
from overshoot.core.eigenvalues import largest_eigenvalue, spectral_radius
from overshoot.core.hessian import hessian_product
from tests.core.plain_network import some_targets, unpack

PAIRS = list(itertools.product(ACTIVATIONS, LOSSES))
STEP = 1e-3


def distance_to_kinks(net, theta, X):
    """The smallest |pre-activation| of a hidden unit."""
    smallest, a = np.inf, X
    for W, b in unpack(theta, net.sizes)[:-1]:
        z = a @ W.T + b
        smallest, a = min(smallest, np.abs(z).min()), np.maximum(z, 0.01 * z)
    return smallest


def problem(net, rng, n=6):
    """theta (P,) at which no hidden unit is near a kink, X and Y."""
    for _ in range(1000):
        X, Y = rng.standard_normal((n, net.sizes[0])), some_targets(net, rng, n)
        theta = net.init(rng) + 0.3 * rng.standard_normal(net.size)
        if distance_to_kinks(net, theta, X) > 20 * STEP:
            return theta, X, Y
    raise AssertionError("no parameters away from the kinks")


def dense_hessian(net, theta, X, Y):
    """(P, P) by differences of the gradient of the fourth order."""
    steps = STEP * np.eye(net.size)

    def gradient(shift):
        return net.loss_and_grad(theta + shift * steps, X, Y)[1]

    H = (8 * (gradient(1) - gradient(-1)) - (gradient(2) - gradient(-2))) / (12 * STEP)
    return (H + H.T) / 2


def every_direction(net, theta, data):
    return hessian_product(net, np.tile(theta, (net.size, 1)), np.eye(net.size), data)


@pytest.mark.parametrize("hidden", [(), (4,), (4, 3)], ids=lambda h: f"{len(h)}-hidden")
@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_products_agree_with_the_dense_hessian(activation, loss, hidden, rng):
    net = Network((3, *hidden, 2), activation, loss)
    theta, X, Y = problem(net, rng)
    H = dense_hessian(net, theta, X, Y)
    found = every_direction(net, theta, net.data(X, Y))
    assert np.abs(found - H).max() <= 1e-8 * np.abs(H).max()


@pytest.mark.parametrize("loss", LOSSES)
def test_the_sharpness_is_the_largest_eigenvalue_of_the_dense_hessian(loss, rng):
    net = Network((3, 4, 2), "tanh", loss)
    theta, X, Y = problem(net, rng)
    stack = np.stack([theta, 0.5 * theta])
    P = rng.uniform(0.1, 10, stack.shape)
    decay = np.array([0.3, 1.0])
    plain = sharpness(net, stack, net.data(X, Y))
    scaled = sharpness(net, stack, net.data(X, Y), P, decay)
    for r in range(2):
        H = dense_hessian(net, stack[r], X, Y)
        assert plain[r].converged
        assert plain[r].value == pytest.approx(np.linalg.eigvalsh(H)[-1], rel=1e-8)
        adaptive = np.linalg.eigvals((H + decay[r] * np.eye(net.size)) / P[r][:, None])
        assert scaled[r].value == pytest.approx(adaptive.real.max(), rel=1e-8)


def test_a_loose_tolerance_is_kept_with_fewer_products():
    diagonal, products = np.linspace(-1, 1, 300) ** 3, []

    def product(v):
        products.append(v)
        return diagonal * v

    exact = largest_eigenvalue(product, 300)
    needed = len(products)
    loose = largest_eigenvalue(product, 300, tolerance=1e-2)
    assert loose.converged
    assert loose.value == pytest.approx(exact.value, rel=1e-2)
    assert len(products) - needed < needed / 2


@pytest.mark.parametrize("loss", LOSSES)
def test_chunks_blocks_and_stacks_change_nothing(loss, rng, monkeypatch):
    net = Network((3, 4, 2), "sigmoid", loss)
    theta = rng.standard_normal((3, net.size))
    v = rng.standard_normal((3, net.size))
    data = net.data(rng.standard_normal((11, 3)), some_targets(net, rng, 11))
    whole = hessian_product(net, theta, v, data)
    single = [hessian_product(net, t, d, data) for t, d in zip(theta, v, strict=True)]
    np.testing.assert_allclose(single, whole, rtol=1e-12, atol=1e-15)
    monkeypatch.setattr(hessian, "CHUNK", 4)
    monkeypatch.setattr(hessian, "BLOCK", 1)
    np.testing.assert_allclose(hessian_product(net, theta, v, data), whole, rtol=1e-11, atol=1e-14)


def test_the_computation_is_in_double_precision(rng):
    net = Network((3, 4, 1), "tanh")
    theta, X, Y = problem(net, rng)
    theta, X, Y = (a.astype(np.float32) for a in (theta, X, Y))
    in_float32 = hessian_product(net, theta, theta, net.data(X, Y, np.float32))
    assert in_float32.dtype == np.float64
    np.testing.assert_array_equal(
        in_float32, hessian_product(net, theta.astype(float), theta.astype(float), net.data(X, Y))
    )


REGRESSIONS = {
    "full rank": lambda rng: rng.standard_normal((20, 4)),
    "rank-deficient": lambda rng: np.repeat(rng.standard_normal((20, 2)), 2, axis=1),
    "more features than samples": lambda rng: rng.standard_normal((3, 6)),
    "one sample": lambda rng: rng.standard_normal((1, 3)),
    "constant features": lambda rng: np.hstack([rng.standard_normal((9, 2)), np.full((9, 2), 7.0)]),
    "zero features": lambda rng: np.zeros((5, 2)),
}


@pytest.mark.parametrize("kind", REGRESSIONS)
@pytest.mark.parametrize(("loss", "factor"), [("half_mse", 1), ("mse", 2)])
def test_extreme_eigenvalues_of_linear_regression(kind, loss, factor, rng):
    X = REGRESSIONS[kind](rng)
    net = Network((X.shape[1], 2), loss=loss)
    data = net.data(X, rng.standard_normal((len(X), 2)))
    A = np.hstack([X, np.ones((len(X), 1))])
    eigenvalues = np.linalg.eigvalsh(factor * A.T @ A / len(X))
    theta = rng.standard_normal((2, net.size))
    for estimate in sharpness(net, theta, data):
        assert estimate.converged
        assert estimate.value == pytest.approx(eigenvalues[-1], rel=1e-9)
    rank = np.linalg.matrix_rank(A)
    np.testing.assert_allclose(smallest_eigenvalue(net, theta, data), [eigenvalues[-rank]] * 2, rtol=1e-9)


def test_the_smallest_eigenvalue_of_logistic_regression(rng):
    net = Network((3, 2), loss="binary_cross_entropy")
    theta, X, Y = problem(net, rng, 30)
    stack = np.stack([theta, 2 * theta])
    expected = [np.linalg.eigvalsh(dense_hessian(net, point, X, Y))[0] for point in stack]
    np.testing.assert_allclose(smallest_eigenvalue(net, stack, net.data(X, Y)), expected, rtol=1e-7)
    saturated = smallest_eigenvalue(net, np.full(net.size, 1e4), net.data(np.ones((4, 3)), np.ones((4, 2))))
    assert np.isnan(saturated)


def test_the_smallest_eigenvalue_is_for_linear_models_alone():
    for net in (Network((2, 3, 1)), Network((2, 2), loss="softmax_cross_entropy")):
        data = net.data(np.ones((2, 2)), np.zeros(2))
        with pytest.raises(ValueError, match="without hidden layers"):
            smallest_eigenvalue(net, np.zeros(net.size), data)


def test_gradient_descent_on_real_losses_breaks_at_two_over_the_sharpness(rng):
    net = Network((3, 1))
    X, Y = rng.standard_normal((12, 3)), rng.standard_normal(12)
    limit = 2 / sharpness(net, np.zeros(net.size), net.data(X, Y))[0].value
    rates = limit * np.array([0.99, 1.01])
    path = descend(
        optimizer("sgd", lr=rates), lambda t: net.loss_and_grad(t, X, Y)[1], rng.standard_normal((2, 4)), 2000
    )
    losses = [net.loss_and_grad(theta, X, Y)[0] for theta in (path[1000], path[2000])]
    assert losses[1][0] <= losses[0][0] * (1 + 1e-12)
    assert losses[1][1] > 1e6 * losses[0][1]


def test_an_estimate_that_does_not_converge_says_so_and_is_a_lower_bound():
    diagonal = 1 - np.linspace(0, 1e-3, 300) ** 2
    found = largest_eigenvalue(lambda v: diagonal * v, 300, iterations=1)
    assert not found.converged
    assert "onverge" in found.message
    assert 0.99 < found.value < 1
    assert largest_eigenvalue(lambda v: diagonal * v, 300).value == pytest.approx(1, rel=1e-9)


def test_a_spectral_radius_that_does_not_converge_says_so():
    diagonal = 1 - np.linspace(0, 1e-3, 300) ** 2
    found = spectral_radius(lambda v: diagonal * v, 300, iterations=1)
    assert np.isnan(found.value)
    assert not found.converged
    assert "onverge" in found.message


def test_a_hessian_that_is_not_finite_is_no_number(rng):
    net = Network((3, 4, 1), "tanh", "rmse")
    theta, X, Y = problem(net, rng)
    fitted = net.data(X, net.predict(theta, X))
    huge = Network((3, 4, 1), "identity")
    for estimate in (
        *sharpness(net, theta, fitted),
        *sharpness(huge, np.full(huge.size, 1e200), huge.data(X, Y)),
    ):
        assert np.isnan(estimate.value)
        assert not estimate.converged
        assert "finite" in estimate.message


def test_a_negative_eigenvalue_of_larger_size_does_not_mislead():
    diagonal = np.append(np.linspace(-1000, 2, 49), 3.0)
    assert largest_eigenvalue(lambda v: diagonal * v, 50).value == pytest.approx(3, rel=1e-9)
    assert largest_eigenvalue(lambda v: -v, 50).value == pytest.approx(-1, rel=1e-9)


@pytest.mark.parametrize("scale", [1e-200, 1e-30, 1e30])
def test_the_tolerance_is_relative(scale):
    diagonal = scale * np.linspace(0, 1, 50) ** 2
    assert largest_eigenvalue(lambda v: diagonal * v, 50).value == pytest.approx(scale, rel=1e-9)


def test_the_smallest_cases_have_an_eigenvalue():
    assert largest_eigenvalue(lambda v: -4 * v, 1).value == pytest.approx(-4)
    assert largest_eigenvalue(lambda v: 0 * v, 7).value == 0
    assert spectral_radius(lambda v: 0 * v, 70).value == 0


@pytest.mark.parametrize("size", [2, 60])
def test_the_spectral_radius_of_a_map_that_is_not_symmetric(size, rng):
    matrix = rng.standard_normal((size, size))
    expected = np.abs(np.linalg.eigvals(matrix)).max()
    assert spectral_radius(lambda v: matrix @ v, size).value == pytest.approx(expected, rel=1e-9)


def test_the_same_call_gives_the_same_bits(rng):
    net = Network((3, 5, 1), "tanh")
    theta, X, Y = problem(net, rng)
    assert sharpness(net, theta, net.data(X, Y)) == sharpness(net, theta, net.data(X, Y))


def test_what_does_not_fit_is_refused():
    net, other = Network((2, 1)), Network((3, 1))
    data, theta = net.data(np.ones((4, 2)), np.ones(4)), np.zeros(net.size)
    with pytest.raises(ValueError, match="theta must be"):
        sharpness(net, np.zeros(7), data)
    with pytest.raises(ValueError, match="one shape"):
        hessian_product(net, theta, np.ones((2, net.size)), data)
    with pytest.raises(ValueError, match="data must have shapes"):
        hessian_product(other, np.zeros(other.size), np.zeros(other.size), data)
    for bad in (np.zeros(net.size), np.full(net.size, np.inf)):
        with pytest.raises(ValueError, match="positive and finite"):
            sharpness(net, theta, data, bad)
    with pytest.raises(ValueError, match="preconditioner must be"):
        sharpness(net, theta, data, np.ones(2))
