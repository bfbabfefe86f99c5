"""Stored cells with planted outcomes, so that the right answers are known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from study.experiment.cells import Protocol
from study.phases.results import CURVES, TRIALS

INF = float("inf")
STARTUP = 2
GRID = tuple(float(rate) for rate in np.geomspace(1e-3, 1e2, 6))
VALLEY = {1e-3: 0.9, 1e-2: 0.3, 1e-1: 0.05, 1.0: 0.01, 10.0: INF, 100.0: INF}
"""rate -> q_end: too small, too small, converged, converged (the best), diverged, diverged."""


BOWL: dict[str, Any] = {"theta": [3.0, -1.0], "hessian": [[2.0, 0.0], [0.0, 2.0]], "loss": 0.0}
"""A loss surface, that of (a - 3)^2 + (b + 1)^2."""


@dataclass(frozen=True)
class Planted:
    """What the store hands back of a cell."""

    key: str
    run_id: str
    experiment_id: str
    tags: dict[str, str]
    summary: dict[str, Any]
    trials: pd.DataFrame
    curves: pd.DataFrame


def planted(
    problem: str = "toy",
    optimizer: str = "sgd",
    batch: str = "full",
    sweep: Mapping[float, float | Sequence[float]] = VALLEY,
    tuned: Sequence[float] = (0.01, 0.011, 0.012, 0.013),
    default: Sequence[float] = (0.3, 0.31, 0.32, 0.33),
    tuned_rate: float = 0.5,
    default_rate: float = 0.01,
    tests: Mapping[str, Sequence[float]] | None = None,
    surface: bool = False,
    search: Sequence[float] = (0.9, 0.5, 0.02, 0.01),
    extended: int = 0,
    hits: Sequence[float] | None = None,
    noise: Mapping[float, float] | None = None,
    edge: Mapping[float, Sequence[float]] | None = None,
    **summary: Any,
) -> Planted:
    """A cell whose sweep ends at the planted gaps (inf is a diverged trial), two replicates a rate unless
    several gaps are named, and whose confirmed trials end at `tuned` and `default`.

    Losses are gaps (L* = 0, L_0 = 1); with `surface` they are those of BOWL, along whose first axis the
    runs move, changing sides at each evaluation when they diverge. Test scores, unless given in `tests` by
    role, are one minus the gap.
    The trials of the search end at `search`, the first STARTUP of them at start-up rates, the last
    `extended` after its range grew. `hits`: examples until the tuned trials' gap stays below 0.1.
    `noise`: rate of the sweep -> its predicted floor. `edge`: rate of a run that is followed -> its
    sharpness, every ten updates, infinite where it diverges.
    """
    trials: list[dict[str, Any]] = []
    for rate, ends in sweep.items():
        both = [ends, ends] if isinstance(ends, float | int) else list(ends)
        for k, q in enumerate(both):
            row = _trial(len(trials), "sweep", "grid", rate, f"sweep-{k}", q, _best(sweep))
            trials.append(row | {"noise_floor": (noise or {}).get(rate, np.nan)})
    for k, q in enumerate(search):
        role = "extended" if k >= len(search) - extended else "startup" if k < STARTUP else "tpe"
        trials.append(_trial(len(trials), "search", role, 0.1, "search-0", q, _best(sweep)))
    for role, rate, gaps in (("tuned", tuned_rate, tuned), ("default", default_rate, default)):
        for k, q in enumerate(gaps):
            row = _trial(len(trials), "confirm", role, rate, f"confirm-{k}", q, _best(sweep))
            score = 1 - q if tests is None else tests[role][k]
            if role == "tuned" and hits is not None:
                row["hit_0.1"] = hits[k]
            trials.append(row | {"test_loss": q, "test_score": score if np.isfinite(score) else 0.1})
    followed: list[dict[str, Any]] = []
    for rate, path in (edge or {}).items():
        gone = not np.isfinite(path[-1])
        row = _trial(len(trials), "edge", "spread", rate, "sweep-0", INF if gone else 0.01, _best(sweep))
        trials.append(row | {"threshold": 2 / rate})
        points = [_curve(row, False)[0] | {"update": 10 * i, "sharpness": s} for i, s in enumerate(path)]
        followed += [point | {"trial": row["trial"]} for point in points]
    name = f"{problem}-{optimizer}-{batch}"
    if surface:
        summary = {"surface": json.dumps(BOWL)} | summary
    return Planted(
        key=name,
        run_id=f"run-of-{name}",
        experiment_id="7",
        tags={"dataset": problem, "network": "net", "optimizer": optimizer, "batch": batch},
        summary=_summary(tuned_rate, default_rate) | summary,
        trials=_typed(trials, TRIALS).assign(run_id=[f"{name}-{i}" for i in range(len(trials))]),
        curves=_typed(
            [p for row in trials if row["phase"] != "edge" for p in _curve(row, surface)] + followed, CURVES
        ),
    )


def _best(sweep: Mapping[float, float | Sequence[float]]) -> float:
    return min(sweep, key=lambda rate: float(np.median(sweep[rate])))


def _trial(
    i: int, phase: str, role: str, rate: float, replicate: str, q: float, best: float
) -> dict[str, Any]:
    gone = not np.isfinite(q)
    side = "too small" if rate < best else "too large"
    return {
        "trial": i,
        "phase": phase,
        "role": role,
        "rate": rate,
        "replicate": replicate,
        "outcome": "diverged" if gone else "converged" if q <= 0.1 else side,
        "reason": "loss a million times its start by update 20" if gone else "as planted",
        "first_bad_step": 20 if gone else 0,
        "growth": 10.0 if gone else np.nan,
        "q_end": q,
        "hit_0.1": INF if gone or q > 0.1 else 40.0,
        "hit_0.01": INF,
        "hit_0.001": INF,
        "updates": 20 if gone else 100,
        "train_loss": q,
        "validation_loss": q,
        "validation_score": 0.1 if gone else 1 - q,
        "test_loss": np.nan,
        "test_score": np.nan,
        "noise_floor": np.nan,
        "threshold": np.nan,
    }


def _curve(row: dict[str, Any], surface: bool) -> list[dict[str, Any]]:
    """From 1 to the planted gap over 1000 examples, or up to 1e7 by update 20 and then no number."""
    gone = not np.isfinite(row["q_end"])
    updates = [0, 10, 20] if gone else list(range(0, 101, 10))
    losses = [1.0, 1e3, INF] if gone else np.geomspace(1.0, max(row["q_end"], 1e-15), len(updates))
    sides = np.cumprod([1, *[-1 if gone else 1] * (len(updates) - 1)])
    away = sides * np.sqrt(losses) if surface else np.full(len(updates), np.nan)
    return [
        {"trial": row["trial"], "update": u, "examples": 10 * u, "train_loss": q, "validation_loss": q}
        | {
            "sharpness": np.nan,
            "theta_0": BOWL["theta"][0] + x,
            "theta_1": BOWL["theta"][1] if surface else np.nan,
        }
        for u, q, x in zip(updates, losses, away, strict=True)
    ]


def _summary(tuned_rate: float, default_rate: float) -> dict[str, Any]:
    return {
        "protocol": json.dumps(asdict(Protocol(seed=2026, tolerance=0.1))),
        "score": "accuracy",
        "status": "ok",
        "search_edge": "clear",
        "tuned_rate": tuned_rate,
        "default_rate": default_rate,
        "best_known_loss": 0.0,
        "search_low": GRID[0],
        "search_high": GRID[-1],
        "parameters": 3.0,
        "training_samples": 100.0,
        "epochs": 10.0,
        "updates_total": 1000.0,
        "seconds_sweep": 0.5,
    }


def _typed(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in columns.items()}
    )
