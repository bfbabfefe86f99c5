"""The measured cliff against the predicted one, and how it is found."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays

from overshoot.study.execution.cost import cost
from overshoot.study.experiment.cells import Cell, Rates
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.limit import (
    LimitSettings,
    LimitStatus,
    LimitSummary,
    MeasuredLimit,
    _next_rates,
    at_horizon,
    measure_limit,
    sections,
)
from overshoot.study.phases.outcomes import divergence
from overshoot.study.phases.stack import Run, Trial, run_stack
from overshoot.study.phases.sweep import rate_curve, sweep
from overshoot.study.phases.theory import TheorySummary
from overshoot.study.problems.problem import problem_of
from tests.builders import SMALL, cell, on_one_and_two_workers, same

MEASURED = dataclasses.replace(SMALL.having(LimitSettings()), precision="float64")


def linear(dataset: str = "ill_conditioned", optimizer: str = "sgd", batch: int | None = None) -> Cell:
    return cell(dataset, optimizer, batch, hidden=(), protocol=MEASURED)


def cliff_of(chosen: Cell) -> MeasuredLimit:
    problem = problem_of(chosen)
    return measure_limit(
        chosen, problem, rate_curve(sweep(chosen, problem), problem.best_loss, chosen.protocol.tolerance)
    )


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize("dataset", ["diabetes", "ill_conditioned", "friedman1", "line"])
def test_full_batches_on_least_squares_break_where_theory_says(
    dataset: str, optimizer: str, precision: str
) -> None:
    chosen = linear(dataset, optimizer)
    chosen = dataclasses.replace(chosen, protocol=dataclasses.replace(MEASURED, precision=precision))
    found = run_cell(chosen).summary.flat()
    assert found["limit_basis"] == "exact"
    assert found["limit_status"] == "measured"
    for measured in ("limit_measured", "limit_low", "limit_high"):
        assert found[measured] == pytest.approx(found["limit_predicted"], rel=0.01)


def test_half_of_the_runs_diverge_at_the_limit() -> None:
    """With small batches runs diverge by chance: about the limit some do and some do not."""
    found = cliff_of(linear(batch=1))
    summary = found.summary
    assert {run.trial.phase for run in found.runs} == {"limit"}
    assert summary.limit_low < summary.limit_measured < summary.limit_high
    below = found.outcomes[:, found.rates < summary.limit_low * 0.99]
    above = found.outcomes[:, found.rates > summary.limit_high * 1.01]
    assert below.mean() < 0.5 < above.mean()


def test_with_full_batches_the_change_is_sharp_and_known_to_the_precision() -> None:
    summary = cliff_of(linear()).summary
    assert summary.limit_low is not None
    assert summary.limit_high is not None
    assert summary.limit_high / summary.limit_low <= 1.01 * (1 + 1e-9)
    assert (summary.limit_zone_low, summary.limit_zone_high) == (summary.limit_high, summary.limit_low)


@pytest.mark.parametrize("ratio", [1.005, 1.02, 2.15, 10.0])
@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_so_many_rounds_close_a_bracket(ratio: float, rounds: int) -> None:
    low, high, rng = 0.3, 0.3 * ratio, np.random.default_rng(0)
    limit = low * ratio ** rng.random()
    for left in range(rounds, 0, -1):
        ends = np.array([low, *sections(low, high, 0.01, left), high])
        high = float(ends[np.argmax(ends > limit)])
        low = float(ends[np.argmax(ends > limit) - 1])
    assert high / low <= 1.01 * (1 + 1e-9)


def test_a_longer_horizon_sees_what_a_short_one_does_not() -> None:
    """At 1.02 times the limit, which is 2, forty updates do not show it and a thousand do."""
    chosen = linear()
    problem, trial = problem_of(chosen), Trial("limit", "grid", 2.04, "sweep-0")
    longer = at_horizon(chosen, problem.samples)
    assert longer.protocol.budget.epochs == 1000
    short, long = (run_stack(c, problem, [trial])[0] for c in (chosen, longer))
    assert divergence(short, problem.best_loss) is None
    assert divergence(long, problem.best_loss)


def test_the_horizon_is_longer_where_the_limit_is_exact_and_runs_are_short() -> None:
    network = cell("friedman1", "sgd", None, protocol=MEASURED)
    stochastic = dataclasses.replace(MEASURED, budget=dataclasses.replace(SMALL.budget, epochs=40))
    assert at_horizon(network, 300) == network
    one = cell("diabetes", "sgd", 1, hidden=(), protocol=stochastic)
    assert at_horizon(one, 265) == one


def test_a_cliff_outside_the_grid_is_said() -> None:
    calm = dataclasses.replace(linear(), rates=Rates(1e-3, 1e-1, 2))
    wild = dataclasses.replace(linear(), rates=Rates(1e2, 1e4, 2))
    assert cliff_of(calm).summary == LimitSummary(LimitStatus.ABOVE_GRID)
    assert cliff_of(wild).summary == LimitSummary(LimitStatus.BELOW_GRID)


def test_the_phase_gives_the_same_bits_on_any_number_of_workers() -> None:
    cells = [linear(optimizer=o, batch=b) for o in ("sgd", "momentum") for b in (None, 16)]
    for one, two in on_one_and_two_workers(cells):
        same(one, two)
        assert dataclasses.replace(one.summary, seconds={}) == dataclasses.replace(two.summary, seconds={})


def test_a_trial_of_the_phase_is_the_same_alone() -> None:
    chosen = linear(batch=16)
    problem = problem_of(chosen)
    watched = at_horizon(chosen, problem.samples)
    for beside in cliff_of(chosen).runs[::20]:
        (alone,) = run_stack(watched, problem, [beside.trial])
        assert np.array_equal(alone.train_loss, beside.train_loss, equal_nan=True)
        assert np.array_equal(alone.theta, beside.theta)
        assert _bad(alone) == _bad(beside)


def _bad(run: Run) -> int:
    return run.first_bad_step


def test_the_phase_is_counted_in_the_cost_and_leaves_the_others_as_they_are() -> None:
    chosen = linear()
    without = dataclasses.replace(chosen, protocol=MEASURED.without(LimitSettings))
    with_phase, plain = run_cell(chosen), run_cell(without)
    assert chosen.key != without.key
    rest = with_phase.trials[with_phase.trials["phase"] != "limit"]
    pd.testing.assert_frame_equal(rest, plain.trials, check_exact=True)
    limit = with_phase.trials[with_phase.trials["phase"] == "limit"]
    expected = cost(chosen).trials - cost(without).trials
    assert expected / 1.5 < len(limit) < 1.5 * expected
    assert limit["replicate"].nunique() == LimitSettings().replicates
    assert plain.summary.get(LimitSummary) is None
    assert plain.summary.part(TheorySummary) == with_phase.summary.part(TheorySummary)


@given(arrays(bool, (6, 5)))
def test_whatever_the_outcomes_a_limit_that_was_found_can_be_looked_at_closer(diverged: np.ndarray) -> None:
    """A mean of shares is a half up to rounding: what finds the limit and what refines it agree on it."""
    found = MeasuredLimit(tuple("abcdef"))
    rates = np.geomspace(0.01, 1, 5)
    found.diverged = {float(rate): diverged[:, i] for i, rate in enumerate(rates)}
    if found.threshold is not None:
        for rate in _next_rates(found, 0.01, 2):
            assert rates[0] < rate < rates[-1]
