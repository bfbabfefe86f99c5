import itertools
from functools import partial

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from overshoot import core
from overshoot.core import ACTIVATIONS, INITIALIZERS, LOSSES, Batch, BatchStrategy, Network
from tests.core import plain_network
from tests.core.plain_network import some_targets

HIDDEN = [(), (6,), (5, 4), (5, 4, 3)]
PAIRS = list(itertools.product(ACTIVATIONS, LOSSES))


def dense(net, rng):
    """Parameters (P,) none of which is zero, biases included."""
    return net.init(rng) + 0.3 * rng.standard_normal(net.size)


def problem(net, rng, n=7):
    return rng.standard_normal((n, net.sizes[0])), some_targets(net, rng, n)


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda h: f"{len(h)}-hidden")
@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_gradient_agrees_with_central_differences(activation, loss, hidden, rng):
    net = Network((4, *hidden, 3), activation, loss)
    X, Y = problem(net, rng)
    assert core.gradient_error(lambda theta: net.loss_and_grad(theta, X, Y), dense(net, rng)) < 1e-6


@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda h: f"{len(h)}-hidden")
@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_loss_and_predictions_agree_with_a_plain_network(activation, loss, hidden, rng):
    net = Network((4, *hidden, 3), activation, loss)
    X, Y = problem(net, rng)
    theta = dense(net, rng)
    value, _ = net.loss_and_grad(theta, X, Y)
    np.testing.assert_allclose(value, plain_network.loss(net, theta, X, Y), rtol=1e-13)
    np.testing.assert_allclose(net.predict(theta, X), plain_network.predict(net, theta, X), rtol=1e-12)


@pytest.mark.parametrize(("activation", "loss"), PAIRS)
def test_float32_agrees_with_float64_to_its_precision(activation, loss, rng):
    net = Network((4, 5, 3), activation, loss)
    X, Y = problem(net, rng)
    theta = dense(net, rng)
    exact, exact_grad = net.loss_and_grad(theta, X, Y)
    value, grad = net.loss_and_grad(theta.astype(np.float32), X, Y)
    assert grad.dtype == np.float32
    assert value.dtype == np.float64
    np.testing.assert_allclose(value, exact, rtol=1e-5)
    np.testing.assert_allclose(grad, exact_grad, atol=1e-5 * np.abs(exact_grad).max())


def test_a_stack_gives_what_its_trials_give_alone(rng):
    net = Network((4, 6, 5, 3), "tanh", "softmax_cross_entropy")
    X, Y = problem(net, rng, n=9)
    theta = np.stack([dense(net, rng) for _ in range(5)])
    loss, grad = net.loss_and_grad(theta, X, Y)
    assert loss.shape == (5,)
    assert grad.shape == theta.shape
    assert net.predict(theta, X).shape == (5, 9, 3)
    for r, row in enumerate(theta):
        alone, alone_grad = net.loss_and_grad(row, X, Y)
        assert alone.shape == ()
        assert alone == loss[r]
        np.testing.assert_array_equal(alone_grad, grad[r])
        np.testing.assert_array_equal(net.predict(row, X), net.predict(theta, X)[r])


def test_results_do_not_change_under_later_calls(rng):
    """Buffers are reused inside a training run; what the public methods return is the caller's."""
    net = Network((3, 4, 2), loss="mse")
    X, Y = problem(net, rng)
    theta = dense(net, rng)
    _, grad = net.loss_and_grad(theta, X, Y)
    kept, inputs = grad.copy(), theta.copy()
    net.loss_and_grad(2 * theta, X, Y)
    np.testing.assert_array_equal(grad, kept)
    np.testing.assert_array_equal(theta, inputs)


def test_inputs_are_not_written_to(rng):
    net = Network((3, 4, 2), loss="mse")
    X, Y = problem(net, rng)
    theta = dense(net, rng)
    for array in (X, Y, theta):
        array.setflags(write=False)
    net.loss_and_grad(theta, X, Y)
    net.predict(theta, X)


