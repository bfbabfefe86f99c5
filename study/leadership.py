"""Who comes first on problems like these: leadership when the problems are drawn anew.

Few problems stand for many. Which optimizer has the best mean rank over them may hang on which ones they
are, so the problems are resampled and the first place is taken each time. A leader is named only where one
holds it nearly always; otherwise those that share it are, and nobody is said to lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overshoot.study.comparison import FEW

CLEAR = 0.9
"""Share of resamplings in which a leader must lead to be named, and in which those that tie must do so."""

DRAWS = 20_000
"""The standard error of a share near CLEAR is 0.002."""


@dataclass(frozen=True)
class Leadership:
    """methods: by share, the largest first; shares: of the resamplings of the `problems` that each leads, a
    shared first place counted in parts."""

    methods: tuple[str, ...]
    shares: tuple[float, ...]
    problems: int

    @property
    def few(self) -> bool:
        """Whether there are too few problems to say who leads on others."""
        return self.problems < FEW

    @property
    def leader(self) -> str | None:
        """The one that leads in at least CLEAR of the resamplings; None where the first place is shared, and
        where there are few problems."""
        return self.methods[0] if self.shares[0] >= CLEAR and not self.few else None

    @property
    def group(self) -> tuple[str, ...]:
        """The fewest that hold the first place in at least CLEAR of the resamplings between them."""
        held = np.cumsum(self.shares)
        return self.methods[: int(np.searchsorted(held, CLEAR - 1e-9)) + 1]


def leadership(scores: np.ndarray, methods: Sequence[str], seed: int = 0) -> Leadership:
    """Of `scores: (problems, k)`, lower is better, such as ranks: how often each of k methods has the lowest
    mean when problems are drawn with replacement. Infinite scores are allowed; ValueError for NaN."""
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2 or scores.shape[1] != len(methods) or not scores.size or np.isnan(scores).any():
        raise ValueError(f"scores must be numbers, (problems, {len(methods)}), got {scores.shape}")
    n = len(scores)
    weights = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    with np.errstate(invalid="ignore"):  # a problem that is not drawn counts for nought, even with infinity
        means = np.where(weights[:, :, None] > 0, weights[:, :, None] * scores[None], 0).sum(axis=1)
    first = np.isclose(means, means.min(axis=1, keepdims=True)) | (means == means.min(axis=1, keepdims=True))
    shares = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
    order = np.argsort(-shares, kind="stable")
    return Leadership(tuple(methods[i] for i in order), tuple(float(shares[i]) for i in order), n)
