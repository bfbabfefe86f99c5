"""What can be explained of a cell: how its trials ended, and which of them show most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from overshoot.study.analysis import selections
from overshoot.study.explain.narrative import Section
from overshoot.study.numbers import listing, number, plural
from overshoot.study.phases.outcomes import Outcome
from overshoot.study.phases.sweep import SweepSummary
from overshoot.study.tracking import StoredCell


def sections(cell: StoredCell) -> list[Section]:
    """How its trials ended, and the ids of one of each kind."""
    counts = cell.trials["outcome"].value_counts()
    ended = listing([f"{counts[name]:,} {name}" for name in Outcome if name in counts])
    phases = cell.trials["phase"].value_counts(sort=False)
    of = listing([f"{count:,} in the {phase} phase" for phase, count in phases.items()])
    telling = [
        f"{trial['run_id']}  {why}: learning rate {number(float(trial['rate']), 3)}, {trial['outcome']}"
        for why, trial in _telling(cell)
    ]
    return [
        ("The cell", [f"{plural(len(cell.trials), 'trial')}: {of}. Outcomes: {ended}."]),
        ("Trials worth a look: pass an id to `explain`", telling),
    ]


def _telling(cell: StoredCell) -> Iterator[tuple[str, dict[str, Any]]]:
    """One trial of each kind that there is."""
    trials = cell.trials
    swept = selections.swept(trials)
    swept = swept[swept["replicate"] == swept["replicate"].min()].sort_values("rate")
    best = cell.summary.part(SweepSummary).sweep_best_rate or np.inf
    gone, below = selections.diverged(swept), swept["rate"] < best
    near = np.isclose(swept["rate"].astype(float), best, atol=0)
    kinds: list[tuple[str, pd.DataFrame]] = [
        ("the best rate of the sweep", swept[near]),
        ("the largest rate before the first that diverged", swept[gone.cumsum() == 0].tail(1)),
        ("the first rate that diverged", swept[gone].head(1)),
        ("the largest rate of the sweep", swept.tail(1)),
        ("well below the best rate", swept[below & ~near].tail(3).head(1)),
        ("the tuned rate", selections.tuned(trials).head(1)),
        ("the default rate", selections.default(trials).head(1)),
    ]
    seen = set()
    for why, rows in kinds:
        for row in rows.to_dict("records"):
            if row["run_id"] not in seen:
                seen.add(row["run_id"])
                yield why, {str(name): value for name, value in row.items()}
