from functools import partial

import numpy as np
import pytest

from overshoot import core
from overshoot.core import BatchStrategy, Network

NET = Network((3, 4, 2), "tanh", "mse")


@pytest.fixture
def data(rng):
    return NET.data(rng.standard_normal((10, 3)), rng.standard_normal((10, 2)))


def train(data, **changes):
    arguments = {
        "net": NET,
        "optimizer": core.optimizer("sgd", lr=0.1),
        "theta": np.stack([NET.init(np.random.default_rng(seed)) for seed in (1, 2)]),
        "data": data,
        "strategy": BatchStrategy(4),
        "seeds": [5, 6],
        "evaluate_at": [0, 1, 3],
    }
    return core.train(**(arguments | changes))


def test_the_curve_has_a_column_for_each_evaluation(data):
    trace = train(data, watch={"validation_loss": data.chunks(6)[0]})
    np.testing.assert_array_equal(trace.steps, [0, 3, 9])
    assert list(trace.values) == list(trace.last) == ["train_loss", "validation_loss"]
    for name, samples in (("train_loss", data), ("validation_loss", data.chunks(6)[0])):
        assert trace.values[name].shape == (2, 3)
        np.testing.assert_array_equal(trace.values[name][:, -1], NET.evaluate(trace.theta, samples))
        np.testing.assert_array_equal(trace.values[name][:, -1], trace.last[name])
    np.testing.assert_array_equal(trace.evaluations, [3, 3])
    np.testing.assert_array_equal(trace.updates, [9, 9])
    np.testing.assert_array_equal(trace.first_bad_step, [0, 0])


def test_evaluations_come_in_order_and_once(data):
    np.testing.assert_array_equal(train(data, evaluate_at=[3, 1, 3, 0]).steps, [0, 3, 9])


def test_how_often_a_run_is_watched_does_not_change_it(data):
    seldom, often = train(data, evaluate_at=[6]), train(data, evaluate_at=range(7))
    np.testing.assert_array_equal(seldom.theta, often.theta)


def test_more_can_be_seen_at_more_updates(data):
    trace = train(
        data, updates_at=[2, 3, 5], measure={"theta": lambda t, _: t, "first": lambda t, _: t[:, 0]}
    )
    np.testing.assert_array_equal(trace.steps, [0, 2, 3, 5, 9])
    assert trace.values["theta"].shape == (2, 5, NET.size)
    np.testing.assert_array_equal(trace.values["theta"][:, -1], trace.theta)
    np.testing.assert_array_equal(trace.values["theta"][:, :, 0], trace.values["first"])
    for i in range(5):  # the loss of a row is that of its parameters
        loss = NET.evaluate(trace.values["theta"][:, i], data)
        np.testing.assert_array_equal(trace.values["train_loss"][:, i], loss)
    np.testing.assert_array_equal(train(data).theta, trace.theta)


def test_a_measure_sees_what_the_optimizer_divides_by(data):
    """Adam's first step is lr m / (sqrt(v^) + eps) with m = 0.1 g: before it there is no P."""

    def divided_by(theta, divisor):
        P = divisor()
        return np.zeros(len(theta)) if P is None else P

    theta = np.stack([NET.init(np.random.default_rng(seed)) for seed in (1, 2)])
    g = NET.loss_and_grad(theta, data.rows[0, :, :-1], data.targets[0])[1]
    seen = {}
    for name in ("adam", "sgd"):
        made, wanted = core.optimizer(name, lr=[0.1, 0.2]), {"P": divided_by}
        trace = core.train(NET, made, theta, data, BatchStrategy(), [0, 0], [0, 1, 5], measure=wanted)
        seen[name] = trace.values["P"]
        np.testing.assert_array_equal(trace.last["P"], trace.values["P"][:, -1])
    assert np.isnan(seen["adam"][:, 0]).all()
    np.testing.assert_allclose(seen["adam"][:, 1], 0.1 * (np.abs(g) + 1e-8), rtol=1e-9)
    assert not seen["sgd"].any()


def test_the_start_is_not_written_to(data):
    theta = np.stack([NET.init(np.random.default_rng(seed)) for seed in (1, 2)])
    before = theta.copy()
    train(data, theta=theta, evaluate_at=[0, 5])
    np.testing.assert_array_equal(theta, before)


def test_numpys_settings_are_as_before(data):
    before = np.getbufsize(), np.geterr()
    train(data)
    assert (np.getbufsize(), np.geterr()) == before


