"""Large batches in compiled code: the NumPy path's numbers, whatever trains beside a trial."""

import dataclasses
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overshoot import core
from overshoot.core import ACTIVATIONS, BatchStrategy, Network, compiled, optimizer, schedule, train
from overshoot.core.compiled.lanes import SampleLanes, lanes_for
from tests.core.plain_network import some_targets
from tests.core.test_compiled_training import rates
from tests.core.test_compiled_updates import ELEMENTWISE
from tests.core.test_divergence import CASES

NETWORKS = st.builds(
    Network,
    sizes=st.lists(st.integers(2, 9), min_size=2, max_size=4).map(tuple),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    loss=st.sampled_from(["half_mse", "mse", "binary_cross_entropy", "sigmoid_mse", "softmax_cross_entropy"]),
)


@contextmanager
def every_batch_is_large():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "WORK", 0)
        yield


def run(net, method, batch, trials, samples=83, dtype=np.float64, engine="compiled", epochs=3, plan=None):
    rng = np.random.default_rng(11)
    X, Y = rng.standard_normal((samples, net.sizes[0])), some_targets(net, rng, samples)
    theta = np.stack([net.init(np.random.default_rng(100 + r)) for r in trials]).astype(dtype)
    data, seeds = net.data(X, Y, dtype), [r % 3 for r in trials]
    with every_batch_is_large():
        return train(
            net,
            method,
            theta,
            data,
            BatchStrategy(batch),
            seeds,
            range(epochs + 1),
            schedule=plan,
            engine=engine,
        )


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    net=NETWORKS,
    name=st.sampled_from(ELEMENTWISE),
    batch=st.sampled_from([1, 7, 8, 33, 64, None]),
    samples=st.integers(64, 600),
)
def test_both_engines_agree_in_float64(net, name, batch, samples):
    trials = range(5)
    method = optimizer(name, lr=rates(trials))
    each = -(-samples // (batch or samples))
    ours, wanted = (
        run(net, method, batch, trials, samples, engine=e, epochs=max(1, 20 // each))
        for e in ("compiled", "numpy")
    )
    np.testing.assert_array_equal(ours.first_bad_step, wanted.first_bad_step)
    np.testing.assert_allclose(ours.theta, wanted.theta, rtol=0, atol=1e-12 * np.abs(wanted.theta).max())


@pytest.mark.parametrize("name", ["sgd", "adam", "nadam", "schedule_free_adamw"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_trial_alone_has_the_bits_that_it_has_among_others(name, dtype):
    net = Network((4, 7, 3), "tanh", "softmax_cross_entropy")
    many = range(21)
    together = run(net, optimizer(name, lr=rates(many)), 50, many, dtype=dtype)
    for r in (0, 3, 16, 20):
        alone = run(net, optimizer(name, lr=rates([r])), 50, [r], dtype=dtype)
        np.testing.assert_array_equal(alone.theta[0], together.theta[r])
        np.testing.assert_array_equal(alone.values["train_loss"][0], together.values["train_loss"][r])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_divergence_is_found_at_the_same_update(case):
    with every_batch_is_large():
        ours, wanted = case.train(engine="compiled"), case.train()
    np.testing.assert_array_equal(ours.first_bad_step, wanted.first_bad_step)
    np.testing.assert_array_equal(ours.updates, wanted.updates)
    np.testing.assert_array_equal(ours.evaluations, wanted.evaluations)
    np.testing.assert_allclose(ours.theta, wanted.theta, rtol=1e-3)
    assert np.isfinite(ours.theta).all()


@pytest.mark.parametrize("plan", ["step", "cosine", "warmup", "inverse_time"])
def test_a_schedule_multiplies_the_same_rates(plan):
    net, trials = Network((3, 4, 2), "relu", "half_mse"), range(9)
    method = optimizer("adam", lr=rates(trials), beta1=np.linspace(0.5, 0.95, 9))
    ours, wanted = (
        run(net, method, 40, trials, engine=e, plan=schedule(plan)) for e in ("compiled", "numpy")
    )
    np.testing.assert_allclose(ours.theta, wanted.theta, rtol=1e-11, atol=1e-13)


def test_the_size_of_a_batch_chooses_and_nothing_else_does():
    large, small = Network((64, 64, 10), loss="half_mse"), Network((4, 3), loss="half_mse")

    def chosen(net, batch, trials):
        method = optimizer("adam", lr=np.full(trials, 0.1))
        theta = np.zeros((trials, net.size), np.float32)
        stack = compiled.stack_for("auto", net, method, theta, BatchStrategy(batch), 1000)
        return stack and lanes_for(net, batch or 1000, trials, theta.dtype)

    for trials in (1, 40):
        assert chosen(large, None, trials) is chosen(large, 256, trials) is SampleLanes
        assert SampleLanes not in (chosen(large, 8, trials), chosen(small, None, trials))
    assert chosen(Network((64, 64, 1), loss="rmse"), None, 8) is None  # a root of a sum over the whole batch


def sorted_delta(z: np.ndarray, y: np.ndarray) -> None:
    z[:] = np.sort(z - y)


def test_before_training_only_what_will_run_is_compiled(monkeypatch):
    monkeypatch.setitem(core.LOSSES, "sorted", dataclasses.replace(core.LOSSES["mse"], delta=sorted_delta))

    def prepared(loss, large, name="sgd"):
        kind = (Network((2, 2), loss=loss), optimizer(name, lr=0.1), np.dtype("float32"), large)
        return list(compiled.warm_up([kind]))

    for large in (False, True):
        assert prepared("sorted", large) == prepared("mse", large, "muon") == []
        assert len(prepared("mse", large)) == 1
    assert len(prepared("rmse", False)) == 1
    assert prepared("rmse", True) == [], "its large batches train with NumPy"
