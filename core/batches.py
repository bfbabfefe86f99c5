"""How the training samples are cut into batches."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np

from core.names import suggest

ORDERS = {
    "reshuffled": "",
    "fixed": "the same each epoch",
    "replacement": "with replacement",
}
"""In which order an epoch takes the samples -> what it adds to a label.

reshuffled   a new permutation each epoch: what frameworks do by default.
fixed        the first epoch's permutation, each epoch.
replacement  every sample of every batch drawn anew, from all of them: what the theory speaks of.
"""


@dataclass(frozen=True)
class BatchStrategy:
    """Batches of `size` samples in one of ORDERS, or all of the samples at once (size None).

    All sizes walk through the same order of an epoch and differ only in where they cut it. The last
    batch of an epoch is short when `size` does not divide the data, and is averaged over its own size
    (as in torch and scikit-learn); with replacement all batches are whole, and an epoch has as many
    of them as come nearest to the data's size. A full batch needs no order and has none.

    Raises ValueError for a size that is not a whole number of at least one, an unknown order, and an
    order of full batches.
    """

    size: int | None = None
    order: str = "reshuffled"

    def __post_init__(self) -> None:
        if self.size is not None:
            object.__setattr__(self, "size", _samples(self.size))
        if self.order not in ORDERS:
            hint = suggest(self.order, ORDERS)
            raise ValueError(f"unknown order {self.order!r}{hint} (allowed: {', '.join(ORDERS)})")
        if self.size is None and self.order != "reshuffled":
            raise ValueError(f"a full batch has no order, got {self.order!r}")

    @classmethod
    def named(cls, name: str) -> BatchStrategy:
        """The strategy of this `name`; ValueError when it is none's."""
        size, _, order = name.partition(" ")
        if size != "full" and not size.isdecimal():
            raise ValueError(f"{name!r} names no batch strategy")
        return cls(None if size == "full" else int(size), order or "reshuffled")

    @property
    def name(self) -> str:
        """`full`, `64`, `16 replacement`, `16 fixed`."""
        size = "full" if self.size is None else str(self.size)
        return size if self.order == "reshuffled" else f"{size} {self.order}"

    @property
    def label(self) -> str:
        if self.size is None:
            return "full batch"
        size = "stochastic (batch 1)" if self.size == 1 else f"mini-batch {self.size}"
        return f"{size}, {ORDERS[self.order]}" if ORDERS[self.order] else size

    def cuts(self, n: int) -> list[slice]:
        """The slices of an epoch's order of n samples, one for each update."""
        size = n if self.size is None else self.size
        if size > n:
            raise ValueError(f"a batch of {size} is larger than the data ({n} samples)")
        if self.order == "replacement":
            return [slice(i * size, (i + 1) * size) for i in range((2 * n + size) // (2 * size))]
        starts = range(0, n, size)
        return list(map(slice, starts, [*starts[1:], n]))

    def updates(self, n: int) -> int:
        """Updates in an epoch of n samples."""
        return len(self.cuts(n))

    def orders_anew(self, epoch: int) -> bool:
        """Whether epoch 0, 1, ... has another order than the one before it."""
        return self.size is not None and (epoch == 0 or self.order != "fixed")

    def samples(self, seed: int, epoch: int, n: int) -> np.ndarray:
        """Which of n samples epoch 0, 1, ... takes, in order, for a replicate's data seed; `cuts` cuts it."""
        if self.order == "replacement":
            drawn = self.cuts(n)[-1].stop
            return np.random.default_rng([seed, epoch, 1]).integers(n, size=drawn)
        return permutation(seed, 0 if self.order == "fixed" else epoch, n)


def _samples(size: object) -> int:
    if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
        raise ValueError(f"a batch holds a whole number of samples, at least one, got {size!r}")
    return int(size)


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order (n,) of the samples in epoch 0, 1, ... for one replicate's data seed."""
    return np.random.default_rng([seed, epoch]).permutation(n)
