"""Losses, computed from the output layer's pre-activations (logits) and never from log(probability).

Shapes: logits z and targets y are (R, k, B): R trials, k outputs, B samples (y may have R = 1).
Every loss sums over the k outputs and averages over the B samples, so L = reduce(total(z, y) / B).
scikit-learn's and torch's squared errors also average over the outputs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.activations import sigmoid


@dataclass(frozen=True)
class Loss:
    """One loss.

    total(z, y) -> (R,): sum over outputs and samples, before `reduce`; may overwrite z.
    delta(z, y): overwrites z with dL/dz for the mean over the B samples.
    reduce(mean) -> (R,): from the mean to the loss; the identity but for the RMSE.
    output(z): overwrites z with the prediction.
    targets: "real", "binary" (0 or 1) or "classes" (one-hot).
    """

    label: str
    total: Callable[[np.ndarray, np.ndarray], np.ndarray]
    delta: Callable[[np.ndarray, np.ndarray], None]
    output: Callable[[np.ndarray], None]
    targets: str
    reduce: Callable[[np.ndarray], np.ndarray] = np.asarray


def _sum(a: np.ndarray) -> np.ndarray:
    """(R, k, B) -> (R,), in float64 and in an order that no neighbour and no setting of NumPy changes.

    The copy is in C order, and made first: a sum that converts on the way is cut where NumPy's
    buffer ends, and one over memory in another order runs differently for a single trial.
    """
    return a.astype(np.float64, order="C").sum(axis=2).sum(axis=1)


def _squares(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    z -= y
    return _sum(np.square(z, out=z))


def _half_squares(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return 0.5 * _squares(z, y)


def _half_mse_delta(z: np.ndarray, y: np.ndarray) -> None:
    z -= y
    z *= 1 / z.shape[2]


def _mse_delta(z: np.ndarray, y: np.ndarray) -> None:
    z -= y
    z *= 2 / z.shape[2]


def _rmse_delta(z: np.ndarray, y: np.ndarray) -> None:
    """d sqrt(mse) = d mse / (2 rmse); at a perfect fit, where there is no gradient, zero.

    The result depends on the residual's direction alone, so the residual is first divided by its
    largest entry: otherwise its square would overflow, and the gradient silently become zero.
    """
    z -= y
    largest = np.abs(z).max(axis=(1, 2), keepdims=True)
    largest[largest == 0] = 1
    z /= largest
    norm = np.sqrt(_sum(z * z) * z.shape[2])
    norm[norm == 0] = 1
    z /= norm.astype(z.dtype)[:, None, None]


def _binary_total(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """-y log p - (1 - y) log(1 - p) = log(1 + e^z) - y z, without the cancellation at large z."""
    return _sum(np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z))))


def _binary_delta(z: np.ndarray, y: np.ndarray) -> None:
    sigmoid(z)
    z -= y
    z *= 1 / z.shape[2]


def _softmax(z: np.ndarray) -> None:
    z -= np.maximum.reduce(z, axis=1, keepdims=True)
    np.exp(z, out=z)
    z /= np.add.reduce(z, axis=1, keepdims=True)


def _softmax_total(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """log(sum exp z) - z_y, with the maximum taken out so that nothing overflows."""
    z -= z.max(axis=1, keepdims=True)
    picked = (z * y).sum(axis=1)
    normaliser = np.log(np.exp(z, out=z).sum(axis=1))
    return _sum((normaliser - picked)[:, None])


def _softmax_delta(z: np.ndarray, y: np.ndarray) -> None:
    _softmax(z)
    z -= y
    z *= 1 / z.shape[2]


def _sigmoid_mse_total(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    sigmoid(z)
    return _squares(z, y)


def _sigmoid_mse_delta(z: np.ndarray, y: np.ndarray) -> None:
    sigmoid(z)
    slope = z * (1 - z)
    z -= y
    z *= slope
    z *= 2 / z.shape[2]


def _identity(z: np.ndarray) -> None:
    return None


LOSSES: dict[str, Loss] = {
    "half_mse": Loss("half mean squared error", _half_squares, _half_mse_delta, _identity, "real"),
    "mse": Loss("mean squared error", _squares, _mse_delta, _identity, "real"),
    "rmse": Loss("root mean squared error", _squares, _rmse_delta, _identity, "real", np.sqrt),
    "binary_cross_entropy": Loss("binary cross-entropy", _binary_total, _binary_delta, sigmoid, "binary"),
    "softmax_cross_entropy": Loss("cross-entropy", _softmax_total, _softmax_delta, _softmax, "classes"),
    "sigmoid_mse": Loss(
        "mean squared error of a sigmoid", _sigmoid_mse_total, _sigmoid_mse_delta, sigmoid, "binary"
    ),
}
