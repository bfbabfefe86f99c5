"""Run one cell: its phases, and the tables that are left of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from overshoot.study.experiment.cells import Cell
from overshoot.study.late import Late
from overshoot.study.phases.catalogue import phases_of
from overshoot.study.phases.outcomes import (
    TOLERANCES,
    Outcome,
    Verdict,
    growth,
    hitting_examples,
    judge,
    median,
    peak,
    q_end,
    window,
)
from overshoot.study.phases.phase import Done, Left
from overshoot.study.phases.processor import processor
from overshoot.study.phases.results import CURVES, TRIALS, CellResult, table
from overshoot.study.phases.stack import Run, epochs_of, updates_of
from overshoot.study.phases.summary import Counts, ProblemFacts, Score, Summary
from overshoot.study.phases.sweep import Swept
from overshoot.study.problems import plugins
from overshoot.study.problems.problem import Problem, problem_of

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = Late("pandas")

T = TypeVar("T")


def run_cell(cell: Cell) -> CellResult:
    """Every phase of a cell, in order. Linear algebra stays on one thread: cells run side by side."""
    left: dict[str, Left] = {}
    plugins.ready(cell)
    with threadpool_limits(1):
        clock = _Clock()
        problem = clock("prepare", lambda: problem_of(cell))
        for phase in phases_of(cell):
            left[phase.name] = clock(phase.name, partial(phase.run, cell, problem, Done(left)))
    done = Done(left)
    runs, best_rate = done.runs, done.of(Swept).curve.best_rate
    judged = [judge(run, problem.best_loss, cell.protocol.tolerance, best_rate) for run in runs]
    columns = {name: values for part in left.values() for name, values in part.columns.items()}
    rows = [
        _row(i, run, judged[i], problem) | {name: values[i] for name, values in columns.items()}
        for i, run in enumerate(runs)
    ]
    parts = {name: part.summary for name, part in left.items() if part.summary is not None}
    return CellResult(
        cell,
        table(rows, TRIALS),
        _curves(runs),
        {i: run.theta for i, run in enumerate(runs) if judged[i].outcome == Outcome.DIVERGED},
        Summary(
            _problem_facts(problem), _counts(cell, problem, runs, judged), clock.seconds, parts, processor()
        ),
    )


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[name] = time.perf_counter() - start


def _row(i: int, run: Run, verdict: Verdict, problem: Problem) -> dict[str, Any]:
    tail = slice(-window(len(run.train_loss)), None)
    return {
        "trial": i,
        "phase": run.trial.phase,
        "role": str(run.trial.role),
        "rate": run.trial.rate,
        "replicate": run.trial.replicate,
        "outcome": verdict.outcome.value,
        "reason": verdict.reason.value,
        "first_bad_step": run.first_bad_step,
        "growth": growth(run) if verdict.outcome == Outcome.DIVERGED else np.nan,
        "q_end": q_end(run, problem.best_loss),
        "peak": peak(run, problem.best_loss),
        **{f"hit_{eps:g}": hitting_examples(run, problem.best_loss, eps) for eps in TOLERANCES},
        "updates": run.last_update,
        "train_loss": median(run.train_loss[tail]) if not run.first_bad_step else np.inf,
        "validation_loss": median(run.validation_loss[tail]) if not run.first_bad_step else np.inf,
        **{"test_loss": np.nan, "test_score": np.nan, **run.scores},
    }


def _curves(runs: Sequence[Run]) -> pd.DataFrame:
    """The table of CURVES of all runs."""
    parts = [_points(i, run) for i, run in enumerate(runs)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in CURVES}
    return pd.DataFrame({name: columns[name].astype(kind, copy=False) for name, kind in CURVES.items()})


def _points(i: int, run: Run) -> dict[str, np.ndarray]:
    curve = run.path or run
    absent = np.full(len(curve.updates), np.nan)
    sharpness = absent if run.sharpness is None else run.sharpness
    theta = run.path.theta.T if run.path else (absent, absent)
    losses = (curve.train_loss, curve.validation_loss)
    trial = np.full(len(curve.updates), i)
    return dict(zip(CURVES, (trial, curve.updates, curve.examples, *losses, sharpness, *theta), strict=True))


def _problem_facts(problem: Problem) -> ProblemFacts:
    score = Score.R_SQUARED if problem.split.task == "real" else Score.ACCURACY
    return ProblemFacts(score, problem.net.size, problem.samples, problem.best_loss, problem.surface)


def _counts(cell: Cell, problem: Problem, runs: list[Run], judged: list[Verdict]) -> Counts:
    outcomes = [verdict.outcome for verdict in judged]
    return Counts(
        epochs=epochs_of(cell.protocol.budget, problem.samples),
        updates_per_trial=updates_of(cell, problem.samples),
        updates_total=sum(run.last_update for run in runs),
        trials=len(runs),
        trials_converged=outcomes.count(Outcome.CONVERGED),
        trials_diverged=outcomes.count(Outcome.DIVERGED),
    )
