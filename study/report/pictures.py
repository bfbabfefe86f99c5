"""Which figures the report has, each as the views that its panels show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from overshoot.study.analysis import selections
from overshoot.study.analysis.extremes import FEW, by_rank, by_width, extremes, rows_shown
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.figures.curves import SIZE as CURVES
from overshoot.study.figures.curves import CurveView, Line, draw_curves
from overshoot.study.figures.divergence_times import SIZE as DIVERGENCE
from overshoot.study.figures.divergence_times import DivergenceView, draw_divergence
from overshoot.study.figures.keys import (
    CURVE_KEYS,
    DIVERGENCE_KEYS,
    LIMIT_KEYS,
    PATH_KEYS,
    RANGE_KEYS,
    RATE_KEYS,
    SCORE_KEYS,
    LegendKey,
    batch_keys,
)
from overshoot.study.figures.pair_rows import RangeView, ScoreView, draw_ranges, draw_scores, rows_size
from overshoot.study.figures.panels import Draw, Panels
from overshoot.study.figures.rate_panels import RateView, draw_rates, rates_size
from overshoot.study.figures.surface_maps import SIZE as PATHS
from overshoot.study.figures.surface_maps import PathView, Way, draw_paths
from overshoot.study.figures.theme import INK, Looks
from overshoot.study.findings.codes import SCORES
from overshoot.study.numbers import number
from overshoot.study.phases.best_rates import RESOLUTION
from overshoot.study.phases.outcomes import Outcome
from overshoot.study.phases.search import Claim

CEILING = 1e3
"""Curves that rise above this multiple of the initial gap leave their panel at its upper edge."""

SHORT = 250
"""Characters up to which a picture's panels are all described."""


@dataclass(frozen=True)
class Tile:
    """One panel of a picture: what it is about, and the same in words for those who cannot see it."""

    alt: str
    problem: str = ""
    optimizer: str = ""
    batch: str = ""


@dataclass(frozen=True)
class Picture:
    """A figure of small multiples, a tile for each panel: in the page they flow, in a file they are a grid.

    name: of its file and its place in the page.
    """

    name: str
    panels: Panels
    tiles: Sequence[Tile]

    @property
    def keys(self) -> Sequence[LegendKey]:
        return self.panels.keys

    @property
    def alt(self) -> str:
        """The picture in words: all panels where that is short, else the first and how many there are."""
        whole = "; ".join(tile.alt for tile in self.tiles)
        if len(self.tiles) < 2 or len(whole) <= SHORT:
            return whole
        return f"The first of {len(self.tiles)} panels: {self.tiles[0].alt}"


def overview(tables: Tables, looks: Looks) -> list[Picture]:
    """Usable ranges, training gaps and test scores, a panel for each problem; of many optimizers the best and
    the worst."""
    problems = tables.study.names.problems
    widest, furthest, fittest = (
        looks.only(extremes(looks.optimizers, scores, rows_shown(len(problems))))
        for scores in (
            by_width(tables.sensitivity),
            by_rank(tables.ranking["gap"]),
            by_rank(tables.ranking["test_score"]),
        )
    )
    scores = dict(zip(tables.study.cells["problem"], tables.study.cells["score"], strict=True))
    tests = [_score_view(tables, fittest, p, "test_score", f"test {SCORES[scores[p]]}") for p in problems]
    gaps = [_score_view(tables, furthest, p, "gap", "training gap q") for p in problems]
    ranges = [_range_view(tables, widest, p) for p in problems]
    spans = [*batch_keys(looks, "bar"), *RANGE_KEYS]
    marks = [*batch_keys(looks, "mark"), *SCORE_KEYS]
    at_rates = "training gap at the tuned and the default rate"
    return [
        _rows("ranges", draw_ranges, ranges, spans, (looks, widest), problems, "usable range"),
        _rows("gaps", draw_scores, gaps, marks, (looks, furthest), problems, at_rates),
        _rows(
            "tests",
            draw_scores,
            tests,
            marks,
            (looks, fittest),
            problems,
            at_rates.replace("training gap", "test score"),
        ),
    ]


