"""The section on stability limits: where each method breaks, or what it does instead."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from overshoot.core.batches import ORDERS, USUAL
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.limit_evidence import LimitEvidence, limit_evidence, pairs
from overshoot.study.analysis.sharpness_runs import EdgeVerdict, edge_line
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import NAMED
from overshoot.study.figures.batch_limits import (
    BatchLimitView,
    LimitCurve,
    batch_limits_size,
    draw_batch_limits,
    marker,
)
from overshoot.study.figures.keys import DIVERGED, LegendKey
from overshoot.study.figures.noise_floor_lines import (
    GUIDE,
    FloorLine,
    FloorView,
    NoiseView,
    draw_floors,
    draw_noise,
    floors_size,
)
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.sharpness_lines import ALLOWED, EdgeLine, EdgeView, draw_edge
from overshoot.study.figures.sharpness_lines import SIZE as EDGE
from overshoot.study.figures.stability import MapView, draw_map, map_size
from overshoot.study.figures.theme import INK, MUTED, PAPER, STEPS, Looks, ratio_color
from overshoot.study.findings import captions
from overshoot.study.findings.limit_words import factor
from overshoot.study.findings.short_run_claims import forecast
from overshoot.study.findings.stability_limits import findings
from overshoot.study.numbers import between, listing, number, plural
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.report import stability_tables as limit_tables
from overshoot.study.report.forecast_block import forecast_block
from overshoot.study.report.pictures import Picture, Tile
from overshoot.study.report.sections import Block, Section, section

ALL = "all problems"
"""Label of a block's only picture."""

SINGLE = LegendKey("predicted single-run limit", INK, marker="_", size=9)

DEPTH = 1e-4
"""The figure of the edge reaches this far below the lowest line. A run whose loss has vanished has no
curvature left either: its curve leaves at the bottom, and the table has its numbers."""


@section(10)
def limits_section(tables: Tables, looks: Looks) -> Section | None:
    """The section of a study; None where its cells hold nothing of limits, edges or floors."""
    limit_data = limit_evidence(tables)
    if limit_data.empty:
        return None
    made = [
        stability_map(tables, looks, limit_data),
        forecast_block(tables, limit_data),
        *(make(tables, looks, limit_data) for make in (batch_sizes, edges, floors, noise)),
    ]
    blocks = [block for block in made if block is not None]
    text = (
        "Every method that subtracts a multiple of the gradient has a stability limit: a learning rate "
        "above which its steps jump across the valley, each farther than the one before. Theory predicts it "
        "from the data and the method, before any training; here it stands beside the rate at which runs "
        "were seen to diverge, measured for each replicate. Adaptive methods, which divide by the size of "
        "past gradients, have no such predicted limit: with them too large a rate mostly ends on a plateau."
    )
    if (limit_data.forecasts["forecast"] > 0).any():
        text += " On networks a short run forecasts the limit"
        well = ", well for gradient descent, plain or with momentum, and roughly for adaptive methods"
        text += "." if tables.study.few else f"{well}."
    said = [
        *findings(tables, limit_data),
        *([own] if (own := forecast(tables, limit_data)) is not None else []),
    ]
    return Section("limits", "Stability limits: predicted and measured", text, said, blocks)


def map_keys() -> list[LegendKey]:
    """What the colours of a map of ratios stand for."""
    steps = {"a tenth or less": 0.1, "a third": 1 / 3, "within 10 % of the prediction": 1.0, "3 times": 3.0}
    steps["10 times or more"] = 10.0
    return [LegendKey(label, ratio_color(value), area=True) for label, value in steps.items()]


