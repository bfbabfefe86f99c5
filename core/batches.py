"""How the training samples are cut into batches.

To add an order, write how it draws an epoch and enter a block in ORDERS: everything else, from experiment
files to legends and theory, reads it from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from numbers import Integral

import numpy as np

from overshoot.core.checks import instance, whole
from overshoot.core.names import lookup

Draw = Callable[[int, int, int, int], np.ndarray]
"""(data seed, epoch 0, 1, ..., n, batch size) -> which of n samples the epoch takes, in order."""


@dataclass(frozen=True, eq=False)  # each is one, and found by that
class Order:
    """In which order an epoch takes the samples.

    label: what a batch strategy and a legend call it: "mini-batch 16, with replacement".
    draw: the samples of an epoch.
    about: a sentence for lists.
    repeats: whether every epoch has the first one's order.
    independent: whether each batch is drawn from all samples, whatever the others took. Such batches
        are all whole, and an epoch has as many of them as come nearest to the data's size.
    replacement: whether a batch may hold a sample twice.
    """

    label: str
    draw: Draw
    about: str
    repeats: bool = False
    independent: bool = False
    replacement: bool = False


SPAN = 1 << 15
"""Samples of several epochs' orders that are kept as one: all stacks of a study ask for the same."""

KEPT = 2048
"""Samples up to which drawn orders are kept: those of a study's few seeds are asked for by every
optimizer and rate, and to draw one takes as long as to train on it."""


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order (n,) of the samples in epoch 0, 1, ... for one data seed."""
    return np.random.default_rng([seed, epoch]).permutation(n)


def _permuted(seed: int, epoch: int, n: int, size: int) -> np.ndarray:
    return permutation(seed, epoch, n)


def _drawn(seed: int, epoch: int, n: int, size: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, 1]).integers(n, size=whole_batches(n, size) * size)


def whole_batches(n: int, size: int) -> int:
    """How many batches of `size` come nearest to n samples, at least one."""
    return (2 * n + size) // (2 * size)


USUAL = "reshuffled"
"""A new permutation each epoch: what frameworks do by default, and what no label needs to mention."""

ORDERS: dict[str, Order] = {
    USUAL: Order("reshuffled", _permuted, "a new permutation each epoch, as frameworks have it by default"),
    "fixed": Order(
        "the same each epoch", _permuted, "the first epoch's permutation, each epoch", repeats=True
    ),
    "replacement": Order(
        "with replacement",
        _drawn,
        "every sample of every batch drawn anew from all of them, as theory has it",
        independent=True,
        replacement=True,
    ),
}


@dataclass(frozen=True)
class BatchStrategy:
    """Batches of `size` samples in one of ORDERS, or all of the samples at once (size None).

    All sizes walk through the same order of an epoch and differ only in where they cut it. The last
    batch of an epoch is short when `size` does not divide the data, and is averaged over its own size
    (as in torch and scikit-learn), but where batches are independent (`Order`). A full batch needs no
    order and has none.

    Raises ValueError for a size that is not a whole number of at least one, an unknown order, and an
    order of full batches.

    Examples:
        >>> from overshoot import core
        >>> core.BatchStrategy().name, core.BatchStrategy(16).name
        ('full', '16')
        >>> core.BatchStrategy.named("16 replacement").order
        'replacement'
    """

    size: int | None = None
    order: str = USUAL

    def __post_init__(self) -> None:
        if self.size is not None:
            object.__setattr__(self, "size", _samples(self.size))
        lookup(ORDERS, self.order, "order")
        if self.size is None and self.order != USUAL:
            raise ValueError(f"a full batch has no order, got {self.order!r}")

    @classmethod
    def named(cls, name: str) -> BatchStrategy:
        """The strategy of this `name`; ValueError when it is none's."""
        size, _, order = instance("name", name, str).partition(" ")
        if size != "full" and not size.isdecimal():
            raise ValueError(f"{name!r} names no batch strategy")
        return cls(None if size == "full" else int(size), order or USUAL)

    @property
    def name(self) -> str:
        """`full`, `64`, `16 replacement`, `16 fixed`."""
        size = "full" if self.size is None else str(self.size)
        return size if self.order == USUAL else f"{size} {self.order}"

    @property
    def label(self) -> str:
        if self.size is None:
            return "full batch"
        size = "stochastic (batch 1)" if self.size == 1 else f"mini-batch {self.size}"
        return size if self.order == USUAL else f"{size}, {self.drawn.label}"

    @property
    def drawn(self) -> Order:
        """What is known of its order."""
        return ORDERS[self.order]

    def cuts(self, n: int) -> list[slice]:
        """The slices of an epoch's order of n samples, one for each update."""
        n = whole("the data's size", n, 1)
        size = n if self.size is None else self.size
        if size > n:
            raise ValueError(f"a batch of {size} is larger than the data ({n} samples)")
        if self.drawn.independent:
            return [slice(i * size, (i + 1) * size) for i in range(whole_batches(n, size))]
        starts = range(0, n, size)
        return list(map(slice, starts, [*starts[1:], n]))

    def updates(self, n: int) -> int:
        """Updates in an epoch of n samples."""
        return len(self.cuts(n))

    def orders_anew(self, epoch: int) -> bool:
        """Whether epoch 0, 1, ... has another order than the one before it."""
        return self.size is not None and (epoch == 0 or not self.drawn.repeats)

    def samples(self, seed: int, epoch: int, n: int) -> np.ndarray:
        """Which of n samples epoch 0, 1, ... takes, in order, for a replicate's data seed; `cuts` cuts it."""
        return _order_of(self.drawn, int(seed), epoch, n, self.size or n)

    def orders(self, seed: int, epochs: range, n: int) -> np.ndarray:
        """The orders of these epochs, one after the other. Not to be written to."""
        joined = _kept_orders if n * len(epochs) <= SPAN else _orders
        return joined(self.drawn, int(seed), epochs, n, self.size or n)


def _drawn_order(order: Order, seed: int, epoch: int, n: int, size: int) -> np.ndarray:
    """What an order draws, looked at: compiled code reads whatever it is told to. Not to be written to."""
    drawn = np.asarray(order.draw(seed, epoch, n, size))
    wanted = whole_batches(n, size) * size if order.independent else n
    sound = drawn.shape == (wanted,) and drawn.dtype.kind in "iu"
    if not sound or drawn.min() < 0 or drawn.max() >= n:
        raise ValueError(
            f"the order {order.label!r} must draw {wanted} whole numbers from 0 to {n - 1}, got "
            f"{drawn.dtype} {drawn.shape}"
        )
    samples = np.array(drawn, dtype=np.int64, order="C")  # a copy: an order may draw into memory of its own
    samples.flags.writeable = False
    return samples


_kept = lru_cache(maxsize=2 * KEPT)(_drawn_order)


def _order_of(order: Order, seed: int, epoch: int, n: int, size: int) -> np.ndarray:
    return (_kept if n <= KEPT else _drawn_order)(order, seed, 0 if order.repeats else epoch, n, size)


def _orders(order: Order, seed: int, epochs: range, n: int, size: int) -> np.ndarray:
    joined = np.concatenate([_order_of(order, seed, epoch, n, size) for epoch in epochs])
    joined.flags.writeable = False
    return joined


_kept_orders = lru_cache(maxsize=128)(_orders)


def _samples(size: object) -> int:
    if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
        raise ValueError(f"a batch holds a whole number of samples, at least one, got {size!r}")
    return int(size)
