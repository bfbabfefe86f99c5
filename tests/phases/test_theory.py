"""What is predicted of a cell: the limits, on what they rest, and the floors of noise."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy import stats

from overshoot.core import (
    BatchStrategy,
    Network,
    almost_sure_rates,
    eigenvalues,
    mean_square_rate,
    optimizer,
    sharpness,
    train,
)
from overshoot.study.experiment.cells import Cell, Choice
from overshoot.study.findings.codes import BASES
from overshoot.study.phases import theory
from overshoot.study.phases.stack import Trial, run_stack
from overshoot.study.phases.theory import (
    LimitBasis,
    NoLimit,
    floors,
    predict,
    sharpness_at_starts,
    theory_summary,
)
from overshoot.study.problems.problem import Problem, problem_of
from tests.builders import SMALL, cell

DOUBLE = dataclasses.replace(SMALL, precision="float64")


def linear(
    method: str = "sgd", batch: int | None = None, order: str = "reshuffled", dataset: str = "diabetes"
) -> Cell:
    return cell(dataset, method, batch, order, hidden=(), protocol=DOUBLE)


def hessian(problem: Problem) -> np.ndarray:
    X = problem.parts["train"].rows[0].astype(float)
    return np.asarray(X.T @ X / len(X))


@pytest.mark.parametrize("method", ["sgd", "momentum", "nesterov"])
def test_full_batches_have_the_exact_limit(method: str) -> None:
    chosen = linear(method)
    found = predict(chosen, problem_of(chosen))
    top = np.linalg.eigvalsh(hessian(problem_of(chosen)))[-1]
    assert found.basis == "exact"
    assert found.rate == pytest.approx(optimizer(method).critical_rate(top), rel=1e-10)


@pytest.mark.parametrize("order", ["replacement", "reshuffled"])
def test_random_batches_have_the_limits_of_single_runs_and_of_the_mean_square(order: str) -> None:
    chosen = linear("momentum", 16, order)
    problem = problem_of(chosen)
    found = predict(chosen, problem)
    X, recursion = problem.parts["train"].rows[0], optimizer("momentum").recursion
    assert recursion is not None
    seeds = [problem.order(f"limit-{k}") for k in range(theory.SEQUENCES)]
    logs = np.log(almost_sure_rates(X, chosen.strategy, seeds, recursion))
    assert found.basis == LimitBasis.ALMOST_SURE
    assert found.rate == pytest.approx(np.exp(logs.mean()), rel=1e-12)
    assert found.interval is not None
    low, high = stats.t.interval(0.95, len(logs) - 1, logs.mean(), stats.sem(logs))
    assert (found.interval.low, found.interval.high) == pytest.approx((np.exp(low), np.exp(high)), rel=1e-9)
    assert found.mean_square == mean_square_rate(X, 16, order == "replacement", recursion).value
    summary = theory_summary(chosen, problem)
    assert summary.limit_predicted == found.rate
    assert (summary.limit_predicted_low, summary.limit_predicted_high) == (
        found.interval.low,
        found.interval.high,
    )
    assert found.interval.low < found.interval.value < found.interval.high
    assert summary.limit_mean_square == found.mean_square


def test_without_the_noise_of_residuals_single_runs_break_where_they_are_predicted_to() -> None:
    """Fresh orders of the batches, with a velocity and a short last batch: 11 = 4 + 4 + 3 samples."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((11, 3)) * [1.0, 2.0, 3.0]
    net = Network((3, 1), loss="half_mse")
    strategy, made = BatchStrategy(4), optimizer("momentum")
    assert made.recursion is not None
    data = net.data(X, X @ [1.0, -1.0, 0.5])
    limit = np.exp(np.log(almost_sure_rates(data.rows[0], strategy, range(8), made.recursion)).mean())
    squared = mean_square_rate(data.rows[0], 4, recursion=made.recursion).value
    assert abs(np.log(squared / limit)) > 0.1
    seeds = list(range(100, 116))
    for rate, grows in [(0.9 * limit, False), (1.1 * limit, True)]:
        trace = train(
            net,
            optimizer("momentum", lr=rate),
            np.zeros((16, net.size)),
            data,
            strategy,
            seeds,
            evaluate_at=[0, 700],
        )
        loss = trace.values["train_loss"]
        ended = np.where(trace.first_bad_step > 0, np.inf, loss[:, -1])
        assert ((ended > loss[:, 0]) == grows).all()


def test_single_precision_changes_a_limit_by_no_more_than_itself() -> None:
    double = linear("nesterov", 16)
    single = dataclasses.replace(double, protocol=SMALL)
    rates = [predict(c, problem_of(c)).rate for c in (single, double)]
    assert rates[0] == pytest.approx(rates[1], rel=1e-5)


def test_a_network_has_the_curvature_at_its_starts() -> None:
    chosen = cell("iris", "momentum", None, protocol=DOUBLE)
    problem = problem_of(chosen)
    tops = [
        sharpness(problem.net, problem.start(f"sweep-{k}"), problem.parts["train"])[0].value for k in range(2)
    ]
    found = predict(chosen, problem)
    assert found.basis == LimitBasis.AT_THE_START
    assert found.rate == pytest.approx(3.8 / np.sqrt(tops[0] * tops[1]), rel=1e-9)
    assert theory_summary(chosen, problem).sharpness_start == pytest.approx(np.sqrt(tops[0] * tops[1]))


