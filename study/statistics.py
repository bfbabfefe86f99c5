"""Statistics on replicates and problems, following Agarwal et al. (2021) and Demšar (2006).

A score may be infinite: a diverged run is as bad as can be, and tied with every other diverged run.
So the ends of an interval are taken from the values themselves, since between a number and infinity nothing
can be interpolated, and comparisons count ties as half. NaN has no place here and raises ValueError.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from overshoot.study.draws import chunks, generator, settled_ends, times_drawn
from overshoot.study.late import Late

if TYPE_CHECKING:
    from scipy import optimize, special, stats
else:
    optimize, special, stats = Late("scipy.optimize"), Late("scipy.special"), Late("scipy.stats")

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A point estimate and the ends of its interval, low <= high."""

    value: float
    low: float
    high: float

    def excludes(self, reference: float) -> bool:
        """Whether the whole interval lies on one side of `reference`."""
        return bool(self.low > reference or self.high < reference)


def interquartile_mean(scores: np.ndarray) -> np.ndarray:
    """Mean of the middle half of `scores: (..., n)` over the last axis; (...).

    A quarter of the values, rounded down, is left out at each end: nothing under four of them.
    """
    ordered = np.sort(_checked(scores), axis=-1)
    cut = ordered.shape[-1] // 4
    return np.asarray(ordered[..., cut : ordered.shape[-1] - cut].mean(axis=-1))


