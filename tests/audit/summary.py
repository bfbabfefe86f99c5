"""What each finding of the summary should say: its numbers, recomputed. A study of fewer than five problems,
whose intervals over problems are ranges."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise, product

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.stats import rankdata

from tests.audit.recompute import CELL, RESOLUTION, Audit, beats, newcombe, verdict

Numbers = tuple[list[float], list[float]]
"""Points, and ends of intervals that were drawn."""

DRAWS = 3000

ABOUT_95 = [0.023, 0.025, 0.027, 0.973, 0.975, 0.977]
"""Where an interval at 95 % may end when others draw it. A median of few replicates takes few values, and
between two of them an end goes by chance: ten thousand draws place it to 0.16 points, one standard error."""


def tuned(found: Audit, column: str = "tuned_rate_training") -> dict[tuple[str, str, str], pd.DataFrame]:
    """(problem, optimizer, batch) -> its confirmed runs at a rate, by replicate."""
    at = found.at_rate(column).sort_values("replicate", kind="stable")
    return dict(iter(at.groupby(CELL, sort=False)))


def gaps(found: Audit, column: str = "tuned_rate_training") -> dict[tuple[str, str, str], np.ndarray]:
    return {k: np.maximum(runs["gap"].to_numpy(), RESOLUTION) for k, runs in tuned(found, column).items()}


def mean_ranks(scores: dict[tuple[str, str, str], np.ndarray]) -> dict[str, float]:
    """Ranks of the medians, averaged over batches, ranked again, averaged over problems."""
    problems, optimizers, batches = (list(dict.fromkeys(key[i] for key in scores)) for i in range(3))
    rows = []
    for p in problems:
        each = [rankdata([np.median(scores[p, o, b]) for o in optimizers]) for b in batches]
        rows.append(rankdata(np.mean(each, axis=0)))
    return dict(zip(optimizers, np.mean(rows, axis=0), strict=True))


def training(found: Audit) -> Numbers:
    """Mean ranks, the duel of the first two, and the probability that the first does better."""
    scores = gaps(found)
    ranks = mean_ranks(scores)
    order = sorted(ranks, key=lambda o: ranks[o])
    points = [*ranks.values(), found.cells["problem"].nunique()]
    for a, b in combinations(order, 2):  # equal ranks may come in either order
        for first, second in ((a, b), (b, a)):
            pairs = [(p, scores[p, first, t], scores[p, second, t]) for p, o, t in scores if o == first]
            verdicts = [verdict(x, y) for _, x, y in pairs]
            each = pd.Series([beats(x, y) for _, x, y in pairs], [p for p, _, _ in pairs])
            n, m = len(pairs[0][1]), len(pairs[0][2])
            points += [verdicts.count("better"), verdicts.count("worse"), len(pairs), each.mean()]
            points += [*newcombe(each.mean(), n, m, independent(pairs)), *_span(each)]
    return points, []


def independent(pairs: list[tuple[str, np.ndarray, np.ndarray]]) -> float:
    """As how many cells those of these problems count whose replicates are shared: what a replicate adds to
    the wins of its side and takes from the other's, summed within problems or not."""
    apart, sums = 0.0, dict[str, np.ndarray]()
    for problem, ours, theirs in pairs:
        won = np.array([[(x < y) + 0.5 * (x == y) for y in theirs] for x in ours])
        moved = won.sum(axis=0) + won.sum(axis=1)
        moved = moved - moved.mean()
        apart += float(moved @ moved)
        sums[problem] = sums.get(problem, 0.0) + moved
    together = sum(float(total @ total) for total in sums.values())
    if not apart or not together:
        return float(len(sums))
    return float(min(max(len(pairs) * apart / together, len(sums)), len(pairs)))


def _span(values: pd.Series) -> tuple[float, float]:
    """The least and the largest mean by problem."""
    each = values.groupby(level=0).mean()
    return float(each.min()), float(each.max())