def stability_map(tables: Tables, looks: Looks, limit_data: LimitEvidence) -> Block | None:
    """Measured over predicted, a field for each cell, a panel for each problem."""
    if not (limit_data.limits["status"] != "").any():
        return None
    maps = {ALL: _map(tables, looks, limit_data.limits, "stability")}
    if (limit_data.forecasts["forecast"] > 0).any():
        maps = {
            "theory on least squares, a short run on networks": _map(
                tables, looks, limit_data.predicted, "stability"
            ),
            "theory alone": _map(tables, looks, limit_data.limits, "stability-theory"),
        }
    limits = (
        {"Measured over predicted limit, by kind of prediction": limit_tables.agreement(tables, limit_data)}
        if limit_data.agreement["cells"].sum() > NAMED
        else {}
    )
    linear = limit_data.limits[
        limit_data.limits["basis"].isin([LimitBasis.EXACT, LimitBasis.ORDER, LimitBasis.ALMOST_SURE])
    ]
    others = limit_data.limits.drop(linear.index)
    kinds = (
        ("Least squares: limits", linear, " on least squares"),
        ("Other cells: limits", others, " elsewhere"),
    )
    for caption, part, which in kinds:
        if len(part):
            limits[f"{caption} predicted and measured"] = limit_tables.limits(tables, part, which)
    if without := limit_tables.unpredicted(tables, limit_data.limits):
        limits["Where no limit is predicted"] = without
    text, terms = captions.stability(tables, limit_data), captions.bases(limit_data)
    return Block("The stability map", text, maps, limits, wide=True, terms=terms)


def _map(tables: Tables, looks: Looks, limits: pd.DataFrame, name: str) -> Picture:
    """Of limits with one prediction each."""
    names = tables.study.names
    views, tiles = [], []
    for problem, at in limits.assign(**limit_tables.fields(limits)).groupby("problem", sort=False):
        label = names.problems[str(problem)]
        views.append(MapView(label, looks, at))
        said = [
            f"{names.optimizers[r['optimizer']]} {r['batch']}: {r['number']} {r['word']}".replace(":  ", ": ")
            for r in records(at)
        ]
        tiles.append(
            Tile(f"{label}: measured limit over predicted limit. {'; '.join(said)}", problem=str(problem))
        )
    size = map_size(len(looks.optimizers), len(looks.batches))
    return Picture(name, Panels(draw_map, views, size, 2, map_keys()), tiles)


def batch_sizes(tables: Tables, looks: Looks, limit_data: LimitEvidence) -> Block | None:
    """Predicted limits against the batch size with the measured ones, a panel for each problem."""
    if limit_data.by_batch.empty:
        return None
    names = tables.study.names
    measured = limit_data.measured.merge(limit_data.by_batch[["problem", "optimizer"]].drop_duplicates())
    views, tiles = [], []
    for problem, at in limit_data.by_batch.groupby("problem", sort=False):
        runs = measured[measured["problem"] == problem]
        runs = runs.assign(predicted=runs["predicted"].where(runs["basis"] == LimitBasis.ALMOST_SURE))
        curves = [
            LimitCurve(
                names.optimizers[str(o)], _of(line, "size"), _of(line, "limit"), looks.optimizers[str(o)]
            )
            for o, line in at.groupby("optimizer", sort=False)
        ]
        guides = _guides(at)
        ends = [*(v for c in [*curves, *guides] for v in c.limits), *runs["low"], *runs["high"]]
        ends += [*runs["predicted"].dropna()]
        axis_range = (min(ends) / 1.5, max(ends) * 1.5)
        views.append(
            BatchLimitView(names.problems[str(problem)], curves, guides, runs, looks.optimizers, axis_range)
        )
        said = [
            f"{c.label} from {number(c.limits[0])} at batches of 1 to {number(c.limits[-1])}" for c in curves
        ]
        label = names.problems[str(problem)]
        alt = f"{label}: predicted limit against batch size: {listing(said)} at full batch"
        tiles.append(Tile(alt, problem=str(problem)))
    size = batch_limits_size(max(len(view.curves) + len(view.guides) for view in views))
    panels = Panels(draw_batch_limits, views, size, 2, _batch_keys(looks, limit_data, measured))
    return Block(
        "The limit and the batch size",
        captions.batch_limits(tables, limit_data, measured),
        {ALL: Picture("batch-limits", panels, tiles)},
        wide=True,
    )


def _batch_keys(looks: Looks, limit_data: LimitEvidence, measured: pd.DataFrame) -> list[LegendKey]:
    optimizers = (looks.optimizers[o] for o in dict.fromkeys(limit_data.by_batch["optimizer"]))
    return [
        *(LegendKey(look.label, look.color, "-") for look in optimizers),
        LegendKey("(1 − b) × and (1 + b) × gradient descent’s", MUTED, (0, (4, 2))),
        *_order_keys(measured),
        *([SINGLE] if (measured["basis"] == LimitBasis.ALMOST_SURE).any() else []),
    ]


