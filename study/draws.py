"""Draws with replacement: the one place where a comparison has luck, and what keeps its verdict from it.

What a comparison draws comes from a seed of its own, taken from what it compares, so that no two share their
luck. Of a few things every way to draw them is gone through, and there is no luck. Of more, a verdict is
drawn for until it is settled: a share of draws that decides it must lie further from its border than its own
standard error allows for.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement
from math import factorial, prod

import numpy as np

LUCK = 0
"""Another number gives every comparison other draws: what it changes is what the draws decide."""

DRAWS = 10_000
"""At first. The standard error of a tail of 2.5 % is then 0.16 %."""

MOST = 1_000_000
"""Draws after which what is not settled counts as being at its border."""

EVERY = 8
"""Of up to so many things every way to draw them is gone through: of eight there are 6,435."""

SURE = 4.0
"""Standard errors by which what decides a verdict must be clear of its border."""

Drawing = Callable[[int], np.ndarray]
"""Makes so many further draws of a statistic (draws,)."""


def generator(*values: np.ndarray) -> np.random.Generator:
    """The draws of one comparison: of the order of its values, which rounding leaves alone."""
    orders = [np.argsort(np.asarray(v).ravel(), kind="stable").astype(np.int64).tobytes() for v in values]
    return np.random.default_rng([LUCK, zlib.crc32(b"".join(orders))])


@dataclass(frozen=True)
class Ways:
    """times: (B, n) how often each of n things is drawn; chances: (B,) of each way, which sum to 1."""

    times: np.ndarray
    chances: np.ndarray


@lru_cache(maxsize=16)
def every_way(n: int) -> Ways:
    """All ways to draw n of n things with replacement, regardless of their order."""
    picks = np.array(list(combinations_with_replacement(range(n), n)))
    times = (picks[:, :, None] == np.arange(n)).sum(axis=1)
    orders = [factorial(n) / np.prod([float(factorial(k)) for k in row]) for row in times.tolist()]
    return Ways(times, np.array(orders) / n**n)


def times_drawn(rng: np.random.Generator, n: int, draws: int | tuple[int, ...]) -> np.ndarray:
    """(draws, n), or (*draws, n), how often each of n things is drawn when n are drawn with replacement."""
    shape = (draws,) if isinstance(draws, int) else draws
    count = prod(shape)
    picks = rng.integers(n, size=(count, n))  # and counted: four times as fast as multinomial draws
    picks += n * np.arange(count)[:, None]
    return np.bincount(picks.ravel(), minlength=count * n).reshape(*shape, n)


def ends(drawn: np.ndarray, level: float, chances: np.ndarray | None = None) -> tuple[float, float]:
    """The percentiles between which a share `level` of the draws (B,) lies, each with its chance if given."""
    tails = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(drawn, tails, method="inverted_cdf", weights=chances)
    return float(low), float(high)


def settled_ends(draw: Drawing, level: float, border: float | None) -> tuple[float, float]:
    """The `ends` of as many draws as it takes to say on which side of a border they lie, if there is one; an
    end of which MOST draws do not say it is at the border."""
    drawn = draw(DRAWS)
    while border is not None and _open(drawn, level, border) and len(drawn) < MOST:
        drawn = np.concatenate([drawn, draw(min(9 * len(drawn), MOST - len(drawn)))])
    low, high = ends(drawn, level)
    if border is not None and _open(drawn, level, border):
        return min(low, border), max(high, border)
    return low, high


def settled_share(leads: Callable[[int], np.ndarray], border: float) -> tuple[np.ndarray, bool]:
    """Shares (k,) of as many draws as it takes to say whether the largest of them reaches a border, and
    whether it does; what MOST draws do not say is not reached. leads: sums (k,) over so many draws."""
    done, total = DRAWS, leads(DRAWS)
    while abs((share := total.max() / done) - border) < _error(border, done) and done < MOST:
        more = min(9 * done, MOST - done)
        done, total = done + more, total + leads(more)
    return total / done, bool(share >= border + (_error(border, done) if done >= MOST else 0))


def chunks(draws: int, size: int, most: int = 2_000_000) -> Iterator[int]:
    """How many draws at a time, of `size` numbers each, so that there are no more than `most` at once."""
    at_once = max(1, min(draws, most // max(size, 1)))
    return (min(at_once, draws - done) for done in range(0, draws, at_once))


def _open(drawn: np.ndarray, level: float, border: float) -> bool:
    """Whether other draws might put an end on the other side of the border."""
    tail, error = (1 - level) / 2, _error((1 - level) / 2, len(drawn))
    sides = np.array([max(tail - error, 0), tail + error])
    lows = np.quantile(drawn, sides, method="inverted_cdf") > border
    highs = np.quantile(drawn, 1 - sides, method="inverted_cdf") < border
    return bool(lows[0] != lows[1] or highs[0] != highs[1])


def _error(share: float, draws: int) -> float:
    return float(SURE * np.sqrt(share * (1 - share) / draws))
