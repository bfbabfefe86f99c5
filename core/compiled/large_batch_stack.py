"""A stack of networks whose batches are large: compiled code trains its trials one after the other."""

from __future__ import annotations

import inspect
from functools import cache
from typing import Any, ClassVar

import numpy as np

from overshoot.core.compiled import kernels, large_batch, sample_products
from overshoot.core.compiled.blocks import Blocks, Rows, address, aligned
from overshoot.core.compiled.build import compiled, sources
from overshoot.core.compiled.compiled_stack import CompiledStack, Room, description
from overshoot.core.compiled.rules import loss_source
from overshoot.core.compiled.source import KEPT
from overshoot.core.losses import LOSSES
from overshoot.core.network import Network

PART = 32
"""Vectors of samples that go through the network together: a batch is one such part after the other."""


def fits(net: Network, dtype: np.dtype) -> bool:
    """Whether large batches of this network can be trained so: its loss looks at one sample at a time."""
    return not loss_source(LOSSES[net.loss], dtype.name).whole


@cache
def advance_function(dtype: str) -> Any:
    """The loop over updates and trials with the gradient in it, compiled."""
    k, p = large_batch, sample_products
    parts = (
        *(p.weighted, p.weighted_one, p.returned, p.returned_one, p.put, p.summed, p.summed_one),
        *(k.outputs_of, k.deltas_of, k.collect_all, k.vectors_of, k.gradient_of_trial, k.take, k.find_one),
    )
    names = ("ACTIVATE", "SLOPE", "DELTA", "MOST", "DEPTH", "SIZES")
    constants = "\n".join(f"{name} = {getattr(kernels, name)}" for name in names)
    text = [constants, sources(*parts), inspect.getsource(k.advance_large)]
    return compiled("advance_large", dtype, "\n\n".join(text), 33)


class LargeBatchRoom(Room):
    """The data, the network's description, and memory for the passes of a part of a batch."""

    def _prepare(self, net: Network, rows: np.ndarray, dtype: np.dtype) -> None:
        self.net = description(net, dtype, False, PART)
        self.inputs = np.ascontiguousarray(rows)
        self.grad = aligned((-(-net.size // self.lanes), self.lanes), dtype)
        (d, *hidden, k), batch = net.sizes, -(-self.samples // (2 * self.lanes)) * 2
        units = sum(width + 1 for width in hidden) + sum(hidden) + 2 * k
        self.memory = aligned((units * min(PART, batch) + KEPT * k, self.lanes), dtype)
        self.x, self.y = (aligned((batch * width, self.lanes), dtype) for width in (d + 1, k))


class LargeBatchStack(CompiledStack):
    """As `CompiledStack`, for batches so large that vectors are of their samples and not of trials."""

    layout: ClassVar[type[Blocks]] = Rows
    room_type: ClassVar[type[Room]] = LargeBatchRoom

    def _run(self, blocks: Blocks, mark: int, results: tuple[np.ndarray, ...] = ()) -> None:
        order, room = self.objective.samples(self.t, mark), self.room
        rows = np.ascontiguousarray(blocks.in_lanes(order.row_of[:, None])[:, 0])
        rates, factors = blocks.columns[:, 0].copy(), self._factors(blocks, mark)
        arguments = (
            *(room.net, self.rule_update, blocks.P, blocks.arrays.shape[2]),
            *(blocks.arrays, blocks.arrays.shape[1], blocks.count),
            *(room.grad, room.memory, room.inputs, room.targets, room.inputs.shape[1]),
            *(order.rows, rows, order.rows.shape[1], order.starts, order.stops, room.x, room.y),
            *(blocks.wide, len(self.rule.wides), room.places, blocks.numbers),
            *(blocks.columns, blocks.columns.shape[1], rates, 0 if factors is None else factors),
            *(blocks.check, self.t, mark - self.t, *(results or (0, 0, 0))),
        )
        run = advance_function(blocks.arrays.dtype.name).ctypes
        run(*(a if isinstance(a, int) else address(a) for a in arguments))
