"""The section on many methods: each against Adam, left without a tuned rate, and in what its updates cost."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import records
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.analysis.update_costs import update_costs
from overshoot.study.comparison import Comparison
from overshoot.study.figures.keys import LegendKey, family_keys
from overshoot.study.figures.lines import Scale
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.span_rows import SpanView, draw_spans, span_size
from overshoot.study.figures.theme import INK, MUTED, OPTIMIZERS, Looks
from overshoot.study.findings.methods import (
    ANCHOR,
    against_rival,
    beats_adam,
    default_right,
    finds_its_rate,
    survived,
    update_cost,
)
from overshoot.study.numbers import number, resampled, rough
from overshoot.study.report.html_tables import Row, ShownColumn, ShownTable
from overshoot.study.report.pictures import Picture, Tile
from overshoot.study.report.sections import Block, Section, section

RIVAL = (
    "The dot is the probability that a run of an optimizer has the smaller training gap than the same run of "
    "Adam, both at the rate that the search found best for training: one half is no difference. The pale "
    "bar is its interval resampled by problem, the dark one over replicates. An optimizer is clearly better "
    "where both lie to the right of the line."
)
COST = (
    "The dot is how many times as long an update takes as one of gradient descent on the same problem with "
    "the same batch strategy, {}. Methods that work entry by entry "
    "run in compiled code, the others in NumPy."
)

OPENING = {
    False: "A mean rank says who trains furthest. It does not say whether a method beats the one that "
    "everybody uses, what it does with nobody to tune it, or what its updates cost.",
    True: "Each method beside the one that everybody uses, with nobody to tune it, and what its updates "
    "cost.",
}
"""Whether there are few problems -> how the section opens."""

BARS = {False: "interval, resampled by problem", True: "range over the problems"}
"""Whether there are few problems -> what a bar shows."""


@section(35)
def methods_section(tables: Tables, looks: Looks) -> Section | None:
    """What sets methods apart besides their ranks; only of more methods than a figure has colours for."""
    if len(looks.optimizers) <= len(OPTIMIZERS):
        return None
    chances, costs = against_rival(tables), update_costs(tables.study)
    made = (
        beats_adam(tables, chances),
        default_right(tables),
        finds_its_rate(tables),
        survived(tables),
        update_cost(tables, costs),
    )
    blocks = []
    if chances and not tables.study.few:
        blocks.append(Block("Each against Adam", RIVAL, {"": _rivals(looks, chances)}, wide=True))
    if len(costs) > 1:
        table = {"Time of an update": _cost_table(tables, costs)}
        text = COST.format(f"the bar its {BARS[tables.study.few]}")
        blocks.append(
            Block("What an update costs", text, {"": _costs(tables, looks, costs)}, table, wide=True)
        )
    return Section(
        ANCHOR,
        "What else sets the methods apart",
        OPENING[tables.study.few],
        [finding for finding in made if finding is not None],
        blocks,
    )


def _rivals(looks: Looks, chances: dict[str, Comparison]) -> Picture:
    order = sorted(chances, key=lambda o: -chances[o].value)
    values = np.array([chances[o].value for o in order])
    kinds = {"problems": "by problem", "replicates": "over replicates"}
    spans = {
        kind: np.array([[(i := getattr(chances[o], kind)).low, i.high] for o in order]) for kind in kinds
    }
    scale = Scale("probability of training further than Adam", (0, 1))
    view = SpanView("all batch strategies", [looks.optimizers[o] for o in order], values, spans, scale, 0.5)
    keys = [
        LegendKey(f"interval, resampled {how}", MUTED, "-", width=4.5 - 2 * i)
        for i, how in enumerate(kinds.values())
    ]
    return _picture("against-adam", view, [*keys, *family_keys(looks)])


def _costs(tables: Tables, looks: Looks, costs: pd.DataFrame) -> Picture:
    rows = records(costs)
    values = np.array([row["ratio"].value for row in rows])
    ends = np.array([[row["ratio"].low, row["ratio"].high] for row in rows])
    limits = (min(ends.min(), 0.8) / 1.2, max(ends.max(), 2.0) * 1.2)
    scale = Scale("time of an update, gradient descent’s is 1", limits, log=True)
    names = [looks.optimizers[row["optimizer"]] for row in rows]
    view = SpanView("all batch strategies", names, values, {"problems": ends}, scale, 1.0)
    keys = [LegendKey(BARS[tables.study.few], MUTED, "-", width=4.5), *family_keys(looks)]
    return _picture("update-costs", view, keys)


def _picture(name: str, view: SpanView, keys: list[LegendKey]) -> Picture:
    values = zip(view.looks, view.values, strict=True)
    alt = f"{view.scale.label}: " + ", ".join(f"{look.label} {number(value)}" for look, value in values)
    dot = LegendKey("value", INK, marker="o")
    return Picture(name, Panels(draw_spans, [view], span_size(len(view.looks)), 1, [dot, *keys]), [Tile(alt)])


def _cost_table(tables: Tables, costs: pd.DataFrame) -> ShownTable:
    columns = [
        ShownColumn("optimizer"),
        ShownColumn("µs an update", "", "median over problems and batch strategies, of trials side by side"),
        ShownColumn("times gradient descent’s", "", f"median {resampled(tables.study.problems)}".strip()),
        ShownColumn("pairs", "", "of problem and batch strategy"),
    ]
    rows = [
        Row(
            [
                tables.study.names.optimizers[row["optimizer"]],
                number(row["microseconds"]),
                rough(row["ratio"]),
                str(row["pairs"]),
            ],
            "",
            row["optimizer"],
        )
        for row in records(costs)
    ]
    lead = "How long an update takes, in microseconds and as a multiple of one of gradient descent."
    return ShownTable(columns, rows, heads=1, lead=lead)
