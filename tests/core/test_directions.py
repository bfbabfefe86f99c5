"""Curvature along what training does, against dense matrices."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overshoot.core import (
    LOSSES,
    BatchStrategy,
    Network,
    batch_sharpness,
    critical_rate,
    directional_sharpness,
    tangent_kernel_sharpness,
)
from tests.core.test_curvature import dense_hessian, problem

LOSSES_AND_ACTIVATIONS = [*itertools.product(LOSSES, ["tanh"]), ("half_mse", "relu"), ("mse", "sigmoid")]
PRECONDITIONERS = [None, "one", "each"]


@pytest.mark.parametrize("scaled", PRECONDITIONERS)
@pytest.mark.parametrize(("loss", "activation"), LOSSES_AND_ACTIVATIONS)
def test_batch_sharpness_agrees_with_dense_hessians(loss, activation, scaled, rng):
    net = Network((3, 4, 2), activation, loss)
    theta, X, Y = problem(net, rng, n=7)
    stack = np.stack([theta, theta + 1e-3])
    P = {
        None: np.ones_like(stack),
        "one": rng.uniform(0.1, 9, net.size),
        "each": rng.uniform(0.1, 9, stack.shape),
    }
    batches = [np.array([0, 3, 5]), np.array([1, 1, 6]), np.array([2])]
    found = batch_sharpness(net, stack, net.data(X, Y), batches, None if scaled is None else P[scaled])
    for point, divisor, value in zip(stack, np.broadcast_to(P[scaled], stack.shape), found, strict=True):
        parts = []
        for rows in batches:
            H, g = dense_hessian(net, point, X[rows], Y[rows]), net.loss_and_grad(point, X[rows], Y[rows])[1]
            u = g / divisor
            parts.append((u @ H @ u, g @ u))
        above, below = np.array(parts).sum(axis=0)
        assert value == pytest.approx(above / below, rel=1e-8)


def test_with_all_samples_it_is_the_directional_sharpness_along_the_gradient(rng):
    net = Network((3, 4, 2), "tanh", "softmax_cross_entropy")
    theta, X, Y = problem(net, rng)
    data = net.data(X, Y)
    g = net.loss_and_grad(theta, X, Y)[1]
    whole = batch_sharpness(net, theta, data, [np.arange(len(X))])
    np.testing.assert_allclose(whole, directional_sharpness(net, theta, data, g), rtol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
def test_directional_sharpness_agrees_with_the_dense_hessian(loss, rng):
    net = Network((3, 4, 2), "tanh", loss)
    theta, X, Y = problem(net, rng)
    u = rng.standard_normal((3, net.size))
    found = directional_sharpness(net, np.tile(theta, (3, 1)), net.data(X, Y), u)
    H, g = dense_hessian(net, theta, X, Y), net.loss_and_grad(theta, X, Y)[1]
    np.testing.assert_allclose(found, np.einsum("ri,ij,rj->r", u, H, u) / (u @ g), rtol=1e-8)


@pytest.mark.parametrize("loss", ["half_mse", "mse"])
@pytest.mark.parametrize("guess", [1e-6, 1.0, 1e6])
def test_on_a_quadratic_the_loss_rises_above_two_over_the_directional_sharpness(loss, guess, rng):
    net = Network((4, 1), loss=loss)
    X, Y = rng.standard_normal((20, 4)), rng.standard_normal(20)
    theta = rng.standard_normal((3, net.size))
    g = net.loss_and_grad(theta, X, Y)[1]
    u = g / rng.uniform(0.5, 2, g.shape)
    found = critical_rate(net, theta, net.data(X, Y), u, guess, precision=1e-10)
    np.testing.assert_allclose(found, 2 / directional_sharpness(net, theta, net.data(X, Y), u), rtol=1e-8)


def test_the_critical_rate_parts_rates_that_raise_the_loss_from_rates_that_do_not(rng):
    net = Network((3, 4, 2), "tanh", "softmax_cross_entropy")
    theta, X, Y = problem(net, rng)
    data, g = net.data(X, Y), net.loss_and_grad(theta, X, Y)[1]
    (rate,) = critical_rate(net, theta, data, g, precision=0.01)
    start, below, above = (
        float(net.loss_and_grad(theta - r * g, X, Y)[0]) for r in (0, rate / 1.01, rate * 1.01)
    )
    assert below <= start < above


@given(seed=st.integers(0, 2**32 - 1), off=st.floats(0.6, 1.6))
def test_from_a_good_guess_it_takes_six_evaluations(seed, off):
    rng = np.random.default_rng(seed)
    net = Counted((3, 1))
    X, Y, theta = rng.standard_normal((9, 3)), rng.standard_normal(9), rng.standard_normal(4)
    g = net.loss_and_grad(theta, X, Y)[1]
    (true,) = 2 / directional_sharpness(net, theta, net.data(X, Y), g)
    Counted.evaluations = 0
    (found,) = critical_rate(net, theta, net.data(X, Y), g, off * true)
    assert found == pytest.approx(true, rel=0.1)
    assert Counted.evaluations <= 1 + 6  # the loss at theta is known to who trains


class Counted(Network):
    evaluations = 0

    def evaluate(self, theta, data):
        Counted.evaluations += 1
        return super().evaluate(theta, data)


def test_a_step_uphill_has_the_critical_rate_zero_and_a_fall_without_end_has_none(rng):
    net = Network((3, 1), loss="binary_cross_entropy")
    X = rng.standard_normal((8, 3))
    w = np.array([1.0, -2.0, 0.5, 0.0])
    Y = (X @ w[:3] > 0).astype(float)
    data, g = net.data(X, Y), net.loss_and_grad(w, X, Y)[1]
    uphill, forever = critical_rate(net, np.stack([w, w]), data, np.stack([-g, -w]))
    assert uphill == 0
    assert forever == np.inf  # separable: the farther the better


@pytest.mark.parametrize("activation", ["tanh", "relu", "sigmoid"])
@pytest.mark.parametrize(
    ("loss", "outputs"), [("half_mse", 1), ("half_mse", 2), ("softmax_cross_entropy", 2), ("rmse", 1)]
)
def test_the_tangent_kernel_agrees_with_the_dense_jacobian(activation, loss, outputs, rng):
    net = Network((3, 4, outputs), activation, loss)
    theta, X, Y = problem(net, rng)
    logits = Network(net.sizes, activation, "half_mse").predict
    h = 1e-3 * np.eye(net.size)

    def moved(k):
        return logits(theta + k * h, X).reshape(net.size, -1)

    J = (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / 12e-3
    (found,) = tangent_kernel_sharpness(net, theta, net.data(X, Y))
    assert found.converged
    assert found.value == pytest.approx(np.linalg.eigvalsh(J.T @ J / len(X))[-1], rel=1e-8)


def test_a_trial_alone_and_beside_others_has_the_same_bits(rng):
    net = Network((3, 4, 2), "tanh", "softmax_cross_entropy")
    theta, X, Y = problem(net, rng)
    stack, data = np.stack([theta, 0.5 * theta, 2 * theta]), net.data(X, Y)
    u = rng.standard_normal(stack.shape)
    strategy = BatchStrategy(2)
    order = strategy.samples(1, 0, len(X))
    batches = [order[cut] for cut in strategy.cuts(len(X))]
    for measure in (
        lambda t, v: batch_sharpness(net, t, data, batches),
        lambda t, v: directional_sharpness(net, t, data, v),
        lambda t, v: critical_rate(net, t, data, v),
    ):
        together = measure(stack, u)
        alone = np.concatenate([measure(t, v) for t, v in zip(stack, u, strict=True)])
        np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("batches", [[], [[]], [[0, 6]], [[-1]], [[0.5]], [[[0]]]])
def test_batches_that_are_none_are_refused(batches, rng):
    net = Network((3, 1))
    data = net.data(rng.standard_normal((6, 3)), rng.standard_normal(6))
    with pytest.raises(ValueError, match="batch"):
        batch_sharpness(net, np.zeros(4), data, batches)


def test_updates_of_another_shape_are_refused(rng):
    net = Network((3, 1))
    data = net.data(rng.standard_normal((6, 3)), rng.standard_normal(6))
    for measure in (directional_sharpness, critical_rate):
        with pytest.raises(ValueError, match="one shape"):
            measure(net, np.zeros((2, 4)), data, np.zeros(4))
