"""What changed between two sides, cell by cell, by intervals and with Holm's correction."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from overshoot.study.analysis import selections
from overshoot.study.analysis.frame import doubt
from overshoot.study.analysis.labels import problem_of
from overshoot.study.compare.pairs import Axes
from overshoot.study.compare.pairs import pairs as matched
from overshoot.study.compare.sides import Side
from overshoot.study.phases.best_rates import RESOLUTION
from overshoot.study.phases.confirm import at_rates
from overshoot.study.phases.limit import LimitSummary
from overshoot.study.phases.search import Claim, SearchSummary
from overshoot.study.phases.sweep import SweepSummary, curve_of
from overshoot.study.statistics import LEVEL, Interval, difference, holm, unequal
from overshoot.study.tracking import StoredCell

PRECISION = 0.01
"""Relative width to which limits are measured: a smaller difference is none."""

UNCLEAR, LOWER, HIGHER = "no clear difference", "lower", "higher"


@dataclass(frozen=True)
class Pair:
    """A number of each side, with its interval over replicates, and how B's compares with A's.

    verdict: LOWER or HIGHER where the intervals do not overlap, UNCLEAR where they do, empty where the
    numbers cannot be compared or do not exist.
    """

    a: Interval | None
    b: Interval | None
    verdict: str = ""


@dataclass(frozen=True)
class Change:
    """What became of one cell. axes: of A's cell; other: of B's, where one thing was changed. same: both
    sides have the very same run.

    rate: tuned; its verdict says whether it moved by more than a step of the sweep's grid. gap: log10 of
    B's training gap at its tuned rate over A's, with its interval; None without replicates of both. paired:
    whether replicates start from the same weights and see the same data. p: of no difference, after Holm's
    correction. width: of the usable range, in decades. limit: the smallest diverging rate. share: of the
    sweep's runs that diverged. doubts: of each side, why its search is in doubt; empty where it is not.
    """

    axes: Axes
    same: bool
    rate: Pair
    gap: Interval | None
    paired: bool
    p: float
    width: Pair
    limit: Pair
    share: Pair
    doubts: tuple[str, str]
    other: Axes

    @property
    def verdict(self) -> str:
        """Whether B's gap is clearly different from A's, corrected over all cells."""
        if self.gap is None:
            return ""
        clear = self.p < 1 - LEVEL and self.gap.excludes(0)
        return UNCLEAR if not clear else LOWER if self.gap.value < 0 else HIGHER

    @property
    def changed(self) -> bool:
        """Whether anything of it is clearly different."""
        pairs = (self.rate, self.width, self.limit, self.share)
        return any(verdict in (LOWER, HIGHER) for verdict in (self.verdict, *(p.verdict for p in pairs)))


@dataclass(frozen=True)
class StudyComparison:
    """settings: a line for each setting that differs. changes: of the cells that both sides have.
    only_a, only_b: those of one alone."""

    a: Side
    b: Side
    settings: list[str]
    changes: list[Change]
    only_a: list[Axes]
    only_b: list[Axes]


def compare(a: Side, b: Side, asked: Iterable[tuple[str, str]] = ()) -> StudyComparison:
    """Everything that differs between two sides, A's order of cells kept. asked: see `pairs`."""
    of_a, of_b = ({axes_of(cell): cell for cell in side.cells} for side in (a, b))
    shared = matched(of_a, of_b, asked)
    pairs = [(of_a[x], of_b[y]) for x, y in shared]
    settings = [(a.definitions[x.key], b.definitions[y.key]) for x, y in pairs]
    changes = [
        _change(axes, other, x, y, had, has)
        for (axes, other), (x, y), (had, has) in zip(shared, pairs, settings, strict=True)
    ]
    return StudyComparison(
        a,
        b,
        _settings(settings, [x.key != y.key for x, y in pairs]),
        _corrected(changes),
        [axes for axes in of_a if axes not in {x for x, _ in shared}],
        [axes for axes in of_b if axes not in {y for _, y in shared}],
    )


def axes_of(cell: StoredCell) -> Axes:
    return problem_of(cell.tags), cell.tags["optimizer"], cell.tags["batch"]


def _settings(pairs: list[tuple[dict[str, Any], dict[str, Any]]], differ: list[bool]) -> list[str]:
    """Each setting that differs, with both values and in how many of the cells."""
    counts: Counter[tuple[str, str, str]] = Counter()
    silent = 0
    for (had, has), other in zip(pairs, differ, strict=True):
        one, two = _flat(had), _flat(has)
        names = [name for name in one | two if one.get(name) != two.get(name)]
        counts.update((n, str(one.get(n, "absent")), str(two.get(n, "absent"))) for n in names)
        silent += other and not names
    lines = [
        f"{name}: {one} in A, {two} in B{_share(count, len(pairs))}"
        for (name, one, two), count in counts.items()
    ]
    if silent:
        lines.append(f"the version of the program, where all settings agree{_share(silent, len(pairs))}")
    return lines


def _share(count: int, cells: int) -> str:
    return "" if count == cells else f" ({count} of {cells} cells)"


