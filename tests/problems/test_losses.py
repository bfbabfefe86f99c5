"""Losses that an experiment names for a network, in the place of the one that goes with the dataset."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.optimize import minimize

from overshoot.core import LOSSES
from overshoot.core.losses import Loss
from overshoot.study.analysis.labels import names_of
from overshoot.study.experiment.cells import Cell, NetworkSpec, restore
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.limit import LimitSettings, LimitSummary
from overshoot.study.phases.stack import Trial, run_stack
from overshoot.study.phases.theory import LimitBasis, NoLimit, TheorySummary, floors, predict
from overshoot.study.problems.datasets import LOSS, load, task_of
from overshoot.study.problems.problem import loss_of, problem_of
from overshoot.study.spec import SpecError, parse
from overshoot.study.tracking.rows import cell_row
from tests.builders import SMALL, cell

DOUBLE = dataclasses.replace(SMALL.having(LimitSettings()), precision="float64")
EXAMPLE = {"real": "diabetes", "binary": "breast_cancer", "classes": "iris"}

FILE = """
name = "named"
optimizers = ["sgd"]
batches = ["full"]
[budget]
examples = 1
epochs = 12
[sweep]
replicates = 1
[search]
trials = 4
[confirm]
replicates = 2
[rates]
low = 0.01
high = 1.0
per_decade = 1
[networks.linear]
hidden = []
loss = "{loss}"
[[problems]]
datasets = ["{dataset}"]
network = "linear"
"""


def named(loss: str, method: str = "sgd", batch: int | None = None, order: str = "reshuffled") -> Cell:
    """A cell of a linear model on targets that the loss is for."""
    dataset = EXAMPLE[LOSSES[loss].targets]
    plain = cell(dataset, method, batch, order, hidden=(), protocol=DOUBLE)
    return dataclasses.replace(plain, network=dataclasses.replace(plain.network, loss=loss))


@pytest.mark.parametrize("loss", LOSSES)
def test_an_experiment_with_each_loss(loss: str) -> None:
    dataset = EXAMPLE[LOSSES[loss].targets]
    [chosen] = parse(FILE.format(loss=loss, dataset=dataset), "named.toml").cells
    assert restore(chosen.definition) == chosen
    result = run_cell(chosen)
    problem = problem_of(chosen)
    assert problem.net.loss == loss_of(chosen) == loss
    assert np.isfinite(problem.best_loss)
    start = result.curves.groupby("trial")["train_loss"].first()
    assert (start >= problem.best_loss).all()
    assert cell_row("named", result, "0", 0).tags["network"] == f"linear(loss={loss})"


@pytest.mark.parametrize("loss", LOSSES)
def test_the_best_known_loss_is_the_lowest_that_another_method_finds(loss: str) -> None:
    problem = problem_of(named(loss))
    X, y = problem.split.X["train"], problem.split.y["train"]

    def value(theta: np.ndarray) -> tuple[float, np.ndarray]:
        loss, slope = problem.net.loss_and_grad(theta, X, y)
        return float(loss), slope

    found = minimize(value, problem.start("a"), jac=True, method="BFGS")
    assert problem.best_loss <= found.fun * (1 + 1e-9)


def test_the_roots_and_multiples_of_one_loss_have_one_minimiser() -> None:
    best = {loss: problem_of(named(loss)).best_loss for loss in ("half_mse", "mse", "rmse")}
    assert best["mse"] == pytest.approx(2 * best["half_mse"], rel=1e-12)
    assert best["rmse"] == pytest.approx(np.sqrt(best["mse"]), rel=1e-12)


@pytest.mark.parametrize("method", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize(
    ("batch", "order"), [(None, "reshuffled"), (16, "reshuffled"), (16, "replacement"), (16, "fixed")]
)
def test_twice_the_loss_has_half_the_limit(method: str, batch: int | None, order: str) -> None:
    half, whole = (named(loss, method, batch, order) for loss in ("half_mse", "mse"))
    of_half, of_whole = (predict(c, problem_of(c)) for c in (half, whole))
    assert of_whole.basis == of_half.basis
    assert of_half.rate is not None
    assert of_whole.rate == pytest.approx(of_half.rate / 2, rel=1e-6)
    if of_half.mean_square is not None:
        assert of_whole.mean_square == pytest.approx(of_half.mean_square / 2, rel=1e-6)


@pytest.mark.parametrize("method", ["sgd", "momentum"])
def test_runs_on_twice_the_loss_diverge_at_its_limit(method: str) -> None:
    summary = run_cell(named("mse", method)).summary
    theory = summary.part(TheorySummary)
    assert theory.limit_basis == LimitBasis.EXACT
    assert summary.part(LimitSummary).limit_measured == pytest.approx(theory.limit_predicted, rel=0.01)


def test_twice_the_loss_has_the_same_noise_at_half_the_rate() -> None:
    gaps = []
    for loss, rate in (("half_mse", 0.02), ("mse", 0.01)):
        chosen = named(loss, batch=16)
        problem = problem_of(chosen)
        runs = run_stack(chosen, problem, [Trial("sweep", "grid", rate, "sweep-0")])
        gaps.append(floors(chosen, problem, runs)[0])
    assert gaps[0] > 0
    assert gaps[1] == pytest.approx(gaps[0], rel=1e-9)


@pytest.mark.parametrize("loss", ["rmse", "sigmoid_mse", "binary_cross_entropy"])
def test_other_losses_have_no_exact_limit(loss: str) -> None:
    assert predict(named(loss), problem_of(named(loss))).basis not in (
        LimitBasis.EXACT,
        LimitBasis.ALMOST_SURE,
    )


def test_the_root_of_a_loss_has_no_limit_at_all_and_says_why() -> None:
    found = predict(named("rmse"), problem_of(named("rmse")))
    assert (found.basis, found.rate) == ("none", None)
    assert found.missing == NoLimit.ROOT


@pytest.mark.parametrize("dataset", EXAMPLE.values())
def test_without_a_name_it_is_the_loss_of_the_dataset(dataset: str) -> None:
    plain = cell(dataset, hidden=())
    assert problem_of(plain).net.loss == LOSS[task_of(plain.dataset)]


def test_a_named_loss_is_part_of_the_key() -> None:
    assert restore(named("half_mse").definition) == named("half_mse")
    assert named("half_mse").key != dataclasses.replace(named("half_mse"), network=NetworkSpec("net", ())).key


@pytest.mark.parametrize(
    ("loss", "dataset", "message"),
    [
        (
            "mse",
            "iris",
            r"problems\[0\]\.network: expected a network whose loss is for classes targets.*iris",
        ),
        (
            "softmax_cross_entropy",
            "diabetes",
            r"problems\[0\]\.network.*for real targets.*half_mse, mse, rmse",
        ),
        ("sigmoid_mse", "diabetes", r'got "linear" with loss = "sigmoid_mse", which is for binary ones'),
        ("msee", "diabetes", r'networks\.linear\.loss: expected one of half_mse.*did you mean "mse"'),
    ],
)
def test_a_loss_that_the_targets_cannot_have_is_refused(loss: str, dataset: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as refused:
        parse(FILE.format(loss=loss, dataset=dataset), "named.toml")
    assert "faults" not in str(refused.value)


def test_labels_name_a_loss_that_was_named() -> None:
    tags = {"dataset": "diabetes", "optimizer": "sgd", "batch": "full"}
    networks = ["linear", "linear(loss=mse)", "linear(loss=gone)"]
    assert [*names_of(tags | {"network": n} for n in networks).problems.values()] == [
        "diabetes / linear",
        "diabetes / linear, mean squared error",
        "diabetes / linear, gone",
    ]
    assert [*names_of([tags | {"network": networks[1]}]).problems.values()] == [
        "diabetes, mean squared error"
    ]


def test_every_loss_is_for_targets_that_some_dataset_has() -> None:
    assert {loss.targets for loss in LOSSES.values()} <= {
        load(cell(d).dataset, 0).task for d in EXAMPLE.values()
    }
    assert all(isinstance(loss, Loss) for loss in LOSSES.values())
