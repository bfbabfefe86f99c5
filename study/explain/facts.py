"""What is known of one stored run: the store's numbers, and what training it again alone adds to them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from overshoot.core import Optimizer, sharpness, smallest_eigenvalue
from overshoot.study.analysis import selections
from overshoot.study.analysis.frame import records
from overshoot.study.experiment.cells import Cell
from overshoot.study.explain.replay import Fork, Replay, ReplayedRun, fork, replay
from overshoot.study.phases.outcomes import Outcome, gap
from overshoot.study.phases.stack import epochs_of
from overshoot.study.phases.summary import Summary
from overshoot.study.phases.sweep import RateCurve, curve_of
from overshoot.study.problems.problem import least_squares, problem_of

LOOK = 8
"""Points of a run at which its sharpness is taken, besides those of its last stretch."""

WINDOW = 100
"""Updates of the last stretch, over which growth is measured; at most half of the run's."""

ROUNDING = {"float32": 1e-7, "float64": 1e-13}
"""A training gap below this share of its start is rounding: nothing is measured in it."""

CLOSE = 1e-4
"""Relative residual at which an eigenvalue counts as found; its error is about the square of that."""


@dataclass(frozen=True)
class Sharpness:
    """Largest curvature of the training loss after so many updates.

    value: the largest eigenvalue of its Hessian H, or for a method that divides its steps by P that of
    P^-1 H, as the method feels it; NaN where it was not found, and why. threshold: the largest value at
    which the rate of that update is stable; None where the method has none.
    """

    update: int
    value: float
    threshold: float | None
    why: str = ""


@dataclass(frozen=True)
class Growth:
    """The factor by which an update changed the distance to the optimum, the root of the training gap.

    Where a linear method has weight decay (`decayed`), least squares is pulled to another point: there it
    is the root of what the loss with its L2 penalty is above its own minimum.
    first, last: the updates between which it was `measured`. rate: of these updates. curvature: on least
    squares the smallest that is not zero and the largest, otherwise the least and the largest sharpness
    in that stretch. predicted: the factors that belong to these two; None where the method has none.
    """

    first: int
    last: int
    measured: float
    rate: float
    curvature: tuple[float, float]
    predicted: tuple[float, float] | None
    decayed: bool


@dataclass(frozen=True)
class Facts:
    """What is known of a run.

    trial: its row of the cell's trials. summary: the cell's. rates: the curve of the cell's sweep.
    steps: updates that it was to make. same: whether training it again gave the stored losses, bit for
    bit. updates, gap: (E,) the run in detail. sharpness: along the run. growth: None where the run was
    too short, or where all is rounding. moved: how far, in units of the rate, an update of the last
    stretch moved a parameter at most. fork: of a run that neither converged nor diverged.
    """

    cell: Cell
    trial: Mapping[str, Any]
    summary: Summary
    rates: RateCurve
    steps: int
    same: bool
    updates: np.ndarray
    gap: np.ndarray
    sharpness: tuple[Sharpness, ...]
    growth: Growth | None
    moved: float
    fork: Fork | None

    @property
    def outcome(self) -> Outcome:
        return Outcome(self.trial["outcome"])

    @property
    def optimizer(self) -> Optimizer:
        return self.cell.make_optimizer(lr=float(self.trial["rate"]))

    @property
    def quadratic(self) -> bool:
        """Whether the loss is a quadratic, whose curvature is the same everywhere."""
        return least_squares(self.cell)

    @property
    def divides(self) -> bool:
        """Whether the method divides its steps by what it has seen of the gradients."""
        return self.optimizer.recursion is None

    @property
    def felt(self) -> bool:
        """Whether the sharpness is that which such a method feels; no step has been divided at the start."""
        return self.divides and self.sharpness[0].update > 0


