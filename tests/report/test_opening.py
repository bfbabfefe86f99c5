"""The picture that reports open with shows what its sentences say."""

from __future__ import annotations

import numpy as np
import pytest

from overshoot.study.analysis.four_rates import HALF, KINDS, RATES, STEPS, bowl, four_rates, limit
from overshoot.study.report.opening import opening

PATHS = {(run.optimizer, run.kind): run for run in four_rates()}


def across(theta: np.ndarray) -> np.ndarray:
    """The coordinate across the valley, along which the bowl curves most: (E, 2) -> (E,)."""
    return np.asarray(theta @ np.linalg.eigh(bowl().hessian)[1][:, -1])


def test_every_kind_of_rate_has_a_panel_with_both_optimizers_and_a_sentence() -> None:
    made = opening()
    assert [view.kind for view in made.picture.panels.views] == list(KINDS)
    assert all(len(view.paths) == 2 for view in made.picture.panels.views)
    assert len(made.sentences) == len(KINDS)


def test_each_picture_is_called_what_the_study_calls_its_runs() -> None:
    words = {name: [PATHS[name, kind].word for kind in KINDS] for name in RATES}
    assert words == {"sgd": list(KINDS), "adam": [*KINDS[:-1], "too large"]}
    assert opening().picture.tiles[-1].alt == (
        "Diverging: Gradient descent at rate 2.1. Too large: Adam at rate 5"
    )


def test_gradient_descent_follows_its_closed_form() -> None:
    run = PATHS["sgd", "overshooting"]
    values, axes = np.linalg.eigh(bowl().hessian)
    start = run.theta[0] @ axes
    for t in (1, 7, STEPS):
        assert run.theta[t] @ axes == pytest.approx((1 - run.rate * values) ** t * start, abs=1e-12)


def test_too_small_leaves_much_of_the_loss_and_right_nearly_none() -> None:
    for optimizer in ("sgd", "adam"):
        assert PATHS[optimizer, "too small"].loss[-1] > 0.2
        assert PATHS[optimizer, "right"].loss[-1] < 0.02


def test_overshooting_changes_sides_at_each_step_and_comes_nearer() -> None:
    run = PATHS["sgd", "overshooting"]
    side = across(run.theta)
    assert (side[1:] * side[:-1] < 0).all()
    assert (np.diff(np.abs(side)) < 0).all()
    assert run.loss[-1] < 0.01


def test_diverging_is_above_the_limit_and_each_step_is_farther_out() -> None:
    run = PATHS["sgd", "diverging"]
    assert PATHS["sgd", "overshooting"].rate < limit() < run.rate
    assert (np.diff(np.abs(across(run.theta))) > 0).all()
    assert run.loss[-1] > 100


def test_adam_is_thrown_out_of_the_picture_and_comes_back() -> None:
    run = PATHS["adam", "diverging"]
    away = np.abs(run.theta).max(axis=1)
    assert away.max() > 2 * HALF
    assert away[-1] < HALF
