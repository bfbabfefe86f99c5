"""How the training samples are cut into batches."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np


@dataclass(frozen=True)
class BatchStrategy:
    """Batches of `size` samples, or all of them at once (size None), reshuffled each epoch.

    All strategies walk through the same permutation of an epoch and differ only in where they cut
    it. The last batch of an epoch is short when `size` does not divide the data, and is averaged
    over its own size (as in torch and scikit-learn). A full batch needs no order and has none.
    """

    size: int | None = None

    def __post_init__(self) -> None:
        if self.size is not None:
            object.__setattr__(self, "size", _samples(self.size))

    @property
    def name(self) -> str:
        return "full" if self.size is None else str(self.size)

    @property
    def label(self) -> str:
        if self.size is None:
            return "full batch"
        return "stochastic (batch 1)" if self.size == 1 else f"mini-batch {self.size}"

    def cuts(self, n: int) -> list[slice]:
        """The slices of an epoch's order of n samples, one for each update."""
        size = n if self.size is None else self.size
        if size > n:
            raise ValueError(f"a batch of {size} is larger than the data ({n} samples)")
        return [slice(start, min(start + size, n)) for start in range(0, n, size)]

    def updates(self, n: int) -> int:
        """Updates in an epoch of n samples."""
        return len(self.cuts(n))

    @property
    def shuffles(self) -> bool:
        return self.size is not None


def _samples(size: object) -> int:
    if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
        raise ValueError(f"a batch holds a whole number of samples, at least one, got {size!r}")
    return int(size)


def permutation(seed: int, epoch: int, n: int) -> np.ndarray:
    """The order (n,) of the samples in epoch 0, 1, ... for one replicate's data seed."""
    return np.random.default_rng([seed, epoch]).permutation(n)
