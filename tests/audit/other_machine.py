"""The same study as another machine would have it, with other replicates: what no verdict may hang on.

Another processor rounds otherwise. Curves differ in their last digits, and where training is chaotic, runs at
the threshold of divergence meet another fate. And another study would have drawn other replicates. So every
loss is moved by rounding noise, runs around the measured limit take the fate of a neighbouring rate, and the
replicates of each problem are drawn anew, the same ones in all its cells. Tuned rates stay what they were.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from overshoot.study.analysis.labels import problem_of
from overshoot.study.phases.confirm import Confirm
from overshoot.study.phases.edge import Edge
from overshoot.study.phases.limit import Limit, LimitSummary, MeasuredLimit
from overshoot.study.phases.outcomes import (
    TOLERANCES,
    Outcome,
    hitting_examples,
    judge,
    median,
    peak,
    q_end,
    window,
)
from overshoot.study.phases.search import Search
from overshoot.study.phases.short_run import ShortRun, ShortRunSummary
from overshoot.study.phases.stack import Run, Trial, evaluation_epochs
from overshoot.study.phases.sweep import Sweep, rate_curve
from overshoot.study.tracking import StoredCell

ROUNDING = 1e-6
"""Relative: a few units in the last place of float32."""

ESTIMATE = 0.003
"""Relative: by how much two estimates of a sharpness differ, which are taken to a percent."""

LABELS = ["trial", "phase", "role", "rate", "replicate", "run_id", "noise_floor", "threshold"]
"""What a trial keeps: its names, and what is predicted at its rate."""

JUDGED = (Sweep.name, Search.name, Confirm.name, Edge.name)
Picks = dict[tuple[str, str], dict[str, str]]
"""(problem, phase) -> replicate -> the one that is drawn for it."""


def other_machine(cells: Sequence[StoredCell], rng: np.random.Generator) -> list[StoredCell]:
    """The cells as they might have been. Which finished first does not decide what is drawn."""
    picks: Picks = {}
    order = sorted(range(len(cells)), key=lambda i: _name(cells[i]))
    moved = {i: _moved(cells[i], picks, rng) for i in order}
    return [moved[i] for i in range(len(cells))]


def _name(cell: StoredCell) -> tuple[str, ...]:
    return problem_of(cell.tags), cell.tags["optimizer"], cell.tags["batch"]


def _moved(cell: StoredCell, picks: Picks, rng: np.random.Generator) -> StoredCell:
    source = _sources(cell, picks, rng)
    curves = _curves(cell, source, rng)
    taken = cell.trials.iloc[source].reset_index(drop=True)
    trials = taken.assign(**{name: cell.trials[name].to_numpy() for name in LABELS})
    rows = _judged(cell, trials, curves)
    trials.loc[rows.index, rows.columns] = rows
    redrawn = {Limit.name: _limit(trials), ShortRun.name: _forecast(cell, rng)}
    parts = dict(cell.summary.parts) | {name: part for name, part in redrawn.items() if part is not None}
    summary = dataclasses.replace(cell.summary, parts=parts)
    return dataclasses.replace(cell, trials=trials, read_curves=lambda: curves, summary=summary)


def _sources(cell: StoredCell, picks: Picks, rng: np.random.Generator) -> np.ndarray:
    """(trials,) which trial, by its place, each one's curve and outcome are taken from."""
    trials, problem = cell.trials, problem_of(cell.tags)
    place = {
        key: i for i, key in enumerate(zip(trials["phase"], trials["rate"], trials["replicate"], strict=True))
    }
    for phase, names in trials.groupby("phase", sort=False)["replicate"].unique().items():
        if (problem, str(phase)) not in picks:
            picks[problem, str(phase)] = dict(zip(names, rng.choice(names, len(names)), strict=True))
    grid = np.unique(trials.loc[trials["phase"] == Sweep.name, "rate"])
    limit = cell.summary.get(LimitSummary)
    low, high = (limit.limit_low, limit.limit_high) if limit is not None else (None, None)
    source = []
    for phase, rate, replicate in place:
        if phase == Sweep.name and low is not None and high is not None and low <= rate <= high:
            at = int(np.searchsorted(grid, rate)) + rng.integers(-1, 2)
            rate = float(grid[np.clip(at, 0, len(grid) - 1)])
        source.append(place[phase, rate, picks[problem, phase][replicate]])
    return np.array(source)


