"""A stack of networks whose updates run in compiled code, from one evaluation to the next."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any, ClassVar

import numpy as np

from overshoot.core.activations import ACTIVATIONS, Activation
from overshoot.core.compiled import kernels, products
from overshoot.core.compiled.blocks import Blocks, address, aligned
from overshoot.core.compiled.build import compiled, sources
from overshoot.core.compiled.rules import activation_sources, loss_source, program_of, rule
from overshoot.core.compiled.source import KEPT
from overshoot.core.compiled.tracing import UntraceableError
from overshoot.core.compiled.vectors import LANES, VECTOR_BYTES
from overshoot.core.loop import Divisor, Stack
from overshoot.core.losses import LOSSES, Loss
from overshoot.core.network import Network
from overshoot.core.optimizers.base import Optimizer, State
from overshoot.core.schedules import Constant, Schedule
from overshoot.core.training import NetworkObjective

NEAR, MOST = 1 << 15, 16
"""Bytes for the outputs and deltas of a group of samples, and its size at most, in `products.GROUP`."""

SAMPLES = 1 << 18
"""Samples of an order that the updates of one call take at most: its memory does not grow with the run."""


@cache
def advance_function(dtype: str) -> Any:
    """The loop over updates with the gradient in it, compiled."""
    k = kernels
    parts = (
        products.taken,
        products.affine,
        products.affine_group,
        products.below,
        products.below_group,
        products.collect_one,
        products.collect_group,
        k.forward,
        k.backward,
        k.collect,
        k.gradient,
        k.fill_shared,
        k.fill,
        k.keep_before,
        k.find,
    )
    names = ("GROUP", "ACTIVATE", "SLOPE", "DELTA", "WHOLE", "MOST", "DEPTH", "SIZES")
    constants = "\n".join(f"{name} = {getattr(kernels, name)}" for name in names)
    text = [constants, sources(*parts), inspect.getsource(k.advance)]
    return compiled("advance", dtype, "\n\n".join(text), 32)


def group_of(units: int) -> int:
    """How many samples go through a network of so many units together: as many as a near memory holds."""
    return products.GROUP * min(MOST, max(1, NEAR // (2 * units * VECTOR_BYTES * products.GROUP)))


@cache
def network_functions(activation: Activation, loss: Loss, dtype: str) -> tuple[Any, ...]:
    """The activation, its slope and the loss's delta, compiled."""
    activate, slope = activation_sources(activation, dtype)
    delta = loss_source(loss, dtype)
    return (
        compiled("activate", dtype, activate, 4),
        compiled("slope", dtype, slope, 5),
        compiled("loss_delta", dtype, delta.text, 5 if delta.whole else 8),
    )


def obstacle(net: Network, optimizer: Optimizer, theta: np.ndarray) -> str:
    """Why this optimizer on this network cannot be compiled; empty where it can."""
    kind = (ACTIVATIONS[net.activation], LOSSES[net.loss], *program_of(optimizer, theta.dtype))
    if kind not in _obstacles:
        _obstacles[kind] = _obstacle(net, optimizer, theta)
    return _obstacles[kind]


_obstacles: dict[tuple[Any, ...], str] = {}


def _obstacle(net: Network, optimizer: Optimizer, theta: np.ndarray) -> str:
    try:
        activation_sources(ACTIVATIONS[net.activation], theta.dtype.name)
        loss_source(LOSSES[net.loss], theta.dtype.name)
        # Sizes make no difference to what is compiled, and memory for these may not be there.
        small = Network((2, 2), net.activation, net.loss)
        few, prepared = np.zeros((len(theta), small.size), theta.dtype), optimizer.prepare(small.shapes)
        rule(prepared, prepared.init(few), few)
    except UntraceableError as error:
        return str(error)
    return ""


