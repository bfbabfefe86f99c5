"""What a column's values are: numbers, however they are written, truth values, dates or text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from overshoot.study.late import Late
from overshoot.study.problems.tables import MISSING

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = Late("pandas")

TRUTH = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})
TRUE = {"true", "yes", "t", "y"}

PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|infinity)", re.IGNORECASE)
DATE = re.compile(
    r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4})([T ]\d{1,2}:\d{2}\S*( ?[AaPp][Mm])?)?"
    r"|\d{1,2}:\d{2}(:\d{2})?"
)
UNITS = r"[$€£¥%]"
MONEY = re.compile(rf"([+-]?)\s*({UNITS}?)\s*([+-]?[\d.,' \u00a0\u202f]*\d(?:[eE][+-]?\d+)?)\s*({UNITS}?)")
DECIMAL_COMMA = re.compile(r"[+-]?(\d*|\d{1,3}([.' \u00a0\u202f]\d{3})+),\d+([eE][+-]?\d+)?")
DECIMAL_POINT = re.compile(r"[+-]?(\d*|\d{1,3}([,' \u00a0\u202f]\d{3})+)\.\d*([eE][+-]?\d+)?")
GROUPED = {
    ",": re.compile(r"[+-]?[1-9]\d{0,2}([,' \u00a0\u202f]\d{3})+(\.\d*)?"),
    ".": re.compile(r"[+-]?[1-9]\d{0,2}([.' \u00a0\u202f]\d{3})+(,\d*)?"),
}
"""Thousands by the mark that separates them beside blanks and apostrophes: a comma or a point."""

MILLIONS = {
    ",": re.compile(r"[+-]?\d{1,3}(,\d{3}){2,}"),
    ".": re.compile(r"[+-]?\d{1,3}(\.\d{3}){2,}"),
}
"""Thousands that are separated twice, by a mark which is then no decimal one."""

MARKED = re.compile("[,.]")
BESIDE = re.compile(rf"{UNITS}\s*|\s*{UNITS}")

TELLING = 10_000
"""Rows that tell the decimal mark of a file."""

EXACT = 2**53
"""Up to which every whole number is a float64."""


class Kind(StrEnum):
    NUMBER = "numbers"
    TRUTH = "truth values"
    DATE = "dates"
    TEXT = "text"
    EMPTY = "nothing"


@dataclass(frozen=True)
class Column:
    """A column that is understood.

    values: (n,) float64 of numbers and truth values, NaN where missing; of dates and text the strings,
    empty where missing. missing: (n,) mask. marks: the missing values as they are written. remark: how
    its numbers are written, where that is not plainly; unclear: why they are not certain.
    """

    name: str
    kind: Kind
    values: np.ndarray
    missing: np.ndarray
    marks: tuple[str, ...] = ()
    remark: str = ""
    unclear: str = ""


def column(name: str, series: pd.Series, decimal: str = ".", labels: bool = False) -> Column:
    """A column of a table, understood. decimal: the mark of those whose own values do not say. labels:
    whether yes and no are words like any others."""
    if pd.api.types.is_bool_dtype(series.dtype):
        return _of_numbers(name, series.astype(object), Kind.TRUTH)
    if pd.api.types.is_numeric_dtype(series.dtype):
        return _of_numbers(name, series, Kind.NUMBER)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        missing = series.isna().to_numpy()
        return Column(
            name, Kind.DATE, series.astype(str).to_numpy(object), missing, ("NaT",) if missing.any() else ()
        )
    return _of_text(name, series, decimal, labels)


def decimal_mark(frame: pd.DataFrame) -> str:
    """ "." or "," where the columns of text agree on it, otherwise nothing."""
    said = {_own_mark(frame[name].head(TELLING).str.strip()) for name in frame if not _typed(frame[name])} - {
        ""
    }
    return said.pop() if len(said) == 1 else ""


def _typed(series: pd.Series) -> bool:
    return not pd.api.types.is_string_dtype(series.dtype)


def _own_mark(text: pd.Series) -> str:
    """The decimal mark that a column's values have for certain; nothing where 1,234 may be either."""
    marked = [value for value in text.to_numpy(object) if isinstance(value, str) and MARKED.search(value)]
    values = [BESIDE.sub("", value) for value in marked]
    comma = any(map(_has_decimal_comma, values))
    point = any(map(_has_decimal_point, values))
    if comma == point:
        return ""
    return "," if comma else "."


def _has_decimal_comma(value: str) -> bool:
    if "," not in value:
        return value.count(".") > 1 and MILLIONS["."].fullmatch(value) is not None
    return DECIMAL_COMMA.fullmatch(value) is not None and GROUPED[","].fullmatch(value) is None


def _has_decimal_point(value: str) -> bool:
    if "." not in value:
        return value.count(",") > 1 and MILLIONS[","].fullmatch(value) is not None
    return DECIMAL_POINT.fullmatch(value) is not None and GROUPED["."].fullmatch(value) is None


