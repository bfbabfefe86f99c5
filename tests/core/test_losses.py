"""The losses by themselves, on logits z and targets y of shape (R, k, B)."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax

from overshoot.core import LOSSES, Network

FROM_LOGITS = ["binary_cross_entropy", "softmax_cross_entropy"]


def value(name, z, y):
    """The loss of one trial from logits z (k, B) and targets y (k, B)."""
    loss, z = LOSSES[name], np.array(z, dtype=float)[None]
    with np.errstate(all="ignore"):
        return float(loss.reduce(loss.total(z, np.array(y, dtype=float)[None]) / z.shape[2])[0])


def delta(name, z, y):
    """dL/dz (k, B) of one trial."""
    z = np.array(z, dtype=float)[None]
    with np.errstate(all="ignore"):
        LOSSES[name].delta(z, np.array(y, dtype=float)[None])
    return z[0]


@pytest.mark.parametrize("far", [1e3, 1e150, 1e300])
def test_binary_cross_entropy_is_right_far_out(far):
    right, wrong = ([[far, -far]], [[1, 0]]), ([[far, -far]], [[0, 1]])
    assert value("binary_cross_entropy", *right) == 0
    assert value("binary_cross_entropy", *wrong) == far
    np.testing.assert_array_equal(delta("binary_cross_entropy", *right), [[0, 0]])
    np.testing.assert_array_equal(delta("binary_cross_entropy", *wrong), [[0.5, -0.5]])


@pytest.mark.parametrize("far", [1e3, 1e150, 1e300, 8e307])
def test_softmax_cross_entropy_is_right_far_out(far):
    z = [[far], [-far], [0.0]]
    assert value("softmax_cross_entropy", z, [[1], [0], [0]]) == 0
    assert value("softmax_cross_entropy", z, [[0], [0], [1]]) == far
    assert value("softmax_cross_entropy", z, [[0], [1], [0]]) == 2 * far
    np.testing.assert_array_equal(delta("softmax_cross_entropy", z, [[1], [0], [0]]), np.zeros((3, 1)))
    np.testing.assert_array_equal(delta("softmax_cross_entropy", z, [[0], [1], [0]]), [[1], [-1], [0]])


def exact_log1p_exp(x):
    with localcontext() as context:
        context.prec = 330  # e^-700 beside 1
        return float((1 + Decimal(x).exp()).ln())


@given(z=st.floats(-700, 700))
def test_cross_entropies_keep_their_digits(z):
    """Also where the loss is tiny: with z = 40 and the right class it is e^-40, not 0."""
    for y, expected in ((0, exact_log1p_exp(z)), (1, exact_log1p_exp(-z))):
        assert value("binary_cross_entropy", [[z]], [[y]]) == pytest.approx(expected, rel=1e-13, abs=0)
        both = value("softmax_cross_entropy", [[z], [0.0]], [[y], [1 - y]])
        assert both == pytest.approx(expected, rel=1e-14, abs=1e-15)


@given(z=st.lists(st.floats(-50, 50), min_size=2, max_size=6), shift=st.floats(-1e3, 1e3))
def test_softmax_does_not_see_a_shift_of_all_logits(z, shift):
    y = np.eye(len(z))[0][:, None]
    column = np.array(z)[:, None]
    expected = value("softmax_cross_entropy", column, y)
    assert value("softmax_cross_entropy", column + shift, y) == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_soft_labels_count_by_their_share(rng):
    z, share = rng.standard_normal((3, 1)), np.array([[0.2], [0.5], [0.3]])
    expected = -(share * np.log(softmax(z, axis=0))).sum()
    assert value("softmax_cross_entropy", z, share) == pytest.approx(expected, rel=1e-14)
    p = expit(0.7)
    expected = -0.2 * np.log(p) - 0.8 * np.log(1 - p)
    assert value("binary_cross_entropy", [[0.7]], [[0.2]]) == pytest.approx(expected, rel=1e-14)


def test_squared_losses_are_multiples_of_each_other(rng):
    z, y = rng.standard_normal((2, 3, 5))
    mse = value("mse", z, y)
    assert mse == pytest.approx(((z - y) ** 2).sum() / 5, rel=1e-14)
    assert value("half_mse", z, y) == pytest.approx(mse / 2, rel=1e-14)
    assert value("rmse", z, y) == pytest.approx(np.sqrt(mse), rel=1e-14)
    np.testing.assert_allclose(delta("mse", z, y), 2 * delta("half_mse", z, y), rtol=1e-14)
    np.testing.assert_allclose(delta("rmse", z, y), delta("mse", z, y) / (2 * np.sqrt(mse)), rtol=1e-14)


def test_the_gradient_of_rmse_is_zero_at_a_perfect_fit(rng):
    z = rng.standard_normal((2, 4))
    np.testing.assert_array_equal(delta("rmse", z, z), 0)
    net = Network((3, 2), loss="rmse")
    X, theta = rng.standard_normal((5, 3)), net.init(rng)
    loss, grad = net.loss_and_grad(theta, X, net.predict(theta, X))
    assert loss == 0
    np.testing.assert_array_equal(grad, 0)


def test_a_trial_with_a_perfect_fit_does_not_change_its_neighbour(rng):
    z, y = rng.standard_normal((2, 2, 3, 4))
    z[0] = y[0]
    alone = delta("rmse", z[1], y[1])
    LOSSES["rmse"].delta(z, y)
    np.testing.assert_array_equal(z[0], 0)
    np.testing.assert_array_equal(z[1], alone)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e-10, 1e10, 1e200, 1e300])
def test_the_gradient_of_rmse_does_not_depend_on_the_size_of_the_residual(size):
    """It is a direction: squaring the residual must neither overflow nor underflow."""
    residual = np.array([[1.0, -2.0], [2.0, 4.0]])
    expected = residual / (np.sqrt(25 / 2) * 2)
    np.testing.assert_allclose(delta("rmse", size * residual, np.zeros((2, 2))), expected, rtol=1e-14)


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("name", ["half_mse", "mse", "rmse"])
def test_a_residual_that_is_not_finite_shows_in_the_gradient(name, bad):
    assert not np.isfinite(delta(name, [[1.0, bad]], [[0, 0]])).all()


@pytest.mark.parametrize("name", LOSSES)
def test_no_loss_is_negative_and_the_target_itself_costs_least(name, rng):
    y = np.eye(3)[rng.integers(0, 3, 6)].T
    best = 40 * (2 * y - 1) if name != "sigmoid_mse" and LOSSES[name].targets != "real" else y
    best = 40 * (2 * y - 1) if name == "sigmoid_mse" else best
    least = value(name, best, y)
    assert 0 <= least < 1e-10
    for z in rng.standard_normal((20, 3, 6)):
        assert value(name, z, y) > least


@pytest.mark.parametrize("name", LOSSES)
def test_outputs_are_predictions_of_the_kind_of_target(name, rng):
    z = 5 * rng.standard_normal((2, 3, 50))
    expected = {"binary": expit(z), "classes": softmax(z, axis=1), "real": z}[LOSSES[name].targets]
    out = z.copy()
    LOSSES[name].output(out)
    np.testing.assert_allclose(out, expected, rtol=1e-13)
