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

from study.analysis.frame import Study
from study.analysis.scores import Replicates, medians
from study.findings.claims import Finding, Runs, runs_of
from study.numbers import fixed, listing, number, plural
from study.statistics import (
    agreement,
    cliques,
    critical_distance,
    friedman,
    holm,
    mean_ranks,
    problems_needed,
)

ANCHOR = "ranks"

ALL = ""
"""Stands for all batch strategies together, where one is asked for."""

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Diagram:
    """A critical-difference diagram (Demšar 2006). optimizers: by mean rank, the best first; ranks: theirs.
    problems: how many blocks there are. p: Friedman's, of a single batch strategy with Holm's correction
    over all of them. distance: Nemenyi's critical one. bars: first and last place of the largest groups
    that are not told apart; one bar over all where Friedman's test finds no difference, since then no pair
    may be tested."""

    batch: str
    optimizers: tuple[str, ...]
    ranks: np.ndarray
    problems: int
    p: float
    distance: float
    bars: tuple[tuple[int, int], ...]

    @property
    def differs(self) -> bool:
        """Whether Friedman's test finds that the ranks differ."""
        return self.p < SIGNIFICANT

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs that are told apart, the better one first."""
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
    """A diagram of all batch strategies together, then of each; none without two optimizers and problems."""
    batches = [ALL, *study.names.batches] if len(study.names.batches) > 1 else [*study.names.batches]
    tables = {batch: standing(study, scores, batch) for batch in batches}
    tables = {batch: table for batch, table in tables.items() if min(table.shape) > 1}
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
    return Diagram(batch, names, ranks[order], problems, p, distance, tuple(bars))


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
    found = []
    for kind, group in ranks[ranks["kind"] != ""].groupby("kind", sort=False):
        table = group.pivot(index="out", columns="optimizer", values="rank")[whole.index]
        taus = [agreement(row, whole.to_numpy()) for row in table.to_numpy()]
        # A tie for the first place that is broken has brought nobody new to it.
        moved = tuple(str(out) for out in table.index if not _first(table.loc[out]) <= _first(whole))
        span = {str(o): (float(table[o].min()), float(table[o].max())) for o in table}
        found.append(Stability(str(kind), len(table), moved, (min(taus), float(np.median(taus))), span))
    return found


def _first(ranks: pd.Series) -> frozenset[str]:
    """Whoever shares the best rank."""
    return frozenset(str(name) for name in ranks.index[np.isclose(ranks, ranks.min())])


def ranked(study: Study, found: list[Diagram]) -> Finding | None:
    """Which optimizers the ranks tell apart over all batch strategies, and how little so few problems can."""
    if not found:
        return None
    whole, label = found[0], study.names.optimizers
    k = len(whole.optimizers)
    first, second = whole.optimizers[:2]
    pairs = k * (k - 1) // 2
    gap = float(whole.ranks[1] - whole.ranks[0])
    once = "the mean of its ranks over the batch strategies, ranked again" if len(found) > 1 else "its ranks"
    text = (
        f"Would the order hold on other problems? Each problem tells once, by {once}. Over "
        f"{plural(whole.problems, 'problem')} {label[first]} comes first with a mean rank of "
        f"{fixed(whole.ranks[0], 1)} of {k}, {label[second]} "
        + (f"next with {fixed(whole.ranks[1], 1)}. " if gap > 0 else "shares it. ")
    )
    if k > 2:
        text += (
            f"Friedman’s test {'finds' if whole.differs else 'does not find'} that the ranks differ "
            f"(p = {number(whole.p)}). "
        )
    text += (
        f"Only mean ranks at least {fixed(whole.distance, 1)} of {k - 1} possible apart can be told apart: "
        f"{len(whole.pairs)} of {plural(pairs, 'pair')} are"
    )
    text += f" ({_named(study, whole.pairs)})." if 0 < len(whole.pairs) <= 3 else "."
    needed = problems_needed(k, gap)
    tie = (first, second) not in whole.pairs
    if tie and np.isfinite(needed):
        text += (
            f" To tell the first two apart at the difference seen would take about {number(needed)} problems."
        )
    return Finding("Ranks", text, ANCHOR, tie, [runs_of(study, optimizer=o) for o in (first, second)])


def _named(study: Study, pairs: list[tuple[str, str]]) -> str:
    label = study.names.optimizers
    return listing([f"{label[a]} before {label[b]}" for a, b in pairs])


def steadiness(study: Study, ranks: pd.DataFrame, found: list[Stability]) -> Finding | None:
    """Whether the first place, and the order, hang on a single problem or replicate."""
    if not found or ranks["optimizer"].nunique() < 2:
        return None
    whole = ranks[ranks["kind"] == ""].set_index("optimizer")["rank"]
    first = listing([study.names.optimizers[o] for o in study.names.optimizers if o in _first(whole)])
    clauses = [_left(study, part) for part in found]
    text = (
        f"With everything counted, {first} {'share' if len(_first(whole)) > 1 else 'has'} the first place. "
        + " ".join(clauses)
    )
    return Finding("Steadiness", text, ANCHOR, runs=[Runs()])


def _left(study: Study, part: Stability) -> str:
    names = [study.names.problems.get(out, out) for out in part.moved]
    named = f" (without {listing(names)})" if 0 < len(names) <= 3 else ""
    return (
        f"Leaving out any one {part.kind} brings another optimizer to it in {len(part.moved)} of {part.out} "
        f"cases{named}; "
        f"Kendall’s τ with the whole ranking is {fixed(part.tau[1], 2)} in the middle "
        f"and {fixed(part.tau[0], 2)} at the lowest."
    )
