"""One bowl, four learning rates: what every report opens with, run by the core alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.analysis.rate_words import RateWord, overshoots, rate_word
from overshoot.study.analysis.surface_paths import LossSurface
from overshoot.study.phases.outcomes import TOLERANCES, judge, q_end
from overshoot.study.phases.stack import EXPLOSION, Run, Trial
from overshoot.study.phases.sweep import SweepRole

CONDITION, ANGLE = 8.0, 30.0
"""The bowl's largest curvature, 1, over its smallest, and the degrees by which its valley is turned. The
playground has the same bowl under these names."""

START = (-1.7, 0.75)
"""Along the valley and across it."""

HALF = 2.1
STEPS = 30

KINDS = (RateWord.TOO_SMALL, RateWord.RIGHT, RateWord.OVERSHOOTING, RateWord.DIVERGING)
RATES = {"sgd": (0.06, 0.8, 1.9, 2.1), "adam": (0.02, 0.2, 0.8, 5.0)}
"""Optimizer -> a rate for each of KINDS; Adam, whose steps are bounded, does not diverge at the last one."""

TOLERANCE = max(TOLERANCES)
SWEEP = np.geomspace(1e-3, 10, 81)
"""Rates among which the best is looked for."""


@dataclass(frozen=True)
class RatePath:
    """One run: theta (STEPS + 1, 2), its loss at each step over that at the start (STEPS + 1,), and what its
    rate is called. kind: the picture that it is in."""

    optimizer: str
    kind: RateWord
    rate: float
    theta: np.ndarray
    loss: np.ndarray
    word: RateWord


def bowl() -> LossSurface:
    """L = theta^T H theta / 2 with curvatures 1 and 1 / CONDITION, and the square of it that is shown."""
    axes = _axes()
    return LossSurface(np.zeros(2), axes @ np.diag([1 / CONDITION, 1.0]) @ axes.T, HALF)


def four_rates() -> list[RatePath]:
    """The path of each optimizer at each of its rates, from the same start."""
    best = {optimizer: best_rate(optimizer) for optimizer in RATES}
    return [
        _path(optimizer, kind, rate, best[optimizer])
        for optimizer, rates in RATES.items()
        for kind, rate in zip(KINDS, rates, strict=True)
    ]


def best_rate(optimizer: str, steps: int = STEPS) -> float:
    """The rate of SWEEP that leaves the least of the loss at the end."""
    ends = [q_end(_run(rate, *descend(optimizer, rate, steps)), 0.0) for rate in SWEEP]
    return float(SWEEP[np.argmin(ends)])


def word_at(optimizer: str, rate: float, best: float, steps: int = STEPS) -> RateWord:
    """What a rate is called on the bowl, given the best one."""
    theta, loss = descend(optimizer, rate, steps)
    verdict = judge(_run(rate, theta, loss), 0.0, TOLERANCE, best)
    return rate_word(verdict, overshoots(theta, theta @ bowl().hessian, loss))


def descend(optimizer: str, rate: float, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """theta (steps + 1, 2) and the loss at each step over that at the start (steps + 1,)."""
    hessian, start = bowl().hessian, _axes() @ np.array(START)
    theta = core.descend(core.optimizer(optimizer, lr=rate), lambda t: t @ hessian, start, steps)
    loss = np.einsum("ti,ij,tj->t", theta, hessian, theta)
    return theta, loss / loss[0]


def limit() -> float:
    """The rate above which gradient descent diverges on the bowl: 2 over the largest curvature."""
    return 2 / float(np.linalg.eigvalsh(bowl().hessian)[-1])


def _path(optimizer: str, kind: RateWord, rate: float, best: float) -> RatePath:
    return RatePath(optimizer, kind, rate, *descend(optimizer, rate), word_at(optimizer, rate, best))


def _run(rate: float, theta: np.ndarray, loss: np.ndarray) -> Run:
    """The path as the study has its runs, evaluated after every step."""
    updates = np.arange(len(loss))
    gone = np.flatnonzero(~(loss <= EXPLOSION))
    return Run(
        trial=Trial("opening", SweepRole.GRID, rate, "bowl"),
        updates=updates,
        examples=updates,
        train_loss=loss,
        validation_loss=loss,
        first_bad_step=int(gone[0]) if len(gone) else 0,
        theta=theta[-1],
        last_update=len(loss) - 1,
        scores={},
    )


def _axes() -> np.ndarray:
    """Along the valley and across it, as columns."""
    c, s = np.cos(np.radians(ANGLE)), np.sin(np.radians(ANGLE))
    return np.array([[c, -s], [s, c]])
