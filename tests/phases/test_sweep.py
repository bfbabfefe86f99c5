"""The learning-rate curve of a sweep: best rate, cliff and usable width."""

from __future__ import annotations

import numpy as np
import pytest

from overshoot.study.experiment.cells import Rates
from overshoot.study.phases.stack import Run
from overshoot.study.phases.sweep import RateCurve, grid, rate_curve
from tests.builders import run

RATES = np.array([1e-3, 1e-2, 1e-1, 1.0, 10.0])


def curve(q: list[float], diverged: list[float] | None = None) -> RateCurve:
    gone = np.array(diverged or [float(np.isinf(x)) for x in q])
    met = np.array([float(x <= 0.1) for x in q])
    return RateCurve(RATES, np.array(q), gone, met, np.zeros(len(RATES), dtype=bool))


def test_the_grid_has_both_ends_and_is_even_in_the_logarithm() -> None:
    rates = grid(Rates(1e-5, 1e2, 3))
    assert rates[0] == pytest.approx(1e-5)
    assert rates[-1] == pytest.approx(1e2)
    assert len(rates) == 22
    assert np.diff(np.log10(rates)) == pytest.approx(1 / 3)


def test_best_rate_and_cliff() -> None:
    c = curve([0.9, 0.5, 0.01, np.inf, np.inf])
    assert c.best_rate == 0.1
    assert c.boundary == 1.0
    assert c.margin == pytest.approx(1.0)


def test_a_divergence_below_the_best_rate_is_not_the_cliff() -> None:
    assert curve([np.inf, 0.5, 0.01, 0.2, 0.3]).boundary is None


def test_a_sweep_in_which_everything_diverged_says_so_by_having_no_best_rate() -> None:
    c = curve([np.inf] * 5)
    assert (c.best_rate, c.margin, c.width(0.1)) == (None, None, 0.0)


def test_width_interpolates_ln_q_over_the_logarithm_of_the_rate() -> None:
    # From 0.01 to 1 in one decade on either side: 0.1 lies half way.
    assert curve([1.0, 1.0, 0.01, 1.0, 1.0]).width(0.1) == pytest.approx(1.0)


def test_width_ends_at_the_last_rate_that_did_not_diverge() -> None:
    assert curve([1.0, 1.0, 0.01, 0.01, np.inf]).width(0.1) == pytest.approx(1.5)


def test_width_is_the_contiguous_part_around_the_best_rate() -> None:
    assert curve([0.05, 1.0, 0.01, 1.0, 0.05]).width(0.1) == pytest.approx(1.0)
    assert curve([0.05] * 5).width(0.1) == pytest.approx(4.0)
    assert curve([0.5] * 5).width(0.1) == 0.0


def test_half_of_the_replicates_diverging_is_a_cliff_and_less_is_not() -> None:
    def at(rate: float, bad: bool) -> Run:
        return run([1.0, 2.0, np.inf], rate, bad=20) if bad else run([1.0] + [0.05] * 20, rate)

    runs = [at(0.1, False), at(0.1, False), at(1.0, True), at(1.0, False), at(10.0, True), at(10.0, True)]
    c = rate_curve(runs, 0.0, 0.1)
    assert list(c.diverged) == [0.0, 0.5, 1.0]
    assert c.boundary == 1.0
    assert np.isinf(c.q[1])
    thirds = [at(0.1, False)] * 3 + [at(1.0, True), at(1.0, False), at(1.0, False)]
    assert rate_curve(thirds, 0.0, 0.1).boundary is None


def swept(**ends: list[list[float]]) -> RateCurve:
    """The curve of runs by their losses; `_` is the rate's decimal point."""
    runs = [
        run(losses, float(rate[1:].replace("_", ".")), int(np.isinf(losses[-1])))
        for rate, each in ends.items()
        for losses in each
    ]
    return rate_curve(runs, 0.0, 0.1)


STEADY = [1.0, *[0.01] * 20]
SLOW = [1.0, *[0.05] * 20]
LOTTERY = [1.0, 50.0, *[1e-9] * 20]
GONE = [1.0, 1e3, np.inf]


def test_a_rate_at_which_a_run_exploded_on_its_way_is_not_the_best() -> None:
    """One replicate wins, one comes back from an explosion, one is lost: the usable range is elsewhere."""
    c = swept(r0_1=[SLOW] * 3, r1=[STEADY] * 3, r10=[STEADY] * 3, r100=[LOTTERY, LOTTERY, GONE])
    assert c.best_rate == 1.0
    assert c.boundary is None
    assert c.width(0.1) == pytest.approx(3)
    assert swept(r100=[LOTTERY, GONE, GONE]).best_rate is None
    assert swept(r100=[LOTTERY] * 3).best_rate is None


def test_rates_that_converge_go_before_those_that_only_last() -> None:
    restless = [1.0, *[0.001] * 18, 0.2, 0.001]
    assert swept(r0_1=[SLOW] * 3, r1=[restless] * 3).best_rate == 0.1
    assert swept(r0_1=[[1.0] * 20] * 3, r1=[restless] * 3).best_rate == 1.0


def test_of_a_plateau_the_middle_is_the_best_and_of_two_the_lower() -> None:
    assert curve([0.9, 0.01, 0.01, 0.01, 0.9]).best_rate == 0.1
    assert curve([0.9, 0.01, 0.01, 0.9, 0.9]).best_rate == 1e-2
    assert curve([0.01, 0.009999, 0.01, 0.9, np.inf]).best_rate == 1e-2
    assert curve([1e-9, 0.9, 1e-7, 1e-8, 1e-9]).best_rate == 1.0  # over the most decades
    assert curve([1e-9, 0.9, 1e-9, 0.9, 1e-9]).best_rate == 1e-3  # and of those the lowest
