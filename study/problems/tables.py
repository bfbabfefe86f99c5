"""Files and arrays -> tables: what separates the fields, how the text is encoded, where the names are.

Nothing is decided in silence: what was recognised is one line of the table. What the columns hold is
study.problems.columns' part.
"""

from __future__ import annotations

import csv
import gzip
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from charset_normalizer import from_bytes

from overshoot.study.late import Late

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = Late("pandas")

SEPARATORS = {"tab": "\t", "semicolon": ";", "bar": "|", "comma": ",", "space": " "}
"""In the order of preference where several fit equally well: a decimal comma fits as well as a field's."""

MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
ENCODINGS = {
    "utf-8-sig": "UTF-8 with a byte-order mark",
    "utf-16": "UTF-16",
    "utf-32": "UTF-32",
    "utf-8": "UTF-8",
}
WESTERN = "cp1252"
"""Latin-1 with what Windows adds to it."""

SAMPLE = 200
"""Lines that the separator and the header are recognised by."""

NUMBER = re.compile(r"[+-]?[$€£¥]?\s*(\d[\d.,' \u00a0\u202f]*|[.,]\d+)([eE][+-]?\d+)?\s*[%$€£¥]?")
"""What may be a number, however it is written."""

MISSING = frozenset(
    [
        "?",
        "-",
        "--",
        ".",
        "na",
        "n/a",
        "#n/a",
        "#na",
        "<na>",
        "nan",
        "-nan",
        "null",
        "none",
        "missing",
        "#value!",
        "#div/0!",
        "#ref!",
        "#num!",
        "#name?",
    ]
) | {""}
"""Marks of a missing value, in small letters."""


@dataclass(frozen=True)
class Table:
    """Columns as they come: of text, still to be understood, or of numbers, truth values and dates.

    source: what errors call it. recognised: how it was read, a few words each. lines: (n,) the line of
    the file that each row ends on; None where there are no lines. decimal: "auto", "." or ",".
    """

    source: str
    frame: pd.DataFrame
    recognised: tuple[str, ...] = ()
    lines: tuple[int, ...] | None = None
    decimal: str = "auto"

    def place(self, row: int) -> str:
        """Where a row stands, counted from 0."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"


def read_text(
    path: str, header: str = "auto", separator: str = "auto", decimal: str = "auto", encoding: str = "auto"
) -> Table:
    """A table in a text file; ValueError, with the line, where it is none.

    header: "yes", "no" (columns are then called 1, 2, ...) or "auto". separator: a name in `SEPARATORS`, any
        single character, or "auto". encoding: one that Python knows, or "auto".
    """
    text, said = _decoded(path, read_bytes(path), encoding)
    lines, comments = _without_comments(text.splitlines())
    if separator == "auto":
        separator = _sniffed([line for line in lines if line.strip()][:SAMPLE])
    rows = _rows(path, lines, separator)
    rows, preamble = _without_preamble(rows)
    names, rows, how = _named(path, rows, _fields(comments, separator), header)
    if preamble:
        how.append(
            f"{preamble} lines of text above the table left out"
            if preamble > 1
            else "a line above the table left out"
        )
    if comments:
        how.append("comments left out")
    names, rows = _of_one_width(path, names, rows)
    frame = pd.DataFrame([row for _, row in rows], columns=pd.Index(names, dtype=object), dtype=str)
    frame, index = _without_index(frame)
    return Table(
        path, frame, (f"{separator}-separated", said, *how, *index), tuple(line for line, _ in rows), decimal
    )


def read_parquet(path: str) -> Table:
    """A table in a Parquet file; ValueError where it is none."""
    read_bytes(path, 1)
    try:
        frame = pd.read_parquet(path)
    except Exception as error:  # whatever the engine raises for a file of another kind
        raise ValueError(f"{path}: it cannot be read as Parquet: {str(error).splitlines()[0]}") from None
    return of_frame(path, frame.reset_index(drop=True), "Parquet")


def read_arrays(path: str) -> Table:
    """The arrays of a NumPy `.npz` file: each of shape (n,) is a column of its name, each of shape (n, d)
    is d columns, X1, X2, ... for X. ValueError for other shapes and files."""
    read_bytes(path, 1)
    try:
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
    except Exception as error:  # not a zip file, or objects that would have to be unpickled
        raise ValueError(f"{path}: it cannot be read as NumPy arrays: {error}") from None
    if len({array.shape[:1] for array in arrays.values()}) != 1 or any(
        a.ndim > 2 or not a.ndim for a in arrays.values()
    ):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items()) or "none"
        raise ValueError(f"{path}: expected arrays (n,) or (n, d) of one length n, got {shapes}")
    columns = {
        (name if array.ndim == 1 else f"{name}{i + 1}"): column
        for name, array in arrays.items()
        for i, column in enumerate([array] if array.ndim == 1 else array.T)
    }
    return of_frame(path, pd.DataFrame(columns), "NumPy arrays")


def of_frame(source: str, frame: pd.DataFrame, kind: str) -> Table:
    """A table of columns that have types; their names become text."""
    names = [str(name) for name in frame.columns]
    _distinct(source, names)
    return Table(source, frame.set_axis(pd.Index(names, dtype=object), axis=1), (kind,), None, ".")


def read_bytes(path: str, most: int = -1) -> bytes:
    """The file's first bytes, all of them by default; ValueError, with where was looked, if there is none."""
    try:
        with Path(path).open("rb") as file:
            return file.read(most)
    except OSError as error:
        where = Path(path).absolute()
        looked = "" if str(where) == path else f" (looked for {where})"
        raise ValueError(f"{path}: it cannot be read: {error.strerror}{looked}") from None


