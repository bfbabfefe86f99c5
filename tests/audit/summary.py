"""What each finding of the summary should say: its numbers, recomputed. A study of fewer than five problems,
whose intervals over problems are ranges."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise, product

import numpy as np
import pandas as pd
from scipy.stats import kendalltau, rankdata

from tests.audit.costs import counted, effort, speed
from tests.audit.figures import DRAWS, End, Numbers, ends_of, gaps, shares, sweeps, tuned
from tests.audit.noise import noise_floors
from tests.audit.recompute import CELL, Audit
from tests.audit.stability import edge, furthest, limits, momentum, rising, short_run, single_runs
from tests.audit.sweeps import curve, rates_of, usable


def mean_ranks(scores: dict[tuple[str, str, str], np.ndarray]) -> dict[str, float]:
    """Ranks of the medians, averaged over batches, ranked again, averaged over problems."""
    problems, optimizers, batches = (list(dict.fromkeys(key[i] for key in scores)) for i in range(3))
    rows = []
    for p in problems:
        each = [rankdata([np.median(scores[p, o, b]) for o in optimizers]) for b in batches]
        rows.append(rankdata(np.mean(each, axis=0)))
    return dict(zip(optimizers, np.mean(rows, axis=0), strict=True))


def training(found: Audit) -> Numbers:
    """In how many pairs of problem and batch strategy each optimizer has the smallest median gap."""
    middle = pd.Series({key: float(np.median(values)) for key, values in gaps(found).items()})
    table = middle.rename_axis(CELL).unstack("optimizer")
    least = table.eq(table.min(axis=1), axis=0) & np.isfinite(table)
    return [*least.sum().astype(float), float(len(table))], []


def ranges(found: Audit) -> Numbers:
    """How many times larger the largest usable rate is than the smallest, and ranges at the grid's end."""
    tolerance, width, at_end = found.cells["tolerance"].iloc[0], {}, {}
    for key, runs in sweeps(found).items():
        names = sorted(runs["replicate"].unique())
        own = curve(runs, names)
        rates, (low, high) = own.rates, usable(own, tolerance)
        width[key] = high - low
        at_end[key] = high > low and (np.isclose(10**low, rates[0]) or np.isclose(10**high, rates[-1]))
    none = pd.Series([w == 0 for w in width.values()], [k[0] for k in width]).groupby(level=0).mean()
    kept = {k: w for k, w in width.items() if none[k[0]] <= 0.5}
    table = pd.Series(kept).rename_axis(CELL)
    by_problem = table.groupby(level=["problem", "optimizer"]).mean().unstack()
    points = [float(f"{10**w:.1g}") for w in by_problem.mean()]
    return [*points, found.swept["replicate"].nunique(), sum(at_end.values())], []


def batches(found: Audit) -> Numbers:
    """Updates, and the median shifts of best rate and boundary from the largest to the smallest batch."""
    updates = found.cells.groupby("batch")["updates_per_trial"].median()
    order = updates.sort_values().index
    points: list[float] = [float(count) for count in updates]
    ends: list[End] = []
    at, beyond, pairs = sweeps(found), [0, 0, 0], 0
    for optimizer in found.cells["optimizer"].unique():
        problems = [p for p, o, b in at if o == optimizer and b == order[0]]
        moves: dict[str, list[float]] = {"best": [], "boundary": []}
        for p in problems:
            sides = [rates_of(at[p, optimizer, b]) for b in (order[0], order[-1])]
            hidden = [bool(side[2]) for side in sides]
            if any(hidden):
                beyond[2 if all(hidden) else hidden.index(True)] += 1
            for i, name in enumerate(moves):
                moves[name].append(float(np.log10(sides[1][i] / sides[0][i])))
        pairs += len(problems)
        for i, values in enumerate(moves.values()):
            points += [float(np.median(values)), min(values), max(values)]
            sides_of = [[at[p, optimizer, b] for b in (order[0], order[-1])] for p in problems]
            ends += _redrawn_moves(sides_of, i)
    return [*points, *beyond, pairs, found.cells["problem"].nunique(), 1], ends


