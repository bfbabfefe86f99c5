"""Train a stack of networks: the objective that draws batches, and the curves it observes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.batches import BatchStrategy
from overshoot.core.checks import instance, reals, wholes
from overshoot.core.compiled import stack_for
from overshoot.core.loop import Divisor, Objective, Trace, iterate
from overshoot.core.network import Batch, Network, Passes
from overshoot.core.optimizers.base import Optimizer
from overshoot.core.schedules import Constant, Schedule

MEMORY = 1 << 24
"""Bytes that the parameters, gradients and optimizer state of a stack may take; a larger stack is
trained in several parts, one after the other. Activations come on top (`core.network.BLOCK`). About
the size of a processor's last cache: beyond it a larger stack is slower, not faster."""


Measure = Callable[[np.ndarray, Divisor], np.ndarray]


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
    schedule: Schedule | None = None,
    updates_at: Sequence[int] = (),
    measure: Mapping[str, Measure] | None = None,
    engine: str = "auto",
) -> Trace:
    """Train R trials of one network as one stack.

    theta: (R, P) initial parameters; their dtype, float64 or float32, is that of the computation.
    data: the training samples, shared by all trials (`Network.data`).
    seeds: R seeds of the data order; trials with the same seed see the same batches.
    evaluate_at: epochs after which the losses are evaluated, over all of the data.
    watch: further data to evaluate the loss on, such as {"validation_loss": ...}.
    ceiling: () or (R,): a training loss above it counts as diverged.
    schedule: what the learning rate is multiplied by over the run; by default it is constant.
    updates_at: updates at which to evaluate as well.
    measure: further values to take at each evaluation, name -> function of theta (R, P), and of what the
        optimizer divides its step by there, that gives (R, ...).
    engine: what makes the updates: "numpy", "compiled", or "auto" for the faster one that can
        (`core.compiled`).

    A stack too large for `MEMORY` trains in parts, which changes none of its numbers.

    The trace's values are "train_loss" and the names in `watch` and `measure`; its steps are updates. Raises
    ValueError when shapes disagree and for values that make no sense; TypeError for something else in the
    place of a network, an optimizer, a strategy, a schedule or data.
    """
    schedule = Constant() if schedule is None else schedule
    if "train_loss" in {**(watch or {}), **(measure or {})}:
        raise ValueError('"train_loss" is the name of the loss on the training data: watch under another')
    _check_kinds(net, optimizer, strategy, schedule, {"data": data, **(watch or {})})
    theta = reals("theta", theta)
    _check_start(net, theta)
    seeds, updates_at = wholes("seeds", seeds), wholes("updates_at", updates_at)
    evaluate_at, ceiling = wholes("evaluate_at", evaluate_at), reals("ceiling", ceiling)
    _check_trials(len(theta), optimizer, schedule, seeds, evaluate_at, ceiling)
    sets = {"train_loss": data, **(watch or {})}
    sets = {name: _of(net, samples, theta.dtype) for name, samples in sets.items()}

    def observe(theta: np.ndarray, divisor: Divisor) -> dict[str, np.ndarray]:
        losses = {name: net.evaluate(theta, samples) for name, samples in sets.items()}
        return losses | {name: value(theta, divisor) for name, value in (measure or {}).items()}

    in_epoch = strategy.updates(data.size)
    updates = [*updates_at, *(int(epoch) * in_epoch for epoch in evaluate_at)]

    stack_of = stack_for(engine, net, optimizer, theta)

    def train_part(part: np.ndarray) -> Trace:
        objective = NetworkObjective(net, sets["train_loss"], strategy, np.asarray(seeds)[part])
        limit = np.broadcast_to(ceiling, len(theta))[part]
        return iterate(
            optimizer.keep(part),
            objective,
            theta[part],
            observe,
            updates,
            limit,
            schedule.keep(part),
            stack_of,
        )

    return _join([train_part(part) for part in _parts(net, optimizer, theta)])


def _parts(net: Network, optimizer: Optimizer, theta: np.ndarray) -> list[np.ndarray]:
    """Masks (R,) that cut the stack where its arrays would need more than `MEMORY` bytes."""
    trials = np.arange(len(theta))
    state = optimizer.keep(trials == 0).prepare(net.shapes).init(theta[:1])
    # Parameters now and last; those before, or the gradient; how each trial ends, in float64; the state.
    needed = 3 * theta[0].nbytes + 8 * net.size + sum(array.nbytes for array in state.values())
    part_of = trials // max(1, MEMORY // needed)
    return [part_of == part for part in range(part_of[-1] + 1)]


def _join(traces: list[Trace]) -> Trace:
    """The trace of one stack from those of its parts, in order."""
    if len(traces) == 1:
        return traces[0]

    def joined(name: str) -> Any:
        values = [getattr(trace, name) for trace in traces]
        if isinstance(values[0], dict):
            return {key: np.concatenate([value[key] for value in values]) for key in values[0]}
        return np.concatenate(values)

    fields = [field.name for field in dataclasses.fields(Trace) if field.name != "steps"]
    return Trace(steps=traces[0].steps, **{name: joined(name) for name in fields})


def _check_kinds(net: Any, optimizer: Any, strategy: Any, schedule: Any, sets: Mapping[str, Any]) -> None:
    instance("net", net, Network)
    instance("optimizer", optimizer, Optimizer)
    instance("strategy", strategy, BatchStrategy)
    instance("schedule", schedule, Schedule)
    for name, samples in sets.items():
        instance(name, samples, Batch)