def _rows(
    name: str,
    draw: Draw,
    views: Sequence[RangeView | ScoreView],
    keys: Sequence[LegendKey],
    looks: tuple[Looks, Looks],
    problems: Mapping[str, str],
    what: str,
) -> Picture:
    """A panel of rows for each problem. looks: of all optimizers, and of those that are shown."""
    whole, shown = looks
    tiles = [
        Tile(f"{label}: {what} of each optimizer with each batch strategy", problem)
        for problem, label in problems.items()
    ]
    size = rows_size(len(shown.optimizers), len(shown.batches))
    return Picture(name, Panels(draw, views, size, 2, [*keys, *left_out_key(whole, shown)]), tiles)


def left_out_key(whole: Looks, shown: Looks) -> list[LegendKey]:
    """What a legend says where only some of the optimizers are shown: words without a sign."""
    count, of = len(shown.optimizers), len(whole.optimizers)
    if count == of:
        return []
    return [
        LegendKey(
            f"the best {count - count // 2} and the worst {count // 2} of {of}; the tables have all", INK
        )
    ]


def problem_rates(tables: Tables, looks: Looks, problem: str, name: str) -> Picture:
    """Final gap against learning rate on one problem, a panel for each optimizer; of many the best and the
    worst on this problem."""
    rates = _of(tables.rates, problem)
    confirmed = _of(tables.claimed(Claim.TRAINING), problem)
    known = _of(tables.limits, problem).dropna(subset=["measured", "predicted"], how="all")
    finite = rates["gap_low"][np.isfinite(rates["gap_low"]) & (rates["gap_low"] > 0)]
    gap_range = (_decade_below(max(finite.min(), RESOLUTION) if len(finite) else RESOLUTION), 4.0)
    few = looks.only(extremes(looks.optimizers, _gaps(tables, problem), FEW))
    views, tiles = [], []
    for optimizer, look in few.optimizers.items():
        at = rates[rates["optimizer"] == optimizer]
        if at.empty:
            continue
        tuned = selections.tuned(confirmed[confirmed["optimizer"] == optimizer])
        tuned = tuned.assign(gap=[interval.value for interval in tuned["gap"]])
        default = _default_rates(tables)[optimizer]
        ends = [*rates["rate"], *confirmed["rate"]]
        span = (min(ends) / 1.4, max(ends) * 1.4)
        own_limits = known[known["optimizer"] == optimizer]
        ends_at = _at_end(_of(tables.sensitivity, problem), optimizer, at)
        tolerance = tables.study.tolerance
        shown = own_limits if len(known) else None
        views.append(
            RateView(look, looks.batches, at, tuned, default, tolerance, span, gap_range, shown, ends_at)
        )
        label = tables.study.names.problems[problem]
        alt = f"{look.label} on {label}: final training gap and outcome at each rate, by batch strategy"
        boundary = "".join(f"; best rate of {batch} at the search boundary" for batch in ends_at)
        tiles.append(Tile(alt + _limits_in_words(own_limits) + boundary, problem, optimizer))
    keys = [*batch_keys(looks), *RATE_KEYS, *(LIMIT_KEYS if len(known) else []), *left_out_key(looks, few)]
    size = rates_size(len(known) > 0, len(looks.batches))
    return Picture(name, Panels(draw_rates, views, size, 4, keys), tiles)


def _at_end(sensitivity: pd.DataFrame, optimizer: str, rates: pd.DataFrame) -> list[str]:
    """The batch strategies whose best rate is the first or the last one of the sweep."""
    best = sensitivity[sensitivity["optimizer"] == optimizer]
    ends = np.isclose(best["best"], rates["rate"].min()) | np.isclose(best["best"], rates["rate"].max())
    return [str(batch) for batch in best["batch"][ends]]


def _limits_in_words(limits: pd.DataFrame) -> str:
    """`; limit of full 0.52 (predicted 0.51)`, for each batch strategy; empty for none."""
    texts = []
    for row in records(limits):
        known = [(row["measured"], "{}"), (row["predicted"], "(predicted {})")]
        numbers = " ".join(text.format(number(value)) for value, text in known if np.isfinite(value))
        texts.append(f"{row['batch']} {numbers}")
    return f"; limits: {', '.join(texts)}" if texts else ""


