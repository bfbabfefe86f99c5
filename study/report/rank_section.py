"""The sections on which optimizer is better, and how sure that is: ranks and speed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.extremes import by_speed, extremes
from overshoot.study.analysis.frame import Study, records
from overshoot.study.analysis.profiles import FACTORS, REACH, profile_table
from overshoot.study.analysis.rank_tables import (
    ALL,
    Diagram,
    Stability,
    diagrams,
    left_out,
    stability,
    standing,
)
from overshoot.study.analysis.scores import replicates
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.figures.keys import LegendKey, family_keys
from overshoot.study.figures.lines import LineView, Scale, Series, draw_lines, named_size
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.rank_diagrams import RankView, draw_ranks, rank_size, ticks
from overshoot.study.figures.span_rows import SpanView, draw_spans, span_size
from overshoot.study.figures.theme import INK, MUTED, Looks
from overshoot.study.findings.ranking import ANCHOR as RANKS
from overshoot.study.findings.ranking import rank_power, ranked, steadiness, too_few
from overshoot.study.findings.speed import ANCHOR as SPEED
from overshoot.study.findings.speed import fastest
from overshoot.study.numbers import between, fixed, listing, number, share
from overshoot.study.phases.outcomes import TOLERANCES
from overshoot.study.report.html_tables import Row, ShownColumn, ShownTable, about_share
from overshoot.study.report.pictures import Picture, Tile, left_out_key
from overshoot.study.report.sections import Block, Section, section

DIAGRAM = (
    "Each dot is an optimizer’s mean rank over the problems; further left is better. A thick bar "
    "joins optimizers whose mean ranks are closer than the critical distance (the ruler at the top), "
    "so that they are not clearly different. Where Friedman’s test finds no difference at all, no "
    "pair may be tested, and one bar joins all. Few problems make the distance long: a bar does not "
    "prove that two optimizers are equally good, only that this study cannot say which is better."
)
LEFT_OUT = "How often the first place changes, and how much of the order stays, when one is left out."
AREAS = (
    "For three targets, the area under each optimizer’s profile (1 would be the fastest in every run) and "
    "the share of its runs that reach the target."
)
EVERY = "all batch strategies"
NAMED = 16
"""Lines that have room for their names at their ends."""


@section(20)
def ranks_section(tables: Tables, looks: Looks) -> Section | None:
    """Mean ranks of the tuned training gap, which of them clearly differ, and how steady they are."""
    study = tables.study
    scores = replicates(study, "gap")
    table = standing(study, scores)
    if min(table.shape) < 2:
        return None
    drawn = diagrams(study, scores)
    ranks = left_out(study, scores)
    steady = [] if study.few else stability(ranks)
    made = (
        ranked(study, drawn) or too_few(study, table),
        rank_power(tables),
        steadiness(study, table, steady),
    )
    findings = [finding for finding in made if finding is not None]
    blocks = []
    if drawn:
        picture = {"": _diagrams(study.names.batches, looks, drawn)}
        blocks.append(Block("Which ranks clearly differ", DIAGRAM, picture, wide=True))
    if steady:
        blocks.append(
            Block(
                "What depends on a single problem or replicate",
                "The dot is the mean rank over everything. The bars span the mean ranks that result when one "
                "problem, or one replicate of every cell, is left out, each in turn. Where the bars of two "
                "optimizers overlap, their order may depend on what happened to be in the study.",
                {"": _spans(looks, ranks, steady)},
                {"The ranking when one is left out": _stability_table(tables, steady)},
                wide=True,
            )
        )
    return Section(
        RANKS,
        "Which optimizer ranks first",
        "On each problem the tuned optimizers are ranked by their median training gap: 1 is the smallest. "
        "Mean ranks weigh all problems alike, but ignore how large the differences are.",
        findings,
        blocks,
    )


def _diagrams(batches: dict[str, str], looks: Looks, drawn: list[Diagram]) -> Picture:
    size = rank_size(len(drawn[0].optimizers), max(len(d.bars) for d in drawn))
    views = [
        RankView(
            batches.get(d.batch, EVERY),
            [looks.optimizers[o] for o in d.optimizers],
            d.ranks,
            d.distance,
            d.bars,
            _note(d),
            size[1],
        )
        for d in drawn
    ]
    tiles = [
        Tile(
            f"Critical-difference diagram, {batches.get(d.batch, EVERY)}: "
            + ", ".join(
                f"{looks.optimizers[o].label} {fixed(rank, 1)}"
                for o, rank in zip(d.optimizers, d.ranks, strict=True)
            ),
            batch=d.batch,
        )
        for d in drawn
    ]
    return Picture("ranks", Panels(draw_ranks, views, size, 2, family_keys(looks)), tiles)


def _note(diagram: Diagram) -> str:
    problems = f"{diagram.problems} problems"
    if len(diagram.ranks) < 3:
        return problems
    return f"Friedman p = {number(diagram.p)}{' after Holm' if diagram.batch else ''}, {problems}"


def _spans(looks: Looks, ranks: pd.DataFrame, steady: list[Stability]) -> Picture:
    whole = ranks[ranks["kind"] == ""].sort_values("rank", kind="stable")
    order = [str(o) for o in whole["optimizer"]]
    spans = {part.kind: np.array([part.span[o] for o in order]) for part in steady}
    k = len(order)
    scale = Scale("mean rank, 1 is the best", (0.8, k + 0.2), ticks=tuple(ticks(k)))
    view = SpanView(EVERY, [looks.optimizers[o] for o in order], whole["rank"].to_numpy(), spans, scale)
    keys = [
        LegendKey(f"one {kind} left out", MUTED, "-", width=4.5 - 2 * i) for i, kind in enumerate(spans)
    ] + [LegendKey("nothing left out", INK, marker="o"), *family_keys(looks)]
    alt = "mean rank of each optimizer, and how far it moves when one problem or one replicate is left out"
    return Picture("steadiness", Panels(draw_spans, [view], span_size(len(order)), 1, keys), [Tile(alt)])


def _stability_table(tables: Tables, steady: list[Stability]) -> ShownTable:
    columns = [
        ShownColumn("left out"),
        ShownColumn("cases"),
        ShownColumn("another first", "", "cases in which another optimizer comes first, or ties for first"),
        ShownColumn("without", "", "what was left out in these cases"),
        ShownColumn("lowest τ", "", "Kendall’s rank correlation with the whole ranking: 1 is the same order"),
        ShownColumn("median τ"),
    ]
    names = tables.study.names.problems
    rows = [
        Row(
            [f"one {part.kind}", str(part.out), str(len(part.moved))]
            + [listing([names.get(out, out) for out in part.moved]) or "–"]
            + [fixed(tau, 2) for tau in part.tau]
        )
        for part in steady
    ]
    return ShownTable(columns, rows, heads=1, lead=LEFT_OUT)


@section(30)
def speed_section(tables: Tables, looks: Looks) -> Section | None:
    """Performance profiles on examples to a target."""
    study = tables.study
    table = profile_table(study)
    finding = fastest(study, table)
    if finding is None:
        return None
    bands = "" if study.few else "; the pale bands are bootstrap intervals over the replicates"
    targets = {f"gap below {number(target)}": target for target in TOLERANCES}
    pictures = {
        label: _profiles(study, looks, table[table["target"] == target], f"profiles-{i}")
        for i, (label, target) in enumerate(targets.items(), 1)
    }
    return Section(
        SPEED,
        "Which optimizer is the fastest",
        "Speed is the number of examples processed until the training gap stays below a target for good. A "
        "run that never gets there counts as infinitely slow. The rates are those that the search tuned for "
        "speed.",
        [finding],
        [
            Block(
                "Performance profiles",
                "Each curve is the share of an optimizer’s runs that reach the target within so many times "
                "the examples that the fastest optimizer needs on the same problem, with the same batches "
                "and the same initial weights. On the left, at 1, it is the share of runs in which it is "
                "the fastest; on the right, the share that arrives within ten times as many. Higher is "
                f"better{bands}. Arrival is known only "
                "to the next evaluation, so optimizers that differ by less count as equally fast.",
                pictures,
                {"Area under the profiles and runs that reach the target": _profile_table(tables, table)},
                wide=True,
            )
        ],
    )


def _profiles(study: Study, looks: Looks, table: pd.DataFrame, name: str) -> Picture:
    """A panel for each batch strategy; of many optimizers the fastest and the slowest over all of them."""
    batches = study.names.batches
    rows = [b for b in (ALL, *batches) if (table["batch"] == b).any()] if len(batches) > 1 else [*batches]
    x = Scale("times the examples of the fastest", (1, REACH), log=True, ticks=(1, 2, 3, 5, 10))
    shown = looks.only(extremes(looks.optimizers, by_speed(table), NAMED))
    views = [
        LineView(
            batches.get(batch, EVERY),
            looks.batches[batch].color if batch else INK,
            [
                Series(row["optimizer"], looks.optimizers[row["optimizer"]], FACTORS, row["band"])
                for row in records(table[table["batch"] == batch])
                if row["optimizer"] in shown.optimizers
            ],
            x,
            Scale("share of runs", (0, 1)),
            named=True,
        )
        for batch in rows
    ]
    tiles = [
        Tile(f"Performance profiles of the optimizers, {batches.get(batch, EVERY)}", batch=batch)
        for batch in rows
    ]
    keys = [*family_keys(shown), *left_out_key(looks, shown)]
    return Picture(name, Panels(draw_lines, views, named_size(len(shown.optimizers)), 2, keys), tiles)


def _profile_table(tables: Tables, table: pd.DataFrame) -> ShownTable:
    names = tables.study.names
    columns = [ShownColumn("optimizer"), ShownColumn("batch")]
    for target in TOLERANCES:
        group = f"gap below {number(target)}"
        columns += [
            ShownColumn(
                "area", group, f"under the profile, up to {number(REACH)} times the fastest run; 1 at most"
            ),
            ShownColumn("reached", group, about_share("share of the runs that reach the target", tables)),
        ]
    rows = []
    for (optimizer, batch), part in table.groupby(["optimizer", "batch"], sort=False):
        at = {row["target"]: row for row in records(part)}
        texts = [
            text
            for target in TOLERANCES
            for text in (between(at[target]["area"], 2), share(at[target]["share"]))
        ]
        head = [names.optimizers[str(optimizer)], str(batch) or "all"]
        rows.append(Row([*head, *texts], "", str(optimizer), str(batch)))
    order = {o: i for i, o in enumerate(names.optimizers)}
    return ShownTable(columns, sorted(rows, key=lambda row: order[row.optimizer]), lead=AREAS)
