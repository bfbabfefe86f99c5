"""Check a gradient against central differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def gradient_error(
    function: Callable[[np.ndarray], tuple[float | np.ndarray, np.ndarray]], theta: np.ndarray
) -> float:
    """Largest relative error of the gradient at `theta: (P,)` float64, over its entries.

    `function(theta)` returns the loss and its gradient (P,). Each entry is compared with a central
    difference of step h = 6e-6 max(1, |theta_i|), whose own error is about h^2, and the difference
    is relative to the larger of the entry and a thousandth of the gradient's norm: an entry that is
    zero by symmetry would otherwise be judged by rounding alone.
    """
    _, grad = function(theta)
    numeric = np.empty_like(theta)
    for i in range(theta.size):
        h = 6e-6 * max(1.0, abs(theta[i]))
        above, below = theta.copy(), theta.copy()
        above[i] += h
        below[i] -= h
        numeric[i] = (function(above)[0] - function(below)[0]) / (above[i] - below[i])
    scale = np.maximum(np.abs(grad), np.abs(numeric))
    floor = max(1e-3 * float(np.linalg.norm(numeric)), np.finfo(float).tiny)
    return float(np.max(np.abs(grad - numeric) / np.maximum(scale, floor)))
