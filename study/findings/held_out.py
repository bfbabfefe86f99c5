"""What tuning brings on held-out data, and how far optimizers differ there."""

from __future__ import annotations

from typing import Any

from overshoot.study.analysis.defaults import default_rates
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.scores import DuelVerdict, replicates, tuning_odds, verdicts
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import clustered
from overshoot.study.findings.claims import Finding, RunLink
from overshoot.study.findings.phrases import verdict
from overshoot.study.numbers import both, by_problem, fixed, listing, number, percent, plural
from overshoot.study.statistics import mean

CHANCE = 0.05
"""Comparisons that differ by chance when each is judged by itself."""


def tuning_pays(tables: Tables) -> Finding | None:
    """The tuned rate against the library's default, on the validation loss that it was tuned on."""
    table = tables.tuning["loss"]
    odds = tuning_odds(replicates(tables.study, "loss"))
    if table.empty or odds is None:
        return None
    better, worse, tie = verdicts(table["verdict"]).values()
    claim = (
        f"Tuning the rate clearly beats the default rate in {better:,} of {plural(len(table), 'cell')}, and "
        f"clearly loses in {worse:,}."
    )
    won = clustered((table["verdict"] == DuelVerdict.BETTER).to_numpy(float), table["problem"], mean)
    evidence = (
        f"Validation loss on fresh replicates: clearly better in {by_problem(won, 'of the cells')}, no "
        f"clear difference in {plural(tie, 'cell')}; each cell is judged over its replicates. The "
        f"probability that a tuned run does better is "
        f"{both(odds, lambda v: fixed(v, 2))}: {verdict(odds, 0.5)}."
    )
    tied = better == 0 and worse == 0
    return Finding("Tuning", claim, evidence, "overview", tied, [RunLink()], origins(tables))


def origins(tables: Tables) -> str:
    """Whose the default rates are, and what the other framework's would do."""
    rows = records(default_rates(tables.study, tables.sensitivity))
    others = [row for row in rows if row["framework"]]
    text = (
        "Default rates are PyTorch’s where it has the optimizer, otherwise those of the library named in the "
        "table of default rates"
    )
    if not others:
        return f"{text}."
    labels = tables.study.names.optimizers
    said: dict[str, list[str]] = {}
    for row in others:
        said.setdefault(row["framework"], []).append(_other(labels[row["optimizer"]], row))
    return f"{text}. {'; '.join(f'{name} has others: {listing(each)}' for name, each in said.items())}."


def _other(label: str, row: dict[str, Any]) -> str:
    said = f"{number(row['other'])} for {label} instead of {number(row['rate'])}"
    if row["cells"] == 1:
        return said
    return (
        f"{said} (in the usable range of {row['other_usable']} instead of {row['usable']} of {row['cells']} "
        "cells)"
    )


def selection(tables: Tables) -> Finding | None:
    """How often two tuned optimizers differ on the test set, beside the training gap."""
    apart = {
        name: int((table["verdict"] != DuelVerdict.UNCLEAR).sum()) for name, table in tables.duels.items()
    }
    table = tables.duels["test_score"]
    n = len(table)
    if not n:
        return None
    ties = clustered((table["verdict"] == DuelVerdict.UNCLEAR).to_numpy(float), table["problem"], mean)
    claim = (
        f"Two tuned optimizers are clearly different on held-out data in {apart['test_score']:,} of "
        f"{plural(n, 'comparison')}, and in training gap in {apart['gap']:,} of them."
    )
    evidence = (
        "Each comparison is of two optimizers on the same problem with the same batch strategy, over the "
        f"replicates; by test score {by_problem(ties, 'show no clear difference')}. Each is judged by "
        f"itself at {percent(1 - CHANCE)}, so about one in twenty would differ by chance."
    )
    inconclusive = apart["test_score"] <= CHANCE * n
    return Finding("Held-out data", claim, evidence, "overview", inconclusive, [RunLink()])
