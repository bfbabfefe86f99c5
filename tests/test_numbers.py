"""Numbers, shares and lists as people read them."""

import pytest

from overshoot.study.comparison import Range
from overshoot.study.numbers import (
    around,
    between,
    fixed,
    listing,
    number,
    over_problems,
    percent,
    plural,
    share,
)
from overshoot.study.statistics import Interval

INF = float("inf")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0461, "0.046"), (2.154, "2.2"), (123.4, "123"), (0.000222, "2.2·10⁻⁴"), (1e-5, "10⁻⁵"),
        (3.2e7, "3.2·10⁷"), (0.0, "0"), (-0.5, "−0.5"), (INF, "∞"), (-INF, "−∞"), (float("nan"), "–"),
        (100.0, "100"), (9.96, "10"),
    ],
)  # fmt: skip
def test_numbers_as_people_write_them(value, expected):
    assert number(value) == expected


def test_words():
    assert fixed(-1.26, 1) == "−1.3"
    assert between(Interval(1, 0.5, INF), 1) == "1.0\u00a0[0.5,\u00a0∞]"
    assert around(Interval(0.0115, 0.009, 0.02)) == "0.0115\u00a0[0.0090,\u00a00.0200]"
    assert around(Interval(3e-6, 1e-6, 1.0)) == "3·10⁻⁶\u00a0[10⁻⁶,\u00a01]"
    assert (percent(0.0004), percent(0.9999)) == ("<0.1\u202f%", ">99.9\u202f%")
    assert (percent(0), percent(0.5), percent(0.996), percent(1)) == (
        "0\u202f%",
        "50\u202f%",
        "99.6\u202f%",
        "100\u202f%",
    )
    assert share(Interval(0.2, 0.1, 0.3)) == "20\u202f%\u00a0[10,\u00a030]"
    assert share(Range(0.2, 0.1, 0.3, 2)) == "20\u202f%\u00a0(10\u00a0to\u00a030)"
    assert share(Range(0.2, 0, 1, 1)) == over_problems(Range(0.2, 0, 1, 1)) == "20\u202f%"
    assert over_problems(Interval(0.2, 0.1, 0.3)) == "20\u202f%\u00a0[10,\u00a030], resampled by problem"
    assert over_problems(Range(0.2, 0.1, 0.3, 2)) == "20\u202f%, 10 to 30 by problem"
    assert over_problems(Range(1, 1, 1, 3)) == "100\u202f% on each problem"
    assert (plural(1, "cell"), plural(2000, "cell"), plural(2, "search", "searches")) == (
        "1 cell",
        "2,000 cells",
        "2 searches",
    )
    assert (listing(["a"]), listing(["a", "b"]), listing(["a", "b", "c"])) == ("a", "a and b", "a, b and c")
