"""A table -> inputs and targets: which columns, what kind of task, and all that was assumed, in words."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from overshoot.core.names import suggest
from overshoot.study.numbers import listing, plural
from overshoot.study.problems.tables import Table
from overshoot.study.problems.values import Column, Kind, column, decimal_mark

TASKS = ("auto", "classes", "real")
FEWEST = 10
"""Samples: what gives every part of the split, 60, 20 and 20 %, two."""

FEWEST_OF_A_CLASS = 5
"""What gives every part one of them."""

MOST_INPUTS = 20_000
"""With those that categories make."""

FEW_WHOLE = 20
"""Different whole numbers up to which a target may be meant as classes."""

IMBALANCE = 10
"""Times the rarest class that the most frequent one has, from which on it is said."""

NEXT = 3
"""Steps between whole numbers, the median of them, up to which they may number the rows."""

SHOWN = 4
"""Examples of a column's values in a message."""


@dataclass(frozen=True)
class Wishes:
    """What is asked of a table: the options of every dataset of one's own.

    target: the column to predict. task: "real" is a regression, "classes" takes each different value for a
        class, "auto" takes text and any two values for classes, and other numbers as they are. inputs:
        the columns to predict it from, all others where empty; drop: columns to leave out. categories:
        "onehot" makes a column of 0 and 1 of each value of a text. missing: "drop" leaves out the rows,
        "mean" fills in the mean of the training rows. scaling, target_scaling: "standard" or "none".
    """

    target: str
    task: str = "auto"
    inputs: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    categories: str = "refuse"
    missing: str = "refuse"
    scaling: str = "standard"
    target_scaling: str = "standard"


ALLOWED = {
    "task": TASKS,
    "categories": ("refuse", "onehot"),
    "missing": ("refuse", "drop", "mean"),
    "scaling": ("standard", "none"),
    "target_scaling": ("standard", "none"),
}


@dataclass(frozen=True)
class Raw:
    """X (n, d) and y (n,) as they come, before any split or scaling.

    X: float64, NaN where a missing value is to be filled in. y: class numbers or values. task: "classes",
    "binary" or "real"; empty where the dataset says it. labels: of the classes. notes: what was
    understood; warnings: what may not be meant. scaling: of inputs and target, where it is chosen.
    """

    X: np.ndarray
    y: np.ndarray
    task: str = ""
    inputs: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    scaling: tuple[str, str] = ("standard", "standard")

    @property
    def digest(self) -> str:
        """The identity of the data: a hash of inputs, targets and task, whatever they are called or where."""
        X = np.where(np.isnan(self.X), np.nan, self.X + 0.0).astype("<f8")  # one NaN, and one zero
        parts = (
            repr((self.X.shape, self.task)).encode(),
            X.tobytes(),
            (self.y + 0.0).astype("<f8").tobytes(),
        )
        return hashlib.sha256(b"|".join(parts)).hexdigest()[:16]


def understand(table: Table, wishes: Wishes) -> Raw:
    """Inputs, targets and task of a table.

    Raises ValueError for columns that are not there, all columns in one message that cannot be used as they
    are, inputs that are all constant, a target with one value, and too few samples of all or of a class.
    """
    names = _inputs(table, wishes)
    _check_count(table, len(names))
    mark = table.decimal if table.decimal != "auto" else decimal_mark(table.frame)
    columns = [column(name, table.frame[name], mark) for name in names]
    target = column(wishes.target, table.frame[wishes.target], mark, labels=True)
    task = _task(target, wishes.task)
    if faults := [*_faults(table, columns, wishes), *_target_faults(table, target, task, wishes)]:
        raise ValueError(f"{table.source}: {'; '.join(faults)}. {_way_on(columns, target, wishes)}")
    keep = ~target.missing
    if wishes.missing == "drop":
        keep = keep & ~np.any([c.missing for c in columns if c.kind != Kind.EMPTY] or [~keep], axis=0)
    encoded = [part for c in columns if c.kind != Kind.EMPTY for part in _encoded(c)]
    X = (
        np.column_stack([values[keep] for _, values in encoded])
        if encoded
        else np.empty((int(keep.sum()), 0))
    )
    _check_inputs(table, X, wishes.target)
    y, task, labels = _targets(table, target, keep, task)
    raw = Raw(
        X,
        y,
        task,
        tuple(name for name, _ in encoded),
        labels,
        scaling=(wishes.scaling, wishes.target_scaling),
    )
    return replace(
        raw,
        notes=tuple(_notes(table, columns, target, keep, wishes, mark)),
        warnings=tuple(_warnings(columns, target, keep, raw)),
    )


def _inputs(table: Table, wishes: Wishes) -> list[str]:
    known = list(table.frame.columns)
    for option, names in (("target", (wishes.target,)), ("inputs", wishes.inputs), ("drop", wishes.drop)):
        for name in names:
            if name not in known:
                number = f"; {table.recognised[2]}" if known[0] == "1" and len(table.recognised) > 2 else ""
                raise ValueError(
                    f"{table.source}: {option}: no column {name!r}{suggest(name, known)} "
                    f"(columns: {', '.join(known)}){number}"
                )
    chosen = wishes.inputs or tuple(known)
    return [name for name in chosen if name != wishes.target and name not in wishes.drop]


