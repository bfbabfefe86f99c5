import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overshoot import core
from overshoot.core import BatchStrategy, Network
from overshoot.core.batches import ORDERS, permutation
from overshoot.core.training import NetworkObjective

SEEDS = st.integers(0, 2**63 - 1)


@given(n=st.integers(1, 200), size=st.integers(1, 200))
def test_the_cuts_of_an_epoch_cover_every_sample_once(n, size):
    strategy = BatchStrategy(min(size, n))
    cuts = strategy.cuts(n)
    assert [i for cut in cuts for i in range(n)[cut]] == list(range(n))
    assert cuts[-1].stop == n
    lengths = [cut.stop - cut.start for cut in cuts]
    assert set(lengths[:-1]) <= {strategy.size}
    assert 1 <= lengths[-1] <= strategy.size
    assert strategy.updates(n) == len(cuts) == -(-n // strategy.size)


@given(seed=SEEDS, epoch=st.integers(0, 10_000), n=st.integers(1, 300))
def test_every_epoch_is_a_permutation_that_its_seed_and_number_determine(seed, epoch, n):
    order = permutation(seed, epoch, n)
    assert sorted(order) == list(range(n))
    np.testing.assert_array_equal(order, permutation(seed, epoch, n))


def test_epochs_and_seeds_have_different_orders():
    orders = {tuple(permutation(seed, epoch, 50)) for seed in range(20) for epoch in range(20)}
    assert len(orders) == 400


def samples_drawn(strategy, seed, n, epochs):
    """Which samples each update sees, in order: read off the batches of a training objective.

    The samples' only feature is their own number, and so it appears in the gradient of a network
    y = w x whose residual is one.
    """
    net = Network((1, 1), loss="half_mse")
    numbers = np.arange(n, dtype=float)
    objective = NetworkObjective(net, net.data(numbers[:, None], -np.ones(n)), strategy, [seed])
    sums = []
    for t in range(1, epochs * strategy.updates(n) + 1):
        gradient = objective.gradient(np.zeros((1, 2)), t)
        assert gradient[0, 1] == pytest.approx(1)
        sums.append(gradient[0, 0])
    return sums


@given(n=st.integers(2, 30), size=st.integers(1, 30), seed=SEEDS)
def test_every_strategy_cuts_the_same_permutation(n, size, seed):
    """The mean of each batch is the mean over its own stretch of the epoch's order."""
    strategy = BatchStrategy(min(size, n))
    expected = [permutation(seed, epoch, n)[cut].mean() for epoch in range(3) for cut in strategy.cuts(n)]
    np.testing.assert_allclose(samples_drawn(strategy, seed, n, 3), expected, rtol=1e-12)


@given(n=st.integers(2, 30), size=st.integers(1, 30), seed=SEEDS)
def test_a_fixed_order_is_the_first_epochs_each_epoch(n, size, seed):
    strategy = BatchStrategy(min(size, n), "fixed")
    first = [permutation(seed, 0, n)[cut].mean() for cut in strategy.cuts(n)]
    np.testing.assert_allclose(samples_drawn(strategy, seed, n, 3), 3 * first, rtol=1e-12)
    np.testing.assert_array_equal(strategy.samples(seed, 2, n), permutation(seed, 0, n))


@given(n=st.integers(2, 30), size=st.integers(1, 30), seed=SEEDS)
def test_with_replacement_all_batches_are_whole_and_drawn_anew(n, size, seed):
    strategy = BatchStrategy(min(size, n), "replacement")
    cuts = strategy.cuts(n)
    assert {cut.stop - cut.start for cut in cuts} == {strategy.size}
    assert [cut.start for cut in cuts[1:]] == [cut.stop for cut in cuts[:-1]]
    assert abs(cuts[-1].stop - n) <= strategy.size / 2
    expected = [strategy.samples(seed, epoch, n)[cut].mean() for epoch in range(3) for cut in cuts]
    np.testing.assert_allclose(samples_drawn(strategy, seed, n, 3), expected, rtol=1e-12)


def test_every_size_cuts_the_same_draws():
    draws = [BatchStrategy(size, "replacement").samples(9, 3, 60) for size in (1, 7, 20)]
    for drawn in draws:
        np.testing.assert_array_equal(drawn[:56], draws[0][:56])


def test_draws_with_replacement_are_uniform_and_independent():
    """Each sample's count over many epochs is binomial; a permutation's would be constant."""
    n, epochs = 20, 2000
    strategy = BatchStrategy(1, "replacement")
    counts = np.array([np.bincount(strategy.samples(3, epoch, n), minlength=n) for epoch in range(epochs)])
    deviation = np.sqrt((1 - 1 / n) / epochs)
    assert np.abs(counts.mean(axis=0) - 1).max() < 4 * deviation
    np.testing.assert_allclose(counts.var(axis=0).mean(), 1 - 1 / n, rtol=0.05)
    assert abs(np.corrcoef(counts[:-1, 0], counts[1:, 0])[0, 1]) < 4 / np.sqrt(epochs)


def curve(strategy, loss="mse", n=23, epochs=6, **options):
    rng = np.random.default_rng(5)
    net = Network((3, 4, 2), "tanh", loss)
    X, Y = rng.standard_normal((n, 3)), rng.standard_normal((n, 2))
    trace = core.train(
        net,
        core.optimizer("sgd", lr=0.05, **options),
        net.init(rng)[None],
        net.data(X, Y),
        strategy,
        [9],
        range(epochs + 1),
    )
    return trace.values["train_loss"][0], trace.theta[0]


def test_a_batch_of_all_samples_is_the_full_batch():
    loss, theta = curve(BatchStrategy(23))
    full_loss, full_theta = curve(BatchStrategy())
    np.testing.assert_allclose(loss, full_loss, rtol=1e-13)
    np.testing.assert_allclose(theta, full_theta, rtol=1e-12)
    assert np.all(np.diff(loss) < 0)


def test_other_batches_have_other_curves():
    curves = [curve(BatchStrategy(size))[0] for size in (1, 5, 22, None)]
    for i, one in enumerate(curves):
        for other in curves[:i]:
            assert np.abs(one - other)[1:].min() > 1e-6


@pytest.mark.parametrize("size", [1, 5, 22, 23])
def test_training_is_gradient_descent_on_the_batches_means(size):
    """A loop that a reader would write: cut the permutation, average over what is in the batch."""
    rng = np.random.default_rng(5)
    net, n = Network((3, 4, 2), "tanh", "mse"), 23
    X, Y = rng.standard_normal((n, 3)), rng.standard_normal((n, 2))
    theta = net.init(rng)
    for epoch in range(6):
        order = permutation(9, epoch, n)
        for start in range(0, n, size):
            rows = order[start : start + size]
            theta = theta - 0.05 * net.loss_and_grad(theta, X[rows], Y[rows])[1]
    np.testing.assert_allclose(curve(BatchStrategy(size))[1], theta, rtol=1e-12)


@pytest.mark.parametrize("order", ORDERS)
def test_a_trial_alone_and_in_a_stack_sees_the_same_batches(order):
    rng = np.random.default_rng(5)
    net, n, strategy = Network((3, 4, 2), "tanh", "mse"), 23, BatchStrategy(5, order)
    data = net.data(rng.standard_normal((n, 3)), rng.standard_normal((n, 2)))
    theta, seeds = np.stack([net.init(rng) for _ in range(4)]), [9, 9, 11, 12]

    def train(trials):
        momentum = core.optimizer("momentum", lr=0.02)
        chosen = [seeds[i] for i in trials]
        return core.train(net, momentum, theta[trials], data, strategy, chosen, range(5)).theta

    together = train([0, 1, 2, 3])
    for i in range(4):
        np.testing.assert_array_equal(train([i])[0], together[i])


@pytest.mark.parametrize("size", [0, -1, 2.5, "32", True, float("nan")])
def test_a_wrong_size_says_what_is_allowed(size):
    with pytest.raises(ValueError, match="a batch holds a whole number of samples, at least one"):
        BatchStrategy(size)


def test_a_batch_larger_than_the_data_says_so():
    with pytest.raises(ValueError, match=r"a batch of 33 is larger than the data \(32 samples\)"):
        BatchStrategy(33).cuts(32)


def test_names_and_labels():
    assert [BatchStrategy(size).name for size in (None, 1, 32)] == ["full", "1", "32"]
    labels = [BatchStrategy(size).label for size in (None, 1, 32)]
    assert labels == ["full batch", "stochastic (batch 1)", "mini-batch 32"]
    assert BatchStrategy(np.int64(32)) == BatchStrategy(32)
    ordered = [BatchStrategy(16, order) for order in ORDERS]
    assert [s.name for s in ordered] == ["16", "16 fixed", "16 replacement"]
    assert [s.label for s in ordered][1:] == [
        "mini-batch 16, the same each epoch",
        "mini-batch 16, with replacement",
    ]
    for strategy in (*ordered, BatchStrategy()):
        assert BatchStrategy.named(strategy.name) == strategy


def test_a_wrong_order_says_what_is_allowed():
    with pytest.raises(ValueError, match=r"unknown order 'fixd'.*did you mean.*fixed"):
        BatchStrategy(16, "fixd")
    with pytest.raises(ValueError, match="a full batch has no order"):
        BatchStrategy(None, "fixed")
    for name in ("ful", "16 fixd", ""):
        with pytest.raises(ValueError, match=r"names no batch strategy|unknown order"):
            BatchStrategy.named(name)


@pytest.mark.parametrize(
    "drawn",
    [np.arange(1, 11), np.arange(9), np.arange(10.0), np.arange(-1, 9)],
    ids=["past the end", "too few", "not whole", "below zero"],
)
def test_an_order_that_is_none_is_refused_before_anything_reads_by_it(
    drawn: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = dataclasses.replace(ORDERS["reshuffled"], draw=lambda *_: drawn)
    monkeypatch.setitem(ORDERS, "reshuffled", order)
    with pytest.raises(ValueError, match="must draw 10 whole numbers from 0 to 9"):
        BatchStrategy(2).samples(0, 0, 10)
    monkeypatch.setitem(
        ORDERS, "reshuffled", dataclasses.replace(order, draw=lambda *_: np.arange(10, dtype="i4"))
    )
    assert BatchStrategy(2).samples(0, 0, 10).dtype == np.int64


def test_an_order_may_draw_into_memory_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = np.empty(10, np.int64)

    def draw(seed: int, epoch: int, n: int, size: int) -> np.ndarray:
        memory[:] = np.roll(np.arange(n), epoch)
        return memory

    monkeypatch.setitem(ORDERS, "reshuffled", dataclasses.replace(ORDERS["reshuffled"], draw=draw))
    first = BatchStrategy(2).samples(0, 0, 10)
    BatchStrategy(2).samples(0, 1, 10)
    np.testing.assert_array_equal(first, np.arange(10))
