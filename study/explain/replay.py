"""Train one stored trial again, alone, and look closer: the same numbers, bit for bit, at more points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from overshoot.core import Schedule, Trace, train
from overshoot.core.domain import POSITIVE, Hyper
from overshoot.core.loop import Divisor
from overshoot.core.schedules import POSITIVE_SHARE
from overshoot.study.experiment.cells import Cell
from overshoot.study.phases.outcomes import Outcome, gap
from overshoot.study.problems.problem import Problem

FACTORS = (0.1, 1.0, 3.0)
"""What a fork multiplies the learning rate by."""

STRETCH = 0.1
"""How long a fork goes on, as a share of the run."""

CLEAR = 0.9
"""Share of the evaluations at which a fork that is clearly lower is lower."""

LEAST = 10
"""Updates that it takes at least."""

POINTS = 20
"""Evaluations of a fork's stretch, where it has so many updates."""


@dataclass(frozen=True)
class ReplayedRun:
    """A trial that can be trained again. epochs: as many as its schedule spans, if nothing ends it before."""

    cell: Cell
    problem: Problem
    rate: float
    replicate: str
    epochs: int

    @property
    def steps(self) -> int:
        """Updates of the whole run."""
        return self.epochs * self.cell.strategy.updates(self.problem.samples)

    def rate_at(self, update: int) -> float:
        """The learning rate of update 1, 2, ..., as its schedule has it."""
        return self.rate * float(self.cell.make_schedule().factor((update - 1) / self.steps))


@dataclass(frozen=True)
class Replay:
    """A trial at some of its updates.

    updates: (E,) ascending, those asked for that the trial reached with finite parameters.
    theta: (E, P) float64. divisor: (E, P) what the update before divided its step by, NaN where there is
    none. train_loss: (E,) as the study takes it, in its precision. loss: (E,) the same in float64.
    """

    updates: np.ndarray
    theta: np.ndarray
    divisor: np.ndarray
    train_loss: np.ndarray
    loss: np.ndarray


def replay(run: ReplayedRun, at: Iterable[int]) -> Replay:
    """The run after each of the updates `at`; nothing ends it but numbers that overflow."""
    trace = _train(run, [run.rate], run.epochs, run.cell.make_schedule(), at)
    wanted = np.isin(trace.steps, [*at]) & (np.arange(len(trace.steps)) < trace.evaluations[0])
    theta, divisor, loss = (trace.values[name][0, wanted] for name in ("theta", "divisor", "train_loss"))
    split, net = run.problem.split, run.problem.net
    with np.errstate(all="ignore"):  # huge parameters have an infinite loss
        exact = net.evaluate(theta, net.data(split.X["train"], split.y["train"]))
    return Replay(trace.steps[wanted], theta, divisor, loss, exact)


@dataclass(frozen=True)
class Fork:
    """A run that goes on for `STRETCH` of its budget at each of `FACTORS` times its last rate.

    updates: (E,) and gap: (3, E) along the stretch, infinite where a fork left.
    """

    updates: np.ndarray
    gap: np.ndarray

    @property
    def verdict(self) -> Outcome:
        """TOO_LARGE where a tenth of the rate gets clearly lower than the rate itself, TOO_SMALL where
        three times the rate does, UNRESOLVED where neither or both do."""
        smaller, larger = self.lower(0), self.lower(2)
        if smaller == larger:
            return Outcome.UNRESOLVED
        return Outcome.TOO_LARGE if smaller else Outcome.TOO_SMALL

    def lower(self, i: int) -> bool:
        """Whether fork i got clearly lower than the unchanged rate: in the stretch's second half below it
        at nine of ten evaluations, and by more than what that one fluctuates by around its own line."""
        half = slice(len(self.updates) // 2, None)
        other, same = (np.log(np.maximum(self.gap[k, half], 1e-300)) for k in (i, 1))
        if not np.isfinite(same).all():
            return bool(np.isfinite(other).all())
        line = np.polynomial.Polynomial.fit(self.updates[half], same, 1)(self.updates[half])
        below = same - other
        return bool(np.mean(below > 0) >= CLEAR and np.median(below) > np.std(same - line))


def fork(run: ReplayedRun) -> Fork:
    """Train the run once more and let it go on on the same batches, at FACTORS times its rate."""
    each = run.cell.strategy.updates(run.problem.samples)
    further = max(round(STRETCH * run.epochs), -(-LEAST // each))
    end, last = run.steps, run.steps + further * each
    at = np.unique(np.linspace(end + 1, last, POINTS).round().astype(int))
    share = run.epochs / (run.epochs + further)
    schedule = _Forked(share=share, after=FACTORS)._with(before=run.cell.make_schedule())
    trace = _train(run, [run.rate] * len(FACTORS), run.epochs + further, schedule, [0, *at])
    with np.errstate(all="ignore"):
        q = gap(trace.values["train_loss"].T, run.problem.best_loss).T
    kept = np.isin(trace.steps, at)
    return Fork(trace.steps[kept], np.where(np.isfinite(q), q, np.inf)[:, kept])


def _train(
    run: ReplayedRun, rates: Sequence[float], epochs: int, schedule: Schedule, at: Iterable[int]
) -> Trace:
    problem, cell = run.problem, run.cell
    start = problem.start(run.replicate).astype(cell.protocol.precision)
    return train(
        problem.net,
        cell.make_optimizer(lr=list(rates)),
        np.stack([start] * len(rates)),
        problem.parts["train"],
        cell.strategy,
        [problem.order(run.replicate)] * len(rates),
        [epochs],
        schedule=schedule,
        updates_at=[int(update) for update in at],
        measure={"theta": lambda theta, _: theta, "divisor": _divisor},
    )


def _divisor(theta: np.ndarray, divisor: Divisor) -> np.ndarray:
    P = divisor()
    return np.full_like(theta, np.nan) if P is None else P


@dataclass(frozen=True, eq=False)
class _Forked(Schedule):
    """Another schedule for a `share` of the run, and then its last factor times `after`."""

    name: ClassVar[str] = "fork"
    label: ClassVar[str] = "fork"
    before: ClassVar[Schedule]
    share: Hyper = field(default=1.0, metadata={"domain": POSITIVE_SHARE})
    after: Hyper = field(default=1.0, metadata={"domain": POSITIVE})

    def factor(self, progress: float) -> Hyper:
        done = progress / self.share
        if done < 1 - 1e-12:
            return self.before.factor(done)
        return self.before.factor(1.0) * self.after
