"""A stack's memory is bounded, and what bounds it changes no number."""

import tracemalloc

import numpy as np
import pytest

from overshoot import core
from overshoot.core import BatchStrategy, Network

NET = Network((20, 30, 4), "relu", "softmax_cross_entropy")
TRIALS, SAMPLES = 200, 300


def train(batch=32, dtype=np.float32, name="adam", evaluate_at=(0, 1, 2), rates=None, trials=TRIALS):
    rng = np.random.default_rng(4)
    data = NET.data(rng.standard_normal((SAMPLES, 20)), rng.integers(0, 4, SAMPLES), dtype)
    theta = np.stack([NET.init(rng) for _ in range(trials)]).astype(dtype)
    rates = np.geomspace(1e-4, 1e2, trials) if rates is None else rates
    return core.train(
        NET, core.optimizer(name, lr=rates), theta, data, BatchStrategy(batch), range(trials), evaluate_at
    )


def peak(run):
    """Bytes that Python and NumPy held at most while `run` ran."""
    tracemalloc.start()
    run()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def assert_same(one, other):
    np.testing.assert_array_equal(one.theta, other.theta)
    np.testing.assert_array_equal(one.first_bad_step, other.first_bad_step)
    np.testing.assert_array_equal(one.updates, other.updates)
    np.testing.assert_array_equal(one.evaluations, other.evaluations)
    np.testing.assert_array_equal(one.steps, other.steps)
    for ours, theirs in ((one.values, other.values), (one.last, other.last)):
        assert ours.keys() == theirs.keys()
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])


@pytest.mark.parametrize("name", ["sgd", "adam"])
@pytest.mark.parametrize("batch", [32, None])
def test_a_stack_in_parts_has_the_bits_of_the_whole(monkeypatch, name, batch):
    whole = train(batch, name=name, trials=23)
    for parts in (2, 7, 23):
        monkeypatch.setattr(core.training, "MEMORY", _needed(name) * 23 // parts)
        assert_same(train(batch, name=name, trials=23), whole)


def _needed(name):
    """Bytes a trial: found by how small the budget may be before a stack of two is cut."""
    state = {"sgd": 1, "adam": 3}[name]
    return (3 + state) * 4 * NET.size + 8 * NET.size


@pytest.mark.parametrize("block", [1, 6_000, 100_000])
@pytest.mark.parametrize("batch", [1, 32, None])
def test_trials_that_pass_in_blocks_have_the_bits_of_all_at_once(monkeypatch, batch, block):
    whole = train(batch, trials=23, evaluate_at=[0, 1])
    monkeypatch.setattr(core.network, "BLOCK", block)
    assert_same(train(batch, trials=23, evaluate_at=[0, 1]), whole)


def test_a_part_whose_trials_all_leave_has_a_curve_like_the_others(monkeypatch):
    """They leave before the first evaluation, so that their part has nothing to show."""
    rates = [1e300, 1e300, 0.01]
    monkeypatch.setattr(core.training, "MEMORY", 1)
    trace = train(name="sgd", dtype=np.float64, rates=rates, trials=3, evaluate_at=[1, 2])
    assert trace.values["train_loss"].shape == (3, 2)
    np.testing.assert_array_equal(np.isnan(trace.values["train_loss"]).all(axis=1), [True, True, False])


def test_memory_stays_within_its_budget_however_large_the_stack(monkeypatch):
    """Parameters and state within MEMORY, activations and batches within a few times BLOCK."""
    memory, block = 1 << 21, 1 << 18
    whole = peak(train)
    monkeypatch.setattr(core.training, "MEMORY", memory)
    monkeypatch.setattr(core.network, "BLOCK", block)
    data = 10 * SAMPLES * 25 * 8
    results = TRIALS * NET.size * (4 + 4 + 8)
    orders = TRIALS * SAMPLES * 8
    bound = memory + 4 * block + data + results + orders
    assert peak(train) < bound < whole


def test_an_evaluation_of_a_large_stack_over_much_data_fits_a_block(rng):
    net = Network((5, 400, 2), "tanh", "mse")
    data = net.data(rng.standard_normal((6_000, 5)), rng.standard_normal((6_000, 2)))
    theta = rng.standard_normal((20, net.size))
    assert peak(lambda: net.evaluate(theta, data)) < 4 * core.network.BLOCK
    assert 40 * core.network.BLOCK < 20 * 6_000 * 400 * 8
