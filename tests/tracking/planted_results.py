"""Cell results with planted numbers: everything a store could get wrong is in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from overshoot.core import BatchStrategy
from overshoot.study.experiment.cells import Cell, Choice, NetworkSpec, Protocol, Rates
from overshoot.study.phases.results import CURVES, TRIALS, CellResult, table
from overshoot.study.phases.search import SearchStatus, SearchSummary
from overshoot.study.phases.summary import Counts, ProblemFacts, Score, Summary
from overshoot.study.phases.sweep import SweepSummary
from overshoot.study.phases.theory import LimitBasis, TheorySummary
from overshoot.study.problems.problem import Quadratic

STEP = 500  # examples between two evaluations

LOSSES: dict[str, list[float]] = {
    "explodes": [2.0, 3.0, 19.0, 21.0, 1e300, np.inf],
    "comes back": [2.0, 50.0, 1.0, 0.5],
    "not a number": [2.0, 1.5, np.nan, 1.0],
    "one evaluation": [2.0],
    "descends": [2.0 * 0.8**i for i in range(41)],
    "bad from the start": [np.nan],
    "subnormal": [2.0, 5e-324, 0.1 + 0.2],
}
"""Training losses of the trials of a planted cell."""

DIVERGED = ("explodes", "not a number", "bad from the start")


def planted(
    optimizer: str = "adam",
    batch: int | None = 32,
    dataset: str = "iris",
    names: Sequence[str] = tuple(LOSSES),
) -> CellResult:
    """A cell whose trials have the named curves of LOSSES."""
    chosen = Choice(optimizer, (("beta1", 0.5),)) if optimizer == "adam" else Choice(optimizer)
    cell = Cell(
        Choice(dataset),
        NetworkSpec("mlp", (4,)),
        chosen,
        BatchStrategy(batch),
        Rates(1e-4, 1.0),
        Protocol(),
    )
    curves = [
        {
            "trial": i,
            "update": 16 * k,
            "examples": STEP * k,
            "train_loss": loss,
            "validation_loss": loss + 0.25,
            "sharpness": np.nan,
            "theta_0": np.nan,
            "theta_1": np.nan,
        }
        for i, name in enumerate(names)
        for k, loss in enumerate(LOSSES[name])
    ]
    states = {
        i: np.random.default_rng(i).standard_normal(11).astype(np.float32)
        for i, name in enumerate(names)
        if name in DIVERGED
    }
    rows = [_row(i, name) for i, name in enumerate(names)]
    return CellResult(cell, table(rows, TRIALS), table(curves, CURVES), states, _summary(rows))


def _row(i: int, name: str) -> dict[str, Any]:
    losses, bad = LOSSES[name], name in DIVERGED
    return {
        "trial": i,
        "phase": "sweep" if i < 4 else "confirm",
        "role": "grid" if i < 4 else "tuned",
        "rate": 10.0 ** (i % 7 - 4) * 1.2589254117941673,
        "replicate": f"sweep-{i}" if i < 4 else f"confirm-{i - 4}",
        "outcome": "diverged" if bad else "converged",
        "reason": "exploded" if bad else "within_tolerance",
        "first_bad_step": 16 * len(losses) if bad else 0,
        "growth": 1.5 if bad else np.nan,
        "q_end": np.inf if bad else losses[-1] / losses[0],
        "peak": np.inf if bad else max(losses) / losses[0],
        "hit_0.1": np.inf if bad else 5000.0,
        "hit_0.01": np.inf,
        "hit_0.001": np.inf,
        "updates": 16 * len(losses),
        "train_loss": losses[-1],
        "validation_loss": losses[-1],
        "validation_score": -1e300 if bad else 0.9,
        "test_loss": np.nan,
        "test_score": np.nan if i < 4 else 0.1 + 0.2,
        "noise_floor": np.nan,
        "threshold": np.nan,
    }


def _summary(rows: list[dict[str, Any]]) -> Summary:
    return Summary(
        ProblemFacts(
            Score.ACCURACY, 11, 90, 0.1 + 0.2, Quadratic((0.1, np.pi), ((2.0, 0.5), (0.5, 1.0)), 1e-300)
        ),
        Counts(
            epochs=12,
            updates_per_trial=36,
            updates_total=12345,
            trials=len(rows),
            trials_converged=4,
            trials_diverged=3,
        ),
        {"sweep": 1.5},
        {
            "sweep": SweepSummary(1e300, np.inf, None, np.nan),
            "search": SearchSummary(SearchStatus.CLEAR, 0.1 + 0.2, 0.1, None, 1e-4, 1.0),
            "theory": TheorySummary(LimitBasis.EXACT, limit_by_batch={1: 0.5, 90: 2.0 / 3.0}),
        },
    )
