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
from enum import StrEnum
from typing import ClassVar

import numpy as np

from overshoot.core import Optimizer, optimizer, sharpness
from overshoot.core.loop import Divisor
from overshoot.core.names import suggest
from overshoot.study.experiment.cells import CONSTANT, Budget, Cell, Choice, PhaseSettings
from overshoot.study.experiment.reader import Item, Reader
from overshoot.study.phases.phase import Done, Left, Phase, StackCost, register
from overshoot.study.phases.stack import Run, Trial, evaluation_epochs, run_stack
from overshoot.study.phases.summary import Part
from overshoot.study.phases.sweep import RateCurve, Swept
from overshoot.study.problems.problem import Problem

TOLERANCE = 0.01
"""Relative, of an eigenvalue: about nine products with the Hessian, a quarter of what ten digits take."""

RESTARTS = 100
"""After which an estimate is given up; nearly all need one or two."""


PRODUCTS = 10
"""With the Hessian, for one sharpness: what it costs."""

BELOW = 0.9
"""Of the rate that is at its threshold at the start: the highest that is followed."""

CEILINGS = 8
"""After which the rates that start above their threshold are left out."""

START = "sweep-0"
"""The replicate that is followed: the sweep's first."""


class EdgeRole(StrEnum):
    """Why a rate was followed: it is one of those spread from the best rate up to the threshold."""

    SPREAD = "spread"


@dataclass(frozen=True)
class EdgeSettings(PhaseSettings, phase="edge"):
    """The sharpness along training: of these `optimizers`, as the experiment calls them, at so many
    `rates`, for so many `updates`, taken at the start and `evaluations` times after it."""

    optimizers: tuple[str, ...] = ()
    rates: int = 4
    updates: int = 1000
    evaluations: int = 50


@dataclass(frozen=True)
class EdgeSummary(Part):
    """sharpness_missing: estimates that did not converge, of runs that went on."""

    sharpness_missing: int


@dataclass(frozen=True)
class Followed(Left):
    """The runs whose sharpness was followed."""

    runs: list[Run]

    @property
    def summary(self) -> EdgeSummary | None:
        return edge_summary(self.runs)


def settings_of(cell: Cell) -> EdgeSettings | None:
    """How the sharpness is followed: with full batches of networks at a constant rate; elsewhere None."""
    edge = cell.protocol.get(EdgeSettings)
    asked = edge is not None and cell.optimizer.id in edge.optimizers
    meant = cell.strategy.size is None and bool(cell.network.hidden) and cell.schedule == CONSTANT
    return edge if asked and meant else None


def follow(cell: Cell, problem: Problem, curve: RateCurve) -> list[Run]:
    """Runs of the cell's optimizer with their sharpness; none where the experiment asks for none.

    They start where the sweep's first replicate does, and have a budget of their own.
    """
    edge = settings_of(cell)
    if edge is None:
        return []
    budget = Budget(examples=1, epochs=edge.updates, evaluations=edge.evaluations)
    return _watched(cell, problem, starting_below(cell, problem, curve, edge), budget)


def _watched(cell: Cell, problem: Problem, followed: Sequence[float], budget: Budget) -> list[Run]:
    trials = [Trial(Edge.name, EdgeRole.SPREAD, rate, START) for rate in followed]
    own = dataclasses.replace(cell, protocol=dataclasses.replace(cell.protocol, budget=budget))
    measures = {"sharpness": SharpnessMeasure(cell, problem)}
    return run_stack(own, problem, trials, measures) if trials else []


def starting_below(cell: Cell, problem: Problem, curve: RateCurve, edge: EdgeSettings) -> list[float]:
    """The `rates` under a ceiling below which every run starts with its sharpness below its threshold.

    The sharpness of a method that divides its steps is known once it has made some: at the first evaluation,
    up to which the rates are tried. While one starts above, the ceiling becomes half the lowest that does.
    """
    first = evaluation_epochs(Budget(1, edge.updates, edge.evaluations), problem.samples)[1]
    method, ceiling = cell.make_optimizer(), np.inf
    if method.recursion:
        sharpness = SharpnessMeasure(cell, problem)(problem.start(START)[None], lambda: None)[0]
        return rates(curve, edge.rates, _critical(method, float(sharpness)))
    for _ in range(CEILINGS):
        followed = rates(curve, edge.rates, ceiling)
        tried = _watched(cell, problem, followed, Budget(1, first, 1))
        above = {
            run.trial.rate
            for run in tried
            if run.sharpness is not None
            and run.trial.rate > BELOW * _critical(method, float(run.sharpness[-1]))
        }
        if not above:
            break
        ceiling = min(above) / 2
    return [rate for rate in followed if rate not in above]


