"""Whatever the lanes of vectors hold in compiled code, a trial has the same bits."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overshoot.core import ACTIVATIONS, LOSSES, BatchStrategy, Network, compiled, optimizer, schedule, train
from overshoot.core.compiled import compiled_stack
from overshoot.core.compiled.compiled_stack import CompiledStack
from overshoot.core.compiled.lanes import TrialLanes, UnitLanes, lanes_for
from tests.core.plain_network import some_targets
from tests.core.test_compiled_updates import ELEMENTWISE
from tests.core.test_divergence import CASES
from tests.core.test_stacks import assert_same_bits

NETWORKS = st.builds(
    Network,
    sizes=st.lists(st.integers(1, 40) | st.just(130), min_size=2, max_size=4).map(tuple),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    loss=st.sampled_from(sorted({*LOSSES} - {"softmax_cross_entropy"})),
) | st.builds(
    Network,
    sizes=st.lists(st.integers(2, 40), min_size=2, max_size=4).map(tuple),
    activation=st.sampled_from(sorted(ACTIVATIONS)),
    loss=st.just("softmax_cross_entropy"),
)


@pytest.fixture
def in_lanes(monkeypatch):
    """in_lanes(kind, do): what do() gives where vectors hold a number of each of a few trials, or units."""

    def run(kind, do):
        monkeypatch.setattr(compiled_stack, "lanes_for", lambda *_: kind)
        return do()

    return run


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    net=NETWORKS,
    name=st.sampled_from(ELEMENTWISE),
    batch=st.sampled_from([1, 2, 4, 7, 16, 64, 75, None]),
    samples=st.integers(1, 200),
    rates=st.lists(st.sampled_from([1e-3, 0.1, 10.0, 1e6, 1e30]), min_size=1, max_size=4),
    dtype=st.sampled_from([np.float32, np.float64]),
    plan=st.sampled_from(["constant", "cosine"]),
)
def test_units_and_trials_in_the_lanes_give_the_same_bits(
    in_lanes, net, name, batch, samples, rates, dtype, plan
):
    rng, trials = np.random.default_rng(11), len(rates)
    data = net.data(rng.standard_normal((samples, net.sizes[0])), some_targets(net, rng, samples), dtype)
    theta = np.stack([net.init(rng) for _ in rates]).astype(dtype)
    strategy, seeds = BatchStrategy(batch and min(batch, samples)), [r % 2 for r in range(trials)]

    def trained():
        return train(
            net,
            optimizer(name, lr=np.array(rates)),
            theta,
            data,
            strategy,
            seeds,
            range(3),
            schedule=schedule(plan),
            engine="compiled",
        )

    ours, wanted = in_lanes(UnitLanes, trained), in_lanes(TrialLanes, trained)
    for r in range(trials):
        assert_same_bits(wanted, r, _one(ours, r))


@pytest.mark.parametrize("samples", [1, 3, 4, 9, 127, 131, 300])
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "rmse"])
def test_so_they_do_at_the_ends_of_fours_of_vectors_and_of_parts(in_lanes, loss, samples):
    net, rng = Network((5, 18, 17), "tanh", loss), np.random.default_rng(5)
    data = net.data(rng.standard_normal((samples, 5)), some_targets(net, rng, samples), np.float32)
    theta = net.init(rng)[None].astype(np.float32)

    def trained():
        method = optimizer("adam", lr=0.01)
        return train(net, method, theta, data, BatchStrategy(None), [0], [0, 3], engine="compiled").theta

    np.testing.assert_array_equal(in_lanes(UnitLanes, trained), in_lanes(TrialLanes, trained))


def _one(trace, r):
    """Trial r of a trace as a trace of its own."""
    rows = slice(r, r + 1)
    changed = {k: v[rows] for k, v in vars(trace).items() if isinstance(v, np.ndarray) and k != "steps"}
    named = {k: {n: a[rows] for n, a in v.items()} for k, v in vars(trace).items() if isinstance(v, dict)}
    return type(trace)(**{"steps": trace.steps, **changed, **named})


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_divergence_is_seen_at_the_same_update(case, in_lanes):
    ours = in_lanes(UnitLanes, lambda: case.train(engine="compiled"))
    wanted = in_lanes(TrialLanes, lambda: case.train(engine="compiled"))
    for r in range(len(wanted.theta)):
        assert_same_bits(wanted, r, _one(ours, r))


def test_what_fills_more_lanes_is_chosen():
    digits, tiny = Network((64, 32, 10), loss="half_mse"), Network((10, 1), loss="half_mse")
    single = np.dtype("float32")
    assert lanes_for(digits, 32, 1, single) is lanes_for(digits, 32, 8, single) is UnitLanes
    assert lanes_for(digits, 8, 44, single) is lanes_for(digits, 1, 16, single) is TrialLanes
    assert lanes_for(tiny, 256, 1, single) is TrialLanes, "its one output is one lane"
    assert lanes_for(Network((500, 1)), 100_000, 16, single) is UnitLanes, "16 batches would take 3.2 GB"


def test_wide_networks_train_with_numpy():
    def chosen(*sizes, engine="auto"):
        net = Network(sizes)
        return compiled.stack_for(engine, net, optimizer("sgd", lr=0.1), np.zeros((1, net.size), np.float32))

    assert chosen(64, 32, 10) is chosen(64, 512, 512, 10, engine="compiled") is CompiledStack
    assert chosen(64, 512, 512, 10) is chosen(64, 32, 10, engine="numpy") is None