def _check_trials(
    trials: int,
    optimizer: Optimizer,
    schedule: Schedule,
    seeds: Sequence[int],
    evaluate_at: Sequence[int],
    ceiling: np.ndarray,
) -> None:
    if not evaluate_at:
        raise ValueError("evaluate_at must be at least one epoch")
    if len(seeds) != trials:
        raise ValueError(f"{trials} trials need as many seeds, got {len(seeds)}")
    for chosen in (optimizer, schedule):
        if chosen.trials not in (None, trials):
            raise ValueError(f"{chosen.name} has values for {chosen.trials} trials, a stack of {trials}")
    if np.shape(ceiling) not in ((), (trials,)) or np.isnan(ceiling).any():
        raise ValueError(f"ceiling must be a number or one for each of {trials} trials, got {ceiling!r}")


def _check_start(net: Network, theta: np.ndarray) -> None:
    if theta.ndim != 2 or theta.shape[1] != net.size:
        raise ValueError(f"theta must be (R, {net.size}) for this network, got {theta.shape}")
    if len(theta) == 0:
        raise ValueError("a stack has at least one trial")
    if theta.dtype not in (np.float32, np.float64):
        raise ValueError(f"theta must be float32 or float64, got {theta.dtype}")
    if not np.isfinite(theta).all():
        raise ValueError("theta must be finite")


def _of(net: Network, data: Batch, dtype: np.dtype) -> Batch:
    """`data` in the precision of the computation; ValueError when it is not data of this network."""
    d, k = data.rows.shape[2] - 1, data.targets.shape[2]
    if (d, k) != (net.sizes[0], net.sizes[-1]):
        raise ValueError(f"data must have {net.sizes[0]} inputs and {net.sizes[-1]} outputs, got {d} and {k}")
    return Batch(data.rows.astype(dtype, copy=False), data.targets.astype(dtype, copy=False))


@dataclass(frozen=True)
class SampleRows:
    """Which samples some updates take.

    rows: (S, m) sample numbers, in S orders. row_of: (R,) which of them is each trial's. starts, stops:
    (updates,) where in a row the samples of each update lie.
    """

    rows: np.ndarray
    row_of: np.ndarray
    starts: np.ndarray
    stops: np.ndarray


class NetworkObjective(Objective):
    """Mini-batch gradients of a stack of networks; updates are asked for in order, from t = 1 on."""

    def __init__(self, net: Network, data: Batch, strategy: BatchStrategy, seeds: Sequence[int]):
        self.net, self.data, self.shapes = net, data, net.shapes
        self.strategy, self.cuts = strategy, strategy.cuts(data.size)
        self.starts, self.stops = np.array([(cut.start, cut.stop) for cut in self.cuts]).T
        self.seeds, self.order_of = np.unique(np.asarray(seeds), return_inverse=True)
        self.orders, self.epoch = np.empty((0, data.size), dtype=int), data
        self.passes: dict[int, Passes] = {}

    @property
    def largest_batch(self) -> int:
        """Samples of the first batch of an epoch: none is larger."""
        return int(self.stops[0] - self.starts[0])

    def gradient(self, theta: np.ndarray, t: int, out: np.ndarray | None = None) -> np.ndarray:
        """Gradient (R, P) of the mean loss over the batch of update t, in `out` or in a new array."""
        out = np.empty_like(theta) if out is None else out
        epoch, position = divmod(t - 1, len(self.cuts))
        if position == 0 and self.strategy.orders_anew(epoch):
            self._order(epoch)
        cut = self.cuts[position]
        self._passes(theta, cut.stop - cut.start).gradient(theta, self._batches(cut), out)
        return out

    def samples(self, done: int, until: int) -> SampleRows:
        """What updates done + 1 to `until` take."""
        (epoch, first), (last, _) = divmod(done, len(self.cuts)), divmod(until - 1, len(self.cuts))
        epochs, n = range(epoch, last + 1), self.data.size
        if self.strategy.size is None:
            rows, row_of, length = np.arange(n)[None], np.zeros_like(self.order_of), 0
        else:
            used, row_of = np.unique(self.order_of, return_inverse=True)
            length = self.cuts[-1].stop
            rows = np.stack([self.strategy.orders(seed, epochs, n) for seed in self.seeds[used]])
        each = length * np.arange(len(epochs))[:, None]
        updates = slice(first, first + until - done)
        starts, stops = ((each + ends).ravel()[updates] for ends in (self.starts, self.stops))
        return SampleRows(rows, row_of, starts, stops)

    def keep(self, rows: np.ndarray) -> None:
        self.order_of = self.order_of[rows]
        self.passes.clear()  # they are made for as many trials as there were

    def _passes(self, theta: np.ndarray, samples: int) -> Passes:
        if samples not in self.passes:
            self.passes[samples] = Passes(self.net, len(theta), samples, theta.dtype)
        return self.passes[samples]

    def _order(self, epoch: int) -> None:
        self.orders = np.stack([self.strategy.samples(seed, epoch, self.data.size) for seed in self.seeds])
        if len(self.seeds) == 1:
            self.epoch = self.data.take(self.orders)

    def _batches(self, cut: slice) -> Callable[[slice], Batch]:
        """From a block of trials to their batch: the same for all where they share the order."""
        if len(self.orders) > 1:
            return lambda block: self.data.take(self.orders[self.order_of[block], cut])
        shared = self.epoch.part(cut)
        return lambda block: shared
