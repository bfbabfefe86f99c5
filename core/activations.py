"""Activations of hidden layers: each a function and its derivatives in terms of its own output.

To add one, write its passes and enter a block in ACTIVATIONS: everything else reads it from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LEAK = 0.01  # torch's default; Keras' LeakyReLU has 0.3


@dataclass(frozen=True)
class Activation:
    """One activation f, all that is known of it in one block.

    about: its formula, for lists.
    apply(z): overwrites z with a = f(z).
    backward(a, delta): overwrites delta with delta f'(z).
    bend(a): f''(z) / f'(z), which a product with the Hessian asks for; 0 for what is linear in pieces.
    initializer: the weights that suit it, a name in `core.initializers`.
    homogeneous: whether f(c z) = c f(z) for every c > 0, so that a network does at every scale of its weights
    what it does at one.

    Every derivative here can be written in terms of the output a, so that z need not be kept.
    """

    about: str
    apply: Callable[[np.ndarray], None]
    backward: Callable[[np.ndarray, np.ndarray], None]
    bend: Callable[[np.ndarray], np.ndarray | float]
    initializer: str = "glorot"
    homogeneous: bool = False


def sigmoid(z: np.ndarray) -> None:
    """z <- 1 / (1 + exp(-z)) in place; exact zeros and ones far out, never NaN for finite z."""
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    np.divide(1, z, out=z)


def _sigmoid_backward(a: np.ndarray, delta: np.ndarray) -> None:
    delta *= a
    delta *= 1 - a


def _tanh_backward(a: np.ndarray, delta: np.ndarray) -> None:
    delta *= 1 - a * a


def _relu_backward(a: np.ndarray, delta: np.ndarray) -> None:
    delta *= a > 0  # the subgradient at the kink is 0, as in torch and scikit-learn


def _leaky_relu(z: np.ndarray) -> None:
    np.maximum(z, LEAK * z, out=z)


def _leaky_relu_backward(a: np.ndarray, delta: np.ndarray) -> None:
    np.multiply(delta, LEAK, out=delta, where=a <= 0)


def _nothing(*arrays: np.ndarray) -> None:
    return None


def _tanh(z: np.ndarray) -> None:
    np.tanh(z, out=z)


def _relu(z: np.ndarray) -> None:
    np.maximum(z, np.zeros(z.shape[1:], z.dtype), out=z)  # three times as fast as with a scalar


def _straight(a: np.ndarray) -> float:
    return 0.0


ACTIVATIONS: dict[str, Activation] = {
    "identity": Activation("z", _nothing, _nothing, _straight, homogeneous=True),
    "sigmoid": Activation("1 / (1 + exp(-z))", sigmoid, _sigmoid_backward, lambda a: 1 - 2 * a),
    "tanh": Activation("tanh z", _tanh, _tanh_backward, lambda a: -2 * a),
    "relu": Activation("max(0, z)", _relu, _relu_backward, _straight, "he", True),
    "leaky_relu": Activation(f"max(z, {LEAK:g} z)", _leaky_relu, _leaky_relu_backward, _straight, "he", True),
}