def problem_curves(tables: Tables, looks: Looks, problem: str, batch: str, name: str) -> Picture:
    """Training curves at three rates on one problem with one batch strategy, a panel for each optimizer; of
    many the best and the worst on this problem."""
    curves = tables.curves[problem]
    shown = looks.only(extremes(looks.optimizers, _gaps(tables, problem), FEW))
    gaps = curves["gap"][np.isfinite(curves["gap"]) & (curves["gap"] > 0)]
    low = _decade_below(max(gaps.min(), RESOLUTION) if len(gaps) else RESOLUTION)
    high = min(10.0 ** np.ceil(np.log10(gaps.max())), CEILING) if len(gaps) else 10.0
    lines = _lines(curves[curves["batch"] == batch])
    views, tiles = [], []
    for optimizer, look in shown.optimizers.items():
        if optimizer not in lines:
            continue
        gap_range = (low, max(high, 10.0))
        budget = float(curves["examples"].max())
        views.append(CurveView(look, lines[optimizer], tables.study.tolerance, budget, gap_range))
        rates = {line.role: number(line.rate) for line in lines[optimizer]}
        label = f"{tables.study.names.problems[problem]}, {looks.batches[batch].label}"
        named = ", ".join(f"{role} {rate}" for role, rate in rates.items())
        alt = f"{look.label} on {label}: training gap against examples at three learning rates: {named}"
        tiles.append(Tile(alt, problem, optimizer))
    return Picture(
        name, Panels(draw_curves, views, CURVES, 4, [*CURVE_KEYS, *left_out_key(looks, shown)]), tiles
    )


def _gaps(tables: Tables, problem: str) -> dict[str, float]:
    """Optimizer -> its mean rank in tuned training gap over the batch strategies of one problem."""
    tuned = selections.tuned(_of(tables.claimed(Claim.TRAINING), problem))
    values = tuned.assign(gap=[interval.value for interval in tuned["gap"]])
    ranks = values.assign(rank=values.groupby("batch")["gap"].rank())
    return by_rank(ranks)


def _lines(curves: pd.DataFrame) -> dict[str, list[Line]]:
    """The trials of each optimizer; a loss that is no number is beyond any."""
    lines: dict[str, list[Line]] = {}
    whole = curves.assign(gap=curves["gap"].fillna(np.inf))
    axes = ["optimizer", "role", "rate", "replicate", "outcome"]
    for (optimizer, role, rate, replicate, outcome), line in whole.groupby(axes, sort=False):
        examples, gap = (line[name].to_numpy() for name in ("examples", "gap"))
        drawn = Line(str(role), float(str(rate)), str(replicate), outcome == Outcome.DIVERGED, examples, gap)
        lines.setdefault(str(optimizer), []).append(drawn)
    return lines


def problem_paths(tables: Tables, looks: Looks, problem: str, batch: str, name: str) -> Picture:
    """Paths on the loss surface at four rates with one batch strategy, a panel for each optimizer; none
    where the problem has no surface."""
    points = _of(tables.paths, problem)
    points = points[points["batch"] == batch]
    shown = looks.only(extremes(looks.optimizers, _gaps(tables, problem), FEW))
    views, tiles = [], []
    for optimizer, look in shown.optimizers.items():
        own = points[points["optimizer"] == optimizer]
        if own.empty:
            continue
        ways = {str(kind): _way(way) for kind, way in own.groupby("kind", sort=False)}
        views.append(PathView(look, tables.surfaces[problem], ways))
        named = ", ".join(f"{kind} {number(way.rate)}" for kind, way in ways.items())
        label = f"{tables.study.names.problems[problem]}, {looks.batches[batch].label}"
        alt = f"{look.label} on {label}: path over slope and intercept at rates that are {named}"
        tiles.append(Tile(alt, problem, optimizer, batch))
    return Picture(
        name, Panels(draw_paths, views, PATHS, 4, [*PATH_KEYS, *left_out_key(looks, shown)]), tiles
    )


def _way(points: pd.DataFrame) -> Way:
    first = points.iloc[0]
    theta = points[["theta_0", "theta_1"]].to_numpy()
    return Way(float(first["rate"]), first["outcome"] == Outcome.DIVERGED, points["update"].to_numpy(), theta)


