"""A stack of trials in memory as compiled code wants it: a trial in each lane, or one by one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from overshoot.core.compiled.build import compiled
from overshoot.core.compiled.rules import Rule
from overshoot.core.compiled.vectors import LANES, VECTOR_BYTES
from overshoot.core.optimizers.base import Optimizer, State


def aligned(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Zeros whose memory begins where a vector may, and ends where one more would."""
    kind = np.dtype(dtype)
    size = math.prod(shape) * kind.itemsize
    raw = np.zeros(size + 2 * VECTOR_BYTES, np.uint8)
    start = -address(raw) % VECTOR_BYTES
    return raw[start : start + size].view(kind).reshape(shape)


def address(a: np.ndarray) -> int:
    return int(a.__array_interface__["data"][0])


class Blocks:
    """R trials of P parameters in blocks of `lanes`; lanes without a trial repeat the last one.

    order: (R,), the trials in the order of their lanes, by default their own: a block whose trials all see
    the same samples loads each once.

    arrays: (blocks, 1 + S, P, lanes), theta and the optimizer's state. wide: (blocks, W, lanes) float64, its
    state of one number a trial. numbers: hyperparameters that the trials share; columns: (blocks, C, lanes)
    float64, those of each trial. check: (blocks, lanes), NaN where a gradient was not finite.
    """

    def __init__(
        self,
        rule: Rule,
        optimizer: Optimizer,
        theta: np.ndarray,
        state: State,
        order: np.ndarray | None = None,
    ):
        self.rule, (self.R, self.P) = rule, theta.shape
        self.lanes = LANES[theta.dtype.name]
        self.order = np.arange(self.R) if order is None else order
        self.places = np.argsort(self.order)
        self.count = self._count()
        self.taken = np.resize(self.order, self.count * self.lanes)
        self.taken[self.R :] = self.order[-1]
        held = [self.entries(a) for a in (theta, *(state[name] for name in rule.arrays))]
        self.arrays = aligned((self.count, len(held), *held[0].shape[1:]), theta.dtype)
        for slot, array in enumerate(held):
            self.arrays[:, slot] = array
        self.wide = self._columns([state[name] for name in rule.wides])
        values = optimizer.hyperparameters
        self.numbers = np.array([float(values[name]) for name in rule.numbers] or [0.0])
        self.columns = self._columns([values[name] for name in rule.columns])
        self.check = aligned((self.count, self.lanes), theta.dtype)

    def _count(self) -> int:
        return -(-self.R // self.lanes)

    def _columns(self, values: list[Any]) -> np.ndarray:
        columns = aligned((self.count, max(1, len(values)), self.lanes), np.float64)
        for i, value in enumerate(values):
            columns[:, i] = self.in_lanes(np.broadcast_to(value, (self.R, 1)))[:, 0]
        return columns

    def in_lanes(self, a: np.ndarray) -> np.ndarray:
        """Numbers of each trial (R, n) -> (blocks, n, lanes)."""
        return a[self.taken].reshape(self.count, self.lanes, -1).swapaxes(1, 2)

    def of_trials(self, blocks: np.ndarray) -> np.ndarray:
        """(blocks, n, lanes) -> (R, n)."""
        # Always a copy in C order: what is computed from an array may depend on how it lies in memory.
        return blocks.swapaxes(1, 2).reshape(-1, blocks.shape[1])[self.places]

    def entries(self, a: np.ndarray) -> np.ndarray:
        """(R, P), a number for each parameter, as a block of `arrays` has them."""
        return self.in_lanes(a)

    def of_entries(self, blocks: np.ndarray) -> np.ndarray:
        """The same back: (R, P), a copy."""
        return self.of_trials(blocks)

    def bad(self) -> np.ndarray:
        """The mask (R,) of trials of which something is not finite."""
        return self.of_trials(self._flags()[:, None])[:, 0]

    def _flags(self) -> np.ndarray:
        """The mask (blocks, lanes) of lanes in which something is not finite."""
        # What is not finite in theta stays so.
        total: np.ndarray = (self.arrays[:, 0] * 0).sum(axis=1) + self.check
        return np.not_equal(total, 0)

    @property
    def theta(self) -> np.ndarray:
        """(R, P), a copy."""
        return self.of_entries(self.arrays[:, 0])

    def state(self, arrays: np.ndarray | None = None, wide: np.ndarray | None = None) -> State:
        """The optimizer's state, from these arrays where they are given."""
        arrays, wide = self.arrays if arrays is None else arrays, self.wide if wide is None else wide
        held = {name: self.of_entries(arrays[:, 1 + i]) for i, name in enumerate(self.rule.arrays)}
        return held | {name: self.of_trials(wide[:, i : i + 1]) for i, name in enumerate(self.rule.wides)}

    def update(self, gradient: np.ndarray, t: int) -> None:
        """One update t = 1, 2, ... of all trials, given their gradients (R, P)."""
        dtype, vectors = self.arrays.dtype, self.arrays.shape[2]
        g = aligned((self.count, vectors, self.lanes), dtype)
        g[:] = self.entries(gradient)
        function = compiled("update", dtype.name, self.rule.source, 8)
        for i in range(self.count):
            memory = (self.arrays[i], g[i], self.wide[i], self.numbers, self.columns[i], self.check[i])
            function.ctypes(*map(address, memory), vectors, t)


class Rows(Blocks):
    """R trials in blocks of one: (R, 1 + S, vectors, lanes) are its parameters as they follow each other, the
    last one repeated where there is room, and a number of a trial's own is in all lanes."""

    def _count(self) -> int:
        return self.R

    def in_lanes(self, a: np.ndarray) -> np.ndarray:
        return np.repeat(a[self.order][:, :, None], self.lanes, axis=2)

    def of_trials(self, blocks: np.ndarray) -> np.ndarray:
        return blocks[self.places, :, 0]

    def entries(self, a: np.ndarray) -> np.ndarray:
        room = -self.P % self.lanes
        return np.pad(a[self.order], ((0, 0), (0, room)), mode="edge").reshape(self.R, -1, self.lanes)

    def of_entries(self, blocks: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(blocks.reshape(self.R, -1)[self.places, : self.P])

    def bad(self) -> np.ndarray:
        return np.any(self._flags()[self.places], axis=1)
