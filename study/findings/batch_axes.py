"""Which batch size is faster, by what is counted."""

from __future__ import annotations

import pandas as pd

from overshoot.study.analysis.arrivals import TARGET, UNITS, ratios
from overshoot.study.analysis.frame import Study
from overshoot.study.comparison import Comparison
from overshoot.study.findings import few_problems
from overshoot.study.findings.claims import Finding, runs_of
from overshoot.study.numbers import both, listing, number, plural

ANCHOR = "axes"

MEASURED = "milliseconds"


def batch_axes(study: Study, table: pd.DataFrame) -> Finding | None:
    """Whether the smallest batch is faster than the largest, by what is counted."""
    names = study.names.batches
    if len(names) < 2:
        return None
    by_unit = ratios(study, table)
    if not by_unit:
        return None
    large, *_, small = names
    ends = table[table["batch"].isin([large, small])]
    pairs = int((ends.groupby(["problem", "optimizer"])["batch"].nunique() == 2).sum())
    runs = [runs_of(study, batch=batch) for batch in (large, small)]
    # What an update costs is this machine's: it is told, and nothing is claimed of it.
    clear = [unit for unit, ratio in by_unit.items() if ratio.clear(1) and unit != MEASURED]
    clauses = [f"{both(ratio, number)} times the {UNITS[unit]}" for unit, ratio in by_unit.items()]
    if study.few:
        said = few_problems.counted(names, small, large, clauses, pairs, number(TARGET))
        return Finding("What is counted", *said, ANCHOR, runs=runs)
    evidence = (
        f"To a training gap below {number(TARGET)} at the rate tuned for speed, {names[small]} needs "
        f"{listing(clauses)} of {names[large]}: medians over {plural(pairs, 'pair')} of problem and "
        "optimizer."
    )
    claim = _which(names[small], names[large], {unit: by_unit[unit] for unit in clear})
    return Finding("What is counted", claim, evidence, ANCHOR, not clear, runs)


def _which(small: str, large: str, clear: dict[str, Comparison]) -> str:
    """Which batch is faster, by each of the units in which that is clear."""
    if not clear:
        return f"Neither {small} nor {large} is clearly faster, in examples or in updates."
    fewer = [UNITS[unit] for unit, ratio in clear.items() if ratio.value < 1]
    more = [UNITS[unit] for unit, ratio in clear.items() if ratio.value > 1]
    sides = [f"fewer {listing(fewer)}"] * bool(fewer) + [f"more {listing(more)}"] * bool(more)
    return f"To the same training gap {small} needs {' but '.join(sides)} than {large}."
