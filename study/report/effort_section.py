"""The sections on what tuning takes and what a batch size costs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.arrivals import TARGET, UNITS, arrivals, arrived, costs, shares
from overshoot.study.analysis.defaults import default_rates
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.search_effort import (
    NEAR,
    alarms,
    best_so_far,
    needed,
    searches,
)
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import clustered
from overshoot.study.figures.keys import batch_keys
from overshoot.study.figures.lines import NARROW, LineView, Scale, Series, draw_lines
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.theme import Looks
from overshoot.study.findings.batch_axes import ANCHOR as AXES
from overshoot.study.findings.batch_axes import batch_axes
from overshoot.study.findings.codes import SEARCHES
from overshoot.study.findings.tuning import ANCHOR as TUNING
from overshoot.study.findings.tuning import search_boundary, tuning_effort
from overshoot.study.numbers import number, percent, rough
from overshoot.study.phases.search import SearchStatus
from overshoot.study.report.html_tables import Row, ShownColumn, ShownTable
from overshoot.study.report.pictures import Picture, Tile
from overshoot.study.report.sections import Block, Section, section
from overshoot.study.statistics import Interval, middle

SO_FAR = (
    "A trial is one training run at one learning rate. The vertical axis is the share of the search’s whole "
    "gain in validation loss that the best trial so far is still missing: 1 is no better than the untrained "
    "network, 0 is as good as it gets. A line that falls early belongs to an optimizer that needs little "
    "tuning. Every search starts with the same rates in a random order, so the lines are means over all "
    "orders. Each line is the interquartile mean over the problems{}."
)
BOUNDARY = (
    "The search boundary is either end of the searched range. Where the best rate lies within half a decade "
    "of it, a better one may lie beyond, so the range is extended by two decades on that side, at most "
    "twice. A search whose best rate is at the boundary even then, or in which every trial diverged, is in "
    "doubt and marked † in all tables; ‡ marks one that was settled after its range was extended."
)
DEFAULTS = (
    "A default rate is one library’s choice. Here are those that tuned rates are compared with and, where "
    "another framework has a different one, that one beside it. A default is usable in a cell when it lies "
    "in the usable range."
)
NEEDED = "How many trials a search takes until the best of them is nearly as good as the best of all."
BY_BATCH = "trials by batch, median over the problems"
ALARMS = "The searches whose best rate lay at the search boundary, and what came of them."
TO_TARGET = "What the median run needs to reach a training gap of {} for good, by each way of counting."
ARRIVED = (
    "Each curve is the share of an optimizer’s runs at the tuned rate, on all problems, that stay below the "
    "target after so many examples, updates or milliseconds. Further left is faster; the height at the "
    "right is the share that arrives at all. {}"
    "Milliseconds hold for this machine and its load: the time of the cell’s sweep divided by its updates, "
    "with trials trained side by side and evaluations included."
)


@section(40)
def tuning_section(tables: Tables, looks: Looks) -> Section:
    """Best so far against the number of trials, and where the search came to its boundary."""
    study = tables.study
    trials = searches(study)
    alarm = alarms(study)
    findings = [f for f in (tuning_effort(study, trials), search_boundary(study, alarm)) if f is not None]
    blocks = []
    if len(trials):
        blocks.append(
            Block(
                "The best rate so far, trial by trial",
                SO_FAR.format("" if study.few else ", and the pale band its bootstrap interval"),
                {"": _best_so_far(looks, best_so_far(trials))},
                {
                    f"Trials until no more than {percent(NEAR)} is missing": _needed_table(
                        tables, needed(trials)
                    )
                },
            )
        )
    if len(alarm):
        caption = "Searches that were extended or are in doubt"
        blocks.append(
            Block(
                "Best rates at the search boundary",
                BOUNDARY,
                tables={caption: _alarm_table(tables, alarm)},
            )
        )
    blocks.append(
        Block("Where default rates come from", DEFAULTS, tables={"Default rates": _defaults_table(tables)})
    )
    text = (
        "How many trials a search takes to find a learning rate about as good as the best it will find, "
        "which searches are in doubt, and how good default rates are without any search."
    )
    return Section(TUNING, "How much tuning each needs", text, findings, blocks)


def _defaults_table(tables: Tables) -> ShownTable:
    columns = [
        ShownColumn("optimizer"),
        ShownColumn("rate", "default"),
        ShownColumn("from", "default", "whose default it is"),
        ShownColumn("usable", "default", "cells in which it lies in the usable range of the sweep"),
        ShownColumn("rate", "another default"),
        ShownColumn("from", "another default"),
        ShownColumn("usable", "another default", "cells in which that one does"),
    ]
    rows = []
    for row in records(default_rates(tables.study, tables.sensitivity)):
        second = [number(row["other"]), row["framework"], f"{row['other_usable']}/{row['cells']}"]
        own = [number(row["rate"]), row["origin"] or "–", f"{row['usable']}/{row['cells']}"]
        texts = [tables.study.names.optimizers[row["optimizer"]], *own]
        rows.append(Row([*texts, *(second if row["framework"] else ["–"] * 3)], "", row["optimizer"]))
    return ShownTable(columns, rows, heads=1)


def _best_so_far(looks: Looks, table: pd.DataFrame) -> Picture:
    counts = [int(count) for count in sorted(table["trials"].unique())]
    ticks = tuple(float(count) for count in counts)
    x = Scale("trials", (1 / 1.1, max(counts) * 1.1), log=True, ticks=ticks)
    y = Scale("share of the gain still missing", (0, 1.02))
    views, tiles = [], []
    for optimizer, look in looks.optimizers.items():
        at = table[table["optimizer"] == optimizer]
        series = [
            Series(batch, looks.batches[batch], rows["trials"].to_numpy(float), _band(rows["missing"]))
            for batch in looks.batches
            if len(rows := at[at["batch"] == batch])
        ]
        views.append(LineView(look.label, look.color, series, x, y))
        tiles.append(
            Tile(f"{look.label}: share of the gain still missing, by number of trials", "", optimizer)
        )
    return Picture("trials", Panels(draw_lines, views, NARROW, 4, batch_keys(looks)), tiles)


def _median(values: pd.Series) -> Interval:
    return clustered(values.to_numpy(), values.index.get_level_values("problem"), middle)


def _band(intervals: pd.Series) -> np.ndarray:
    return np.array([[getattr(i, end) for i in intervals] for end in ("value", "low", "high")])


def _needed_table(tables: Tables, table: pd.DataFrame) -> ShownTable:
    names = tables.study.names
    columns = [
        ShownColumn("optimizer"),
        *(ShownColumn(batch, BY_BATCH) for batch in names.batches),
        ShownColumn("all", BY_BATCH),
    ]
    rows = []
    for optimizer in table:
        values = table[optimizer]
        groups = [values[values.index.get_level_values("batch") == batch] for batch in names.batches]
        texts = [rough(_median(group)) if len(group) else "–" for group in [*groups, values]]
        rows.append(Row([names.optimizers[str(optimizer)], *texts], "", str(optimizer)))
    return ShownTable(columns, rows, heads=1, lead=NEEDED)


def _alarm_table(tables: Tables, alarm: pd.DataFrame) -> ShownTable:
    names = tables.study.names
    columns = [
        ShownColumn("problem"),
        ShownColumn("optimizer"),
        ShownColumn("batch"),
        ShownColumn("at first", "searched range"),
        ShownColumn("in the end", "searched range"),
        ShownColumn("trials added"),
        ShownColumn("for training", "tuned rate"),
        ShownColumn("for validation", "tuned rate"),
        ShownColumn("in doubt"),
    ]
    rows = [
        Row(
            [
                *(names.problems[r["problem"]], names.optimizers[r["optimizer"]], r["batch"]),
                f"{number(r['first_low'])} to {number(r['first_high'])}",
                f"{number(r['search_low'])} to {number(r['search_high'])}",
                str(r["added"]),
                *(number(r.get(f"tuned_rate_{claim}", np.nan)) for claim in ("training", "validation")),
                "no ‡" if r["trusted"] else f"yes †: {SEARCHES[SearchStatus(r['doubt'])]}",
            ],
            r["problem"],
            r["optimizer"],
            r["batch"],
            (r["experiment"], r["run_id"]),
        )
        for r in records(alarm)
    ]
    return ShownTable(columns, rows, heads=3, lead=ALARMS)


@section(50)
def axes_section(tables: Tables, looks: Looks) -> Section | None:
    """Batch strategies against each other, counted in examples, updates and measured cost."""
    study = tables.study
    table = arrivals(study)
    finding = batch_axes(study, table)
    if finding is None or not np.isfinite(table["examples"]).any():
        return None
    units = [unit for unit in UNITS if table[unit].notna().all()]
    return Section(
        AXES,
        "What a batch size costs",
        "Large batches need more examples, small ones more updates, and the time of an update depends on "
        "both. So which batch size is faster depends on what is counted. Progress is always the full "
        "training loss, never that of a mini-batch.",
        [finding],
        [
            Block(
                f"Runs that have reached a training gap of {number(TARGET)}",
                ARRIVED.format(
                    "" if study.few else "The pale bands are bootstrap intervals over the replicates. "
                ),
                {UNITS[unit]: _arrivals(looks, table, unit, f"axes-{unit}") for unit in units},
                {"The median run’s way to the target": _arrived_table(tables, arrived(table), units)},
            )
        ],
    )


def _arrivals(looks: Looks, table: pd.DataFrame, unit: str, name: str) -> Picture:
    times = table[unit][np.isfinite(table[unit])]
    low, high = float(times.min()) / 1.3, float(times.max()) * 1.3
    points = np.geomspace(low, high, 81)
    reached = shares(table, unit, points)
    x, y = Scale(UNITS[unit], (low, high), log=True), Scale("share of runs", (0, 1))
    views, tiles = [], []
    for optimizer, look in looks.optimizers.items():
        series = [
            Series(batch, looks.batches[batch], points, reached[optimizer, batch])
            for batch in looks.batches
            if (optimizer, batch) in reached
        ]
        views.append(LineView(look.label, look.color, series, x, y))
        alt = f"{look.label}: share of runs that have reached the target, against {UNITS[unit]}"
        tiles.append(Tile(alt, "", optimizer))
    return Picture(name, Panels(draw_lines, views, NARROW, 4, batch_keys(looks)), tiles)


def _arrived_table(tables: Tables, table: pd.DataFrame, units: list[str]) -> ShownTable:
    names = tables.study.names
    each = costs(tables.study)
    cells = tables.study.cells.assign(cost=tables.study.cells["key"].map(each) * 1e6)
    columns = [
        ShownColumn("optimizer"),
        ShownColumn("batch"),
        ShownColumn("reached", "", "of the runs on all problems"),
    ]
    columns += [ShownColumn(UNITS[unit], "until the target", "∞ where half never reach it") for unit in units]
    if "milliseconds" in units:
        columns.append(
            ShownColumn(
                "µs an update", "", "median over the problems of the sweep’s time divided by its updates"
            )
        )
    rows = []
    for row in records(table):
        at = cells[(cells["optimizer"] == row["optimizer"]) & (cells["batch"] == row["batch"])]
        texts = [f"{row['reached']}/{row['runs']}", *(rough(row[unit]) for unit in units)]
        if "milliseconds" in units:
            texts.append(number(float(middle(at["cost"].to_numpy()))))
        head = [names.optimizers[row["optimizer"]], row["batch"]]
        rows.append(Row([*head, *texts], "", row["optimizer"], row["batch"]))
    places = {(o, b): (i, j) for i, o in enumerate(names.optimizers) for j, b in enumerate(names.batches)}
    ordered = sorted(rows, key=lambda r: places[r.optimizer, r.batch])
    return ShownTable(columns, ordered, lead=TO_TARGET.format(number(TARGET)))
