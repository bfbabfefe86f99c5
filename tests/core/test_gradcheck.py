import numpy as np
import pytest

from overshoot.core import Network, gradient_error


def checked(net, X, Y, spoil):
    """`net`'s loss with a gradient that `spoil` has changed."""

    def function(theta):
        loss, grad = net.loss_and_grad(theta, X, Y)
        return loss, spoil(grad)

    return function


@pytest.fixture
def case(rng):
    net = Network((4, 5, 3), "tanh", "softmax_cross_entropy")
    return net, rng.standard_normal((7, 4)), rng.integers(0, 3, 7), net.init(rng)


def test_a_right_gradient_passes(case):
    net, X, Y, theta = case
    assert gradient_error(checked(net, X, Y, lambda g: g), theta) < 1e-6


def test_an_error_of_one_in_ten_thousand_in_any_one_entry_is_caught(case):
    net, X, Y, theta = case
    _, grad = net.loss_and_grad(theta, X, Y)
    worth_checking = np.flatnonzero(np.abs(grad) > 1e-3 * np.linalg.norm(grad))
    assert len(worth_checking) > 0.9 * net.size
    for i in worth_checking:

        def spoil(g, i=i):
            g[i] *= 1 + 1e-4
            return g

        error = gradient_error(checked(net, X, Y, spoil), theta)
        assert error == pytest.approx(1e-4, rel=0.01)


@pytest.mark.parametrize(
    "spoil",
    [lambda g: -g, lambda g: 7 * g, lambda g: g[::-1], np.zeros_like, lambda g: np.full_like(g, np.nan)],
    ids=["sign", "not averaged", "order", "zero", "NaN"],
)
def test_the_usual_mistakes_are_caught(case, spoil):
    net, X, Y, theta = case
    assert not gradient_error(checked(net, X, Y, spoil), theta) < 0.1


def test_a_gradient_that_is_zero_and_should_be_is_no_error():
    assert gradient_error(lambda theta: (3.0, np.zeros(2)), np.ones(2)) == 0


def test_large_parameters_get_a_larger_step():
    """With a fixed step of 6e-6 the difference at 1e8 would be rounding alone."""
    assert gradient_error(lambda theta: (theta @ theta, 2 * theta), np.array([1e8, 3e8])) < 1e-6
