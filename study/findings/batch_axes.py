"""Which batch size is faster, by what is counted."""

from __future__ import annotations

import pandas as pd

from study.analysis.arrivals import TARGET, UNITS, ratios
from study.analysis.frame import Study
from study.findings.claims import Finding, runs_of
from study.numbers import listing, number, plural, rough

ANCHOR = "axes"


def batch_axes(study: Study, table: pd.DataFrame) -> Finding | None:
    """Whether the smallest batch is faster than the largest, by what is counted."""
    names = study.names.batches
    if len(names) < 2:
        return None
    found = ratios(study, table)
    if not found:
        return None
    large, *_, small = names
    ends = table[table["batch"].isin([large, small])]
    pairs = int((ends.groupby(["problem", "optimizer"])["batch"].nunique() == 2).sum())
    clauses = [f"{rough(ratio)} times the {UNITS[unit]}" for unit, ratio in found.items()]
    text = (
        f"To bring the training gap below {number(TARGET)} at its tuned rate, {names[small]} needs "
        f"{listing(clauses)} of {names[large]}: the middle over {plural(pairs, 'pair')} of problem and "
        "optimizer."
    )
    ties = [UNITS[unit] for unit, ratio in found.items() if not ratio.excludes(1)]
    if ties:
        text += f" An interval that includes 1 is a tie: so it is in {listing(ties)}."
    runs = [runs_of(study, batch=batch) for batch in (large, small)]
    return Finding("What is counted", text, ANCHOR, len(ties) == len(found), runs)
