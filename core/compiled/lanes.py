"""What the lanes of a vector hold: a number of each of a few trials, or of a few units of a layer.

Each way has its code and its memory. Both give the same bits, so that what is faster may choose.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from overshoot.core.activations import ACTIVATIONS, Activation
from overshoot.core.compiled import kernels, products, unit_kernels, unit_products
from overshoot.core.compiled.blocks import Blocks, Rows, address, aligned
from overshoot.core.compiled.build import compiled, sources
from overshoot.core.compiled.rules import activation_sources, loss_source
from overshoot.core.compiled.source import KEPT
from overshoot.core.compiled.vectors import LANES, VECTOR_BYTES
from overshoot.core.losses import LOSSES, Loss
from overshoot.core.network import Network
from overshoot.core.training import NetworkObjective, SampleRows

NEAR, MOST = 1 << 15, 16
"""Bytes for the outputs and deltas of a group of samples, and its size at most, in `products.GROUP`."""

PART = 128
"""Samples that go through the network together where vectors are of units."""

CACHE = 1 << 20
"""Bytes of parameters of a vector of trials beyond which they come from further away."""

MEMORY = 1 << 26
"""Bytes that the batches of a vector of trials may take."""


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


@dataclass(frozen=True)
class Updates:
    """Some updates of trials in blocks.

    function: the address of the rule's `update`. wides: how many numbers of state it has for each trial.
    order: which samples they take. factors: (blocks, updates, lanes), what the rates are multiplied by; None
    for always one. done, until: how many updates there are before and after. results: where `kernels.advance`
    puts what it sees of trials that become bad, or nothing.
    """

    function: int
    wides: int
    order: SampleRows
    factors: np.ndarray | None
    done: int
    until: int
    results: tuple[np.ndarray, ...] = ()


class Lanes(ABC):
    """The data, the network's description, and memory for the passes."""

    layout: ClassVar[type[Blocks]]

    @staticmethod
    @abstractmethod
    def function(dtype: str) -> Any:
        """The loop over updates, compiled."""

    def __init__(self, objective: NetworkObjective, dtype: np.dtype):
        self.dtype, self.lanes = dtype, LANES[dtype.name]
        self.samples = objective.largest_batch
        self.targets = np.ascontiguousarray(objective.data.targets[0])
        self.places = np.zeros(self.lanes, np.int64)
        self._prepare(objective.net, objective.data.rows[0])

    @abstractmethod
    def _prepare(self, net: Network, rows: np.ndarray) -> None:
        """Make what depends on the way; rows: (n, d + 1), the inputs, and a one."""

    @abstractmethod
    def run(self, blocks: Blocks, updates: Updates) -> None:
        """Make these updates of all trials of the blocks."""

    def _description(self, net: Network, whole: bool, most: int) -> np.ndarray:
        """A network as `kernels` has it, whose loss looks at the whole batch or not, and `most` samples of
        which go through it together."""
        functions = network_functions(ACTIVATIONS[net.activation], LOSSES[net.loss], self.dtype.name)
        return np.array([*(f.address for f in functions), int(whole), most, len(net.sizes) - 1, *net.sizes])

    def _room(self, *shape: int) -> np.ndarray:
        return aligned((*shape, self.lanes), self.dtype)

    def _aligned_rows(self, rows: np.ndarray, inputs: int) -> np.ndarray:
        """The inputs alone, each sample's in as many whole vectors."""
        held = aligned((len(rows), -(-inputs // self.lanes) * self.lanes), self.dtype)
        held[:, :inputs] = rows[:, :inputs]
        return held


class TrialLanes(Lanes):
    """A vector holds a number of each of a few trials: blocks of trials, one block after the other."""

    layout = Blocks

    def _prepare(self, net: Network, rows: np.ndarray) -> None:
        d, k = net.sizes[0], net.sizes[-1]
        whole, most = is_whole(net, self.dtype), group_of(sum(net.sizes[1:]))
        self.net = self._description(net, whole, most)
        self.inputs = self._aligned_rows(rows, d)
        self.widths = d, self.inputs.shape[1], k
        self.grad = self._room(net.size)
        passed = most + (self.samples if whole else most)
        self.memory = self._room(passed * sum(net.sizes[1:]) + KEPT * k)
        self.x, self.y = (self._room(self.samples * width) for width in (d, k))

    def run(self, blocks: Blocks, updates: Updates) -> None:
        order = updates.order
        rows = np.ascontiguousarray(blocks.in_lanes(order.row_of[:, None])[:, 0])
        rates, factors = blocks.columns[:, 0].copy(), updates.factors
        arguments = (
            *(_same(self.net), _same(updates.function), _same(blocks.P)),
            *(_own(blocks.arrays), _same(blocks.arrays.shape[1])),
            *map(_same, (self.grad, self.memory, self.inputs, self.targets, *self.widths)),
            *(_same(order.rows), _own(rows), _same(order.rows.shape[1])),
            *map(_same, (order.starts, order.stops, self.x, self.y)),
            *(_own(blocks.wide), _same(updates.wides), _same(self.places), _same(blocks.numbers)),
            *(_own(blocks.columns), _own(rates)),
            *(_same(0) if factors is None else _own(factors), _own(blocks.check)),
            *(_same(updates.done), _same(updates.until - updates.done)),
            *([_own(a) for a in updates.results] or [_same(0)] * 3),
        )
        run = self.function(self.dtype.name).ctypes
        for i in range(blocks.count):
            run(*(first + i * apart for first, apart in arguments))

    @staticmethod
    @cache
    def function(dtype: str) -> Any:
        p, k = products, kernels
        parts = (
            *(p.taken, p.affine, p.affine_group, p.below, p.below_group, p.collect_one, p.collect_group),
            *(k.forward, k.backward, k.collect, k.gradient, k.fill_shared, k.fill, k.keep_before, k.find),
        )
        return _advance(k.advance, dtype, 32, parts)


class UnitLanes(Lanes):
    """A vector holds a number of each of a few units of a layer: trials one after the other, each with its
    parameters in vectors as they follow each other."""

    layout = Rows

    def _prepare(self, net: Network, rows: np.ndarray) -> None:
        d, k = net.sizes[0], net.sizes[-1]
        whole = is_whole(net, self.dtype)
        self.net = self._description(net, whole, PART)
        self.inputs = self._aligned_rows(rows, d)
        across = [-(-width // self.lanes) for width in net.sizes]
        parameters = sum(
            (row + 1) * wide + width * high + wide
            for row, width, high, wide in zip(net.sizes, net.sizes[1:], across, across[1:], strict=False)
        )
        together = self.samples if whole else min(PART, self.samples)
        passed = (2 * (together + 3) + self.lanes) * sum(across[1:])
        losses = together * k if whole else (2 * -(-together // self.lanes) + KEPT) * k
        turned = self.lanes * across[-1]  # whole vectors of outputs are turned where there are fewer
        self.grad = self._room(-(-net.size // self.lanes))
        self.memory = self._room(parameters + passed + losses + turned)
        self.x = self._room((self.samples + 3) * across[0])
        self.y = self._room((self.samples if whole else -(-self.samples // self.lanes)) * k)

    def run(self, blocks: Blocks, updates: Updates) -> None:
        order, factors = updates.order, updates.factors
        rows = np.ascontiguousarray(blocks.in_lanes(order.row_of[:, None])[:, 0])
        rates = blocks.columns[:, 0].copy()
        arguments = (
            *(self.net, updates.function, blocks.P, blocks.arrays.shape[2]),
            *(blocks.arrays, blocks.arrays.shape[1], blocks.count),
            *(self.grad, self.memory, self.inputs, self.targets, self.inputs.shape[1]),
            *(order.rows, rows, order.rows.shape[1], order.starts, order.stops, self.x, self.y),
            *(blocks.wide, updates.wides, self.places, blocks.numbers),
            *(blocks.columns, blocks.columns.shape[1], rates, 0 if factors is None else factors),
            *(blocks.check, updates.done, updates.until - updates.done, *(updates.results or (0, 0, 0))),
        )
        run = self.function(self.dtype.name).ctypes
        run(*(a if isinstance(a, int) else address(a) for a in arguments))

    @staticmethod
    @cache
    def function(dtype: str) -> Any:
        p, k = unit_products, unit_kernels
        parts = (
            *(p.mixed, p.summed_over, p.added, k.across, k.transposed, k.outputs_of, k.loss_deltas),
            *(k.whole_loss_deltas, k.deltas_of, k.collect_all, k.packed, k.gradient_of_trial, k.take),
            k.find_one,
        )
        return _advance(k.advance_trials, dtype, 33, parts)


def lanes_for(net: Network, samples: int, trials: int, dtype: np.dtype) -> type[Lanes]:
    """What vectors hold for so many trials of a network, with `samples` in a batch."""
    batch = samples * (net.sizes[0] + net.sizes[-1]) * VECTOR_BYTES  # of trials that each have their own
    faster = units_are_faster(net, samples, trials, LANES[dtype.name])
    return UnitLanes if faster or batch > MEMORY else TrialLanes


def units_are_faster(net: Network, samples: int, trials: int, lanes: int) -> bool:
    """Whether units in the lanes take less time than trials, of which there may be too few to fill them.

    By the operations on vectors that a sample takes, and that a parameter takes at each update, as measured.
    """
    tiles = 0  # of two vectors, and of four samples or rows
    for layer, (inputs, outputs) in enumerate(zip(net.sizes, net.sizes[1:], strict=False)):
        wide, high = (-(-width // (2 * lanes)) for width in (inputs, outputs))
        tiles += inputs * high + -(-outputs // 4) * 4 * wide + (outputs * wide if layer else 0)
    each = 800 + net.size + 1.8 * tiles * -(-samples // 4) * 4
    far = 2.2 if net.size * VECTOR_BYTES > CACHE else 1
    block = net.size * (6 + 2.5 * samples) * far
    return trials * each < -(-trials // lanes) * block


def _advance(loop: Any, dtype: str, arguments: int, parts: tuple[Any, ...]) -> Any:
    names = ("ACTIVATE", "SLOPE", "DELTA", "WHOLE", "MOST", "DEPTH", "SIZES")
    constants = [f"GROUP = {products.GROUP}", *(f"{name} = {getattr(kernels, name)}" for name in names)]
    text = ["\n".join(constants), sources(*parts), inspect.getsource(loop)]
    return compiled(loop.__name__, dtype, "\n\n".join(text), arguments)


def is_whole(net: Network, dtype: np.dtype) -> bool:
    """Whether its loss looks at all samples of a batch at once."""
    return loss_source(LOSSES[net.loss], dtype.name).whole


def group_of(units: int) -> int:
    """How many samples go through a network of so many units together: as many as a near memory holds."""
    return products.GROUP * min(MOST, max(1, NEAR // (2 * units * VECTOR_BYTES * products.GROUP)))


def _same(a: Any) -> tuple[int, int]:
    """An argument that all blocks share, and 0."""
    return (a if isinstance(a, int) else address(a)), 0


def _own(a: np.ndarray) -> tuple[int, int]:
    """Where the first block's part of an array is, and how far that of the next is from it."""
    return address(a), a.strides[0]
