"""What sets many methods apart besides their ranks: against Adam, without tuning, and in an update's cost."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from overshoot.study.analysis.defaults import default_rates
from overshoot.study.analysis.frame import AXES, records
from overshoot.study.analysis.labels import family
from overshoot.study.analysis.scores import Replicates, chances, odds, replicates
from overshoot.study.analysis.selections import tuned
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import Comparison
from overshoot.study.findings import few_problems
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.phrases import in_order, shares, tied, who
from overshoot.study.findings.training_claims import places
from overshoot.study.numbers import both, fixed, listing, number, plural, rough
from overshoot.study.phases.confirm import ConfirmRole
from overshoot.study.phases.search import Claim

ANCHOR = "methods"
RIVAL = "adam"
"""The optimizer that others are measured against."""

PARAMETER_FREE = "parameter_free"
"""The family of methods that find their own rate."""


def against_rival(tables: Tables) -> dict[str, Comparison]:
    """Optimizer -> the probability that it trains further than Adam, both at rates tuned for that."""
    scores = replicates(tables.study, "gap")
    each = {o: odds(scores, o, RIVAL) for o in tables.study.names.optimizers if o != RIVAL}
    return {o: chance for o, chance in each.items() if chance is not None}


def beats_adam(tables: Tables, chances: dict[str, Comparison]) -> Finding | None:
    """Which methods train further than Adam when each is tuned alike, and which less far."""
    if tables.study.few:
        others = [o for o in tables.study.names.optimizers if o != RIVAL]
        return few_problems.against(tables, RIVAL, others, ConfirmRole.TUNED, "Against Adam", "Tuned alike,")
    if not chances:
        return None
    labels = tables.study.names.optimizers
    clear = {o: c for o, c in sorted(chances.items(), key=lambda pair: -pair[1].value) if c.clear(0.5)}
    further = [o for o, c in clear.items() if c.value > 0.5]
    behind = len(clear) - len(further)
    who_does = in_order([labels[o] for o in further]) if further else "no optimizer"
    verb = "train" if len(further) > 1 else "trains"
    claim = (
        f"Tuned alike, {who_does} clearly {verb} further than Adam, and {behind} of "
        f"{plural(len(chances), 'other optimizer')} clearly {'trains' if behind == 1 else 'train'} less far."
    )
    best = sorted(chances, key=lambda o: -chances[o].value)[:3]
    texts = [f"{labels[o]} {both(chances[o], lambda v: fixed(v, 2))}" for o in best]
    evidence = (
        "The probability that a run has the smaller training gap than Adam’s, each at the rate that the same "
        f"search found best for training, on fresh replicates: {listing(texts)}. Each optimizer is judged by "
        "itself at 95 %, so about one in forty would seem to beat Adam by chance."
    )
    runs = [runs_of(tables.study, optimizer=o) for o in dict.fromkeys((*best, RIVAL))]
    return Finding("Against Adam", claim, evidence, ANCHOR, not further, runs)


def default_right(tables: Tables) -> Finding | None:
    """Whose default rate lies in its usable range most often."""
    rows = sorted(records(default_rates(tables.study, tables.sensitivity)), key=lambda row: -row["usable"])
    if len(rows) < 2:
        return None
    labels = tables.study.names.optimizers
    rates = pd.Series({row["optimizer"]: row["rate"] for row in rows})
    at = tables.sensitivity.assign(rate=tables.sensitivity["optimizer"].map(rates))
    at = at.assign(usable=((at["low"] <= at["rate"]) & (at["rate"] <= at["high"])).astype(float))
    by_problem = at.pivot_table(index="problem", columns="optimizer", values="usable", sort=False).dropna()
    if by_problem.empty:
        return None
    best, _ = places(-by_problem)
    first, last = rows[0], rows[-1]
    claim = (
        f"{who(best, labels, 'has the default rate that is right most often')}: default rates lie in the "
        f"usable range in {last['usable']} to {first['usable']} of {plural(first['cells'], 'cell')}."
    )
    each = [f"{labels[row['optimizer']]} {row['usable']}" for row in rows]
    evidence = f"Cells in which the default rate is usable: {in_order(each)}.{tied(best, labels)}"
    details = shares(best, labels, "First").strip()
    runs = [runs_of(tables.study, optimizer=row["optimizer"]) for row in (first, last)]
    return Finding("Default rates", claim, evidence, ANCHOR, best.leader is None, runs, details)


def finds_its_rate(tables: Tables) -> Finding | None:
    """What methods that find their own rate do when they are left alone, against Adam tuned and untuned."""
    study = tables.study
    free = [o for o in study.names.optimizers if family(o) == PARAMETER_FREE]
    if not free or RIVAL not in study.names.optimizers:
        return None
    if study.few:
        left = "Left to find its own rate,"
        return few_problems.against(tables, RIVAL, free, ConfirmRole.DEFAULT, "Without a rate", left)
    scores = replicates(study, "gap")
    against = {
        (o, role): chance
        for o in free
        for role in (ConfirmRole.TUNED, ConfirmRole.DEFAULT)
        if (chance := _untuned(scores, o, role)) is not None
    }
    if not against:
        return None
    labels, usable = (
        study.names.optimizers,
        {
            row["optimizer"]: f"{row['usable']} of {plural(row['cells'], 'cell')}"
            for row in records(default_rates(study, tables.sensitivity))
        },
    )
    tuned_alone = {o: chance for (o, role), chance in against.items() if role == ConfirmRole.TUNED}
    claims = _beside_tuned(tuned_alone, labels)
    texts = [
        f"{labels[o]} against {role} Adam {both(chance, lambda v: fixed(v, 2))}"
        for (o, role), chance in against.items()
    ]
    reached = listing([f"{labels[o]} in {usable[o]}" for o in free])
    return Finding(
        "Without a rate",
        f"Left to find {'its' if len(free) == 1 else 'their'} own rate, {listing(claims)}.",
        "The probability that a run at the method’s default factor, by which it multiplies the rate that it "
        f"finds, has the smaller training gap: {'; '.join(texts)}. The default factor lies in the usable "
        f"range: {reached}.",
        ANCHOR,
        not any(chance.clear(0.5) for chance in tuned_alone.values()),
        [runs_of(study, optimizer=o) for o in (*free, RIVAL)],
    )


def _beside_tuned(chances: Mapping[str, Comparison], labels: Mapping[str, str]) -> list[str]:
    """`Prodigy and DoG train clearly less far than tuned Adam`, for each way they may compare."""
    said: dict[str, list[str]] = {}
    for o, chance in chances.items():
        said.setdefault(_how_far(chance), []).append(labels[o])
    return [
        f"{listing(names)} {'train' if len(names) > 1 else 'trains'} {how} tuned Adam"
        for how, names in said.items()
    ]


def _untuned(scores: Replicates, optimizer: str, role: str) -> Comparison | None:
    """The probability that an untuned optimizer trains further than Adam at its tuned or its default rate."""
    return chances(
        [
            (problem, values, scores[problem, RIVAL, batch, role])
            for (problem, name, batch, own), values in scores.items()
            if (name, own) == (optimizer, ConfirmRole.DEFAULT) and (problem, RIVAL, batch, role) in scores
        ]
    )


def _how_far(chance: Comparison) -> str:
    if not chance.clear(0.5):
        return "neither clearly further nor clearly less far than"
    return "clearly further than" if chance.value > 0.5 else "clearly less far than"


def survived(tables: Tables) -> Finding | None:
    """In how many cells the rate tuned for training failed on fresh runs, and with whom."""
    rows = tuned(tables.claimed(Claim.TRAINING)).drop_duplicates(AXES)
    if rows.empty:
        return None
    gone = rows[2 * rows["diverged"] >= rows["n"]]
    cells, labels = plural(len(rows), "cell"), tables.study.names.optimizers
    if gone.empty:
        claim = f"In none of {cells} did half of the fresh runs at the rate tuned for training diverge."
        return Finding("Survival", claim, "", ANCHOR, runs=[RunLink()])
    counts = gone["optimizer"].value_counts()
    most = [f"{labels[str(o)]} {count}" for o, count in counts.items()]
    claim = (
        f"In {len(gone)} of {cells} at least half of the fresh runs at the rate tuned for training diverged."
    )
    some = int((rows["diverged"] > 0).sum())
    evidence = (
        f"By optimizer: {in_order(most)}. Of the {rows['n'].max()} fresh replicates of a cell at least one "
        f"diverged in {plural(some, 'cell')}."
    )
    return Finding("Survival", claim, evidence, ANCHOR, runs=[RunLink()])


def update_cost(tables: Tables, costs: pd.DataFrame) -> Finding | None:
    """What an update costs against one of gradient descent."""
    if len(costs) < 2:
        return None
    labels, rows = tables.study.names.optimizers, records(costs)
    most, near = rows[-1], sum(row["ratio"].value < 2 for row in rows)
    claim = (
        f"An update of {labels[most['optimizer']]} takes {number(most['ratio'].value)} times as long as one "
        f"of gradient descent, the most of all; with {near} of {plural(len(rows), 'optimizer')} it takes "
        "less than twice as long."
    )
    each = [f"{labels[row['optimizer']]} {rough(row['ratio'])}" for row in rows]
    evidence = (
        "Time of the sweep over its updates, where trials train side by side, as a multiple of gradient "
        "descent’s, medians over the problems and batch strategies, with intervals over problems (a time is "
        f"taken once): {in_order(each)}. Methods that work entry by entry run in compiled code, those that "
        "take norms or products of matrices in NumPy: that is part of the difference."
    )
    return Finding("Cost", claim, evidence, ANCHOR, runs=[runs_of(tables.study, optimizer=most["optimizer"])])