def _decoded(path: str, data: bytes, encoding: str) -> tuple[str, str]:
    """The text, and how it was encoded."""
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    if data[:4] == b"PK\x03\x04":
        raise ValueError(f"{path}: it is a workbook or an archive, not a text file: save the table as CSV")
    if encoding == "auto":
        encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), "")
    if not encoding:
        return _guessed(path, data)
    try:
        return data.decode(encoding), ENCODINGS.get(encoding, encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise ValueError(f"{path}: it cannot be read as {encoding}: {error}") from None


def _guessed(path: str, data: bytes) -> tuple[str, str]:
    """UTF-8 where it is that; Latin letters where its other bytes would be such; or the detector's guess."""
    try:
        if b"\0" not in data:
            return data.decode("utf-8"), ENCODINGS["utf-8"]
    except UnicodeDecodeError:
        western = data.decode(WESTERN, errors="replace")
        if all(char.isalpha() or char in "€£¥§°²³µ½¼%'’–« »\u00a0" for char in western if ord(char) > 127):
            return western, 'Latin-1 (a guess: encoding = "..." says another)'
    telling = (
        b"".join(line + b"\n" for line in data.splitlines() if not line.isascii())
        if b"\0" not in data
        else data
    )
    best = from_bytes(telling).best()
    if best is None or "\0" in data.decode(best.encoding, errors="replace"):
        raise ValueError(
            f'{path}: it is not text in an encoding that was recognised: encoding = "..." says which'
        )
    return data.decode(
        best.encoding, errors="replace"
    ), f'{best.encoding} (a guess: encoding = "..." says another)'


def _without_comments(lines: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines with those that start with # emptied, so that the others keep their numbers; and these."""
    kept, comments, quoted = [], [], False
    for line in lines:
        if not quoted and line.lstrip().startswith("#") and _first(line) not in MISSING:
            comments.append(line.strip().lstrip("#"))
            kept.append("")
            continue
        quoted ^= line.count('"') % 2 == 1
        kept.append(line)
    return kept, comments


def _first(line: str) -> str:
    """Its first field, in small letters."""
    return re.split(r"[,;|\t]", line, maxsplit=1)[0].strip().lower()


def _sniffed(sample: Sequence[str]) -> str:
    """The separator by which most lines have equally many fields, and several; a comma if there is none."""
    best, share = "comma", 0.0
    for name in SEPARATORS:
        counts = Counter(len(fields) for _, fields in _split(sample, name))
        count, often = counts.most_common(1)[0] if counts else (1, 0)
        if count > 1 and often / counts.total() > share:
            best, share = name, often / counts.total()
    return best


def _split(lines: Sequence[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the number of its last line."""
    if separator == "space":
        yield from ((i, line.split()) for i, line in enumerate(lines, 1) if line.strip())
        return
    reader = csv.reader(
        (f"{line}\n" for line in lines), delimiter=SEPARATORS.get(separator, separator), skipinitialspace=True
    )
    for row in reader:
        fields = [field.strip() for field in row]
        if any(fields):
            yield reader.line_num, fields


Rows = list[tuple[int, list[str]]]


def _rows(path: str, lines: Sequence[str], separator: str) -> Rows:
    try:
        rows = list(_split(lines, separator))
    except csv.Error as error:
        raise ValueError(f"{path}: it cannot be read as a table: {error}") from None
    if not rows:
        raise ValueError(f"{path}: expected a header and rows under it, got an empty file")
    return rows


def _without_preamble(rows: Rows) -> tuple[Rows, int]:
    """Without lines of one field above a table of several; how many they were."""
    usual = Counter(len(row) for _, row in rows[:SAMPLE]).most_common(1)[0][0]
    above = len(list(itertools.takewhile(lambda row: len(row[1]) == 1 and usual > 1, rows)))
    return rows[above:], above


def _fields(comments: Sequence[str], separator: str) -> list[str]:
    """Those of the last comment."""
    return next((fields for _, fields in _split(comments[-1:], separator)), [])


def _named(path: str, rows: Rows, commented: list[str], header: str) -> tuple[list[str], Rows, list[str]]:
    """The columns' names, the rows under them, and what is to be said of it."""
    first = rows[0][1]
    if header == "yes" or (header == "auto" and _is_header(first, [row for _, row in rows[1:SAMPLE]])):
        return first, rows[1:], ["names in its first line"]
    if header == "auto" and len(commented) == len(first) > 1:
        return commented, rows, ["names in a comment"]
    how = "" if header == "no" else "the first line looks like data, so "
    names = [str(i + 1) for i in range(max(len(row) for _, row in rows))]
    return names, rows, [f'{how}columns are called 1 to {len(names)} (header = "yes" takes it for names)']


def _is_header(first: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Whether a text stands above numbers, or nothing that looks like data in the first line."""
    names, data = 0, 0
    for i, field in enumerate(first):
        column = [row[i] for row in below if i < len(row) and row[i].lower() not in MISSING]
        numbers = sum(NUMBER.fullmatch(value) is not None for value in column)
        if NUMBER.fullmatch(field):
            data += 1
        elif field.lower() not in MISSING and column and 2 * numbers > len(column):
            names += 1
    return names > 0 or data == 0


def _of_one_width(path: str, names: list[str], rows: Rows) -> tuple[list[str], Rows]:
    """Names and rows as long as each other: without the empty fields of trailing separators, and with an
    unnamed first column where the rows have one that the header leaves out."""
    while names and not names[-1] and all(not field for _, row in rows for field in row[len(names) - 1 :]):
        names = names[:-1]
    width = len(names)
    if rows and all(len(row) == width + 1 and row[width] for _, row in rows):
        names, width = ["", *names], width + 1
    for line, row in rows:
        if len(row) < width or any(row[width:]):
            raise ValueError(f"{path}, line {line}: {len(row)} values, where the header has {width} names")
    names = [" ".join(name.split()) or (f"column {i + 1}" if i else "") for i, name in enumerate(names)]
    _distinct(path, names)
    return names, [(line, row[:width]) for line, row in rows]


def _distinct(source: str, names: Sequence[str]) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise ValueError(f"{source}: {count} columns are called {name!r}: give each a name of its own")


def _without_index(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Without an unnamed first column that numbers or names the rows."""
    if frame.shape[1] < 2 or frame.columns[0] not in ("", "Unnamed: 0"):
        return frame, []
    first = frame.iloc[:, 0]
    numbers = first.str.fullmatch(NUMBER.pattern)
    counts = first.str.fullmatch(r"\d{1,15}").all() and first.astype(float).is_monotonic_increasing
    if first.is_unique and (counts or not numbers.any()):
        return frame.iloc[:, 1:], ["the unnamed first column is taken for an index and left out"]
    return frame.rename(columns={frame.columns[0]: "column 1"}), []
