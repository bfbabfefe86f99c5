"""What every registered method owes, as checks that say in words what is violated.

The test-suite runs them over the whole registries, and a user over a method of his own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np

from overshoot.core.activations import ACTIVATIONS
from overshoot.core.descent import descend
from overshoot.core.domain import RealRange
from overshoot.core.gradcheck import gradient_error
from overshoot.core.initializers import INITIALIZERS
from overshoot.core.loop import Divisor, Objective, Trace, iterate
from overshoot.core.losses import LOSSES
from overshoot.core.network import Network
from overshoot.core.optimizers.base import OPTIMIZERS, Optimizer, domains, optimizer
from overshoot.core.schedules import SCHEDULES, schedule

SHAPES = ((4, 3), (3, 5))
P = 27
STEPS = 20
CLOSE = 1e-5
"""Relative error of a gradient, against central differences."""


def faults(kind: str, name: str) -> list[str]:
    """What a registered method violates, a sentence each; none where it keeps its contract.

    kind: "optimizer", "schedule", "loss", "activation" or "initializer". An error that the method raises is
    a violation as well.
    """
    sentences: list[str] = []
    try:
        with np.errstate(all="ignore"):
            for fault in CHECKS[kind](name):
                sentences.append(fault)
    except Exception as error:  # whatever somebody's code raises
        sentences.append(f"it raises {type(error).__name__}: {error}")
    return sentences


class _Rough(Objective):
    """A rough function of each trial's own parameters: gradients with zeros, flips and tiny values."""

    shapes = SHAPES

    def __init__(self, trials: int, scale: float):
        self.scale, self.trials = scale, np.arange(trials)

    def gradient(self, theta: np.ndarray, t: int, out: np.ndarray) -> np.ndarray:
        i = np.arange(P)
        wave = np.sin(0.7 * i * t) * np.where(i % 5 == t % 5, 0, 1) * 10.0 ** -(i % 9)
        wave = wave.astype(theta.dtype)
        return np.asarray((theta * np.abs(wave) + wave) * theta.dtype.type(self.scale))

    def keep(self, rows: np.ndarray) -> None:
        self.trials = self.trials[rows]


def _start(trials: int, dtype: type[np.floating]) -> np.ndarray:
    return np.sin(1.0 + np.arange(trials * P).reshape(trials, P)).astype(dtype)


def _run(made: Optimizer, theta: np.ndarray, scale: float = 1.0) -> Trace:
    def observe(theta: np.ndarray, _: Divisor) -> dict[str, np.ndarray]:
        return {"loss": np.zeros(len(theta)), "theta": theta}

    return iterate(made, _Rough(len(theta), scale), theta.copy(), observe, range(STEPS + 1))


def _optimizer(name: str) -> Iterator[str]:
    yield from _steps(name)
    made, theta = optimizer(name), _start(3, np.float64)
    path = _run(made, theta).values["theta"]
    if not np.array_equal(path, _run(made, theta).values["theta"], equal_nan=True):
        yield "state leaks: a second run of the same optimizer takes another path; keep state in `s` alone"
    for r in range(3):
        if not np.array_equal(path[r : r + 1], _run(made, theta[r : r + 1]).values["theta"], equal_nan=True):
            yield "a trial depends on its neighbours: alone it takes another path; compute row by row"
            break
    yield from _per_trial(name, theta)
    if not np.isfinite(_run(made, theta, 0.0).values["theta"]).all():
        yield "a gradient of zero gives NaN: add eps to what divides the step"
    for scale in (1e-12, 1e12):
        if not np.isfinite(_run(made.scaled(1e-6), theta, scale).values["theta"]).all():
            yield f"gradients of size {scale:g} overflow, or give NaN, at a small learning rate"
    yield from _limits(name)


def _steps(name: str) -> Iterator[str]:
    """Of single steps: shapes, types and what they may write to."""
    for dtype in (np.float32, np.float64):
        theta = _start(3, dtype)
        made = optimizer(name).prepare(SHAPES)
        state, before = made.init(theta), theta.copy()
        kinds = {key: (array.dtype, array.shape) for key, array in state.items()}
        for t in range(1, 4):
            step = made.step(_Rough(3, 1.0).gradient(theta, t, theta), state, theta, t)
            if np.shape(step) != theta.shape:
                yield f"a step has shape {np.shape(step)}, where theta has {theta.shape}"
                return
            if step.dtype != dtype:
                yield f"a step is {step.dtype}, where theta is {np.dtype(dtype)}: use `like` for coefficients"
                return
            if not np.array_equal(theta, before):
                yield "a step overwrites theta in place: it may overwrite g and s alone"
                return
            if {key: (array.dtype, array.shape) for key, array in state.items()} != kinds:
                yield "a step changes the type or shape of its state"
                return


def _per_trial(name: str, theta: np.ndarray) -> Iterator[str]:
    """Hyperparameters may differ from trial to trial of a stack."""
    shares = (np.arange(3) + 0.5) / 3
    options = {"lr": 10.0 ** (-4 + 2 * shares)}
    for key, (default, domain, _) in domains(name).items():
        if key != "lr":
            options[key] = np.array([_inside(domain, default, u) for u in shares])
    path = _run(optimizer(name, **options), theta).values["theta"]
    for r in range(3):
        one = optimizer(name, **{key: float(values[r]) for key, values in options.items()})
        if not np.array_equal(path[r : r + 1], _run(one, theta[r : r + 1]).values["theta"], equal_nan=True):
            yield "hyperparameters given as one number per trial act otherwise than each alone"
            return


