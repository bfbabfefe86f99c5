"""Which of the rates that were tried is the best: one rule for the sweep and for the search.

A rate must last: more than half of its runs did, and none of these exploded on its way. Rates at which more
than half converged go before those that only lasted. The score is the median over the replicates, and scores
that are as good as equal are a plateau, of which the midpoint is taken: an end of it lies next to rates that
fail, and which of equal scores is the lowest is a matter of luck.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

EXCURSION = 10.0
"""A run whose gap was ever this many times that at its start has exploded on its way, wherever it ended."""
RESOLUTION = 1e-6
"""Gaps, and losses over their start, below this are equal: float32 does not resolve them."""
LEVEL = 1e-3
"""Decades within which two scores are equal."""


def plateau(
    rates: np.ndarray, able: np.ndarray, converged: np.ndarray, scores: Sequence[np.ndarray]
) -> range:
    """The places of the best of `rates: (G,)`, ascending; none where no rate is `able: (G,)`.

    converged: (G,). scores: each (G,), as decimal logarithms; a later one distinguishes those that an earlier
    one finds equal. Of several runs of neighbouring rates the one over the most decades, and of those the
    lowest.
    """
    first = able & converged if (able & converged).any() else able
    if not first.any():
        return range(0)
    level = first
    for score in scores:
        level = level & (score <= score[level].min() + LEVEL)
    steps = np.flatnonzero(np.diff(np.concatenate([[False], level, [False]]).astype(int)))
    runs = [range(int(start), int(stop)) for start, stop in zip(steps[::2], steps[1::2], strict=True)]
    return max(runs, key=lambda run: float(np.round(np.log(rates[run[-1]] / rates[run[0]]), 9)))


def midpoint(rates: np.ndarray, places: range) -> int:
    """The place nearest to the midpoint of these, on a logarithmic scale; of two as near the lower one."""
    logs = np.log(rates[list(places)])
    away = np.round(np.abs(logs - (logs[0] + logs[-1]) / 2), 9)
    return places[int(np.argmin(away))]
