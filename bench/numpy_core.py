"""This project's core, and the two parts that it cannot do without: matrix products and the update rule."""

from __future__ import annotations

import numpy as np

from bench.competitors import Prepared
from bench.tasks import SEED, Task
from overshoot import core
from overshoot.core import BatchStrategy
from overshoot.core.compiled import stack_for
from overshoot.core.loop import BUFFER, Divisor, iterate
from overshoot.core.network import outer
from overshoot.core.training import NetworkObjective


def prepare(task: Task, engine: str = "auto") -> Prepared:
    """A stack of trials, each with its own learning rate (all the same number here)."""
    optimizer = _optimizer(task)
    data = task.net.data(*task.data, task.precision)
    strategy = BatchStrategy(task.batch)
    final: list[np.ndarray] = []

    def run() -> None:
        objective = NetworkObjective(task.net, data, strategy, [SEED] * task.trials)
        stack = stack_for(engine, task.net, optimizer, task.start)
        final[:] = [iterate(optimizer, objective, task.start, _nothing, [task.steps], stack_of=stack).theta]

    return Prepared(run, lambda: final[0], task.trials)


def prepare_numpy(task: Task) -> Prepared:
    """The same without compiled code."""
    return prepare(task, "numpy")


def _optimizer(task: Task) -> core.Optimizer:
    settings = {**task.settings, "lr": np.full(task.trials, task.settings["lr"])}
    return core.optimizer(task.optimizer, **settings)


def _nothing(theta: np.ndarray, divisor: Divisor) -> dict[str, np.ndarray]:
    return {"loss": np.zeros(len(theta))}


def prepare_products(task: Task) -> Prepared:
    """Forward and backward products of every layer for every trial, and nothing else: the limit.

    Their arrays lie in memory as the core's do; with a single sample the core multiplies without
    BLAS, and so does this.
    """
    R, B = task.trials, task.size
    rng = np.random.default_rng(SEED)

    def some(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape).astype(task.precision)

    weights, grads = task.net.layers(task.start), task.net.layers(np.empty_like(task.start))
    inputs = [some(1, B, task.sizes[0] + 1).swapaxes(1, 2), *(some(R, u + 1, B) for u in task.sizes[1:-1])]
    deltas = [*(some(R, u, B) for u in task.sizes[1:-1]), some(task.sizes[-1], R, B).swapaxes(0, 1)]

    def products() -> None:
        for W, a, z in zip(weights, inputs, deltas, strict=True):
            np.matmul(W, a, out=z)
        for i in reversed(range(len(weights))):
            outer(deltas[i], inputs[i].swapaxes(1, 2), grads[i])
            if i:
                np.matmul(weights[i][:, :, :-1].swapaxes(1, 2), deltas[i], out=deltas[i - 1])

    def run() -> None:
        with np.errstate(all="ignore"):
            for _ in range(task.steps):
                products()

    return Prepared(run, None, R)


def prepare_update(task: Task) -> Prepared:
    """The optimizer's passes over all parameters as the loop has them, and nothing else: the other limit.

    Where the gradient would be lies the theta before: it has a gradient's size, and any will do.
    """
    optimizer = _optimizer(task).prepare(task.net.shapes)
    theta, before = task.start.copy(), task.start.copy()
    state = optimizer.init(theta)

    def run() -> None:
        nonlocal theta, before
        with np.errstate(all="ignore"):
            np.setbufsize(BUFFER)
            for t in range(1, task.steps + 1):
                np.subtract(theta, optimizer.step(before, state, theta, t), out=before)
                theta, before = before, theta

    return Prepared(run, None, task.trials)
