"""How often runs diverge, and how too large a rate shows."""

from __future__ import annotations

from overshoot.study.analysis.divergence_shares import by_limit, compared
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import few
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.phrases import in_order, shares
from overshoot.study.findings.training_claims import places
from overshoot.study.numbers import both, listing, number, percent, plural, share


def diverged(tables: Tables) -> Finding | None:
    """The share of runs just above the best rate that diverge, who diverges most there, and the share by rate
    over the limit."""
    labels, table = tables.study.names.optimizers, tables.above_best
    if table.empty:
        return None
    whole = compared(table)
    claim = f"{percent(whole.value)} of the runs within a decade above the best rate diverge."
    evidence = (
        f"{table['gone'].sum():,} of {plural(int(table['runs'].sum()), 'run')} of the sweep, every cell with "
        f"the same weight: {both(whole, percent)}."
    )
    details = ""
    each = table.groupby(["problem", "optimizer"], sort=False)["share"].mean().unstack().dropna()
    if each.shape[1] > 1 and len(each):
        means = each.mean().sort_values(ascending=False, kind="stable")
        ends = f"{percent(float(means.iloc[-1]))} to {percent(float(means.iloc[0]))}"
        claim = f"{claim[:-1]}; by optimizer, {ends}."
        most, _ = places(-each)
        details = f"{in_order([f'{labels[str(o)]} {percent(v)}' for o, v in means.items()])}."
        details += shares(most, labels, "Most often")
    details = (details + by_limit_said(tables)).strip()
    runs = [RunLink(metric="trials_diverged")]
    return Finding("Divergence", claim, evidence, "divergence", runs=runs, details=details)


def by_limit_said(tables: Tables) -> str:
    """The share of diverged runs by rate over the cell's stability limit."""
    rows = records(by_limit(tables.study))
    if not rows:
        return ""
    problems = tables.study.cells["problem"].nunique()
    texts = [f"{share(r['share'])} at {number(r['low'])} to {number(r['high'])} times" for r in rows]
    spread = "" if problems == 1 else ", by problem" if few(problems) else ", resampled by problem"
    return f" By rate over the cell’s stability limit{spread}: {listing(texts)}."


HALF = 0.5
"""Share of the failed runs below which an optimizer seldom overflows."""


def plateaus(tables: Tables) -> Finding | None:
    """Whether too large a rate shows as an explosion, or as training that ends too high."""
    labels, table = tables.study.names.optimizers, tables.failures
    if len(table) < 2:
        return None
    rows = sorted(records(table), key=lambda row: -float(row["share"].value))
    seldom = [
        row["optimizer"] for row in rows if row["share"].problems.high < HALF > row["share"].replicates.high
    ]
    of = f"{len(seldom)} of {plural(len(rows), 'optimizer')}"
    claim = (
        f"With {of} too large a rate seldom overflows: training ends above its start or stalls on a plateau, "
        "and no NaN warns of it."
        if seldom
        else "With no optimizer is it clear that too large a rate seldom overflows."
    )
    ends = f"{percent(rows[-1]['share'].value)} to {percent(rows[0]['share'].value)}"
    named = f", with {in_order([labels[o] for o in seldom])}" if seldom else ""
    each = in_order([f"{labels[row['optimizer']]} {both(row['share'], percent)}" for row in rows])
    size, exploded, risen = (sum(int(row[name]) for row in rows) for name in ("size", "exploded", "risen"))
    evidence = (
        "Share of the failed runs above the best rate that overflowed or reached a million times their "
        f"initial gap, by optimizer: {ends}. Seldom: clearly less than half of them{named}."
    )
    details = (
        f"{each}. Of all {size:,} failed runs, another {risen:,} ended above their start or still rising, "
        f"and {size - exploded - risen:,} below it without converging."
    )
    links = [runs_of(tables.study, "trials_diverged", optimizer=o) for o in seldom]
    return Finding("Plateaus", claim, evidence, "divergence", not seldom, links or [RunLink()], details)