class Room:
    """The data, the network's description, and memory for the passes of one block."""

    def __init__(self, objective: NetworkObjective, dtype: np.dtype):
        self.lanes = LANES[dtype.name]
        self.samples = objective.cuts[0].stop - objective.cuts[0].start  # none is larger than the first
        self.targets = np.ascontiguousarray(objective.data.targets[0])
        self.places = np.zeros(self.lanes, np.int64)
        self._prepare(objective.net, objective.data.rows[0], dtype)

    def _prepare(self, net: Network, rows: np.ndarray, dtype: np.dtype) -> None:
        d, k = net.sizes[0], net.sizes[-1]
        whole, most = loss_source(LOSSES[net.loss], dtype.name).whole, group_of(sum(net.sizes[1:]))
        self.net = description(net, dtype, whole, most)
        self.widths = d, row, _ = d, -(-d // self.lanes) * self.lanes, k
        self.inputs = aligned((len(rows), row), dtype)
        self.inputs[:, :d] = rows[:, :d]
        self.grad = aligned((net.size, self.lanes), dtype)
        passed = most + (self.samples if whole else most)
        self.memory = aligned((passed * sum(net.sizes[1:]) + KEPT * k, self.lanes), dtype)
        self.x, self.y = (aligned((self.samples * width, self.lanes), dtype) for width in (d, k))


def description(net: Network, dtype: np.dtype, whole: bool, most: int) -> np.ndarray:
    """A network as `kernels` has it, whose loss looks at the whole batch or not, and `most` samples of which
    go through it together."""
    functions = network_functions(ACTIVATIONS[net.activation], LOSSES[net.loss], dtype.name)
    return np.array([*(f.address for f in functions), int(whole), most, len(net.sizes) - 1, *net.sizes])


class CompiledStack(Stack):
    """As `Stack`, with updates in compiled code."""

    objective: NetworkObjective
    layout: ClassVar[type[Blocks]] = Blocks
    room_type: ClassVar[type[Room]] = Room

    def __init__(
        self,
        optimizer: Optimizer,
        objective: NetworkObjective,
        theta: np.ndarray,
        schedule: Schedule,
        steps: int,
    ):
        super().__init__(optimizer, objective, theta, schedule, steps)
        dtype = theta.dtype.name
        self.rule = rule(self.optimizer, self.state, self.theta)
        self.rule_update = compiled("update", dtype, self.rule.source, 8).address
        self.room = self.room_type(objective, theta.dtype)
        self.ended: tuple[State, np.ndarray] = ({}, np.empty(0))

    def advance(self, mark: int) -> np.ndarray:
        if self.t == 0 and not self.rule.from_start:
            return super().advance(1)
        mark = min(mark, self.t + max(1, SAMPLES // self.room.samples))
        by_order = np.argsort(self.objective.order_of, kind="stable")
        blocks = self.layout(self.rule, self.optimizer, self.theta, self.state, by_order)
        before = blocks.arrays.copy(), blocks.wide.copy()
        self._run(blocks, mark)
        first = np.zeros(blocks.R, dtype=int)
        if blocks.bad().any():
            blocks.arrays[:], blocks.wide[:] = before
            blocks.check[:] = 0
            first = self._find(blocks, mark)
        self.theta, self.state = blocks.theta, {**self.state, **blocks.state()}
        self.t = mark
        return first

    def _find(self, blocks: Blocks, mark: int) -> np.ndarray:
        """The same updates again, to see where each trial became bad: (R,) its first bad update, or 0."""
        bad = np.zeros((blocks.count, 1, blocks.lanes), np.int64)
        arrays, wide = (
            aligned(blocks.arrays.shape, blocks.arrays.dtype),
            aligned(blocks.wide.shape, np.float64),
        )
        self._run(blocks, mark, (bad, arrays, wide))
        first = blocks.of_trials(bad)[:, 0]
        self.before = blocks.of_entries(arrays[:, 0])
        self.ended = blocks.state(arrays, wide), first
        return first

    def _run(self, blocks: Blocks, mark: int, results: tuple[np.ndarray, ...] = ()) -> None:
        order = self.objective.samples(self.t, mark)
        rows = np.ascontiguousarray(blocks.in_lanes(order.row_of[:, None])[:, 0])
        rates, factors, room = blocks.columns[:, 0].copy(), self._factors(blocks, mark), self.room
        arguments = (
            *(_same(room.net), _same(self.rule_update), _same(blocks.P)),
            *(_own(blocks.arrays), _same(blocks.arrays.shape[1])),
            *map(_same, (room.grad, room.memory, room.inputs, room.targets, *room.widths)),
            *(_same(order.rows), _own(rows), _same(order.rows.shape[1])),
            *map(_same, (order.starts, order.stops, room.x, room.y)),
            *(_own(blocks.wide), _same(len(self.rule.wides)), _same(room.places), _same(blocks.numbers)),
            *(_own(blocks.columns), _own(rates)),
            *(_same(0) if factors is None else _own(factors), _own(blocks.check)),
            *(_same(self.t), _same(mark - self.t)),
            *([_own(a) for a in results] or [_same(0)] * 3),
        )
        run = advance_function(blocks.arrays.dtype.name).ctypes
        for i in range(blocks.count):
            run(*(first + i * apart for first, apart in arguments))

    def _factors(self, blocks: Blocks, mark: int) -> np.ndarray | None:
        """(blocks, updates, lanes), what the rates are multiplied by at each update; None for always one."""
        if isinstance(self.schedule, Constant):
            return None
        each = [self.schedule.factor(t / self.steps) for t in range(self.t, mark)]
        columns = [np.broadcast_to(np.asarray(factor, float), (blocks.R, 1)) for factor in each]
        return np.ascontiguousarray(blocks.in_lanes(np.concatenate(columns, axis=1)))

    def divisor_at_end(self, rows: np.ndarray) -> Divisor:
        if self.t == 1 and not self.rule.from_start:
            return self.divisor(rows)
        state, t = self.ended

        def values() -> np.ndarray | None:
            P = self.optimizer.preconditioner(state, np.maximum(t, 1)[:, None])
            return P if P is None else P[rows]

        return values


def _same(a: Any) -> tuple[int, int]:
    """An argument that all blocks share, and 0."""
    return (a if isinstance(a, int) else address(a)), 0


def _own(a: np.ndarray) -> tuple[int, int]:
    """Where the first block's part of an array is, and how far that of the next is from it."""
    return address(a), a.strides[0]
