"""A whole cell on real data: phases, tables, determinism, and what is kept of a divergence."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from overshoot.study.execution.processes import Processes
from overshoot.study.experiment.cells import Budget, Cell, Rates
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.confirm import ConfirmSummary
from overshoot.study.phases.outcomes import growth, window
from overshoot.study.phases.results import CURVES, TRIALS, CellResult
from overshoot.study.phases.search import Claim, SearchStatus, SearchSummary
from overshoot.study.phases.stack import PATH, Trial, evaluation_epochs, run_stack
from overshoot.study.phases.sweep import SweepSummary, grid
from overshoot.study.problems.problem import problem_of
from tests.builders import SMALL, cell, on_one_and_two_workers, same


@pytest.fixture(scope="module")
def linear() -> CellResult:
    """Gradient descent on least squares with eigenvalues in [0.1, 1]: it diverges above 2."""
    return run_cell(cell("ill_conditioned", batch=None, hidden=(), condition=10.0))


def test_the_tables_have_their_columns(linear: CellResult) -> None:
    assert list(linear.trials.columns) == list(TRIALS)
    assert list(linear.curves.columns) == list(CURVES)
    assert set(linear.curves["trial"]) == set(linear.trials["trial"])


def test_every_phase_has_its_trials(linear: CellResult) -> None:
    counts = linear.trials.groupby(["phase", "role"]).size()
    assert counts["sweep", "grid"] == 6 * 2
    assert counts["search", "startup"] == 4 * 3
    assert counts["search", "tpe"] == 4 * 3
    tuned = {linear.summary.part(SearchSummary).tuned_rate(claim) for claim in Claim}
    assert counts["confirm", "tuned"] == 3 * len(tuned)
    assert counts["confirm", "default"] == 3


def test_confirmation_uses_replicates_that_tuning_never_saw(linear: CellResult) -> None:
    replicates = linear.trials.groupby("phase")["replicate"].agg(set)
    assert not replicates["confirm"] & (replicates["sweep"] | replicates["search"])


def test_only_the_confirmation_looks_at_the_test_part(linear: CellResult) -> None:
    tested = linear.trials["test_loss"].notna()
    assert set(linear.trials.loc[tested, "phase"]) == {"confirm"}


def test_the_sweep_breaks_where_theory_says(linear: CellResult) -> None:
    """The largest eigenvalue is 1, that of the bias 1 as well: the limit is 2."""
    swept = linear.trials[linear.trials["phase"] == "sweep"]
    assert set(swept.loc[swept["rate"] > 2, "outcome"]) == {"diverged"}
    assert "diverged" not in set(swept.loc[swept["rate"] < 2, "outcome"])
    assert linear.summary.part(SweepSummary).sweep_boundary == pytest.approx(10)


def test_a_divergence_grows_as_theory_says() -> None:
    """With every eigenvalue 1, each component grows by |1 - 2.5| and the loss by its square."""
    longer = dataclasses.replace(SMALL, precision="float64", budget=Budget(1, 30, 30))
    c = cell("ill_conditioned", batch=None, hidden=(), condition=1.0, protocol=longer)
    run = run_stack(c, problem_of(c), [Trial("sweep", "grid", 2.5, "sweep-0")])[0]
    assert growth(run) == pytest.approx(1.5**2, rel=0.01)


def test_a_divergence_keeps_its_curve_and_its_last_finite_state(linear: CellResult) -> None:
    gone = linear.trials[linear.trials["outcome"] == "diverged"]
    assert len(gone)
    assert set(linear.states) == set(gone["trial"])
    for theta in linear.states.values():
        assert np.isfinite(theta).all()
    curves = linear.curves.groupby("trial").size()
    assert (curves[gone["trial"]] >= 2).all()


def test_outcomes_go_from_too_small_over_converged_to_diverged() -> None:
    result = run_cell(cell("ill_conditioned", batch=None, hidden=(), condition=3.0))
    swept = result.trials[(result.trials["phase"] == "sweep") & (result.trials["replicate"] == "sweep-0")]
    order = swept.sort_values("rate")["outcome"].tolist()
    assert order == ["too small", "too small", "too small", "converged", "diverged", "diverged"]


def test_adam_floors_where_gradient_descent_blows_up() -> None:
    result = run_cell(cell("ill_conditioned", optimizer="adam", batch=1, hidden=(), condition=3.0))
    swept = result.trials[result.trials["phase"] == "sweep"]
    assert (swept.loc[swept["rate"] <= 1, "first_bad_step"] == 0).all()
    assert "too large" in set(swept["outcome"])


def test_results_do_not_depend_on_the_number_of_workers_or_the_order_of_cells() -> None:
    cells = [cell(optimizer=o, batch=b) for o in ("sgd", "adam") for b in (None, 16)]
    for one, two in on_one_and_two_workers(cells):
        same(one, two)


def test_a_trial_is_the_same_alone_and_beside_others() -> None:
    c = cell("moons", optimizer="momentum", batch=16)
    problem = problem_of(c)
    trials = [Trial("sweep", "grid", float(r), f"sweep-{k}") for k in range(2) for r in grid(c.rates)]
    together = run_stack(c, problem, trials)
    for trial, beside in zip(trials, together, strict=True):
        alone = run_stack(c, problem, [trial])[0]
        assert np.array_equal(alone.train_loss, beside.train_loss, equal_nan=True)
        assert np.array_equal(alone.theta, beside.theta)
        assert alone.first_bad_step == beside.first_bad_step


def test_every_batch_strategy_is_evaluated_after_the_same_examples() -> None:
    def examples(batch: int | None) -> list[int]:
        c = cell(batch=batch)
        trial = Trial("sweep", "grid", 1e-3, "sweep-0")
        return [int(e) for e in run_stack(c, problem_of(c), [trial])[0].examples]

    expected = [90 * epoch for epoch in evaluation_epochs(SMALL.budget, 90)]
    assert examples(None) == examples(16) == examples(1) == expected


@pytest.fixture(scope="module")
def line() -> CellResult:
    """Gradient descent on a line: a surface over two parameters, for 60 updates."""
    exact = dataclasses.replace(SMALL, precision="float64", budget=Budget(1, 60, 12))
    return run_cell(cell("line", batch=None, hidden=(), protocol=exact))


def test_a_path_follows_the_surface_that_the_summary_describes(line: CellResult) -> None:
    """theta' - theta* = (I - rate H) (theta - theta*), and the loss is that of the quadratic."""
    surface = line.summary.problem.surface
    assert surface is not None
    optimum, H = np.array(surface.theta), np.array(surface.hessian)
    for trial, rate in line.trials.loc[line.trials["phase"] == "sweep", ["trial", "rate"]].to_numpy():
        points = line.curves[(line.curves["trial"] == trial) & (line.curves["update"] <= PATH)]
        away = points[["theta_0", "theta_1"]].to_numpy() - optimum
        assert points["update"].tolist() == list(range(len(points)))
        np.testing.assert_allclose(away[1:], away[:-1] @ (np.eye(2) - rate * H), rtol=1e-9, atol=1e-12)
        loss = surface.loss + np.einsum("ei,ij,ej->e", away, H, away) / 2
        np.testing.assert_allclose(points["train_loss"], loss, rtol=1e-6)


