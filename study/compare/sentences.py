"""A comparison in sentences, and as a Markdown document."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import numpy as np

from overshoot.study.analysis.labels import names_of
from overshoot.study.compare.changes import HIGHER, LOWER, UNCLEAR, Change, Pair, StudyComparison
from overshoot.study.compare.pairs import Axes
from overshoot.study.compare.sides import Side
from overshoot.study.files import place
from overshoot.study.numbers import around, fixed, listing, number, percent, plural, share
from overshoot.study.statistics import Interval

MOST_PAIRS = 8
"""Pairs with something changed that have a sentence each."""

COLUMNS = ("cell", "tuned rate", "gap, B/A", "usable decades", "stability limit", "diverged")


def sentences(comparison: StudyComparison) -> list[str]:
    """The answer first: what is compared, and what changed in how many cells."""
    changes = comparison.changes
    said = [f"A is {_side(comparison.a)}. B is {_side(comparison.b)}."]
    said += [
        f"Only in {name}: {'; '.join(named(comparison, axes) for axes in alone)}."
        for name, alone in (("A", comparison.only_a), ("B", comparison.only_b))
        if alone
    ]
    said += _processors(comparison.a, comparison.b)
    if not changes:
        return [*said, "They have no cell in common, so there is nothing to compare."]
    same = sum(change.same for change in changes)
    if same == len(changes):
        return [*said, f"Nothing changed: both consist of the same stored runs ({plural(same, 'cell')})."]
    if same:
        said.append(f"{_of(same, changes)} are the same stored runs in both.")
    twice = [change for change in changes if not change.same]
    said += _pairs(comparison)
    return [*said, _gap(twice), *_moved(twice), *_doubts(twice)]


def _processors(a: Side, b: Side) -> list[str]:
    """What is to be said where the sides were computed on other processors, or one of them on several."""
    unknown = "an unknown processor"
    on = [sorted({cell.summary.processor or unknown for cell in side.cells}) for side in (a, b)]
    if on[0] == on[1] and len(on[0]) == 1:
        return []
    return [
        f"A was computed on {listing(on[0])}, B on {listing(on[1])}: processors round differently, so "
        "equal runs can differ in their last digits, and near a stability limit soon after that."
    ]


def rows(comparison: StudyComparison, every: bool = False) -> list[list[str]]:
    """A row of COLUMNS for each cell in which something changed, or for each cell at all, with intervals."""
    return [
        [
            _of_pair(comparison, change),
            _pair(change.rate, lambda i: number(i.value)),
            _ratio(change),
            _pair(change.width, lambda i: fixed(i.value, 1)),
            _pair(change.limit, lambda i: number(i.value, 3)),
            _pair(change.share, share if every else lambda i: percent(i.value)),
        ]
        for change in comparison.changes
        if every or (change.changed and not change.same)
    ]


def markdown(comparison: StudyComparison) -> str:
    """The whole comparison, every cell of it."""
    parts = [
        f"# {comparison.a.name} and {comparison.b.name}",
        *sentences(comparison),
        "## Settings that differ",
    ]
    parts += ["\n".join(f"- {line}" for line in comparison.settings) or "None, in the cells that both have."]
    if comparison.changes:
        parts += ["## Every cell", _table(rows(comparison, every=True)), READING]
    return "\n\n".join(parts) + "\n"


def write(comparison: StudyComparison, results: Path) -> Path:
    """Put the document into the folder `results`, named after the two sides; its path."""
    name = "-".join(
        re.sub(r"[^A-Za-z0-9._]+", "-", Path(side.name).name) for side in (comparison.a, comparison.b)
    )
    path = place(results, f"compare-{name}.md")
    path.write_text(markdown(comparison), encoding="utf-8")
    return path


READING = (
    "Every column reads A -> B. *gap, B/A* is the ratio of the remaining training gaps at the tuned rates, "
    "B's over A's, with its 95 % bootstrap interval over the replicates of the confirmation. *Lower* and "
    "*higher* mark what is clearly different in B. For the gap that takes an interval that excludes 1 and a "
    "test with Holm's correction over all cells; for usable ranges, stability limits and diverged shares, "
    "intervals that do not overlap; for the tuned rate, which has no replicates, a move by more than one "
    "step of the grid. Everything else shows no clear difference. A stability limit is the median over the "
    "replicates of the sweep; where one side has none, both show the sweep boundary, the first rate of the "
    "grid at which half of the runs diverged, without a verdict."
)


def _table(body: Sequence[Sequence[str]]) -> str:
    lines = [COLUMNS, ["---"] * len(COLUMNS), *body]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _side(side: Side) -> str:
    begun, ended = side.finished
    last = f"{ended:%H:%M}" if begun.date() == ended.date() else f"{ended:%Y-%m-%d %H:%M}"
    when = f"{begun:%Y-%m-%d %H:%M}" + (f" to {last}" if ended - begun >= timedelta(minutes=1) else "")
    return f"{side.name} ({plural(len(side.cells), 'cell')}, finished {when} UTC)"


def _of_pair(comparison: StudyComparison, change: Change) -> str:
    """The cell; of a pair with something changed, what it is in B as well."""
    name = named(comparison, change.axes)
    return name if change.axes == change.other else f"{name} -> {_changed(comparison, change)[1]}"


def _changed(comparison: StudyComparison, change: Change) -> tuple[str, str]:
    """What differs between a pair's cells, in A and in B, as labels."""
    names = names_of(cell.tags for side in (comparison.a, comparison.b) for cell in side.cells)
    parts = [
        (labels[x], labels[y])
        for labels, x, y in zip(
            (names.optimizers, names.batches), change.axes[1:], change.other[1:], strict=True
        )
        if x != y
    ]
    return ", ".join(x for x, _ in parts), ", ".join(y for _, y in parts)


