"""What every registered optimizer owes, run over the whole registry: a new one is tested on arrival."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest

from overshoot import core
from overshoot.core import OPTIMIZERS, Network, domains, optimizer
from overshoot.core.domain import RealRange
from overshoot.core.loop import Objective, iterate

REFERENCES = Path(__file__).parents[1] / "references"
SHAPES = ((4, 3), (3, 5))
P = 27
PER_TRIAL = {
    name: [(key, domain) for key, (_, domain, _) in domains(name).items() if key != "lr"]
    for name in OPTIMIZERS
}


def inside(domain, default, u):
    """A value of the domain, for u in (0, 1): about the default where an end is infinite."""
    if math.isfinite(domain.low) and math.isfinite(domain.high):
        return domain.low + (domain.high - domain.low) * (0.05 + 0.9 * u)
    end = domain.low if math.isfinite(domain.low) else domain.high
    return end + (default - end or 1.0) * (0.5 + u)


class Bumpy(Objective):
    """A rough function of each trial's own parameters: gradients with zeros, flips and tiny values."""

    shapes = SHAPES

    def __init__(self, theta, scale=1.0):
        self.scale = np.full((len(theta), 1), scale, theta.dtype)
        self.trials = np.arange(len(theta))

    def gradient(self, theta, t, out=None):
        i = np.arange(P)
        wave = (np.sin(0.7 * i * t) * np.where(i % 5 == t % 5, 0, 1) * 10.0 ** -(i % 9)).astype(theta.dtype)
        return self.scale * (theta * np.abs(wave) + wave)

    def keep(self, rows):
        self.scale, self.trials = self.scale[rows], self.trials[rows]


def start(R, dtype):
    return np.sin(1.0 + np.arange(R * P).reshape(R, P)).astype(dtype)


def run(made, theta, steps=25, scale=1.0, dies_at=None, of=np.inf):
    """The trace of `made` over Bumpy; trial 1 of a stack meets an entry that is not finite at `dies_at`."""
    objective = Bumpy(theta, scale)
    plain = objective.gradient

    def gradient(theta, t, out):
        g = plain(theta, t)
        if t == dies_at:
            g[objective.trials == 1, 3] = of
        return g

    objective.gradient = gradient  # type: ignore[assignment, method-assign]

    def observe(theta, _):
        return {"loss": np.zeros(len(theta)), "theta": theta}

    return iterate(made, objective, theta, observe, range(steps + 1))


def columns(name, R):
    """Hyperparameters for R trials, all different, all in their domains."""
    share = (np.arange(R) + 0.5) / R
    options = {"lr": 10.0 ** (-4 + 3 * share)}
    for k, (key, domain) in enumerate(PER_TRIAL[name]):
        default = domains(name)[key][0]
        options[key] = np.array([inside(domain, default, u) for u in np.roll(share, k)])
    return options


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_trial_alone_has_the_bits_of_the_trial_in_a_stack(name, dtype):
    R, theta = 5, start(5, dtype)
    options = columns(name, R)
    together = run(optimizer(name, **options), theta, dies_at=9)
    np.testing.assert_array_equal(together.first_bad_step, [0, 9, 0, 0, 0])
    path = together.values["theta"]
    assert together.theta.dtype == dtype
    for r in (0, 2, 3, 4):
        one = {key: float(values[r]) for key, values in options.items()}
        scalar = run(optimizer(name, **one), theta[r : r + 1])
        column = run(optimizer(name, **{key: [v] for key, v in one.items()}), theta[r : r + 1])
        np.testing.assert_array_equal(path[r], scalar.values["theta"][0])
        np.testing.assert_array_equal(path[r], column.values["theta"][0])
        assert np.isfinite(path[r]).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_float32_follows_float64_to_its_precision(name):
    made = optimizer(name, lr=1e-3)
    exact, single = (run(made, start(2, dtype), steps=10).theta for dtype in (np.float64, np.float32))
    moved = np.abs(exact - start(2, np.float64)).max()
    np.testing.assert_allclose(single, exact, atol=2e-3 * moved + 1e-6)


