"""The learning rate at which half of the runs diverge, from runs that diverged and runs that did not.

Around a stability limit the outcome of a run is a matter of chance: of its start, of its batches, and, where
the dynamics are chaotic, of the rate itself, so that a higher rate may survive where a lower one does not. A
limit is therefore the middle of a curve, the share of runs that diverge against the rate, and not the lowest
rate that was seen to diverge, which falls with every further run. This is the median effective dose of
bioassay (Finney 1952); the curve is fitted without a model of its shape, as the non-decreasing one that is
nearest to the shares (Ayer et al. 1955).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot.study.draws import Ways, ends, every_way, generator, times_drawn

EVERY = 6
"""Of up to so many replicates every way to draw them is gone through: of six there are 462."""

DRAWS = 2000
"""Of more, each cell's its own."""

LEVEL = 0.95


@dataclass(frozen=True)
class Threshold:
    """rate: at which half of the runs diverge; low, high: its 95 % interval, never narrower than the two
    rates between which the fitted share crosses one half.

    zone_low, zone_high: the lowest rate at which a run diverged and the highest at which one survived. Where
    zone_low is below zone_high both happened between them; otherwise the change is sharp.
    """

    rate: float
    low: float
    high: float
    zone_low: float
    zone_high: float

    @property
    def zone_decades(self) -> float:
        """Width of the zone in which runs both diverge and survive; 0 where the change is sharp."""
        return float(max(0.0, np.log10(self.zone_high / self.zone_low)))


HALF = 0.5 - 1e-12
"""From here on a fitted share counts as a half: a mean of shares is one up to rounding."""


def threshold(rates: np.ndarray, diverged: np.ndarray) -> Threshold | None:
    """The threshold of `diverged: (K, G)`, whether each of K replicates diverged at each of `rates: (G,)`,
    ascending.

    None where the fitted share does not cross one half between two of the rates. The interval is a percentile
    bootstrap over replicates, whole: their starts and batches are what another study would draw anew.
    """
    crossing = _crossings(rates, diverged.mean(axis=0)[None])[0]
    if not np.isfinite(crossing[0]) or crossing[0] <= 0:
        return None
    ways = _ways(diverged)
    low, high = ends(redrawn(rates, diverged, ways.times), LEVEL, ways.chances)
    bad, good = rates[diverged.any(axis=0)], rates[~diverged.all(axis=0)]
    rate, below, above = crossing
    return Threshold(
        float(rate),
        float(min(low, below)),
        float(max(high, above)),
        float(bad.min()),
        float(good.max()),
    )


def redrawn(rates: np.ndarray, diverged: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(B,) where half of the runs diverge when each of the K replicates counts `times: (B, K)`. One that
    crosses nowhere says "at or beyond" the first rate or the last."""
    return np.clip(_crossings(rates, times / len(diverged) @ diverged)[:, 0], rates[0], rates[-1])


def _ways(diverged: np.ndarray) -> Ways:
    replicates = len(diverged)
    if replicates <= EVERY:
        return every_way(replicates)
    return Ways(times_drawn(generator(diverged), replicates, DRAWS), np.full(DRAWS, 1 / DRAWS))


def monotone(shares: np.ndarray) -> np.ndarray:
    """The non-decreasing curves nearest to `shares: (B, G)` in squares, equally weighted; (B, G).

    By the max-min formula: at i the largest, over starts j <= i, of the least mean from j to any k >= i.
    """
    B, G = shares.shape
    sums = np.concatenate([np.zeros((B, 1)), np.cumsum(shares, axis=1)], axis=1)
    j, k = np.arange(G)[:, None], np.arange(G)[None]
    means = np.where(
        k >= j, (sums[:, 1:][:, None, :] - sums[:, :-1][:, :, None]) / np.maximum(k - j + 1, 1), np.inf
    )
    least = np.minimum.accumulate(means[:, :, ::-1], axis=2)[:, :, ::-1]  # [b, j, i]: over k >= i
    reach = np.where(j <= k, least, -np.inf)
    return np.round(np.max(reach, axis=1), 12)  # a mean of halves is a half, not 1e-16 less


def _crossings(rates: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """(B, 3): where the fitted share crosses one half, and the two rates it lies between.

    0 where even the lowest rate's share is a half or more, inf where no rate's is. Between two rates the
    share is linear in the logarithm of the rate, and the middle of a flat half is taken.
    """
    fit = monotone(shares)
    crossings = np.empty((len(fit), 3))
    for row, curve in zip(crossings, fit, strict=True):
        above = np.flatnonzero(curve >= HALF)
        if not len(above):
            row[:] = np.inf
        elif above[0] == 0:
            row[:] = 0.0
        else:
            row[:] = _between(rates, curve, int(above[0]))
    return crossings


def _between(rates: np.ndarray, curve: np.ndarray, i: int) -> tuple[float, float, float]:
    half = np.flatnonzero(np.abs(curve - 0.5) <= 0.5 - HALF)
    if len(half) > 1:
        return float(np.sqrt(rates[half[0]] * rates[half[-1]])), float(rates[i - 1]), float(rates[half[-1]])
    below, above = curve[i - 1], curve[i]
    share = 0.5 if (below == 0 and above == 1) else (0.5 - below) / (above - below)
    logs = np.log(rates)
    return float(np.exp(logs[i - 1] + share * (logs[i] - logs[i - 1]))), float(rates[i - 1]), float(rates[i])
