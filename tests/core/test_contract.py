"""Every registered method keeps its contract, and a method that breaks it is told what it breaks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from overshoot.core.activations import Activation
from overshoot.core.contract import REGISTERED, faults
from overshoot.core.domain import Hyper
from overshoot.core.losses import Loss
from overshoot.core.optimizers.base import Optimizer, State, register
from overshoot.core.schedules import Schedule
from overshoot.core.schedules import register as register_schedule

EVERY = [(kind, name) for kind, known in REGISTERED.items() for name in known]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_registered_method_keeps_its_contract(kind: str, name: str) -> None:
    assert faults(kind, name) == []


@pytest.fixture
def planted() -> Iterator[None]:
    """Takes away what a test has registered."""
    before = {kind: set(known) for kind, known in REGISTERED.items()}
    yield
    for kind, known in REGISTERED.items():
        for name in set(known) - before[kind]:
            known.pop(name)  # type: ignore[attr-defined]


Step = Callable[[Optimizer, np.ndarray, State, np.ndarray, int], Any]


def optimizer(step: Step) -> None:
    @register("planted", label="planted", paper="nobody", search=(1e-3, 1), defaults="nobody")
    class Planted(Optimizer):
        def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
            return step(self, g, s, theta, t)


MEMORY: list[int] = []


def leaks(o: Optimizer, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
    MEMORY.append(t)
    return 1e-3 * g / (1 + 1e-3 * len(MEMORY))


def damages(o: Optimizer, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
    theta -= 1e-3 * g
    return np.zeros_like(g)


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (leaks, "state leaks"),
        (damages, "overwrites theta in place"),
        (lambda o, g, s, theta, t: 1e-3 * g[:1], "has shape (1, 27)"),
        (lambda o, g, s, theta, t: 1e-3 * g.astype(np.float64), "is float64, where theta is float32"),
        (lambda o, g, s, theta, t: 1e-3 * g * g.mean(), "depends on its neighbours"),
        (lambda o, g, s, theta, t: 1e-3 * g / np.abs(g), "gradient of zero gives NaN"),
        (lambda o, g, s, theta, t: g.nonsense, "raises AttributeError"),
    ],
)
@pytest.mark.usefixtures("planted")
def test_an_optimizer_that_breaks_its_contract_is_told_so(step: Step, said: str) -> None:
    optimizer(step)
    assert any(said in fault for fault in faults("optimizer", "planted"))


@pytest.mark.usefixtures("planted")
def test_a_wrong_critical_rate_is_told() -> None:
    from overshoot.core.optimizers.base import Recursion, ratio

    @register("planted", label="planted", paper="nobody", search=(1e-3, 1), defaults="nobody")
    class Planted(Optimizer):
        def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
            return np.asarray(self.lr * g, dtype=g.dtype)

        @property
        def recursion(self) -> Recursion:
            return Recursion()

        def critical_rate(self, curvature: Any) -> Hyper | None:
            return ratio(4, curvature)

    assert any("of its critical rate" in fault for fault in faults("optimizer", "planted"))


@pytest.mark.usefixtures("planted")
def test_a_wrong_derivative_a_sum_and_a_leaking_schedule_are_told() -> None:
    def total(z: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(((z - y) ** 2).sum(axis=(1, 2)))

    def delta(z: np.ndarray, y: np.ndarray) -> None:
        z -= y  # a sum, and half of its derivative

    losses: Any = REGISTERED["loss"]
    losses["planted"] = Loss("planted", total, delta, lambda z: None, "real", None)
    said = faults("loss", "planted")
    assert any("the gradient is wrong" in fault for fault in said)
    assert any("no mean over samples" in fault for fault in said)

    def halved(a: np.ndarray, d: np.ndarray) -> None:
        d *= (1 - a * a) / 2

    activations: Any = REGISTERED["activation"]
    activations["planted"] = Activation("half", lambda z: np.tanh(z, out=z), halved, lambda a: -2 * a)
    assert any("the gradient is wrong" in fault for fault in faults("activation", "planted"))

    @register_schedule("planted", label="planted")
    class Planted(Schedule):
        def factor(self, progress: float) -> Hyper:
            MEMORY.append(0)
            return float(len(MEMORY))

    assert any("state leaks" in fault for fault in faults("schedule", "planted"))
