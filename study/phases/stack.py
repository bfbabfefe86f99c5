"""Run some trials of one cell as one stack, and hand back what each of them did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from overshoot.core import Trace, train
from overshoot.core.training import Measure
from overshoot.study.experiment.cells import Budget, Cell
from overshoot.study.problems.problem import Problem

EXPLOSION = 1e6
"""A training gap this many times the initial one counts as diverged."""


PATH = 40
"""Updates, the first ones, after each of which the path on a loss surface has a point."""


@dataclass(frozen=True)
class Trial:
    """What is to be run: one learning rate on one replicate. `role` says why this rate."""

    phase: str
    role: str
    rate: float
    replicate: str


@dataclass(frozen=True)
class Path:
    """The way of a trial with two parameters: theta (E, 2), and its curve as in `Run` with further points."""

    updates: np.ndarray
    examples: np.ndarray
    train_loss: np.ndarray
    validation_loss: np.ndarray
    theta: np.ndarray


@dataclass(frozen=True)
class Run:
    """What a trial did.

    updates, examples, train_loss, validation_loss: (E,) its curve, on the grid of examples that all batch
        strategies share; a trial that left the stack ends with its last finite parameters (losses in
        float64) or with the loss that was not finite. sharpness: (E,) as well, where it was asked for.
    first_bad_step: the update at which it left, 0 for a trial that lasted.
    theta: (P,) last finite parameters, reached after `last_update` updates.
    """

    trial: Trial
    updates: np.ndarray
    examples: np.ndarray
    train_loss: np.ndarray
    validation_loss: np.ndarray
    first_bad_step: int
    theta: np.ndarray
    last_update: int
    scores: dict[str, float]
    path: Path | None = None
    sharpness: np.ndarray | None = None


def epochs_of(budget: Budget, samples: int) -> int:
    """Whole epochs that a trial trains for on so many training samples."""
    return max(budget.epochs, -(-budget.examples // samples))


def updates_of(cell: Cell, samples: int) -> int:
    """Updates that a trial makes on so many training samples."""
    return epochs_of(cell.protocol.budget, samples) * cell.strategy.updates(samples)


def evaluation_epochs(budget: Budget, samples: int) -> list[int]:
    """Epochs after which the losses are taken, the start (0) and the end included."""
    grid = np.linspace(0, epochs_of(budget, samples), budget.evaluations + 1)
    return [int(epoch) for epoch in np.unique(np.round(grid))]


def run_stack(
    cell: Cell,
    problem: Problem,
    trials: Sequence[Trial],
    measure: Mapping[str, Measure] | None = None,
    tested: bool = False,
) -> list[Run]:
    """Train the trials together; each one's numbers are the same as if it trained alone.

    measure: further columns of their curves, by their names in `Run`; with any of them no paths are kept.
    tested: whether their scores on the test part are taken.
    """
    dtype = np.dtype(cell.protocol.precision)
    theta = np.stack([problem.start(t.replicate) for t in trials]).astype(dtype)
    at_start = problem.net.evaluate(theta, problem.parts["train"])
    pair = problem.net.size == 2 and measure is None
    grid = _grid(cell, problem.samples)
    trace = train(
        problem.net,
        cell.make_optimizer(lr=[t.rate for t in trials]),
        theta,
        problem.parts["train"],
        cell.strategy,
        [problem.order(t.replicate) for t in trials],
        evaluation_epochs(cell.protocol.budget, problem.samples),
        watch={"validation_loss": problem.parts["validation"]},
        ceiling=problem.best_loss + EXPLOSION * (at_start - problem.best_loss),
        schedule=cell.make_schedule(),
        updates_at=range(1, min(PATH, grid[-1]) + 1) if pair else (),
        measure={"theta": lambda theta, _: theta} if pair else measure,
    )
    return _runs(cell, problem, trials, trace, grid, tested)


def _grid(cell: Cell, samples: int) -> np.ndarray:
    """Updates at which the losses are taken for all batch strategies alike."""
    epochs = np.array(evaluation_epochs(cell.protocol.budget, samples))
    return epochs * cell.strategy.updates(samples)


def _runs(
    cell: Cell, problem: Problem, trials: Sequence[Trial], trace: Trace, grid: np.ndarray, tested: bool
) -> list[Run]:
    parts = ("validation", "test") if tested else ("validation",)
    scores = {f"{part}_score": problem.score(trace.theta, part) for part in parts}
    if tested:
        scores["test_loss"] = problem.net.evaluate(trace.theta, problem.parts["test"])
    counts = _examples(cell, problem.samples)
    shared = np.isin(trace.steps, grid)
    return [
        _run(trial, i, trace, counts, shared, {name: float(v[i]) for name, v in scores.items()})
        for i, trial in enumerate(trials)
    ]


def _run(
    trial: Trial, i: int, trace: Trace, counts: np.ndarray, shared: np.ndarray, scores: dict[str, float]
) -> Run:
    curve = _curve(trace, i, counts, shared)
    theta = curve.pop("theta", None)
    return Run(
        trial,
        **curve,
        first_bad_step=int(trace.first_bad_step[i]),
        theta=trace.theta[i],
        last_update=int(trace.updates[i]),
        scores=scores,
        path=None if theta is None else Path(**_curve(trace, i, counts, np.ones_like(shared))),
    )


def _curve(trace: Trace, i: int, counts: np.ndarray, chosen: np.ndarray) -> dict[str, np.ndarray]:
    """What trial i showed at the chosen evaluations, (E,) bool, and at its last state where that is later."""
    kept = np.flatnonzero(chosen[: trace.evaluations[i]])
    updates = trace.steps[kept]
    values = {name: value[i, kept] for name, value in trace.values.items()}
    if trace.updates[i] > updates[-1]:
        updates = np.append(updates, trace.updates[i])
        values = {name: np.append(v, trace.last[name][i : i + 1], axis=0) for name, v in values.items()}
    return {"updates": updates, "examples": examples_after(updates, counts), **values}


def _examples(cell: Cell, samples: int) -> np.ndarray:
    """Examples processed after each update of one epoch, starting with 0."""
    return np.array([0, *(cut.stop for cut in cell.strategy.cuts(samples))])


def examples_after(updates: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Examples processed after each of `updates`, for one epoch's `counts`."""
    epochs, position = np.divmod(updates, len(counts) - 1)
    return np.asarray(epochs * counts[-1] + counts[position])
