"""How much tuning each optimizer needs, and whether the searches can be trusted."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.analysis.frame import Study
from study.analysis.search_effort import NEAR, _ratios, needed
from study.findings.claims import Finding, Runs, runs_of
from study.findings.codes import SEARCHES
from study.numbers import listing, percent, plural, rough, share
from study.phases.search import SearchStatus
from study.statistics import clustered, middle, wilson

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
    tie = not ratio.excludes(1)
    text = (
        f"The middle search of {label[least]} is within {percent(NEAR)} of all it will gain after "
        f"{rough(each[least])} trials, that of {label[most]} after {rough(each[most])}. In the same "
        f"{plural(len(table), 'pair')} of problem and batch strategy {label[most]} needs {rough(ratio)} "
        f"times as many: {'a tie' if tie else 'told apart'}."
    )
    never = int(np.isinf(table.to_numpy()).sum())
    if never:
        text += f" {plural(never, 'search', 'searches')} never gained anything."
    runs = [runs_of(study, optimizer=o) for o in (least, most)]
    return Finding("Tuning effort", text, ANCHOR, tie, runs)


def edge_alarm(study: Study, found: pd.DataFrame) -> Finding:
    """How often the best rate lay at an edge of the searched range, and what came of it."""
    total = len(study.cells)
    if found.empty:
        text = (
            f"In none of {plural(total, 'search', 'searches')}, {share(wilson(0, total))}, did the best rate "
            "lie within half a decade of an edge of the searched range."
        )
        return Finding("Edge of the search", text, ANCHOR, runs=[Runs()])
    widened = found[found["extended"]]
    doubts = found[~found["trusted"]]
    clauses = []
    if len(widened):
        clear = int(widened["trusted"].sum())
        clauses.append(
            f"{len(widened)} had a best rate within half a decade of an edge and were searched on over a "
            f"wider range, which brought {clear} of them clear of it"
        )
    if len(doubts):
        kinds = [
            f"{n} {SEARCHES[SearchStatus(str(doubt))]}" for doubt, n in doubts["doubt"].value_counts().items()
        ]
        clauses.append(f"{len(doubts)} must not be trusted in the end ({listing(kinds)}), marked †")
    text = (
        f"Of {plural(total, 'search', 'searches')}, {listing(clauses)}: the alarm fired in "
        f"{share(wilson(len(found), total))}."
    )
    return Finding("Edge of the search", text, ANCHOR, runs=[*_doubtful(doubts), Runs()])


def _doubtful(doubts: pd.DataFrame) -> list[Runs]:
    """The runs of each kind of doubt, by the tags of their cells."""
    kinds = [SearchStatus(doubt) for doubt in dict.fromkeys(doubts["doubt"])]
    return [Runs(SEARCHES[kind], {"search_status": kind.value}) for kind in kinds]
