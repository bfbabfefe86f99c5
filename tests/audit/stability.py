"""What the report says of stability limits, recomputed from the fates of the runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from tests.audit.figures import DRAWS, End, Numbers, ends_of, medians, shares
from tests.audit.recompute import CELL, RESOLUTION, Audit
from tests.audit.sweeps import rates_of

OVERFLOWING = ("sgd", "momentum", "nesterov")
WAYS = 600
"""Draws of the replicates of a measured limit."""

OWN, THEORY = "the short run's", "theory's"

NETWORKS = "curvature_at_the_start"

HEAVY = 0.9
"""Heavy ball's momentum coefficient, the library's own."""


def limits(found: Audit) -> Numbers:
    """The limits fitted anew to the fates of the runs, over the predicted ones, by what these rest on."""
    known, ways = _measured(found), redrawn_limits(found)
    points: list[float] = [1, 10, 95]
    ends: list[End] = []
    for _, at in known[known["ratio"] > 0].groupby("limit_basis"):
        ends += _median_ends(at["limit_predicted"].astype(float), ways)
        near, fair = (int((abs(at["ratio"] - 1) <= width).sum()) for width in (0.01, 0.1))
        points += [
            *medians(at["ratio"]),
            len(at),
            at.index.get_level_values("problem").nunique(),
            near,
            fair,
        ]
        points += shares(abs(at["ratio"] - 1) <= 0.01)
    network = known[(known["limit_basis"] == NETWORKS) & (known["ratio"] > 0)]
    points += list(network.groupby(level="batch")["ratio"].median())
    at = known[known["measured"] > 0]
    zones = at["zone"].to_numpy()
    span = (at["limit_high"] / at["limit_low"]).astype(float).median()
    mixed = zones[zones > 0]
    points += [span, len(at), len(mixed), float(np.median(mixed)), mixed.max()]
    overflow = _with_short_run(known)
    overflow = overflow[overflow["overflows"]]
    for predictor in (OWN, THEORY):
        twice, compared = _twice(overflow["measured"] / overflow[predictor])
        points += [twice, compared]
    return points, ends


def short_run(found: Audit) -> Numbers:
    """The limits fitted anew over what the stored predictors say, and the predictor chosen without each
    problem."""
    at, ways = _with_short_run(_measured(found)), redrawn_limits(found)
    overflow = at[at["overflows"]]
    points: list[float] = []
    ends: list[End] = []
    for cells, predictor in ((overflow, OWN), (at[~at["overflows"]], OWN), (overflow, THEORY)):
        ratio = (cells["measured"] / cells[predictor]).dropna()
        ends += _median_ends(cells.loc[ratio.index, predictor], ways)
        twice, compared = _twice(ratio)
        points += [*medians(ratio), float(np.log10(ratio).std(ddof=1)), ratio.min(), ratio.max()]
        points += [twice, compared, *shares((ratio >= 0.5) & (ratio <= 2))]
    differ = at["limit_forecast_high"] / at["limit_forecast_low"]
    points += [float(differ[at["overflows"] == kind].astype(float).median()) for kind in (False, True)]
    apart = [_chosen_without(overflow, problem) for problem in overflow.index.unique("problem")]
    counts = [_twice(ratio) for ratio in apart]
    middles = [float(ratio.median()) for ratio in apart]
    points += [sum(twice for twice, _ in counts), sum(n for _, n in counts), min(middles), max(middles)]
    return points, ends


def single_runs(found: Audit) -> Numbers:
    """The limits of single runs over the two that are predicted for random batches."""
    known, ways = _measured(found), redrawn_limits(found)
    at = known[(known["limit_basis"] == "almost_sure") & (known["measured"] > 0)]
    at = at[at["limit_mean_square"].astype(float) > 0]
    points: list[float] = [len(at), at.index.get_level_values("problem").nunique()]
    ends: list[End] = []
    both = at[["limit_mean_square", "limit_predicted"]].astype(float)
    for name in both:
        points += medians(at["measured"] / both[name])
        ends += _median_ends(both[name], ways)
    low, high = (at[f"limit_{end}"].astype(float) for end in ("low", "high"))
    points.append(int(((high >= both.min(axis=1)) & (low <= both.max(axis=1))).sum()))
    return points, ends


def furthest(found: Audit) -> Numbers:
    """On least squares and on networks the cell whose prediction is furthest off, and how many others have
    intervals that reach as far."""
    known = _measured(found)
    known = known[known["ratio"] > 0]
    points: list[float] = []
    for _, at in known.groupby(known["limit_basis"] == NETWORKS):
        predicted, off = at["limit_predicted"].astype(float), abs(np.log(at["ratio"]))
        worst = off.idxmax()
        low, high = (np.log(at[f"limit_{end}"].astype(float) / predicted) for end in ("low", "high"))
        least = np.minimum(abs(low), abs(high)).where(low * high >= 0, 0.0)
        most = np.maximum(abs(low), abs(high))
        points += [float(np.exp(off[worst])), at.loc[worst, "measured"], predicted[worst]]
        points.append(int((most >= least[worst]).sum()) - 1)
    return points, []


def edge(found: Audit) -> Numbers:
    """Where the sharpness of followed runs went."""
    runs = found.edge[~found.edge["gone"]].set_index(CELL)
    above = runs["start"] >= 1
    rose = (runs["largest"] >= 1) & ~above
    hovered = (runs["late"] <= 1.1) & (runs["late"] >= 1 / 1.1)
    points: list[float] = [len(runs), rose.sum(), (rose & hovered).sum(), above.sum()]
    points += [len(runs) - rose.sum() - above.sum()]
    for part in (rose, above):
        points += list(part.groupby(level="optimizer").sum()) if part.any() else []
        for column in ("largest", "late"):
            values = runs.loc[part, column]
            points += [*medians(values), values.min(), values.max()] if part.any() else []
    points += list(runs.groupby(level="optimizer").size())
    points += [int((runs.loc[above, "late"] < 1).sum()), 10]
    return points, []


def momentum(found: Audit) -> Numbers:
    """Heavy ball's limits over gradient descent's with the smallest and the largest batch: as they are
    predicted, and as they were measured."""
    cells = found.cells.set_index(CELL).sort_index()
    stored: dict[Any, Any] = cells["limit_by_batch"].dropna().to_dict()
    predicted: dict[tuple[str, str], list[tuple[int, float]]] = {
        (problem, name): sorted((int(size), float(limit)) for size, limit in limits.items())
        for (problem, name, _), limits in stored.items()
    }
    points: list[float] = [HEAVY, 1 - HEAVY, 1 + HEAVY, 1]
    for problem in dict.fromkeys(problem for problem, _ in predicted):
        heavy, plain = predicted[problem, "momentum"], predicted[problem, "sgd"]
        points += [heavy[i][1] / plain[i][1] for i in (0, -1)]
        measured = _measured(found)["measured"].loc[problem].unstack("optimizer")
        ratio = (measured["momentum"] / measured["sgd"]).dropna()
        samples = float(cells.loc[problem, "training_samples"].iloc[0])
        points += [*ratio, samples]
    return points, []


def rising(found: Audit) -> Numbers:
    """By which power of the rate the gap grows above the best rate where no limit is predicted."""
    basis = found.cells.set_index(CELL)["limit_basis"]
    powers = {
        key: power
        for key, runs in found.swept.groupby(CELL)
        if basis[key] == "none" and np.isfinite(power := _power(runs))
    }
    table = pd.Series(powers).rename_axis(CELL)
    points: list[float] = []
    for _, own in table.groupby(level="optimizer"):
        points += [*medians(own), len(own)]
    return points, []


def _power(runs: pd.DataFrame) -> float:
    """The median slope between two runs above the best rate that lasted; NaN of fewer than three rates."""
    at = runs[(runs["rate"] > 1.001 * rates_of(runs)[0]) & ~runs["left"]]
    if at["rate"].nunique() < 3:
        return float("nan")
    x, y = np.log10(at["rate"].to_numpy()), np.log10(np.maximum(at["end"].to_numpy(), RESOLUTION))
    i, j = np.triu_indices(len(x), 1)
    apart = abs(x[i] - x[j]) > 1e-9
    return float(np.median(((y[j] - y[i])[apart]) / (x[j] - x[i])[apart]))


def redrawn_limits(found: Audit) -> dict[tuple[str, str, str], np.ndarray]:
    """Cell -> its limit under WAYS draws of the replicates, the same ones everywhere."""
    ways: dict[Any, np.ndarray] = {}
    rng = np.random.default_rng(93)
    picks: dict[int, np.ndarray] = {}
    for key, runs in found.runs[found.runs["phase"] == "limit"].groupby(CELL):
        gone = runs.pivot(index="rate", columns="replicate", values="gone").sort_index()
        x, fates = np.log10(gone.index.to_numpy(dtype=float)), gone.to_numpy(dtype=float)
        count = fates.shape[1]
        drawn = picks.setdefault(count, rng.integers(count, size=(WAYS, count)))
        each = [_crossing(x, isotonic_regression(fates[:, pick].mean(axis=1)).x) for pick in drawn]
        ways[key] = 10 ** np.clip(each, x[0], x[-1])
    return ways


def _median_ends(predicted: pd.Series, ways: dict[tuple[str, str, str], np.ndarray]) -> list[End]:
    """Ends of the interval of the median of measured over predicted when each problem's replicates are drawn
    anew."""
    rng, problems = np.random.default_rng(94), predicted.index.get_level_values("problem")
    names, member = np.unique(problems, return_inverse=True)
    table = np.stack([ways[key] for key in predicted.index]) / predicted.to_numpy()[:, None]
    picks = rng.integers(WAYS, size=(DRAWS, len(names)))[:, member]
    return ends_of(np.median(table[np.arange(len(table)), picks], axis=1))


def _measured(found: Audit) -> pd.DataFrame:
    """The cells with their limit fitted anew, the zone in which runs do both, and the limit over theory's."""
    cells = found.cells.set_index(CELL)
    fits = {key: fitted(at) for key, at in found.runs[found.runs["phase"] == "limit"].groupby(CELL)}
    known = cells.assign(
        measured=pd.Series({key: fit[0] for key, fit in fits.items()}).reindex(cells.index),
        zone=pd.Series({key: fit[1] for key, fit in fits.items()}).reindex(cells.index),
    )
    return known.assign(ratio=known["measured"] / known["limit_predicted"].astype(float))


