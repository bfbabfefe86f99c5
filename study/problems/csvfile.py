"""A user's own data: a CSV file of numbers with a header, one column of which is the target."""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from pathlib import Path

import numpy as np

from core.names import suggest

TASKS = ("auto", "classes", "real")
FEWEST = 10
"""Samples: what gives every part of the split, 60, 20 and 20 %, two."""

FEWEST_OF_A_CLASS = 5
"""What gives every part one of them."""


def fingerprint(path: str) -> str:
    """Of the file's content; ValueError when it cannot be read."""
    return hashlib.sha256(_bytes(path)).hexdigest()[:16]


def columns(path: str) -> list[str]:
    """The file's header; ValueError as `read`."""
    return _table(path)[0]


def read(path: str, target: str, task: str = "auto") -> tuple[np.ndarray, np.ndarray, str]:
    """Inputs X (n, d), targets y (n,), and the task: "classes", "binary" or "real".

    path: of UTF-8 text with commas and a header, as seen from where the command is run; target: the
        name of a column, all others are inputs. Inputs are numbers; some may be constant, which
        then take no part.
    task: "real" is a regression on a column of numbers, "classes" takes each different value for a
        class, and "auto" takes text and any two values for classes, and other numbers as they are.

    Raises ValueError, with line and column, for a file that cannot be read or has no such column, for
    text among the inputs, values that are missing or not finite, inputs that are all constant, a
    target with one value, and too few samples of all or of a class.
    """
    header, rows = _table(path)
    if target not in header:
        found = ", ".join(header)
        raise ValueError(f"{path}: no column {target!r}{suggest(target, header)} (columns: {found})")
    place = header.index(target)
    inputs = [i for i in range(len(header)) if i != place]
    X = np.array([[_number(path, header[i], line, row[i]) for i in inputs] for line, row in rows])
    if len(rows) < FEWEST:
        some = "1 sample" if len(rows) == 1 else f"{len(rows)} samples"
        raise ValueError(f"{path}: {some}, at least {FEWEST} are needed to train, validate and test")
    if not inputs or not np.ptp(X, axis=0).any():
        raise ValueError(f"{path}: no input varies: there is nothing to predict {target!r} from")
    y, task = _targets(path, target, [(line, row[place].strip()) for line, row in rows], task)
    return X, y, task


def _bytes(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror}") from None


def _table(path: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and each row with the number of its line."""
    try:
        text = _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path}: cannot be read: it is not UTF-8 text") from None
    reader = csv.reader(text.splitlines())
    rows = [(reader.line_num, row) for row in reader if row]
    if len(rows) < 2:
        raise ValueError(f"{path}: a header and samples are needed, found lines: {len(rows)}")
    header = [name.strip() for name in rows[0][1]]
    for name, count in Counter(header).items():
        if count > 1:
            raise ValueError(f"{path}: {count} columns are called {name!r}")
    for line, row in rows[1:]:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {line}: {len(row)} values, the header has {len(header)}")
    return header, rows[1:]


def _number(path: str, column: str, line: int, text: str) -> float:
    place = f"{path}, line {line}, column {column!r}"
    if not text.strip():
        raise ValueError(f"{place}: a value is missing")
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{place}: found {text.strip()!r}, inputs are numbers") from None
    if not np.isfinite(value):
        raise ValueError(f"{place}: found {text.strip()}, which is not finite")
    return value


def _targets(path: str, column: str, texts: list[tuple[int, str]], task: str) -> tuple[np.ndarray, str]:
    for line, text in texts:
        if not text:
            raise ValueError(f"{path}, line {line}, column {column!r}: a value is missing")
    unique, y = np.unique([text for _, text in texts], return_inverse=True)
    labels = [str(label) for label in unique]
    if len(labels) == 1:
        raise ValueError(f"{path}: column {column!r} is {labels[0]!r} throughout: there is nothing to learn")
    numbers = all(_is_number(label) for label in labels)
    if task == "real" or (task == "auto" and numbers and len(labels) > 2):
        return np.array([_number(path, column, line, text) for line, text in texts]), "real"
    counts = np.bincount(y)
    if counts.min() < FEWEST_OF_A_CLASS:
        rare, count = labels[counts.argmin()], counts.min()
        raise ValueError(
            f"{path}: column {column!r}: {count} of class {rare!r}, at least {FEWEST_OF_A_CLASS} are needed"
        )
    return y, "binary" if len(labels) == 2 else "classes"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
