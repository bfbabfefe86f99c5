"""The rate for least squares with full batches: the one that contracts fastest, within a margin."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from overshoot.core import smallest_eigenvalue
from overshoot.core.optimizers.base import Recursion
from overshoot.study.commands.other_samples import RISK, safe_share
from overshoot.study.experiment.cells import Cell
from overshoot.study.late import Late
from overshoot.study.numbers import exact, number, percent
from overshoot.study.phases.theory import sharpness_at_starts
from overshoot.study.problems.problem import Problem

if TYPE_CHECKING:
    from scipy import optimize
else:
    optimize = Late("scipy.optimize")

EQUAL = 1e-9
"""Between two factors of contraction that count as one."""

BISECTIONS = 60


def fastest_rate(cell: Cell, problem: Problem, limit: float) -> tuple[float, str]:
    """The rate to take below the exact `limit`, and why, in words.

    It is the one that contracts fastest, unless for more than RISK of other training parts of the same rows
    it would be above the limit; then it is as low as that takes.
    """
    low, high = _curvatures(problem)
    recursion = cell.make_optimizer().recursion
    assert recursion is not None, "without one no limit is exact"
    rate = fastest(recursion, low, high, limit)
    safe = limit * safe_share(problem, cell.strategy)
    if rate > safe:
        return safe, f"fastest is {exact(rate)}; this is safe for {percent(1 - RISK)} of other samples"
    if recursion == Recursion():
        return rate, f"fastest: 2 / ({number(low)} + {number(high)})"
    return rate, f"fastest on curvatures {number(low)} to {number(high)}"


def fastest(recursion: Recursion, low: float, high: float, limit: float) -> float:
    """The rate below `limit` at which a quadratic with curvatures from `low` to `high` contracts fastest.

    The slower of the two ends sets the speed. For gradient descent it is 2 / (low + high). Momentum
    contracts alike over a range of rates: of these it is the geometric mean of both ends, since close to the
    upper one a run swings far out before it shrinks.
    """

    def slowest(share: float) -> float:
        return float(recursion.multiplier(share * limit, [low, high]).max())

    optimum = optimize.minimize_scalar(slowest, bounds=(0, 1), method="bounded", options={"xatol": 1e-10})
    best = float(optimum.x)
    equal = float(optimum.fun) + EQUAL
    low_end = _boundary(lambda share: slowest(share) <= equal, best, 0.0)
    high_end = _boundary(lambda share: slowest(share) <= equal, best, 1.0)
    return float(np.sqrt(low_end * high_end)) * limit


def _boundary(holds: Callable[[float], bool], inside: float, outside: float) -> float:
    """The share farthest from `inside` towards `outside` at which `holds` still does."""
    for _ in range(BISECTIONS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if holds(middle) else (inside, middle)
    return inside


def _curvatures(problem: Problem) -> tuple[float, float]:
    """The smallest that is not zero, and the largest, of least squares."""
    low = smallest_eigenvalue(problem.net, problem.start("sweep-0"), problem.exact)
    return float(low[0]), sharpness_at_starts(problem, 1)[0].value
