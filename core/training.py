"""Train a stack of networks: the objective that draws batches, and the curves it observes."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from core.batches import BatchStrategy, permutation
from core.loop import Trace, iterate
from core.network import Batch, Network, Passes
from core.optimizers.base import Optimizer


def train(
    net: Network,
    optimizer: Optimizer,
    theta: np.ndarray,
    data: Batch,
    strategy: BatchStrategy,
    seeds: Sequence[int],
    evaluate_at: Sequence[int],
    watch: dict[str, Batch] | None = None,
    ceiling: ArrayLike = np.inf,
) -> Trace:
    """Train R trials of one network as one stack.

    theta: (R, P) initial parameters; their dtype, float64 or float32, is that of the computation.
    data: the training samples, shared by all trials (`Network.data`).
    seeds: R seeds of the data order; trials with the same seed see the same batches.
    evaluate_at: epochs after which the losses are evaluated, over all of the data.
    watch: further data to evaluate the loss on, such as {"validation_loss": ...}.
    ceiling: () or (R,): a training loss above it counts as diverged.

    The trace's values are "train_loss" and the names in `watch`; its steps are updates. Raises
    ValueError when shapes disagree and for values that make no sense.
    """
    theta = np.asarray(theta)
    _check_start(net, theta)
    _check_whole("seeds", "", seeds)
    _check_whole("evaluate_at", " of epochs", evaluate_at)
    if len(seeds) != len(theta):
        raise ValueError(f"{len(theta)} trials need as many seeds, got {len(seeds)}")
    if np.shape(ceiling) not in ((), (len(theta),)) or np.isnan(ceiling).any():
        raise ValueError(f"ceiling must be a number or one for each of {len(theta)} trials, got {ceiling!r}")
    if "train_loss" in (watch or {}):
        raise ValueError('"train_loss" is the name of the loss on the training data: watch under another')
    sets = {"train_loss": data, **(watch or {})}
    sets = {name: _of(net, samples, theta.dtype) for name, samples in sets.items()}

    def observe(theta: np.ndarray) -> dict[str, np.ndarray]:
        return {name: net.evaluate(theta, samples) for name, samples in sets.items()}

    objective = NetworkObjective(net, sets["train_loss"], strategy, seeds)
    updates = [int(epoch) * len(objective.cuts) for epoch in evaluate_at]
    return iterate(optimizer, objective, theta, observe, updates, ceiling)


def _check_start(net: Network, theta: np.ndarray) -> None:
    if theta.ndim != 2 or theta.shape[1] != net.size:
        raise ValueError(f"theta must be (R, {net.size}) for this network, got {theta.shape}")
    if len(theta) == 0:
        raise ValueError("a stack has at least one trial")
    if theta.dtype not in (np.float32, np.float64):
        raise ValueError(f"theta must be float32 or float64, got {theta.dtype}")
    if not np.isfinite(theta).all():
        raise ValueError("theta must be finite")


def _check_whole(name: str, unit: str, values: Sequence[Any]) -> None:
    if not all(isinstance(value, Integral) and int(value) >= 0 for value in values) or len(values) == 0:
        raise ValueError(f"{name} must be whole numbers{unit}, zero or more, and not empty, got {values!r}")


def _of(net: Network, data: Batch, dtype: np.dtype) -> Batch:
    """`data` in the precision of the computation; ValueError when it is not data of this network."""
    d, k = data.rows.shape[2] - 1, data.targets.shape[2]
    if (d, k) != (net.sizes[0], net.sizes[-1]):
        raise ValueError(f"data must have {net.sizes[0]} inputs and {net.sizes[-1]} outputs, got {d} and {k}")
    return Batch(data.rows.astype(dtype, copy=False), data.targets.astype(dtype, copy=False))


class NetworkObjective:
    """Mini-batch gradients of a stack of networks."""

    def __init__(self, net: Network, data: Batch, strategy: BatchStrategy, seeds: Sequence[int]):
        self.net, self.data, self.shuffles = net, data, strategy.shuffles
        self.shapes = net.shapes
        self.cuts = strategy.cuts(data.size)
        unique, order_of = np.unique(np.asarray(seeds), return_inverse=True)
        self.orders = [int(seed) for seed in unique] if self.shuffles else [0]
        self.order_of = order_of if self.shuffles else np.zeros(len(seeds), dtype=int)
        self.epoch_data = data
        self.passes: dict[int, Passes] = {}

    def gradient(self, theta: np.ndarray, t: int) -> np.ndarray:
        epoch, position = divmod(t - 1, len(self.cuts))
        if position == 0 and self.shuffles:
            self.epoch_data = self._shuffled(epoch)
        batch = self._batch(self.cuts[position])
        if batch.size not in self.passes:
            self.passes[batch.size] = Passes(self.net, len(theta), batch.size, theta.dtype)
        return self.passes[batch.size].gradient(theta, batch)

    def keep(self, rows: np.ndarray) -> None:
        self.order_of = self.order_of[rows]
        self.passes.clear()  # the buffers are as large as the stack

    def _shuffled(self, epoch: int) -> Batch:
        """The epoch's samples in the order of each seed: (orders, n, ...)."""
        orders = np.stack([permutation(seed, epoch, self.data.size) for seed in self.orders])
        return Batch(self.data.rows[0][orders], self.data.targets[0][orders])

    def _batch(self, cut: slice) -> Batch:
        rows, targets = self.epoch_data.rows[:, cut], self.epoch_data.targets[:, cut]
        if len(self.orders) == 1:
            return Batch(rows, targets)  # one batch for the whole stack
        return Batch(rows[self.order_of], targets[self.order_of])
