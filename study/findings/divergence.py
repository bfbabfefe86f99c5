"""How often runs diverge, and how too large a rate shows."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from overshoot.study.analysis.divergence_shares import above_best, by_limit, compared
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.phrases import shares, who
from overshoot.study.findings.training_claims import places
from overshoot.study.leadership import Leadership
from overshoot.study.numbers import both, listing, number, percent, plural, share


def diverged(tables: Tables) -> Finding | None:
    """The share of runs just above the best rate that diverge, who diverges most there, and the share by rate
    over the limit."""
    study, labels = tables.study, tables.study.names.optimizers
    table = above_best(study, tables.sensitivity)
    if table.empty:
        return None
    whole = compared(table)
    claim = f"{percent(whole.value)} of the runs within a decade above the best rate diverge."
    evidence = (
        f"{table['gone'].sum():,} of {plural(int(table['runs'].sum()), 'run')} of the sweep, each cell "
        f"counted once: {both(whole, percent)}."
    )
    each = table.groupby(["problem", "optimizer"], sort=False)["share"].mean().unstack().dropna()
    if each.shape[1] > 1 and len(each):
        most, least = places(-each)
        if most.leader or least.leader or most.few:
            claim = f"{claim[:-1]}; {_extremes(labels, most, least)}."
        means = each.mean().sort_values(ascending=False, kind="stable")
        evidence += f" {listing([f'{labels[str(o)]} {percent(v)}' for o, v in means.items()])}."
        evidence += shares(most, labels, "Most often")
    evidence += _by_limit(tables)
    return Finding("Divergence", claim, evidence, "divergence", runs=[RunLink(metric="trials_diverged")])


def _extremes(labels: Mapping[str, str], most: Leadership, least: Leadership) -> str:
    said = who(most, labels, "diverges most often", "diverge most often")
    said = said if said.startswith(tuple(labels.values())) else said[0].lower() + said[1:]
    return said + (f", and {labels[least.leader]} least often" if least.leader else "")


def _by_limit(tables: Tables) -> str:
    rows = records(by_limit(tables.study))
    if not rows:
        return ""
    texts = [f"{number(r['low'])} to {number(r['high'])} times {share(r['share'])}" for r in rows]
    return f" By rate over the cell’s stability limit, with the interval over problems: {listing(texts)}."


RARELY = 0.1
"""Share of the failed runs below which an optimizer rarely overflows."""


def plateaus(tables: Tables) -> Finding | None:
    """Whether too large a rate shows as an explosion, or as training that ends too high."""
    labels, table = tables.study.names.optimizers, tables.failures
    if table.empty:
        return None
    each = _by_problem(tables)
    if each.shape[1] < 2 or each.empty:
        return None
    rows = {row["optimizer"]: row for row in records(table)}
    means = each.mean()
    most, least = str(means.idxmax()), str(means.idxmin())
    apart = (each[most] - each[least]).to_numpy()
    if not (apart > 0).mean() > 0.5:
        return None
    runs, risen = int(rows[least]["size"]), int(rows[least]["risen"])
    claim = (
        f"Too large a rate rarely makes {labels[least]} overflow: it ends above its start or stalls on a "
        "plateau, and no NaN warns of it."
        if means[least] < RARELY
        else f"Too large a rate blows up {labels[most]} most often, {labels[least]} least."
    )
    evidence = (
        f"Of the runs above the best rate that failed, {share(rows[most]['share'])} with {labels[most]} but "
        f"{share(rows[least]['share'])} with {labels[least]} overflowed or reached a million times their "
        f"initial gap (intervals over problems; on {(apart > 0).sum()} of {len(apart)} problems more often "
        f"with {labels[most]}). Of {labels[least]}’s {runs:,}, another {risen:,} ended above their start or "
        f"still rising, and {runs - int(rows[least]['exploded']) - risen:,} below it without converging."
    )
    links = [runs_of(tables.study, "trials_diverged", optimizer=o) for o in (most, least)]
    return Finding("Plateaus", claim, evidence, "divergence", runs=links)


def _by_problem(tables: Tables) -> pd.DataFrame:
    """(problems, optimizers): of the runs above the best rate that failed, the share that exploded."""
    each = tables.failed.groupby(["problem", "optimizer"], sort=False)["exploded"].mean()
    return each.unstack().dropna()