def _of_numbers(name: str, series: pd.Series, kind: Kind) -> Column:
    missing = series.isna().to_numpy()
    whole = pd.api.types.is_integer_dtype(series.dtype) and not missing.all()
    if whole and (series.dropna().abs() > EXACT).any():
        return _shifted(name, [None if lost else int(v) for v, lost in zip(series, missing, strict=True)])
    values = series.to_numpy(dtype=float, na_value=np.nan)
    return Column(name, kind, values, missing, ("NaN",) if missing.any() else ())


def _shifted(name: str, whole: list[int | None]) -> Column:
    """Whole numbers too large for a float64, as their differences from the first."""
    first = next(value for value in whole if value is not None)
    values = np.array([np.nan if value is None else float(value - first) for value in whole])
    return Column(
        name,
        Kind.NUMBER,
        values,
        np.isnan(values),
        remark=f"has whole numbers of more than 15 digits: taken from {first} on",
    )


def _of_text(name: str, series: pd.Series, decimal: str, labels: bool) -> Column:
    if decimal != "," and (values := _all_plain(series)) is not None:
        return Column(name, Kind.NUMBER, values, np.zeros(len(values), dtype=bool))
    text = series.astype("str").fillna("").str.strip()
    missing = text.str.lower().isin(MISSING).to_numpy()
    marks = tuple(dict.fromkeys(mark or "empty" for mark in text[missing]))
    there = text[~missing]
    if not len(there):
        return Column(name, Kind.EMPTY, np.full(len(text), np.nan), missing, marks)
    if not labels and set(there.str.lower().unique()[:3]) in TRUTH:
        values = np.where(missing, np.nan, text.str.lower().isin(TRUE).to_numpy(dtype=float))
        return Column(name, Kind.TRUTH, values, missing, marks)
    numbers, remark, unclear = _numbers(there, decimal)
    if numbers is None:
        kind = Kind.DATE if there.str.fullmatch(DATE.pattern).all() else Kind.TEXT
        return Column(name, kind, text.where(~missing, "").to_numpy(object), missing, marks, unclear=unclear)
    if there.str.fullmatch(r"[+-]?\d{16,}").any() and there.str.fullmatch(r"[+-]?\d+").all():
        large = [None if lost else int(value) for value, lost in zip(text, missing, strict=True)]
        if max(abs(value) for value in large if value is not None) > EXACT:
            return _shifted(name, large)
    values = np.full(len(text), np.nan)
    values[~missing] = numbers
    return Column(name, Kind.NUMBER, values, missing, marks, remark, unclear)


def _numbers(text: pd.Series, decimal: str) -> tuple[np.ndarray | None, str, str]:
    """(n,) the numbers, None where some are none; how they are written; what is unclear about them."""
    if decimal != "," and (plain := _plain(text)) is not None:
        return plain, "", ""
    own = _own_mark(text) or decimal
    if own != "," and text.str.fullmatch(PLAIN.pattern, flags=re.IGNORECASE).all():
        return _floats(text), "", ""
    parts = text.str.extract(rf"^{MONEY.pattern}$")
    if parts[2].isna().any():
        return None, "", ""
    units = (parts[1].fillna("") + parts[3].fillna("")).unique()
    if len(units) != 1:
        return None, "", f"has numbers with and without units ({', '.join(unit or 'none' for unit in units)})"
    body = parts[0].fillna("") + parts[2]
    if not own and body.str.fullmatch(r"[+-]?\d{1,3},\d{3}").any():
        example = body[body.str.contains(",", regex=False)].iloc[0]
        return None, "", f'has numbers such as {example}: decimal = "." or "," says what the comma is'
    return _written(body, own or ".", str(units[0]))


def _written(body: pd.Series, decimal: str, unit: str) -> tuple[np.ndarray | None, str, str]:
    thousands = "," if decimal == "." else "."
    grouped = body.str.fullmatch(GROUPED[thousands].pattern)
    remarks = [f"has numbers with {unit}"] if unit else []
    if grouped.any():
        remarks.append(f"has thousands separators, as in {body[grouped].iloc[0]}")
        body = body.mask(
            grouped, body.str.replace(rf"[{re.escape(thousands)}' \u00a0\u202f]", "", regex=True)
        )
    if decimal == ",":
        body = body.str.replace(",", ".", regex=False)
    if not body.str.fullmatch(PLAIN.pattern).all():
        return None, "", ""
    return _floats(body), " and ".join(remarks).replace(" and has", " and"), ""


def _all_plain(series: pd.Series) -> np.ndarray | None:
    """(n,) the values of a column of finite numbers alone, none of them long or missing: what most columns of
    a wide table are, and what takes no time to see. None of any other."""
    texts = series.to_numpy(object)
    try:
        values = np.array([float(text) for text in texts])
    except (TypeError, ValueError):
        return None
    usual = np.isfinite(values).all() and (np.abs(values) < EXACT).all()
    return values if usual and not any("_" in text for text in texts) else None


def _plain(text: pd.Series) -> np.ndarray | None:
    """(n,) the numbers where all are written as Python writes them, which is soon seen; None otherwise."""
    try:
        return None if text.str.contains("_", regex=False).any() else _floats(text)
    except ValueError:
        return None


def _floats(text: pd.Series) -> np.ndarray:
    """Each the float64 nearest to what is written."""
    return np.array([float(value) for value in text.to_numpy(object)])
