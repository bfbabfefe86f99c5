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
        text = f"No tuned optimizer reaches a training gap of {number(target)} on any fresh replicate."
        return Finding("Speed", text, ANCHOR, tie=True, runs=[Runs()])
    ahead = lead(times(study, target), first["optimizer"], second["optimizer"])
    tie = not ahead.excludes(0)
    text = (
        f"To bring the training gap below {number(target)}, {label[first['optimizer']]} has the best "
        f"profile, which covers {between(first['area'], 2)} of the area up to {number(REACH)} times the "
        f"fastest run, {label[second['optimizer']]}’s {between(second['area'], 2)}. The difference is "
        f"{between(ahead, 2)}: {'it includes none, a tie' if tie else 'told apart'}."
    )
    if last is not second:
        text += f" {label[last['optimizer']]} comes last, with {between(last['area'], 2)}."
    least = min(order, key=lambda row: row["reached"])
    text += (
        f" Of the {plural(first['runs'], 'run')} of each, {label[first['optimizer']]} reaches the target in "
        f"{share(first['share'])}"
    )
    if least["reached"] < first["reached"]:
        text += f", {label[least['optimizer']]} in {share(least['share'])}"
    runs = [runs_of(study, optimizer=o) for o in dict.fromkeys(r["optimizer"] for r in (first, second, last))]
    return Finding("Speed", f"{text}.", ANCHOR, tie, runs)
