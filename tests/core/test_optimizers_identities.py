"""What the theory says of update rules, without any reference implementation."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overshoot.core import OPTIMIZERS, descend, domains, optimizer

RATES = st.floats(1e-3, 0.1)
POINTS = st.lists(st.floats(-3, 3).filter(lambda x: abs(x) > 1e-3), min_size=3, max_size=3).map(np.array)
CURVATURE = np.array([0.3, 1.0, 4.0])

few = settings(max_examples=12)


def bowl(theta):
    """Gradient of a quadratic with a quartic part: nothing here is true of quadratics alone."""
    return CURVATURE * theta + 0.1 * theta**3


def path(name, start, steps=40, gradient=bowl, **options):
    return descend(optimizer(name, **options), gradient, start, steps)


def same(a, b, rtol=1e-12):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-14 * np.nanmax(np.abs(b)))


def without(name, *keys):
    """Options that switch off those of `keys` that the optimizer has."""
    return {key: 0.0 for key in keys if key in domains(name)}


SIGN = {"beta1": 0.0, "beta2": 0.0, "eps": 1e-30}  # which keeps 0/0 out
SPECIAL_CASES = [
    ("momentum", {"momentum": 0.0}, "sgd", {}),
    ("nesterov", {"momentum": 0.0}, "sgd", {}),
    ("asgd", {"lambd": 0.0}, "sgd", {}),
    ("asgd", {"lambd": 0.0, "weight_decay": 0.1}, "sgd", {"weight_decay": 0.1}),
    ("radam", {"beta1": 0.0, "beta2": 0.5}, "sgd", {}),  # so short an average is never used
    ("rmsprop_centered", {"alpha": 0.0, "eps": 1.0}, "sgd", {}),
    ("adam", SIGN, "rmsprop", {"alpha": 0.0, "eps": 1e-30}),
    ("adam", SIGN, "signsgd", {}),
    ("adamax", SIGN, "signsgd", {}),
    ("lion", {"beta1": 0.0, "beta2": 0.0}, "signsgd", {}),
    ("adamw", {"weight_decay": 0.0}, "adam", {}),
    ("nadam", {"beta1": 0.0}, "adam", {"beta1": 0.0, "lr": None}),
    ("adan", {"beta1": 0.0, "beta2": 0.0}, "adam", {"beta1": 0.0, "beta2": 0.99}),
    ("ademamix", {"alpha": 0.0}, "adam", {}),
    ("ademamix", {"alpha": 0.0, "weight_decay": 0.1}, "adamw", {"weight_decay": 0.1}),
    ("ademamix", {"alpha": 0.5, "beta1": 0.0, "beta3": 0.0}, "adam", {"beta1": 0.0, "lr": 1.5}),
]


@pytest.mark.parametrize(
    ("name", "options", "twin", "twins_options"),
    SPECIAL_CASES,
    ids=[f"{n} {o}" for n, o, *_ in SPECIAL_CASES],
)
@given(start=POINTS, lr=RATES)
@few
def test_one_method_is_a_special_case_of_another(name, options, twin, twins_options, start, lr):
    factor = twins_options.get("lr") or 1
    same(path(name, start, lr=lr, **options), path(twin, start, **{**twins_options, "lr": factor * lr}), 1e-9)


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
@pytest.mark.parametrize("name", ["adam", "adamw", "amsgrad", "adamax", "adagrad", "cautious_adamw", "adan"])
@few
def test_the_first_step_is_the_rate_in_every_coordinate(name, start, lr):
    points = path(name, start, 1, lr=lr, eps=0.0, **without(name, "weight_decay"))
    agreeing = 3 / 4 if name == "cautious_adamw" else 1  # n / (k + 1) with k = n = 3
    np.testing.assert_allclose(points[0] - points[1], agreeing * lr * np.sign(bowl(start)), rtol=1e-9)


@given(start=POINTS, lr=RATES, alpha=st.floats(0.0, 0.999))
def test_rmsprops_first_step_is_larger_by_the_missing_bias_correction(start, lr, alpha):
    points = path("rmsprop", start, 1, lr=lr, alpha=alpha, eps=0.0)
    np.testing.assert_allclose(
        points[0] - points[1], lr / np.sqrt(1 - alpha) * np.sign(bowl(start)), rtol=1e-9
    )


WITHOUT_SCALE = {  # but for what keeps a zero from being divided by a zero
    (): ["signsgd", "lion", "rprop", "lars", "muon"],
    (("eps", 0.0),): [
        *("adagrad", "rmsprop", "rmsprop_centered", "adam", "adamw", "cautious_adamw", "amsgrad", "adamax"),
        *("nadam", "adan", "ademamix", "adopt", "lamb", "schedule_free_adamw"),
    ],
    (("eps", 1e-60),): ["dog", "prodigy"],
    (("eps1", 0.0),): ["adafactor"],
}


@pytest.mark.parametrize(
    ("name", "eps"), [(n, dict(eps)) for eps, names in WITHOUT_SCALE.items() for n in names]
)
@given(start=POINTS, lr=RATES, power=st.integers(-8, 8))
@few
def test_adaptive_methods_do_not_see_the_scale_of_the_loss(name, eps, start, lr, power):
    """A power of four, so that the rounding is the same."""
    scaled = path(name, start, 15, gradient=lambda theta: 4.0**power * bowl(theta), lr=lr, **eps)
    same(scaled, path(name, start, 15, lr=lr, **eps), rtol=1e-7)


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov", "schedule_free_sgd"])
@given(start=POINTS, lr=RATES, scale=st.floats(1e-3, 1e3))
@few
def test_a_scaled_loss_is_a_scaled_rate_where_nothing_is_normalised(name, start, lr, scale):
    scaled = path(name, start, 20, gradient=lambda theta: scale * bowl(theta), lr=lr / scale)
    same(scaled, path(name, start, 20, lr=lr), rtol=1e-9)


COUPLED = [
    *("sgd", "momentum", "nesterov", "asgd", "schedule_free_sgd", "dog", "adagrad", "adadelta", "rmsprop"),
    *("rmsprop_centered", "adam", "amsgrad", "adamax", "nadam", "radam", "yogi"),
]
DECOUPLED = [
    *("adamw", "cautious_adamw", "adabelief", "ademamix", "adan", "lion", "muon", "adafactor", "sophia"),
    *("prodigy", "lamb"),
]
OTHER = ["lars", "schedule_free_adamw"]  # a penalty that the trust ratio sees; a decay of what is averaged


def test_every_weight_decay_is_of_a_known_kind():
    decaying = {name for name in OPTIMIZERS if "weight_decay" in domains(name)}
    assert decaying == {*COUPLED, *DECOUPLED, *OTHER}


@pytest.mark.parametrize("name", COUPLED)
@given(start=POINTS, lr=RATES, decay=st.floats(0.0, 1.0))
@few
def test_weight_decay_is_a_penalty_in_the_gradient(name, start, lr, decay):
    penalised = path(name, start, 20, gradient=lambda theta: bowl(theta) + decay * theta, lr=lr)
    same(path(name, start, 20, lr=lr, weight_decay=decay), penalised, rtol=1e-8)


@pytest.mark.parametrize("name", DECOUPLED)
@given(start=POINTS, lr=RATES, decay=st.just(0.0) | st.floats(1e-3, 1.0))
@few
def test_decoupled_weight_decay_shrinks_whatever_the_gradient_is(name, start, lr, decay):
    points = path(name, start, 5, gradient=np.zeros_like, lr=lr, weight_decay=decay)
    rate = {"prodigy": lr * 1e-6 * decay, "lamb": lr * (decay > 0)}.get(name, lr * decay)
    factor = 1 / (1 + rate) if name == "adan" else 1 - rate
    same(points, start * factor ** np.arange(6)[:, None])


@given(start=POINTS, lr=RATES)
def test_a_velocity_is_a_geometric_sum_under_a_constant_gradient(start, lr):
    points = path("momentum", start, 60, gradient=np.ones_like, lr=lr, momentum=0.7)
    steps = points[:-1] - points[1:]
    np.testing.assert_allclose(
        steps, np.repeat(lr * (1 - 0.7 ** np.arange(1, 61)[:, None]) / 0.3, 3, axis=1), rtol=1e-9
    )


BOUNDS = {
    **dict.fromkeys(["adagrad", "adamax", "signsgd", "lion", "sophia"], 1.0),
    **dict.fromkeys(["adam", "adamw", "amsgrad"], (1 - 0.9) / np.sqrt(1 - 0.999)),
    "rmsprop": 1 / np.sqrt(1 - 0.99),
}


@pytest.mark.parametrize("name", BOUNDS)
def test_the_size_of_a_step_is_bounded(name):
    """Whatever comes: these gradients grow by seventeen orders of magnitude on the way."""
    g = np.random.default_rng(0).standard_normal((301, 4)) * 10.0 ** np.arange(301)[:, None] ** 0.5
    turns = itertools.cycle(g)
    options = {"lr": 0.1, **without(name, "weight_decay")}
    points = path(name, np.zeros(4), 300, gradient=lambda theta: next(turns), **options)
    assert np.max(np.abs(np.diff(points, axis=0))) <= 0.1 * BOUNDS[name] * (1 + 1e-9)


@given(start=POINTS, lr=RATES)
@pytest.mark.parametrize("name", ["adam", "amsgrad", "adamax"])
@few
def test_a_constant_gradient_moves_adam_by_the_rate_at_every_step(name, start, lr):
    g = np.array([3.0, -1e-3, 1e4])
    points = path(name, start, 50, gradient=lambda theta: g, lr=lr, eps=0.0)
    np.testing.assert_allclose(points[:-1] - points[1:], lr * np.tile([1, -1, 1], (50, 1)), rtol=1e-9)


@given(start=POINTS, lr=RATES)
def test_adagrads_steps_shrink_with_the_root_of_time(start, lr):
    points = path("adagrad", start, 50, gradient=np.ones_like, lr=lr, eps=0.0)
    expected = lr / np.sqrt(np.arange(1, 51))[:, None]
    np.testing.assert_allclose(points[:-1] - points[1:], np.repeat(expected, 3, axis=1), rtol=1e-9)


@given(start=POINTS, lr=RATES)
@few
def test_averaged_sgd_proposes_the_mean_of_its_iterates(start, lr):
    """As torch counts, the second iterate still has the place of the first."""
    iterates = path("sgd", start, lr=lr)[1:]
    means = np.cumsum(iterates[1:], axis=0) / np.arange(1, 40)[:, None]
    points = path("asgd", start, lr=lr, lambd=0.0, t0=0.0)
    same(points[2:], means, rtol=1e-10)
    same(points[:2], path("sgd", start, lr=lr)[:2])


@given(start=POINTS, lr=RATES)
@few
def test_schedule_free_without_momentum_proposes_the_mean_of_gradient_descent(start, lr):
    means = np.cumsum(path("sgd", start, lr=lr)[1:], axis=0) / np.arange(1, 41)[:, None]
    same(path("schedule_free_sgd", start, lr=lr, momentum=0.0)[1:], means, rtol=1e-10)


@given(start=POINTS, momentum=st.floats(0.0, 0.95), lr=RATES)
@few
def test_schedule_free_takes_its_gradients_between_the_mean_and_the_iterate(start, momentum, lr):
    asked = []

    def gradient(theta):
        asked.append(theta)
        return bowl(theta)

    x = path("schedule_free_sgd", start, 10, gradient, lr=lr, momentum=momentum)
    z = start - lr * np.cumsum([bowl(theta) for theta in asked], axis=0)
    same(np.array(asked[1:]), (1 - momentum) * z[:-1] + momentum * x[1:-1], rtol=1e-10)


def test_centered_rmsprop_survives_thousands_of_constant_steps():
    """g^2 less the square of the mean is negative by rounding then, and its root not a number."""
    g = np.array([0.1, 1 / 3, -2.7, 1e-5, 1e5])
    points = path("rmsprop_centered", np.zeros(5), 4_000, gradient=lambda theta: g, lr=1e-3)
    assert np.isfinite(points).all()
    m, v, least = np.zeros(5), np.zeros(5), np.zeros(5)
    for _ in range(4_000):
        m, v = 0.99 * m + 0.01 * g, 0.99 * v + 0.01 * g * g
        least = np.minimum(least, v - m * m)
    assert (least < 0).any(), "or the test proves nothing"


@given(start=POINTS, lr=RATES)
@few
def test_rprop_grows_its_steps_on_a_slope_and_halves_them_past_the_bottom(start, lr):
    slope = path("rprop", start, 10, gradient=np.ones_like, lr=lr)
    np.testing.assert_allclose(slope[:-1, 0] - slope[1:, 0], lr * 1.2 ** np.arange(10), rtol=1e-7)
    signs = iter([1.0, -1.0, -1.0, -1.0])
    turn = path("rprop", np.zeros(1), 4, gradient=lambda theta: np.array([next(signs)]), lr=lr)[:, 0]
    np.testing.assert_allclose(np.diff(turn), [-lr, 0, lr / 2, 0.6 * lr], rtol=1e-12)


@given(start=POINTS, lr=RATES)
@few
@pytest.mark.parametrize("name", ["lars", "lamb"])
def test_a_trust_ratio_makes_a_step_a_share_of_the_parameters(name, start, lr):
    options = {"momentum": 0.0, "trust": 1.0} if name == "lars" else {}
    points = path(name, start, 20, lr=lr, **options)
    sizes = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(sizes, lr * np.linalg.norm(points[:-1], axis=1), rtol=1e-9)


@given(start=st.floats(0.1, 3.0), lr=RATES)
@few
def test_shampoo_of_one_number_is_adagrad(start, lr):
    same(
        path("shampoo", [start], lr=lr, eps=1e-30, every=1.0, gradient=np.array),
        path("adagrad", [start], lr=lr, eps=0.0, gradient=np.array),
    )


@given(start=POINTS, lr=RATES)
@few
def test_shampoo_does_not_see_how_the_axes_are_turned(start, lr):
    across = np.array([1.0, 2.0, -1.0])
    mirror = np.eye(3) - 2 * np.outer(across, across) / (across @ across)
    turned = path("shampoo", mirror @ start, lr=lr, gradient=lambda theta: mirror @ bowl(mirror @ theta))
    same(turned, path("shampoo", start, lr=lr) @ mirror, rtol=1e-6)


def test_dog_starts_small_and_grows_to_the_distance():
    points = path("dog", np.array([3.0]), 2000, gradient=np.sign)
    steps = np.abs(np.diff(points[:, 0]))
    assert steps[0] == pytest.approx(1e-6 * (1 + 3))
    assert abs(points[-1, 0]) < 0.3


@pytest.mark.parametrize("distance", [0.03, 1.0, 30.0])
def test_prodigy_finds_the_distance_by_itself(distance):
    points = path("prodigy", np.full(2, distance), 600, gradient=np.array)
    assert np.abs(points[-1]).max() < 0.2 * distance


def test_sophia_is_newtons_method_where_the_curvature_is_seen():
    """On a diagonal quadratic every probe gives the diagonal exactly."""
    options = {"lr": 0.5, "beta1": 0.0, "beta2": 0.0, "gamma": 1.0}
    points = path("sophia", np.full(3, 1e-3), 5, gradient=lambda theta: CURVATURE * theta, **options)
    np.testing.assert_allclose(points, 1e-3 * 0.5 ** np.arange(6)[:, None] * np.ones(3), rtol=1e-6)


@given(start=POINTS, lr=RATES)
@few
def test_sophia_moves_by_the_sign_where_the_curvature_is_not_positive(start, lr):
    points = path("sophia", start, 3, gradient=lambda theta: -CURVATURE * theta, lr=lr, beta1=0.0)
    np.testing.assert_allclose(np.diff(points, axis=0), lr * np.sign(points[:-1]), rtol=1e-9)