def _with_short_run(known: pd.DataFrame) -> pd.DataFrame:
    """Those that had one, with a column for each predictor, OWN for the one that counts."""
    at = known[known["limit_forecasts"].notna()]
    each = pd.DataFrame(at["limit_forecasts"].tolist(), index=at.index, dtype=float)
    names = at.index.get_level_values("optimizer")
    return at.assign(
        **{str(name): each[name] for name in each},
        **{OWN: at["limit_forecast"].astype(float), THEORY: at["limit_predicted"].astype(float)},
        overflows=names.isin(OVERFLOWING),
    )


def _twice(ratio: pd.Series) -> tuple[int, int]:
    """How many are within a factor of two, of how many."""
    known = ratio.dropna()
    return int(((known >= 0.5) & (known <= 2)).sum()), len(known)


def _chosen_without(cells: pd.DataFrame, problem: str) -> pd.Series:
    """Measured over predicted on a problem, by the predictor with the least spread on the others."""
    own = cells.index.get_level_values("problem") == problem
    others = cells[~own]
    spreads = {
        name: float(np.log10((others["measured"] / others[name]).dropna()).std(ddof=1))
        for name in [*cells["limit_forecasts"].iloc[0], THEORY]
        if 2 * (others[name] > 0).sum() > len(others)
    }
    best = min(spreads, key=lambda name: spreads[name])
    return (cells.loc[own, "measured"] / cells.loc[own, best]).dropna()


def fitted(runs: pd.DataFrame) -> tuple[float, float]:
    """The rate at which half of the runs diverge, NaN for none, and the decades over which both happens."""
    gone = runs.pivot(index="rate", columns="replicate", values="gone").sort_index()
    x, share = np.log10(gone.index.to_numpy(dtype=float)), isotonic_regression(gone.mean(axis=1)).x
    low, high = x[gone.any(axis=1).to_numpy()], x[~gone.all(axis=1).to_numpy()]
    at = _crossing(x, share)
    if not np.isfinite(at):
        return float("nan"), 0.0
    return float(10**at), float(max(0.0, high.max() - low.min()))


def _crossing(x: np.ndarray, share: np.ndarray) -> float:
    """Where a share that does not fall crosses one half; infinite beyond the ends."""
    above = np.flatnonzero(share >= 0.5 - 1e-9)
    if not len(above) or above[0] == 0:
        return float("-inf") if len(above) else float("inf")
    i, half = above[0], np.flatnonzero(abs(share - 0.5) < 1e-9)
    if len(half) > 1:
        return float((x[half[0]] + x[half[-1]]) / 2)
    return float(x[i - 1] + (0.5 - share[i - 1]) / (share[i] - share[i - 1]) * (x[i] - x[i - 1]))
