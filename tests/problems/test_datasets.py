"""Datasets: splits, scaling fitted on the training part, and the chosen spectrum."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import datasets as sk

from overshoot.study.experiment.cells import Choice
from overshoot.study.problems.datasets import DATASETS, LOSS, load, train_size
from overshoot.study.problems.problem import problem_of
from tests.builders import cell

MADE = [name for name, known in DATASETS.items() if known.task]  # from nothing but their options


@pytest.mark.parametrize("name", MADE)
def test_every_dataset_splits_into_three_disjoint_parts(name: str) -> None:
    split = load(Choice(name), 0)
    sizes = {part: len(y) for part, y in split.y.items()}
    whole = len(DATASETS[name].make().y)
    assert sum(sizes.values()) == whole
    assert sizes["train"] == train_size(Choice(name)) == pytest.approx(0.6 * whole, abs=2)
    rows = np.vstack([split.X[part] for part in sizes])
    labels = np.concatenate([split.y[part] for part in sizes])
    assert len(np.unique(np.column_stack([rows, labels]).round(9), axis=0)) >= whole - 5  # iris has twins


@pytest.mark.parametrize("name", MADE)
def test_scaling_is_fitted_on_the_training_part_alone(name: str) -> None:
    split = load(Choice(name), 0)
    train = split.X["train"]
    if name == "line":  # its inputs stay as they are
        assert np.array_equal(
            np.sort(np.vstack([*split.X.values()]), axis=0), np.sort(DATASETS[name].make().X, axis=0)
        )
        assert (split.y["train"].mean(), split.y["train"].std()) == pytest.approx((1, 1))
        return
    assert np.abs(train.mean(axis=0)).max() < 1e-9
    assert np.abs(split.X["test"].mean(axis=0)).max() > 1e-3
    if name != "ill_conditioned":
        deviations = train.std(axis=0)
        assert np.all(np.isclose(deviations, 1) | (deviations == 0))  # digits has constant pixels
    if split.task == "real":
        assert (split.y["train"].mean(), split.y["train"].std()) == pytest.approx((1, 1))


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "digits", "moons"])
def test_classes_are_split_in_proportion(name: str) -> None:
    split = load(Choice(name), 3)
    shares = [np.bincount(y.astype(int)) / len(y) for y in split.y.values()]
    assert np.ptp(shares, axis=0).max() < 0.03


@pytest.mark.parametrize("condition", [1.0, 10.0, 1e4])
def test_the_training_inputs_have_exactly_the_chosen_condition_number(condition: float) -> None:
    X = load(Choice("ill_conditioned", (("condition", condition),)), 1).X["train"]
    eigenvalues = np.linalg.eigvalsh(X.T @ X / len(X))
    assert eigenvalues == pytest.approx(np.geomspace(1 / condition, 1, 10), rel=1e-9)


def test_another_root_seed_splits_otherwise_and_the_same_one_alike() -> None:
    one, same, other = (load(Choice("wine"), root).X["train"] for root in (1, 1, 2))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_loss_fits_the_task() -> None:
    assert {d.task for d in [DATASETS[name] for name in MADE]} == set(LOSS)


def test_best_loss_of_a_linear_regression_is_the_least_squares_optimum() -> None:
    rows = len(sk.load_diabetes().target)
    problem = problem_of(cell("diabetes", hidden=()))
    train = problem.split.X["train"]
    fit = np.linalg.lstsq(np.column_stack([train, np.ones(len(train))]), problem.split.y["train"], rcond=None)
    assert problem.best_loss == pytest.approx(float(fit[1][0]) / 2 / len(train))
    assert len(train) == pytest.approx(0.6 * rows, abs=2)


def test_best_loss_of_a_network_is_below_what_descent_reaches() -> None:
    problem = problem_of(cell("moons", hidden=(8,)))
    assert 0 < problem.best_loss < 0.1


def test_scores_are_those_of_scikit_learn() -> None:
    from sklearn.metrics import accuracy_score, r2_score

    for name, metric in [("iris", accuracy_score), ("moons", accuracy_score), ("diabetes", r2_score)]:
        problem = problem_of(cell(name))
        theta = problem.start("sweep-0")[None]
        predicted = problem.net.predict(theta[0], problem.split.X["test"])
        if name == "iris":
            predicted = predicted.argmax(axis=1)
        elif name == "moons":
            predicted = (predicted[:, 0] > 0.5).astype(int)
        expected = metric(problem.split.y["test"], predicted)
        assert problem.score(theta, "test")[0] == pytest.approx(expected)
