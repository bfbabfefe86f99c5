"""What studies of few problems say: what was seen there, with every optimizer named in its order.

Nothing is concluded for other problems: no verdict, interval, probability or test. One or two cells are named
with their numbers, more are counted.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from overshoot.study.analysis.divergence_shares import compared
from overshoot.study.analysis.frame import AXES, Study, records
from overshoot.study.analysis.rank_tables import ALL
from overshoot.study.analysis.scores import ROLES, medians, replicates
from overshoot.study.analysis.sensitivity import widths
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import NAMED, clustered
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.divergence import by_limit_said
from overshoot.study.findings.held_out import origins
from overshoot.study.findings.phrases import cell_name, in_order
from overshoot.study.findings.ranges import left_out
from overshoot.study.numbers import both, fold, listing, number, percent, plural, rough
from overshoot.study.phases.outcomes import TOLERANCES
from overshoot.study.statistics import middle

PAIRS = "of problem and batch strategy"


def tuned_gap(tables: Tables) -> Finding | None:
    """Whose tuned rate ended with the smallest median training gap, pair by pair."""
    study, scores = tables.study, replicates(tables.study, "gap")
    table = pd.concat([medians(study, scores, batch) for batch in study.names.batches])
    if table.shape[1] < 2 or table.empty:
        return None
    labels = study.names.optimizers
    if len(table) == 1:
        gaps = [f"{number(gap)} with {labels[str(o)]}" for o, gap in table.iloc[0].items()]
        claim = f"At the tuned rate the median run ends with a training gap of {in_order(gaps)}."
    else:
        least = table.eq(table.min(axis=1), axis=0) & np.isfinite(table)
        counts = in_order([f"{labels[str(o)]}’s in {count}" for o, count in least.sum().items()])
        claim = f"At the tuned rate the smallest training gap is {counts} of {len(table)} pairs {PAIRS}."
    evidence = "By the median over the fresh replicates; where several are as small, each counts."
    runs = [runs_of(study, optimizer=str(o)) for o in table.columns]
    return Finding("Tuned training", claim, evidence if len(table) > 1 else "", "overview", runs=runs)


def usable_range(tables: Tables) -> Finding | None:
    """How wide the usable range of each optimizer is, or from where to where it goes."""
    rows = [row for row in records(tables.sensitivity) if np.isfinite(row["low"])]
    if not rows:
        return None
    labels = tables.study.names.optimizers
    if len(tables.sensitivity) <= NAMED:
        ranges = [
            f"from {number(row['low'])} to {number(row['high'])} with {cell_name(tables.study, row)}"
            for row in rows
        ]
        claim = f"Training ends below the tolerance at rates {listing(ranges)}."
    else:
        by_problem = widths(tables.sensitivity).groupby(level="problem", sort=False).mean()
        if by_problem.empty:
            return None
        means = by_problem.mean()
        each = [f"{fold(means[o])} with {labels[o]}" for o in labels]
        claim = f"The range of rates at which training ends below the tolerance is {in_order(each)}."
    evidence = (
        f"From the median of {plural(tables.study.swept['replicate'].nunique(), 'replicate')} at each rate"
    )
    if len(tables.sensitivity) > NAMED:
        evidence += f"; on average over each optimizer’s cells.{left_out(tables)}"
    else:
        evidence += "."
    open_ended = sum(row["open_low"] or row["open_high"] for row in rows)
    if open_ended:
        verb = "reaches" if open_ended == 1 else "reach"
        evidence += f" {plural(open_ended, 'range')} {verb} the end of the sweep and may be wider."
    runs = [runs_of(tables.study, "usable_width_decades", optimizer=o) for o in labels]
    return Finding("Usable range", claim, evidence, "ranges", runs=runs)


def diverged(tables: Tables) -> Finding | None:
    """How many of the runs just above the best rate diverged."""
    table = tables.above_best
    if table.empty:
        return None
    runs, gone = int(table["runs"].sum()), int(table["gone"].sum())
    claim = f"Of {plural(runs, 'run')} within a decade above the best rate {gone:,} diverged."
    evidence = ""
    if table["key"].nunique() > 1:
        labels = tables.study.names.optimizers
        shares = table.groupby("optimizer", sort=False)["share"].mean()
        each = [f"{labels[o]} {percent(float(shares[o]))}" for o in labels if o in shares]
        whole = both(compared(table), percent)
        evidence = f"That is {whole}, every cell with the same weight; by optimizer: {in_order(each)}."
    details = by_limit_said(tables).strip()
    return Finding(
        "Divergence", claim, evidence, "divergence", runs=[RunLink(metric="trials_diverged")], details=details
    )


def plateaus(tables: Tables) -> Finding | None:
    """How too large a rate showed: as an explosion, or as training that ends too high."""
    rows = {row["optimizer"]: row for row in records(tables.failures)}
    if not rows:
        return None
    size, exploded, risen = (
        sum(int(row[name]) for row in rows.values()) for name in ("size", "exploded", "risen")
    )
    claim = (
        f"Of {plural(size, 'run')} above the best rate that failed, {exploded:,} overflowed or reached a "
        f"million times their initial gap; {size - exploded:,} ended too high without a warning."
    )
    labels = tables.study.names.optimizers
    each = [f"{rows[o]['exploded']} of {rows[o]['size']} with {labels[o]}" for o in labels if o in rows]
    evidence = f"Overflowed: {in_order(each)}." if len(rows) > 1 else ""
    details = (
        f"Ended above their start or still rising: {risen:,}; below it without converging: "
        f"{size - exploded - risen:,}."
    )
    runs = [RunLink(metric="trials_diverged")]
    return Finding("Plateaus", claim, evidence, "divergence", runs=runs, details=details)


def tuning_pays(tables: Tables) -> Finding | None:
    """The validation loss at the tuned and at the default rate."""
    scores = replicates(tables.study, "loss")
    cells = {key[:3] for key in scores if all((*key[:3], role) in scores for role in ROLES)}
    order = sorted(cells, key=lambda cell: [*scores].index((*cell, ROLES[0])))
    medians_ = [[float(np.median(scores[*cell, role])) for role in ROLES] for cell in order]
    if not order:
        return None
    if len(order) <= NAMED:
        each = [
            f"{number(tuned)}, from {number(default)} at the default rate, with "
            f"{cell_name(tables.study, dict(zip(AXES, cell, strict=True)))}"
            for cell, (tuned, default) in zip(order, medians_, strict=True)
        ]
        claim = f"Tuning the rate brings the validation loss to {listing(each)}."
    else:
        lower, higher = (sum(sign * (t - d) < 0 for t, d in medians_) for sign in (1, -1))
        claim = (
            f"The validation loss is lower at the tuned rate than at the default one in {lower:,} of "
            f"{plural(len(order), 'cell')}, and higher in {higher:,}."
        )
    evidence = "Medians over the fresh replicates."
    return Finding("Tuning", claim, evidence, "overview", runs=[RunLink()], details=origins(tables))


def fastest(study: Study, table: pd.DataFrame) -> Finding | None:
    """How many runs reached the loosest target with each optimizer."""
    target = max(TOLERANCES)
    rows = records(table[(table["target"] == target) & (table["batch"] == ALL)])
    if len(rows) < 2:
        return None
    label = study.names.optimizers
    reached = [f"{row['reached']} of {row['runs']} with {label[row['optimizer']]}" for row in rows]
    claim = f"Runs that reach a training gap below {number(target)}: {in_order(reached)}."
    areas = [f"{label[row['optimizer']]} {row['area'].value:.2f}" for row in rows]
    evidence = f"Area under the performance profile, 1 where always the fastest: {in_order(areas)}."
    return Finding("Speed", claim, evidence, "speed", runs=[RunLink()])


def tuning_effort(study: Study, table: pd.DataFrame, near: str) -> Finding:
    """Trials that the median search of each optimizer takes. table: (cells, optimizers)."""
    problems, label = table.index.get_level_values("problem"), study.names.optimizers
    each = [f"{rough(clustered(table[o].to_numpy(), problems, middle))} with {label[str(o)]}" for o in table]
    claim = f"Trials until the median search is within {near} of its whole gain: {in_order(each)}."
    evidence = f"Over {plural(len(table), 'search', 'searches')} of each." if len(table) > 1 else ""
    return Finding("Tuning effort", claim, evidence, "tuning", runs=[RunLink()])


def counted(
    names: Mapping[str, str], small: str, large: str, clauses: list[str], pairs: int, target: str
) -> tuple[str, str]:
    """Claim and evidence on what the smallest batch needs of the largest one's, by each way of counting."""
    claim = (
        f"To a training gap below {target} at the rate tuned for speed, {names[small]} needs "
        f"{listing(clauses)} of {names[large]}."
    )
    return claim, f"Medians over {plural(pairs, 'pair')} of problem and optimizer." if pairs > 1 else ""


def against(
    tables: Tables, rival: str, optimizers: list[str], role: str, about: str, how: str
) -> Finding | None:
    """In how many pairs each of `optimizers` ends with a smaller median gap than the tuned `rival`."""
    study, scores = tables.study, replicates(tables.study, "gap")
    labels, said, pairs = study.names.optimizers, [], 0
    for o in optimizers:
        both_ = [
            (values, scores[problem, rival, batch, "tuned"])
            for (problem, name, batch, own), values in scores.items()
            if (name, own) == (o, role) and (problem, rival, batch, "tuned") in scores
        ]
        if both_:
            pairs = max(pairs, len(both_))
            said.append(f"{labels[o]} in {sum(np.median(a) < np.median(b) for a, b in both_)}")
    if not said:
        return None
    claim = (
        f"{how} {in_order(said)} of {plural(pairs, 'pair')} {PAIRS} ends with a smaller gap than "
        f"{labels[rival]}."
    )
    evidence = "By the median training gap over the fresh replicates."
    return Finding(about, claim, evidence, "methods", runs=[RunLink()])