def test_the_size_of_numpys_buffer_changes_no_number(data, monkeypatch):
    usual = train(data, optimizer=core.optimizer("adam", lr=[0.01, 0.1]))
    monkeypatch.setattr(core.loop, "BUFFER", 16)
    tiny = train(data, optimizer=core.optimizer("adam", lr=[0.01, 0.1]))
    np.testing.assert_array_equal(usual.theta, tiny.theta)
    np.testing.assert_array_equal(usual.values["train_loss"], tiny.values["train_loss"])


def test_no_training_gives_the_start_back(data):
    trace = train(data, evaluate_at=[0])
    np.testing.assert_array_equal(trace.theta[0], NET.init(np.random.default_rng(1)))
    np.testing.assert_array_equal(trace.updates, 0)


def test_trials_with_the_same_seed_and_start_are_twins(data):
    start = np.stack([NET.init(np.random.default_rng(1))] * 3)
    trace = train(data, theta=start, seeds=[5, 6, 5])
    np.testing.assert_array_equal(trace.theta[0], trace.theta[2])
    assert not np.array_equal(trace.theta[0], trace.theta[1])


def test_a_full_batch_does_not_see_the_seed(data):
    start = np.stack([NET.init(np.random.default_rng(1))] * 2)
    trace = train(data, theta=start, strategy=BatchStrategy())
    np.testing.assert_array_equal(trace.theta[0], trace.theta[1])


def test_the_precision_is_that_of_theta(data):
    """Also when the data comes in the other one: nothing is computed in a mixture of the two."""
    theta = np.stack([NET.init(np.random.default_rng(seed)) for seed in (1, 2)])
    single = NET.data(data.rows[0, :, :-1], data.targets[0], np.float32)
    a, b = (train(samples, theta=theta.astype(np.float32)) for samples in (single, data))
    assert a.theta.dtype == b.theta.dtype == np.float32
    np.testing.assert_array_equal(a.theta, b.theta)
    assert train(single, theta=theta).theta.dtype == np.float64


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_are_reported_in_float64(data, dtype):
    theta = np.zeros((2, NET.size), dtype)
    trace = train(data, theta=theta)
    assert trace.values["train_loss"].dtype == trace.last["train_loss"].dtype == np.float64


WRONG = {
    "a row too few seeds": ({"seeds": [5]}, "2 trials need as many seeds, got 1"),
    "a negative seed": ({"seeds": [5, -1]}, "seeds must be whole numbers, 0 or more"),
    "half a seed": ({"seeds": [5, 0.5]}, "seeds must be whole numbers, 0 or more"),
    "one trial as a vector": ({"theta": np.zeros(NET.size)}, rf"theta must be \(R, {NET.size}\)"),
    "parameters of another network": ({"theta": np.zeros((2, 9))}, rf"theta must be \(R, {NET.size}\)"),
    "an empty stack": ({"theta": np.zeros((0, NET.size)), "seeds": []}, "at least one trial"),
    "a start that is not finite": ({"theta": np.full((2, NET.size), np.nan)}, "theta must be finite"),
    "whole-numbered parameters": ({"theta": np.zeros((2, NET.size), int)}, "float32 or float64"),
    "half precision": ({"theta": np.zeros((2, NET.size), np.float16)}, "float32 or float64"),
    "half an update": ({"updates_at": [1.5]}, "updates_at must be whole numbers"),
    "no evaluation": ({"evaluate_at": []}, "evaluate_at must be"),
    "an evaluation before the start": (
        {"evaluate_at": [-1, 2]},
        "evaluate_at must be",
    ),
    "an evaluation within an epoch": (
        {"evaluate_at": [0, 1.5]},
        "evaluate_at must be",
    ),
    "a batch larger than the data": ({"strategy": BatchStrategy(11)}, "larger than the data"),
    "rates for other trials": (
        {"optimizer": core.optimizer("sgd", lr=[1, 2, 3])},
        "values for 3 trials, a stack of 2",
    ),
    "a name that is taken": ({"watch": {"train_loss": None}}, "train_loss"),
    "a ceiling for other trials": ({"ceiling": [1.0, 2.0, 3.0]}, "ceiling"),
    "a ceiling that is no number": ({"ceiling": np.nan}, "ceiling"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_arguments_say_what_is_wrong(case, data):
    changes, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        train(data, **changes)


def test_data_of_another_network_is_refused(rng, data):
    wide = Network((5, 2)).data(rng.standard_normal((10, 5)), rng.standard_normal((10, 2)))
    for wrong in (partial(train, wide), partial(train, data, watch={"validation_loss": wide})):
        with pytest.raises(ValueError, match="3 inputs and 2 outputs, got 5 and 2"):
            wrong()
