"""This project's core, and the matrix products that it cannot do without."""

from __future__ import annotations

import numpy as np

import core
from bench.competitors import Prepared
from bench.tasks import SEED, Task
from core import BatchStrategy
from core.loop import Divisor, iterate
from core.network import outer
from core.training import NetworkObjective


def prepare(task: Task) -> Prepared:
    """A stack of trials, each with its own learning rate (all the same number here)."""
    settings = {**task.settings, "lr": np.full(task.trials, task.settings["lr"])}
    optimizer = core.optimizer(task.optimizer, **settings)
    data = task.net.data(*task.data, np.float32)
    final: list[np.ndarray] = []

    def run() -> None:
        objective = NetworkObjective(task.net, data, BatchStrategy(task.batch), [SEED] * task.trials)
        final[:] = [iterate(optimizer, objective, task.start, _nothing, [task.steps]).theta]

    return Prepared(run, lambda: final[0], task.trials)


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
        return rng.standard_normal(shape, dtype=np.float32)

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
