"""What becomes a run in MLflow: a cell, and each of its trials.

MLflow is for browsing; the exact numbers are the cell's artifacts. So three things are kept out of its
metrics, and said in tags: values that are not finite (MLflow would store infinity as 1.8e308 and NaN
as 0), losses so large that they would flatten every other curve of a chart, and most of a long curve.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np

from overshoot.study.experiment.cells import Cell
from overshoot.study.late import Late
from overshoot.study.phases.results import CellResult
from overshoot.study.phases.summary import encode

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = Late("pandas")

CHART = 10.0
"""Losses go into charts up to this multiple of a curve's first loss; so do q and scores, whose scale is 1."""

POINTS = 16
"""A curve with more evaluations than this is thinned."""

LARGEST = 1e12
"""Numbers of a cell's summary beyond this are tags instead of metrics."""


TEXT = 5000
"""Characters of a tag; MLflow refuses tags of more than 8000."""

LOSSES = ("train_loss", "validation_loss")

Curve = dict[str, np.ndarray]
"""The columns of one trial's curve, (evaluations,) each."""


class Point(NamedTuple):
    """One value of a metric; the step of a curve is the number of examples processed."""

    key: str
    value: float
    step: int = 0


@dataclass(frozen=True)
class Data:
    """The data of a run as MLflow knows datasets: by name, and by the hash of what says which they are."""

    name: str

    @property
    def digest(self) -> str:
        return sha256(self.name.encode()).hexdigest()[:16]

    @property
    def source(self) -> str:
        return json.dumps({"dataset": self.name})


@dataclass(frozen=True)
class RunRow:
    """A finished run, ready to be written. `start` and `end` are milliseconds since 1970; data: what it was
    trained on."""

    experiment: str
    name: str
    start: int
    end: int
    tags: dict[str, str]
    params: dict[str, str]
    metrics: tuple[Point, ...]
    data: Data


def cell_row(study: str, result: CellResult, experiment: str, end: int) -> RunRow:
    """The run of a cell: its summary, numbers as metrics and everything else as tags."""
    values = result.summary.flat()
    metrics = {k: float(v) for k, v in values.items() if _is_number(v) and abs(v) <= LARGEST}
    texts = {k: _text(v)[:TEXT] for k, v in values.items() if k not in metrics}
    return RunRow(
        experiment=experiment,
        name=result.cell.label,
        start=end - _milliseconds(result),
        end=end,
        tags=texts | {"kind": "cell", "key": result.cell.key} | _axes(study, result.cell),
        params=_names(result.cell),
        metrics=tuple(Point(k, v) for k, v in metrics.items()),
        data=Data(result.cell.dataset.id),
    )


def trial_rows(study: str, result: CellResult, experiment: str, end: int) -> list[RunRow]:
    """A run for each row of the cell's table of trials, in its order."""
    trials = cast(list[dict[str, Any]], result.trials.to_dict("records"))
    curves = _curves(result.curves)
    options = {k: f"{v:g}" for k, v in result.cell.make_optimizer().hyperparameters.items()}
    axes = {"kind": "trial", "cell": result.cell.key} | _axes(study, result.cell)
    start, data = end - _milliseconds(result), Data(result.cell.dataset.id)
    return [
        RunRow(
            experiment=experiment,
            name=_trial_name(result.cell, t),
            start=min(start + i, end),  # MLflow lists the newest first: the trials' order, backwards
            end=end,
            tags=axes | _trial_tags(t, curve),
            params={**options, "lr": f"{t['rate']:.6g}", **_names(result.cell), "phase": str(t["phase"])},
            metrics=(*_trial_metrics(t, curve), *_curve_metrics(curve)),
            data=data,
        )
        for i, t in enumerate(trials)
        for curve in (curves[t["trial"]],)
    ]


def noted(rows: Sequence[RunRow], notes: Sequence[str]) -> list[RunRow]:
    """The runs, each with its note, which MLflow shows on its page; as they are where there are no notes."""
    if not notes:
        return [*rows]
    return [
        replace(row, tags=row.tags | {"mlflow.note.content": note})
        for row, note in zip(rows, notes, strict=True)
    ]


