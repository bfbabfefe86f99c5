"""The tables of the section on stability limits, and what stands in the fields of its map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import AXES, records
from overshoot.study.analysis.limit_evidence import LimitEvidence, slopes_by_optimizer
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.findings.captions import WORDS
from overshoot.study.findings.codes import STATUSES, no_limit
from overshoot.study.findings.limit_words import factor, times
from overshoot.study.numbers import between, number, resampled, share
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.report.html_tables import Row, ShownColumn, ShownTable, about_share

AGREEMENT = (
    "How near theory’s predictions are to the measured limits, by kind of prediction; on networks the limit "
    "is predicted from the curvature at the start."
)
LIMITS = "Cell by cell, the predicted and the measured stability limit{}."
UNPREDICTED = "The cells for which theory predicts no limit, and why."
EDGES = "How near the sharpness of each run came to the threshold of its rate."
POWERS = (
    "How fast the final gap grows with the rate above the best one: as the rate to the power of the slope."
)
SLOPES = "The same slope for each cell, with the rates and gaps that it comes from."
NOISE = "For each cell, the gap of its runs on the noise floor, over the predicted noise floor."


def fields(limits: pd.DataFrame) -> dict[str, list[Any]]:
    """What stands in each field of the map (number and word), and what its colour stands for (ratio)."""
    numbers, ratios = [], []
    for row in records(limits):
        bounds = {"{}": row["ratio"], "> {}": row["at_least"], "< {}": row["at_most"]}
        text, ratio = next(((t, v) for t, v in bounds.items() if np.isfinite(v)), ("", np.nan))
        numbers.append(text.format(factor(ratio)) if text else "")
        # A bound has the colour of the least departure from the prediction that it allows.
        ratios.append({"> {}": max(ratio, 1.0), "< {}": min(ratio, 1.0)}.get(text, ratio))
    words = [WORDS.get(basis, basis) for basis in limits["basis"]]
    return {"number": numbers, "ratio": ratios, "word": words}


def agreement(tables: Tables, limit_data: LimitEvidence) -> ShownTable:
    columns = [
        ShownColumn("prediction", "", "the words of the map"),
        ShownColumn("cells"),
        ShownColumn("median", "measured / predicted", resampled(tables.study.problems)),
        ShownColumn("least", "measured / predicted"),
        ShownColumn("most", "measured / predicted"),
        ShownColumn("within 1 %", "share of the cells", about_share("", tables)),
        ShownColumn("within 10 %", "share of the cells", about_share("", tables)),
        ShownColumn("furthest off", "", "the cell whose two limits differ most"),
    ]
    keyed = {row["key"]: row for row in records(limit_data.limits)}
    rows = [
        Row(
            [
                WORDS[row["basis"]],
                str(row["cells"]),
                times(row["ratio"]),
                factor(row["least"]),
                factor(row["most"]),
                share(row["near_share"]),
                share(row["fair_share"]),
                _short(tables, keyed[row["worst"]]),
            ]
        )
        for row in records(limit_data.agreement)
    ]
    return ShownTable(columns, rows, heads=1, lead=AGREEMENT)


def limits(tables: Tables, limits: pd.DataFrame, which: str = "") -> ShownTable:
    """which: cells they are of, in words that end a sentence."""
    columns = [
        *(ShownColumn(name) for name in ("problem", "optimizer", "batch")),
        ShownColumn(
            "mean-square limit",
            "predicted",
            "above it the mean squared distance over many runs grows, with batches drawn independently",
        ),
        ShownColumn("limit", "predicted", "with its 95 % interval where it is an estimate"),
        ShownColumn("limit", "measured", "the median over the replicates"),
        ShownColumn("replicates", "measured", "the lowest and the highest of them"),
        ShownColumn("measured / predicted"),
        ShownColumn("prediction", "", "which one it is, in the words of the map"),
    ]
    rows = []
    for row, ratio in zip(records(limits), fields(limits)["number"], strict=True):
        spread = f"{_fine(row['low'])} to {_fine(row['high'])}" if np.isfinite(row["low"]) else "–"
        measured = (
            _fine(row["measured"]) if np.isfinite(row["measured"]) else STATUSES.get(row["status"], "–")
        )
        basis = WORDS.get(row["basis"], row["basis"])
        known = [_fine(row["mean_square"]), _estimate(row), measured, spread, ratio or "–", basis]
        rows.append(_row(tables, row, known))
    return ShownTable(columns, rows, heads=3, folded=True, lead=LIMITS.format(which))


def unpredicted(tables: Tables, limits: pd.DataFrame) -> ShownTable | None:
    """Why cells have no prediction, a row for each optimizer and reason; None where all have one."""
    without = limits[(limits["basis"] == LimitBasis.NONE) & (limits["missing"] != "")]
    if without.empty:
        return None
    columns = [ShownColumn("optimizer"), ShownColumn("cells"), ShownColumn("why", prose=True)]
    names = tables.study.names.optimizers
    counts = without.groupby(["optimizer", "missing"], sort=False).size().rename("cells").reset_index()
    rows = [
        Row([names[o], str(row["cells"]), no_limit(row["missing"], names[o])], optimizer=o)
        for row in records(counts)
        for o in (row["optimizer"],)
    ]
    return ShownTable(columns, rows, heads=1, lead=UNPREDICTED)


def edges(tables: Tables, limit_data: LimitEvidence) -> ShownTable:
    columns = [
        *(ShownColumn(name) for name in ("problem", "optimizer", "batch")),
        ShownColumn("rate"),
        ShownColumn("threshold", "sharpness", "the largest sharpness at which the rate is stable"),
        ShownColumn(
            "first", "sharpness", "at the start; for methods that divide their steps, after the first ones"
        ),
        ShownColumn("largest", "sharpness / threshold"),
        ShownColumn("last half", "sharpness / threshold", "its median over the last half of the evaluations"),
        ShownColumn("reached", "", "the update at which it first reached the threshold"),
        ShownColumn("verdict", "", "over the last half; at the threshold: within 10 % of it"),
    ]
    rows = [
        _row(
            tables,
            run,
            [
                *(number(run[name]) for name in ("rate", "threshold", "start")),
                *(factor(run[name]) for name in ("largest", "late")),
                _update(run["reached"]),
                run["verdict"],
            ],
        )
        for run in records(limit_data.edge)
    ]
    return ShownTable(columns, rows, heads=3, folded=True, lead=EDGES)


def powers(tables: Tables, limit_data: LimitEvidence) -> ShownTable:
    few = tables.study.few
    sign = "slope is above" if few else "own interval lies above"
    columns = [
        ShownColumn("optimizer"),
        ShownColumn("cells", "", "with at least three rates above their best one"),
        ShownColumn("slope", "", f"the median over its cells {resampled(tables.study.problems)}".strip()),
        ShownColumn("rising", "", f"cells whose {sign} 0: the plateau rises with the rate"),
    ]
    rows = []
    for optimizer, median in slopes_by_optimizer(limit_data.slopes).items():
        own = limit_data.slopes.loc[limit_data.slopes["optimizer"] == optimizer, "slope"]
        rising = sum((slope.value if few else slope.low) > 0 for slope in own)
        texts = [
            tables.study.names.optimizers[optimizer],
            str(len(own)),
            between(median, 1),
            f"{rising}/{len(own)}",
        ]
        rows.append(Row(texts, optimizer=optimizer))
    return ShownTable(columns, rows, heads=1, lead=POWERS)


def slopes(tables: Tables, limit_data: LimitEvidence) -> ShownTable:
    columns = [
        *(ShownColumn(name) for name in ("problem", "optimizer", "batch")),
        ShownColumn("slope", "", "Theil and Sen’s, of log gap over log rate, with its 95 % interval"),
        ShownColumn("count", "rates above the best"),
        ShownColumn("lowest", "rates above the best"),
        ShownColumn("highest", "rates above the best"),
        ShownColumn("at the lowest", "final gap q", "the median over the replicates"),
        ShownColumn("at the highest", "final gap q", "the median over the replicates"),
    ]
    rows = [
        _row(
            tables,
            row,
            [
                between(row["slope"], 2),
                str(row["rates"]),
                *(number(row[name]) for name in ("start", "end", "first", "last")),
            ],
        )
        for row in records(limit_data.slopes)
    ]
    return ShownTable(columns, rows, heads=3, folded=True, lead=SLOPES)


def noise(tables: Tables, limit_data: LimitEvidence) -> ShownTable:
    columns = [
        *(ShownColumn(name) for name in ("problem", "optimizer", "batch")),
        ShownColumn("runs", "", "that have forgotten their start"),
        ShownColumn("lowest", "rate"),
        ShownColumn("highest", "rate"),
        ShownColumn("measured / predicted", "", "median over the runs, with their lowest and highest"),
    ]
    rows = [
        _row(tables, row, [str(row["runs"]), number(row["low"]), number(row["high"]), _over(row)])
        for row in records(limit_data.noise_agreement)
    ]
    return ShownTable(columns, rows, heads=3, folded=True, lead=NOISE)


def _row(tables: Tables, row: dict[str, Any], texts: list[str]) -> Row:
    names = tables.study.names
    heads = [names.problems[row["problem"]], names.optimizers[row["optimizer"]], row["batch"]]
    run = tables.study.run_of[row["key"]]
    return Row([*heads, *texts], **{axis: row[axis] for axis in AXES}, run=run)


def _over(row: dict[str, Any]) -> str:
    """Measured over predicted; one run has no interval."""
    return times(row["ratio"]) if row["runs"] > 1 else factor(row["ratio"].value)


def _short(tables: Tables, cell: dict[str, Any]) -> str:
    names = tables.study.names
    return f"{names.problems[cell['problem']]}, {names.optimizers[cell['optimizer']]}, {cell['batch']}"


def _update(update: float) -> str:
    return "at the start" if update == 0 else f"{update:,.0f}" if np.isfinite(update) else "–"


def _estimate(row: dict[str, Any]) -> str:
    """The predicted limit, with its interval where it has one."""
    if not np.isfinite(row["predicted_low"]):
        return _fine(row["predicted"])
    return f"{_fine(row['predicted'])} [{_fine(row['predicted_low'])}, {_fine(row['predicted_high'])}]"


def _fine(value: float) -> str:
    """Three digits, where two would hide a difference of a percent."""
    return f"{value:.3g}" if 0.001 <= value < 1000 else number(value)
