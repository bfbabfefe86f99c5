"""The edge of stability: sharpness along full-batch training, beside what the learning rate allows.

Gradient descent at rate r is stable where no eigenvalue of the training loss' Hessian is above 2/r. On
networks the largest one, the sharpness, rises during training until it meets that line, and then
hovers about it while the loss goes on falling, not at every update (Cohen et al. 2021). Methods that
divide their step by P do the same with the eigenvalues of P^-1/2 H P^-1/2 and a line of their own, which
for Adam lies at 38/r (Cohen et al. 2022).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core import sharpness
from core.loop import Divisor
from study.experiment.cells import CONSTANT, Budget, Cell
from study.phases.stack import Run, Trial, run_stack
from study.phases.summary import Part
from study.phases.sweep import RateCurve
from study.problems.problem import Problem

TOLERANCE = 0.01
"""Relative, of an eigenvalue: about nine products with the Hessian, a quarter of what ten digits take."""

RESTARTS = 100
"""After which an estimate is given up; nearly all need one or two."""


@dataclass(frozen=True)
class EdgeSummary(Part):
    """sharpness_missing: estimates that did not converge, of runs that went on."""

    sharpness_missing: int


def follow(cell: Cell, problem: Problem, curve: RateCurve) -> list[Run]:
    """Runs of the cell's optimizer with their sharpness; none where the experiment asks for none.

    They start where the sweep's first replicate does, and have a budget of their own.
    """
    edge = cell.edge
    if edge is None:
        return []
    trials = [Trial("edge", "spread", rate, "sweep-0") for rate in rates(curve, edge.rates)]
    budget = Budget(examples=1, epochs=edge.updates, evaluations=edge.evaluations)
    longer = dataclasses.replace(cell, protocol=dataclasses.replace(cell.protocol, budget=budget))
    return (
        run_stack(longer, problem, trials, {"sharpness": SharpnessMeasure(cell, problem)}) if trials else []
    )


def rates(curve: RateCurve, count: int) -> list[float]:
    """So many rates over a decade, ascending and evenly spread on a logarithmic scale.

    The highest is half a decade above the sweep's best, or the last one before the sweep's boundary where
    that comes first, as with gradient descent. None where every rate diverges.
    """
    if curve.best_rate is None:
        return []
    last = curve.rates[curve.rates < (curve.boundary or np.inf)][-1]
    highest = min(curve.best_rate * np.sqrt(10), last)
    return [float(rate) for rate in highest * np.logspace(0, -1, count)[::-1]]


def threshold(cell: Cell, run: Run) -> float:
    """The largest curvature at which the run's rate is stable; NaN where none is known."""
    if cell.schedule != CONSTANT:
        return float("nan")
    known = cell.make_optimizer(lr=run.trial.rate).critical_curvature()
    return float("nan") if known is None else float(known)


def edge_summary(runs: Sequence[Run]) -> EdgeSummary | None:
    """What is left of the runs; None without any."""
    counts = [
        int(np.isnan(run.sharpness[1 : -1 if run.first_bad_step else None]).sum())
        for run in runs
        if run.sharpness is not None
    ]
    return EdgeSummary(sum(counts)) if counts else None


class SharpnessMeasure:
    """The largest eigenvalue (R,) of the full training loss at theta (R, P), for methods with P that of
    P^-1/2 H P^-1/2, with an L2 penalty where the method's critical rate leaves that to the curvature.

    NaN where it did not converge, where theta or P is not finite, and where there is no P yet.
    """

    def __init__(self, cell: Cell, problem: Problem):
        method = cell.make_optimizer()
        self.net, self.data = problem.net, problem.exact
        added = np.isfinite(method.critical_rate(0.0) or np.inf)  # the method adds its decay to the curvature
        self.penalty = 0.0 if added else method.hyperparameters.get("weight_decay", 0.0)

    def __call__(self, theta: np.ndarray, divisor: Divisor) -> np.ndarray:
        P = divisor()
        scale = np.ones_like(theta) if P is None else P
        values = np.full(len(theta), np.nan)
        known = np.isfinite(theta).all(axis=1) & (np.isfinite(scale) & (scale > 0)).all(axis=1)
        if known.any():
            found = sharpness(
                self.net, theta[known], self.data, scale[known], self.penalty, RESTARTS, TOLERANCE
            )
            values[known] = [estimate.value if estimate.converged else np.nan for estimate in found]
        return values