def _pairs(comparison: StudyComparison) -> list[str]:
    """A sentence for each pair of which something was changed: what that does to its limit."""
    said = []
    for change in comparison.changes:
        if change.other == change.axes:
            continue
        one, two = _changed(comparison, change)
        where = named(comparison, change.axes)
        if change.limit.a is None or change.limit.b is None:
            said.append(f"{where}: {two} in place of {one}; a side has no limit to compare.")
        elif change.limit.verdict == UNCLEAR:
            said.append(
                f"{where}: {two} in place of {one} leaves the limit at {number(change.limit.a.value, 2)}, "
                "without a clear difference."
            )
        else:
            said.append(
                f"{where}: {two} in place of {one} moves the limit from {number(change.limit.a.value, 2)} to "
                f"{number(change.limit.b.value, 2)}."
            )
    if len(said) > MOST_PAIRS:
        said[MOST_PAIRS:] = [f"{len(said) - MOST_PAIRS} more pairs are in the document."]
    return said


def named(comparison: StudyComparison, axes: Axes) -> str:
    """Optimizer, problem and batch strategy as labels."""
    names = names_of(cell.tags for side in (comparison.a, comparison.b) for cell in side.cells)
    problem, optimizer, batch = axes
    return f"{names.optimizers[optimizer]} on {names.problems[problem]}, {names.batches[batch]}"


def _of(count: int, changes: Sequence[Change]) -> str:
    return f"{count} of {plural(len(changes), 'cell')}"


def _gap(changes: Sequence[Change]) -> str:
    verdicts = Counter(change.verdict for change in changes)
    compared = sum(verdicts[verdict] for verdict in (LOWER, HIGHER, UNCLEAR))
    if not compared:
        return "No cell has a tuned rate on both sides, so training gaps cannot be compared."
    paired = sum(change.paired and change.gap is not None for change in changes)
    how = "paired" if paired == compared else "not paired" if not paired else f"{paired} of them paired"
    return (
        f"The training gap at the tuned rate is clearly lower in B in {verdicts[LOWER]} and clearly higher "
        f"in {verdicts[HIGHER]} of {plural(compared, 'cell')}; {verdicts[UNCLEAR]} show no clear difference "
        f"(replicates {how}; Holm's correction)."
    )


def _moved(changes: Sequence[Change]) -> list[str]:
    kinds: list[tuple[str, Callable[[Change], Pair]]] = [
        ("The tuned rate", lambda change: change.rate),
        ("The usable range", lambda change: change.width),
        ("The measured stability limit", lambda change: change.limit),
        ("The share of diverged runs in the sweep", lambda change: change.share),
    ]
    said = []
    for name, pair in kinds:
        verdicts = Counter(pair(change).verdict for change in changes)
        compared = sum(verdicts[verdict] for verdict in (LOWER, HIGHER, UNCLEAR))
        if compared:
            said.append(
                f"{name} is clearly higher in B in {verdicts[HIGHER]} and clearly lower in {verdicts[LOWER]} "
                f"of {plural(compared, 'cell')}; {verdicts[UNCLEAR]} show no clear difference."
            )
        else:
            said.append(
                f"{name} cannot be compared: the settings it depends on differ, or a side does not have it."
            )
    return said


def _doubts(changes: Sequence[Change]) -> list[str]:
    doubted = sum(any(change.doubts) for change in changes)
    if not doubted:
        return []
    return [
        f"In {_of(doubted, changes)} a search is in doubt: it ended at its boundary, or met no stable rate."
    ]


def _pair(pair: Pair, show: Callable[[Interval], str]) -> str:
    if pair.a is None and pair.b is None:
        return "–"
    both = [show(side) if side is not None else "–" for side in (pair.a, pair.b)]
    shown = both[0] if both[0] == both[1] else " -> ".join(both)
    return f"{shown} **{pair.verdict}**" if pair.verdict in (LOWER, HIGHER) else shown


def _ratio(change: Change) -> str:
    if change.same:
        return "same run"
    if change.gap is None:
        return "–"
    with np.errstate(over="ignore"):
        ends = (10.0**value for value in (change.gap.value, change.gap.low, change.gap.high))
    shown = around(Interval(*ends))
    return (
        f"{shown} **{change.verdict}**"
        if change.verdict in (LOWER, HIGHER)
        else f"{shown} no clear difference"
    )
