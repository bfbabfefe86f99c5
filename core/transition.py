"""Momentum between small and large batches: the limit along one direction whose curvature varies by batch.

Full batches are stable up to 2 (1 + b) over the curvature for a heavy ball of momentum b; small ones up to
2 (1 - b) over the batch sharpness, where the velocity adds up the noise of 1 / (1 - b) updates (Andreyev et
al. 2026). Both are ends of one formula, that of the mean square along a direction.
"""

from __future__ import annotations

import numpy as np

from overshoot.core.limits import check, limit_of_the_mean
from overshoot.core.optimizers.base import Recursion

CLOSE = 1 - 1e-9
"""Share of the limit of the mean beyond which no rate is tried: there the moments have a pole."""

HALVINGS = 100
"""Of the bracket around the limit, which double precision exhausts."""


def transition_rate(mean: float, batch: float, recursion: Recursion) -> float:
    """The rate above which the mean square grows along one direction, batches drawn independently.

    mean: the curvature h of the whole loss along it, E[h_B]. batch: E[h_B^2] / E[h_B], what `batch_sharpness`
    is there; what lies below `mean` is taken for it. recursion: the method's, without weight decay.

    For gradient descent it is 2 / batch, and for a heavy ball of momentum b

        1 / rate = (batch - mean) / (2 (1 - b)) + mean / (2 (1 + b)),

    the noise's part and the mean's. In general the moments of (theta, v), whose noise has the variance
    mean (batch - mean), are solved for the rate at which they keep their size. Infinite where mean is not
    positive, or batch is NaN. Raises ValueError for a recursion with weight decay.
    """
    check(recursion)
    if not mean > 0 or not np.isfinite(batch):
        return float("inf")
    noise = max(0.0, batch / mean - 1)
    high = CLOSE * limit_of_the_mean(recursion)
    if noise * _gain(high, recursion) <= 1:
        return high / CLOSE / mean
    low = high
    while noise * _gain(low, recursion) > 1:
        low /= 2
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if noise * _gain(middle, recursion) > 1 else (middle, high)
    return low / mean


def _gain(rate: float, recursion: Recursion) -> float:
    """The mean square of theta that noise of variance one in its own gradients keeps up, at mean curvature 1:
    the sum over k of the squared first entry of A^k (rate kick, -feed)."""
    kick, carry = recursion.kick, recursion.carry
    A = np.array([[1 - rate * kick, -rate * carry], [recursion.feed, recursion.momentum]])
    pushed = np.array([rate * kick, -recursion.feed])
    moments = np.linalg.solve(np.eye(4) - np.kron(A, A), np.kron(pushed, pushed))
    return float(moments[0])
