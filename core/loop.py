"""The training loop: the only one in the project.

It moves a stack of R trials, each a row of `theta: (R, P)`, with one optimizer. It knows neither
networks nor data: an objective gives the gradients, an observer looks on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.checks import instance, reals, wholes
from overshoot.core.optimizers.base import Optimizer, Shapes, norm
from overshoot.core.schedules import Constant, Schedule

BUFFER = 1024
"""Elements of NumPy's buffer. At its default of 8192 NumPy copies a column of learning rates for each
operation on rows shorter than that, which takes longer than the operation itself."""


class Objective(Protocol):
    """What the loop descends on, for the trials that are still in the stack."""

    shapes: Shapes
    """Of the layers that the P parameters are, one after the other."""

    def gradient(self, theta: np.ndarray, t: int, out: np.ndarray) -> np.ndarray:
        """Gradient (R, P) for update t = 1, 2, ... at theta (R, P), in `out` or in memory of its own.

        The loop may overwrite it. An update may ask more than once, at several theta.
        """

    def keep(self, rows: np.ndarray) -> None:
        """Only the trials in the boolean mask `rows: (R,)` go on."""

    def curvature(self, theta: np.ndarray, v: np.ndarray, t: int) -> np.ndarray:
        """Hessian times v (P,), at each trial's theta: (R, P), for update t.

        By central differences of the gradient, whose error is that of h^2 and of rounding over h;
        an objective that has the product itself may give it instead.
        """
        h = np.cbrt(np.finfo(theta.dtype).eps) * np.maximum(1, norm(theta)) / norm(v[None])
        above = self.gradient(theta + h * v, t, np.empty_like(theta))
        return (above - self.gradient(theta - h * v, t, np.empty_like(theta))) / (2 * h)


Divisor = Callable[[], np.ndarray | None]
"""What the last update divided its step by, `Optimizer.preconditioner`: (R, P), and NaN before the first
update; or None. It is computed when it is asked for."""

Observe = Callable[[np.ndarray, Divisor], dict[str, np.ndarray]]
"""theta (R, P) and what its update divided by -> named values (R, ...), the first of which is the training
loss (R,)."""


@dataclass(frozen=True)
class Trace:
    """What a stack of R trials did.

    steps: (E,) updates done at each evaluation.
    values: name -> (R, E, ...) float64; NaN after the evaluation at which a trial left.
    evaluations: (R,) how many evaluations each trial has.
    first_bad_step: (R,) the first update whose gradient or result was not finite, or the
        evaluation at which the loss was not finite or above the ceiling; 0 where there is none.
    theta: (R, P) the last point; for a trial that left, its last finite parameters.
    last: name -> (R, ...) the observation at `theta`, computed in float64.
    updates: (R,) updates that led to `theta`.
    """

    steps: np.ndarray
    values: dict[str, np.ndarray]
    evaluations: np.ndarray
    first_bad_step: np.ndarray
    theta: np.ndarray
    last: dict[str, np.ndarray]
    updates: np.ndarray


def iterate(
    optimizer: Optimizer,
    objective: Objective,
    theta: np.ndarray,
    observe: Observe,
    evaluate_at: Sequence[int],
    ceiling: ArrayLike = np.inf,
    schedule: Schedule | None = None,
    stack_of: type[Stack] | None = None,
) -> Trace:
    """Train `theta: (R, P)` until the last update in `evaluate_at`, observing it at each of them.

    What is observed, and returned, is the point that the optimizer proposes (`Optimizer.point`). The
    learning rate is multiplied by the schedule's factor before each update; by default it is constant.

    A trial whose gradient or parameters stop being finite, or whose loss at an evaluation is not
    finite or exceeds its `ceiling: () or (R,)`, is recorded as it is and leaves the stack. Nothing
    is clipped. The numbers of a trial do not depend on which others are in the stack. ValueError for an empty
    stack or without evaluations; TypeError for something else in an optimizer's or a schedule's place.

    stack_of: what makes the updates; by default `Stack`, with NumPy.
    """
    schedule = schedule or Constant()
    theta = _start(optimizer, schedule, theta, evaluate_at)
    ceilings = np.broadcast_to(np.asarray(ceiling, dtype=float), (len(theta),))
    marks = np.array(sorted(set(evaluate_at)))
    record = _Record(theta, len(marks))

    def end(rows: np.ndarray, theta: np.ndarray, updates: ArrayLike, divisor: Divisor) -> None:
        # In float64, where the loss of huge parameters is still a number.
        values = observe(theta.astype(np.float64), divisor)
        record.ended(stack.alive[rows], theta, updates, values)

    with np.errstate(all="ignore"):  # overflow is an outcome here, not a warning
        np.setbufsize(BUFFER)  # until the end of this block
        stack = (stack_of or Stack)(optimizer, objective, theta, schedule, int(marks[-1]))
        for column, mark in enumerate(marks):
            while stack.t < mark and len(stack.alive):
                first = stack.advance(int(mark))
                bad = first > 0
                if bad.any():
                    record.left(stack.alive[bad], first[bad])
                    end(bad, stack.before[bad], first[bad] - 1, stack.divisor_at_end(bad))
                    stack.keep(~bad)
            if not len(stack.alive):
                break
            values = observe(stack.point, stack.divisor())
            record.observed(stack.alive, column, values)
            loss = next(iter(values.values()))
            bad = ~(loss <= ceilings[stack.alive]) | ~np.isfinite(loss)
            if bad.any():
                record.left(stack.alive[bad], stack.t)
                end(bad, stack.point[bad], stack.t, stack.divisor(bad))
                stack.keep(~bad)
        if len(stack.alive):
            end(np.ones(len(stack.alive), dtype=bool), stack.point, stack.t, stack.divisor())
    return record.trace(marks)


def _start(
    optimizer: Optimizer, schedule: Schedule, theta: ArrayLike, evaluate_at: Sequence[int]
) -> np.ndarray:
    """theta as real numbers (R, P), where everything is what it has to be."""
    instance("optimizer", optimizer, Optimizer)
    instance("schedule", schedule, Schedule)
    if np.ndim(theta) != 2 or not np.size(theta):
        raise ValueError(f"theta must be (R, P), at least one of each, got shape {np.shape(theta)}")
    if not wholes("evaluate_at", evaluate_at):
        raise ValueError("evaluate_at must name at least one update")
    return reals("theta", theta)


class Stack:
    """The trials that are still training, and the optimizer's state for them."""

    def __init__(
        self,
        optimizer: Optimizer,
        objective: Objective,
        theta: np.ndarray,
        schedule: Schedule,
        steps: int,
    ):
        for chosen in (optimizer, schedule):
            if chosen.trials not in (None, len(theta)):
                raise ValueError(
                    f"{chosen.name}: hyperparameters for {chosen.trials} trials, a stack of {len(theta)}"
                )
        self.optimizer, self.schedule = optimizer.prepare(objective.shapes), schedule.columns()
        self.objective, self.steps = objective, steps
        self.theta = theta.copy()
        # First the gradient, then the next theta: the two arrays change places at every update.
        self.before = np.empty_like(self.theta)
        self.state = self.optimizer.init(self.theta)
        self.alive = np.arange(len(theta))
        self.t = 0

    def advance(self, mark: int) -> np.ndarray:
        """Updates until there are `mark` of them, or the first after which trials are not finite any more.

        Returns (R,) the first such update of each trial, or 0: their parameters before it are in `before`.
        """
        while self.t < mark:
            bad = self.update()
            if bad.any():
                return np.where(bad, self.t, 0)
        return np.zeros(len(self.alive), dtype=int)

    def update(self) -> np.ndarray:
        """One update of every trial; the mask (R,) of those that are not finite any more."""
        optimizer = self.optimizer.scaled(self.schedule.factor(self.t / self.steps))
        self.t += 1
        probe = optimizer.probe(self.theta, self.t)
        if probe is not None:
            self.state["curvature"] = probe * self.objective.curvature(self.theta, probe, self.t)
        g = self.objective.gradient(self.theta, self.t, out=self.before)
        # Of the others, what is not finite in the gradient is not finite in theta either.
        bad = _not_finite(g) if optimizer.bounded else False
        step = optimizer.step(g, self.state, self.theta, self.t)
        np.subtract(self.theta, step, out=self.before)
        self.theta, self.before = self.before, self.theta
        return bad | _not_finite(self.theta)

    @property
    def point(self) -> np.ndarray:
        """The point (R, P) that the optimizer proposes now."""
        return self.optimizer.point(self.theta, self.state)

    def divisor(self, rows: np.ndarray | slice = slice(None)) -> Divisor:
        """For an observer of these rows of the stack, and until the next update."""

        def values() -> np.ndarray | None:
            P = self.optimizer.preconditioner(self.state, self.t)
            return P if P is None else np.where(self.t > 0, P, np.nan)[rows]

        return values

    def divisor_at_end(self, rows: np.ndarray) -> Divisor:
        """The same for trials that have just become bad, at their last update."""
        return self.divisor(rows)

    def keep(self, rows: np.ndarray) -> None:
        """Go on with the trials in the mask `rows: (R,)` alone."""
        self.alive, self.theta = self.alive[rows], self.theta[rows]
        self.before = np.empty_like(self.theta)
        self.optimizer, self.schedule = self.optimizer.keep(rows), self.schedule.keep(rows)
        self.state = {key: array[rows] for key, array in self.state.items()}
        self.objective.keep(rows)


