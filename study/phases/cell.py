"""Run one cell: sweep, search, confirm, and the tables that are left of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import threadpool_limits

from study.experiment.cells import Cell
from study.phases.confirm import confirm
from study.phases.edge import follow, missing, threshold
from study.phases.limit import find_cliff
from study.phases.outcomes import (
    TOLERANCES,
    Outcome,
    growth,
    hitting_examples,
    judge,
    q_end,
    window,
)
from study.phases.results import CURVES, TRIALS, CellResult, table
from study.phases.search import Found, search
from study.phases.stack import Run, epochs_of
from study.phases.sweep import RateCurve, rate_curve, sweep
from study.phases.theory import facts, floors
from study.problems.problem import Problem, problem_of

T = TypeVar("T")


def run_cell(cell: Cell) -> CellResult:
    """Everything that is done in a cell. Linear algebra stays on one thread: cells run side by side."""
    with threadpool_limits(1):
        clock = _Clock()
        problem = clock("prepare", lambda: problem_of(cell))
        swept = clock("sweep", lambda: sweep(cell, problem))
        found = clock("search", lambda: search(cell, problem))
        confirmed = clock("confirm", lambda: confirm(cell, problem, found.rate))
        cliff = clock("limit", lambda: find_cliff(cell, problem, swept)) if cell.protocol.limit else None
        curve = rate_curve(swept, problem.best_loss)
        edge = clock("edge", lambda: follow(cell, problem, curve)) if cell.edge else []
        runs = [*swept, *found.runs, *confirmed, *(cliff.runs if cliff else []), *edge]
        known, expected = clock("theory", lambda: (facts(cell, problem), floors(cell, problem, runs)))
    judged = [judge(r, problem.best_loss, cell.protocol.tolerance, curve.best_rate) for r in runs]
    rows = [
        _row(i, r, o, problem) | {"noise_floor": floor, "threshold": threshold(cell, r)}
        for i, (r, o, floor) in enumerate(zip(runs, judged, expected, strict=True))
    ]
    return CellResult(
        cell,
        table(rows, TRIALS),
        table([point for i, run in enumerate(runs) for point in _points(i, run)], CURVES),
        {i: r.theta for i, (r, o) in enumerate(zip(runs, judged, strict=True)) if o.name == "diverged"},
        _summary(cell, problem, curve, found, runs, judged)
        | known
        | (cliff.summary if cliff else {})
        | missing(edge)
        | clock.seconds,
    )


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def __call__(self, name: str, work: Callable[[], T]) -> T:
        start = time.perf_counter()
        try:
            return work()
        finally:
            self.seconds[f"seconds_{name}"] = time.perf_counter() - start


def _row(i: int, run: Run, outcome: Outcome, problem: Problem) -> dict[str, Any]:
    tail = slice(-window(len(run.train_loss)), None)
    return {
        "trial": i,
        "phase": run.trial.phase,
        "role": run.trial.role,
        "rate": run.trial.rate,
        "replicate": run.trial.replicate,
        "outcome": outcome.name,
        "reason": outcome.reason,
        "first_bad_step": run.first_bad_step,
        "growth": growth(run) if outcome.name == "diverged" else np.nan,
        "q_end": q_end(run, problem.best_loss),
        **{f"hit_{eps:g}": hitting_examples(run, problem.best_loss, eps) for eps in TOLERANCES},
        "updates": run.last_update,
        "train_loss": np.median(run.train_loss[tail]) if not run.first_bad_step else np.inf,
        "validation_loss": np.median(run.validation_loss[tail]) if not run.first_bad_step else np.inf,
        **{"test_loss": np.nan, "test_score": np.nan, **run.scores},
    }


def _points(i: int, run: Run) -> list[dict[str, Any]]:
    curve = run.path or run
    absent = np.full(len(curve.updates), np.nan)
    sharpness = absent if run.sharpness is None else run.sharpness
    theta = run.path.theta.T if run.path else (absent, absent)
    columns = (curve.updates, curve.examples, curve.train_loss, curve.validation_loss, sharpness, *theta)
    return [dict(zip(CURVES, (i, *point), strict=True)) for point in zip(*columns, strict=True)]


def _summary(
    cell: Cell, problem: Problem, curve: RateCurve, found: Found, runs: list[Run], judged: list[Outcome]
) -> dict[str, Any]:
    """Numbers and short texts about the cell; a number that does not exist is left out."""
    epochs = epochs_of(cell.protocol.budget, problem.samples)
    values = {
        "protocol": json.dumps(asdict(cell.protocol)),
        "score": "R²" if problem.split.task == "real" else "accuracy",
        "status": "ok" if found.rate is not None else "no stable learning rate found",
        "search_edge": "clear" if found.trusted else "at an edge: not trusted",
        "tuned_rate": found.rate,
        "default_rate": cell.default_rate,
        "sweep_best_rate": curve.best_rate,
        "cliff_rate": curve.cliff,
        "cliff_margin_decades": curve.cliff_margin,
        "usable_width_decades": curve.width(cell.protocol.tolerance),
        "best_known_loss": problem.best_loss,
        "surface": problem.surface,
        "search_low": found.range.low,
        "search_high": found.range.high,
        "parameters": problem.net.size,
        "training_samples": problem.samples,
        "epochs": epochs,
        "updates_per_trial": epochs * cell.strategy.updates(problem.samples),
        "updates_total": sum(run.last_update for run in runs),
        "trials": len(runs),
        **{f"trials_{name.replace(' ', '_')}": _count(judged, name) for name in ("converged", "diverged")},
    }
    return {name: value for name, value in values.items() if value is not None}


def _count(judged: list[Outcome], name: str) -> int:
    return sum(outcome.name == name for outcome in judged)