def test_two_parameters_have_a_path_whose_points_are_judged_by_nobody(line: CellResult) -> None:
    lasted = line.curves[line.curves["trial"] == 0]
    grid = [120 * epoch for epoch in evaluation_epochs(Budget(1, 60, 12), 120)]
    assert set(grid) < set(lasted["examples"])
    assert len(lasted) == len({*range(PATH + 1), *np.array(grid) // 120})
    row = line.trials.iloc[0]
    assert (
        row["train_loss"]
        == lasted.loc[lasted["examples"].isin(grid[-window(len(grid)) :]), "train_loss"].median()
    )


def test_only_two_parameters_have_a_path(linear: CellResult) -> None:
    assert linear.summary.problem.surface is None
    assert linear.curves[["theta_0", "theta_1"]].isna().all(axis=None)
    points = linear.curves.groupby("trial").size()
    assert points.max() == len(evaluation_epochs(SMALL.budget, 240))


def test_when_every_rate_diverges_the_cell_says_so() -> None:
    hot = cell("ill_conditioned", batch=None, hidden=(), rates=Rates(1e3, 1e5, 1), condition=10.0)
    result = run_cell(hot)
    assert result.summary.part(ConfirmSummary).default_rate == 1e-3
    assert result.summary.part(SearchSummary).search_status == SearchStatus.NO_STABLE_RATE
    assert result.summary.part(SearchSummary).tuned_rate_training is None
    assert set(result.trials["role"]) == {"grid", "startup", "tpe", "default"}


def test_an_error_in_a_cell_is_a_failure_and_the_others_go_on() -> None:
    good = cell()
    broken = dataclasses.replace(good, optimizer=dataclasses.replace(good.optimizer, name="nosuch"))
    keyed = _WithKey(**{f.name: getattr(broken, f.name) for f in dataclasses.fields(broken)})
    results = list(Processes(1).run([keyed, good]))
    failures = [r for r in results if not isinstance(r, CellResult)]
    assert len(results) == 2
    assert "unknown optimizer 'nosuch'" in failures[0].error


class _WithKey(Cell):
    key = "a cell whose key does not ask its optimizer"