def edges(tables: Tables, looks: Looks, limit_data: LimitEvidence) -> Block | None:
    """Sharpness along training, a panel for each problem and optimizer."""
    if limit_data.edge.empty:
        return None
    study = tables.study
    lines = {
        (str(problem), str(optimizer)): [_edge_line(tables, run) for run in records(runs.sort_values("rate"))]
        for (problem, optimizer), runs in limit_data.edge.groupby(["problem", "optimizer"], sort=False)
    }
    updates = [u for group in lines.values() for line in group for u in line.updates[line.updates > 0]]
    span = (min(updates) * 0.6, max(updates) * 1.05) if updates else (1.0, 10.0)
    views, tiles = [], []
    for (problem, optimizer), group in lines.items():
        label, look = study.names.problems[problem], looks.optimizers[optimizer]
        values = [v for line in group for v in (*line.sharpness, line.threshold)]
        least = max(min(values), DEPTH * min(line.threshold for line in group))
        axis_range = (least / 1.4, max(values) * 1.4)
        views.append(EdgeView(label, look, group, axis_range, span))
        at = limit_data.edge[
            (limit_data.edge["problem"] == problem) & (limit_data.edge["optimizer"] == optimizer)
        ]
        said = "; ".join(
            f"rate {number(r['rate'])}: {factor(r['late'])} times its threshold {number(r['threshold'])}, "
            f"{r['verdict']}"
            for r in records(at.sort_values("rate"))
        )
        tiles.append(Tile(f"{look.label} on {label}: sharpness along training. {said}", problem, optimizer))
    keys = [
        LegendKey("sharpness at the smallest rate", STEPS[0], "-"),
        LegendKey("at the largest rate", STEPS[-1], "-"),
        LegendKey("threshold: stable up to here", INK, ALLOWED, width=1.0),
        DIVERGED,
    ]
    picture = Picture("edge", Panels(draw_edge, views, EDGE, 4, keys), tiles)
    table = {"The sharpness of every run that was followed": limit_tables.edges(tables, limit_data)}
    return Block("The edge of stability", captions.edges(tables, limit_data), {ALL: picture}, table)


def floors(tables: Tables, looks: Looks, limit_data: LimitEvidence) -> Block | None:
    """The final gap above the best rate of methods without a limit: a picture for each batch strategy."""
    if limit_data.slopes.empty:
        return None
    names = tables.study.names
    shown = limit_data.floors[limit_data.floors["key"].isin(limit_data.slopes["key"])]
    slope = {row["key"]: row["slope"] for row in records(limit_data.slopes)}
    used = [look for o, look in looks.optimizers.items() if o in set(shown["optimizer"])]
    keys = [
        *(LegendKey(look.label, look.color, "-", look.marker) for look in used),
        LegendKey("slope 1 and slope 2", MUTED, GUIDE, width=1.2),
        LegendKey("the gap at the start", MUTED, "-", width=0.8),
    ]
    made = {}
    for i, (batch, strategy) in enumerate(names.batches.items()):
        own = shown[shown["batch"] == batch]
        span = (own["rate"].min() / 1.4, own["rate"].max() * 1.4)
        gaps = (10 ** np.floor(np.log10(own["q"].min())), min(10 ** np.ceil(np.log10(own["q"].max())), 1e6))
        views, tiles = [], []
        for problem, at in own.groupby("problem", sort=False):
            lines = [
                _floor_line(group, looks, slope[str(key)].value)
                for key, group in at.groupby("key", sort=False)
            ]
            label = names.problems[str(problem)]
            views.append(FloorView(label, lines, span, gaps))
            said = listing(
                [
                    f"{line.look.label} {between(slope[key], 1)}"
                    for line, key in zip(lines, at["key"].unique(), strict=True)
                ]
            )
            alt = f"{label}, {strategy}: final gap above the best rate; slopes on logarithmic axes: {said}"
            tiles.append(Tile(alt, problem=str(problem)))
        if views:
            size = floors_size(max(len(view.lines) for view in views))
            made[strategy] = Picture(f"floors-{i}", Panels(draw_floors, views, size, 4, keys), tiles)
    tables_ = {
        "How steeply plateaus rise with the rate, by optimizer": limit_tables.powers(tables, limit_data)
    }
    tables_["How steeply plateaus rise with the rate, cell by cell"] = limit_tables.slopes(tables, limit_data)
    return Block("Plateaus instead of a limit", captions.floors(tables, limit_data), made, tables_)


