"""Who comes first on problems like these: leadership when the problems are resampled.

Few problems stand for many. Which optimizer has the best mean rank over them may hang on which ones they
are, so the problems are resampled and the first place is taken each time. A leader is named only where one
holds it nearly always; otherwise those that share it are, and nobody is said to lead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from overshoot.study.comparison import few
from overshoot.study.draws import EVERY, chunks, every_way, generator, settled_share, times_drawn

CLEAR = 0.9
"""Share of resamplings in which a leader must lead to be named, and in which those that tie must do so."""


@dataclass(frozen=True)
class Leadership:
    """methods: by share, the largest first; shares: of the resamplings of the `problems` that each leads, a
    shared first place counted in parts. clear: whether the first of them leads in at least CLEAR of them, of
    few problems in all, which it does where it is first on each."""

    methods: tuple[str, ...]
    shares: tuple[float, ...]
    problems: int
    clear: bool

    @property
    def few(self) -> bool:
        """Whether there are too few problems to say who leads on others."""
        return few(self.problems)

    @property
    def leader(self) -> str | None:
        """The one that leads in at least CLEAR of the resamplings; None where the first place is shared, and
        where there are few problems."""
        return self.methods[0] if self.clear and not self.few else None

    @property
    def group(self) -> tuple[str, ...]:
        """The fewest that hold the first place in at least CLEAR of the resamplings between them."""
        held = np.cumsum(self.shares)
        return self.methods[: int(np.searchsorted(held, CLEAR - 1e-9)) + 1]

    def confirmed(self, first: str, clear: bool) -> Leadership:
        """The same, with a leader only where it is `first` and its comparison with another is `clear` too."""
        return replace(self, clear=self.clear and clear and self.methods[0] == first)


def leadership(scores: np.ndarray, methods: Sequence[str]) -> Leadership:
    """Of `scores: (problems, k)`, lower is better, such as ranks: how often each of k methods has the lowest
    mean when problems are drawn with replacement. Infinite scores are allowed; ValueError for NaN."""
    scores = np.asarray(scores, dtype=float)
    if scores.ndim != 2 or scores.shape[1] != len(methods) or not scores.size or np.isnan(scores).any():
        raise ValueError(f"scores must be numbers, (problems, {len(methods)}), got {scores.shape}")
    n = len(scores)
    if n <= EVERY:
        ways = every_way(n)
        shares = np.round(ways.chances @ _firsts(ways.times, scores), 12)  # a sum of all chances is 1
        clear = bool(shares.max() >= (1 if few(n) else CLEAR) - 1e-9)
    else:
        rng = generator(scores)

        def led(draws: int) -> np.ndarray:
            parts = (times_drawn(rng, n, count) for count in chunks(draws, scores.size))
            return np.asarray(sum(_firsts(times, scores).sum(axis=0) for times in parts))

        shares, clear = settled_share(led, CLEAR)
    order = np.argsort(-shares, kind="stable")
    return Leadership(tuple(methods[i] for i in order), tuple(float(shares[i]) for i in order), n, clear)


def _firsts(times: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """(B, k) each method's part of the first place when problems count `times: (B, problems)`."""
    if np.isfinite(scores).all():
        sums = times @ scores
    else:  # a problem that is not drawn counts for nought, even with infinity
        with np.errstate(invalid="ignore"):
            sums = np.where(times[:, :, None] > 0, times[:, :, None] * scores[None], 0).sum(axis=1)
    least = sums.min(axis=1, keepdims=True)
    first = np.isclose(sums, least) | (sums == least)
    return np.asarray(first / first.sum(axis=1, keepdims=True))
