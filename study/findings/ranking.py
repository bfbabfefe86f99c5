"""Which optimizer ranks first over the problems, and how far that depends on single ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import Study, records
from overshoot.study.analysis.rank_tables import Diagram, Stability
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import FEW, few
from overshoot.study.findings import phrases
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.phrases import in_order, shares, tied, who
from overshoot.study.findings.training_claims import places
from overshoot.study.numbers import fixed, listing, number, percent, plural
from overshoot.study.statistics import holm, problems_needed

ANCHOR = "ranks"


SIGNIFICANT = 0.05


def rank_power(tables: Tables) -> Finding | None:
    """Friedman's test on the ranks, and what its power allows to be said."""
    tests = {row["batch"]: row for row in records(tables.ranking["gap"])}
    row = next(iter(tests.values()), None)
    if row is None or row["optimizers"] < 3 or few(row["problems"]):
        return None
    adjusted = holm(np.array([test["p"] for test in tests.values()]))
    names = tables.study.names.batches
    differ = [names[batch] for batch, p in zip(tests, adjusted, strict=True) if p < SIGNIFICANT]
    problems = plural(row["problems"], "problem")
    where = "with every batch strategy" if 1 < len(differ) == len(tests) else f"for {listing(differ)}"
    claim = (
        f"Over {problems} the ranks of the tuned optimizers clearly differ {where}."
        if differ
        else f"Over {problems} the ranks of the tuned optimizers differ clearly for no batch strategy."
    )
    evidence = (
        f"Friedman’s test at {percent(SIGNIFICANT)}, after Holm’s correction. With so few problems two "
        f"optimizers are distinguishable only if their mean ranks differ by {fixed(row['distance'], 1)} or "
        f"more, of {row['optimizers'] - 1} possible (Nemenyi’s test)."
    )
    return Finding("Power", claim, evidence, "ranks", not differ, [RunLink()])


def ranked(study: Study, diagrams: list[Diagram]) -> Finding | None:
    """Which optimizers differ by rank over all batch strategies, and how little so few problems can show."""
    if not diagrams:
        return None
    whole = diagrams[0]
    k = len(whole.optimizers)
    first, second = whole.optimizers[:2]
    gap = float(whole.ranks[1] - whole.ranks[0])
    clear = (first, second) in whole.pairs and whole.lead.leader == first
    once = (
        "the mean of its ranks over the batch strategies, ranked again" if len(diagrams) > 1 else "its ranks"
    )
    evidence = ""
    if k > 2:
        evidence = (
            f"Friedman’s test {'finds' if whole.differs else 'does not find'} that the ranks differ "
            f"(p = {number(whole.p)}). "
        )
    evidence += (
        f"Two optimizers are distinguishable if their mean ranks differ by {fixed(whole.distance, 1)} or "
        f"more, of {k - 1} possible: {len(whole.pairs)} of {plural(k * (k - 1) // 2, 'pair')}."
    )
    details = f"Each problem counts once, by {once}."
    if whole.pairs:
        details += f" Distinguishable: {_named(study, whole.pairs)}."
    needed = problems_needed(k, gap)
    if not clear and np.isfinite(needed):
        details += f" To distinguish the first two would take about {float(f'{needed:.2g}'):,.0f} problems."
    details += shares(whole.lead, study.names.optimizers, "First")
    runs = [runs_of(study, optimizer=o) for o in (first, second)]
    unclear = not clear and not whole.pairs
    return Finding("Ranks", _places(study, whole, clear), evidence, ANCHOR, unclear, runs, details)


def too_few(study: Study, standing: pd.DataFrame) -> Finding:
    """What the ranks are where there are too few problems to test them. standing: (problems, optimizers)."""
    means = standing.mean().sort_values(kind="stable")
    label = study.names.optimizers
    claim = f"{phrases.too_few(len(standing))} to test whether the optimizers’ ranks differ."
    ranks = in_order([f"{label[str(o)]} {fixed(rank, 1)}" for o, rank in means.items()])
    evidence = f"Mean ranks in training gap: {ranks}. A test needs at least {FEW} problems."
    return Finding("Ranks", claim, evidence, ANCHOR, runs=[RunLink()])


def _places(study: Study, whole: Diagram, clear: bool) -> str:
    """Who leads, where that is clear; else that it is not, and how far the mean ranks spread."""
    label, problems = study.names.optimizers, plural(whole.problems, "problem")
    first = whole.optimizers[0]
    if clear:
        best = fixed(whole.ranks[0], 1)
        return f"Over {problems} {label[first]} clearly ranks first, with a mean rank of {best}."
    pairs = plural(len(whole.ranks) * (len(whole.ranks) - 1) // 2, "pair")
    return (
        f"No optimizer clearly ranks first over {problems}; in {len(whole.pairs)} of {pairs} one clearly "
        "ranks before the other."
    )


def _named(study: Study, pairs: list[tuple[str, str]]) -> str:
    """`Gradient descent behind Nesterov and Adam`, for each that is behind others."""
    label = study.names.optimizers
    before = {b: [label[a] for a, other in pairs if other == b] for _, b in pairs}
    return "; ".join(f"{label[b]} behind {listing(others)}" for b, others in before.items())


def steadiness(study: Study, standing: pd.DataFrame, steady: list[Stability]) -> Finding | None:
    """Whether the first place, and the order, depend on a single problem or replicate. standing: (problems,
    optimizers)."""
    if not steady or standing.shape[1] < 2:
        return None
    best, label = places(standing)[0], study.names.optimizers
    joined = ", but" if best.leader is not None else ";"
    moving = [part.kind for part in steady if part.moved]
    claim = who(best, label, "has the best mean rank") + (
        f"{joined} leaving out a single {' or '.join(moving)} can put another first."
        if moving
        else "; nobody else comes first, whichever single "
        f"{' or '.join(part.kind for part in steady)} is left out."
    )
    evidence = " ".join(_left(study, part) for part in steady)
    details = f"{shares(best, label, 'First')}{tied(best, label)}".strip()
    unclear = best.leader is None
    return Finding("Steadiness", claim, evidence, ANCHOR, unclear, runs=[RunLink()], details=details)


def _left(study: Study, part: Stability) -> str:
    names = [study.names.problems.get(out, out) for out in part.moved]
    named = f" (without {listing(names)})" if 0 < len(names) <= 3 else ""
    return (
        f"Leaving out one {part.kind} at a time puts another optimizer first in {len(part.moved)} of "
        f"{part.out} cases{named}; Kendall’s τ, the rank correlation with the whole ranking, has median "
        f"{fixed(part.tau[1], 2)} and minimum {fixed(part.tau[0], 2)}."
    )