def divergence(tables: Tables, looks: Looks) -> list[Picture]:
    """How often runs above the best rate diverged, when and how fast those of the whole sweep did."""
    shares = tables.shares.assign(role="tuned", **_ends(tables.shares["share"]))
    label = "share diverged, up to ten times the best rate"
    view = ScoreView("all problems", looks, shares, label, (0.0, 1.0), False)
    size = rows_size(len(looks.optimizers), len(looks.batches))
    keys = batch_keys(looks, "mark")
    alt = "share of the runs within a decade above the best rate that diverged"
    gone = selections.swept(tables.diverged)
    made = [
        Picture(
            "diverged",
            Panels(draw_scores, [view], size, 1, keys),
            [Tile(f"{alt}, by optimizer and batch strategy")],
        )
    ]
    for name, y, label, what in (
        ("steps", "step", "update", "update at which runs blew up"),
        ("growth", "decades", "decades per update", "growth of the loss"),
    ):
        known = gone[gone[y].notna()]
        if known.empty:
            continue
        views = _divergence_views(tables, looks, known, y, label)
        alts = [
            Tile(f"{o.label}: {what}, against learning rate", optimizer=k)
            for k, o in looks.optimizers.items()
        ]
        made.append(
            Picture(name, Panels(draw_divergence, views, DIVERGENCE, 4, [*keys, *DIVERGENCE_KEYS]), alts)
        )
    return made


def _divergence_views(
    tables: Tables, looks: Looks, gone: pd.DataFrame, y: str, label: str
) -> list[DivergenceView]:
    positive = gone[y][gone[y] > 0]
    low = max(_decade_below(positive.min()), 1e-5) if len(positive) else 1e-5
    high = 10.0 ** np.ceil(np.log10(positive.max())) if len(positive) else 1.0
    rates = (gone["rate"].min() / 2, tables.rates["rate"].max() * 2)
    return [
        DivergenceView(
            look, looks.batches, gone[gone["optimizer"] == o], y, label, rates, (low * 0.7, high * 1.3), True
        )
        for o, look in looks.optimizers.items()
    ]


def _range_view(tables: Tables, looks: Looks, problem: str) -> RangeView:
    rates = tables.rates["rate"]
    rate_range = (rates.min() / 1.4, rates.max() * 1.4)
    label = tables.study.names.problems[problem]
    rows = _among(_of(tables.sensitivity, problem), looks)
    defaults = {o: rate for o, rate in _default_rates(tables).items() if o in looks.optimizers}
    return RangeView(label, looks, rows, defaults, rate_range)


def _score_view(tables: Tables, looks: Looks, problem: str, score: str, axis: str) -> ScoreView:
    claimed = tables.claimed(Claim.TRAINING if score == "gap" else Claim.VALIDATION)
    rows = _among(_of(claimed, problem), looks)
    rows = rows.assign(**_ends(rows[score]))
    log = score == "gap"
    label = tables.study.names.problems[problem]
    return ScoreView(label, looks, rows, axis, _score_range(rows, log), log)


def _score_range(rows: pd.DataFrame, log: bool) -> tuple[float, float]:
    """What the tuned scores and their intervals span, with a margin; all gaps, as they go up to 1."""
    shown = rows if log else selections.tuned(rows)
    ends = shown[["low", "value", "high"]].to_numpy().ravel()
    ends = ends[np.isfinite(ends)]
    if log:
        return max(ends.min() / 1.6, RESOLUTION / 2) if len(ends) else RESOLUTION, 2.0
    if not len(ends):
        return 0.0, 1.0
    margin = 0.06 * max(ends.max() - ends.min(), 0.01)
    return float(ends.min() - margin), float(ends.max() + margin)


def _ends(intervals: pd.Series) -> dict[str, list[float]]:
    return {name: [getattr(interval, name) for interval in intervals] for name in ("value", "low", "high")}


def _default_rates(tables: Tables) -> dict[str, float]:
    defaults = tables.study.cells.groupby("optimizer", sort=False)["default_rate"].first()
    return {str(optimizer): float(rate) for optimizer, rate in defaults.items()}


def _of(table: pd.DataFrame, problem: str) -> pd.DataFrame:
    return table[table["problem"] == problem]


def _among(table: pd.DataFrame, looks: Looks) -> pd.DataFrame:
    return table[table["optimizer"].isin(list(looks.optimizers))]


def _decade_below(value: float) -> float:
    return float(10.0 ** np.floor(np.log10(value)))
