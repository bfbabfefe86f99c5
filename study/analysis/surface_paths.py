"""Paths on a loss surface: problems with two parameters, at a rate that is too small, a good one, one that
overshoots and one that diverges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from overshoot.study.analysis import selections
from overshoot.study.analysis.frame import AXES, Study, in_order, records
from overshoot.study.phases.sweep import Sweep
from overshoot.study.problems.problem import Quadratic

KINDS = ("too small", "good", "overshooting", "diverging")
MARGIN = 1.35
"""Half the width of a view over the largest distance, along an axis, from the optimum to a start."""
FAR = 1000.0
"""Half widths of a view."""
COLUMNS = ["key", *AXES, "kind", "rate", "outcome", "update", "theta_0", "theta_1"]


@dataclass(frozen=True)
class LossSurface:
    """Least squares in two parameters, L* + (t - t*)^T H (t - t*) / 2, and the square that is shown of it.

    theta: (2,) the optimum t*. hessian: (2, 2) H. half: half the width of the square around the optimum.
    """

    theta: np.ndarray
    hessian: np.ndarray
    half: float

    def view(self, theta: np.ndarray) -> np.ndarray:
        """A path (E, 2) as (n, 2), in half widths of the square from its middle, up to the first point that
        is FAR away or not finite: a line to what comes after could not be drawn."""
        with np.errstate(over="ignore"):
            away = (theta - self.theta) / self.half
        beyond = np.flatnonzero(~(np.abs(away).max(axis=1) <= FAR))
        seen = away[: beyond[0] + 1 if len(beyond) else None]
        return np.asarray(np.clip(seen[np.isfinite(seen).all(axis=1)], -FAR * FAR, FAR * FAR))

    def contours(self) -> tuple[list[tuple[float, float]], float]:
        """Ellipses of equal loss: their half axes along slope and intercept before they are turned, and the
        angle, in degrees, by which all are. From each to the next the loss above L* doubles; the first is
        an eighth as long as the square is wide, and the last reaches around its corners."""
        curvature, directions = np.linalg.eigh(self.hessian)
        first = self.half / 4 * np.sqrt(curvature[0] / curvature)
        count = int(np.ceil(2 * np.log2(np.sqrt(2) * self.half / first[1]))) + 1
        axes = first * np.sqrt(2.0) ** np.arange(count)[:, None]
        turned = np.degrees(np.arctan2(directions[1, 0], directions[0, 0]))
        return [(float(a), float(b)) for a, b in axes], float(turned)


def surfaces(study: Study) -> dict[str, LossSurface]:
    """The surface of each problem that has one; its view holds the starts of the sweep's runs."""
    if "surface" not in study.cells:
        return {}
    described = study.cells.dropna(subset="surface").drop_duplicates("problem")
    return {cell["problem"]: _surface(study, cell) for cell in records(described)}


def _surface(study: Study, cell: Mapping[str, Any]) -> LossSurface:
    described: Quadratic = cell["surface"]
    theta = np.array(described.theta)
    starts = _points(study, str(cell["key"]))
    away = starts.loc[starts["update"] == 0, ["theta_0", "theta_1"]].to_numpy() - theta
    return LossSurface(theta, np.array(described.hessian), MARGIN * float(np.abs(away).max()))


def paths(study: Study, chosen: pd.DataFrame, sensitivity: pd.DataFrame) -> pd.DataFrame:
    """A row for each point of each chosen path: one run for each cell and kind, of the first replicate.

    too small and good: the chosen rates of the sweep of that name ("best"). diverging: the smallest rate
    above the best at which that run diverged. overshooting: the largest rate above the best at which a run
    lasted and never left the square that is shown. Kinds that a cell lacks are left out.
    """
    known = surfaces(study)
    best = sensitivity.set_index("key")["best"]
    roles = {str(key): group.set_index("role")["rate"] for key, group in chosen.groupby("key")}
    parts = []
    for cell in records(study.cells[study.cells["problem"].isin(list(known))]):
        key = str(cell["key"])
        points = _points(study, key)
        runs = points.drop_duplicates("trial").sort_values("rate")
        runs = runs.assign(seen=runs["trial"].map(_reach(points, known[cell["problem"]])) <= 1)
        for kind, trial in _kinds(runs, float(best[key]), roles.get(key, pd.Series(dtype=float))).items():
            path = points[points["trial"] == trial].assign(kind=kind, key=key)
            parts.append(path.assign(**{axis: cell[axis] for axis in AXES})[COLUMNS])
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    return in_order(pd.concat(parts, ignore_index=True), study.names)


def _points(study: Study, key: str) -> pd.DataFrame:
    """The curves of a cell's runs that look for what the rate does, sweep and limit, with their trials."""
    trials = study.trials_of[key]
    columns = ["trial", "phase", "rate", "replicate", "outcome"]
    return study.curves[key].merge(selections.along_rates(trials)[columns], on="trial")


def _reach(points: pd.DataFrame, surface: LossSurface) -> pd.Series:
    """Trial -> how far from the optimum it went, in half widths of the view."""
    away = np.abs(points[["theta_0", "theta_1"]].to_numpy() - surface.theta).max(axis=1) / surface.half
    return pd.Series(away).groupby(points["trial"].to_numpy()).max()


def _kinds(runs: pd.DataFrame, best: float, roles: pd.Series) -> dict[str, int]:
    """Kind -> trial. runs: a row a trial, by rate; `best` is NaN when every rate diverged."""
    runs = runs[runs["replicate"] == runs["replicate"].iloc[0]]
    gone, swept = selections.diverged(runs), runs["phase"] == Sweep.name
    above = runs["rate"] > (best * 1.001 if np.isfinite(best) else 0)
    at = {
        role: swept & np.isclose(runs["rate"], roles.get(role, np.nan), atol=0)
        for role in ("too small", "best")
    }
    trials = {
        "too small": runs[at["too small"]]["trial"].head(1),
        "good": runs[at["best"] & ~gone]["trial"].head(1),
        "overshooting": runs[above & ~gone & runs["seen"]]["trial"].tail(1),
        "diverging": runs[swept & above & gone]["trial"].head(1),
    }
    return {kind: int(trial.iloc[0]) for kind, trial in trials.items() if len(trial)}
