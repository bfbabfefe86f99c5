"""What trials of a tenth of the budget at ever larger rates say of the rate from which training fails."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

STEEP = 3.0
"""Log of the loss over its start beyond which it no longer says where the crossing lies."""

PART, TREND = 0.3, 6
"""A trend is that of a climb from this part of it on, at so many of its updates."""

FAR = 12.0
"""Log of the loss over its start of a trial that overflowed, and the most that any has in a trend."""


@dataclass(frozen=True)
class Climb:
    """rates: (G,) ascending. updates: (H,) after which the losses were taken. ratio: (K, G, H) the loss of
    each replicate over its start, NaN where it had overflowed. theta, divisor: (K, P) after the run
    that the curvature is taken after, and what its last update divided by, None where it divides by nothing
    that is known."""

    rates: np.ndarray
    updates: np.ndarray
    ratio: np.ndarray
    theta: np.ndarray
    divisor: np.ndarray | None

    def joined(self, rates: np.ndarray, ratio: np.ndarray) -> Climb:
        """With further rungs, all below the present ones or all above."""
        below = rates[-1] < self.rates[0]
        parts = ((rates, ratio), (self.rates, self.ratio))[:: 1 if below else -1]
        each, ratios = zip(*parts, strict=True)
        return replace(self, rates=np.concatenate(each), ratio=np.concatenate(ratios, axis=1))

    def extended(self, whole: int) -> np.ndarray:
        """(K, G) log of the loss over its start that the trend leads to by `whole` updates, a straight line
        of log loss against log updates; no higher than it is where it is below the start, FAR where the loss
        overflowed."""
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.clip(np.nan_to_num(np.log(self.ratio), nan=FAR), -50, FAR)
        late = self.updates >= PART * self.updates[-1]
        x = np.log(self.updates[late] / whole)
        from_mean = x - x.mean()
        slope = (logs[:, :, late] @ from_mean) / max(from_mean @ from_mean, 1e-12)
        there, now = logs[:, :, late].mean(axis=2) - slope * x.mean(), logs[:, :, -1]
        there = np.where(now < 0, np.minimum(there, now), there)
        return np.where(np.isfinite(self.ratio[:, :, -1]), there, FAR)

    def crossing_by(self, whole: int) -> np.ndarray:
        """(K,) the rate from which the trend leaves the loss above its start after `whole` updates: the one
        with the fewest rungs on its wrong side; infinite above all of them."""
        return np.array([_split(self.rates, row) for row in self.extended(whole)])

    def crossing(self, updates: int) -> np.ndarray:
        """(K,) the rate from which so many updates no longer lower the loss: infinite where the highest
        still does, the lowest rung where even that does not."""
        place = int(np.flatnonzero(self.updates == updates)[0])
        return np.array([_crossing(self.rates, row) for row in self.ratio[:, :, place]])


def _crossing(rates: np.ndarray, ratio: np.ndarray) -> float:
    """Between the last rate in order that lowers the loss and the next, on logarithmic scales."""
    raised = ~(ratio < 1)
    if not raised.any():
        return float("inf")
    i = int(np.argmax(raised))
    if i == 0:
        return float(rates[0])
    below, above = np.log(max(ratio[i - 1], 1e-300)), np.log(ratio[i]) if np.isfinite(ratio[i]) else STEEP
    share = below / (below - min(above, STEEP))
    return float(rates[i - 1] * (rates[i] / rates[i - 1]) ** share)


def _split(rates: np.ndarray, logs: np.ndarray) -> float:
    up = logs >= 0
    wrong = np.concatenate([[0], np.cumsum(up)]) + np.concatenate([np.cumsum(~up[::-1])[::-1], [0]])
    best = np.flatnonzero(wrong == wrong.min())
    i = int(best[len(best) // 2])
    if i == len(rates):
        return float("inf")
    if i == 0:
        return float(rates[0])
    below, above = min(logs[i - 1], -1e-3), min(max(logs[i], 1e-3), STEEP)
    return float(rates[i - 1] * (rates[i] / rates[i - 1]) ** (below / (below - above)))