def bootstrap(
    scores: np.ndarray,
    statistic: Callable[[np.ndarray], np.ndarray] = interquartile_mean,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """Percentile bootstrap over the last axis of `scores: (n,)` or `(strata, n)`.

    `statistic` maps (..., n) to (...). Each stratum (a problem, say) is resampled within itself, and the
    statistic is taken over the values of all strata together. Percentile, not BCa, which is undefined
    when all scores are equal. The draws are the comparison's own (study.draws).
    """
    strata = np.atleast_2d(_checked(scores))
    picks = generator(strata).integers(strata.shape[-1], size=(resamples, *strata.shape))
    drawn = np.take_along_axis(strata[None], picks, axis=-1).reshape(resamples, -1)
    return _percentiles(float(statistic(strata.ravel())), statistic(drawn), level)


def improvement(
    a: np.ndarray, b: np.ndarray, level: float = LEVEL, independent: float | None = None
) -> Interval:
    """Probability that A beats B (lower scores are better), for `a: (strata, n)` and `b: (strata, m)`.

    The mean over the strata (problems) of U / (n m), U the Mann-Whitney statistic: the share of all
    pairs of one run of each in which A's score is lower, ties counted as half. A and B count as drawn
    apart, so a difference that is small beside the spread over replicates counts for little even
    where common random numbers would show it to be always there.

    The interval is Newcombe's (2006, method 5) score interval: no draws, so no verdict hangs on a seed, and
    it has a width even where A always wins. Over several strata it takes all of them to have the mean's
    probability, which makes it a little wider than it need be where they differ. independent: as how many
    strata they count, as all unless less is said (`independent_strata`).
    """
    a, b = np.atleast_2d(_checked(a)), np.atleast_2d(_checked(b))
    wins = (a[:, :, None] < b[:, None, :]) + 0.5 * (a[:, :, None] == b[:, None, :])
    value, (strata, n, m) = float(wins.mean()), wins.shape
    z, count = float(special.ndtri((1 + level) / 2)), strata if independent is None else independent

    def off(chance: float) -> float:
        """How far the value lies from a chance, beyond z of the standard errors that it then has."""
        spread = 1 + ((n + m) / 2 - 1) * ((1 - chance) / (2 - chance) + chance / (1 + chance))
        return abs(value - chance) - z * float(np.sqrt(chance * (1 - chance) * spread / (n * m * count)))

    tiny = 1e-12  # at 0 and at 1 themselves there is no error, and so a root that means nothing
    low = optimize.brentq(off, 0, min(value, 1 - tiny)) if value > 0 else 0.0
    high = optimize.brentq(off, max(value, tiny), 1) if value < 1 else 1.0
    return Interval(value, float(low), float(high))


def independent_strata(a: np.ndarray, b: np.ndarray, groups: np.ndarray) -> float:
    """As how many independent strata those of `a: (strata, n)` and `b: (strata, n)` count, in a mean over
    them of the probability that A beats B, when strata of one of the `groups: (strata,)` share their
    replicates: the same starts, the same order of the data.

    A replicate moves a stratum's probability by its part of the wins and of the losses. Where the strata of a
    group are moved alike, they say the same thing several times: the ratio of the variances that the mean
    would have with replicates drawn for each stratum and for each group (Kish's effective size, 1965).
    Between the number of groups and that of strata.
    """
    a, b = _checked(a), _checked(b)
    wins = (a[:, :, None] < b[:, None, :]) + 0.5 * (a[:, :, None] == b[:, None, :])
    parts = wins.sum(axis=2) + wins.sum(axis=1)
    parts = parts - parts.mean(axis=1, keepdims=True)
    apart = float((parts**2).sum())
    together = sum(float((parts[groups == group].sum(axis=0) ** 2).sum()) for group in np.unique(groups))
    fewest, most = len(np.unique(groups)), len(a)
    return float(np.clip(most * apart / together, fewest, most)) if together > 0 < apart else float(fewest)


def time_ratios(times: np.ndarray) -> np.ndarray:
    """Performance ratios (..., k) of `times: (..., k)` >= 0, inf where the target is never reached: each of
    k methods' time over the shortest, following Dolan & Moré (2002). Where no method reaches it, all are inf.
    """
    times = _checked(times)
    best = times.min(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(times == best, 1.0, times / best)
    return np.where(np.isinf(times), np.inf, ratios)


def profile(ratios: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Whether each of `ratios: (...)` is within each of `factors: (m,)`, as 0 or 1: (..., m). Its mean over
    the runs is the performance profile, the share of runs that take at most a factor longer than the best."""
    return (_checked(ratios)[..., None] <= factors).astype(float)


def profile_area(ratios: np.ndarray, reach: float) -> np.ndarray:
    """What each of `ratios: (...)` >= 1 adds to the area under the performance profile: (...).

    The area lies between the factors 1 and `reach` on a logarithmic scale, as a share of all there is: 1 for
    a method that is always the fastest, 0 for one that never comes within `reach` of it.
    """
    return np.asarray(1 - np.log(np.minimum(_checked(ratios), reach)) / np.log(reach))


def band(values: np.ndarray, *, resamples: int = RESAMPLES, level: float = LEVEL) -> np.ndarray:
    """Mean over all runs of `values: (strata, n, m)` and its pointwise bootstrap band: (3, m), the mean, the
    lower and the upper end. Runs are resampled within each stratum, whole: (m,) values at a time."""
    values = _checked(values)
    strata, n, _ = values.shape
    times = times_drawn(generator(values), n, (resamples, strata)).reshape(resamples, -1)
    drawn = times @ values.reshape(strata * n, -1) / (strata * n)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0, method="inverted_cdf")
    return np.stack([values.mean(axis=(0, 1)), low, high])


def mean(scores: np.ndarray) -> np.ndarray:
    """Mean of `scores: (..., n)` over the last axis; (...)."""
    return np.asarray(_checked(scores).mean(axis=-1))


def difference(a: np.ndarray, b: np.ndarray, paired: bool, *, level: float = LEVEL) -> Interval:
    """How much higher the scores `b: (m,)` are than `a: (n,)`: interquartile means, percentile bootstrap.

    paired: b[i] - a[i] belong together (n = m), and are resampled so; otherwise a and b apart. Two that
    diverged are as bad as each other: their difference is 0. It is drawn for until another seed would not
    change whether 0 is excluded.
    """
    a, b = _checked(a), _checked(b)
    gaps, rng = _less(b, a) if paired else np.empty(0), generator(a, b)

    def draw(count: int) -> np.ndarray:
        if paired:
            return _settled_mean(gaps[rng.integers(len(gaps), size=(count, len(gaps)))])
        ours, theirs = (interquartile_mean(x[rng.integers(len(x), size=(count, len(x)))]) for x in (a, b))
        return _less(theirs, ours)

    value = float(_settled_mean(gaps) if paired else _less(interquartile_mean(b), interquartile_mean(a)))
    parts = settled_ends(
        lambda draws: np.concatenate([draw(count) for count in chunks(draws, len(a) + len(b))]), level, 0.0
    )
    return Interval(value, min(parts[0], value), max(parts[1], value))


def unequal(a: np.ndarray, b: np.ndarray, paired: bool) -> float:
    """p of the hypothesis that scores `a: (n,)` and `b: (m,)` do not differ.

    Student's t of the differences where they are paired and all numbers: a rank test of ten pairs never
    goes below 0.002, and so could not find anything among a hundred cells. Otherwise Mann and Whitney's U,
    in which all diverged runs are tied.
    """
    a, b = _checked(a), _checked(b)
    if not paired or not np.isfinite([*a, *b]).all():
        every = np.concatenate([a, b])
        return 1.0 if np.all(every == every[0]) else float(stats.mannwhitneyu(a, b).pvalue)
    gaps = b - a
    mean, spread = abs(gaps.mean()), gaps.std(ddof=1) / np.sqrt(len(gaps)) if len(gaps) > 1 else np.inf
    if mean <= 1e-12 * max(1.0, float(np.abs([a, b]).max())):
        return 1.0
    return float(2 * stats.t.sf(mean / spread, len(gaps) - 1)) if spread else 0.0


def _less(b: np.ndarray, a: np.ndarray) -> np.ndarray:
    """b - a, where infinity less infinity is nothing."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(b) & (a == b), 0.0, b - a)


def _settled_mean(gaps: np.ndarray) -> np.ndarray:
    """Interquartile mean over the last axis, 0 where infinities of both signs meet in it."""
    with np.errstate(invalid="ignore"):
        mean = interquartile_mean(gaps)
    return np.where(np.isnan(mean), 0.0, mean)


def mean_ranks(scores: np.ndarray) -> np.ndarray:
    """Mean rank (k,) of each of k methods on `scores: (blocks, k)`; 1 is the lowest score, ties share."""
    return np.asarray(stats.rankdata(_checked(scores), axis=1).mean(axis=0))


def friedman(scores: np.ndarray) -> float:
    """p of Friedman's (1937) test that k methods do not differ, on `scores: (blocks, k)`.

    Blocks are problems, never replicates. 1 where there is nothing to test: under three methods, under
    two blocks, or every block tied throughout.
    """
    ranks = stats.rankdata(_checked(scores), axis=1)
    blocks, k = ranks.shape
    if k < 3 or blocks < 2 or np.all(ranks == ranks[:, :1]):
        return 1.0
    return float(stats.friedmanchisquare(*ranks.T).pvalue)


def holm(p: np.ndarray) -> np.ndarray:
    """Holm's (1979) adjusted p-values (m,) of `p: (m,)`: each controls the chance of any false positive."""
    order = np.argsort(p)
    adjusted = np.maximum.accumulate((len(p) - np.arange(len(p))) * np.asarray(p, dtype=float)[order])
    result = np.empty(len(p))
    result[order] = np.minimum(adjusted, 1)
    return result


def critical_distance(methods: int, blocks: int, level: float = LEVEL) -> float:
    """Nemenyi's distance: mean ranks over `blocks` problems that are closer do not differ clearly."""
    q = stats.studentized_range.ppf(level, methods, np.inf) / np.sqrt(2)
    return float(q * np.sqrt(methods * (methods + 1) / (6 * blocks)))


def expected_best(values: np.ndarray) -> np.ndarray:
    """Expected least of the first k of `values: (n,)` in a random order, for k = 1 to n: (n,).

    The i-th smallest of n is the least of k with the chance that the k - 1 others are among the n - i larger
    ones; compare Dodge et al. (2019), who draw with replacement.
    """
    ordered = np.sort(_checked(values))
    n = len(ordered)
    counts = np.arange(1, n + 1)
    chances = special.comb(n - counts, counts[:, None] - 1) / special.comb(n, counts)[:, None]
    # A chance of nought counts for nought, even of an infinite value.
    return np.multiply(chances, ordered, out=np.zeros((n, n)), where=chances > 0).sum(axis=1)


def problems_needed(methods: int, gap: float, level: float = LEVEL) -> float:
    """How many problems it takes until mean ranks that are `gap` apart are Nemenyi's distance apart; inf for
    equal ranks."""
    return float(critical_distance(methods, 1, level) / gap) ** 2 if gap > 0 else np.inf


def cliques(ranks: np.ndarray, distance: float) -> list[tuple[int, int]]:
    """The bars of Demšar's (2006) diagram: first and last place, in ascending `ranks: (k,)`, of every largest
    group of two or more whose mean ranks are all less than `distance` apart."""
    groups: list[tuple[int, int]] = []
    for first in range(len(ranks)):
        last = int(np.searchsorted(ranks, ranks[first] + distance)) - 1
        if last > first and (not groups or last > groups[-1][1]):
            groups.append((first, last))
    return groups


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Kendall's (1945) tau-b between two rankings (k,): 1 the same order, -1 the opposite one. Where one of
    them has no order at all, 1 if the other has none either, else 0."""
    tau = float(stats.kendalltau(_checked(a), _checked(b)).statistic) if len(a) > 1 else np.nan
    if np.isnan(tau):
        return float(np.ptp(a) == 0 and np.ptp(b) == 0)
    return tau


def middle(values: np.ndarray) -> np.ndarray:
    """Median of `values: (..., n)` over the last axis; (...).

    Of an even number the mean of the two in the middle, and the lower one where the other is infinite.
    """
    ordered = np.sort(_checked(values), axis=-1)
    n = ordered.shape[-1]
    low, high = ordered[..., (n - 1) // 2], ordered[..., n // 2]
    return np.asarray(np.where(np.isfinite(high), (low + high) / 2, low))


def theil_sen(x: np.ndarray, y: np.ndarray, level: float = LEVEL) -> Interval:
    """Median slope of y (n,) over x (n,) between all pairs of points, with Sen's (1968) interval.

    Where so many values are tied that it has none, the interval spans all slopes. ValueError unless at
    least two values of x differ.
    """
    if len(np.unique(_checked(x))) < 2:
        raise ValueError("a slope needs two different values of x")
    with np.errstate(invalid="ignore"):  # the variance of Kendall's tau, below zero for many ties
        fit = stats.theilslopes(_checked(y), x, level)
    if np.isfinite([fit.low_slope, fit.high_slope]).all():
        return Interval(float(fit.slope), float(fit.low_slope), float(fit.high_slope))
    i, j = np.triu_indices(len(x), 1)
    apart = x[i] != x[j]
    slopes = (y[j] - y[i])[apart] / (x[j] - x[i])[apart]
    return Interval(float(fit.slope), float(slopes.min()), float(slopes.max()))


def _percentiles(value: float, drawn: np.ndarray, level: float) -> Interval:
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], method="inverted_cdf")
    return Interval(value, float(low), float(high))


def _checked(scores: np.ndarray) -> np.ndarray:
    scores = np.asarray(scores, dtype=float)
    if scores.shape[-1] == 0 or np.isnan(scores).any():
        raise ValueError("scores must be numbers, at least one")
    return scores


def log_median(rates: np.ndarray) -> float:
    """Median (n,) -> () of learning rates, on a logarithmic scale.

    Where one of the two middle ones is 0 or infinite, and nothing can be interpolated, the lower one.
    """
    ordered = np.sort(_checked(rates))
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float(np.sqrt(low) * np.sqrt(high) if low > 0 and np.isfinite(high) else low)


def log_mean(rates: np.ndarray, level: float = LEVEL) -> Interval:
    """Geometric mean of learning rates (n,), n > 1, with Student's interval on the logarithms."""
    logs = np.log(_checked(rates))
    half = special.stdtrit(len(logs) - 1, (1 + level) / 2) * logs.std(ddof=1) / np.sqrt(len(logs))
    return Interval(*(float(np.exp(logs.mean() + d)) for d in (0, -half, half)))
