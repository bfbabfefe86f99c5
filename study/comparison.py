"""Comparisons with two intervals: what holds on these problems, and what on problems like these.

Runs of one problem are alike, so how sure a difference is depends on what would be drawn anew. Other
replicates of the same problems move it little; other problems may move it much, and with few problems nothing
can be said of them. Whoever reads a comparison sees both.

A comparison that decides something names its border, the value that would mean no difference, and is drawn
for until another seed would not change on which side of it an end lies (study.draws).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from overshoot.study.draws import EVERY, chunks, ends, every_way, generator, settled_ends, times_drawn
from overshoot.study.statistics import LEVEL, Interval, interquartile_mean, mean, middle

FEW = 5
"""Under so many problems there is no interval over problems, no test and no verdict: the range is shown."""

AT_ONCE = 1 << 16
"""Draws of problems that are made together, and numbers that are weighed together: a million draws at once
would take hundreds of megabytes."""

NAMED = 2
"""Up to so many cells are named, with what was seen in each, instead of being counted."""


def few(problems: int) -> bool:
    """Whether so many problems are too few to say anything of others. All that a report says asks here."""
    return problems < FEW


Statistic = Callable[[np.ndarray], np.ndarray]
"""Of `(..., n)` over the last axis: the mean, the interquartile mean or the median of study.statistics."""


@dataclass(frozen=True)
class Range(Interval):
    """The lowest and the highest of too few values for an interval: those of `clusters` problems, or those
    within a single one. It excludes nothing."""

    clusters: int

    def excludes(self, reference: float) -> bool:
        return False

    @property
    def single(self) -> bool:
        """Whether it is of one problem alone, of which the value is all there is to say."""
        return self.clusters == 1


def allowed(interval: Interval, problems: int) -> Interval:
    """What may be shown of an interval over what was seen on so many problems: of few its value alone."""
    if not few(problems):
        return interval
    return Range(interval.value, interval.value, interval.value, 1)


def allowed_band(band: np.ndarray, problems: int) -> np.ndarray:
    """The same of a curve and its band, `(3, m)`: value, lower and upper end."""
    return np.stack([band[0]] * 3) if few(problems) else band


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
    border: float | None = None,
    level: float = LEVEL,
) -> Interval:
    """A statistic of `values: (n,)`, which belong to the `clusters: (n,)` named, and its interval over them.

    What is measured once in each cell is alike in the cells of one problem, so problems are drawn, not cells
    (Field & Welsh 2007): the interval, a percentile bootstrap, is about problems like these. Of fewer than
    FEW clusters the Range of the statistic over them; of a single one that of its values. border: the value
    that the interval is asked to exclude. ValueError for NaN.
    """
    values = _numbers(values)
    member = _members(clusters)
    count = int(member.max()) + 1
    value = float(statistic(values))
    if few(count):
        parts = [float(statistic(values[member == i])) for i in range(count)]
        seen = parts if count > 1 else values
        return Range(value, float(min(value, *seen)), float(max(value, *seen)), count)
    of = _weighted(values, member, statistic)
    if count <= EVERY:
        ways = every_way(count)
        return _holding(value, ends(of(ways.times), level, ways.chances))
    rng = generator(values, member)

    def draw(draws: int) -> np.ndarray:
        return np.concatenate([of(times_drawn(rng, count, n)) for n in chunks(draws, 1, AT_ONCE)])

    return _holding(value, settled_ends(draw, level, border))


def over_replicates(
    ways: np.ndarray,
    clusters: Iterable[object],
    statistic: Statistic = interquartile_mean,
    *,
    value: float,
    border: float | None = None,
    level: float = LEVEL,
) -> Interval:
    """The interval of a statistic over `ways: (n, m)`: what each of n cells would have been with each of m
    equally likely draws of its replicates. Cells of one of the `clusters: (n,)` share their replicates, and
    so the draw. `value` is the statistic with every replicate as it was; `border` as in `clustered`."""
    ways = _numbers(ways)
    member, cells = _members(clusters), np.arange(len(ways))
    rng = generator(ways)

    def draw(count: int) -> np.ndarray:
        picks = rng.integers(ways.shape[1], size=(count, member.max() + 1))[:, member]
        return np.asarray(statistic(ways[cells, picks]))

    return _holding(value, settled_ends(_in_chunks(draw, len(ways)), level, border))


def compare(
    scores: np.ndarray,
    problems: Iterable[object],
    statistic: Statistic = interquartile_mean,
    *,
    border: float | None = None,
) -> Comparison:
    """The statistic over all of `scores: (cells, n)`, n replicates of each cell, of the `problems: (cells,)`
    named, with both intervals: replicates drawn, the same ones in all cells of a problem, which share their
    starts and their order of the data, and problems drawn whole."""
    scores, names = _numbers(scores), [str(name) for name in problems]
    member, n = _members(names), scores.shape[1]
    value = float(statistic(scores.ravel()))
    rng = generator(scores)

    def draw(count: int) -> np.ndarray:
        picks = rng.integers(n, size=(count, member.max() + 1, n))[:, member]
        return np.asarray(statistic(np.take_along_axis(scores[None], picks, axis=-1).reshape(count, -1)))

    here = _holding(value, settled_ends(_in_chunks(draw, scores.size), LEVEL, border))
    beyond = clustered(scores.ravel(), np.repeat(names, n), statistic, border=border)
    return Comparison(value, here, beyond)


def compare_runs(
    values: np.ndarray,
    problems: Iterable[object],
    replicates: Iterable[object],
    statistic: Statistic = mean,
    *,
    border: float | None = None,
) -> Comparison:
    """The statistic over `values: (n,)`, each of a problem and a replicate, any number of them of each, with
    both intervals: the replicates of every problem drawn, with all that is theirs, and problems drawn."""
    values, names = _numbers(values), [str(name) for name in problems]
    pairs = [f"{name}\n{replicate}" for name, replicate in zip(names, replicates, strict=True)]
    member, (_, first) = _members(pairs), np.unique(pairs, return_index=True)
    counts = np.bincount(_members([names[i] for i in first]))  # of each problem, whose pairs lie side by side
    of, rng = _weighted(values, member, statistic), generator(values, member)

    def draw(draws: int) -> np.ndarray:
        return of(np.concatenate([times_drawn(rng, int(count), draws) for count in counts], axis=1))

    value = float(statistic(values))
    here = _holding(value, settled_ends(_in_chunks(draw, int(counts.sum())), LEVEL, border))
    return Comparison(value, here, clustered(values, names, statistic, border=border))


def _members(clusters: Iterable[object]) -> np.ndarray:
    """(n,) the number of each one's cluster."""
    return np.asarray(np.unique([str(name) for name in clusters], return_inverse=True)[1])


def _weighted(values: np.ndarray, member: np.ndarray, statistic: Statistic) -> Statistic:
    """The statistic (B,) of the values when their clusters count `times: (B, clusters)`."""
    if statistic is mean and np.isfinite(values).all():
        sums, sizes = np.bincount(member, values), np.bincount(member)
        return lambda times: np.asarray(times @ sums / (times @ sizes))
    order = np.argsort(values, kind="stable")
    ordered, members = values[order], member[order]

    def of(times: np.ndarray) -> np.ndarray:
        parts, done = [], 0
        for count in chunks(len(times), len(values), AT_ONCE):
            parts.append(_trimmed(ordered, times[done : done + count][:, members], statistic))
            done += count
        return np.concatenate(parts)

    return of


def _in_chunks(draw: Callable[[int], np.ndarray], size: int) -> Callable[[int], np.ndarray]:
    return lambda draws: np.concatenate([draw(count) for count in chunks(draws, size)])


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


def _holding(value: float, between: tuple[float, float]) -> Interval:
    """The interval between two ends, which holds its value."""
    return Interval(value, min(between[0], value), max(between[1], value))


def _numbers(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if not values.size or np.isnan(values).any():
        raise ValueError("scores must be numbers, at least one")
    return values
