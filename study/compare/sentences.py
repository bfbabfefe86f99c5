"""A comparison in sentences, and as a Markdown document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from study.analysis.labels import names_of
from study.compare.changes import HIGHER, LOWER, TIE, Axes, Change, Comparison, Pair
from study.compare.sides import Side
from study.numbers import around, fixed, number, percent, plural, share
from study.statistics import Interval

COLUMNS = ("cell", "tuned rate", "gap, B/A", "usable decades", "limit of the rate", "diverged")


def sentences(found: Comparison) -> list[str]:
    """What a reader must know first: what is compared, and what changed in how many cells."""
    changes = found.changes
    said = [f"A is {_side(found.a)}. B is {_side(found.b)}."]
    said += [
        f"Only in {name}: {'; '.join(_named(found, axes) for axes in alone)}."
        for name, alone in (("A", found.only_a), ("B", found.only_b))
        if alone
    ]
    if not changes:
        return [*said, "They have no cell in common: nothing can be compared."]
    same = sum(change.same for change in changes)
    if same == len(changes):
        return [*said, f"Both are the very same runs ({plural(same, 'cell')}): nothing changed."]
    if same:
        said.append(f"{_of(same, changes)} are the very same runs in both.")
    twice = [change for change in changes if not change.same]
    return [*said, _gap(twice), *_moved(twice), *_doubts(twice)]


def rows(found: Comparison, every: bool = False) -> list[list[str]]:
    """A row of COLUMNS for each cell in which something changed, or for each cell at all, with intervals."""
    return [
        [
            _named(found, change.axes),
            _pair(change.rate, lambda i: number(i.value)),
            _ratio(change),
            _pair(change.width, lambda i: fixed(i.value, 1)),
            _pair(change.limit, lambda i: number(i.value, 3)),
            _pair(change.share, share if every else lambda i: percent(i.value)),
        ]
        for change in found.changes
        if every or (change.changed and not change.same)
    ]


def markdown(found: Comparison) -> str:
    """The whole comparison, every cell of it."""
    parts = [f"# {found.a.name} and {found.b.name}", *sentences(found), "## What was set differently"]
    parts += ["\n".join(f"- {line}" for line in found.settings) or "Nothing in the cells that both have."]
    if found.changes:
        parts += ["## Every cell", _table(rows(found, every=True)), READING]
    return "\n\n".join(parts) + "\n"


def write(found: Comparison, results: Path) -> Path:
    """Put the document into the folder `results`, named after the two sides; its path."""
    name = "-".join(re.sub(r"[^A-Za-z0-9._]+", "-", Path(side.name).name) for side in (found.a, found.b))
    path = results / f"compare-{name}.md"
    results.mkdir(parents=True, exist_ok=True)
    path.write_text(markdown(found), encoding="utf-8")
    return path


READING = (
    "A -> B in every column. The gap is what is left of the training gap at the tuned rate, on the "
    "confirmation's replicates: the factor from A to B with its 95 % bootstrap interval. *Lower* and "
    "*higher* say that B is told apart from A: for the gap by that interval and by a test with Holm's "
    "correction over all cells; for widths (over the sweep's replicates), limits and shares by intervals "
    "that do not overlap; for the tuned rate, which has no replicates, by more than a step of the grid. "
    "Whatever is not told apart is a tie. A measured limit is the median over the sweep's replicates; where "
    "a side has none it is the sweep's first rate at which half of the runs diverged, and is not judged."
)


def _table(body: Sequence[Sequence[str]]) -> str:
    lines = [COLUMNS, ["---"] * len(COLUMNS), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _side(side: Side) -> str:
    begun, ended = side.finished
    last = f"{ended:%H:%M}" if begun.date() == ended.date() else f"{ended:%Y-%m-%d %H:%M}"
    when = f"{begun:%Y-%m-%d %H:%M}" + (f" to {last}" if ended - begun >= timedelta(minutes=1) else "")
    return f"{side.name} ({plural(len(side.cells), 'cell')}, finished {when} UTC)"


def _named(found: Comparison, axes: Axes) -> str:
    names = names_of(cell.tags for side in (found.a, found.b) for cell in side.cells)
    problem, optimizer, batch = axes
    return f"{names.optimizers[optimizer]} on {names.problems[problem]}, {names.batches[batch]}"


def _of(count: int, changes: Sequence[Change]) -> str:
    return f"{count} of {plural(len(changes), 'cell')}"


def _gap(changes: Sequence[Change]) -> str:
    told = Counter(change.verdict for change in changes)
    compared = sum(told[verdict] for verdict in (LOWER, HIGHER, TIE))
    if not compared:
        return "No cell has a tuned rate in both: training gaps cannot be compared."
    paired = sum(change.paired and change.gap is not None for change in changes)
    how = "paired" if paired == compared else "not paired" if not paired else f"{paired} of them paired"
    return (
        f"At the tuned rate B leaves a lower training gap in {told[LOWER]}, a higher one in {told[HIGHER]} "
        f"and is tied with A in {told[TIE]} of {plural(compared, 'cell')} (replicates {how}; Holm's "
        "correction)."
    )


def _moved(changes: Sequence[Change]) -> list[str]:
    kinds: list[tuple[str, Callable[[Change], Pair]]] = [
        ("The tuned rate", lambda change: change.rate),
        ("The usable range in decades", lambda change: change.width),
        ("The measured limit of the rate", lambda change: change.limit),
        ("The share of diverged runs in the sweep", lambda change: change.share),
    ]
    said = []
    for name, pair in kinds:
        told = Counter(pair(change).verdict for change in changes)
        compared = sum(told[verdict] for verdict in (LOWER, HIGHER, TIE))
        if compared:
            said.append(
                f"{name} is higher in B in {told[HIGHER]}, lower in {told[LOWER]} and tied in {told[TIE]} of "
                f"{plural(compared, 'cell')}."
            )
        else:
            said.append(
                f"{name} cannot be compared: what it depends on was set differently, or is not there."
            )
    return said


def _doubts(changes: Sequence[Change]) -> list[str]:
    doubted = sum(any(change.doubts) for change in changes)
    if not doubted:
        return []
    return [
        f"In {_of(doubted, changes)} a search is not to be trusted, at an edge or without any stable rate."
    ]


def _pair(pair: Pair, show: Callable[[Interval], str]) -> str:
    if pair.a is None and pair.b is None:
        return "–"
    both = [show(side) if side is not None else "–" for side in (pair.a, pair.b)]
    shown = both[0] if both[0] == both[1] else " -> ".join(both)
    return f"{shown} **{pair.verdict}**" if pair.verdict in (LOWER, HIGHER) else shown


def _ratio(change: Change) -> str:
    if change.same:
        return "the same run"
    if change.gap is None:
        return "–"
    with np.errstate(over="ignore"):
        ends = (10.0**value for value in (change.gap.value, change.gap.low, change.gap.high))
    shown = around(Interval(*ends))
    return f"{shown} **{change.verdict}**" if change.verdict in (LOWER, HIGHER) else f"{shown} tie"