def _not_finite(a: np.ndarray) -> np.ndarray:
    """The mask (R,) of the rows of `a: (R, P)` that have an entry which is not finite."""
    # The sum of all squares is finite unless an entry is not or it overflows: one fast product clears
    # nearly every stack, and only the others are looked at entry by entry.
    flat = a.reshape(-1)
    if math.isfinite(flat @ flat):
        return np.zeros(len(a), dtype=bool)
    return ~np.isfinite(a).all(axis=1)


class _Record:
    """What is known of all R trials of the stack, those that left included."""

    def __init__(self, theta: np.ndarray, evaluations: int):
        self.shape = (len(theta), evaluations)
        self.values: dict[str, np.ndarray] = {}
        self.evaluations = np.zeros(len(theta), dtype=int)
        self.first_bad_step = np.zeros(len(theta), dtype=int)
        self.theta = theta.copy()
        self.last: dict[str, np.ndarray] = {}
        self.updates = np.zeros(len(theta), dtype=int)

    def observed(self, trials: np.ndarray, column: int, values: dict[str, np.ndarray]) -> None:
        self.evaluations[trials] += 1
        for name, value in values.items():
            if name not in self.values:
                self.values[name] = np.full((*self.shape, *value.shape[1:]), np.nan)
            self.values[name][trials, column] = value

    def left(self, trials: np.ndarray, t: ArrayLike) -> None:
        self.first_bad_step[trials] = t

    def ended(
        self, trials: np.ndarray, theta: np.ndarray, updates: ArrayLike, values: dict[str, np.ndarray]
    ) -> None:
        self.theta[trials], self.updates[trials] = theta, updates
        for name, value in values.items():
            if name not in self.last:
                self.last[name] = np.full((self.shape[0], *value.shape[1:]), np.nan)
                # A stack whose trials all leave before the first evaluation has a curve as well.
                self.values.setdefault(name, np.full((*self.shape, *value.shape[1:]), np.nan))
            self.last[name][trials] = value

    def trace(self, steps: np.ndarray) -> Trace:
        return Trace(
            steps,
            self.values,
            self.evaluations,
            self.first_bad_step,
            self.theta,
            self.last,
            self.updates,
        )
