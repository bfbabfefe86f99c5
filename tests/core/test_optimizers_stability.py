"""The largest learning rate at which each method is stable, against the closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overshoot.core import descend, optimizer

CURVATURE = np.array([0.5, 2.0, 8.0])
L = CURVATURE.max()


def critical_rate(name, **options):
    """Where the growth of the path on a quadratic changes its sign: a search by sections.

    Growth is judged between two late and long stretches, after all that decays has decayed. From so
    small a start the squared gradients are nothing beside eps: the preconditioner stays where that is.
    """
    low, high = 1e-3, 1e3
    while high / low > 1 + 1e-9:
        rates = np.geomspace(low, high, 33)
        points = descend(
            optimizer(name, lr=rates, **options),
            lambda theta: theta * CURVATURE,
            np.full((33, 3), 1e-100),
            1200,
        )
        size = np.abs(points).max(axis=2)
        late, middle = size[-50:].max(axis=0), size[-650:-600].max(axis=0)
        stable = (late <= middle) & (late < 1e-60)  # NaN is not
        first = int(np.argmin(stable))
        assert 0 < first < len(rates)
        low, high = rates[first - 1], rates[first]
    return low


CLOSED_FORMS = [
    ("sgd", {}, lambda: 2 / L),
    ("sgd", {"weight_decay": 0.5}, lambda: 2 / (L + 0.5)),
    *[
        ("momentum", {"momentum": b, "dampening": d}, lambda b=b, d=d: 2 * (1 + b) / ((1 - d) * L))
        for b, d in [(0.0, 0.0), (0.5, 0.0), (0.9, 0.0), (0.9, 0.9), (0.5, 0.25)]
    ],
    ("rmsprop", {"eps": 1.0}, lambda: 2 / L),
    ("rmsprop_centered", {"eps": 1.0}, lambda: 2 / L),
    ("adagrad", {"eps": 1.0}, lambda: 2 / L),
    ("adam", {"eps": 1.0}, lambda: 2 * (1 + 0.9) / ((1 - 0.9) * L)),
    ("adam", {"eps": 1.0, "beta1": 0.5}, lambda: 2 * (1 + 0.5) / ((1 - 0.5) * L)),
    ("amsgrad", {"eps": 1.0}, lambda: 2 * (1 + 0.9) / ((1 - 0.9) * L)),
    ("adabelief", {"eps": 0.5, "beta2": 0.5}, lambda: 2 * (1 + 0.9) / ((1 - 0.9) * L) * (1 + 0.5)),
    ("nadam", {"eps": 1.0, "momentum_decay": 1e6}, lambda: 2 * (1 + 0.9) / ((1 - 0.9) * (1 + 2 * 0.9) * L)),
    ("adamw", {"eps": 1.0, "weight_decay": 0.5}, lambda: 2 * (1 + 0.9) / ((1 - 0.9) * L + 0.5 * (1 + 0.9))),
    *[("nesterov", {"momentum": b}, lambda b=b: 2 * (1 + b) / ((1 + 2 * b) * L)) for b in (0.0, 0.5, 0.9)],
]


@pytest.mark.parametrize(
    ("name", "options", "formula"),
    CLOSED_FORMS,
    ids=[f"{name} {options}" for name, options, _ in CLOSED_FORMS],
)
def test_the_critical_rate_on_a_quadratic_is_the_closed_form(name, options, formula):
    np.testing.assert_allclose(critical_rate(name, **options), formula(), rtol=1e-6)


def contraction(name, lr, **options):
    """By which factor a late stretch of the path shrinks each step."""
    curvature = np.array([1.0, 9.0])
    points = descend(optimizer(name, lr=lr, **options), lambda theta: theta * curvature, np.ones(2), 300)
    size = np.linalg.norm(points, axis=1)
    return (size[200:300].max() / size[100:200].max()) ** 0.01


def test_the_best_rate_of_gradient_descent_contracts_by_the_condition_number():
    assert contraction("sgd", 2 / (1 + 9)) == pytest.approx((9 - 1) / (9 + 1), rel=1e-6)


def test_the_best_heavy_ball_contracts_by_the_root_of_the_condition_number():
    root = (3 - 1) / (3 + 1)
    # A double root: the contraction is that of t root^t, up to the growth of t.
    assert contraction("momentum", 4 / (3 + 1) ** 2, momentum=root**2) == pytest.approx(root, rel=0.01)


@given(lr=st.floats(1e-3, 10.0), start=st.floats(0.1, 100.0))
@settings(max_examples=12)
@pytest.mark.parametrize("name", ["adagrad", "rmsprop", "adam", "amsgrad", "adamax", "lion", "signsgd"])
def test_adaptive_methods_do_not_blow_up_on_a_quadratic(name, lr, start):
    path = descend(optimizer(name, lr=lr), lambda theta: 8.0 * theta, [start], 300)
    assert np.isfinite(path).all()
    assert np.abs(path).max() <= start + 35 * lr


@pytest.mark.parametrize("lr", [1e-3, 0.1, 10.0])
def test_rmsprop_ends_in_a_cycle_of_half_the_rate(lr):
    path = descend(optimizer("rmsprop", lr=lr, eps=0.0), lambda theta: theta, [lr], 4000)
    np.testing.assert_allclose(np.abs(path[-10:]), lr / 2, rtol=1e-6)
    assert path[-1, 0] == pytest.approx(-path[-2, 0], rel=1e-6)


@pytest.mark.parametrize("name", ["adagrad", "amsgrad"])
@pytest.mark.parametrize("lr", [0.1, 10.0, 1000.0])
def test_adagrad_and_amsgrad_recover_from_any_rate(name, lr):
    path = descend(optimizer(name, lr=lr), lambda theta: theta, [1.0], 4000)
    assert np.abs(path).max() <= max(1, 200 * lr)
    assert np.abs(path[-1]) < 1e-6


@pytest.mark.parametrize("name", ["signsgd", "lion"])
def test_the_floor_of_sign_methods_is_proportional_to_the_rate(name):
    rates = np.array([1e-3, 1e-2, 1e-1])
    path = descend(optimizer(name, lr=rates), lambda theta: theta, np.full((3, 1), 0.123), 2000)
    floor = np.abs(path[-500:, :, 0]).mean(axis=0)
    assert np.all((floor / rates > 0.1) & (floor / rates < 30))
    np.testing.assert_allclose(floor / rates, (floor / rates)[0], rtol=0.5)


LINEAR = [
    ("sgd", {}),
    ("sgd", {"weight_decay": 0.5}),
    ("momentum", {"momentum": 0.5}),
    ("momentum", {"momentum": 0.9, "dampening": 0.9}),
    ("momentum", {"momentum": 0.5, "dampening": 0.25, "weight_decay": 0.5}),
    ("nesterov", {"momentum": 0.5}),
    ("nesterov", {"momentum": 0.9, "weight_decay": 0.5}),
]


@pytest.mark.parametrize(("name", "options"), LINEAR)
def test_at_the_critical_rate_the_largest_multiplier_is_one(name, options):
    method = optimizer(name, **options)
    limit, multiplier = method.critical_rate(L), method.recursion.multiplier
    assert multiplier(limit, L) == pytest.approx(1, rel=1e-12)
    assert multiplier(0.99 * limit, CURVATURE).max() < 1
    assert multiplier(1.01 * limit, CURVATURE).argmax() == np.argmax(CURVATURE)


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 1.3, 3.0])
@pytest.mark.parametrize(("name", "options"), LINEAR)
def test_the_multiplier_is_the_long_run_factor_of_the_path(name, options, share):
    rate = share * optimizer(name, **options).critical_rate(L)
    path = np.abs(descend(optimizer(name, lr=rate, **options), lambda theta: L * theta, [1e-100], 400)[:, 0])
    # Complex roots turn the path around zero: the largest points of two stretches tell its envelope.
    measured = (path[300:].max() / path[200:301].max()) ** 0.01
    assert optimizer(name, **options).recursion.multiplier(rate, L) == pytest.approx(measured, rel=0.01)


def test_the_multiplier_of_gradient_descent_is_the_one_of_every_textbook():
    multiplier = optimizer("sgd").recursion.multiplier(0.3, [1.0, 4.0, 10.0])
    np.testing.assert_allclose(multiplier, [0.7, 0.2, 2.0], rtol=1e-12)
