"""Stored cells with planted outcomes, so that the right answers are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from enum import StrEnum
from typing import Any, get_args, get_type_hints

import numpy as np
import pandas as pd

from overshoot.core import BatchStrategy
from overshoot.study.experiment.cells import CONSTANT, Cell, Choice, NetworkSpec, Protocol, Rates
from overshoot.study.phases.catalogue import parts
from overshoot.study.phases.confirm import ConfirmSettings
from overshoot.study.phases.results import CURVES, TRIALS
from overshoot.study.phases.search import Claim, SearchSettings
from overshoot.study.phases.summary import Counts, ProblemFacts, Score, Summary
from overshoot.study.phases.sweep import SweepSettings
from overshoot.study.phases.theory import TheorySummary
from overshoot.study.problems.problem import Quadratic
from overshoot.study.tracking import StoredCell

INF = float("inf")
STARTUP = 2
PLAIN = Protocol(seed=2026, tolerance=0.1, phases=(SweepSettings(), SearchSettings(), ConfirmSettings()))
GRID = tuple(float(rate) for rate in np.geomspace(1e-3, 1e2, 6))
VALLEY = {1e-3: 0.9, 1e-2: 0.3, 1e-1: 0.05, 1.0: 0.01, 10.0: INF, 100.0: INF}
"""rate -> q_end: too small, too small, converged, converged (the best), diverged, diverged."""


BOWL = Quadratic((3.0, -1.0), ((2.0, 0.0), (0.0, 2.0)), 0.0)
"""A loss surface, that of (a - 3)^2 + (b + 1)^2."""


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
    protocol: Protocol = PLAIN,
    **summary: Any,
) -> StoredCell:
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
        summary = {"surface": BOWL} | summary
    points = [p for row in trials if row["phase"] != "edge" for p in _curve(row, surface)] + followed
    curves = _typed(points, CURVES)
    return StoredCell(
        key=name,
        run_id=f"run-of-{name}",
        experiment_id="7",
        tags={"dataset": problem, "network": "net", "optimizer": optimizer, "batch": batch},
        cell=_cell(problem, optimizer, batch, protocol),
        summary=summary_of(**tuned_rates(tuned_rate) | {"default_rate": default_rate} | summary),
        trials=_typed(trials, TRIALS).assign(run_id=[f"{name}-{i}" for i in range(len(trials))]),
        read_curves=lambda: curves,
        finished=0,
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
        "reason": "exploded" if gone else "within_tolerance" if q <= 0.1 else "level",
        "first_bad_step": 20 if gone else 0,
        "growth": 10.0 if gone else np.nan,
        "q_end": q,
        "peak": q if gone else 1.0,
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
            "theta_0": BOWL.theta[0] + x,
            "theta_1": BOWL.theta[1] if surface else np.nan,
        }
        for u, q, x in zip(updates, losses, away, strict=True)
    ]


def _cell(problem: str, optimizer: str, batch: str, protocol: Protocol) -> Cell:
    method, _, schedule = optimizer.partition(" + ")
    return Cell(
        Choice(problem),
        NetworkSpec("net", (4,)),
        _choice(method),
        BatchStrategy.named(batch),
        Rates(GRID[0], GRID[-1], 1),
        protocol,
        _choice(schedule) if schedule else CONSTANT,
    )


def _choice(method: str) -> Choice:
    """`adam(beta1=0.5)` as a choice with options."""
    name, _, options = method.rstrip(")").partition("(")
    pairs = [option.split("=") for option in options.split(", ") if option]
    return Choice(name, tuple((key, float(value)) for key, value in pairs))


def tuned_rates(rate: float | None) -> dict[str, float | None]:
    """One rate for every claim."""
    return {f"tuned_rate_{claim.value}": rate for claim in Claim}


def summary_of(**values: Any) -> Summary:
    """A summary with these fields, wherever they belong, and of the parts of limit and theory those that have
    any."""
    if "limit_measured" in values:
        values = {"limit_status": "measured"} | values
    if any(f.name in values for f in fields(TheorySummary)):
        values = {"limit_basis": "exact" if "limit_predicted" in values else "none"} | values
    values = DEFAULTS | values
    kinds = {"problem": ProblemFacts, "counts": Counts, **parts()}
    own = {name: [f.name for f in fields(kind) if f.name in values] for name, kind in kinds.items()}
    known = {field for names in own.values() for field in names}
    seconds = {k.removeprefix("seconds_"): v for k, v in values.items() if k.startswith("seconds_")}
    assert known | {f"seconds_{name}" for name in seconds} == values.keys(), values.keys() - known
    made = {
        name: kinds[name](**{field: _code(kinds[name], field, values[field]) for field in names})
        for name, names in own.items()
        if names
    }
    return Summary(made.pop("problem"), made.pop("counts"), seconds, made)


def _code(kind: type[Any], field: str, value: Any) -> Any:
    """The member of the field's enum that a text names."""
    hint = get_type_hints(kind)[field]
    enums = [t for t in (hint, *get_args(hint)) if isinstance(t, type) and issubclass(t, StrEnum)]
    return enums[0](value) if enums else value


DEFAULTS: dict[str, Any] = {
    **tuned_rates(0.5),
    "score": Score.ACCURACY,
    "best_known_loss": 0.0,
    "parameters": 3,
    "training_samples": 100,
    "epochs": 10,
    "updates_per_trial": 100,
    "updates_total": 1000,
    "trials": 20,
    "trials_converged": 10,
    "trials_diverged": 5,
    "sweep_best_rate": 1.0,
    "sweep_boundary": 10.0,
    "sweep_margin_decades": 1.0,
    "usable_width_decades": 2.0,
    "search_status": "clear",
    "default_rate": 0.01,
    "search_low": GRID[0],
    "search_high": GRID[-1],
    "seconds_sweep": 0.5,
}


def _typed(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(
        {name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in columns.items()}
    )
