"""The compiled update of every optimizer has the bits of its NumPy passes."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from overshoot.core import OPTIMIZERS, optimizer
from overshoot.core.compiled.blocks import Blocks
from overshoot.core.compiled.rules import rule
from overshoot.core.compiled.source import _constant
from overshoot.core.compiled.tracing import UntraceableError
from overshoot.core.optimizers.momentum import GradientDescent

P, R = 9, 21
NUMPY_ALONE = {
    "adafactor",
    "cautious_adamw",
    "dog",
    "lamb",
    "lars",
    "muon",
    "prodigy",
    "shampoo",
    "sophia",
}
"""Methods that look at a layer, a norm or the curvature: not done entry by entry."""

ELEMENTWISE = sorted(set(OPTIMIZERS) - NUMPY_ALONE)


def hyperparameters(name, each):
    """As declared, or another for each trial where its domain lets it; a decay where there is one."""
    rng = np.random.default_rng(3)
    given: dict[str, Any] = {"lr": np.geomspace(1e-4, 3, R)}
    for option in OPTIMIZERS[name]().hyperparameters:
        if option == "weight_decay":
            given[option] = np.where(np.arange(R) % 3, 0.01, 0.0) if each else 0.01
        elif each and option.startswith(("beta", "momentum", "alpha", "rho")) and option != "momentum_decay":
            given[option] = rng.uniform(0.5, 0.99, R)
    given.pop("alpha") if name in ("asgd", "ademamix") and "alpha" in given else None
    return given


def gradients(dtype, updates, wild):
    rng = np.random.default_rng(5)
    for t in range(updates):
        g = rng.standard_normal((R, P)) * 10.0 ** rng.integers(-6, 6, (R, P))
        g[rng.random((R, P)) < 0.1] = 0
        if wild and t == 6:
            g[2, 3], g[5, 1], g[7, 0] = np.inf, -np.inf, np.nan
            g[9] = 1e30
        yield g.astype(dtype)


def bits(a):
    return a.view({4: np.uint32, 8: np.uint64}[a.itemsize])


@pytest.mark.parametrize("each", [False, True], ids=["shared", "each"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_an_update_has_the_same_bits(name, dtype, each):
    method = optimizer(name, **hyperparameters(name, each)).prepare(((P,),))
    theta = np.random.default_rng(1).standard_normal((R, P)).astype(dtype)
    state = method.init(theta)
    written = rule(method, state, theta)
    with np.errstate(all="ignore"):
        for t, g in enumerate(gradients(dtype, 15, wild=True), start=1):
            blocks = Blocks(written, method, theta, state)
            blocks.update(g, t)
            theta = theta - method.step(g.copy(), state, theta, t)
            if t == 1 and not written.from_start:
                continue  # NumPy takes this one
            same(blocks.theta, theta)
            for key, array in blocks.state().items():
                same(array, state[key])


def same(found, wanted):
    """Bit for bit; any NaN is as good as another, whose sign and payload no processor promises."""
    assert (np.isnan(found) == np.isnan(wanted)).all()
    sound = ~np.isnan(wanted)
    assert (bits(found)[sound] == bits(np.ascontiguousarray(wanted))[sound]).all()


@pytest.mark.parametrize("name", sorted(NUMPY_ALONE))
def test_what_is_not_done_entry_by_entry_is_left_to_numpy(name):
    method = optimizer(name).prepare(((3, 3),))
    theta = np.zeros((2, 9))
    with pytest.raises(UntraceableError):
        rule(method, method.init(theta), theta)


@dataclasses.dataclass(frozen=True, eq=False)
class Late(GradientDescent):
    """Gradient descent that stands still after some updates."""

    def step(self, g, s, theta, t):
        return super().step(g, s, theta, t) if t <= 300 else np.zeros_like(g)


def test_a_rule_that_changes_its_mind_later_is_left_to_numpy():
    theta = np.zeros((2, 9))
    late = Late(lr=0.1).prepare(((9,),))
    with pytest.raises(UntraceableError, match="a branch on how many updates there were"):
        rule(late, late.init(theta), theta)


def test_a_constant_with_a_sign_is_written_in_brackets() -> None:
    """-2 ** t is not (-2) ** t."""
    assert eval(_constant(-2.0) + " ** 2") == 4
    for value in (np.inf, np.nan):
        with pytest.raises(UntraceableError):
            _constant(value)
