"""Descend on any function, for scripts, lessons and proofs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.checks import instance, reals, whole
from overshoot.core.loop import Divisor, Objective, iterate
from overshoot.core.optimizers.base import Optimizer
from overshoot.core.schedules import Schedule

Gradient = Callable[[np.ndarray], ArrayLike]


def descend(
    optimizer: Optimizer,
    gradient: Gradient,
    start: ArrayLike,
    steps: int,
    schedule: Schedule | None = None,
) -> np.ndarray:
    """The path of `optimizer` from `start`: (steps + 1, *start.shape) float64, path[0] == start.

    start: (n,), or (R, n) for R trials at once; a hyperparameter given as R numbers then applies
        one to each row.
    gradient(theta): takes and returns an array shaped like `start`.
    schedule: what the learning rate is multiplied by over the run; by default it is constant.

    From the first update whose gradient or result is not finite on, a trial's path is NaN.
    Raises ValueError for another shape, for a start that is not finite and for negative `steps`; TypeError
    for something else in an optimizer's or a schedule's place.

    Examples:
        >>> import numpy as np
        >>> from overshoot import core
        >>> def bowl(theta):  # the gradient of (theta_0^2 + 10 theta_1^2) / 2
        ...     return theta * [1, 10]
        >>> sgd = core.optimizer("sgd", lr=[0.19, 0.21])  # 2 / 10 is the limit
        >>> path = core.descend(sgd, bowl, np.ones((2, 2)), steps=50)
        >>> path.shape
        (51, 2, 2)
        >>> np.abs(path[-1, :, 1]).round(3).tolist()
        [0.005, 117.391]
    """
    instance("optimizer", optimizer, Optimizer)
    if not callable(gradient):
        raise TypeError(f"gradient must be a function of theta, got {gradient!r}")
    first = reals("start", start, np.float64).copy()
    if first.ndim not in (1, 2) or first.size == 0:
        raise ValueError(f"start must be (n,) or (R, n), got shape {first.shape}")
    if not np.isfinite(first).all():
        raise ValueError("start must be finite")
    steps = whole("steps", steps)
    stack = np.atleast_2d(first)
    trace = iterate(optimizer, _Function(gradient, first), stack, _point, range(steps + 1), schedule=schedule)
    return np.moveaxis(trace.values["theta"], 1, 0).reshape(steps + 1, *first.shape)


def _point(theta: np.ndarray, _: Divisor) -> dict[str, np.ndarray]:
    return {"loss": np.zeros(len(theta)), "theta": theta}  # a function without a loss has none to watch


class _Function(Objective):
    """The objective that calls the user's function, always with every row."""

    def __init__(self, function: Gradient, start: np.ndarray):
        self.function, self.shape = function, start.shape
        self.shapes = ((start.shape[-1],),)
        self.full = np.atleast_2d(start).copy()
        self.rows = np.arange(len(self.full))

    def gradient(self, theta: np.ndarray, t: int, out: np.ndarray) -> np.ndarray:
        self.full[self.rows] = theta
        g = reals("gradient", self.function(self.full.reshape(self.shape).copy()), np.float64)
        if g.shape != self.shape:
            raise ValueError(f"gradient must return shape {self.shape}, like start, got {g.shape}")
        return g.reshape(self.full.shape)[self.rows]

    def keep(self, rows: np.ndarray) -> None:
        self.rows = self.rows[rows]
