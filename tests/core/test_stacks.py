"""A trial's numbers do not depend on its neighbours: alone and in a stack it has the same bits."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overshoot import core
from overshoot.core import ACTIVATIONS, LOSSES, OPTIMIZERS, BatchStrategy, Network
from tests.core.plain_network import some_targets

TAME = [1e-4, 1e-2, 0.1]
WILD = [10.0, 1e6, 1e30, 1e160, 1e300]


def train(net, name, rates, theta, data, strategy, seeds, epochs, ceiling=np.inf):
    optimizer = core.optimizer(name, lr=rates)
    watch = {"validation_loss": data.chunks(max(1, data.size // 2))[0]}
    return core.train(net, optimizer, theta, data, strategy, seeds, range(epochs + 1), watch, ceiling)


def assert_same_bits(stack, r, alone):
    """Trial r of the trace `stack` is the only trial of the trace `alone`."""
    for field in fields(stack):
        ours, its = getattr(stack, field.name), getattr(alone, field.name)
        if field.name == "steps":
            np.testing.assert_array_equal(ours, its)
        elif isinstance(ours, dict):
            assert ours.keys() == its.keys()
            for name in ours:
                np.testing.assert_array_equal(ours[name][r], its[name][0], err_msg=name)
        else:
            np.testing.assert_array_equal(ours[r], its[0], err_msg=field.name)


def assert_each_trial_is_the_same_alone(net, name, rates, dtype, n, batch, seeds, epochs=2, ceiling=np.inf):
    rng = np.random.default_rng(7)
    data = net.data(rng.standard_normal((n, net.sizes[0])), some_targets(net, rng, n), dtype)
    theta = np.stack([net.init(rng) for _ in rates]).astype(dtype)
    strategy = BatchStrategy(batch)
    stack = train(net, name, rates, theta, data, strategy, seeds, epochs, ceiling)
    assert stack.theta.dtype == dtype
    for r, rate in enumerate(rates):
        alone = train(net, name, [rate], theta[r : r + 1], data, strategy, [seeds[r]], epochs, ceiling)
        assert_same_bits(stack, r, alone)
    return stack


@st.composite
def stacks(draw):
    loss = draw(st.sampled_from(sorted(LOSSES)))
    outputs = draw(st.integers(2 if loss == "softmax_cross_entropy" else 1, 12))
    hidden = draw(st.lists(st.integers(1, 20), max_size=3))
    n = draw(st.integers(1, 40))
    rates = draw(st.lists(st.sampled_from(TAME + WILD), min_size=1, max_size=9))
    return {
        "net": Network(
            (draw(st.integers(1, 20)), *hidden, outputs), draw(st.sampled_from(sorted(ACTIVATIONS))), loss
        ),
        "name": draw(st.sampled_from(sorted(OPTIMIZERS))),
        "rates": rates,
        "dtype": draw(st.sampled_from([np.float32, np.float64])),
        "n": n,
        "batch": draw(st.none() | st.just(1) | st.integers(1, n)),
        "seeds": draw(st.lists(st.integers(0, 2), min_size=len(rates), max_size=len(rates))),
        "ceiling": draw(st.sampled_from([np.inf, 10.0])),
    }


@settings(max_examples=150)
@given(stacks())
def test_a_trial_alone_is_bit_for_bit_the_trial_in_a_stack(case):
    assert_each_trial_is_the_same_alone(**case)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("batch", [1, 32, 200, None])
@pytest.mark.parametrize("shared", [True, False], ids=["one order", "own orders"])
@pytest.mark.parametrize("sizes", [(64, 32, 10), (30, 64, 64, 2)], ids=str)
def test_networks_of_a_study_in_stacks_of_a_study(dtype, batch, shared, sizes):
    """Sizes at which BLAS and NumPy take their blocked and vectorised roads, with a short last batch."""
    rates = [1e-3, 1e300, 1e-2, 1e6, 0.1, 1.0, 1e-2, 1e30, 1e-3, 0.3, 0.03]
    seeds = [3] * len(rates) if shared else [r % 4 for r in range(len(rates))]
    net = Network(sizes, "relu", "softmax_cross_entropy", "he")
    n = 90 if batch == 1 else 330
    stack = assert_each_trial_is_the_same_alone(net, "sgd", rates, dtype, n, batch, seeds)
    left = stack.first_bad_step > 0
    assert left.any()
    assert not left.all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_keeps_the_trials_of_a_stack_apart(name):
    """In float32, with rates at which some trials overflow and others do not."""
    rates = [1e-3, 1e38, 0.1, 1e20, 1e-2, 10.0]
    net = Network((12, 9, 8, 3), "relu", "softmax_cross_entropy", "he")
    assert_each_trial_is_the_same_alone(
        net, name, rates, np.float32, n=50, batch=16, seeds=[0, 0, 1, 1, 2, 2], epochs=4
    )


def test_trials_leave_part_way_and_the_others_keep_their_bits():
    """Neighbours leave at different updates, in the middle of epochs, between evaluations."""
    rates = [0.01, 30.0, 0.02, 5e3, 0.01, 1e8, 0.05, 1e40, 0.02]
    net = Network((5, 8, 1), "tanh", "half_mse")
    stack = assert_each_trial_is_the_same_alone(
        net, "sgd", rates, np.float64, n=37, batch=4, seeds=list(range(9)), epochs=40
    )
    left = stack.first_bad_step[1::2]
    assert len(set(left)) == 4
    assert (left > 0).all()
    assert (left % 10 != 0).any()
    np.testing.assert_array_equal(stack.first_bad_step[::2], 0)


@settings(max_examples=30)
@given(order=st.permutations(range(7)))
def test_the_order_of_the_trials_in_a_stack_does_not_matter(order):
    rng = np.random.default_rng(1)
    net = Network((6, 9, 3), "relu", "softmax_cross_entropy")
    data = net.data(rng.standard_normal((33, 6)), rng.integers(0, 3, 33), np.float32)
    theta = np.stack([net.init(rng) for _ in order]).astype(np.float32)
    rates, seeds = np.array([0.1, 1e4, 0.3, 1e-2, 1e30, 1.0, 10.0]), np.array([0, 0, 1, 2, 1, 0, 1])

    def run(trials):
        return train(net, "momentum", rates[trials], theta[trials], data, BatchStrategy(8), seeds[trials], 3)

    plain, shuffled = run(np.arange(7)), run(np.array(order))
    np.testing.assert_array_equal(plain.theta[order], shuffled.theta)
    np.testing.assert_array_equal(plain.values["train_loss"][order], shuffled.values["train_loss"])
    np.testing.assert_array_equal(plain.first_bad_step[order], shuffled.first_bad_step)


def test_an_evaluation_over_many_samples_has_the_same_bits_alone():
    """More samples than one chunk of an evaluation holds, and more than NumPy's buffers do."""
    net = Network((3, 4, 2), "tanh", "softmax_cross_entropy")
    rng = np.random.default_rng(2)
    data = net.data(rng.standard_normal((9001, 3)), rng.integers(0, 2, 9001), np.float32)
    theta = rng.standard_normal((11, net.size)).astype(np.float32)
    together = net.evaluate(theta, data)
    np.testing.assert_array_equal(together, [net.evaluate(row[None], data)[0] for row in theta])