def noise(tables: Tables, looks: Looks, limit_data: LimitEvidence) -> Block | None:
    """The predicted floor of noise against the measured gap, a panel for each problem."""
    if limit_data.noise.empty:
        return None
    names = tables.study.names
    values = limit_data.noise[["predicted", "measured"]].to_numpy()
    axis_range = (float(np.percentile(values, 1)) / 3, float(max(np.percentile(values[:, 0], 100), 1)) * 2)
    views, tiles = [], []
    for problem, at in limit_data.noise.groupby("problem", sort=False):
        views.append(NoiseView(names.problems[str(problem)], looks.batches, at, axis_range))
        settled = at.loc[at["settled"], "ratio"]
        middle = f", median of measured over predicted {factor(settled.median())}" if len(settled) else ""
        alt = (
            f"{names.problems[str(problem)]}: measured gap against predicted noise floor of "
            f"{plural(len(at), 'run')}, {len(settled)} of which have forgotten their start{middle}"
        )
        tiles.append(Tile(alt, problem=str(problem)))
    used = [look for batch, look in looks.batches.items() if batch in set(limit_data.noise["batch"])]
    keys = [
        *(LegendKey(look.label, look.color, marker=look.marker) for look in used),
        LegendKey("start not forgotten", INK, marker="o", face=PAPER, size=3.6),
        LegendKey("measured as predicted", MUTED, "-", width=1.0),
    ]
    picture = Picture("noise", Panels(draw_noise, views, floors_size(0), 4, keys), tiles)
    table = (
        {"Measured gap over predicted noise floor": limit_tables.noise(tables, limit_data)}
        if len(limit_data.noise_agreement)
        else {}
    )
    return Block("Noise floors", captions.noise(limit_data), {ALL: picture}, table)


def _guides(by_batch: pd.DataFrame) -> list[LimitCurve]:
    """(1 - b) times gradient descent's limit, and (1 + b) times that of full batches, 2 (1 + b) / L."""
    guides = []
    for _, plain, _, b in pairs(by_batch):
        sizes, limits = _of(plain, "size"), _of(plain, "limit")
        guides.append(LimitCurve("(1 − b) × descent’s", sizes, (1 - b) * limits))
        guides.append(LimitCurve("2 (1 + b) / L", sizes, np.full(len(sizes), (1 + b) * limits[-1])))
    return guides


def _order_keys(measured: pd.DataFrame) -> list[LegendKey]:
    used = set(measured["order"])
    return [
        LegendKey(f"measured, {order.label}", INK, marker=marker(name), face="" if name == USUAL else PAPER)
        for name, order in ORDERS.items()
        if name in used
    ]


def _edge_line(tables: Tables, run: dict[str, Any]) -> EdgeLine:
    line = edge_line(tables.study, run["key"], run["trial"])
    return EdgeLine(
        run["rate"],
        run["threshold"],
        run["verdict"] == EdgeVerdict.DIVERGED,
        _of(line, "update"),
        _of(line, "sharpness"),
    )


def _floor_line(runs: pd.DataFrame, looks: Looks, slope: float) -> FloorLine:
    at = runs.groupby("rate")["q"].agg(["median", "min", "max"])
    look = looks.optimizers[str(runs["optimizer"].iloc[0])]
    rates = at.index.to_numpy(dtype=float)
    return FloorLine(look, rates, _of(at, "median"), _of(at, "min"), _of(at, "max"), slope)


def _of(table: pd.DataFrame, column: str) -> np.ndarray:
    return table[column].to_numpy(dtype=float)
