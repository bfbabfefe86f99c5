"""Failure is data: a diverged trial keeps its curve, its first bad step and its last finite state."""

import warnings

import numpy as np
import pytest

from overshoot import core
from overshoot.core import LOSSES, BatchStrategy, Network
from overshoot.core.loop import iterate
from overshoot.core.training import NetworkObjective
from tests.core.plain_network import some_targets

EPOCHS, N, BATCH = 30, 20, 6
UPDATES = 4  # in an epoch: three batches of 6 and one of 2


class Case:
    """A stack whose rates lie on both sides of what its problem bears."""

    def __init__(self, rates, dtype=np.float64, loss="half_mse", activation="identity", start=1.0, scale=1.0):
        rng = np.random.default_rng(3)
        self.net = Network((4, 3, 2), activation, loss)
        X, Y = scale * rng.standard_normal((N, 4)), some_targets(self.net, rng, N)
        self.data = self.net.data(X, Y, dtype)
        self.theta = (start * np.stack([self.net.init(rng) for _ in rates])).astype(dtype)
        self.rates, self.seeds = np.array(rates), list(range(len(rates)))

    def train(self, ceiling=np.inf, engine="numpy", plan="constant", evaluate_at=range(EPOCHS + 1)):
        return core.train(
            self.net,
            core.optimizer("sgd", lr=self.rates),
            self.theta,
            self.data,
            BatchStrategy(BATCH),
            self.seeds,
            evaluate_at,
            ceiling=ceiling,
            schedule=core.schedule(plan),
            engine=engine,
        )

    def replay(self, r, updates):
        """Parameters (P,) of trial r after so many updates, by plain steps without any loop's care."""
        objective = NetworkObjective(self.net, self.data, BatchStrategy(BATCH), [self.seeds[r]])
        theta = self.theta[r : r + 1].copy()
        with np.errstate(all="ignore"):
            for t in range(1, updates + 1):
                theta = theta - theta.dtype.type(self.rates[r]) * objective.gradient(theta, t)
        return theta[0]