@pytest.mark.parametrize(
    ("method", "why"),
    [("adam", NoLimit.DIVIDES), ("adagrad", NoLimit.UNKNOWN), ("signsgd", NoLimit.UNKNOWN)],
)
def test_methods_without_a_limit_say_why(method: str, why: NoLimit) -> None:
    chosen = linear(method, 16)
    found = theory_summary(chosen, problem_of(chosen))
    assert (found.limit_basis, found.limit_missing) == (LimitBasis.NONE, why)
    assert found.limit_predicted is None
    assert found.limit_by_batch is None


def test_a_schedule_and_a_penalty_take_the_limit_away() -> None:
    warm = dataclasses.replace(linear(), schedule=Choice("warmup"))
    decayed = Choice("sgd", (("weight_decay", 0.1),))
    full, small = (dataclasses.replace(linear(batch=b), optimizer=decayed) for b in (None, 16))
    assert predict(warm, problem_of(warm)).missing == NoLimit.SCHEDULE
    assert predict(small, problem_of(small)).missing == NoLimit.WEIGHT_DECAY
    top = np.linalg.eigvalsh(hessian(problem_of(full)))[-1]
    assert predict(full, problem_of(full)).rate == pytest.approx(2 / (top + 0.1))


def test_an_estimate_that_does_not_converge_says_so_and_gives_no_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lost = eigenvalues.Estimate(1.0, False, "no convergence")
    monkeypatch.setattr(theory, "mean_square_rate", lambda *_: lost)
    monkeypatch.setattr(theory, "almost_sure_rates", lambda *_: np.array([1.0, np.nan]))
    monkeypatch.setattr(theory, "sharpness", lambda *_: [lost, lost])
    theory.sharpness_at_starts.cache_clear()
    theory._mean_square.cache_clear()
    try:
        for chosen, why in (
            (linear(batch=16), NoLimit.EPOCHS_UNCOMPUTED),
            (cell("iris", "sgd", None), NoLimit.CURVATURE_UNCOMPUTED),
        ):
            found = theory_summary(chosen, problem_of(chosen))
            assert (found.limit_basis, found.limit_missing) == (LimitBasis.NONE, why)
            assert (found.limit_predicted, found.limit_mean_square, found.sharpness_start) == (None,) * 3
    finally:
        theory.sharpness_at_starts.cache_clear()
        theory._mean_square.cache_clear()


def test_the_limit_by_batch_ends_at_the_full_batch() -> None:
    chosen = linear("momentum", 16)
    problem = problem_of(chosen)
    limits = theory_summary(chosen, problem).limit_by_batch
    assert limits is not None
    assert list(limits) == [1, 2, 4, 8, 16, 32, 64, 128, 256, problem.samples]
    assert list(limits.values()) == sorted(limits.values())
    assert limits[problem.samples] == pytest.approx(predict(linear("momentum"), problem).rate, rel=1e-8)


def test_curvature_of_linear_models() -> None:
    chosen = linear()
    values = np.linalg.eigvalsh(hessian(problem_of(chosen)))
    found = theory_summary(chosen, problem_of(chosen))
    assert found.sharpness_start == pytest.approx(values[-1], rel=1e-9)
    assert found.curvature_low == pytest.approx(values[0], rel=1e-9)
    network = cell("diabetes", "sgd", None)
    assert theory_summary(network, problem_of(network)).curvature_low is None


def test_every_basis_is_explained() -> None:
    cells = [linear(), linear(batch=1), linear(batch=1, order="replacement"), linear(batch=16, order="fixed")]
    cells += [linear("adam"), cell("iris", "sgd", None)]
    assert {predict(c, problem_of(c)).basis for c in cells} == set(LimitBasis)
    assert set(BASES) == set(LimitBasis)


def test_runs_with_replacement_stay_at_their_floor() -> None:
    budget = dataclasses.replace(SMALL.budget, epochs=400, evaluations=400)
    chosen = linear(batch=16, order="replacement")
    chosen = dataclasses.replace(chosen, protocol=dataclasses.replace(DOUBLE, budget=budget))
    problem = problem_of(chosen)
    runs = run_stack(chosen, problem, [Trial("sweep", "grid", 0.2, f"sweep-{k}") for k in range(8)])
    gaps = [
        (run.train_loss[100:].mean() - problem.best_loss) / (run.train_loss[0] - problem.best_loss)
        for run in runs
    ]
    expected = floors(chosen, problem, runs)
    assert np.mean(np.array(gaps) / expected) == pytest.approx(1, rel=0.1)


def test_floors_are_predicted_where_they_exist() -> None:
    def predicted(chosen: Cell) -> np.ndarray:
        problem = problem_of(chosen)
        runs = run_stack(chosen, problem, [Trial("sweep", "grid", rate, "sweep-0") for rate in (1e-3, 10.0)])
        return np.isfinite(floors(chosen, problem, runs))

    for order in ("reshuffled", "replacement"):
        assert predicted(linear(batch=16, order=order)).tolist() == [True, False]
    for chosen in (linear(), linear("adam", 16), linear(batch=16, order="fixed"), cell("iris", "sgd", 16)):
        assert not predicted(chosen).any()


def test_the_curvature_at_the_starts_is_found_once() -> None:
    problem = problem_of(cell())
    assert sharpness_at_starts(problem, 2) is sharpness_at_starts(problem, 2)
