"""How much tuning each optimizer needs, and which searches are in doubt."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import Study
from overshoot.study.analysis.search_effort import NEAR, _ratios, needed
from overshoot.study.comparison import clustered
from overshoot.study.findings.claims import Finding, RunLink, runs_of
from overshoot.study.findings.codes import SEARCHES
from overshoot.study.numbers import listing, number, percent, plural, rough, share
from overshoot.study.phases.search import SearchStatus
from overshoot.study.statistics import middle, wilson

ANCHOR = "tuning"


def tuning_effort(study: Study, found: pd.DataFrame) -> Finding | None:
    """Which optimizer needs the most and which the fewest trials, compared in the same cells."""
    table = needed(found)
    if table.empty or table.shape[1] < 2:
        return None
    label = study.names.optimizers
    problems = table.index.get_level_values("problem")
    each = {str(o): clustered(table[o].to_numpy(), problems, middle) for o in table}
    means = np.log2(table.clip(upper=2 * found["trials"].max())).mean()
    least, *_, most = (str(o) for o in means.sort_values(kind="stable").index)
    ratio = clustered(_ratios(table[most].to_numpy(), table[least].to_numpy()), problems, middle)
    clear = ratio.excludes(1)
    claim = (
        f"{label[most]} needs {number(ratio.value)} times as many trials of tuning as {label[least]}."
        if clear
        else "No optimizer clearly needs fewer trials of tuning than the others."
    )
    evidence = (
        f"The median search is within {percent(NEAR)} of its whole gain after {rough(each[least])} trials "
        f"for {label[least]} and {rough(each[most])} for {label[most]}; in the same "
        f"{plural(len(table), 'pair')} of problem and batch strategy the ratio is {rough(ratio)}."
    )
    never = int(np.isinf(table.to_numpy()).sum())
    if never:
        evidence += f" {plural(never, 'search', 'searches')} never gained anything."
    runs = [runs_of(study, optimizer=o) for o in (least, most)]
    return Finding("Tuning effort", claim, evidence, ANCHOR, not clear, runs)


def search_boundary(study: Study, found: pd.DataFrame) -> Finding:
    """How often the best rate lay at the search boundary, and what came of it."""
    total = len(study.cells)
    if found.empty:
        claim = "No search found its best rate at the search boundary."
        evidence = f"Within half a decade of it: 0 of {plural(total, 'search', 'searches')}."
        return Finding("Search boundary", claim, evidence, ANCHOR, runs=[RunLink()])
    widened = found[found["extended"]]
    doubts = found[~found["trusted"]]
    clauses = []
    if len(widened):
        clear = int(widened["trusted"].sum())
        clauses.append(
            f"{len(widened)} had a best rate within half a decade of the search boundary and went on over a "
            f"wider range, which settled {clear} of them"
        )
    if len(doubts):
        kinds = [
            f"{n} {SEARCHES[SearchStatus(str(doubt))]}" for doubt, n in doubts["doubt"].value_counts().items()
        ]
        clauses.append(f"{len(doubts)} remained in doubt ({listing(kinds)}), marked †")
    claim = (
        f"In {len(found)} of {plural(total, 'search', 'searches')} the best rate was in question at first."
    )
    evidence = f"Of these, {listing(clauses)} ({share(wilson(len(found), total))} of all)."
    return Finding("Search boundary", claim, evidence, ANCHOR, runs=[*_doubtful(doubts), RunLink()])


def _doubtful(doubts: pd.DataFrame) -> list[RunLink]:
    """The runs of each kind of doubt, by the tags of their cells."""
    kinds = [SearchStatus(doubt) for doubt in dict.fromkeys(doubts["doubt"])]
    return [RunLink(SEARCHES[kind], {"search_status": kind.value}) for kind in kinds]
