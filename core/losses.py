"""Losses, computed from the output layer's pre-activations (logits) and never from log(probability).

Shapes: logits z and targets y are (R, k, B): R trials, k outputs, B samples (y may have R = 1).
Every loss sums over the k outputs and averages over the B samples, so L = reduce(total(z, y) / B).
scikit-learn's and torch's squared errors also average over the outputs.

To add one, write its passes and enter a block in LOSSES: everything else reads it from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overshoot.core.activations import sigmoid


@dataclass(frozen=True)
class Loss:
    """One loss, all that is known of it in one block.

    label: what it is called in a sentence.
    total(z, y) -> (R,): sum over outputs and samples, before `reduce`; may overwrite z.
    delta(z, y): overwrites z with dL/dz for the mean over the B samples.
    output(z): overwrites z with the prediction.
    targets: "real", "binary" (0 or 1) or "classes" (one-hot).
    curve(z, y, r_z): derivative along r_z (R, k, B) of a sample's gradient by its z: what a product
        with the Hessian starts from. None where the samples are not independent (see `root_of`).
    weights(z) -> (R or 1, k or 1, B): a sample's second derivative by each z, where it is one number
        and not negative: the Hessian of a linear model is then X^T diag(weights) X / B.
    quadratic: c where a sample's loss is c/2 (z - y)^2, so that a linear model is least squares with
        the Hessian c X^T X / B; 0 for any other loss.
    convex: in z, and so in the parameters of a linear model.
    outputs: the fewest that it makes sense for.
    root_of: the name of the loss whose square root it is; it has that loss' minimisers.
    reduce(mean) -> (R,): from the mean to the loss; the identity but for such a root.
    """

    label: str
    total: Callable[[np.ndarray, np.ndarray], np.ndarray]
    delta: Callable[[np.ndarray, np.ndarray], None]
    output: Callable[[np.ndarray], None]
    targets: str
    curve: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] | None
    weights: Callable[[np.ndarray], np.ndarray] | None = None
    quadratic: float = 0.0
    convex: bool = True
    outputs: int = 1
    root_of: str = ""
    reduce: Callable[[np.ndarray], np.ndarray] = np.asarray

    @property
    def least_squares(self) -> bool:
        """Whether the least squares solution minimises it for a linear model."""
        return bool(LOSSES[self.root_of].quadratic if self.root_of else self.quadratic)


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
    largest = np.maximum.reduce(np.abs(z), axis=(1, 2), keepdims=True)
    z /= np.where(largest == 0, 1, largest)
    norm = np.sqrt(_sum(z * z) * z.shape[2])
    z /= np.where(norm == 0, 1, norm).astype(z.dtype)[:, None, None]


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


def _probability(z: np.ndarray) -> np.ndarray:
    p = z.copy()
    sigmoid(p)
    return p


def _constant_weights(c: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda z: np.full((1, 1, z.shape[2]), c)


def _binary_weights(z: np.ndarray) -> np.ndarray:
    p = _probability(z)
    return p * (1 - p)


def _binary_curve(z: np.ndarray, y: np.ndarray, r_z: np.ndarray) -> np.ndarray:
    return _binary_weights(z) * r_z


def _softmax_curve(z: np.ndarray, y: np.ndarray, r_z: np.ndarray) -> np.ndarray:
    p = z.copy()
    _softmax(p)
    return p * (r_z - (p * r_z).sum(axis=1, keepdims=True))


def _sigmoid_mse_curve(z: np.ndarray, y: np.ndarray, r_z: np.ndarray) -> np.ndarray:
    p = _probability(z)
    slope = p * (1 - p)
    return 2 * slope * (slope + (p - y) * (1 - 2 * p)) * r_z


LOSSES: dict[str, Loss] = {
    "half_mse": Loss(
        label="half mean squared error",
        total=_half_squares,
        delta=_half_mse_delta,
        output=_identity,
        targets="real",
        curve=lambda z, y, r_z: r_z,
        weights=_constant_weights(1.0),
        quadratic=1.0,
    ),
    "mse": Loss(
        label="mean squared error",
        total=_squares,
        delta=_mse_delta,
        output=_identity,
        targets="real",
        curve=lambda z, y, r_z: 2 * r_z,
        weights=_constant_weights(2.0),
        quadratic=2.0,
    ),
    "rmse": Loss(
        label="root mean squared error",
        total=_squares,
        delta=_rmse_delta,
        output=_identity,
        targets="real",
        curve=None,
        root_of="mse",
        reduce=np.sqrt,
    ),
    "binary_cross_entropy": Loss(
        label="binary cross-entropy",
        total=_binary_total,
        delta=_binary_delta,
        output=sigmoid,
        targets="binary",
        curve=_binary_curve,
        weights=_binary_weights,
    ),
    "softmax_cross_entropy": Loss(
        label="cross-entropy",
        total=_softmax_total,
        delta=_softmax_delta,
        output=_softmax,
        targets="classes",
        curve=_softmax_curve,
        outputs=2,
    ),
    "sigmoid_mse": Loss(
        label="mean squared error of a sigmoid",
        total=_sigmoid_mse_total,
        delta=_sigmoid_mse_delta,
        output=sigmoid,
        targets="binary",
        curve=_sigmoid_mse_curve,
        convex=False,
    ),
}
