"""How the tuned optimizers rank, what the ranks can tell apart, and how far they hang on single data.

Ranks are taken within a problem, and problems are the blocks of every test: replicates of one problem are
no independent witnesses of which optimizer is better in general.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from overshoot.study.analysis.frame import Study
from overshoot.study.analysis.scores import Replicates, medians
from overshoot.study.comparison import few
from overshoot.study.leadership import Leadership, leadership
from overshoot.study.statistics import (
    agreement,
    cliques,
    critical_distance,
    friedman,
    holm,
    mean_ranks,
)

ALL = ""
"""Stands for all batch strategies together, where one is asked for."""

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Diagram:
    """A critical-difference diagram (Demšar 2006). optimizers: by mean rank, the best first; ranks: theirs.
    problems: how many blocks there are. p: Friedman's, of a single batch strategy with Holm's correction
    over all of them. distance: Nemenyi's critical one. bars: first and last place of the largest groups
    without a clear difference; one bar over all where Friedman's test finds no difference, since then no pair
    may be tested. lead: who comes first when the problems are resampled."""

    batch: str
    optimizers: tuple[str, ...]
    ranks: np.ndarray
    problems: int
    p: float
    distance: float
    bars: tuple[tuple[int, int], ...]
    lead: Leadership

    @property
    def differs(self) -> bool:
        """Whether Friedman's test finds that the ranks differ."""
        return self.p < SIGNIFICANT

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs that are clearly different, the better one first."""
        places = [(i, j) for j in range(len(self.ranks)) for i in range(j)]
        return [
            (self.optimizers[i], self.optimizers[j])
            for i, j in places
            if not any(first <= i and j <= last for first, last in self.bars)
        ]


def standing(study: Study, scores: Replicates, batch: str = ALL) -> pd.DataFrame:
    """(problems, optimizers): ranks of the tuned optimizers' middle scores within each problem, 1 the best.

    Of ALL batch strategies: the mean over them, ranked once more, so that each problem counts once.
    """
    batches = [batch] if batch else list(study.names.batches)
    tables = [_ranked(table) for b in batches if not (table := medians(study, scores, b)).empty]
    if not tables:
        return pd.DataFrame()
    return _ranked(pd.concat(tables).groupby(level=0, sort=False).mean())


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(rankdata(table, axis=1), table.index, table.columns)


def diagrams(study: Study, scores: Replicates) -> list[Diagram]:
    """A diagram of all batch strategies together, then of each; none without two optimizers, and none of
    few problems, whose ranks no test can distinguish."""
    batches = [ALL, *study.names.batches] if len(study.names.batches) > 1 else [*study.names.batches]
    tables = {batch: standing(study, scores, batch) for batch in batches}
    tables = {batch: table for batch, table in tables.items() if not few(len(table)) and table.shape[1] > 1}
    tests = {batch: friedman(table.to_numpy()) for batch, table in tables.items()}
    single = [batch for batch in tests if batch != ALL]
    tests |= zip(single, holm(np.array([tests[batch] for batch in single])).tolist(), strict=True)
    return [_diagram(batch, table, tests[batch]) for batch, table in tables.items()]


def _diagram(batch: str, table: pd.DataFrame, p: float) -> Diagram:
    ranks = mean_ranks(table.to_numpy())
    order = np.argsort(ranks, kind="stable")
    problems, methods = table.shape
    distance = critical_distance(methods, problems)
    # Friedman's test needs three methods: of two, Nemenyi's distance is the whole test.
    tested = p < SIGNIFICANT or methods == 2
    bars = cliques(ranks[order], distance) if tested else [(0, methods - 1)]
    names = tuple(str(table.columns[i]) for i in order)
    lead = leadership(table.to_numpy(), [str(name) for name in table.columns])
    return Diagram(batch, names, ranks[order], problems, p, distance, tuple(bars), lead)


def left_out(study: Study, scores: Replicates) -> pd.DataFrame:
    """Mean ranks of all batch strategies together when one problem, or one replicate of every cell, is left
    out: a row for each `kind` (problem, replicate), what is left `out`, and optimizer, with its `rank`.

    The first rows are those with nothing left out (kind and out empty).
    """
    whole = standing(study, scores)
    rows = [_ranks("", "", whole)]
    if len(whole) > 1:
        rows += [_ranks("problem", str(problem), whole.drop(problem)) for problem in whole.index]
    replicate_count = max((len(values) for values in scores.values()), default=0)
    if replicate_count > 1:
        rows += [
            _ranks("replicate", f"replicate {i + 1}", standing(study, dict(_without(scores, i))))
            for i in range(replicate_count)
        ]
    return pd.concat(rows, ignore_index=True)


def _ranks(kind: str, out: str, table: pd.DataFrame) -> pd.DataFrame:
    ranks = mean_ranks(table.to_numpy()) if table.size else np.empty(0)
    return pd.DataFrame({"kind": kind, "out": out, "optimizer": list(table.columns), "rank": ranks})


def _without(scores: Replicates, i: int) -> Iterator[tuple[tuple[str, str, str, str], np.ndarray]]:
    """The scores without their replicate i; what has no other one keeps it."""
    for key, values in scores.items():
        yield key, np.delete(values, i) if len(values) > max(i, 1) else values


@dataclass(frozen=True)
class Stability:
    """What leaving out one of a `kind` (problem or replicate) does to the ranking over all batch strategies.

    out: how many were left out in turn. moved: what was out when another optimizer came first. tau: lowest
    and middle of Kendall's tau between the ranking and the whole one. span: optimizer -> its lowest and
    highest mean rank.
    """

    kind: str
    out: int
    moved: tuple[str, ...]
    tau: tuple[float, float]
    span: dict[str, tuple[float, float]]


def stability(ranks: pd.DataFrame) -> list[Stability]:
    """What `left_out` found, a Stability for each kind that has any."""
    whole = ranks[ranks["kind"] == ""].set_index("optimizer")["rank"]
    steady = []
    for kind, group in ranks[ranks["kind"] != ""].groupby("kind", sort=False):
        table = group.pivot(index="out", columns="optimizer", values="rank")[whole.index]
        taus = [agreement(row, whole.to_numpy()) for row in table.to_numpy()]
        # A tie for the first place that is broken has brought nobody new to it.
        moved = tuple(str(out) for out in table.index if not leaders(table.loc[out]) <= leaders(whole))
        span = {str(o): (float(table[o].min()), float(table[o].max())) for o in table}
        steady.append(Stability(str(kind), len(table), moved, (min(taus), float(np.median(taus))), span))
    return steady


def leaders(ranks: pd.Series) -> frozenset[str]:
    """Whoever shares the best rank."""
    return frozenset(str(name) for name in ranks.index[np.isclose(ranks, ranks.min())])