CASES = {
    "the gradient overflows": Case([0.01, 30.0, 0.02, 1e40]),
    "the parameters overflow": Case([1e-4, 1e308, 1e-3], start=3),
    "float32": Case([0.01, 30.0, 0.02, 1e20], np.float32),
    "huge data": Case([1e-307, 1e-290], scale=1e150),
    "cross-entropy": Case([0.01, 1e308, 0.02, 1e307], loss="softmax_cross_entropy", scale=1e3),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_first_bad_step_is_the_first_that_is_not_finite(case):
    trace = case.train()
    assert (trace.first_bad_step > 0).any()
    assert (trace.first_bad_step == 0).any()
    for r in np.flatnonzero(trace.first_bad_step):
        bad = trace.first_bad_step[r]
        assert np.isfinite(case.replay(r, bad - 1)).all()
        assert not np.isfinite(case.replay(r, bad)).all()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_last_finite_state_is_finite_and_a_replay_leads_to_it(case):
    trace = case.train()
    assert np.isfinite(trace.theta).all()
    for r, updates in enumerate(trace.updates):
        np.testing.assert_array_equal(trace.theta[r], case.replay(r, updates))
    bad = trace.first_bad_step
    np.testing.assert_array_equal(trace.updates, np.where(bad > 0, bad - 1, EPOCHS * UPDATES))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_curve_goes_up_to_the_first_bad_step_and_no_further(case):
    trace = case.train()
    for r, bad in enumerate(trace.first_bad_step):
        curve = trace.values["train_loss"][r]
        seen = trace.evaluations[r]
        assert seen == (np.sum(trace.steps < bad) if bad else EPOCHS + 1)
        assert np.isfinite(curve[:seen]).all()
        assert np.isnan(curve[seen:]).all()
        for mark in range(seen):
            theta = case.replay(r, trace.steps[mark])
            assert curve[mark] == case.net.evaluate(theta[None], case.data)[0]


def test_a_trial_that_leaves_is_last_seen_in_float64():
    """Its loss is a number even where float32 has none."""
    trace = CASES["float32"].train()
    left = trace.first_bad_step > 0
    last = trace.last["train_loss"]
    assert np.isfinite(last).all()
    assert (last[left] > 1e30).all()
    assert (last[~left] < 10).all()


@pytest.mark.parametrize("ceiling", [5.0, [5.0, 1e3, 1e6, 1e9]], ids=["one for all", "one a trial"])
def test_a_loss_above_the_ceiling_counts_as_diverged_at_its_evaluation(ceiling):
    case = Case([0.01, 0.6, 0.8, 1.0])
    trace, ceilings = case.train(ceiling), np.broadcast_to(ceiling, 4)
    free = case.train()
    left = trace.first_bad_step > 0
    np.testing.assert_array_equal(left, [False, True, True, True])
    for r in np.flatnonzero(left):
        above = free.values["train_loss"][r] > ceilings[r]
        mark = above.argmax()
        assert trace.first_bad_step[r] == trace.updates[r] == trace.steps[mark]
        assert trace.evaluations[r] == mark + 1
        curve = trace.values["train_loss"][r]
        np.testing.assert_array_equal(curve[: mark + 1], free.values["train_loss"][r, : mark + 1])
        assert np.isnan(curve[mark + 1 :]).all()
        np.testing.assert_array_equal(trace.theta[r], case.replay(r, trace.updates[r]))


def test_a_loss_at_the_ceiling_is_not_above_it():
    case = Case([0.01])
    start = case.train().values["train_loss"][0, 0]
    assert case.train(ceiling=start).first_bad_step[0] == 0
    assert case.train(ceiling=np.nextafter(start, 0)).evaluations[0] == 1


def test_a_start_above_the_ceiling_leaves_before_any_update():
    case = Case([0.01, 0.01])
    trace = case.train(ceiling=[1e-9, np.inf])
    np.testing.assert_array_equal(trace.evaluations, [1, EPOCHS + 1])
    np.testing.assert_array_equal(trace.updates, [0, EPOCHS * UPDATES])
    np.testing.assert_array_equal(trace.theta[0], case.theta[0])


def test_a_stack_whose_trials_all_leave_ends_early():
    case = Case([1e300, 1e300])
    trace = case.train()
    assert (trace.first_bad_step > 0).all()
    assert trace.values["train_loss"].shape == (2, EPOCHS + 1)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_warning_is_printed_whatever_overflows(loss, dtype):
    rates = [1e-300, 1e-3, 1e3, 1e38, 1e300]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = Case(rates, dtype, loss, "relu", scale=1e3).train()
    assert np.isfinite(trace.theta).all()


def test_rmse_cycles_above_its_limit_and_never_overflows():
    """Its gradient has a bounded norm, so that a rate far too large gives a floor instead of NaN."""
    rng = np.random.default_rng(0)
    net = Network((3, 1), loss="rmse")
    data = net.data(rng.standard_normal((40, 3)), rng.standard_normal(40))
    optimizer = core.optimizer("sgd", lr=[1e-2, 1e2, 1e250])
    trace = core.train(net, optimizer, np.zeros((3, 4)), data, BatchStrategy(), [0] * 3, range(400))
    np.testing.assert_array_equal(trace.first_bad_step[:2], 0)
    floor = trace.values["train_loss"][:, -50:].mean(axis=1)
    assert floor[0] < 1.2
    assert 10 < floor[1] < 1e3


def test_the_loop_takes_an_infinite_loss_for_divergence():
    """Parameters may still be finite when the loss is not: then the evaluation is the bad step."""
    case = Case([0.01, 0.01])
    case.theta[1] *= 1e160
    objective = NetworkObjective(case.net, case.data, BatchStrategy(BATCH), case.seeds)
    trace = iterate(
        core.optimizer("sgd", lr=0.0),
        objective,
        case.theta,
        lambda theta, _: {"train_loss": case.net.evaluate(theta, case.data)},
        [0, 2],
    )
    np.testing.assert_array_equal(trace.evaluations, [2, 1])
    np.testing.assert_array_equal(trace.values["train_loss"][1], [np.inf, np.nan])


class Sign(core.Optimizer):
    """theta_t = theta_{t-1} - lr sign(g_t): finite whatever the gradient is, unless it is NaN."""

    name = "sign"

    def step(self, g, s, theta, t):
        return self.lr * np.sign(g)


class Wall:
    """An objective whose gradient is infinite in one trial from the third update on."""

    shapes = ((2,),)

    def gradient(self, theta, t, out):
        g = np.ones_like(theta)
        g[len(theta) // 2, 0] = np.inf if t >= 3 and len(theta) == 3 else 1.0
        return g

    def keep(self, rows):
        pass


def test_an_infinite_gradient_is_bad_even_where_the_optimizer_makes_a_finite_step_of_it():
    start = np.zeros((3, 2))
    trace = iterate(Sign(lr=0.5), Wall(), start, lambda theta, _: {"loss": np.zeros(len(theta))}, [5])
    np.testing.assert_array_equal(trace.first_bad_step, [0, 3, 0])
    np.testing.assert_array_equal(trace.theta, [[-2.5, -2.5], [-1.0, -1.0], [-2.5, -2.5]])
