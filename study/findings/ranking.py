"""Which optimizer ranks first over the problems, and how much that hangs on single ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.analysis.frame import Study
from study.analysis.rank_tables import Diagram, Stability, leaders
from study.findings.claims import Finding, Runs, runs_of
from study.numbers import fixed, listing, number, plural
from study.statistics import problems_needed

ANCHOR = "ranks"


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
    first = listing([study.names.optimizers[o] for o in study.names.optimizers if o in leaders(whole)])
    clauses = [_left(study, part) for part in found]
    text = (
        f"With everything counted, {first} {'share' if len(leaders(whole)) > 1 else 'has'} the first place. "
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