def _curves(cell: StoredCell, source: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """The curves of the sources, under the numbers of the trials that take them, with rounding noise."""
    numbers = cell.trials["trial"].to_numpy()
    places = cell.curves.groupby("trial", sort=False).indices
    rows = [places[numbers[i]] for i in source]
    table = cell.curves.iloc[np.concatenate(rows)].reset_index(drop=True)
    noise = {
        name: table[name] * (1 + size * rng.standard_normal(len(table)))
        for name, size in (("train_loss", ROUNDING), ("validation_loss", ROUNDING), ("sharpness", ESTIMATE))
    }
    return table.assign(trial=np.repeat(numbers, [len(own) for own in rows]), **noise)


def _judged(cell: StoredCell, trials: pd.DataFrame, curves: pd.DataFrame) -> pd.DataFrame:
    """What the curves of sweep, search and confirmation say, by the places of their trials."""
    facts, tolerance = cell.summary.problem, cell.cell.protocol.tolerance
    epochs = evaluation_epochs(cell.cell.protocol.budget, facts.training_samples)
    grid = np.array(epochs) * cell.cell.strategy.updates(facts.training_samples)
    own = trials[trials["phase"].isin(JUDGED)]
    points = {int(str(i)): at for i, at in curves.groupby("trial", sort=False)}
    runs = [_run(row, points[row["trial"]], grid) for row in own.to_dict("records")]
    swept = [run for run in runs if run.trial.phase == Sweep.name]
    best_rate = rate_curve(swept, facts.best_known_loss, tolerance).best_rate
    rows = [_row(run, facts.best_known_loss, tolerance, best_rate) for run in runs]
    return pd.DataFrame(rows, index=own.index)


def _run(row: dict[str, Any], points: pd.DataFrame, grid: np.ndarray) -> Run:
    updates = points["update"].to_numpy()
    kept = np.isin(updates, grid) | (updates == updates[-1])  # a path has further points
    kept |= row["phase"] == Edge.name  # which has a grid of its own
    update, examples, train, validation = (
        points[name].to_numpy()[kept] for name in ("update", "examples", "train_loss", "validation_loss")
    )
    trial = Trial(row["phase"], row["role"], row["rate"], row["replicate"])
    nowhere = np.empty(0)
    return Run(trial, update, examples, train, validation, row["first_bad_step"], nowhere, row["updates"], {})


def _row(run: Run, best: float, tolerance: float, best_rate: float | None) -> dict[str, Any]:
    verdict, end = judge(run, best, tolerance, best_rate), slice(-window(len(run.train_loss)), None)
    return {
        "outcome": verdict.outcome.value,
        "reason": verdict.reason.value,
        "q_end": q_end(run, best),
        "peak": peak(run, best),
        **{f"hit_{eps:g}": hitting_examples(run, best, eps) for eps in TOLERANCES},
        "train_loss": np.inf if run.first_bad_step else median(run.train_loss[end]),
        "validation_loss": np.inf if run.first_bad_step else median(run.validation_loss[end]),
    }


def _forecast(cell: StoredCell, rng: np.random.Generator) -> ShortRunSummary | None:
    """The forecast of other replicates of the short run: of three the least, the middle and the most are
    known. None where there is none."""
    known = cell.summary.get(ShortRunSummary)
    if known is None or known.limit_forecast is None:
        return None
    three = [known.limit_forecast_low, known.limit_forecast, known.limit_forecast_high]
    low, middle, high = sorted(float(rate) for rate in rng.choice(three, 3))
    predictors = known.limit_forecasts | {known.forecast_basis.value: middle}
    return dataclasses.replace(
        known,
        limit_forecasts=predictors,
        limit_forecast=middle,
        limit_forecast_low=low,
        limit_forecast_high=high,
    )


def _limit(trials: pd.DataFrame) -> LimitSummary | None:
    """The limit of the replicates that were drawn; None where none was measured."""
    own = trials[trials["phase"] == Limit.name]
    if own.empty:
        return None
    gone = own.assign(gone=own["outcome"] == Outcome.DIVERGED).pivot(
        index="rate", columns="replicate", values="gone"
    )
    at = {float(str(rate)): row.to_numpy() for rate, row in gone.iterrows()}
    return MeasuredLimit(tuple(gone.columns), [], at).summary
