"""Short paths draw the same lines: read back by the rules of SVG's grammar."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overshoot.study.figures.svg_paths import decimal, shorter

TAKES = {"m": 2, "l": 2, "q": 4, "c": 6}
CODES = {"m": 1, "l": 2, "q": 3, "c": 4, "z": 79}
POINT = st.tuples(st.floats(-900, 900), st.floats(-900, 900))


def read(path: str) -> list[tuple[str, list[float]]]:
    """Absolute commands of a relative path: letters may be left out, a pair after a move is a line."""
    tokens = re.findall(r"[mlqcz]|-?(?:\d+(?:\.\d+)?|\.\d+)", path)
    assert "".join(tokens) == path.replace(" ", "")
    found: list[tuple[str, list[float]]] = []
    here, start, letter = np.zeros(2), np.zeros(2), ""
    while tokens:
        if tokens[0] in "mlqcz":
            letter = tokens.pop(0)
        if letter == "z":
            here = start
            found.append(("z", []))
            continue
        ways = np.array([float(tokens.pop(0)) for _ in range(TAKES[letter])]).reshape(-1, 2)
        points = here + ways
        here = points[-1]
        start = here if letter == "m" else start
        found.append((letter, points.ravel().tolist()))
        letter = "l" if letter == "m" else letter
    return found


@given(st.lists(st.tuples(st.sampled_from("LLLQCZM"), st.lists(POINT, min_size=3, max_size=3)), max_size=30))
@settings(max_examples=60)
def test_the_short_path_goes_where_the_long_one_does(pieces):
    expected = [("m", [1.25, 2.0])]
    for command, points in pieces:
        values = [v for p in points for v in p][: TAKES.get(command.lower(), 0)]
        expected.append((command.lower(), values))
    for digits in (1, 2):
        found, far = read(short(expected, digits)), 0.5 / 10**digits + 1e-6
        kept = [e for e, same in zip(expected, still(expected, digits), strict=True) if not same]
        assert [c for c, _ in found] == [c for c, _ in kept]
        for (_, values), (_, wanted) in zip(found, kept, strict=True):
            assert values == pytest.approx(wanted, abs=far)


def short(commands, digits):
    points = [(letter, p) for letter, v in commands for p in np.reshape(v or (0, 0), (-1, 2))]
    vertices, codes = np.array([p for _, p in points]), np.array([CODES[letter] for letter, _ in points])
    return shorter(vertices, codes, digits)


def still(commands, digits):
    """Whether a line within a line stays where it is once it is rounded."""
    unit, here, start, before, found = 10**digits, [0, 0], [0, 0], "", []
    for command, values in commands:
        end = [round(v * unit) for v in values[-2:]] or start
        found.append(command == before == "l" and end == here)
        start = end if command == "m" else start
        here, before = end, command
    return found


def test_as_few_bytes_as_the_grammar_allows():
    corner = [("m", [10, 20]), ("l", [10.5, 19.96]), ("l", [10.52, 19.98]), ("l", [12, 21]), ("z", [])]
    assert short([*corner, ("m", [3, 4])], 1) == "m10 20 .5 0 1.5 1zm-7-16"
    assert short([("m", [5, 5]), ("l", [5, 5])], 1) == "m5 5 0 0", "a dot is drawn by its caps"
    assert [decimal(v, 1) for v in (-5, 0, 5, 10, -123)] == ["-.5", "0", ".5", "1", "-12.3"]


def test_errors_do_not_add_up():
    xs = np.arange(3000) * 0.044
    line = [("m", [0, 0]), *(("l", [x, 7]) for x in xs)]
    assert read(short(line, 1))[-1][1][0] == pytest.approx(xs[-1], abs=0.051)
