"""Which tuned optimizer trains furthest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.rank_tables import standing
from overshoot.study.analysis.scores import against, odds, replicates
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.findings.claims import Finding, runs_of
from overshoot.study.findings.phrases import in_order, shares, tied, verdict, who
from overshoot.study.leadership import Leadership, leadership
from overshoot.study.numbers import both, fixed, plural


def tuned_gap(tables: Tables) -> Finding | None:
    """Who has the best mean rank in training gap, against the next, and who has the worst."""
    labels = tables.study.names.optimizers
    scores = replicates(tables.study, "gap")
    table = standing(tables.study, scores)
    if table.shape[1] < 2:
        return None
    best, worst = places(table)
    means = table.mean().sort_values(kind="stable")
    first, second, last = str(means.index[0]), str(means.index[1]), str(means.index[-1])
    chance = odds(scores, first, second)
    if chance is None:
        return None
    claim = f"{who(best, labels, 'trains furthest at its tuned rate')}."
    if worst.leader is not None:
        claim += f" {labels[worst.leader]} trains least far."
    ranks = in_order([f"{labels[str(o)]} {fixed(rank, 1)}" for o, rank in means.items()])
    evidence = (
        f"The probability that a run with {labels[first]} ends with a smaller training gap than one with "
        f"{labels[second]} is {both(chance, lambda v: fixed(v, 2))}: {verdict(chance, 0.5)}."
        f"{tied(best, labels)}"
    )
    details = f"{_duel(tables, first, second)}."
    if len(table) > 1:
        standings = f"Mean ranks in training gap over {plural(len(table), 'problem')}: {ranks}."
        details = f"{standings}{shares(best, labels, 'First')} {details}"
    runs = [runs_of(tables.study, optimizer=o) for o in dict.fromkeys((first, second, last))]
    return Finding("Tuned training", claim, evidence, "overview", best.leader is None, runs, details)


def places(table: pd.DataFrame) -> tuple[Leadership, Leadership]:
    """Who comes first and who comes last, of scores (problems, methods), lower is better."""
    names = [str(name) for name in table.columns]
    values = table.to_numpy(dtype=float)
    with np.errstate(invalid="ignore"):
        return leadership(values, names), leadership(-values, names)


def _duel(tables: Tables, a: str, b: str) -> str:
    """`Against Adam, Nesterov does clearly better on 5 and worse on 12 of 36 pairs ...`."""
    labels, counts = tables.study.names.optimizers, against(tables.duels["gap"], a, b)
    return (
        f"Against {labels[b]}, {labels[a]} does clearly better on {counts['better']} and clearly worse on "
        f"{counts['worse']} of {plural(sum(counts.values()), 'pair')} of problem and batch strategy"
    )
