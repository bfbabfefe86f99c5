"""What the headline findings owe to the number of evaluations that count as the end of a run."""

from __future__ import annotations

from collections.abc import Mapping

from overshoot.study.analysis.end_windows import with_windows
from overshoot.study.analysis.frame import Study
from overshoot.study.analysis.rank_tables import standing
from overshoot.study.analysis.scores import replicates
from overshoot.study.analysis.sensitivity import rate_table, sensitivity, widths
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.findings.claims import Finding, RunLink
from overshoot.study.findings.training_claims import places
from overshoot.study.leadership import Leadership
from overshoot.study.numbers import listing

PLACES = (
    "who trains furthest",
    "who trains least far",
    "who has the widest usable range",
    "who has the narrowest usable range",
)
ALL = "who comes first and who comes last, in training gap and in usable range,"
"""What the four of them are together."""

FACTORS = {"half as many": 0.5, "twice as many": 2.0}


def end_window(tables: Tables) -> Finding | None:
    """Whether another leads in training or in the width of its range with half and with twice the window."""
    if len(tables.study.names.optimizers) < 2:
        return None
    now = _leaders(tables.study)
    studies = with_windows(tables.study, [*FACTORS.values()])
    others = dict(zip(FACTORS, map(_leaders, studies), strict=True))
    kept: list[str] = []
    changed: list[str] = []
    for about in now:
        leaders = {held[about].leader for held in (now, *others.values())}
        same = len(leaders - {None}) < 2  # a lead that comes or goes is no other leader
        (kept if same else changed).append(about)
    label = tables.study.names.optimizers
    details = " ".join(
        f"{about[0].upper()}{about[1:]}: {_named(now[about], label)}"
        + "".join(f"; with {side}, {_named(held[about], label)}" for side, held in others.items())
        + "."
        for about in now
    )
    evidence = "Checked with half and with twice as many evaluations."
    return Finding(
        "End of a run", _claim(kept, changed), evidence, "overview", runs=[RunLink()], details=details
    )


def _claim(kept: list[str], changed: list[str]) -> str:
    """What hangs on the number of evaluations that count as the end, between half and twice as many."""
    if not kept:
        return f"{_said(changed)} on how many evaluations count as the end of a run."
    if kept == [*PLACES]:
        kept = [ALL]
    claim = f"{_said(kept, 'not')} on how many evaluations count as the end of a run"
    return f"{claim}; {listing(changed)} {'do' if len(changed) > 1 else 'does'}." if changed else f"{claim}."


def _said(about: list[str], negation: str = "") -> str:
    verb = (
        f"{'do' if len(about) > 1 else 'does'} not depend"
        if negation
        else f"depend{'' if len(about) > 1 else 's'}"
    )
    text = listing(about)
    return f"{text[0].upper()}{text[1:]} {verb}"


def _leaders(study: Study) -> dict[str, Leadership]:
    """Finding -> who holds its first place."""
    ranks = standing(study, replicates(study, "gap"))
    leaders: dict[str, Leadership] = {}
    if ranks.shape[1] > 1:
        leaders |= zip(PLACES[:2], places(ranks), strict=True)
    table = widths(sensitivity(rate_table(study), study.tolerance))
    if table.shape[1] > 1 and len(table):
        most, least = places(-table.groupby(level="problem", sort=False).mean())
        leaders |= dict(zip(PLACES[2:], (most, least), strict=True))
    return leaders


def _named(lead: Leadership, labels: Mapping[str, str]) -> str:
    """The leader alone, or that those tie who do."""
    if lead.leader is not None:
        return labels[lead.leader]
    return f"no leader ({listing([labels[o] for o in lead.group])}{' tie' if len(lead.group) > 1 else ''})"
