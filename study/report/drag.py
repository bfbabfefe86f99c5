"""The centrepiece, a learning rate to be dragged: what its script needs, from the stored sweep alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from overshoot.study.analysis import selections
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.analysis.surface_paths import LossSurface
from overshoot.study.figures.keys import RATE_KEYS, LegendKey
from overshoot.study.figures.surface_maps import joined
from overshoot.study.figures.theme import OUTCOMES, Looks
from overshoot.study.findings.codes import BASES, no_limit
from overshoot.study.numbers import exact, number
from overshoot.study.phases.search import RESOLUTION
from overshoot.study.report import pictures
from overshoot.study.report.pictures import Picture

RUN = ["trial", "rate", "replicate", "outcome", "gap", "train_loss", "first_bad_step"]
"""What is shown of a trial besides its curve."""
NOT_FINITE = 999
"""Stands for a gap that is no number, in hundredths of a decade."""
VIEW = 1000
"""Whole numbers from the optimum to the edge of the map."""


@dataclass(frozen=True)
class Drag:
    """data: what the script reads, to be written as JSON. stills: what is shown without it."""

    data: Mapping[str, Any]
    keys: Sequence[LegendKey]
    stills: Sequence[Picture]


def drag(tables: Tables, looks: Looks) -> Drag:
    """Every run of the sweep, compact: gaps in hundredths of a decade, paths in thousandths of the map."""
    names = tables.study.names
    order = names.order
    pool = _Pool()
    cells = [_cell(tables, cell, pool) for cell in records(tables.study.cells)]
    colors = looks.variables
    data = {
        "problems": [_problem(tables, problem) for problem in names.problems],
        "optimizers": [
            {"name": name, "label": look.label, "color": colors[look.color]}
            for name, look in looks.optimizers.items()
        ],
        "batches": [{"name": name, "label": look.label} for name, look in looks.batches.items()],
        "outcomes": [{"name": name, "color": colors[color]} for name, color in OUTCOMES.items()],
        "tolerance": np.log10(tables.study.tolerance),
        "cells": [
            cell | {axis: order[axis][cell[axis]] for axis in ("problem", "optimizer", "batch")}
            for cell in cells
        ],
        "lists": pool.lists,
    }
    opening = next(iter(tables.surfaces), next(iter(names.problems)))
    data["opening"] = order["problem"][opening]
    return Drag(data, [key for key in RATE_KEYS if key.label in OUTCOMES], _stills(tables, looks, opening))


class _Pool:
    """Lists of numbers that many runs share, kept once."""

    def __init__(self) -> None:
        self.lists: list[list[float | None]] = []
        self._places: dict[tuple[float | None, ...], int] = {}

    def place(self, values: Sequence[float | None]) -> int:
        key = tuple(values)
        if key not in self._places:
            self._places[key] = len(self.lists)
            self.lists.append(list(values))
        return self._places[key]


def _problem(tables: Tables, problem: str) -> dict[str, Any]:
    trials = tables.study.trials
    swept = selections.swept(trials[trials["problem"] == problem])  # others may train longer
    examples = [
        tables.study.curves[str(key)].set_index("trial").loc[group, "examples"].max()
        for key, group in swept.groupby("key")["trial"]
    ]
    surface = tables.surfaces.get(problem)
    gaps = tables.rates.loc[tables.rates["problem"] == problem, "gap_low"]
    lowest = int(hundredths(gaps.to_numpy()).min())
    return {
        "name": problem,
        "low": min(lowest // 100 * 100, -200),
        "label": tables.study.names.problems[problem],
        "budget": int(max(examples)),
        **({"surface": _surface(surface)} if surface else {}),
    }


def _surface(surface: LossSurface) -> dict[str, Any]:
    ellipses, angle = surface.contours()
    unit = VIEW / surface.half
    return {
        "center": [_digits(value) for value in surface.theta],
        "half": _digits(surface.half),
        "ellipses": [[round(a * unit), round(b * unit)] for a, b in ellipses],
        "angle": round(angle, 2),
    }


def _cell(tables: Tables, cell: Mapping[str, Any], pool: _Pool) -> dict[str, Any]:
    trials = tables.study.trials_of[cell["key"]]
    swept = selections.swept(trials)[RUN]
    curves = _curves(tables.study.curves[cell["key"]])
    surface, best = tables.surfaces.get(cell["problem"]), float(cell["best_known_loss"])
    groups: dict[float, list[dict[str, Any]]] = {}
    for trial in records(swept.sort_values(["rate", "replicate"])):
        run = _run(trial, curves(trial["trial"]), best, surface, pool)
        groups.setdefault(trial["rate"], []).append(run)
    rates, runs = list(groups), list(groups.values())
    found = tables.sensitivity[tables.sensitivity["key"] == cell["key"]].iloc[0]
    return {
        **{axis: cell[axis] for axis in ("problem", "optimizer", "batch")},
        "rates": pool.place([_digits(rate) for rate in rates]),
        "best": rates.index(found["best"]) if found["best"] in rates else None,
        "limit": _limit(
            cell, rates, float(found["sweep_boundary"]), tables.study.names.optimizers[cell["optimizer"]]
        ),
        "runs": runs,
    }


def _curves(table: pd.DataFrame) -> Callable[[int], dict[str, np.ndarray]]:
    """From a trial to the columns of its curve; the table is taken apart once, not for each trial."""
    places = table.groupby("trial").indices
    columns = {str(name): table[name].to_numpy() for name in table}
    return lambda trial: {name: values[places[trial]] for name, values in columns.items()}


def _run(
    trial: Mapping[str, Any],
    curve: Mapping[str, np.ndarray],
    best: float,
    surface: LossSurface | None,
    pool: _Pool,
) -> dict[str, Any]:
    losses = curve["train_loss"]
    gaps = (losses - best) / (losses[0] - best)
    run = {
        "o": list(OUTCOMES).index(trial["outcome"]),
        "e": _digits(trial["gap"]),
        "l": _digits(trial["train_loss"]),
        "u": int(trial["first_bad_step"]),
        "x": pool.place(curve["examples"].tolist()),
        "q": hundredths(gaps).tolist(),
    }
    if surface is None:
        return run
    seen = surface.view(np.column_stack([curve["theta_0"], curve["theta_1"]]))
    return run | {
        "p": (seen * VIEW).round().astype(int).ravel().tolist(),
        "j": joined(curve["update"][: len(seen)]),
    }


def hundredths(gaps: np.ndarray) -> np.ndarray:
    """log10 of gaps (E,) in whole hundredths; none below RESOLUTION, NOT_FINITE for what is no number."""
    with np.errstate(invalid="ignore"):
        logs = np.log10(np.maximum(gaps, RESOLUTION)) * 100
    return np.where(np.isfinite(logs) & (logs < NOT_FINITE), logs.round(), NOT_FINITE).astype(int)


def _limit(cell: Mapping[str, Any], rates: Sequence[float], boundary: float, label: str) -> dict[str, Any]:
    """The predicted and the measured limit, where they are known, and both in words."""
    predicted, measured = (_known(cell, f"limit_{name}") for name in ("predicted", "measured"))
    texts = (_predicted(cell, predicted, label), _measured(cell, rates, boundary))
    return {
        **({"predicted": _digits(predicted)} if predicted else {}),
        **({"measured": _digits(measured)} if measured else {}),
        "text": " ".join(text for text in texts if text),
    }


def _predicted(cell: Mapping[str, Any], value: float | None, label: str) -> str:
    basis, missing = cell.get("limit_basis"), cell.get("limit_missing")
    if value:
        note = f" ({BASES[basis]})" if basis in BASES else ""
        return f"Predicted stability limit: {exact(value)}{note}."
    return f"No stability limit is predicted: {no_limit(missing, label)}." if isinstance(missing, str) else ""


def _measured(cell: Mapping[str, Any], rates: Sequence[float], boundary: float) -> str:
    value, low, high = (_known(cell, f"limit_{name}") for name in ("measured", "low", "high"))
    if value:
        ends = [exact(end) for end in (low, high) if end]
        spread = f" [{ends[0]}, {ends[-1]}]" if len(set(ends)) > 1 else ""
        return f"Measured stability limit: {exact(value)}{spread}."
    if not np.isfinite(boundary):
        return f"No rate up to {number(rates[-1])} made half of the runs diverge."
    below = [rate for rate in rates if rate < boundary * 0.999]
    between = f"between {number(below[-1])} and {number(boundary)}" if below else f"below {number(boundary)}"
    return f"In the sweep, half of the runs or more diverge from a rate {between} on."


def _known(cell: Mapping[str, Any], name: str) -> float | None:
    value = cell.get(name)
    return float(value) if isinstance(value, int | float) and np.isfinite(value) else None


def _digits(value: float) -> float | None:
    """Four digits, which is more than is shown; None for what is not finite."""
    return float(f"{value:.4g}") if np.isfinite(value) else None


def _stills(tables: Tables, looks: Looks, problem: str) -> list[Picture]:
    """Curves and paths of one optimizer at a few rates."""
    name, look = next(iter(looks.optimizers.items()))
    one = Looks({name: look}, looks.batches)
    batch = next(iter(looks.batches))
    drawn = [
        pictures.problem_curves(tables, one, problem, batch, "still-curves"),
        pictures.problem_paths(tables, one, problem, batch, "still-paths"),
    ]
    return [picture for picture in drawn if picture.tiles]
