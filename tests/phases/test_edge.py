"""Sharpness along training: exact where it is known, and on networks where it comes to a stand."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from overshoot.core import eigenvalues
from overshoot.study.execution.cost import cost
from overshoot.study.experiment.cells import Budget, Cell, Choice, NetworkSpec
from overshoot.study.phases import edge
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.edge import EdgeSettings, EdgeSummary, SharpnessMeasure, rates, settings_of
from overshoot.study.phases.results import CellResult
from overshoot.study.phases.stack import Run, Trial, run_stack
from overshoot.study.phases.sweep import RateCurve
from overshoot.study.phases.theory import threshold
from overshoot.study.problems.problem import problem_of
from overshoot.study.tracking.rows import trial_rows
from tests.builders import SMALL, cell

EDGE = EdgeSettings(("sgd", "adam"), rates=3, updates=40, evaluations=10)
FOLLOWED = SMALL.having(EDGE)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


def watched(where: Cell, chosen: list[float], updates: int, evaluations: int) -> list[Run]:
    """Runs at the chosen rates with their sharpness, whatever the experiment asks for."""
    budget = Budget(1, updates, evaluations)
    where = dataclasses.replace(
        where, protocol=dataclasses.replace(where.protocol, budget=budget, precision="float64")
    )
    trials = [Trial("edge", "spread", rate, "sweep-0") for rate in chosen]
    problem = problem_of(where)
    return run_stack(where, problem, trials, {"sharpness": SharpnessMeasure(where, problem)})


def sharpness_of(run: Run) -> np.ndarray:
    assert run.sharpness is not None
    return run.sharpness


def test_on_a_quadratic_the_sharpness_is_the_largest_eigenvalue_all_along() -> None:
    runs = watched(cell("ill_conditioned", batch=None, hidden=(), condition=10.0), [0.1, 3.0], 50, 10)
    for run in runs:  # the one below the limit of 2 and the one above it, which has another loss every time
        np.testing.assert_allclose(sharpness_of(run), 1.0, rtol=edge.TOLERANCE)
    assert runs[1].train_loss[-1] > 1e6 * runs[1].train_loss[0]


def test_adams_sharpness_is_that_of_its_own_preconditioned_hessian() -> None:
    """After one update P is 0.1 (|g| + eps), 0.1 for the correction of the mean that starts at zero."""
    where = cell("ill_conditioned", "adam", batch=None, hidden=(), condition=10.0)
    problem = problem_of(where)
    (run,) = watched(where, [0.01], 10, 10)
    X, y = problem.split.X["train"], problem.split.y["train"]
    rows = np.hstack([X, np.ones((len(X), 1))])
    g = problem.net.loss_and_grad(problem.start("sweep-0"), X, y)[1]
    P = 0.1 * (np.abs(g) + 1e-8)
    expected = np.linalg.eigvals(rows.T @ rows / len(X) / P[:, None]).real.max()
    assert np.isnan(sharpness_of(run)[0])
    assert sharpness_of(run)[1] == pytest.approx(expected, rel=edge.TOLERANCE)
    assert np.isfinite(sharpness_of(run)[2:]).all()


@pytest.mark.parametrize(("name", "penalty"), [("adam", 0.5), ("adamw", 0.0), ("sgd", 0.0)])
def test_a_penalty_is_in_the_curvature_where_the_limit_leaves_it_there(name: str, penalty: float) -> None:
    plain = cell("ill_conditioned", name, batch=None, hidden=(), condition=10.0)
    decayed = dataclasses.replace(plain, optimizer=Choice(name, (("weight_decay", 0.5),)))
    theta, P = np.zeros((1, problem_of(plain).net.size)), lambda: None
    found = SharpnessMeasure(decayed, problem_of(decayed))(theta, P)
    assert found == pytest.approx(1.0 + penalty, rel=edge.TOLERANCE)


def test_gradient_descent_trains_at_the_edge_of_stability() -> None:
    """The sharpness starts below 2/r; at small rates it stays there, at larger ones it rises to the line
    and hovers about it, while the loss goes on falling (Cohen et al. 2021)."""
    where = dataclasses.replace(cell("diabetes", batch=None), network=NetworkSpec("net", (16,), "tanh"))
    calm, *edged = watched(where, [0.05, 0.2, 0.3], 1500, 75)
    relative = [sharpness_of(run) * run.trial.rate / 2 for run in (calm, *edged)]
    assert max(relative[0]) < 0.5
    for run, part in zip(edged, relative[1:], strict=True):
        assert part[0] < 0.8
        late = part[50:]  # the last 500 updates
        assert np.median(late) == pytest.approx(1.0, abs=0.05)
        assert 0.8 < late.min() < 1 < late.max() < 1.25
        assert run.train_loss[-1] < run.train_loss[50] < run.train_loss[0] / 4


@pytest.fixture(scope="module")
def followed() -> CellResult:
    return run_cell(cell("iris", batch=None, protocol=FOLLOWED))


def test_the_phase_is_trials_and_curves_like_any_other(followed: CellResult) -> None:
    trials = followed.trials[followed.trials["phase"] == "edge"]
    assert len(trials) == EDGE.rates
    assert set(trials["replicate"]) == {"sweep-0"}
    assert followed.summary.seconds["edge"] > 0
    assert followed.summary.part(EdgeSummary).sharpness_missing == 0
    for trial in trials["trial"]:
        curve = followed.curves[followed.curves["trial"] == trial]
        assert curve["update"].tolist() == list(range(0, 41, 4))
        assert np.isfinite(curve["sharpness"]).all()
    others = followed.curves[~followed.curves["trial"].isin(trials["trial"])]
    assert others["sharpness"].isna().all()
    np.testing.assert_allclose(followed.trials["threshold"], 2 / followed.trials["rate"])


def test_charts_have_the_sharpness_and_its_line(followed: CellResult) -> None:
    rows = trial_rows("study", followed, "1", 0)
    keys = [{p.key for p in row.metrics} & {"sharpness", "threshold"} for row in rows]
    phases = followed.trials["phase"].tolist()
    assert [bool(k) for k in keys] == [phase == "edge" for phase in phases]
    drawn = [(p.step, p.value) for p in rows[-1].metrics if p.key == "sharpness"]
    curve = followed.curves[followed.curves["trial"] == followed.trials["trial"].iloc[-1]]
    assert drawn == list(zip(curve["examples"], curve["sharpness"], strict=True))


def test_the_cost_counts_the_phase() -> None:
    without, with_it = cost(cell("iris", batch=None)), cost(cell("iris", batch=None, protocol=FOLLOWED))
    assert with_it.trials - without.trials == EDGE.rates
    assert with_it.updates - without.updates == EDGE.rates * EDGE.updates
    assert with_it.seconds > without.seconds


@pytest.mark.parametrize(
    "changes",
    [
        {"strategy": cell(batch=16).strategy},
        {"network": NetworkSpec("linear", ())},
        {"optimizer": Choice("momentum")},
        {"schedule": Choice("cosine")},
        {"protocol": SMALL},
    ],
)
def test_it_is_for_full_batches_of_networks_at_constant_rates_where_asked_for(changes: dict) -> None:
    asked = cell("iris", batch=None, protocol=FOLLOWED)
    assert settings_of(asked) == EDGE
    assert settings_of(dataclasses.replace(asked, **changes)) is None


def curve_of(q: list[float], diverged: list[float]) -> RateCurve:
    none = np.zeros(len(q), dtype=bool)
    return RateCurve(np.logspace(-2, 2, len(q)), np.array(q), np.array(diverged), none.astype(float), none)


def test_rates_span_a_decade_up_to_the_cliff_or_above_the_best() -> None:
    falls = curve_of([0.5, 0.4, 0.1, np.inf, np.inf], [0, 0, 0, 1, 1])  # the best rate, 1, is the last
    np.testing.assert_allclose(rates(falls, 3), [0.1, 10**-0.5, 1.0])
    floors = curve_of([0.5, 0.1, 0.4, 0.6, 0.8], [0, 0, 0, 0, 0])
    np.testing.assert_allclose(rates(floors, 2), [0.1 / 10**0.5, 0.1 * 10**0.5])
    np.testing.assert_allclose(rates(floors, 1), [0.1 * 10**0.5])
    assert rates(curve_of([np.inf] * 2, [1, 1]), 3) == []


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_every_run_starts_below_its_threshold(name: str) -> None:
    """Also those whose sharpness is known after some updates only, which a high rate throws out."""
    where = cell("iris", name, batch=None, protocol=FOLLOWED)
    high = curve_of([0.9, 0.9, 0.9, 0.9, 0.1], [0, 0, 0, 0, 0])
    runs = edge.follow(where, problem_of(where), high)
    assert len(runs) == EDGE.rates
    for run in runs:
        known = sharpness_of(run)[np.isfinite(sharpness_of(run))]
        assert known[0] < threshold(where, run)


def test_a_line_is_known_for_constant_rates_of_methods_with_a_limit() -> None:
    zero = np.zeros(1)
    run = Run(Trial("edge", "spread", 0.1, "sweep-0"), zero, zero, zero, zero, 0, zero, 0, {})
    assert threshold(cell(optimizer="adam"), run) == pytest.approx(380)
    assert np.isnan(threshold(cell(optimizer="adagrad"), run))
    assert np.isnan(threshold(dataclasses.replace(cell(), schedule=Choice("cosine")), run))


def test_estimates_that_are_missing_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """One round of two products does not come to a percent, and no number is made up."""
    monkeypatch.setattr(eigenvalues, "SHORT", 2)
    monkeypatch.setattr(edge, "RESTARTS", 1)
    where = cell("iris", batch=None, protocol=FOLLOWED)
    runs = edge.follow(where, problem_of(where), curve_of([0.2, 0.1, 0.3], [0, 0, 0]))
    absent = sum(int(np.isnan(sharpness_of(run)[1:]).sum()) for run in runs)
    assert 0 < absent <= 30
    assert edge.edge_summary(runs) == EdgeSummary(absent)
    assert edge.edge_summary([]) is None
