"""The block on forecasts of the stability limit: the table of predictors, and what they miss."""

from __future__ import annotations

from typing import Any

import numpy as np

from overshoot.study.analysis.frame import records
from overshoot.study.analysis.limit_evidence import LimitEvidence
from overshoot.study.analysis.limit_forecasts import THEORY, MethodKind, chosen_without, worst_forecasts
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import NAMED
from overshoot.study.findings.limit_words import factor, times
from overshoot.study.findings.short_run_claims import (
    PREDICTOR_MEANS,
    PREDICTOR_WORDS,
    captioned,
    forecast_cause,
)
from overshoot.study.numbers import fixed, number, resampled, share
from overshoot.study.report.html_tables import Row, ShownColumn, ShownTable, about_share
from overshoot.study.report.sections import Block

KIND_WORDS = {MethodKind.LINEAR: "non-adaptive", MethodKind.DIVIDES: "adaptive"}

KINDS_MEAN = (
    "non-adaptive: gradient descent, plain or with momentum; adaptive: methods that divide by past gradients"
)

MEASURED_OVER = "measured / predicted"

EACH_PREDICTOR = (
    "Ways to predict a network’s stability limit, each against the measured limits: the nearer the median is "
    "to 1 and the smaller the spread, the better."
)
APART = (
    "Whether the choice of predictor holds on problems that had no part in it: for each problem the "
    "predictor that does best on all others, and how well it does on this one."
)
ONE_OR_TWO = "What the short run predicted, beside the measured limit."
FURTHEST = "The cells in which the short run’s forecast is furthest from the measured limit."


def forecast_block(tables: Tables, limit_data: LimitEvidence) -> Block | None:
    """How good the short run's forecasts are, and what other predictors would have been; the map has them."""
    if not (limit_data.forecasts["forecast"] > 0).any():
        return None
    made = {}
    if len(limit_data.predictors):
        made["Predictors of the limit on networks"] = compared(tables, limit_data)
    if len(apart := chosen_without(limit_data.forecasts)):
        made["The predictors cross-validated by problem"] = _apart(tables, apart)
    if worst := worst_forecasts(limit_data.forecasts):
        caption = (
            "The forecasts that are furthest off" if len(worst) > NAMED else "Forecast and measured limit"
        )
        made[caption] = furthest(tables, worst)
    return Block("The limit from a short run", captioned(limit_data), {}, made)


def compared(tables: Tables, limit_data: LimitEvidence) -> ShownTable:
    """Every predictor against the measured limit, theory's first."""
    columns = [
        ShownColumn("methods", "", KINDS_MEAN),
        ShownColumn("predictor"),
        ShownColumn("predicted", "cells", "cells that have a prediction, of all with a short run"),
        ShownColumn("compared", "cells", "cells with a measured limit as well"),
        ShownColumn("median", MEASURED_OVER, resampled(tables.study.problems)),
        ShownColumn("spread", MEASURED_OVER, "standard deviation in decades; 0.30 is a factor of 2"),
        ShownColumn("least", MEASURED_OVER),
        ShownColumn("most", MEASURED_OVER),
        ShownColumn("within a factor of 2", MEASURED_OVER, about_share("share of cells", tables)),
    ]
    rows = [
        Row(
            [
                KIND_WORDS[MethodKind(row["kind"])],
                PREDICTOR_WORDS[row["predictor"]],
                f"{row['predicted']}/{row['cells']}",
                str(row["compared"]),
                times(row["ratio"]),
                fixed(row["spread"], 2),
                factor(row["least"]),
                factor(row["most"]),
                share(row["share"]),
            ]
        )
        for row in records(limit_data.predictors)
    ]
    used = dict.fromkeys(limit_data.predictors["predictor"])
    notes = [f"{PREDICTOR_WORDS[p][0].upper()}{PREDICTOR_WORDS[p][1:]}: {PREDICTOR_MEANS[p]}." for p in used]
    return ShownTable(columns, rows, heads=2, notes=notes, lead=EACH_PREDICTOR)


def _apart(tables: Tables, apart: Any) -> ShownTable:
    columns = [
        ShownColumn("problem"),
        ShownColumn("methods", "", KINDS_MEAN),
        ShownColumn("predictor", "", "with the smallest spread on all other problems"),
        ShownColumn("cells", "", "with a measured limit"),
        ShownColumn("median", "", "of measured over predicted"),
        ShownColumn("within a factor of 2", "", "cells"),
    ]
    rows = [
        Row(
            [
                tables.study.names.problems[row["problem"]],
                KIND_WORDS[MethodKind(row["kind"])],
                PREDICTOR_WORDS[row["chosen"]],
                str(row["compared"]),
                factor(row["middle"]),
                f"{row['twice']}/{row['compared']}",
            ],
            problem=row["problem"],
        )
        for row in records(apart)
    ]
    return ShownTable(columns, rows, heads=2, folded=True, lead=APART)


def furthest(tables: Tables, worst: list[dict[str, Any]]) -> ShownTable:
    """The cells whose forecast is furthest from the measured limit, with a likely reason."""
    columns = [
        *(ShownColumn(name) for name in ("problem", "optimizer", "batch")),
        ShownColumn("at the start", "predicted", "theory’s prediction from the curvature at the start"),
        ShownColumn(
            "short run", "predicted", "its forecast, with the lowest and the highest of its replicates"
        ),
        ShownColumn("limit", "measured", "with its 95 % interval"),
        ShownColumn("measured / short run"),
        ShownColumn("likely reason", "", "by the method, the side and the length of the short run", True),
    ]
    names = tables.study.names
    rows = [
        Row(
            [
                names.problems[cell["problem"]],
                names.optimizers[cell["optimizer"]],
                cell["batch"],
                number(cell[THEORY]) if np.isfinite(cell[THEORY]) else "–",
                f"{number(cell['forecast'])} ({number(cell['forecast_low'])} to "
                f"{number(cell['forecast_high'])})",
                f"{number(cell['measured'])} ({number(cell['low'])} to {number(cell['high'])})",
                factor(cell["ratio"]),
                forecast_cause(cell),
            ],
            problem=cell["problem"],
            optimizer=cell["optimizer"],
            batch=cell["batch"],
            run=tables.study.run_of[cell["key"]],
        )
        for cell in worst
    ]
    return ShownTable(columns, rows, heads=3, lead=FURTHEST if len(worst) > NAMED else ONE_OR_TWO)