def curve(runs: pd.DataFrame, replicates: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rates, median gaps and shares that diverged, of these replicates."""
    wide = runs.pivot(index="rate", columns="replicate", values="gap").sort_index()[replicates]
    return wide.index.to_numpy(), np.median(wide.to_numpy(), axis=1), np.isinf(wide.to_numpy()).mean(axis=1)


def usable(rates: np.ndarray, q: np.ndarray, tolerance: float) -> tuple[float, float]:
    """Logarithms of the ends of the usable range; equal where there is none."""
    best = int(np.argmin(q))
    if not q[best] <= tolerance:
        return 0.0, 0.0
    ends = []
    for step in (-1, 1):
        i = best
        while 0 <= i + step < len(q) and q[i + step] <= tolerance:
            i += step
        x = np.log10(rates[i])
        if 0 <= i + step < len(q) and np.isfinite(q[i + step]):
            inside, outside = np.log(max(q[i], 1e-300)), np.log(max(q[i + step], 1e-300))
            share = (np.log(tolerance) - inside) / (outside - inside)
            x += share * (np.log10(rates[i + step]) - x)
        ends.append(x)
    return ends[0], ends[1]


def sweeps(found: Audit) -> dict[tuple[str, str, str], pd.DataFrame]:
    return dict(iter(found.swept.groupby(CELL, sort=False)))


def ranges(found: Audit) -> Numbers:
    """Widths, their folds, the difference of the widest and the narrowest, ranges at the grid's end."""
    tolerance, width, redrawn, at_end = found.cells["tolerance"].iloc[0], {}, {}, {}
    for key, runs in sweeps(found).items():
        names = sorted(runs["replicate"].unique())
        rates, q, _ = curve(runs, names)
        low, high = usable(rates, q, tolerance)
        width[key] = high - low
        at_end[key] = high > low and (np.isclose(10**low, rates[0]) or np.isclose(10**high, rates[-1]))
        ways = product(names, repeat=len(names))
        redrawn[key] = [np.ptp(usable(*curve(runs, list(way))[:2], tolerance)) for way in ways]
    none = pd.Series([w == 0 for w in width.values()], [k[0] for k in width]).groupby(level=0).mean()
    kept = {k: w for k, w in width.items() if none[k[0]] <= 0.5}
    table = pd.Series(kept).rename_axis(CELL)
    by_problem = table.groupby(level=["problem", "optimizer"]).mean().unstack()
    means = by_problem.mean()
    wide, narrow = str(means.idxmax()), str(means.idxmin())
    pairs = [(p, b) for p, o, b in kept if o == wide]
    gain = by_problem[wide] - by_problem[narrow]
    points = [*means, *(float(f"{10**w:.1g}") for w in means), gain.mean(), gain.min(), gain.max()]
    points += [len(pairs), len(by_problem), found.swept["replicate"].nunique()]
    points.append(sum(at_end[p, o, b] for p, b in pairs for o in (wide, narrow)))
    return points, _redraw(pairs, redrawn, wide, narrow)


def _redraw(
    pairs: list[tuple[str, str]], ways: dict[tuple[str, str, str], list[float]], wide: str, narrow: str
) -> list[float]:
    rng, problems = np.random.default_rng(99), list(dict.fromkeys(p for p, _ in pairs))
    drawn = []
    for _ in range(DRAWS):
        pick = {p: rng.integers(len(next(iter(ways.values())))) for p in problems}
        drawn.append(np.mean([ways[p, wide, b][pick[p]] - ways[p, narrow, b][pick[p]] for p, b in pairs]))
    return [float(end) for end in np.quantile(drawn, [0.025, 0.975])]


def batches(found: Audit) -> Numbers:
    """Updates, and the median shifts of best rate and boundary from the largest to the smallest batch."""
    updates = found.cells.groupby("batch")["updates_per_trial"].median()
    order = updates.sort_values().index
    points: list[float] = [float(updates[order[0]]), float(updates[order[-1]])]
    ends: list[float] = []
    at, beyond, pairs = sweeps(found), [0, 0, 0], 0
    for optimizer in found.cells["optimizer"].unique():
        problems = [p for p, o, b in at if o == optimizer and b == order[0]]
        moves: dict[str, list[float]] = {"best": [], "boundary": []}
        for p in problems:
            sides = [_rates_of(at[p, optimizer, b]) for b in (order[0], order[-1])]
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


def _redrawn_moves(sides: list[list[pd.DataFrame]], column: int) -> list[float]:
    """Ends of the interval of the median move when each problem's replicates are drawn anew."""
    names = sorted(sides[0][0]["replicate"].unique())
    ways = [
        [
            np.log10(_rates_of(small, list(way))[column] / _rates_of(large, list(way))[column])
            for way in product(names, repeat=len(names))
        ]
        for large, small in sides
    ]
    rng = np.random.default_rng(96)
    drawn = [np.median([way[rng.integers(len(way))] for way in ways]) for _ in range(DRAWS)]
    return [float(end) for end in np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")]


def _rates_of(runs: pd.DataFrame, replicates: list[str] | None = None) -> tuple[float, float, bool]:
    rates, q, gone = curve(runs, replicates or sorted(runs["replicate"].unique()))
    best = rates[int(np.argmin(q))]
    above = rates[(gone >= 0.5) & (rates > best)]
    return float(best), float(above[0] if len(above) else rates[-1]), not len(above)


def divergence(found: Audit) -> Numbers:
    """Shares just above the best rate, by optimizer, and by rate over the limit."""
    swept = found.swept.assign(best=np.nan, limit=np.nan)
    limits = found.cells.set_index(CELL).reindex(columns=["limit_measured", "limit_predicted"])
    limit = limits["limit_measured"].fillna(limits["limit_predicted"])
    for key, runs in sweeps(found).items():
        swept.loc[runs.index, "best"] = _rates_of(runs)[0]
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
    ends = [float(100 * end) for end in np.quantile(drawn, [0.025, 0.975])]
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
    best = {key: _rates_of(runs)[0] for key, runs in sweeps(found).items()}
    swept = found.swept
    above = swept["rate"].to_numpy() > 1.001 * np.array([best[tuple(k)] for k in swept[CELL].to_numpy()])
    failed = swept[above & ~swept["converged"]]
    points: list[float] = []
    seldom = 0
    for _, at in failed.groupby("optimizer"):
        parts = at.groupby("problem")["left"].mean()
        points += [100 * v for v in (at["left"].mean(), parts.min(), parts.max())]
        seldom += max(at["left"].mean(), parts.max()) < 0.5
    risen = int((failed["gone"] & ~failed["left"]).sum())
    points += [len(failed), risen, len(failed) - int(failed["left"].sum()) - risen]
    return [*points, seldom, failed["optimizer"].nunique()], []


def tuning(found: Audit) -> Numbers:
    """The tuned against the default rate by validation loss, and the default rates of two frameworks."""
    sides = [tuned(found, column) for column in ("tuned_rate_validation", "default_rate")]
    keys = [key for key in sides[0] if key in sides[1]]
    pairs = {key: tuple(side[key]["loss"].to_numpy() for side in sides) for key in keys}
    verdicts = {key: verdict(a, b) for key, (a, b) in pairs.items()}
    won = pd.Series([v == "better" for v in verdicts.values()], [k[0] for k in verdicts]).astype(float)
    each = pd.Series([beats(a, b) for a, b in pairs.values()], [k[0] for k in pairs])
    n, m = (len(values) for values in next(iter(pairs.values())))
    counts = [list(verdicts.values()).count(v) for v in ("better", "worse", "unclear")]
    points = [*counts, len(pairs), *(100 * v for v in (won.mean(), *_span(won)))]
    strata = independent([(key[0], a, b) for key, (a, b) in pairs.items()])
    points += [each.mean(), *newcombe(float(each.mean()), n, m, strata), *_span(each)]
    tolerance = found.cells["tolerance"].iloc[0]
    for optimizer in found.cells["optimizer"].unique():
        own = {
            k: usable(*curve(r, sorted(r["replicate"].unique()))[:2], tolerance)
            for k, r in sweeps(found).items()
            if k[1] == optimizer
        }
        for rate in (0.001, 0.01):
            inside = sum(low < high and 10**low <= rate <= 10**high for low, high in own.values())
            points += [rate, inside, len(own)]
    return points, []


def held_out(found: Audit) -> Numbers:
    """Comparisons of two tuned optimizers that clearly differ, by test score and by gap."""
    tests = {k: -runs["score"].to_numpy() for k, runs in tuned(found, "tuned_rate_validation").items()}
    points: list[float] = [95]
    for scores in (tests, gaps(found)):
        pairs = [
            ((p, b), o, other) for (p, o, b), (q, other, c) in combinations(scores, 2) if (p, b) == (q, c)
        ]
        unclear = pd.Series(
            [verdict(scores[p, o, b], scores[p, other, b]) == "unclear" for (p, b), o, other in pairs],
            [p for (p, _), _, _ in pairs],
        ).astype(float)
        points += [
            len(pairs),
            len(pairs) - unclear.sum(),
            100 * unclear.mean(),
            *(100 * v for v in _span(unclear)),
        ]
    return points, []


def trust(found: Audit) -> Numbers:
    """Searches, replicates that disagree, and tuned rates that failed on fresh runs."""
    points: list[float] = [len(found.cells), 0.5]
    for claim in ("training", "validation"):
        spread = found.cells[f"search_spread_{claim}"].dropna().astype(float)
        points += [(spread > 0.5).sum(), len(spread)]
    both = pd.concat([found.at_rate(f"tuned_rate_{claim}") for claim in ("training", "validation")])
    runs = both.drop_duplicates([*CELL, "rate", "replicate"])
    rates = runs.groupby([*CELL, "rate"])["gone"].sum()
    points += [len(runs), runs["gone"].sum(), (rates > 0).sum(), len(rates)]
    points += list(found.cells["search_status"].value_counts())
    return points, []


def speed(found: Audit) -> Numbers:
    """Areas under the performance profiles of examples to a gap of 0.1."""
    at = tuned(found, "tuned_rate_speed")
    optimizers = list(found.cells["optimizer"].unique())
    strata = list(dict.fromkeys((p, b) for p, _, b in at))
    times = np.array([[at[p, o, b]["examples"].to_numpy() for o in optimizers] for p, b in strata])
    best = times.min(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(times == best, 1.0, times / best)
    ratio[np.isinf(times)] = np.inf
    area = 1 - np.log(np.minimum(ratio, 10.0)) / np.log(10.0)
    rng = np.random.default_rng(97)
    drawn = []
    for _ in range(DRAWS):
        picks = rng.integers(area.shape[2], size=(len(strata), area.shape[2]))
        drawn.append(
            np.stack([a[:, pick].mean(axis=1) for a, pick in zip(area, picks, strict=True)]).mean(axis=0)
        )
    means, whole = area.mean(axis=(0, 2)), np.array(drawn)
    by = pd.DataFrame(area.mean(axis=2), [p for p, _ in strata], optimizers).groupby(level=0).mean()
    points = [0.1, 10, *means, area.shape[0] * area.shape[2], found.cells["problem"].nunique()]
    ends = [float(end) for o in range(len(optimizers)) for end in np.quantile(whole[:, o], [0.025, 0.975])]
    for i, j in product(range(len(optimizers)), repeat=2):
        gap = by.iloc[:, i] - by.iloc[:, j]
        points += [means[i] - means[j], gap.min(), gap.max()]
        ends += [float(end) for end in np.quantile(whole[:, i] - whole[:, j], [0.025, 0.975])]
    for o in range(len(optimizers)):
        reached = np.isfinite(times[:, o])
        points.append(100 * reached.mean())
        ends += [100 * end for end in _wilson(int(reached.sum()), reached.size)]
    return points, ends


def _wilson(k: int, n: int) -> tuple[float, float]:
    z = 1.959964
    center, half = (k + z * z / 2) / (n + z * z), z * np.sqrt(k * (n - k) / n + z * z / 4) / (n + z * z)
    return float(center - half), float(center + half)


def ranks(found: Audit) -> Numbers:
    """Mean ranks where there are too few problems for a test."""
    return [*mean_ranks(gaps(found)).values(), found.cells["problem"].nunique(), 5], []


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
        points += _medians(table[column])
    for i, j in product(table.columns, repeat=2):
        points += _medians((table[i] / table[j]).fillna(1.0))
    return points, []


def _trials_needed(kept: np.ndarray, start: float, startup: int) -> float:
    gain = start - kept.min()
    if gain <= 0:
        return float("inf")
    near = np.flatnonzero((kept - kept.min()) / gain <= 0.1)
    early = int((near < startup).sum())
    return (startup + 1) / (early + 1) if early else float(near[0] + 1)


def _medians(values: pd.Series) -> list[float]:
    """The median, and the least and the largest of those of the problems."""
    each = values.groupby(level="problem").median()
    whole = float(values.median())
    return [whole, min(whole, each.min()), max(whole, each.max())]


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
    points, ends = [0.1, float(len(pairs))], []
    for unit in ("examples", "hit_updates", "ms"):
        times = {key: at[unit].to_numpy() for key, at in runs.items()}
        ratio = [_over(_middle(times[p, o, small]), _middle(times[p, o, large])) for p, o in pairs]
        points += _medians(pd.Series(ratio, pd.MultiIndex.from_tuples(pairs, names=CELL[:2])))
        n = len(next(iter(times.values())))
        pick = {p: rng.integers(n, size=(10_000, n)) for p in problems}
        each = [
            _over(*(_middle(times[p, o, b][pick[p]]) for b in (small, large)))  # of a pair, for each draw
            for p, o in pairs
        ]
        ends += [float(end) for end in np.quantile(_middle(np.transpose(each)), ABOUT_95)]
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


NETWORKS = "curvature_at_the_start"


def limits(found: Audit) -> Numbers:
    """The limits fitted anew to the fates of the runs, over the predicted ones, by what these rest on."""
    cells = found.cells.set_index(CELL)
    measured = {key: fitted(at) for key, at in found.runs[found.runs["phase"] == "limit"].groupby(CELL)}
    known = cells.assign(measured=pd.Series({k: v[0] for k, v in measured.items()}).reindex(cells.index))
    known["ratio"] = known["measured"] / known["limit_predicted"].astype(float)
    points: list[float] = [1, 10, 95]
    for _, at in known[known["ratio"] > 0].groupby("limit_basis"):
        near, fair = (int((abs(at["ratio"] - 1) <= width).sum()) for width in (0.01, 0.1))
        points += [
            *_medians(at["ratio"]),
            len(at),
            at.index.get_level_values("problem").nunique(),
            near,
            fair,
        ]
        points += [100 * near / len(at), *(100 * end for end in _wilson(near, len(at)))]
    network = known[(known["limit_basis"] == NETWORKS) & (known["ratio"] > 0)]
    points += list(network.groupby(level="batch")["ratio"].median())
    at = known[known["measured"] > 0]
    zones = np.array([measured[key][1] for key in at.index])
    span = (at["limit_high"] / at["limit_low"]).astype(float).median()
    mixed = zones[zones > 0]
    return [*points, span, len(at), len(mixed), float(np.median(mixed)), mixed.max()], []


def fitted(runs: pd.DataFrame) -> tuple[float, float]:
    """The rate at which half of the runs diverge, NaN for none, and the decades over which both happens."""
    gone = runs.pivot(index="rate", columns="replicate", values="gone").sort_index()
    x, share = np.log10(gone.index.to_numpy(dtype=float)), isotonic_regression(gone.mean(axis=1)).x
    low, high = x[gone.any(axis=1).to_numpy()], x[~gone.all(axis=1).to_numpy()]
    above = np.flatnonzero(share >= 0.5 - 1e-9)
    if not len(above) or above[0] == 0:
        return float("nan"), 0.0
    i, half = above[0], np.flatnonzero(abs(share - 0.5) < 1e-9)
    if len(half) > 1:
        at = (x[half[0]] + x[half[-1]]) / 2
    else:
        at = x[i - 1] + (0.5 - share[i - 1]) / (share[i] - share[i - 1]) * (x[i] - x[i - 1])
    return float(10**at), float(max(0.0, high.max() - low.min()))


RECOMPUTED: dict[str, Callable[[Audit], Numbers]] = {
    "Tuned training": training,
    "Usable range": ranges,
    "Batch size": batches,
    "Divergence": divergence,
    "Plateaus": plateaus,
    "Tuning": tuning,
    "Held-out data": held_out,
    "Trust": trust,
    "Speed": speed,
    "Ranks": ranks,
    "Stability limit": limits,
    "Tuning effort": effort,
    "What is counted": counted,
}
"""What a finding is about -> its numbers."""
