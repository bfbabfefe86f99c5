"""The short run: a forecast of a network's limit, before it is measured."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from overshoot.core import batch_sharpness, transition_rate
from overshoot.core.optimizers.base import Recursion
from overshoot.study.experiment.cells import Cell
from overshoot.study.phases.climb import FAR, Climb, _crossing
from overshoot.study.phases.limit import LimitSettings, measure_limit
from overshoot.study.phases.short_run import (
    Predictor,
    ShortRunSettings,
    curvature_rates,
    drawn_batches,
    extended,
    settings_of,
    short_run,
)
from overshoot.study.phases.sweep import rate_curve, sweep
from overshoot.study.problems.problem import problem_of
from tests.builders import SMALL, cell

ASKED = dataclasses.replace(
    SMALL.having(ShortRunSettings(), LimitSettings(replicates=4)), precision="float64"
)


def asked(optimizer: str = "sgd", batch: int | None = 16, hidden: tuple[int, ...] = (4,)) -> Cell:
    return cell("breast_cancer", optimizer, batch, hidden=hidden, protocol=ASKED)


def test_the_crossing_lies_between_the_last_rung_that_lowers_the_loss_and_the_next() -> None:
    rates = np.array([1.0, 10.0, 100.0])
    assert _crossing(rates, np.array([0.5, 0.1, 10.0])) == pytest.approx(np.sqrt(1000))
    assert _crossing(rates, np.array([0.5, np.nan, 0.5])) < 10
    assert _crossing(rates, np.array([1.5, 0.5, 2.0])) == 1
    assert _crossing(rates, np.array([0.5, 0.5, 0.5])) == np.inf


def climbed(rates: list[float], updates: list[int], ratio: np.ndarray) -> Climb:
    return Climb(np.array(rates), np.array(updates), ratio, np.zeros((len(ratio), 1)), None)


def test_a_loss_that_falls_as_a_power_of_time_is_extended_exactly() -> None:
    updates = [1, 10, 30, 60, 100]
    rise = np.array([0.1, 10.0, 1000.0, np.nan])  # the loss over its start at one update; the last overflows
    climb = climbed([1, 10, 100, 1000], updates, rise[None, :, None] / np.array(updates) ** 0.75)
    expected = np.log(rise / 1000**0.75)
    assert climb.extended(1000)[0, :3] == pytest.approx(expected[:3])
    assert climb.extended(1000)[0, 3] == FAR
    [rate] = climb.crossing_by(1000)
    assert 10 < rate < 100, "10 is below its start at the end and 100 is above it"
    assert 1 < climb.crossing(100)[0] < rate, "a tenth of the budget bears less"


def test_one_rung_on_the_wrong_side_does_not_move_the_crossing() -> None:
    ratio = np.array([[[0.1], [2.0], [0.1], [0.1], [3.0], [3.0]]]).repeat(2, axis=2)
    climb = climbed([1, 2, 4, 8, 16, 32], [50, 100], ratio)
    assert 8 < climb.crossing_by(1000)[0] < 16
    assert 1 < climb.crossing(100)[0] < 2


def test_further_rungs_come_before_or_behind() -> None:
    climb = climbed([4, 8], [1, 2], np.full((1, 2, 2), 0.5))
    above = climb.joined(np.array([16.0, 32.0]), np.full((1, 2, 2), 3.0))
    both = above.joined(np.array([1.0, 2.0]), np.full((1, 2, 2), 0.2))
    assert both.rates.tolist() == [1, 2, 4, 8, 16, 32]
    assert both.ratio[0, :, 0].tolist() == [0.2, 0.2, 0.5, 0.5, 3, 3]


@pytest.mark.parametrize(
    ("optimizer", "batch", "by"),
    [("adagrad", 16, "shrinking"), ("adamw", 16, "tenth"), ("adam", 16, "trend"), ("adamw", None, "trend")],
)
def test_an_adaptive_forecast_is_extended_by_what_the_method_does(
    optimizer: str, batch: int | None, by: str
) -> None:
    chosen = asked(optimizer, batch)  # with ReLU
    ratio = np.array([[[4.0, 3.0, 2.0]]]) * np.array([0.01, 0.1, 1.0, 10.0])[None, :, None]
    climb = climbed([0.01, 0.1, 1, 10], [25, 50, 100], ratio)
    tenth = climb.crossing(100)
    expected = {"shrinking": tenth * np.sqrt(10), "tenth": tenth, "trend": climb.crossing_by(1000)}[by]
    assert extended(chosen, climb, 1000) == pytest.approx(expected)
    assert climb.crossing_by(1000) > tenth


def test_it_runs_where_it_is_asked_for_and_theory_does_not_know_the_limit() -> None:
    assert settings_of(asked()) is not None
    assert settings_of(asked("adam")) is not None
    least_squares = cell("diabetes", "sgd", None, hidden=(), protocol=ASKED)
    assert settings_of(least_squares) is None
    assert settings_of(cell("iris", "sgd", None)) is None


def test_a_cell_without_the_table_keeps_its_key() -> None:
    plain = cell("iris", "sgd", None)
    assert "short_run" not in plain.definition
    assert dataclasses.replace(plain, protocol=ASKED).key != plain.key


@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_the_forecast_is_within_a_factor_of_three_of_the_measured_limit(optimizer: str) -> None:
    chosen = asked(optimizer)
    problem = problem_of(chosen)
    forecast = short_run(chosen, problem, ShortRunSettings()).summary
    curve = rate_curve(sweep(chosen, problem), problem.best_loss, chosen.protocol.tolerance)
    measured = measure_limit(chosen, problem, curve).summary
    assert measured.limit_measured is not None
    assert forecast.limit_forecast is not None
    assert 1 / 3 < measured.limit_measured / forecast.limit_forecast < 3
    assert forecast.limit_forecast_low is not None
    assert forecast.limit_forecast_low <= forecast.limit_forecast
    assert forecast.safe_rate < forecast.limit_forecast
    assert forecast.limit_forecasts[Predictor.TENTH] == forecast.limit_forecast


def test_gradient_descent_is_stable_up_to_two_over_the_batch_sharpness() -> None:
    chosen = asked()
    problem = problem_of(chosen)
    theta, batches = problem.start("short-0")[None], drawn_batches(chosen, problem)
    [sharp] = batch_sharpness(problem.net, theta, problem.exact, batches)
    assert curvature_rates(chosen, problem, theta, batches) == pytest.approx(2 / sharp, rel=1e-8)
    mean = batch_sharpness(problem.net, theta, problem.exact, [np.arange(problem.samples)])[0]
    assert transition_rate(mean, sharp, Recursion()) == pytest.approx(2 / sharp, rel=1e-8)


@pytest.mark.parametrize("optimizer", ["adam", "adagrad", "lion"])
def test_methods_without_a_limit_of_theory_have_a_forecast(optimizer: str) -> None:
    chosen = asked(optimizer)
    forecast = short_run(chosen, problem_of(chosen), ShortRunSettings(replicates=2)).summary
    assert forecast.limit_forecast is not None
    assert forecast.limit_forecast > 0
