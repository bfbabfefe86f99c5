"""The same weights, batches and solver in scikit-learn's MLP give the same losses and weights."""

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits
from sklearn.metrics import log_loss, mean_squared_error
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import scale

from overshoot import core
from overshoot.core import BatchStrategy, Network
from overshoot.core.batches import permutation
from tests.core import plain_network

EPOCHS, SEED, N = 3, 11, 80
ACTIVATION = {"logistic": "sigmoid"}  # scikit-learn's name -> ours, where they differ


class ScikitAdam(core.OPTIMIZERS["adam"]):  # type: ignore[name-defined, misc, valid-type]
    """Adam with epsilon where scikit-learn puts it: added to sqrt(v_t), before the bias correction.

    In the terms of Kingma & Ba's Algorithm 1 that is an epsilon of eps / sqrt(1 - beta2^t) at step t.
    """

    def step(self, g, s, theta, t):
        there = dataclasses.replace(self, eps=self.eps / np.sqrt(1 - self.beta2**t))
        return core.OPTIMIZERS["adam"].step(there, g, s, theta, t)


SOLVERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "sgd": (core.optimizer("sgd", lr=0.01), {"solver": "sgd", "momentum": 0.0}),
    "momentum": (
        core.optimizer("momentum", lr=0.003, momentum=0.8),
        {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": False},
    ),
    "nesterov": (
        core.optimizer("nesterov", lr=0.003, momentum=0.8),
        {"solver": "sgd", "momentum": 0.8, "nesterovs_momentum": True},
    ),
    "adam": (
        ScikitAdam(lr=0.01, beta1=0.85, beta2=0.99, eps=1e-4),
        {"solver": "adam", "beta_1": 0.85, "beta_2": 0.99, "epsilon": 1e-4},
    ),
}


@dataclasses.dataclass(frozen=True)
class Task:
    """A model, its data and what it calls its loss."""

    model: type
    X: np.ndarray
    y: np.ndarray
    outputs: int
    loss: str

    def loss_of(self, mlp):
        """Our loss of scikit-learn's predictions; it averages squared errors over the outputs, we sum."""
        if self.model is MLPClassifier:
            return log_loss(self.y, mlp.predict_proba(self.X))
        return self.outputs * mean_squared_error(self.y, mlp.predict(self.X)) / 2


def tasks():
    digits, diabetes = load_digits(), load_diabetes()
    X, classes = digits.data[:N] / 16, digits.target[:N]
    inputs, target = scale(diabetes.data[:N]), scale(diabetes.target[:N])
    two = np.column_stack([target, inputs[:, 0] * inputs[:, 1]])
    return {
        "ten classes": Task(MLPClassifier, X, classes, 10, "softmax_cross_entropy"),
        "two classes": Task(MLPClassifier, X, classes % 2, 1, "binary_cross_entropy"),
        "one output": Task(MLPRegressor, inputs, target, 1, "half_mse"),
        "two outputs": Task(MLPRegressor, inputs, two, 2, "half_mse"),
    }


TASKS = tasks()


def starting_from(model, layers, **settings):
    """An estimator of class `model` whose first weights are `layers`: [(W, b), ...]."""

    class Seeded(model):  # type: ignore[misc, valid-type]
        def _init_coef(self, fan_in, fan_out, dtype):
            W, b = self._start.pop(0)
            assert W.shape == (fan_out, fan_in)
            return W.T.copy(), b.copy()

    mlp = Seeded(**settings)
    mlp._start = list(layers)
    return mlp


def fit_epochs(mlp, task, batch):
    """The losses (EPOCHS,) after each epoch over the permutations that our trainings see."""
    losses = []
    classes = {"classes": np.unique(task.y)} if task.model is MLPClassifier else {}
    for epoch in range(EPOCHS):
        order = permutation(SEED, epoch, N) if batch else np.arange(N)
        mlp.partial_fit(task.X[order], task.y[order], **classes)
        losses.append(task.loss_of(mlp))
    return losses


@pytest.mark.parametrize("batch", [1, 32, None], ids=["stochastic", "32", "full"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_the_same_training_has_the_same_losses(solver, task, activation, batch, rng):
    optimizer, settings = SOLVERS[solver]
    task = TASKS[task]
    hidden = (12, 8)
    net = Network((task.X.shape[1], *hidden, task.outputs), ACTIVATION.get(activation, activation), task.loss)
    theta = net.init(rng)
    mlp = starting_from(
        task.model,
        plain_network.unpack(theta, net.sizes),
        hidden_layer_sizes=hidden,
        activation=activation,
        alpha=0.0,
        batch_size=batch or N,
        learning_rate_init=optimizer.lr,
        shuffle=False,
        n_iter_no_change=1000,
        **settings,
    )
    expected = fit_epochs(mlp, task, batch)
    data = net.data(task.X, task.y)
    trace = core.train(net, optimizer, theta[None], data, BatchStrategy(batch), [SEED], range(1, EPOCHS + 1))
    losses = trace.values["train_loss"][0]
    assert abs(losses[-1] - net.evaluate(theta[None], data)[0]) > 1e-5  # it did train
    np.testing.assert_allclose(losses, expected, rtol=1e-9)
    ends = zip(plain_network.unpack(trace.theta[0], net.sizes), mlp.coefs_, mlp.intercepts_, strict=True)
    for (W, b), its_W, its_b in ends:
        np.testing.assert_allclose(W, its_W.T, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(b, its_b, rtol=1e-8, atol=1e-9)


def test_epsilon_is_in_another_place_in_scikit_learn(rng):
    """With epsilon as large as above, plain Adam is a different method: the test would see it."""
    net = Network((3, 2), loss="mse")
    data = net.data(rng.standard_normal((20, 3)), rng.standard_normal((20, 2)))
    settings = {"lr": 0.01, "eps": 1e-4}
    ours, theirs = (
        core.train(net, opt, np.zeros((1, 8)), data, BatchStrategy(), [0], [5]).theta
        for opt in (core.optimizer("adam", **settings), ScikitAdam(**settings))
    )
    assert np.abs(ours - theirs).max() > 1e-5


def test_the_two_lay_their_weights_out_alike(rng):
    """Before any training the two networks predict the same."""
    task = TASKS["ten classes"]
    net = Network((64, 12, 10), "relu", task.loss)
    theta = net.init(rng) + 0.1 * rng.standard_normal(net.size)
    layers = plain_network.unpack(theta, net.sizes)
    assert [W.shape for W, _ in layers] == [(o, i) for i, o in pairwise(net.sizes)]
    mlp = starting_from(
        task.model, layers, hidden_layer_sizes=(12,), alpha=0.0, solver="sgd", learning_rate_init=1e-300
    )
    mlp.partial_fit(task.X, task.y, classes=np.unique(task.y))
    np.testing.assert_allclose(net.predict(theta, task.X), mlp.predict_proba(task.X), rtol=1e-12)
