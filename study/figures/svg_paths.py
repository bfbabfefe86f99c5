"""Paths of SVG in few bytes: each point told from the one before it, as a tenth or a hundredth of a point."""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMANDS = re.compile(r"([MLQCZz])([^A-Za-z]*)")


def shorter(path: str, digits: int) -> str:
    """The same line in relative coordinates with so many decimals. path: absolute M, L, Q, C and z alone.

    Positions are rounded, not the ways between them: errors do not add up along a line.
    """
    return "".join(_pieces(path, 10**digits, digits))


def _pieces(path: str, unit: int, digits: int) -> Iterator[str]:
    here, start, before = (0, 0), (0, 0), ""
    for command, text in _COMMANDS.findall(path):
        if command in "Zz":
            here, before = start, "z"
            yield "z"
            continue
        values = [round(float(v) * unit) for v in text.split()]
        ways = [v - here[i % 2] for i, v in enumerate(values)]
        here = (values[-2], values[-1])
        if command == "M":
            start = here
        elif command == "L" and before == "l" and not any(ways):
            continue  # a line's first piece stays, however short: its caps may be all that is seen
        letter = command.lower()
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


def decimal(value: int, digits: int) -> str:
    """`value` tenths or hundredths without what SVG does not ask for: `.5` for 0.50, `-3` for -3.0."""
    whole = f"{value / 10**digits:.{digits}f}"
    short = whole.rstrip("0").rstrip(".") if digits else whole
    return re.sub(r"^(-?)0\.", r"\1.", short)
