"""Training in compiled code: the NumPy path's numbers, and its promises."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overshoot import core
from overshoot.core import ACTIVATIONS, LOSSES, BatchStrategy, Network, optimizer, schedule, train
from overshoot.core.compiled.compiled_stack import CompiledStack
from overshoot.core.loop import iterate
from overshoot.core.training import NetworkObjective
from tests.core.plain_network import some_targets
from tests.core.test_compiled_updates import ELEMENTWISE
from tests.core.test_divergence import CASES, EPOCHS, UPDATES

N = 23


def run(net, method, batch, order, trials, dtype=np.float64, engine="compiled", epochs=3, plan=None):
    rng = np.random.default_rng(11)
    X, Y = rng.standard_normal((N, net.sizes[0])), some_targets(net, rng, N)
    theta = np.stack([net.init(np.random.default_rng(100 + r)) for r in trials]).astype(dtype)
    strategy = BatchStrategy(batch, order if batch else "reshuffled")
    data, seeds = net.data(X, Y, dtype), [r % 3 for r in trials]
    return train(net, method, theta, data, strategy, seeds, range(epochs + 1), schedule=plan, engine=engine)


def rates(trials, low=1e-3, high=0.1):
    return np.geomspace(low, high, 40)[list(trials)]


NETWORKS = st.builds(
    Network,
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=4).map(tuple),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    loss=st.sampled_from([loss for loss in sorted(LOSSES) if loss != "softmax_cross_entropy"]),
) | st.builds(
    Network,
    sizes=st.lists(st.integers(2, 9), min_size=2, max_size=4).map(tuple),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    loss=st.just("softmax_cross_entropy"),
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(
    net=NETWORKS,
    name=st.sampled_from(ELEMENTWISE),
    batch=st.sampled_from([1, 2, 5, 8, N, None]),
    order=st.sampled_from(["reshuffled", "fixed", "replacement"]),
)
def test_both_engines_agree_in_float64(net, name, batch, order):
    trials = range(5)
    method = optimizer(name, lr=rates(trials))
    each = -(-N // (batch or N))
    epochs = max(1, 50 // each)
    found, wanted = (
        run(net, method, batch, order, trials, engine=e, epochs=epochs) for e in ("compiled", "numpy")
    )
    np.testing.assert_array_equal(found.first_bad_step, wanted.first_bad_step)
    np.testing.assert_allclose(found.theta, wanted.theta, rtol=0, atol=1e-12 * np.abs(wanted.theta).max())


@pytest.mark.parametrize("name", ["sgd", "adam", "nadam", "schedule_free_adamw"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_trial_alone_has_the_bits_that_it_has_among_others(name, dtype):
    net = Network((4, 7, 3), "tanh", "softmax_cross_entropy")
    many = range(37)
    together = run(net, optimizer(name, lr=rates(many)), 5, "reshuffled", many, dtype)
    for r in (0, 3, 16, 36):
        alone = run(net, optimizer(name, lr=rates([r])), 5, "reshuffled", [r], dtype)
        np.testing.assert_array_equal(alone.theta[0], together.theta[r])
        np.testing.assert_array_equal(alone.values["train_loss"][0], together.values["train_loss"][r])


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_divergence_is_found_at_the_same_update(case):
    found, wanted = case.train(engine="compiled"), case.train()
    np.testing.assert_array_equal(found.first_bad_step, wanted.first_bad_step)
    np.testing.assert_array_equal(found.updates, wanted.updates)
    np.testing.assert_array_equal(found.evaluations, wanted.evaluations)
    np.testing.assert_allclose(found.theta, wanted.theta, rtol=1e-3)
    assert np.isfinite(found.theta).all()


@pytest.mark.parametrize("plan", ["step", "cosine", "warmup", "inverse_time"])
@pytest.mark.parametrize("evaluate_at", [range(EPOCHS + 1), [EPOCHS]], ids=["often", "once"])
def test_a_divergence_changes_no_scheduled_rate(plan, evaluate_at):
    case = CASES["the gradient overflows"]
    ours, wanted = (
        case.train(engine=engine, plan=plan, evaluate_at=evaluate_at) for engine in ("compiled", "numpy")
    )
    assert (wanted.first_bad_step > 0).any()
    np.testing.assert_array_equal(ours.first_bad_step, wanted.first_bad_step)
    np.testing.assert_array_equal(ours.updates, wanted.updates)
    np.testing.assert_allclose(ours.theta, wanted.theta, rtol=1e-9)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_how_often_it_is_evaluated_changes_no_bit(case):
    method, last = core.optimizer("sgd", lr=case.rates), EPOCHS * UPDATES

    def trained(marks):
        objective = NetworkObjective(case.net, case.data, BatchStrategy(6), case.seeds)
        nothing = lambda theta, _: {"loss": np.zeros(len(theta))}  # noqa: E731
        return iterate(method, objective, case.theta, nothing, marks, stack_of=CompiledStack)

    often, seldom = trained(range(last + 1)), trained([7, last])
    np.testing.assert_array_equal(often.theta, seldom.theta)
    np.testing.assert_array_equal(often.first_bad_step, seldom.first_bad_step)


@pytest.mark.parametrize("plan", ["step", "cosine", "warmup", "inverse_time"])
def test_a_schedule_multiplies_the_same_rates(plan):
    net, trials = Network((3, 4, 2), "relu", "half_mse"), range(9)
    method = optimizer("adam", lr=rates(trials))
    found, wanted = (
        run(net, method, 4, "reshuffled", trials, engine=e, plan=schedule(plan))
        for e in ("compiled", "numpy")
    )
    np.testing.assert_allclose(found.theta, wanted.theta, rtol=1e-11, atol=1e-13)


def test_what_cannot_be_compiled_trains_with_numpy():
    net, trials = Network((3, 4, 2), "relu", "half_mse"), range(3)
    muon = optimizer("muon", lr=rates(trials))
    auto, wanted = (run(net, muon, 4, "reshuffled", trials, engine=e) for e in ("auto", "numpy"))
    np.testing.assert_array_equal(auto.theta, wanted.theta)
    with pytest.raises(ValueError, match="muon cannot be compiled here: a part of an array"):
        run(net, muon, 4, "reshuffled", trials, engine="compiled")
    with pytest.raises(ValueError, match="unknown engine 'fast'"):
        run(net, muon, 4, "reshuffled", trials, engine="fast")
