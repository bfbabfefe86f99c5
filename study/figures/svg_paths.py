"""Paths of SVG in few bytes: each point told from the one before it, as a tenth or a hundredth of a point."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib.path import Path

_LETTERS = {int(Path.MOVETO): "m", int(Path.LINETO): "l", int(Path.CURVE3): "q", int(Path.CURVE4): "c"}
_POINTS = {"m": 1, "l": 1, "q": 2, "c": 3}


def shorter(vertices: np.ndarray, codes: Any, digits: int) -> str:
    """A path of Matplotlib, vertices (n, 2) and codes (n,), in relative coordinates with so many decimals.

    Positions are rounded, not the ways between them: errors do not add up along a line.
    """
    points = np.rint(vertices * 10**digits).astype(np.int64).tolist()
    return "".join(_pieces(points, codes.tolist(), digits))


def _pieces(points: list[list[int]], codes: list[int], digits: int) -> Iterator[str]:
    here, start, before, i = [0, 0], [0, 0], "", 0
    while i < len(points) and codes[i] != Path.STOP:
        if codes[i] == Path.CLOSEPOLY:
            here, before, i = start, "z", i + 1
            yield "z"
            continue
        letter = "m" if not before else _LETTERS[codes[i]]
        taken = points[i : i + _POINTS[letter]]
        i += len(taken)
        ways = [v - from_ for point in taken for v, from_ in zip(point, here, strict=True)]
        here = taken[-1]
        if letter == "m":
            start = here
        elif letter == before == "l" and not any(ways):
            continue  # a line's first piece stays, however short: its caps may be all that is seen
        implied = (letter == before != "m") or (before == "m" and letter == "l")
        yield _joined(ways, digits, "" if implied else letter)
        before = letter


def _joined(values: list[int], digits: int, letter: str) -> str:
    """Numbers as close to each other as SVG's grammar allows: a minus sign separates as well as a space."""
    text, gap = letter, not letter
    for value in values:
        number = decimal(value, digits)
        text += f" {number}" if gap and number[0] != "-" else number
        gap = True
    return text


@lru_cache(1 << 14)
def decimal(value: int, digits: int) -> str:
    """`value` tenths or hundredths without what SVG does not ask for: `.5` for 0.50, `-3` for -3.0."""
    whole = f"{value / 10**digits:.{digits}f}"
    short = whole.rstrip("0").rstrip(".") if digits else whole
    return short.replace("0.", ".", 1) if short.startswith(("0.", "-0.")) else short
