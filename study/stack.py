"""Run some trials of one cell as one stack, and hand back what each of them did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core import Trace, train
from study.cells import Budget, Cell
from study.problem import Problem

EXPLOSION = 1e6
"""A training gap this many times the initial one counts as diverged."""


@dataclass(frozen=True)
class Trial:
    """What is to be run: one learning rate on one replicate. `role` says why this rate."""

    phase: str
    role: str
    rate: float
    replicate: str


@dataclass(frozen=True)
class Run:
    """What a trial did.

    updates, examples, train_loss, validation_loss: (E,) its curve; a trial that left the stack ends
        with its last finite parameters (losses in float64) or with the loss that was not finite.
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


def epochs_of(budget: Budget, samples: int) -> int:
    """Whole epochs that a trial trains for on so many training samples."""
    return max(budget.epochs, -(-budget.examples // samples))


def evaluation_epochs(budget: Budget, samples: int) -> list[int]:
    """Epochs after which the losses are taken, the start (0) and the end included."""
    grid = np.linspace(0, epochs_of(budget, samples), budget.evaluations + 1)
    return [int(epoch) for epoch in np.unique(np.round(grid))]


def run_stack(cell: Cell, problem: Problem, trials: Sequence[Trial]) -> list[Run]:
    """Train the trials together; each one's numbers are the same as if it trained alone."""
    dtype = np.dtype(cell.protocol.precision)
    theta = np.stack([problem.start(t.replicate) for t in trials]).astype(dtype)
    at_start = problem.net.evaluate(theta, problem.parts["train"])
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
    )
    return _runs(cell, problem, trials, trace)


def _runs(cell: Cell, problem: Problem, trials: Sequence[Trial], trace: Trace) -> list[Run]:
    confirmed = trials[0].phase == "confirm"  # nothing else may look at the test part
    parts = ("validation", "test") if confirmed else ("validation",)
    scores = {f"{part}_score": problem.score(trace.theta, part) for part in parts}
    if confirmed:
        scores["test_loss"] = problem.net.evaluate(trace.theta, problem.parts["test"])
    counts = _examples(cell, problem.samples)
    return [
        _run(trial, i, trace, counts, {name: float(v[i]) for name, v in scores.items()})
        for i, trial in enumerate(trials)
    ]


def _run(trial: Trial, i: int, trace: Trace, counts: np.ndarray, scores: dict[str, float]) -> Run:
    seen = trace.evaluations[i]
    updates = trace.steps[:seen]
    losses = {name: values[i, :seen] for name, values in trace.values.items()}
    if trace.updates[i] > updates[-1]:
        updates = np.append(updates, trace.updates[i])
        losses = {name: np.append(values, trace.last[name][i]) for name, values in losses.items()}
    return Run(
        trial,
        updates,
        examples_after(updates, counts),
        losses["train_loss"],
        losses["validation_loss"],
        int(trace.first_bad_step[i]),
        trace.theta[i],
        int(trace.updates[i]),
        scores,
    )


def _examples(cell: Cell, samples: int) -> np.ndarray:
    """Examples processed after each update of one epoch, starting with 0."""
    return np.array([0, *(cut.stop for cut in cell.strategy.cuts(samples))])


def examples_after(updates: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Examples processed after each of `updates`, for one epoch's `counts`."""
    epochs, position = np.divmod(updates, len(counts) - 1)
    return np.asarray(epochs * counts[-1] + counts[position])
