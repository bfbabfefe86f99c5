"""The problems on which optimizers are compared with independent implementations.

NumPy and formulas alone, so that the script that makes the reference paths and the tests that read
them see the same numbers whatever is installed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

CHECKPOINTS = (1, 2, 3, 5, 8, 13, 21, 34, 55, 89)
"""The updates after which a reference path is kept."""


@dataclass(frozen=True)
class Problem:
    """start: (n,); gradient: (theta (n,), t = 1, 2, ...) -> (n,); curvature: (n,), what a method that asks
    for the Hessian's diagonal is told; shapes: of the layers that theta is made of."""

    start: np.ndarray
    gradient: Callable[[np.ndarray, int], np.ndarray]
    curvature: np.ndarray
    shapes: tuple[tuple[int, ...], ...]

    def layers(self, flat: np.ndarray) -> list[np.ndarray]:
        """(n,) as one array for each layer."""
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in self.shapes])
        return [a.reshape(shape) for a, shape in zip(np.split(flat, ends[:-1]), self.shapes, strict=True)]


def _quadratic() -> Problem:
    """1/2 theta' H theta with eigenvalues 0.02 to 8, along axes that are not the coordinates'."""
    across = np.array([1.0, -2.0, 0.5, 3.0])
    mirror = np.eye(4) - 2 * np.outer(across, across) / (across @ across)
    H = mirror @ np.diag([0.02, 0.3, 1.5, 8.0]) @ mirror
    return Problem(np.array([1.0, -0.7, 2.0, 0.4]), lambda theta, t: H @ theta, np.diag(H), ((4,),))


def _sequence() -> Problem:
    """Gradients that come whatever theta is: plain; with zeros; tiny; with squares that underflow;
    zero until a large one arrives; always zero."""

    def gradient(theta: np.ndarray, t: int) -> np.ndarray:
        wave = np.sin(1.7 * t + np.arange(6))
        gaps, late = t % 3 == 0, 100.0 * (t > 10)
        return wave * [1, gaps, 1e-9, 1e-170, late, 0]

    start = np.array([0.5, 0, 0, 0, 0, 0.25])
    return Problem(start, gradient, np.array([1, 0.1, 0, 1e-9, -10, 0]), ((6,),))


def _beale() -> Problem:
    """Beale's function of two variables, with its minimum at (3, 0.5)."""
    constants, powers = np.array([1.5, 2.25, 2.625]), np.arange(1, 4)

    def gradient(theta: np.ndarray, t: int) -> np.ndarray:
        x, y = theta
        residual = constants - x + x * y**powers
        return 2 * np.array([residual @ (y**powers - 1), residual @ (x * powers * y ** (powers - 1))])

    return Problem(np.array([1.0, 0.8]), gradient, np.array([0.5, 10.0]), ((2,),))


def _layers() -> Problem:
    """1/2 ||B A - M||^2 over A (3, 2) and B (2, 3): two layers of a linear network."""
    M = np.array([[6.0, -1.0], [1.5, -4.0]])

    def gradient(theta: np.ndarray, t: int) -> np.ndarray:
        A, B = theta[:6].reshape(3, 2), theta[6:].reshape(2, 3)
        residual = B @ A - M
        return np.concatenate([(B.T @ residual).ravel(), (residual @ A.T).ravel()])

    return Problem(
        2 * np.sin(1.0 + 2.3 * np.arange(12)), gradient, 3 * np.cos(np.arange(12.0)), ((3, 2), (2, 3))
    )


PROBLEMS: dict[str, Problem] = {
    "quadratic": _quadratic(),
    "sequence": _sequence(),
    "beale": _beale(),
    "layers": _layers(),
}
