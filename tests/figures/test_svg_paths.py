"""Short paths draw the same lines: read back by matplotlib's own rules of SVG's grammar, written apart."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overshoot.study.figures.svg_paths import decimal, shorter

TAKES = {"m": 2, "l": 2, "q": 4, "c": 6}
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
    long, expected = "M 1.25 2", [("m", [1.25, 2.0])]
    for command, points in pieces:
        values = [v for p in points for v in p][: TAKES.get(command.lower(), 0)]
        long += " " + " ".join([command, *(f"{v:.6f}" for v in values)])
        expected.append((command.lower(), values))
    for digits in (1, 2):
        found, far = read(shorter(long, digits)), 0.5 / 10**digits + 1e-6
        kept = [e for e, same in zip(expected, still(expected, digits), strict=True) if not same]
        assert [c for c, _ in found] == [c for c, _ in kept]
        for (_, values), (_, wanted) in zip(found, kept, strict=True):
            assert values == pytest.approx(wanted, abs=far)


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
    assert shorter("M 10 20 L 10.5 19.96 L 10.52 19.98 L 12 21 z M 3 4", 1) == "m10 20 .5 0 1.5 1zm-7-16"
    assert shorter("M 5 5 L 5 5", 1) == "m5 5 0 0", "a dot is drawn by its caps"
    assert [decimal(v, 1) for v in (-5, 0, 5, 10, -123)] == ["-.5", "0", ".5", "1", "-12.3"]


def test_errors_do_not_add_up():
    xs = np.arange(3000) * 0.044
    long = "M 0 0 " + " ".join(f"L {x:.3f} 7" for x in xs)
    assert read(shorter(long, 1))[-1][1][0] == pytest.approx(xs[-1], abs=0.051)