def _flat(tree: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested settings as one table: `budget.epochs` -> 40. The protocol's own name says nothing."""
    flat: dict[str, Any] = {}
    for name, value in tree.items():
        place = f"{path}{name}"
        flat |= _flat(value, f"{place}.") if isinstance(value, dict) else {place: value}
    return {name.removeprefix("protocol.").removeprefix("phases."): value for name, value in flat.items()}


def _change(
    axes: Axes, other: Axes, a: StoredCell, b: StoredCell, had: dict[str, Any], has: dict[str, Any]
) -> Change:
    gaps = [_gaps(cell) for cell in (a, b)]
    paired = _paired(had, has) and list(gaps[0].index) == list(gaps[1].index)
    logs = [np.log10(np.maximum(g.to_numpy(), RESOLUTION)) for g in gaps]
    known = all(len(values) > 1 for values in logs)
    return Change(
        axes,
        a.run_id == b.run_id,
        _rates(a, b, had, has),
        difference(logs[0], logs[1], paired) if known else None,
        paired,
        unequal(logs[0], logs[1], paired) if known else float("nan"),
        _widths(a, b, had, has),
        _limits(a, b),
        _shares(a, b),
        (doubt(a.summary), doubt(b.summary)),
        other,
    )


def _corrected(changes: list[Change]) -> list[Change]:
    """With Holm's correction over all cells that were run twice, each kind of p-value for itself."""
    tested = [i for i, c in enumerate(changes) if c.gap is not None and not c.same]
    adjusted = (
        dict(zip(tested, holm(np.array([changes[i].p for i in tested])), strict=True)) if tested else {}
    )
    return [
        dataclasses.replace(c, p=float(adjusted[i])) if i in adjusted else c for i, c in enumerate(changes)
    ]


def _paired(had: dict[str, Any], has: dict[str, Any]) -> bool:
    """Common random numbers: replicates of one name are of the same data, weights and order."""
    same = all(had[name] == has[name] for name in ("dataset", "network"))
    return same and had["protocol"]["seed"] == has["protocol"]["seed"]


def _gaps(cell: StoredCell) -> pd.Series:
    """Replicate -> training gap at the tuned rate, infinite where the run diverged."""
    rate = cell.summary.part(SearchSummary).tuned_rate(Claim.TRAINING)
    tuned = at_rates(cell.trials, np.nan if rate is None else rate, np.nan)
    gaps = tuned["q_end"].mask(selections.diverged(tuned), np.inf)
    return gaps.set_axis(tuned["replicate"]).sort_index()


def _rates(a: StoredCell, b: StoredCell, had: dict[str, Any], has: dict[str, Any]) -> Pair:
    step = 1 / min(had["rates"]["per_decade"], has["rates"]["per_decade"])
    tuned = [_point(cell.summary.part(SearchSummary).tuned_rate_training) for cell in (a, b)]
    return _pair(tuned[0], tuned[1], 10**step * (1 + 1e-9))


def _widths(a: StoredCell, b: StoredCell, had: dict[str, Any], has: dict[str, Any]) -> Pair:
    tolerances = [settings["protocol"]["tolerance"] for settings in (had, has)]
    widths = [_width(cell, tolerance) for cell, tolerance in zip((a, b), tolerances, strict=True)]
    comparable = tolerances[0] == tolerances[1] and had["rates"] == has["rates"]
    return _pair(widths[0], widths[1]) if comparable else Pair(widths[0], widths[1])


def _width(cell: StoredCell, tolerance: float) -> Interval:
    """Width of the usable range in decades: median and extremes over the replicates of the sweep."""
    rates, parts = selections.by_rate(_swept(cell))
    alone = ([part[:, [k]] for part in parts] for k in range(parts[0].shape[1]))
    widths = [curve_of(rates, *own).width(tolerance) for own in alone]
    return Interval(float(np.median(widths)), min(widths), max(widths))


def _limits(a: StoredCell, b: StoredCell) -> Pair:
    """Measured limits; where a side has none, both sides' sweep boundaries, without a verdict."""
    limits = [limit_of(cell) for cell in (a, b)]
    if None in limits:
        limits = [_point(cell.summary.part(SweepSummary).sweep_boundary) for cell in (a, b)]
        return Pair(limits[0], limits[1])
    return _pair(limits[0], limits[1], 1 + PRECISION)


def limit_of(cell: StoredCell) -> Interval | None:
    """The measured stability limit with its interval; None where there is none."""
    limit = cell.summary.get(LimitSummary)
    if limit is None or limit.limit_measured is None or limit.limit_low is None or limit.limit_high is None:
        return None
    return Interval(limit.limit_measured, limit.limit_low, limit.limit_high)


def _shares(a: StoredCell, b: StoredCell) -> Pair:
    """Of the sweep's runs; judged where both swept the same rates."""
    shares = [_diverged(cell) for cell in (a, b)]
    same = set(_swept(a)["rate"]) == set(_swept(b)["rate"])
    return _pair(shares[0], shares[1]) if same else Pair(shares[0], shares[1])


def _diverged(cell: StoredCell) -> Interval:
    """Of the sweep's runs that diverged: median and extremes over its replicates. Runs at neighbouring rates
    are not independent."""
    swept = _swept(cell)
    each = selections.diverged(swept).groupby(swept["replicate"]).mean()
    return Interval(float(each.median()), float(each.min()), float(each.max()))


def _swept(cell: StoredCell) -> pd.DataFrame:
    return selections.swept(cell.trials)


def _point(value: float | None) -> Interval | None:
    return None if value is None else Interval(value, value, value)


def _pair(a: Interval | None, b: Interval | None, slack: float = 1.0) -> Pair:
    """Both, clearly different where the intervals lie further apart than this factor."""
    if a is None or b is None:
        return Pair(a, b)
    if b.low > a.high * slack:
        return Pair(a, b, HIGHER)
    return Pair(a, b, LOWER if b.high * slack < a.low else UNCLEAR)