def _inside(domain: RealRange, default: float, share: float) -> float:
    """A value of the domain, for a share in (0, 1): about the default where an end is infinite."""
    if math.isfinite(domain.low) and math.isfinite(domain.high):
        return domain.low + (domain.high - domain.low) * (0.05 + 0.9 * share)
    end = domain.low if math.isfinite(domain.low) else domain.high
    return end + (default - end or 1.0) * (0.5 + share)


def _limits(name: str) -> Iterator[str]:
    """A declared recursion and a declared critical rate are those of the method's own steps."""
    made = optimizer(name)
    recursion, limit = made.recursion, made.critical_rate(1.0)
    if recursion is None or limit is None or not np.isfinite(limit):
        return
    for share in (0.5, 0.95, 1.05):
        made = optimizer(name, lr=share * float(limit))
        sizes = np.abs(descend(made, lambda theta: theta, [1.0], 400)[1:, 0])
        grows = not sizes[300:].max() <= sizes[100:200].max()  # NaN where it overflowed
        if grows != (share > 1) and not sizes[100:200].max() <= 1e-290:
            side = "above" if share > 1 else "below"
            yield f"at {share} of its critical rate, {side} it, a quadratic {'grows' if grows else 'shrinks'}"


def _schedule(name: str) -> Iterator[str]:
    made = schedule(name)
    points = np.linspace(0, 1, 101)[:-1]
    first = [float(np.asarray(made.factor(float(p)))) for p in points]
    if not np.isfinite(first).all() or min(first) < 0:
        yield "a factor is negative or not finite"
    if first != [float(np.asarray(made.factor(float(p)))) for p in points]:
        yield "state leaks: asked again at the same progress, the factor is another"


def _network(loss: str, activation: str) -> tuple[Network, np.ndarray, np.ndarray, np.ndarray]:
    """A small network with its data: theta (P,), X (n, d), y (n,) or (n, k)."""
    rng = np.random.default_rng(0)
    outputs = max(2 if LOSSES[loss].targets == "classes" else 1, LOSSES[loss].outputs)
    net = Network((3, 4, outputs), activation=activation, loss=loss)
    X, targets = rng.standard_normal((12, 3)), LOSSES[loss].targets
    y = rng.integers(0, 2, 12) if targets != "real" else rng.standard_normal((12, outputs))
    return net, net.init(rng) + 0.1 * rng.standard_normal(net.size), X, y


def _trained(loss: str, activation: str) -> Iterator[str]:
    """Of a network with this loss and activation: its gradient, its neighbours, its mean over samples."""
    net, theta, X, y = _network(loss, activation)
    kept = X.copy(), y.copy()

    def function(theta: np.ndarray) -> tuple[float | np.ndarray, np.ndarray]:
        return net.loss_and_grad(theta, X, y)

    if (error := gradient_error(function, theta)) > CLOSE:
        yield f"the gradient is wrong: it differs from central differences by {error:.1g}"
    stack = np.stack([theta, 2 * theta, -theta])
    together, alone = net.loss_and_grad(stack, X, y), net.loss_and_grad(stack[1:2], X, y)
    if not all(np.array_equal(a[1:2], b) for a, b in zip(together, alone, strict=True)):
        yield "a trial depends on its neighbours: alone it has another loss or gradient"
    twice = net.loss_and_grad(theta, np.vstack([X, X]), np.concatenate([y, y]))
    if not np.allclose(twice[1], function(theta)[1], rtol=1e-9, atol=1e-12):
        yield "scale: it is no mean over samples, since every sample twice gives another gradient"
    if not all(np.array_equal(a, b) for a, b in zip(kept, (X, y), strict=True)):
        yield "in-place damage: it overwrites the data"
    single = net.loss_and_grad(theta.astype(np.float32), X.astype(np.float32), y)[1]
    if single.dtype != np.float32:
        yield f"float32 parameters have a gradient of {single.dtype}"


def _loss(name: str) -> Iterator[str]:
    yield from _trained(name, "tanh")


def _activation(name: str) -> Iterator[str]:
    yield from _trained("half_mse", name)
    far = np.array([[[-1e4, -30.0, 0.0, 30.0, 1e4]]])
    out = far.copy()
    ACTIVATIONS[name].apply(out)
    if np.isnan(out).any():
        yield "it is NaN far out, or at zero"
    back = np.ones_like(out)
    ACTIVATIONS[name].backward(out, back)
    if not np.isfinite(back).all():
        yield "its derivative is not finite far out, or at zero"


def _initializer(name: str) -> Iterator[str]:
    draw = INITIALIZERS[name].draw
    one, same = (np.asarray(draw(np.random.default_rng(1), 5, 3)) for _ in range(2))
    if one.shape != (3, 5):
        yield f"weights of 5 inputs and 3 units have shape {one.shape}, where (3, 5) is expected"
    if not np.array_equal(one, same):
        yield "the same generator gives other weights: draw from it alone"
    if not np.isfinite(one).all():
        yield "weights are not finite"


CHECKS: Mapping[str, Callable[[str], Iterator[str]]] = {
    "optimizer": _optimizer,
    "schedule": _schedule,
    "loss": _loss,
    "activation": _activation,
    "initializer": _initializer,
}
"""Kind -> what its methods are checked for."""

REGISTERED: Mapping[str, Mapping[str, object]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
}
