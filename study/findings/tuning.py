"""How much tuning each optimizer needs, and which searches are in doubt."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import Study
from overshoot.study.analysis.search_effort import NEAR, needed, ratios
from overshoot.study.comparison import allowed, clustered, few
from overshoot.study.findings import few_problems
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.codes import SEARCHES
from overshoot.study.findings.phrases import in_order, nothing_clear, shares, tied, who
from overshoot.study.findings.training_claims import places
from overshoot.study.numbers import listing, over_problems, percent, plural, rough
from overshoot.study.phases.search import SearchStatus
from overshoot.study.statistics import mean, middle

ANCHOR = "tuning"


def tuning_effort(study: Study, searched: pd.DataFrame) -> Finding | None:
    """Which optimizer needs the most and which the fewest trials, compared in the same cells."""
    table = needed(searched)
    if table.empty or table.shape[1] < 2:
        return None
    if study.few:
        return few_problems.tuning_effort(study, table, percent(NEAR))
    label = study.names.optimizers
    problems = table.index.get_level_values("problem")
    capped = np.log2(table.clip(upper=2 * searched["trials"].max()).to_numpy())
    logs = pd.DataFrame(capped, table.index, table.columns).groupby(level="problem", sort=False).mean()
    fewest, most = places(logs)
    order = [str(o) for o in logs.mean().sort_values(kind="stable").index]
    each = in_order([f"{label[o]} {rough(clustered(table[o].to_numpy(), problems, middle))}" for o in order])
    factors = ratios(table[order[-1]].to_numpy(), table[order[0]].to_numpy())
    ratio = clustered(factors, problems, middle, border=1)
    fewest, most = (end.confirmed(o, ratio.excludes(1)) for end, o in ((fewest, order[0]), (most, order[-1])))
    claim = f"{who(fewest, label, 'needs the fewest trials of tuning')}."
    if most.leader is not None:
        claim = f"{claim[:-1]}; {label[most.leader]} needs the most."
    evidence = (
        f"Until a search is within {percent(NEAR)} of its whole gain, {label[order[-1]]} takes "
        f"{rough(ratio)} times as many trials as {label[order[0]]} on the same {plural(len(table), 'pair')} "
        f"of problem and batch strategy{_over(problems)}.{tied(fewest, label)}"
    )
    details = f"Trials that the median search takes: {each}.{shares(fewest, label, 'Fewest')}"
    never = int(np.isinf(table.to_numpy()).sum())
    if never:
        details += f" {plural(never, 'search', 'searches')} never gained anything."
    runs = [runs_of(study, optimizer=o) for o in (order[0], order[-1])]
    return Finding("Tuning effort", claim, evidence, ANCHOR, nothing_clear(fewest, most), runs, details)


def _over(problems: pd.Index) -> str:
    """Which interval a search has."""
    said = "range" if few(problems.nunique()) else "interval"
    return f" ({said} over problems: a cell is searched once)" if problems.nunique() > 1 else ""


def search_boundary(study: Study, alarms: pd.DataFrame) -> Finding:
    """How often the best rate lay at the search boundary, and what came of it."""
    total = len(study.cells)
    if alarms.empty:
        claim = "No search found its best rate at the search boundary."
        evidence = f"Within half a decade of it: 0 of {plural(total, 'search', 'searches')}." * (total > 1)
        return Finding("Search boundary", claim, evidence, ANCHOR, runs=[RunLink()])
    widened = alarms[alarms["extended"]]
    doubts = alarms[~alarms["trusted"]]
    clauses = []
    if len(widened):
        clauses.append(_extended(len(widened), int(widened["trusted"].sum())))
    if len(doubts):
        kinds = [
            f"{SEARCHES[SearchStatus(str(doubt))]}: {n}"
            for doubt, n in doubts["doubt"].value_counts().items()
        ]
        clauses.append(f"{len(doubts)} remained in doubt, marked † in the tables ({listing(kinds)})")
    claim = f"In {len(alarms)} of {plural(total, 'search', 'searches')} the best rate was in doubt at first."
    doubted = clustered(study.cells["key"].isin(alarms["key"]).to_numpy(), study.cells["problem"], mean)
    share = over_problems(allowed(doubted, study.problems))
    evidence = f"Share of all searches: {share}. {'. '.join(clauses)}."
    if total == 1:
        claim, evidence = "The best rate was in doubt at first.", f"{'. '.join(clauses)}."
    return Finding("Search boundary", claim, evidence, ANCHOR, runs=[*_doubtful(doubts), RunLink()])


def _extended(searches: int, settled: int) -> str:
    """How many searches went on over a wider range, and how many that settled."""
    which = "it" if searches == 1 else "all of them" if settled == searches else f"{settled} of them"
    done = "settled" if settled or searches > 1 else "did not settle"
    return (
        f"In {searches} the best rate lay within half a decade of the search boundary; searching a wider "
        f"range {done} {which}"
    )


def _doubtful(doubts: pd.DataFrame) -> list[RunLink]:
    """The runs of each kind of doubt, by the tags of their cells."""
    kinds = [SearchStatus(doubt) for doubt in dict.fromkeys(doubts["doubt"])]
    return [RunLink(SEARCHES[kind], {"search_status": kind.value}) for kind in kinds]