def _critical(method: Optimizer, sharpness: float) -> float:
    """The rate whose threshold is this sharpness; infinite where either is not known."""
    rate = method.critical_rate(sharpness) if sharpness > 0 else None
    return float(rate) if rate is not None else np.inf


def rates(curve: RateCurve, count: int, ceiling: float = np.inf) -> list[float]:
    """So many rates over a decade, ascending and evenly spread on a logarithmic scale.

    The highest is half a decade above the sweep's best, or the last one before the sweep's boundary where
    that comes first, as with gradient descent; and always BELOW the `ceiling`, the rate that is at its
    threshold at the start: a run that starts above it shows no rise. None where every rate diverges.
    """
    if curve.best_rate is None:
        return []
    last = curve.rates[curve.rates < (curve.boundary or np.inf)][-1]
    highest = min(curve.best_rate * np.sqrt(10), last, BELOW * ceiling)
    return [float(rate) for rate in highest * np.logspace(0, -1, count)[::-1]]


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
            estimates = sharpness(
                self.net, theta[known], self.data, scale[known], self.penalty, RESTARTS, TOLERANCE
            )
            values[known] = [estimate.value if estimate.converged else np.nan for estimate in estimates]
        return values


@register
class Edge(Phase):
    """The sharpness along training with full batches."""

    name: ClassVar[str] = "edge"
    rank: ClassVar[int] = 50
    part: ClassVar[type[Part]] = EdgeSummary

    def read(self, top: Reader, optimizers: Sequence[Choice] | None) -> EdgeSettings | None:
        if not top.has(self.name):
            return None
        t, default = top.table(self.name), EdgeSettings()
        chosen = t.items("optimizers")
        for item in chosen:
            with t.collect("optimizers"):
                _check_followed(item, optimizers)
        t.distinct("optimizers", [str(item.value) for item in chosen])
        updates = t.integer("updates", default.updates, low=10)
        settings = EdgeSettings(
            optimizers=tuple(str(item.value) for item in chosen),
            rates=t.integer("rates", default.rates, low=1, high=100),
            updates=updates,
            evaluations=t.at_most("evaluations", default.evaluations, "updates", updates, low=10),
        )
        t.done()
        return settings

    def fault(self, cells: Sequence[Cell]) -> str:
        if any(self.asked(cell) for cell in cells) or not any(c.protocol.get(EdgeSettings) for c in cells):
            return ""
        needs = '"full" among the batches, a network with hidden layers and a constant rate'
        return f"the sharpness is followed with {needs} alone, and no cell here has all three"

    def asked(self, cell: Cell) -> bool:
        return settings_of(cell) is not None

    def run(self, cell: Cell, problem: Problem, done: Done) -> Followed:
        return Followed(follow(cell, problem, done.of(Swept).curve))

    def stacks(self, cell: Cell, samples: int) -> Sequence[StackCost]:
        """If the sweep has a rate that does not diverge."""
        edge = settings_of(cell)
        if edge is None:
            return []
        return [StackCost(edge.rates, edge.updates, PRODUCTS * edge.rates * (edge.evaluations + 1))]


def _check_followed(item: Item, optimizers: Sequence[Choice] | None) -> None:
    if optimizers is None:
        return
    known = {o.id: optimizer(o.name, **dict(o.options)).critical_rate(1.0) is not None for o in optimizers}
    if item.value not in known:
        item.fail(f"one of {', '.join(known)}", suggest(item.value, known))
    if not known[item.value]:
        possible = ", ".join(name for name, has in known.items() if has) or "none of this experiment's"
        item.fail(f"an optimizer with a known critical rate ({possible})")
