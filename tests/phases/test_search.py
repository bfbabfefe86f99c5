"""The search: shared start-up rates, finite penalties, the alarm at the edge."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from study.experiment.cells import Cell, Rates, Search
from study.phases.search import NEAR, PENALTY, SearchStatus, TunedRate, search, told
from study.problems.problem import problem_of
from tests.builders import SMALL, cell, run


def found(c: Cell) -> TunedRate:
    return search(c, problem_of(c))


def linear(rates: Rates, **changes: Any) -> Cell:
    protocol = dataclasses.replace(SMALL, **changes)
    return cell("ill_conditioned", batch=None, hidden=(), rates=rates, condition=10.0, protocol=protocol)


def test_every_optimizer_starts_from_the_same_rates_in_the_same_order() -> None:
    one, other = found(cell(optimizer="sgd")), found(cell(optimizer="adam", batch=None))
    first = [r.trial.rate for r in one.runs if r.trial.role == "startup"]
    assert first == [r.trial.rate for r in other.runs if r.trial.role == "startup"]
    assert first != sorted(first)


def test_the_same_cell_searches_the_same_rates() -> None:
    c = linear(Rates(1e-3, 1e2, 1))
    assert [r.trial.rate for r in found(c).runs] == [r.trial.rate for r in found(c).runs]


def test_the_search_finds_the_neighbourhood_of_the_best_rate() -> None:
    """Eigenvalues in [0.1, 1] and 12 epochs: the gap is smallest close to the limit of 2."""
    c = linear(Rates(1e-3, 1e2, 1), search=Search(trials=24, startup=16, batch=8))
    result = found(c)
    assert result.rate is not None
    assert 0.8 < result.rate < 2
    assert result.status == SearchStatus.CLEAR


def test_a_diverged_trial_is_told_as_a_finite_penalty_that_is_larger_the_earlier_it_left() -> None:
    early, late = run([1.0, np.inf], bad=5, last=4), run([1.0] * 20 + [np.inf], bad=195, last=194)
    fine, awful = run([1.0] + [0.05] * 20), run([1.0] + [0.99] * 20)
    values = [told(r, 0.0) for r in (early, late, awful, fine)]
    assert np.isfinite(values).all()
    assert values == sorted(values, reverse=True)
    assert values[1] >= PENALTY > values[2]


@pytest.mark.parametrize("rates", [Rates(1e-3, 1e-1, 1), Rates(0.9, 1e3, 1)])
def test_a_best_rate_at_an_edge_extends_the_range(rates: Rates) -> None:
    result = found(linear(rates))
    assert "extended" in {r.trial.role for r in result.runs}
    assert (result.range.low, result.range.high) != (rates.low, rates.high)
    assert result.rate is not None
    inside = (
        np.log10(result.rate / result.range.low) >= NEAR and np.log10(result.range.high / result.rate) >= NEAR
    )
    assert (result.status == SearchStatus.CLEAR) == inside


def test_a_best_rate_that_stays_at_the_edge_is_not_trusted() -> None:
    """A range seven decades below the best rate: two extensions do not reach it."""
    result = found(linear(Rates(1e-8, 1e-7, 1), precision="float64"))
    assert result.status == SearchStatus.AT_BOUNDARY
    assert result.range.high == pytest.approx(1e-3)


def test_nothing_is_found_when_everything_diverges() -> None:
    result = found(linear(Rates(1e3, 1e5, 1)))
    assert (result.rate, result.status) == (None, SearchStatus.NO_STABLE_RATE)
