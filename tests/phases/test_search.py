"""The search: shared start-up rates, finite penalties, the alarm at the edge."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from overshoot.study.experiment.cells import Cell, PhaseSettings, Rates
from overshoot.study.phases.best_rates import LEVEL
from overshoot.study.phases.search import (
    NEAR,
    PENALTY,
    Candidate,
    Claim,
    SearchSettings,
    SearchStatus,
    TunedRates,
    added,
    search,
    spread,
    winners,
)
from overshoot.study.phases.stack import Run
from overshoot.study.problems.problem import problem_of
from tests.builders import SMALL, cell, run


def found(c: Cell) -> TunedRates:
    return search(c, problem_of(c))


def linear(rates: Rates, *phases: PhaseSettings, **changes: Any) -> Cell:
    protocol = dataclasses.replace(SMALL.having(*phases), **changes)
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
    c = linear(Rates(1e-3, 1e2, 1), SearchSettings(trials=24, startup=16, batch=8))
    result = found(c)
    assert result.summary.tuned_rate_training is not None
    assert 0.8 < result.summary.tuned_rate_training < 2
    assert result.summary.search_status == SearchStatus.CLEAR


def test_every_rate_is_run_on_every_replicate() -> None:
    c = linear(Rates(1e-3, 1e2, 1), SearchSettings(trials=6, startup=4, batch=2, replicates=3))
    runs = found(c).runs
    assert len(runs) == 18
    assert [r.trial.replicate for r in runs[:3]] == ["search-0", "search-1", "search-2"]
    assert len({r.trial.rate for r in runs[:3]}) == 1


def candidate(rate: float, *runs: Run) -> Candidate:
    """A rate with runs whose validation loss is twice the training loss, unless they have their own."""
    here = [dataclasses.replace(r, trial=dataclasses.replace(r.trial, rate=rate)) for r in runs]
    return Candidate(tuple(here), 0.0, 0.1)


def ends(q: float, validation: float = 0.5) -> Run:
    """A run that falls from 1 to q and stays there, with a validation loss of its own."""
    losses = np.concatenate([np.geomspace(1, q, 11), np.full(10, q)])
    lasting = run(losses)
    return dataclasses.replace(lasting, validation_loss=np.where(losses == 1, 1.0, validation))


def test_a_rate_that_diverged_is_told_as_a_finite_penalty_that_is_larger_the_earlier_its_runs_left() -> None:
    early, late = run([1.0, np.inf], bad=5, last=4), run([1.0] * 20 + [np.inf], bad=195, last=194)
    fine, awful = run([1.0] + [0.05] * 20), run([1.0] + [0.99] * 20)
    for claim in Claim:
        values = [candidate(1.0, r).score(claim) for r in (early, late, awful, fine)]
        assert np.isfinite(values).all()
        assert values == sorted(values, reverse=True)
        assert values[1] >= PENALTY > values[2]


def test_what_is_told_is_the_median_of_the_replicates() -> None:
    assert candidate(1.0, ends(0.01), ends(0.03), ends(0.9)).score(Claim.TRAINING) == pytest.approx(
        np.log10(0.03)
    )
    gone = run([1.0, np.inf], bad=5, last=4)
    assert candidate(1.0, ends(0.01), ends(0.03), gone).eligible
    assert not candidate(1.0, ends(0.01), gone, gone).eligible


def test_each_claim_has_a_winner_of_its_own() -> None:
    slow = ends(0.02, 0.1)
    slow = dataclasses.replace(slow, train_loss=np.r_[np.full(14, 0.9), np.full(7, 0.02)])
    slow = dataclasses.replace(slow, train_loss=np.r_[1.0, slow.train_loss[1:]])
    found = winners([candidate(0.1, ends(0.01, 0.4)), candidate(1.0, ends(0.05, 0.3)), candidate(2.0, slow)])
    assert (found[Claim.TRAINING], found[Claim.VALIDATION]) == (0.1, 2.0)
    assert found[Claim.SPEED] != 2.0


def test_a_rate_that_exploded_on_its_way_never_wins() -> None:
    losses = np.r_[1.0, 4e5, np.full(19, 1e-4)]
    found = winners([candidate(3.0, run(losses)), candidate(0.1, ends(0.05))])
    assert set(found.values()) == {0.1}


def test_what_converged_goes_before_what_only_lasted() -> None:
    found = winners([candidate(0.01, ends(0.5, 0.01)), candidate(0.1, ends(0.05, 0.3))])
    assert found[Claim.VALIDATION] == 0.1


def test_equal_validation_losses_are_decided_by_training_and_a_plateau_by_its_middle() -> None:
    nought = [candidate(r, ends(q, 0.0)) for r, q in ((0.1, 0.05), (0.2, 0.01), (0.4, 0.03))]
    assert winners(nought)[Claim.VALIDATION] == 0.2
    level = [candidate(r, ends(1e-9, 0.0)) for r in (0.01, 0.1, 0.11, 1.0)]
    found = winners([candidate(0.001, ends(0.9)), *level, candidate(10.0, ends(0.9))])
    assert found[Claim.TRAINING] == found[Claim.VALIDATION] == 0.1, "1 is an end of the plateau"
    near = 10 ** (LEVEL / 2)
    assert winners([candidate(0.1, ends(0.01)), candidate(1.0, ends(0.01 * near))])[Claim.TRAINING] in (
        0.1,
        1,
    )


def test_replicates_disagree_by_the_distance_of_their_best_rates() -> None:
    apart = [candidate(0.1, ends(0.01), ends(0.05)), candidate(1.0, ends(0.03), ends(0.02))]
    assert spread(apart, Claim.TRAINING) == pytest.approx(1)
    gone = run([1.0, np.inf], bad=5, last=4)
    assert spread([candidate(0.1, gone, gone)], Claim.TRAINING) is None


def test_replicates_do_not_disagree_on_a_plateau_that_they_share() -> None:
    """Losses of exactly 0 at three rates: the first replicate's are best at all of them, the other's at the
    last two, so that both are best at 1."""
    level = [
        candidate(rate, ends(0.01, 0.0), ends(0.01, other))
        for rate, other in ((0.1, 0.2), (1.0, 0.0), (10.0, 0.0))
    ]
    assert spread(level, Claim.VALIDATION) == 0
    assert spread([*level[:1], *[candidate(10.0, ends(0.01, 0.1), ends(0.01, 0.0))]], Claim.VALIDATION) == 2


def test_a_range_that_grows_at_both_ends_is_searched_at_both() -> None:
    old, new = Rates(1e-2, 1e2, 1), Rates(1e-4, 1e4, 1)
    assert added(old, new, 2) == pytest.approx([1e-3, 1e-4, 1e3, 1e4])
    assert added(old, Rates(1e-2, 1e4, 1), 2) == pytest.approx([1e3, 1e4])
    assert added(old, old, 2) == []


@pytest.mark.parametrize("rates", [Rates(1e-3, 1e-1, 1), Rates(0.9, 1e3, 1)])
def test_a_best_rate_at_an_edge_extends_the_range(rates: Rates) -> None:
    result = found(linear(rates))
    assert "extended" in {r.trial.role for r in result.runs}
    summary = result.summary
    assert (summary.search_low, summary.search_high) != (rates.low, rates.high)
    ends = [np.log10([r / summary.search_low, summary.search_high / r]).min() for r in result.rates]
    assert (summary.search_status == SearchStatus.CLEAR) == (min(ends) >= NEAR)


def test_a_best_rate_that_stays_at_the_edge_is_not_trusted() -> None:
    """A range seven decades below the best rate: two extensions do not reach it."""
    result = found(linear(Rates(1e-8, 1e-7, 1), precision="float64"))
    assert result.summary.search_status == SearchStatus.AT_BOUNDARY
    assert result.summary.search_high == pytest.approx(1e-3)


def test_nothing_is_found_when_everything_diverges() -> None:
    result = found(linear(Rates(1e3, 1e5, 1)))
    assert (result.rates, result.summary.search_status) == ([], SearchStatus.NO_STABLE_RATE)