def _redrawn_moves(sides: list[list[pd.DataFrame]], column: int) -> list[End]:
    """Ends of the interval of the median move when each problem's replicates are drawn anew."""
    names = sorted(sides[0][0]["replicate"].unique())
    ways = [
        [
            np.log10(rates_of(small, list(way))[column] / rates_of(large, list(way))[column])
            for way in product(names, repeat=len(names))
        ]
        for large, small in sides
    ]
    rng = np.random.default_rng(96)
    drawn = [np.median([way[rng.integers(len(way))] for way in ways]) for _ in range(DRAWS)]
    return ends_of(drawn)


def divergence(found: Audit) -> Numbers:
    """Shares just above the best rate, by optimizer, and by rate over the limit."""
    swept = found.swept.assign(best=np.nan, limit=np.nan)
    limits = found.cells.set_index(CELL).reindex(columns=["limit_measured", "limit_predicted"])
    limit = limits["limit_measured"].fillna(limits["limit_predicted"])
    for key, runs in sweeps(found).items():
        swept.loc[runs.index, "best"] = rates_of(runs)[0]
        swept.loc[runs.index, "limit"] = limit[key]
    near = swept[(swept["rate"] > swept["best"] * 1.001) & (swept["rate"] <= swept["best"] * 10.01)]
    each = near.groupby([*CELL, "replicate"])["gone"].mean()
    cells = each.groupby(level=CELL).mean()
    problems = cells.groupby(level="problem").mean()
    by = each.groupby(level=["problem", "optimizer"]).mean().groupby(level="optimizer").mean()
    points = [100 * v for v in (cells.mean(), problems.min(), problems.max(), *by)]
    points += [near["gone"].sum(), len(near), found.cells["problem"].nunique()]
    rng = np.random.default_rng(98)
    wide = each.unstack()
    table, (_, member) = (
        wide.to_numpy(),
        np.unique(wide.index.get_level_values("problem"), return_inverse=True),
    )
    shape = (member.max() + 1, table.shape[1])  # cells of a problem share their replicates
    drawn = [
        np.take_along_axis(table, rng.integers(shape[1], size=shape)[member], axis=1).mean()
        for _ in range(DRAWS)
    ]
    ends = ends_of(drawn, 100)
    ratio = swept["rate"] / swept["limit"]
    bins = (0.01, 0.1, 0.5, 0.9, 1.1, 2.0, 10.0, 100.0)
    for low, high in pairwise(bins):
        at = swept[(ratio > low) & (ratio <= high)]
        if len(at):
            parts = at.groupby("problem")["gone"].mean()
            points += [low, high, *(100 * v for v in (at["gone"].mean(), parts.min(), parts.max()))]
    return points, ends


def plateaus(found: Audit) -> Numbers:
    """Of the runs above the best rate that failed, those that blew up."""
    best = {key: rates_of(runs)[0] for key, runs in sweeps(found).items()}
    swept = found.swept
    above = swept["rate"].to_numpy() > 1.001 * np.array([best[tuple(k)] for k in swept[CELL].to_numpy()])
    failed = swept[above & ~swept["converged"]]
    points: list[float] = []
    for _, at in failed.groupby("optimizer"):
        points += [int(at["left"].sum()), len(at)]
    left = int(failed["left"].sum())
    risen = int((failed["gone"] & ~failed["left"]).sum())
    return [*points, len(failed), left, len(failed) - left, risen, len(failed) - left - risen], []


def tuning(found: Audit) -> Numbers:
    """The tuned against the default rate by validation loss, and the default rates of two frameworks."""
    sides = [tuned(found, column) for column in ("tuned_rate_validation", "default_rate")]
    keys = [key for key in sides[0] if key in sides[1]]
    pairs = {key: tuple(side[key]["loss"].to_numpy() for side in sides) for key in keys}
    middle = [(np.median(a), np.median(b)) for a, b in pairs.values()]
    points: list[float] = [sum(a < b for a, b in middle), sum(a > b for a, b in middle), len(pairs)]
    tolerance = found.cells["tolerance"].iloc[0]
    for optimizer in found.cells["optimizer"].unique():
        own = {k: usable(curve(r), tolerance) for k, r in sweeps(found).items() if k[1] == optimizer}
        for rate in (0.001, 0.01):
            inside = sum(low < high and 10**low <= rate <= 10**high for low, high in own.values())
            points += [rate, inside, len(own)]
    return points, []