@cache
def thin(n: int) -> np.ndarray:
    """Which of n evaluations are shown, as sorted positions (k,): all, or about POINTS of them.

    Half of them evenly spread and half ever closer to the start, where most happens; both ends stay.
    """
    if n <= POINTS:
        return np.arange(n)
    half = POINTS // 2 + 1
    places = np.concatenate([np.geomspace(1, n, half), np.linspace(1, n, half)])
    return np.unique(places.round().astype(int)) - 1


def drawn(losses: np.ndarray) -> np.ndarray:
    """Which of `losses: (n,)` a chart can show, as a mask (n,).

    Those before the first value that is not finite, up to CHART times the first of them.
    """
    finite = np.logical_and.accumulate(np.isfinite(losses))
    return finite & (np.where(finite, losses, np.inf) / CHART <= losses[:1])


def rate_text(rate: float) -> str:
    """A learning rate as people write it: 1e-3, 1.26e-2, 3.16e1."""
    mantissa, exponent = f"{rate:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _axes(study: str, cell: Cell) -> dict[str, str]:
    return {"study": study, **_names(cell)}


def _names(cell: Cell) -> dict[str, str]:
    """What distinguishes runs: tags, and parameters too, which MLflow compares and groups by."""
    return {
        "dataset": cell.dataset.id,
        "network": cell.network.id,
        "optimizer": cell.method,
        "batch": cell.strategy.name,
    }


def _trial_name(cell: Cell, t: dict[str, Any]) -> str:
    parts = (cell.method, f"batch {cell.strategy.name}", f"lr {rate_text(t['rate'])}", t["replicate"])
    return " · ".join(parts)


def _curves(table: pd.DataFrame) -> dict[int, Curve]:
    columns = {name: table[name].to_numpy() for name in ("examples", *LOSSES, "sharpness")}
    places = cast(dict[int, np.ndarray], table.groupby("trial").indices)
    return {trial: {name: column[at] for name, column in columns.items()} for trial, at in places.items()}


def _trial_tags(t: dict[str, Any], curve: Curve) -> dict[str, str]:
    tags = {name: str(t[name]) for name in ("phase", "role", "replicate", "outcome", "reason")}
    if t["first_bad_step"] > 0:
        tags["first_bad_step"] = str(t["first_bad_step"])
    beyond = ~drawn(curve["train_loss"])
    if beyond.any():
        tags["off_chart"] = f"training loss from {curve['examples'][beyond.argmax()]} examples on"
    return tags


def _trial_metrics(t: dict[str, Any], curve: Curve) -> Iterator[Point]:
    # The rate itself is a parameter: as a metric, MLflow's comparison would draw it against itself.
    yield Point("log10_lr", math.log10(t["rate"]))
    if 0 < t["q_end"] <= CHART:
        yield Point("log10_q_end", math.log10(t["q_end"]))
    for name in ("q_end", "validation_score", "test_score"):
        if math.isfinite(t[name]) and abs(t[name]) <= CHART:
            yield Point(name, t[name])
    if 0 < t["noise_floor"] <= CHART:
        yield Point("noise_floor", t["noise_floor"])
    if math.isfinite(t["hit_0.1"]):
        yield Point("hit_0.1", t["hit_0.1"])
    if np.isfinite(curve["sharpness"]).any():  # a line to read the run's sharpness against
        yield Point("threshold", t["threshold"])


def _curve_metrics(curve: Curve) -> Iterator[Point]:
    kept = thin(len(curve["examples"]))
    for name in LOSSES:
        shown = kept[drawn(curve[name])[kept]]
        steps, losses = curve["examples"][shown].tolist(), curve[name][shown].tolist()
        yield from (Point(name, loss, step) for step, loss in zip(steps, losses, strict=True))
    for i in kept[np.abs(curve["sharpness"][kept]) <= LARGEST]:  # none of NaN
        yield Point("sharpness", float(curve["sharpness"][i]), int(curve["examples"][i]))


def _text(value: Any) -> str:
    """Codes and numbers as they are, what has parts as JSON."""
    return str(value) if isinstance(value, str | int | float) else encode(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)


def _milliseconds(result: CellResult) -> int:
    return round(1000 * sum(result.summary.seconds.values()))