@pytest.mark.parametrize("of", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("at", [1, 2, 7])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_first_gradient_that_is_not_finite_is_the_first_bad_step(name, at, of):
    """The loop looks at the gradients of `bounded` methods alone: the others must carry it on to theta."""
    trace = run(optimizer(name), start(3, np.float32), dies_at=at, of=of)
    np.testing.assert_array_equal(trace.first_bad_step, [0, at, 0])
    assert np.isfinite(trace.theta).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps_and_state_are_not_promoted(name, dtype):
    theta = start(3, dtype)
    made = optimizer(name, **columns(name, 3)).prepare(SHAPES)
    state = made.init(theta)
    kinds = {key: array.dtype for key, array in state.items()}
    for t in range(1, 4):
        step = made.step(Bumpy(theta).gradient(theta, t), state, theta, t)
        assert step.dtype == dtype
        assert step.shape == theta.shape
        assert {key: array.dtype for key, array in state.items()} == kinds
    assert all(len(array) == 3 for array in state.values())


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_nothing_is_printed_and_the_end_is_finite_whatever_the_gradient(name, dtype, scale):
    """Warnings are errors in this test run; what is not finite has left the stack."""
    with np.errstate(over="ignore"):
        trace = run(optimizer(name), start(2, dtype), scale=dtype(scale))
    assert np.isfinite(trace.theta).all()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_gradient_of_zero_moves_nothing_but_by_decay(name):
    plain = {key: 0.0 for key in ("weight_decay", "lambd") if key in domains(name)}
    trace = run(optimizer(name, **plain), start(2, np.float64), scale=0.0)
    np.testing.assert_array_equal(trace.first_bad_step, 0)
    np.testing.assert_allclose(trace.theta, start(2, np.float64), rtol=1e-14)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_some_rate_of_the_search_range_solves_an_easy_problem(name):
    curvature = np.array([1.0, 2.0, 4.0])
    low, high = OPTIMIZERS[name].search
    rates = np.geomspace(low, high, 22)
    path = core.descend(
        optimizer(name, lr=rates), lambda theta: theta * curvature, np.full((22, 3), [1.0, -1.0, 0.5]), 400
    )
    assert np.nanmin(np.abs(path[-1]).max(axis=1)) < 0.1


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_network_learns(name):
    """Batches, layers and a stack together: some rate halves the loss of a small classifier."""
    rng = np.random.default_rng(5)
    X = rng.standard_normal((60, 4))
    net = Network((4, 6, 3), "tanh", "softmax_cross_entropy")
    rates = np.geomspace(*OPTIMIZERS[name].search, 15)
    theta = np.tile(net.init(rng), (15, 1))
    data = net.data(X, (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5))
    trace = core.train(net, optimizer(name, lr=rates), theta, data, core.BatchStrategy(10), [0] * 15, [0, 20])
    loss = trace.values["train_loss"]
    assert np.nanmin(loss[:, 1]) < 0.5 * loss[0, 0]


def outside(domain):
    """Numbers that are not in the domain, as near to it as they come."""
    yield from (math.nan, math.inf, -math.inf)
    if math.isfinite(domain.low):
        yield domain.low if domain.closed in ("right", "neither") else math.nextafter(domain.low, -math.inf)
    if math.isfinite(domain.high):
        yield domain.high if domain.closed in ("left", "neither") else math.nextafter(domain.high, math.inf)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_hyperparameter_refuses_what_lies_outside_its_domain(name):
    for key, (default, domain, _) in domains(name).items():
        for wrong in [*outside(domain), True, "0.5", None, [], [[0.5]], 1j]:
            for value in (wrong, [default, wrong]):
                with pytest.raises(ValueError, match=f"^{name}: .*{key}"):
                    optimizer(name, **{key: value})


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_hyperparameter_takes_its_default_and_the_closed_ends_of_its_domain(name):
    for key, (default, domain, _) in domains(name).items():
        ends = [
            end
            for end, side in ((domain.low, "left"), (domain.high, "right"))
            if math.isfinite(end) and domain.closed in ("both", side)
        ]
        for value in [default, *ends]:
            assert optimizer(name, **{key: value}).hyperparameters[key] == value


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_hyperparameter_says_what_it_does_in_a_line(name):
    for option in domains(name).values():
        assert 10 < len(option.about) <= 100
        assert not option.about.endswith(".")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_says_whose_defaults_it_has(name):
    """Mostly of the library whose path at its own defaults is followed (tests/references)."""
    reference = json.loads((REFERENCES / f"{name}.json").read_text())["made_with"].split()[0]
    others = {
        "yogi": "pytorch-optimizer",  # optax has no default rate
        "cautious_adamw": "torch.optim.AdamW",
        "sophia": "the paper",
        "adopt": "the authors",
        "signsgd": "lr as",
    }
    assert OPTIMIZERS[name].defaults.startswith(others.get(name, reference))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_presents_itself(name):
    cls = OPTIMIZERS[name]
    assert cls.name == name == name.lower()
    assert cls.label
    assert any(character.isdigit() for character in cls.paper), "the paper's year"
    assert "__doc__" in vars(cls), "the recurrence, and where libraries and paper differ"
    low, high = cls.search
    assert 0 < low < domains(name)["lr"][0] < high
    assert next(iter(domains(name))) == "lr"
    assert dataclasses.is_dataclass(cls)


def test_labels_tell_optimizers_apart():
    assert len({cls.label for cls in OPTIMIZERS.values()}) == len(OPTIMIZERS)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_unknown_option_names_the_nearest_and_all(name):
    with pytest.raises(ValueError, match=f"^{name}: unknown option 'lrr'; did you mean \"lr\".*allowed: lr"):
        optimizer(name, lrr=0.1)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_unknown_name_names_the_nearest(name):
    with pytest.raises(ValueError, match=f'unknown optimizer .*; did you mean "{name}".*allowed: '):
        optimizer(name + name[-1])


@pytest.mark.parametrize("wrong", ["", "no such thing", None, 3, ["adam"]])
def test_what_is_no_name_at_all_says_what_is_allowed(wrong):
    with pytest.raises(ValueError, match=r"unknown optimizer .*allowed: .*adam"):
        optimizer(wrong)


def test_hyperparameters_for_different_numbers_of_trials_are_refused():
    with pytest.raises(ValueError, match=r"different numbers of trials.*lr.*momentum"):
        optimizer("momentum", lr=[0.1, 0.2], momentum=[0.1, 0.2, 0.3])


def test_hyperparameters_for_another_number_of_trials_are_refused_by_the_loop():
    with pytest.raises(ValueError, match="sgd: hyperparameters for 2 trials, a stack of 3"):
        core.descend(optimizer("sgd", lr=[0.1, 0.2]), lambda theta: theta, np.ones((3, 2)), 1)


def test_what_the_caller_gave_may_change_afterwards():
    rates = np.array([0.1, 0.2])
    made = optimizer("sgd", lr=rates)
    rates[:] = -1
    np.testing.assert_array_equal(made.lr, [0.1, 0.2])


@pytest.mark.parametrize(
    ("interval", "members", "strangers", "text"),
    [
        (RealRange(), [-1e300, 0, 1e300], [math.inf, math.nan], "(-inf, inf)"),
        (RealRange(0, 1), [0, 0.5, 1], [-1e-300, 1.0000001], "[0, 1]"),
        (RealRange(0, 1, "left"), [0, 0.999], [1], "[0, 1)"),
        (RealRange(0, 1, "right"), [1e-300, 1], [0], "(0, 1]"),
        (RealRange(0, 1, "neither"), [0.5], [0, 1], "(0, 1)"),
        (RealRange(0), [0, 1e300], [-1, math.inf], "[0, inf)"),
    ],
)
def test_an_interval_has_the_members_that_its_text_says(interval, members, strangers, text):
    assert all(interval.contains(x) for x in members)
    assert interval.contains(members)
    assert not any(interval.contains(x) for x in strangers)
    assert not interval.contains([members[0], strangers[0]])
    assert str(interval) == text