def trust(found: Audit) -> Numbers:
    """Searches, replicates that disagree, and tuned rates that failed on fresh runs."""
    points: list[float] = [len(found.cells), 0.5]
    for claim in ("training", "validation"):
        spread = found.cells[f"search_spread_{claim}"].dropna().astype(float)
        points += [(spread > 0.5).sum(), len(spread)]
    claims = ("training", "validation", "speed")
    both = pd.concat([found.at_rate(f"tuned_rate_{claim}") for claim in claims])
    runs = both.drop_duplicates([*CELL, "rate", "replicate"])
    rates = runs.groupby([*CELL, "rate"])["gone"].sum()
    points += [len(runs), runs["gone"].sum(), (rates > 0).sum(), len(rates)]
    points += list(found.cells["search_status"].value_counts())
    return points, []


def ranks(found: Audit) -> Numbers:
    """Mean ranks where there are too few problems for a test."""
    return [*mean_ranks(gaps(found)).values(), found.cells["problem"].nunique(), 5], []


def steadiness(found: Audit) -> Numbers:
    """How the ranks change when a problem or a replicate is left out."""
    scores = gaps(found)
    whole = pd.Series(mean_ranks(scores))
    problems = list(dict.fromkeys(p for p, _, _ in scores))
    count = len(next(iter(scores.values())))
    kinds = (
        [{k: v for k, v in scores.items() if k[0] != p} for p in problems],
        [{k: np.delete(v, i) for k, v in scores.items()} for i in range(count)],
    )
    points: list[float] = [len(problems), count, *range(1, count + 1)]  # a replicate goes by its number
    for kind in kinds:
        each = [pd.Series(mean_ranks(part)) for part in kind]
        taus = [_tau(whole, ranks) for ranks in each]
        best = set(whole.index[np.isclose(whole, whole.min())])
        moved = [not set(r.index[np.isclose(r, r.min())]) <= best for r in each]
        points += [sum(moved), len(kind), float(np.median(taus)), min(taus)]
    return points, []


def _tau(a: pd.Series, b: pd.Series) -> float:
    tau = float(kendalltau(a, b[a.index]).statistic)
    return tau if np.isfinite(tau) else float(np.ptp(a) == 0 and np.ptp(b) == 0)


def search_boundary(found: Audit) -> Numbers:
    """Searches whose best rate was near an end of the range, and what came of it."""
    cells = found.cells.set_index(CELL)
    swept = found.swept.groupby(CELL)["rate"].agg(["min", "max"]).loc[cells.index]
    low, high = cells["search_low"].astype(float), cells["search_high"].astype(float)
    wider = (low < 0.99 * swept["min"]) | (high > 1.01 * swept["max"])
    doubt = cells["search_status"] != "clear"
    points = [0, len(cells), (wider | doubt).sum(), wider.sum(), (wider & ~doubt).sum(), doubt.sum()]
    return [*points, *cells["search_status"].value_counts(), *shares(wider | doubt)], []


RECOMPUTED: dict[str, Callable[[Audit], Numbers]] = {
    "Tuned training": training,
    "Usable range": ranges,
    "Batch size": batches,
    "Divergence": divergence,
    "Plateaus": plateaus,
    "Tuning": tuning,
    "Trust": trust,
    "Speed": speed,
    "Ranks": ranks,
    "Search boundary": search_boundary,
    "Edge of stability": edge,
    "Two limits": single_runs,
    "Furthest off": furthest,
    "Noise floors": noise_floors,
    "Momentum": momentum,
    "Plateaus instead of limits": rising,
    "Stability limit": limits,
    "Short run": short_run,
    "Tuning effort": effort,
    "What is counted": counted,
}
"""What a finding is about -> its numbers."""