def _task(target: Column, asked: str) -> str:
    if asked != "auto":
        return asked
    if target.kind != Kind.NUMBER:
        return "classes"
    return "classes" if len(np.unique(target.values[~target.missing])) == 2 else "real"


def _faults(table: Table, columns: Sequence[Column], wishes: Wishes) -> Iterator[str]:
    """What keeps columns from being inputs, a clause each."""
    for c in columns:
        if c.unclear:
            yield f"{c.name!r} {c.unclear}"
        elif c.kind == Kind.DATE:
            yield f"{c.name!r} has dates ({_examples(c)})"
        elif c.kind == Kind.TEXT and (wishes.categories == "refuse" or _mostly_numbers(c)):
            yield _text_fault(table, c)
        if c.missing.any() and c.kind != Kind.EMPTY and wishes.missing == "refuse":
            yield _missing_fault(table, c)
        yield from _infinite(table, c)


def _target_faults(table: Table, target: Column, task: str, wishes: Wishes) -> Iterator[str]:
    if target.kind == Kind.EMPTY:
        yield f"the target {target.name!r} has no values"
        return
    if target.unclear:
        yield f"{target.name!r} {target.unclear}"
    elif task == "real" and target.kind not in (Kind.NUMBER, Kind.TRUTH):
        yield f"the target {target.name!r} has {target.kind} ({_examples(target)}), which is no regression"
    elif target.kind == Kind.DATE:
        yield f"the target {target.name!r} has dates ({_examples(target)})"
    if target.missing.any() and wishes.missing == "refuse":
        yield _missing_fault(table, target)
    yield from _infinite(table, target)


def _text_fault(table: Table, c: Column) -> str:
    if _mostly_numbers(c):
        row = next(i for i, v in enumerate(c.values) if v and not _is_number(str(v)))
        return f"{c.name!r} has {str(c.values[row])!r} among numbers ({table.place(row)})"
    return f"{c.name!r} has text ({_examples(c)})"


def _mostly_numbers(c: Column) -> bool:
    there = c.values[~c.missing]
    return c.kind == Kind.TEXT and 2 * sum(_is_number(str(value)) for value in there) > len(there)


def _missing_fault(table: Table, c: Column) -> str:
    rows = np.flatnonzero(c.missing)
    marks, first = ", ".join(c.marks), table.place(rows[0])
    return f"{c.name!r} has {plural(len(rows), 'missing value')} ({marks}; the first in {first})"


def _infinite(table: Table, c: Column) -> Iterator[str]:
    if c.kind == Kind.NUMBER and (rows := np.flatnonzero(np.isinf(c.values))).size:
        yield f"{c.name!r} has {c.values[rows[0]]:g} ({table.place(rows[0])}), which is not finite"


def _way_on(columns: Sequence[Column], target: Column, wishes: Wishes) -> str:
    """The options that help, for the columns at fault."""
    ways = []
    unfit = [c.name for c in columns if c.kind in (Kind.DATE, Kind.TEXT) or c.unclear or _has_infinite(c)]
    text = any(c.kind == Kind.TEXT and not c.unclear and not _mostly_numbers(c) for c in columns)
    lost = np.any([c.missing for c in (*columns, target) if c.kind != Kind.EMPTY] or [target.missing], axis=0)
    if unfit:
        ways.append(f"drop = [{', '.join(_quoted(name) for name in unfit)}]")
    if text and wishes.categories == "refuse":
        ways.append('categories = "onehot" makes a column of 0 and 1 of each text')
    if lost.any() and wishes.missing == "refuse":
        ways.append(f'missing = "drop" leaves out {plural(int(lost.sum()), "row")} of {len(lost)}')
        if any(c.missing.any() for c in columns):
            ways.append('missing = "mean" fills in the mean of the training rows')
    if not ways:
        return "Correct these values"
    return f"The way on: {'; '.join(ways)} (on the command line: --drop, --categories, --missing)"


def _has_infinite(c: Column) -> bool:
    return c.kind == Kind.NUMBER and bool(np.isinf(c.values).any())


def _quoted(name: str) -> str:
    return '"' + name.replace("\n", "\\n").replace('"', '\\"') + '"'


def _examples(c: Column) -> str:
    values = list(dict.fromkeys(str(value) for value in c.values[~c.missing]))
    more = f", ... {len(values)} in all" if len(values) > SHOWN else ""
    return ", ".join(values[:SHOWN]) + more


def _encoded(c: Column) -> Iterator[tuple[str, np.ndarray]]:
    """The column, or one of 0 and 1 for each of its texts; NaN where it is missing."""
    if c.kind != Kind.TEXT:
        yield c.name, c.values
        return
    for value in sorted(set(c.values[~c.missing])):
        yield f"{c.name}={value}", np.where(c.missing, np.nan, (c.values == value).astype(float))


def _check_count(table: Table, inputs: int) -> None:
    if inputs > MOST_INPUTS:
        raise ValueError(f"{table.source}: {inputs:,} inputs, at most {MOST_INPUTS:,} are allowed: drop some")


