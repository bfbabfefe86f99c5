"""Check a gradient against central differences."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from overshoot.core.checks import finite, reals


def gradient_error(
    function: Callable[[np.ndarray], tuple[float | np.ndarray, np.ndarray]], theta: np.ndarray
) -> float:
    """Largest relative error of the gradient at `theta: (P,)` float64, over its entries.

    `function(theta)` returns the loss and its gradient (P,). Each entry is compared with a central
    difference of step h = 6e-6 max(1, |theta_i|), whose own error is about h^2, and the difference
    is relative to the larger of the entry and a thousandth of the gradient's norm: an entry that is
    zero by symmetry would otherwise be judged by rounding alone.

    Examples:
        >>> import numpy as np
        >>> from overshoot import core
        >>> core.gradient_error(lambda theta: (float(theta @ theta), 2 * theta), np.ones(3)) < 1e-6
        True
    """
    theta = finite("theta", theta)
    if theta.ndim != 1 or not theta.size:
        raise ValueError(f"theta must be (P,), at least one, got shape {theta.shape}")
    if not callable(function):
        raise TypeError(f"function must be a function of theta, got {function!r}")
    grad = reals("gradient", function(theta)[1], np.float64)
    if grad.shape != theta.shape:
        raise ValueError(f"gradient must have theta's shape {theta.shape}, got {grad.shape}")
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
