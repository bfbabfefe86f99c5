"""What speed, tuning effort and units should say: their numbers, recomputed."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd

from tests.audit.figures import End, Numbers, ends_of, medians, tuned
from tests.audit.recompute import CELL, Audit


def speed(found: Audit) -> Numbers:
    """Areas under the performance profiles of examples to a gap of 0.1, and the runs that reach it."""
    at = tuned(found, "tuned_rate_speed")
    optimizers = list(found.cells["optimizer"].unique())
    strata = list(dict.fromkeys((p, b) for p, _, b in at))
    times = np.array([[at[p, o, b]["examples"].to_numpy() for o in optimizers] for p, b in strata])
    best = times.min(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(times == best, 1.0, times / best)
    ratio[np.isinf(times)] = np.inf
    area = 1 - np.log(np.minimum(ratio, 10.0)) / np.log(10.0)
    points = [0.1, 1, *area.mean(axis=(0, 2))]
    for o in range(len(optimizers)):
        points += [float(np.isfinite(times[:, o]).sum()), times[:, o].size]
    return points, []


def effort(found: Audit) -> Numbers:
    """Trials of the search until no more than a tenth of its gain is missing, by optimizer, and ratios."""
    near = {}
    for key, runs in found.runs[found.runs["phase"] == "search"].groupby(CELL, sort=False):
        rates = runs.sort_values("trial").groupby("rate", sort=False)
        losses = rates["loss"].median().fillna(np.inf).to_numpy()
        startup = int((rates["role"].first() == "startup").sum())
        start = float(runs.sort_values("trial")["start"].iloc[0])
        near[key] = _trials_needed(np.minimum(losses, start), start, startup)
    table = pd.Series(near).rename_axis(CELL).unstack("optimizer")
    points: list[float] = [10, len(table), int(np.isinf(table.to_numpy()).sum())]
    for column in table:
        points += medians(table[column])
    for i, j in product(table.columns, repeat=2):
        points += medians((table[i] / table[j]).fillna(1.0))
    return points, []


def _trials_needed(kept: np.ndarray, start: float, startup: int) -> float:
    gain = start - kept.min()
    if gain <= 0:
        return float("inf")
    near = np.flatnonzero((kept - kept.min()) / gain <= 0.1)
    early = int((near < startup).sum())
    return (startup + 1) / (early + 1) if early else float(near[0] + 1)


def counted(found: Audit) -> Numbers:
    """What the smallest batch needs of the largest one's examples, updates and milliseconds to the target."""
    order = found.cells.groupby("batch")["updates_per_trial"].median().sort_values().index
    small, large = order[-1], order[0]
    cost = _costs(found)
    runs = {
        key: at.assign(ms=at["hit_updates"] * cost[key])
        for key, at in tuned(found, "tuned_rate_speed").items()
    }
    pairs = [(p, o) for p, o, b in runs if b == small]
    rng, problems = np.random.default_rng(95), list(dict.fromkeys(p for p, _ in pairs))
    points: list[float] = [0.1, float(len(pairs))]
    ends: list[End] = []
    for unit in ("examples", "hit_updates", "ms"):
        times = {key: at[unit].to_numpy() for key, at in runs.items()}
        ratio = [_over(_middle(times[p, o, small]), _middle(times[p, o, large])) for p, o in pairs]
        points += medians(pd.Series(ratio, pd.MultiIndex.from_tuples(pairs, names=CELL[:2])))
        n = len(next(iter(times.values())))
        pick = {p: rng.integers(n, size=(10_000, n)) for p in problems}
        each = [
            _over(*(_middle(times[p, o, b][pick[p]]) for b in (small, large)))  # of a pair, for each draw
            for p, o in pairs
        ]
        ends += ends_of(_middle(np.transpose(each)))
    return points, ends


def _middle(values: np.ndarray) -> np.ndarray:
    """The median over the last axis; of two in the middle the lower one where the other is infinite."""
    ordered, n = np.sort(values, axis=-1), np.shape(values)[-1]
    low, high = ordered[..., (n - 1) // 2], ordered[..., n // 2]
    return np.where(np.isinf(high), low, (low + high) / 2)


def _over(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.where(np.isinf(a) & np.isinf(b), 1.0, a / b)


def _costs(found: Audit) -> dict[tuple[str, str, str], float]:
    """Milliseconds of an update: of the cell's sweep, over the updates that its trials made."""
    updates = found.swept.groupby(CELL)["updates"].sum()
    seconds = found.cells.set_index(CELL)["seconds_sweep"]
    return {tuple(key): float(1000 * seconds[key] / updates[key]) for key in updates.index}