def _check_inputs(table: Table, X: np.ndarray, target: str) -> None:
    if len(X) < FEWEST:
        raise ValueError(
            f"{table.source}: {plural(len(X), 'sample')}, at least {FEWEST} are needed to train, validate "
            "and test"
        )
    _check_count(table, X.shape[1])
    with np.errstate(invalid="ignore"):
        varies = (X[0] != X) & ~np.isnan(X)
    if not varies.any():
        raise ValueError(f"{table.source}: no input varies: there is nothing to predict {target!r} from")


def _targets(
    table: Table, target: Column, keep: np.ndarray, task: str
) -> tuple[np.ndarray, str, tuple[str, ...]]:
    values = target.values[keep]
    unique, y = np.unique(values if target.kind == Kind.NUMBER else values.astype(str), return_inverse=True)
    labels = tuple(_label(target.kind, value) for value in unique)
    if len(labels) == 1:
        raise ValueError(
            f"{table.source}: column {target.name!r} is {labels[0]!r} throughout: there is nothing to learn"
        )
    if task == "real":
        return values.astype(float), "real", ()
    counts = np.bincount(y)
    if counts.min() < FEWEST_OF_A_CLASS:
        rare = f"{counts.min()} of class {labels[counts.argmin()]!r}"
        raise ValueError(
            f"{table.source}: column {target.name!r}: {rare}, at least {FEWEST_OF_A_CLASS} are needed"
        )
    return y, "binary" if len(labels) == 2 else "classes", labels


def _label(kind: Kind, value: object) -> str:
    if kind == Kind.TRUTH:
        return "true" if float(str(value)) else "false"
    return f"{value:g}" if kind == Kind.NUMBER else str(value)


def _notes(
    table: Table, columns: Sequence[Column], target: Column, keep: np.ndarray, wishes: Wishes, mark: str
) -> Iterator[str]:
    """How the table was read and what was made of its columns, a sentence each."""
    how = [*table.recognised, *(["decimal comma"] if mark == "," else [])]
    yield f"{table.source}: {', '.join(how)}"
    for c in (*columns, target):
        if c.remark:
            yield f"{c.name!r} {c.remark}"
    truths = [c.name for c in columns if c.kind == Kind.TRUTH]
    if truths:
        yield f"{listing([repr(name) for name in truths])}: true is 1 and false is 0"
    encoded = [f"{c.name!r} ({len(set(c.values[~c.missing]))})" for c in columns if c.kind == Kind.TEXT]
    if encoded:
        yield f"a column of 0 and 1 for each text of {listing(encoded)}"
    if empty := [repr(c.name) for c in columns if c.kind == Kind.EMPTY]:
        yield f"no values in {listing(empty)}: left out"
    if not keep.all():
        yield f"{plural(int((~keep).sum()), 'row')} of {len(keep)} left out, where values are missing"
    filled = sum(int(c.missing[keep].sum()) for c in columns if c.kind != Kind.EMPTY)
    if filled:
        yield f"{plural(filled, 'missing value')} filled in with the mean of the training rows"


def _warnings(columns: Sequence[Column], target: Column, keep: np.ndarray, raw: Raw) -> Iterator[str]:
    if target.missing.any():
        marks = ", ".join(target.marks)
        yield f"{marks} in {target.name!r} is taken for missing, not for a class or a value of its own"
    if raw.task == "real":
        values = np.unique(raw.y)
        if len(values) <= FEW_WHOLE and not (values % 1).any():
            yield (
                f"the target {target.name!r} has {len(values)} different whole numbers and is taken for a "
                'regression; task = "classes" takes each for a class'
            )
    else:
        yield from _of_classes(target, raw)
    for c in columns:
        if c.kind == Kind.NUMBER and _like_an_id(c, keep):
            way = f"drop = [{_quoted(c.name)}] leaves it out"
            yield f"{c.name!r} is another whole number in every row, like an id: {way}"


def _of_classes(target: Column, raw: Raw) -> Iterator[str]:
    by_case: dict[str, list[str]] = {}
    for label in raw.labels:
        by_case.setdefault(label.lower(), []).append(label)
    for alike in by_case.values():
        if len(alike) > 1:
            labels = listing([repr(label) for label in alike])
            yield f"the labels {labels} of {target.name!r} differ in case alone"
    counts = np.bincount(raw.y)
    if counts.max() >= IMBALANCE * counts.min():
        most, least = raw.labels[counts.argmax()], raw.labels[counts.argmin()]
        sizes = f"{counts.max():,} of {most!r}, {counts.min():,} of {least!r}"
        yield f"the classes are of very different size: {sizes}"


def _like_an_id(c: Column, keep: np.ndarray) -> np.bool | bool:
    """Whether whole numbers all differ, and follow each other more closely than measured ones would."""
    values = np.sort(c.values[keep & ~c.missing])
    steps = np.diff(values)
    return (
        len(values) >= 2 * FEWEST and not (values % 1).any() and steps.min() > 0 and np.median(steps) <= NEXT
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
