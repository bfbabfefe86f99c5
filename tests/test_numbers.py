"""Numbers as people read them, and how far they vary."""

from __future__ import annotations

from overshoot.study.comparison import Comparison, Range
from overshoot.study.numbers import both, by_problem, percent
from overshoot.study.statistics import Interval


def test_of_a_single_problem_nothing_varies_over_problems() -> None:
    one, two, many = Range(0.5, 0.0, 1.0, 1), Range(0.5, 0.4, 0.6, 2), Interval(0.5, 0.4, 0.6)
    here = Interval(0.5, 0.4, 0.7)
    shares = [by_problem(interval, "of the cells") for interval in (one, two, many)]
    assert [" ".join(said.split()) for said in shares] == [
        "50 % of the cells",
        "50 % (40 to 60) of the cells (by problem)",
        "50 % [40, 60] of the cells (resampled by problem)",
    ]
    differences = [both(Comparison(0.5, here, interval), percent) for interval in (one, two)]
    assert [" ".join(said.split()) for said in differences] == [
        "50 %",
        "50 % (40 to 60 by problem)",
    ]
