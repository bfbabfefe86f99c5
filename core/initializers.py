"""Initial weights. Biases start at zero in all of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Draw = Callable[[np.random.Generator, int, int], np.ndarray]


def _zeros(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    return np.zeros((fan_out, fan_in))


def _normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """N(0, 0.01^2)."""
    return 0.01 * rng.standard_normal((fan_out, fan_in))


def _glorot(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """Uniform on +-sqrt(6 / (fan_in + fan_out)): Glorot & Bengio (2010), equation 16."""
    bound = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, (fan_out, fan_in))


def _he(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    """N(0, 2 / fan_in): He et al. (2015), equation 10."""
    return np.sqrt(2 / fan_in) * rng.standard_normal((fan_out, fan_in))


INITIALIZERS: dict[str, Draw] = {"zeros": _zeros, "normal": _normal, "glorot": _glorot, "he": _he}
"""Each draws one layer's weights, (fan_out, fan_in) float64."""