def test_class_numbers_are_one_hot_rows(rng):
    net = Network((4, 3), loss="softmax_cross_entropy")
    X, classes = rng.standard_normal((8, 4)), rng.integers(0, 3, 8)
    theta = dense(net, rng)
    loss, grad = net.loss_and_grad(theta, X, classes)
    same, same_grad = net.loss_and_grad(theta, X, np.eye(3)[classes])
    assert loss == same
    np.testing.assert_array_equal(grad, same_grad)


def test_one_output_takes_a_vector_of_targets(rng):
    net = Network((4, 1))
    X, y = rng.standard_normal((8, 4)), rng.standard_normal(8)
    theta = dense(net, rng)
    assert net.loss_and_grad(theta, X, y)[0] == net.loss_and_grad(theta, X, y[:, None])[0]


def test_the_softmax_of_two_outputs_is_the_logistic_of_their_difference(rng):
    two, one = Network((4, 2), loss="softmax_cross_entropy"), Network((4, 1), loss="binary_cross_entropy")
    X, y = rng.standard_normal((20, 4)), rng.integers(0, 2, 20)
    theta = dense(two, rng)
    first, second = theta.reshape(2, 5)
    np.testing.assert_allclose(
        two.loss_and_grad(theta, X, y)[0], one.loss_and_grad(second - first, X, y)[0], rtol=1e-14
    )


def test_the_mean_of_the_gradients_of_parts_is_the_gradient_of_all(rng):
    net = Network((4, 5, 2), "tanh", "mse")
    X, Y = problem(net, rng, n=12)
    theta = dense(net, rng)
    parts = [net.loss_and_grad(theta, X[i : i + 4], Y[i : i + 4])[1] for i in range(0, 12, 4)]
    np.testing.assert_allclose(np.mean(parts, axis=0), net.loss_and_grad(theta, X, Y)[1], rtol=1e-12)


def test_an_evaluation_in_chunks_is_the_loss_over_all(rng):
    """More samples than are evaluated at a time, the last chunk a short one."""
    n = 2 * core.network.CHUNK + 5
    for loss in LOSSES:
        net = Network((2, 3, 2), "tanh", loss)
        X, Y = problem(net, rng, n)
        theta = dense(net, rng)
        np.testing.assert_allclose(
            net.evaluate(theta[None], net.data(X, Y))[0], plain_network.loss(net, theta, X, Y), rtol=1e-12
        )


def full_batch(net, X, y, name, epochs, **options):
    """Parameters (P,) after training from zeros on the full batch."""
    trace = core.train(
        net,
        core.optimizer(name, **options),
        np.zeros((1, net.size)),
        net.data(X, y),
        BatchStrategy(),
        [0],
        [epochs],
    )
    return trace.theta[0]


def test_linear_regression_is_least_squares(rng):
    X, y = rng.standard_normal((60, 4)), rng.standard_normal(60)
    net = Network((4, 1), loss="half_mse")
    found = full_batch(net, X, y, "sgd", 1000, lr=0.3)
    expected = np.linalg.lstsq(np.column_stack([X, np.ones(60)]), y)[0]
    np.testing.assert_allclose(found, expected, atol=1e-13)


def test_linear_regression_with_several_outputs_is_least_squares_for_each(rng):
    X, Y = rng.standard_normal((60, 3)), rng.standard_normal((60, 2))
    net = Network((3, 2), loss="mse")
    found = full_batch(net, X, Y, "sgd", 1000, lr=0.15)
    expected = np.linalg.lstsq(np.column_stack([X, np.ones(60)]), Y)[0]
    np.testing.assert_allclose(found.reshape(2, 4), expected.T, atol=1e-13)


def test_the_gradient_vanishes_at_the_least_squares_solution(rng):
    X, y = rng.standard_normal((60, 4)), rng.standard_normal(60)
    optimum = np.linalg.lstsq(np.column_stack([X, np.ones(60)]), y)[0]
    for loss in ("half_mse", "mse", "rmse"):
        _, grad = Network((4, 1), loss=loss).loss_and_grad(optimum, X, y)
        np.testing.assert_allclose(grad, 0, atol=1e-14)


