"""Which tuned optimizer reaches a target first."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from overshoot.study.analysis.frame import Study, records
from overshoot.study.analysis.profiles import REACH, areas_by_problem, lead, times
from overshoot.study.analysis.rank_tables import ALL
from overshoot.study.findings import few_problems
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.phrases import nothing_clear, shares, tied, verdict, who
from overshoot.study.findings.training_claims import places
from overshoot.study.leadership import Leadership
from overshoot.study.numbers import both, fixed, number, over_problems, percent, plural
from overshoot.study.phases.outcomes import TOLERANCES

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
        return Finding("Speed", claim, "", ANCHOR, inconclusive=not study.few, runs=[RunLink()])
    if study.few:
        return few_problems.fastest(study, table)
    runs_to = times(study, target)
    ahead = lead(runs_to, first["optimizer"], second["optimizer"])
    leads, worst = places(-areas_by_problem(runs_to))
    best = leads.confirmed(first["optimizer"], ahead.clear(0))
    claim = _places(label, leads, best, worst, number(target))
    evidence = (
        f"Area under the performance profile, up to {number(REACH)} times the examples of the fastest run: "
        f"{label[first['optimizer']]} {fixed(first['area'].value, 2)}, {label[second['optimizer']]} "
        f"{fixed(second['area'].value, 2)}, a difference of {both(ahead, lambda v: fixed(v, 2))}: "
        f"{verdict(ahead, 0)}.{tied(best, label)}"
    )
    details = ""
    if last is not second:
        details = f"{label[last['optimizer']]} is last with {fixed(last['area'].value, 2)}. "
    least = min(order, key=lambda row: row["reached"])
    details += (
        f"Of {plural(first['runs'], 'run')} each, {label[first['optimizer']]} reaches the target in "
        f"{over_problems(first['share'])}"
    )
    if least["reached"] < first["reached"]:
        details += f"; {label[least['optimizer']]} in {over_problems(least['share'])}"
    runs = [runs_of(study, optimizer=o) for o in dict.fromkeys(r["optimizer"] for r in (first, second, last))]
    details = f"{details}.{shares(best, label, 'Fastest')}"
    return Finding("Speed", claim, evidence, ANCHOR, nothing_clear(best, worst), runs, details)


def _places(
    labels: Mapping[str, str], leads: Leadership, best: Leadership, worst: Leadership, target: str
) -> str:
    """Who is the fastest and who the slowest. leads: by resampling alone, which asks for less than `best`."""
    claim = who(best, labels, f"is the fastest to a training gap below {target}")
    if leads.leader is not None and best.leader is None:
        claim += f"; {labels[leads.leader]} leads in {percent(leads.shares[0])} of resamplings"
    return f"{claim}." + (f" {labels[worst.leader]} is the slowest." if worst.leader is not None else "")
