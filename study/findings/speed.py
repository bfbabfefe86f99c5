"""Which tuned optimizer reaches a target first."""

from __future__ import annotations

import pandas as pd

from study.analysis.frame import Study, records
from study.analysis.profiles import REACH, lead, times
from study.analysis.rank_tables import ALL
from study.findings.claims import Finding, Runs, runs_of
from study.numbers import between, number, plural, share
from study.phases.outcomes import TOLERANCES

ANCHOR = "speed"


def fastest(study: Study, table: pd.DataFrame) -> Finding | None:
    """Who needs the fewest examples to the loosest target, against the next and the last."""
    target = max(TOLERANCES)
    rows = records(table[(table["target"] == target) & (table["batch"] == ALL)])
    if len(rows) < 2:
        return None
    order = sorted(rows, key=lambda row: -row["area"].value)
    first, second, last = order[0], order[1], order[-1]
    label = study.names.optimizers
    if not first["reached"]:
        claim = f"No tuned optimizer reaches a training gap of {number(target)} on any fresh replicate."
        return Finding("Speed", claim, "", ANCHOR, inconclusive=True, runs=[Runs()])
    ahead = lead(times(study, target), first["optimizer"], second["optimizer"])
    clear = ahead.excludes(0)
    fastest = f"{label[first['optimizer']]} is" if clear else "No optimizer is"
    claim = f"{fastest} clearly the fastest, at its tuned rate, to a training gap below {number(target)}."
    evidence = (
        f"Area under the performance profile, up to {number(REACH)} times the examples of the fastest run: "
        f"{label[first['optimizer']]} {between(first['area'], 2)}, {label[second['optimizer']]} "
        f"{between(second['area'], 2)}, a difference of {between(ahead, 2)}"
    )
    evidence += (
        f"; last {label[last['optimizer']]}, {between(last['area'], 2)}." if last is not second else "."
    )
    least = min(order, key=lambda row: row["reached"])
    evidence += (
        f" Of {plural(first['runs'], 'run')} each, {label[first['optimizer']]} reaches the target in "
        f"{share(first['share'])}"
    )
    if least["reached"] < first["reached"]:
        evidence += f", {label[least['optimizer']]} in {share(least['share'])}"
    runs = [runs_of(study, optimizer=o) for o in dict.fromkeys(r["optimizer"] for r in (first, second, last))]
    return Finding("Speed", claim, f"{evidence}.", ANCHOR, not clear, runs)