def gather(
    cell: Cell,
    trials: pd.DataFrame,
    curves: pd.DataFrame,
    summary: Summary,
    trial: int,
    state: np.ndarray | None = None,
) -> Facts:
    """The facts of one of the cell's trials (a number in its table), which is trained again.

    state: (P,) its last finite parameters, where they are stored: a closer look may lose a run that is
    about to overflow some updates earlier than the study did.
    """
    row = records(trials[trials["trial"] == trial])[0]
    run = _run(cell, trials, row)
    curve = curves[curves["trial"] == trial]
    stored, q = curve["update"].to_numpy(), gap(curve["train_loss"].to_numpy(), run.problem.best_loss)
    window = _window(_clear(stored, q, cell))
    again = _replay(run, stored, window)
    if again.updates[-1] < window[-1]:
        window = _window(int(again.updates[-1]))
        again = _replay(run, stored, window)
    looked = {1, *_spread(stored), window[0], window[len(window) // 2], window[-1]}
    sharpnesses = _sharpness(run, again, looked)
    if state is not None and again.updates[-1] < row["updates"] and not _divides(again):
        sharpnesses.append(_at(run, int(row["updates"]), state.astype(np.float64), None))
    with np.errstate(all="ignore"):
        exact = gap(again.loss, run.problem.best_loss)
    return Facts(
        cell,
        row,
        summary,
        _rate_curve(trials),
        run.steps,
        _same(again, curve),
        again.updates,
        exact,
        tuple(sharpnesses),
        _growth(run, again, exact, window, sharpnesses),
        _moved(run, again, window),
        fork(run) if row["outcome"] not in (Outcome.DIVERGED, Outcome.CONVERGED) else None,
    )


def _run(cell: Cell, trials: pd.DataFrame, row: Mapping[str, Any]) -> ReplayedRun:
    """The trial, as long as the longest of its phase, whose budget may be its own."""
    problem = problem_of(cell)
    longest = int(trials.loc[trials["phase"] == row["phase"], "updates"].max())
    planned = epochs_of(cell.protocol.budget, problem.samples)
    epochs = max(planned, longest // cell.strategy.updates(problem.samples))
    return ReplayedRun(cell, problem, float(row["rate"]), str(row["replicate"]), epochs)


def _rate_curve(trials: pd.DataFrame) -> RateCurve:
    rates, parts = selections.by_rate(selections.swept(trials))
    return curve_of(rates, *parts)


def _same(again: Replay, curve: pd.DataFrame) -> bool:
    """The last loss of a run that left is stored in another precision, and left out."""
    stored = curve.set_index("update")["train_loss"].iloc[:-1]
    repeated = pd.Series(again.train_loss, again.updates).reindex(stored.index)
    return bool((repeated == stored).all())


def _clear(updates: np.ndarray, q: np.ndarray, cell: Cell) -> int:
    """The last update before the gap is rounding, or not finite."""
    clear = np.isfinite(q) & (q > ROUNDING[cell.protocol.precision])
    return int(updates[max(len(q) if clear.all() else int(np.argmin(clear)), 1) - 1])


def _window(end: int) -> range:
    """The last stretch: an even number of steps up to this update."""
    half = min(WINDOW // 2, max(end // 4, min(end // 2, 1)))
    return range(end - 2 * half, end + 1)


def _replay(run: ReplayedRun, stored: np.ndarray, window: range) -> Replay:
    return replay(run, sorted({0, 1, *stored.tolist(), *window}))


def _spread(updates: np.ndarray) -> list[int]:
    places = np.linspace(0, len(updates) - 1, min(LOOK, len(updates))).round().astype(int)
    return updates[places].tolist()


def _divides(again: Replay) -> bool:
    return not np.isnan(again.divisor).all()


def _sharpness(run: ReplayedRun, again: Replay, looked: set[int]) -> list[Sharpness]:
    divides = _divides(again)
    sharpnesses: list[Sharpness] = []
    for update, theta, divisor in zip(again.updates.tolist(), again.theta, again.divisor, strict=True):
        if update not in looked or (divides and update == 0):
            continue
        if sharpnesses and least_squares(run.cell) and not divides:
            sharpnesses.append(replace(sharpnesses[0], update=update, threshold=_threshold(run, update)))
        else:
            sharpnesses.append(_at(run, update, theta, divisor if divides else None))
    return sharpnesses


def _at(run: ReplayedRun, update: int, theta: np.ndarray, divisor: np.ndarray | None) -> Sharpness:
    """The sharpness at these parameters, for a method that divides as it feels it."""
    value, why = _curvature(run, theta, divisor)
    return Sharpness(update, value, _threshold(run, max(update, 1)), why)


def _threshold(run: ReplayedRun, update: int) -> float | None:
    known = run.cell.make_optimizer(lr=run.rate_at(update)).critical_curvature()
    return None if known is None else float(known)


def _curvature(run: ReplayedRun, theta: np.ndarray, divisor: np.ndarray | None) -> tuple[float, str]:
    """An eigenvalue, or NaN and why."""
    if divisor is not None and not (np.isfinite(divisor).all() and (divisor > 0).all()):
        return float("nan"), "the gradients were zero or not finite"
    method, split, net = run.cell.make_optimizer(), run.problem.split, run.problem.net
    alone = method.critical_rate(0.0)
    # Where the method adds no decay of its own to the curvature, an L2 penalty is part of that.
    penalty = method.hyperparameters.get("weight_decay", 0.0) if alone == np.inf else 0.0
    data = net.data(split.X["train"], split.y["train"])
    with np.errstate(all="ignore"):
        [estimate] = sharpness(net, theta, data, divisor, penalty, tolerance=CLOSE)
    return (estimate.value, "") if estimate.converged else (float("nan"), estimate.message)


def _growth(
    run: ReplayedRun, again: Replay, q: np.ndarray, window: range, sharpnesses: list[Sharpness]
) -> Growth | None:
    decay = _decay(run)
    distance = np.sqrt(run.problem.excess(again.theta, decay) if decay else np.maximum(q, 0))
    rounding = distance[0] * np.sqrt(ROUNDING[run.cell.protocol.precision]) if decay else 0.0
    distance = distance[np.isin(again.updates, window)]
    half = len(window) // 2
    if not half or len(distance) != len(window) or not np.isfinite(distance).all():
        return None
    # The largest of each half: a momentum method may pass the optimum, and turn.
    first, second = distance[1 : half + 1].max(), distance[half + 1 :].max()
    if min(first, second) <= rounding:
        return None
    rate, curvature = run.rate_at(window[-1]), _range_of_curvature(run, again, window, sharpnesses)
    recursion = run.cell.make_optimizer().recursion
    predicted = None if recursion is None else recursion.multiplier(rate, curvature)
    return Growth(
        window[0],
        window[-1],
        float((second / first) ** (1 / half)),
        rate,
        curvature,
        None if predicted is None else (float(predicted[0]), float(predicted[1])),
        decay > 0,
    )


def _decay(run: ReplayedRun) -> float:
    """The weight decay of a linear method on least squares, where both together have a fixed point."""
    recursion = run.cell.make_optimizer().recursion
    return recursion.weight_decay if recursion is not None and least_squares(run.cell) else 0.0


def _range_of_curvature(
    run: ReplayedRun, again: Replay, window: range, sharpnesses: list[Sharpness]
) -> tuple[float, float]:
    if least_squares(run.cell):
        split, net = run.problem.split, run.problem.net
        [flattest] = smallest_eigenvalue(net, again.theta[0], net.data(split.X["train"], split.y["train"]))
        # Along directions in which the data say nothing, weight decay alone shrinks what is there.
        alone = _decay(run) > 0 and not run.problem.full_rank
        return 0.0 if alone else float(flattest), sharpnesses[0].value
    values = [s.value for s in sharpnesses if s.update in window and np.isfinite(s.value)]
    return (min(values), max(values)) if values else (float("nan"), float("nan"))


def _moved(run: ReplayedRun, again: Replay, window: range) -> float:
    theta = again.theta[np.isin(again.updates, window)]
    if len(theta) < 2:
        return float("nan")
    rates = np.array([run.rate_at(max(update, 1)) for update in list(window)[1 : len(theta)]])
    with np.errstate(all="ignore"):
        return float((np.abs(np.diff(theta, axis=0)).max(axis=1) / rates).max())
