"""scikit-learn's MLPClassifier and MLPRegressor, which train one network at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from bench.competitors import Prepared
from bench.tasks import Task

SOLVERS: dict[str, dict[str, Any]] = {
    "sgd": {"solver": "sgd", "momentum": 0.0},
    "momentum": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": True},
    "adam": {"solver": "adam"},
}


def prepare(task: Task) -> Prepared:
    """One pass over all updates' batches, laid end to end, is one call of partial_fit."""
    X, Y = task.data
    model, known = _model(task)
    values = Y.ravel() if task.sizes[-1] == 1 else Y  # one output is a vector there
    targets, order = (values if model.loss == "squared_error" else Y.argmax(axis=1)), task.order.ravel()

    def run() -> None:
        model.partial_fit(X[order], targets[order], **known)

    return Prepared(run, lambda: _theta(task, model), 1)


def _model(task: Task) -> tuple[Any, dict[str, Any]]:
    """The estimator with the first trial's weights, and what its first partial_fit has to know."""
    classifies = task.loss == "softmax_cross_entropy"
    start = iter(task.layers(task.start[:1]))

    def from_start(self: Any, fan_in: int, fan_out: int, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
        W, b = next(start)
        return W[0].T.copy(), b[0].copy()

    base = MLPClassifier if classifies else MLPRegressor
    model = type(base.__name__, (base,), {"_init_coef": from_start})(
        hidden_layer_sizes=task.sizes[1:-1],
        alpha=0.0,
        batch_size=task.size,
        learning_rate_init=task.settings["lr"],
        shuffle=False,
        n_iter_no_change=10**9,
        **SOLVERS[task.optimizer],
    )
    return model, {"classes": np.arange(task.sizes[-1])} if classifies else {}


def _theta(task: Task, model: Any) -> np.ndarray:
    layers = zip(model.coefs_, model.intercepts_, strict=True)
    return task.flat([(W.T[None], b[None]) for W, b in layers])
