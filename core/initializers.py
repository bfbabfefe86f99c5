"""Initial weights. Biases start at zero in all of them.

To add one, write how it draws a layer and enter a block in INITIALIZERS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Initializer:
    """How the weights of a layer start.

    about: their distribution and its source, for lists.
    draw(rng, fan_in, fan_out): one layer's weights, (fan_out, fan_in) float64.
    """

    about: str
    draw: Callable[[np.random.Generator, int, int], np.ndarray]


def _zeros(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    return np.zeros((fan_out, fan_in))


def _normal(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    return 0.01 * rng.standard_normal((fan_out, fan_in))


def _glorot(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    bound = np.sqrt(6 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, (fan_out, fan_in))


def _he(rng: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
    return np.sqrt(2 / fan_in) * rng.standard_normal((fan_out, fan_in))


INITIALIZERS: dict[str, Initializer] = {
    "zeros": Initializer("all zero", _zeros),
    "normal": Initializer("N(0, 0.01^2)", _normal),
    "glorot": Initializer(
        "uniform on +-sqrt(6 / (fan_in + fan_out)): Glorot & Bengio (2010), equation 16", _glorot
    ),
    "he": Initializer("N(0, 2 / fan_in): He et al. (2015), equation 10", _he),
}
