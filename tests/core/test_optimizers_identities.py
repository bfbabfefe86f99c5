"""What the theory says of update rules, without any reference implementation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import descend, domains, optimizer

RATES = st.floats(1e-3, 0.1)
POINTS = st.lists(st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3), min_size=3, max_size=3).map(np.array)
CURVATURE = np.array([0.3, 1.0, 4.0])


def bowl(theta):
    """Gradient of a quadratic with a cubic part: nothing here is true of quadratics alone."""
    return CURVATURE * theta + 0.1 * theta**3


def path(name, start, steps=40, gradient=bowl, **options):
    return descend(optimizer(name, **options), gradient, start, steps)


def same(a, b, rtol=1e-12):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14 * np.nanmax(np.abs(b)))


SPECIAL_CASES = [
    ("momentum", {"momentum": 0.0}, "sgd", {}),
    ("nesterov", {"momentum": 0.0}, "sgd", {}),
    ("adamw", {"weight_decay": 0.0}, "adam", {}),
    ("adam", {"beta1": 0.0, "beta2": 0.0, "eps": 0.0}, "rmsprop", {"alpha": 0.0, "eps": 0.0}),
]


@pytest.mark.parametrize(("name", "options", "twin", "twins_options"), SPECIAL_CASES)
@given(start=POINTS, lr=RATES)
@settings(max_examples=20, deadline=None)
def test_one_method_is_a_special_case_of_another(name, options, twin, twins_options, start, lr):
    same(path(name, start, lr=lr, **options), path(twin, start, lr=lr, **twins_options))


@given(start=POINTS, lr=st.floats(1e-3, 0.49))
def test_gradient_descent_contracts_by_the_largest_factor(start, lr):
    """max |1 - lr lambda| bounds every step, and is reached in the limit."""
    points = path("sgd", start, gradient=lambda theta: CURVATURE * theta, lr=lr)
    norms = np.linalg.norm(points, axis=1)
    factor = np.max(np.abs(1 - lr * CURVATURE))
    assert np.all(norms[1:] <= factor * norms[:-1] * (1 + 1e-12))
    along = int(np.argmax(np.abs(1 - lr * CURVATURE)))
    np.testing.assert_allclose(np.abs(points[-1, along]), factor**40 * np.abs(start[along]), rtol=1e-9)


@given(start=POINTS, lr=RATES)
@pytest.mark.parametrize("name", ["adam", "adagrad"])
def test_the_first_step_is_the_rate_in_every_coordinate(name, start, lr):
    points = path(name, start, 1, lr=lr, eps=0.0)
    np.testing.assert_allclose(points[0] - points[1], lr * np.sign(bowl(start)), rtol=1e-9)


@given(start=POINTS, lr=RATES, alpha=st.floats(0.0, 0.999))
def test_rmsprops_first_step_is_larger_by_the_missing_bias_correction(start, lr, alpha):
    points = path("rmsprop", start, 1, lr=lr, alpha=alpha, eps=0.0)
    np.testing.assert_allclose(
        points[0] - points[1], lr / np.sqrt(1 - alpha) * np.sign(bowl(start)), rtol=1e-9
    )


@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "adamw"])
@given(start=POINTS, lr=RATES, scale=st.floats(1e-6, 1e6))
@settings(max_examples=20, deadline=None)
def test_adaptive_methods_do_not_see_the_scale_of_the_loss(name, start, lr, scale):
    scaled = path(name, start, 20, gradient=lambda theta: scale * bowl(theta), lr=lr, eps=0.0)
    same(scaled, path(name, start, 20, lr=lr, eps=0.0), rtol=1e-7)


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
@given(start=POINTS, lr=RATES, scale=st.floats(1e-3, 1e3))
@settings(max_examples=20, deadline=None)
def test_a_scaled_loss_is_a_scaled_rate_where_nothing_is_normalised(name, start, lr, scale):
    scaled = path(name, start, 20, gradient=lambda theta: scale * bowl(theta), lr=lr / scale)
    same(scaled, path(name, start, 20, lr=lr), rtol=1e-9)


@given(start=POINTS, lr=RATES, decay=st.floats(0.0, 1.0))
@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam"])
@settings(max_examples=20, deadline=None)
def test_weight_decay_is_a_penalty_in_the_gradient(name, start, lr, decay):
    penalised = path(name, start, gradient=lambda theta: bowl(theta) + decay * theta, lr=lr)
    same(path(name, start, lr=lr, weight_decay=decay), penalised, rtol=1e-9)


@given(start=POINTS, lr=RATES, decay=st.floats(0.0, 1.0))
@pytest.mark.parametrize("name", ["adamw"])
def test_decoupled_weight_decay_shrinks_whatever_the_gradient_is(name, start, lr, decay):
    points = path(name, start, 5, gradient=np.zeros_like, lr=lr, weight_decay=decay)
    same(points, start * (1 - lr * decay) ** np.arange(6)[:, None])


@given(start=POINTS, lr=RATES)
def test_a_velocity_is_a_geometric_sum_under_a_constant_gradient(start, lr):
    points = path("momentum", start, 60, gradient=np.ones_like, lr=lr, momentum=0.7)
    steps = points[:-1] - points[1:]
    np.testing.assert_allclose(
        steps, np.repeat(lr * (1 - 0.7 ** np.arange(1, 61)[:, None]) / 0.3, 3, axis=1), rtol=1e-9
    )


@pytest.mark.parametrize("name", ["adam", "adamw", "rmsprop", "adagrad"])
def test_the_size_of_a_step_is_bounded(name):
    """Whatever comes: these gradients grow by seventeen orders of magnitude on the way."""
    bound = {"rmsprop": 1 / np.sqrt(1 - 0.99), "adam": 0.1 / np.sqrt(1e-3), "adamw": 0.1 / np.sqrt(1e-3)}
    g = iter(np.random.default_rng(0).standard_normal((300, 4)) * 10.0 ** np.arange(300)[:, None] ** 0.5)
    plain = {"weight_decay": 0.0} if "weight_decay" in domains(name) else {}
    points = path(name, np.zeros(4), 300, gradient=lambda theta: next(g), lr=0.1, **plain)
    assert np.max(np.abs(np.diff(points, axis=0))) <= 0.1 * bound.get(name, 1) * (1 + 1e-9)


@given(start=POINTS, lr=RATES)
def test_a_constant_gradient_moves_adam_by_the_rate_at_every_step(start, lr):
    points = path("adam", start, 50, gradient=lambda theta: np.array([3.0, -1e-3, 1e4]), lr=lr, eps=0.0)
    np.testing.assert_allclose(points[:-1] - points[1:], lr * np.tile([1, -1, 1], (50, 1)), rtol=1e-9)


@given(start=POINTS, lr=RATES)
def test_adagrads_steps_shrink_with_the_root_of_time(start, lr):
    points = path("adagrad", start, 50, gradient=np.ones_like, lr=lr, eps=0.0)
    expected = lr / np.sqrt(np.arange(1, 51))[:, None]
    np.testing.assert_allclose(points[:-1] - points[1:], np.repeat(expected, 3, axis=1), rtol=1e-9)
