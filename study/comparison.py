"""Comparisons with two intervals: what holds on these problems, and what on problems like these.

Runs of one problem are alike, so how sure a difference is depends on what would be drawn anew. Other
replicates of the same problems move it little; other problems may move it much, and with few problems nothing
can be said of them. Whoever reads a comparison sees both.

Every comparison draws with a seed of its own, taken from what it compares, so that no two share their luck;
and often enough that another seed would not change what it says.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from overshoot.study.statistics import LEVEL, Interval, interquartile_mean, mean, middle

DRAWS = 20_000
"""The standard error of a tail of 2.5 % is 0.1 %."""

CHUNK = 2_000_000
"""Numbers that are drawn at once."""

FEW = 5
"""Under so many problems there is no interval over problems, no test and no verdict: the range is shown."""

Statistic = Callable[[np.ndarray], np.ndarray]
"""Of `(..., n)` over the last axis: the mean, the interquartile mean or the median of study.statistics."""


@dataclass(frozen=True)
class Range(Interval):
    """The lowest and the highest of too few values for an interval. It excludes nothing."""

    def excludes(self, reference: float) -> bool:
        return False


@dataclass(frozen=True)
class Comparison:
    """A number and two intervals of it: replicates drawn anew, on these problems; problems drawn anew, on
    problems like these (of fewer than FEW problems their Range)."""

    value: float
    replicates: Interval
    problems: Interval

    @property
    def few(self) -> bool:
        """Whether there are too few problems for an interval over them."""
        return isinstance(self.problems, Range)

    def clear(self, reference: float) -> bool:
        """Whether it is on one side of `reference`, on problems like these and on these."""
        return self.problems.excludes(reference) and self.replicates.excludes(reference)


def clustered(
    values: np.ndarray,
    clusters: Iterable[object],
    statistic: Statistic = interquartile_mean,
    *,
    seed: int | None = None,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Interval:
    """A statistic of `values: (n,)`, which belong to the `clusters: (n,)` named, and its interval over them.

    What is measured once in each cell is alike in the cells of one problem, so problems are drawn, not cells
    (Field & Welsh 2007): the interval, a percentile bootstrap, is about problems like these. Of fewer than
    FEW clusters the Range of the statistic over them; of a single one that of its values. ValueError for
    NaN.
    """
    values = _numbers(values)
    _, member = np.unique([str(name) for name in clusters], return_inverse=True)
    count = int(member.max()) + 1
    value = float(statistic(values))
    if count < FEW:
        parts = [float(statistic(values[member == i])) for i in range(count)]
        seen = parts if count > 1 else values
        return Range(value, float(min(value, *seen)), float(max(value, *seen)))
    rng = np.random.default_rng(_own(values, member) if seed is None else seed)
    times = rng.multinomial(count, np.full(count, 1 / count), size=draws)
    if statistic is mean and np.isfinite(values).all():
        sums, sizes = np.bincount(member, values), np.bincount(member)
        return _ends(value, times @ sums / (times @ sizes), level)
    order, ends = np.argsort(values, kind="stable"), np.cumsum([0, *_chunks(draws, len(values))])
    drawn = [
        _trimmed(values[order], times[a:b][:, member[order]], statistic) for a, b in pairwise(ends.tolist())
    ]
    return _ends(value, np.concatenate(drawn), level)


def over_replicates(
    ways: np.ndarray,
    clusters: Iterable[object],
    statistic: Statistic = interquartile_mean,
    *,
    value: float,
    seed: int | None = None,
    draws: int = DRAWS,
    level: float = LEVEL,
) -> Interval:
    """The interval of a statistic over `ways: (n, m)`: what each of n cells would have been with each of m
    equally likely draws of its replicates. Cells of one of the `clusters: (n,)` share their replicates, and
    so the draw. `value` is the statistic with every replicate as it was."""
    ways = _numbers(ways)
    _, member = np.unique([str(name) for name in clusters], return_inverse=True)
    rng = np.random.default_rng(_own(ways, member) if seed is None else seed)
    cells = np.arange(len(ways))
    drawn = [
        statistic(ways[cells, rng.integers(ways.shape[1], size=(n, member.max() + 1))[:, member]])
        for n in _chunks(draws, len(ways))
    ]
    return _ends(value, np.concatenate(drawn), level)


def compare(
    scores: np.ndarray,
    problems: Iterable[object],
    statistic: Statistic = interquartile_mean,
    *,
    seed: int | None = None,
) -> Comparison:
    """The statistic over all of `scores: (cells, n)`, n replicates of each cell, of the `problems: (cells,)`
    named, with both intervals: replicates drawn, the same ones in all cells of a problem, which share their
    starts and their order of the data, and problems drawn whole."""
    scores, names = _numbers(scores), [str(name) for name in problems]
    _, member = np.unique(names, return_inverse=True)
    value = float(statistic(scores.ravel()))
    rng = np.random.default_rng(_own(scores, np.arange(len(scores))) if seed is None else seed)
    n = scores.shape[1]
    drawn = [
        statistic(
            np.take_along_axis(
                scores[None], rng.integers(n, size=(count, member.max() + 1, n))[:, member], axis=-1
            ).reshape(count, -1)
        )
        for count in _chunks(DRAWS, scores.size)
    ]
    here = _ends(value, np.concatenate(drawn), LEVEL)
    return Comparison(value, here, clustered(scores.ravel(), np.repeat(names, n), statistic, seed=seed))


def _own(values: np.ndarray, member: np.ndarray) -> int:
    """A seed of what is compared: of the values' order, which rounding leaves alone, and their places."""
    order = np.argsort(np.asarray(values).ravel(), kind="stable").astype(np.int64)
    return zlib.crc32(order.tobytes() + member.astype(np.int64).tobytes())


def _chunks(draws: int, size: int) -> list[int]:
    """How many draws at a time, of `size` numbers each."""
    at_once = max(1, min(draws, CHUNK // max(size, 1)))
    return [min(at_once, draws - done) for done in range(0, draws, at_once)]


def _trimmed(ordered: np.ndarray, weights: np.ndarray, statistic: Statistic) -> np.ndarray:
    """The statistic (B,) of `ordered: (n,)`, ascending, in which each value counts `weights: (B, n)` times.

    Each of the statistics is a mean without as many values at one end as at the other.
    """
    reach = weights.cumsum(axis=1)
    total = reach[:, -1:]
    out = {interquartile_mean: total // 4, middle: (total - 1) // 2, mean: 0 * total}[statistic]
    kept = np.clip(reach, out, total - out) - np.clip(reach - weights, out, total - out)
    with np.errstate(invalid="ignore"):
        sums = np.where(kept > 0, kept * ordered, 0).sum(axis=1)
    means = sums / (total - 2 * out)[:, 0]
    if statistic is middle:  # between a number and infinity there is nothing
        lower = ordered[np.argmax(kept > 0, axis=1)]
        means = np.where(np.isfinite(means), means, lower)
    return np.asarray(means)


def _ends(value: float, drawn: np.ndarray, level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return Interval(value, float(min(low, value)), float(max(high, value)))


def _numbers(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if not values.size or np.isnan(values).any():
        raise ValueError("scores must be numbers, at least one")
    return values
