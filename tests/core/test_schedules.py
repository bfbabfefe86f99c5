import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overshoot import core
from overshoot.core import SCHEDULES, descend, optimizer, schedule, schedules

FROZEN = json.loads((Path(__file__).parents[1] / "references/schedules/torch.json").read_text("utf-8"))
CASES = FROZEN["cases"]
PROGRESS = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['name']} {case['options']}" for case in CASES])
def test_the_rates_are_torchs(case):
    made = schedule(case["name"], **case["options"])
    found = [made.factor(t / FROZEN["steps"]) for t in range(FROZEN["steps"])]
    np.testing.assert_allclose(found, case["rates"], rtol=1e-12, atol=1e-15)


def test_every_schedule_and_every_option_is_compared_with_torch():
    for name in SCHEDULES:
        options = [case["options"] for case in CASES if case["name"] == name]
        assert {} in options, f"{name}: add a row to tests/references/generate_schedules.py and run it"
        assert {key for case in options for key in case} == set(schedules.domains(name))


@pytest.mark.parametrize("name", SCHEDULES)
@given(progress=PROGRESS)
def test_no_factor_is_negative_or_above_one(name, progress):
    assert 0 <= schedule(name).factor(progress) <= 1


@given(progress=PROGRESS, share=st.floats(0.01, 1), start=st.floats(0, 1))
def test_a_warm_up_ends_at_the_full_rate(progress, share, start):
    made = schedule("warmup", share=share, start=start)
    assert made.factor(0.0) == pytest.approx(start)
    assert made.factor(progress) == 1.0 or progress < share


@given(pieces=st.integers(1, 12), each=st.integers(1, 50))
def test_a_step_falls_after_whole_stretches_in_spite_of_rounding(pieces, each):
    made, steps = schedule("step", every=1 / pieces, gamma=0.5), pieces * each
    found = [made.factor(t / steps) for t in range(steps)]
    np.testing.assert_array_equal(found, 0.5 ** (np.arange(steps) // each))


def gradient(theta):
    return theta * np.array([1.0, 4.0]) + 0.1 * theta**3


@pytest.mark.parametrize("name", core.OPTIMIZERS)
def test_a_constant_schedule_changes_no_bit(name):
    start = np.array([[1.0, -2.0], [0.3, 0.7]])
    made = optimizer(name, lr=[0.01, 0.03])
    plain = descend(made, gradient, start, 30)
    np.testing.assert_array_equal(descend(made, gradient, start, 30, schedule("constant")), plain)
    np.testing.assert_array_equal(
        descend(made, gradient, start, 30, schedule("warmup", start=[1.0, 1.0])), plain
    )


@pytest.mark.parametrize("name", SCHEDULES)
def test_the_factor_multiplies_the_rate_of_each_update(name):
    made = schedule(name)
    path = descend(optimizer("sgd", lr=0.3), np.ones_like, [0.0], 20, made)
    steps = [0.3 * made.factor(t / 20) for t in range(20)]
    np.testing.assert_allclose(-np.diff(path[:, 0]), steps, rtol=1e-12, atol=1e-15)


def test_trials_of_a_stack_may_differ_in_their_schedule():
    starts, rates = np.array([[1.0, -2.0], [1.0, 1.0], [0.3, 0.7]]), [0.1, 1e300, 0.2]
    together = descend(
        optimizer("adam", lr=rates),
        gradient,
        starts,
        50,
        schedule("warmup", share=[0.1, 0.5, 1.0], start=0.0),
    )
    for r, share in ((0, 0.1), (2, 1.0)):
        made = schedule("warmup", share=share, start=0.0)
        alone = descend(optimizer("adam", lr=rates[r]), gradient, starts[r], 50, made)
        np.testing.assert_array_equal(together[:, r], alone)
    assert np.isnan(together[-1, 1]).all(), "or no trial left while the others went on"


def test_a_rate_that_is_too_large_is_borne_by_a_schedule_that_lowers_it():
    path = descend(
        optimizer("sgd", lr=[0.55] * 2),
        lambda theta: 4 * theta,
        np.ones((2, 1)),
        200,
        schedule("inverse_time", decay=[0.0, 9.0]),
    )
    assert abs(path[-1, 0, 0]) > 1e10
    assert abs(path[-1, 1, 0]) < 1e-10


def test_heavy_ball_differs_from_a_velocity_that_contains_the_rate():
    """v_t keeps gradients and not steps: the step after the rate has fallen tenfold is a tenth."""
    made = schedule("step", every=0.5)
    path = descend(optimizer("momentum", lr=1.0, momentum=0.99), np.ones_like, [0.0], 20, made)[:, 0]
    before, after = path[9] - path[10], path[10] - path[11]
    assert after / before == pytest.approx(0.1, rel=0.1)


def test_a_network_trains_under_a_schedule(rng):
    net = core.Network((3, 1))
    data = net.data(rng.standard_normal((30, 3)), rng.standard_normal(30))
    theta = np.zeros((2, net.size))

    def final(made):
        strategy = core.BatchStrategy(5)
        return core.train(net, optimizer("sgd", lr=0.1), theta, data, strategy, [1, 1], [60], schedule=made)

    constant, cosine = final(None), final(schedule("cosine", final=[0.0, 1.0]))
    np.testing.assert_array_equal(constant.theta[1], cosine.theta[1])
    best = np.linalg.lstsq(data.rows[0], data.targets[0, :, 0])[0]
    noise = np.linalg.norm(cosine.theta - best, axis=1)
    assert noise[0] < 0.5 * noise[1], "the noise of small batches ends with the rate"


def outside(domain):
    yield from (math.nan, math.inf)
    yield domain.low if domain.closed in ("right", "neither") else math.nextafter(domain.low, -math.inf)
    if math.isfinite(domain.high):
        yield domain.high if domain.closed in ("left", "neither") else math.nextafter(domain.high, math.inf)


@pytest.mark.parametrize("name", SCHEDULES)
def test_each_option_refuses_what_lies_outside_its_domain(name):
    for key, (default, domain, _) in schedules.domains(name).items():
        assert domain.contains(default)
        for wrong in [*outside(domain), "0.5", None, True]:
            with pytest.raises(ValueError, match=f"^{name}: {key}"):
                schedule(name, **{key: wrong})


def test_unknown_names_and_options_name_the_nearest():
    with pytest.raises(
        ValueError, match=r"unknown schedule 'cosin'; did you mean \"cosine\".*allowed: const"
    ):
        schedule("cosin")
    with pytest.raises(
        ValueError, match=r"step: unknown option 'gama'; did you mean \"gamma\".*every, gamma"
    ):
        schedule("step", gama=0.5)
    with pytest.raises(ValueError, match=r"constant: unknown option 'gamma' \(it has none\)"):
        schedule("constant", gamma=0.5)


def test_a_schedule_for_another_number_of_trials_is_refused():
    with pytest.raises(ValueError, match="cosine: hyperparameters for 2 trials, a stack of 3"):
        descend(optimizer("sgd"), gradient, np.ones((3, 2)), 1, schedule("cosine", final=[0.1, 0.2]))


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_presents_itself(name):
    assert SCHEDULES[name].name == name
    assert SCHEDULES[name].label
    assert "__doc__" in vars(SCHEDULES[name])
