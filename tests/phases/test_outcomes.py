"""The closed vocabulary, on planted curves whose outcome is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overshoot.study.phases.outcomes import (
    Outcome,
    Reason,
    growth,
    hitting_examples,
    judge,
    q_end,
    trend,
    window,
)
from overshoot.study.phases.stack import Run
from tests.builders import run

FALLING = list(np.geomspace(1, 0.5, 41))
CONVERGED = [1.0] + [0.05] * 40
FLOORED = [1.0] + [0.3, 0.32] * 20


def outcome(r: Run, best_rate: float | None = 1.0, best_loss: float = 0.0) -> str:
    return judge(r, best_loss, tolerance=0.1, best_rate=best_rate).outcome


def test_a_curve_within_the_tolerance_has_converged() -> None:
    assert outcome(run(CONVERGED)) == "converged"


def test_one_evaluation_above_the_tolerance_in_the_window_is_enough_to_deny_it() -> None:
    assert outcome(run([*CONVERGED[:-3], 0.2, 0.05, 0.05])) != "converged"


@pytest.mark.parametrize(("rate", "expected"), [(0.1, "too small"), (10.0, "too large"), (1.0, "unresolved")])
def test_position_on_the_rate_curve_decides_between_small_and_large(rate: float, expected: str) -> None:
    assert outcome(run(FALLING, rate)) == expected
    assert outcome(run(FLOORED, rate)) == expected


def test_rates_are_told_from_each_other_however_small_they_are() -> None:
    assert outcome(run(FALLING, 1e-10), best_rate=3e-9) == "too small"
    assert outcome(run(FALLING, 9e-9), best_rate=3e-9) == "too large"


def test_the_reason_tells_descending_from_floored() -> None:
    assert judge(run(FALLING), 0.0, 0.1, 1.0).reason == Reason.DESCENDING
    assert judge(run(FLOORED), 0.0, 0.1, 1.0).reason == Reason.LEVEL


def test_without_any_stable_rate_a_run_that_lasts_is_unresolved() -> None:
    assert outcome(run(FALLING), best_rate=None) == "unresolved"


@pytest.mark.parametrize(
    "losses",
    [
        [1.0, 2.0] + [1.5] * 39,  # ended above its start, after an excursion
        [1.0, *np.geomspace(0.01, 0.9, 40)],  # still growing at the end
    ],
)
def test_a_run_that_lasts_can_have_diverged(losses: list[float]) -> None:
    assert outcome(run(losses)) == "diverged"


@pytest.mark.parametrize("last", [np.inf, np.nan, 1e300, 5.0])
def test_a_run_that_left_has_diverged_whatever_its_last_loss(last: float) -> None:
    r = run([1.0, 3.0, last], bad=20)
    assert outcome(r) == "diverged"
    assert q_end(r, 0.0) == np.inf
    assert hitting_examples(r, 0.0, 0.1) == np.inf


def test_an_excursion_that_recovers_has_not_diverged() -> None:
    assert outcome(run([1.0, 1e5] + [0.05] * 39)) == "converged"


def test_a_run_that_only_stands_still_has_not_diverged() -> None:
    assert outcome(run([1.0] * 41)) == "too small"


def test_a_doubling_of_what_is_next_to_nothing_has_converged() -> None:
    assert outcome(run([1.0, *np.geomspace(1e-8, 1e-6, 40)])) == "converged"


def test_a_noisy_floor_is_not_growth() -> None:
    """Without drift, fewer than one run in a hundred may be taken for a divergence."""
    rng = np.random.default_rng(0)
    floors = 0.3 * np.exp(0.8 * rng.standard_normal((1000, 40)))
    named = [outcome(run([1.0, *floor]), best_rate=0.01) for floor in floors.clip(max=0.99)]
    assert named.count("diverged") < 10


def test_a_slow_steady_growth_out_of_the_tolerance_is_a_divergence() -> None:
    """Just above the limit: tame for long, and doubling every few evaluations at the end."""
    assert outcome(run([1.0, *np.geomspace(1e-3, 0.6, 40)])) == "diverged"


def test_the_gap_is_relative_to_the_best_known_loss() -> None:
    curve = [2.0] + [1.05] * 40
    assert outcome(run(curve), best_loss=0.0) == "too small"
    assert outcome(run(curve), best_loss=1.0) == "converged"
    assert q_end(run(curve), 1.0) == pytest.approx(0.05)


def test_a_loss_below_the_best_known_one_counts_as_reached() -> None:
    assert outcome(run([1.0] + [0.4] * 40), best_loss=0.5) == "converged"


def test_hitting_time_is_where_the_curve_stays_below() -> None:
    r = run([1.0, 0.05, 0.5, 0.05, 0.02, 0.02])
    assert hitting_examples(r, 0.0, 0.1) == r.examples[3]
    assert hitting_examples(r, 0.0, 0.01) == np.inf
    assert hitting_examples(r, 0.0, 2.0) == 0


def test_growth_is_the_mean_factor_of_the_loss_at_each_update() -> None:
    r = run([1.0, 1.5**10, 1.5**20], bad=21, last=20)
    assert growth(r) == pytest.approx(1.5)
    assert np.isnan(growth(run([1.0, np.inf], bad=1, last=0)))


def test_the_window_is_a_tenth_but_at_least_three() -> None:
    assert [window(n) for n in (2, 10, 41, 61, 101, 200)] == [2, 3, 5, 7, 11, 20]


def test_trend_reads_a_geometric_curve_exactly() -> None:
    slope, tau = trend(np.exp(-0.1 * np.arange(40)))
    assert slope == pytest.approx(-0.1)
    assert tau == -1


finite = st.floats(1e-12, 1e12)


@given(st.lists(finite, min_size=11, max_size=60), st.sampled_from([0.01, 1.0, 100.0]))
def test_every_curve_has_one_outcome_and_a_reason(losses: list[float], rate: float) -> None:
    found = judge(run([1.0, *losses], rate), 0.0, 0.1, 1.0)
    assert found.outcome in Outcome
    assert found.reason in Reason


@given(st.lists(finite, min_size=11, max_size=60), st.floats(1e-6, 1e6))
def test_the_units_of_the_loss_do_not_matter(losses: list[float], scale: float) -> None:
    one, other = run([1.0, *losses]), run([scale, *(scale * x for x in losses)])
    assert q_end(other, 0.0) == pytest.approx(q_end(one, 0.0))