@pytest.fixture
def two_classes(rng):
    """Two overlapping classes, so that the logistic regression has a finite optimum."""
    y = rng.integers(0, 2, 200)
    return rng.standard_normal((200, 3)) + 0.8 * y[:, None], y


def test_logistic_regression_is_scikit_learns_without_penalty(two_classes):
    X, y = two_classes
    net = Network((3, 1), loss="binary_cross_entropy")
    found = full_batch(net, X, y, "nesterov", 2000, lr=0.5)
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(found, [*model.coef_[0], model.intercept_[0]], atol=1e-6)
    np.testing.assert_allclose(net.predict(found, X)[:, 0], model.predict_proba(X)[:, 1], atol=1e-6)


def test_softmax_regression_is_scikit_learns_without_penalty(two_classes, rng):
    X, _ = two_classes
    y = rng.integers(0, 3, 200)
    net = Network((3, 3), loss="softmax_cross_entropy")
    found = full_batch(net, X, y, "nesterov", 2000, lr=0.5)
    model = LogisticRegression(C=np.inf, tol=1e-12, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(net.predict(found, X), model.predict_proba(X), atol=1e-6)


def test_hidden_layers_without_activation_are_one_linear_map(rng):
    deep, flat = Network((4, 5, 2), "identity", "mse"), Network((4, 2), loss="mse")
    X, Y = problem(deep, rng)
    theta = dense(deep, rng)
    (W1, b1), (W2, b2) = plain_network.unpack(theta, deep.sizes)
    product = np.column_stack([W2 @ W1, W2 @ b1 + b2]).ravel()
    np.testing.assert_allclose(
        deep.loss_and_grad(theta, X, Y)[0], flat.loss_and_grad(product, X, Y)[0], rtol=1e-13
    )


@pytest.mark.parametrize("name", INITIALIZERS)
def test_a_network_starts_with_zero_biases(name, rng):
    net = Network((4, 5, 3), initializer=name)
    for _, bias in plain_network.unpack(net.init(rng), net.sizes):
        np.testing.assert_array_equal(bias, 0)


WRONG_NETWORKS = {
    "one layer": (partial(Network, (4,)), "two or more layers"),
    "no layers": (partial(Network, ()), "two or more layers"),
    "a layer without units": (partial(Network, (4, 0, 2)), "at least one unit"),
    "a negative layer": (partial(Network, (4, -1, 2)), "at least one unit"),
    "part of a unit": (partial(Network, (4, 2.5, 1)), "whole numbers"),
    "a unit that is no number": (partial(Network, (4, "ten", 1)), "whole numbers"),
    "a single number": (partial(Network, 4), "whole numbers"),
    "text for sizes": (partial(Network, "42"), "whole numbers"),
    "an unknown activation": (partial(Network, (4, 2), "rellu"), 'did you mean "relu"'),
    "an unknown loss": (partial(Network, (4, 2), loss="hinge"), "unknown loss 'hinge'.*allowed: .*rmse"),
    "an unknown initializer": (partial(Network, (4, 2), initializer="hee"), 'did you mean "he"'),
    "a softmax of one output": (partial(Network, (4, 1), loss="softmax_cross_entropy"), "at least 2 outputs"),
}


@pytest.mark.parametrize("case", WRONG_NETWORKS)
def test_a_wrong_network_says_what_is_wrong(case):
    build, message = WRONG_NETWORKS[case]
    with pytest.raises(ValueError, match=message):
        build()


def test_sizes_may_be_any_whole_numbers():
    assert Network(np.array([4, 3, 2])) == Network([4, 3, 2]) == Network((4.0, 3, 2)) == Network((4, 3, 2))


X4, Y2, CLASSES = np.zeros((6, 4)), np.zeros((6, 2)), np.zeros(6, dtype=int)
WRONG_DATA = {
    "too few features": ("mse", X4[:, :3], Y2, r"X must be \(n, 4\)"),
    "a vector": ("mse", X4[0], Y2, r"X must be \(n, 4\)"),
    "no samples": ("mse", X4[:0], Y2[:0], r"X must be \(n, 4\)"),
    "fewer targets than samples": ("mse", X4, Y2[:5], "each of the 5 targets"),
    "too few outputs": ("mse", X4, Y2[:, :1], r"Y must be \(n, 2\)"),
    "a vector for two outputs": ("mse", X4, Y2[:, 0], r"Y must be \(n, 2\)"),
    "an unknown class": ("softmax_cross_entropy", X4, CLASSES + 2, r"0\.\.1"),
    "a negative class": ("softmax_cross_entropy", X4, CLASSES - 1, r"0\.\.1"),
    "half a class": ("softmax_cross_entropy", X4, CLASSES + 0.5, "whole"),
    "rows that are no distribution": ("softmax_cross_entropy", X4, Y2, "sum to one"),
    "a class 2 of two": ("binary_cross_entropy", X4, Y2 + 2, "between 0 and 1"),
    "a class of -1": ("sigmoid_mse", X4, Y2 - 1, "between 0 and 1"),
    "NaN among the inputs": ("mse", X4 * np.nan, Y2, "X must be finite"),
    "infinity among the targets": ("mse", X4, Y2 + np.inf, "Y must be finite"),
    "NaN among the classes": ("softmax_cross_entropy", X4, CLASSES * np.nan, "Y must be finite"),
    "text among the inputs": ("mse", X4.astype(str).astype(object) + "a", Y2, "X must be numbers"),
    "text among the targets": ("softmax_cross_entropy", X4, np.array(["cat"] * 6), "Y must be numbers"),
}


@pytest.mark.parametrize("case", WRONG_DATA)
def test_wrong_data_says_what_is_wrong(case):
    loss, X, Y, message = WRONG_DATA[case]
    net = Network((4, 2), loss=loss)
    with pytest.raises(ValueError, match=message):
        net.data(X, Y)
    with pytest.raises(ValueError, match=message):
        net.loss_and_grad(np.zeros(net.size), X, Y)


def test_data_that_overflows_in_float32_is_refused():
    net = Network((4, 2))
    assert net.data(X4 + 1e300, Y2).size == 6
    with pytest.raises(ValueError, match="X must be finite in float32"):
        net.data(X4 + 1e300, Y2, np.float32)
    with pytest.raises(ValueError, match="Y must be finite in float32"):
        net.data(X4, Y2 - 1e300, np.float32)


@pytest.mark.parametrize("shape", [(9,), (11,), (3, 9), (2, 3, 10), ()])
def test_theta_of_a_wrong_shape_says_what_is_allowed(shape):
    with pytest.raises(ValueError, match=r"theta must be \(10,\) or \(R, 10\)"):
        Network((4, 2)).loss_and_grad(np.zeros(shape), X4, Y2)


def test_theta_of_whole_numbers_is_computed_in_float64():
    loss, grad = Network((4, 2)).loss_and_grad(np.ones(10, dtype=int), X4, Y2)
    assert loss == 1.0
    assert grad.dtype == np.float64


def test_a_batch_is_cut_into_chunks_in_order(rng):
    batch = Batch(rng.standard_normal((1, 7, 3)), rng.standard_normal((1, 7, 2)))
    parts = batch.chunks(3)
    assert [part.size for part in parts] == [3, 3, 1]
    np.testing.assert_array_equal(np.concatenate([part.rows for part in parts], axis=1), batch.rows)
    np.testing.assert_array_equal(np.concatenate([part.targets for part in parts], axis=1), batch.targets)


def test_no_warning_reaches_the_user_when_everything_overflows():
    """Warnings are errors in this test run."""
    for loss in LOSSES:
        net = Network((2, 3, 2), "relu", loss)
        theta = np.full(net.size, 1e300)
        net.loss_and_grad(theta, np.full((4, 2), 1e10), np.eye(2)[[0, 1, 0, 1]])
        net.predict(theta, np.full((4, 2), 1e10))
