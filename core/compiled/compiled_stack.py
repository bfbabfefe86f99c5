"""A stack of networks whose updates run in compiled code, from one evaluation to the next."""

from __future__ import annotations

from typing import Any

import numpy as np

from overshoot.core.activations import ACTIVATIONS
from overshoot.core.compiled.blocks import Blocks, aligned
from overshoot.core.compiled.build import compiled
from overshoot.core.compiled.lanes import Lanes, Updates, lanes_for
from overshoot.core.compiled.rules import activation_sources, loss_source, program_of, rule
from overshoot.core.compiled.tracing import UntraceableError
from overshoot.core.loop import Divisor, Stack
from overshoot.core.losses import LOSSES
from overshoot.core.network import Network
from overshoot.core.optimizers.base import Optimizer, State
from overshoot.core.schedules import Constant, Schedule
from overshoot.core.training import NetworkObjective

SAMPLES = 1 << 18
"""Samples of an order that the updates of one call take at most: its memory does not grow with the run."""


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


class CompiledStack(Stack):
    """As `Stack`, with updates in compiled code."""

    objective: NetworkObjective

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
        self.update_address = compiled("update", dtype, self.rule.source, 8).address
        self._lanes: dict[type[Lanes], Lanes] = {}
        self.ended: tuple[State, np.ndarray] = ({}, np.empty(0))

    def advance(self, mark: int) -> np.ndarray:
        if self.t == 0 and not self.rule.from_start:
            return super().advance(1)
        mark = min(mark, self.t + max(1, SAMPLES // self.objective.largest_batch))
        by_order = np.argsort(self.objective.order_of, kind="stable")
        blocks = self.lanes().layout(self.rule, self.optimizer, self.theta, self.state, by_order)
        before = blocks.arrays.copy(), blocks.wide.copy(), blocks.columns.copy()
        self._run(blocks, mark)
        first = np.zeros(blocks.R, dtype=int)
        if blocks.bad().any():
            blocks.arrays[:], blocks.wide[:], blocks.columns[:] = before
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
        order, factors = self.objective.samples(self.t, mark), self._factors(blocks, mark)
        updates = Updates(self.update_address, len(self.rule.wides), order, factors, self.t, mark, results)
        self.lanes().run(blocks, updates)

    def lanes(self) -> Lanes:
        """What vectors hold now: what is faster for so many trials. The bits are the same."""
        objective, trials = self.objective, len(self.theta)
        kind = lanes_for(objective.net, objective.largest_batch, trials, self.theta.dtype)
        if kind not in self._lanes:
            self._lanes[kind] = kind(self.objective, self.theta.dtype)
        return self._lanes[kind]

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
