"""Declared limits: their closed forms, the paths that break at them, and what a step was divided by."""

import numpy as np
import pytest

from overshoot import core
from overshoot.core import optimizer
from tests.core.test_optimizers_stability import CLOSED_FORMS, L, critical_rate

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


WITH_LIMIT = sorted({name for name, *_ in [*DECLARED, *BISECTED]})
PLAIN = {"sgd", "momentum", "nesterov"}


@pytest.mark.parametrize("name", WITH_LIMIT)
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_the_critical_curvature_is_where_the_rate_is_critical(name, weight_decay):
    made = optimizer(name, lr=[0.02, 0.5], weight_decay=weight_decay)
    np.testing.assert_allclose(made.critical_rate(made.critical_curvature()), made.lr, rtol=1e-12)


def test_critical_curvatures_in_closed_form():
    assert optimizer("sgd", lr=0.1).critical_curvature() == pytest.approx(20)
    assert optimizer("adam", lr=0.1).critical_curvature() == pytest.approx(380)
    assert optimizer("sgd", lr=0.0).critical_curvature() == np.inf
    assert optimizer("adagrad").critical_curvature() is None


def test_what_has_a_limit_and_divides_says_by_what():
    for name in core.OPTIMIZERS:
        made = optimizer(name).prepare(((3,),))
        with np.errstate(all="ignore"):
            known = made.preconditioner(made.init(np.ones((1, 3))), 1) is not None
        assert known == (name in set(WITH_LIMIT) - PLAIN), name


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", sorted(set(WITH_LIMIT) - PLAIN))
def test_the_preconditioner_is_what_the_step_was_divided_by(name, dtype, rng):
    """lr P^-1 times the mean of the gradients, written out from its definition, is the step."""
    gradients = rng.standard_normal((400, 2, 5)).astype(dtype)
    options = {"momentum_decay": 0.0} if name == "nadam" else {"weight_decay": 0.0}
    made = optimizer(name, lr=[0.1, 0.7], **options).prepare(((5,),))
    theta = np.ones((2, 5), dtype)
    state = made.init(theta)
    beta = 0.0 if name.startswith("rmsprop") else 0.9
    mean = np.zeros((2, 5))
    for t, g in enumerate(gradients, start=1):
        step = made.step(g.copy(), state, theta, t)
        mean = beta * mean + (1 - beta) * g
        if t in (1, 2, 400) and not (name == "nadam" and t < 400):
            moved = 0.55 * g + 0.45 * mean if name == "nadam" else mean
            expected = made.lr * moved / made.preconditioner(state, t)
            np.testing.assert_allclose(step, expected, rtol=2e-4 if dtype == np.float32 else 1e-9)
