"""One bowl, four learning rates: what every report opens with, run by the core alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.analysis.surface_paths import LossSurface

CONDITION, ANGLE = 8.0, 30.0
"""The bowl's largest curvature, 1, over its smallest, and the degrees by which its valley is turned. The
playground has the same bowl under these names."""

START = (-1.7, 0.75)
"""Along the valley and across it."""

HALF = 2.1
STEPS = 30

KINDS = ("too small", "right", "overshooting", "diverging")
RATES = {"sgd": (0.06, 0.8, 1.9, 2.1), "adam": (0.02, 0.2, 0.8, 5.0)}
"""Optimizer -> a rate for each of KINDS."""


@dataclass(frozen=True)
class RatePath:
    """One run: theta (STEPS + 1, 2), and its loss at each step over that at the start (STEPS + 1,)."""

    optimizer: str
    kind: str
    rate: float
    theta: np.ndarray
    loss: np.ndarray


def bowl() -> LossSurface:
    """L = theta^T H theta / 2 with curvatures 1 and 1 / CONDITION, and the square of it that is shown."""
    axes = _axes()
    return LossSurface(np.zeros(2), axes @ np.diag([1 / CONDITION, 1.0]) @ axes.T, HALF)


def four_rates() -> list[RatePath]:
    """The path of each optimizer at each of its rates, from the same start."""
    hessian, start = bowl().hessian, _axes() @ np.array(START)
    return [
        _path(optimizer, kind, rate, start, hessian)
        for optimizer, rates in RATES.items()
        for kind, rate in zip(KINDS, rates, strict=True)
    ]


def limit() -> float:
    """The rate above which gradient descent diverges on the bowl: 2 over the largest curvature."""
    return 2 / float(np.linalg.eigvalsh(bowl().hessian)[-1])


def _path(optimizer: str, kind: str, rate: float, start: np.ndarray, hessian: np.ndarray) -> RatePath:
    theta = core.descend(core.optimizer(optimizer, lr=rate), lambda t: t @ hessian, start, STEPS)
    loss = np.einsum("ti,ij,tj->t", theta, hessian, theta)
    return RatePath(optimizer, kind, rate, theta, loss / loss[0])


def _axes() -> np.ndarray:
    """Along the valley and across it, as columns."""
    c, s = np.cos(np.radians(ANGLE)), np.sin(np.radians(ANGLE))
    return np.array([[c, -s], [s, c]])
