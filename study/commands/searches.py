"""A stored study's searches as Optuna studies, to be browsed with optuna-dashboard."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from overshoot.study.phases.outcomes import TOLERANCES, Outcome
from overshoot.study.phases.search import RESOLUTION, Claim, Search
from overshoot.study.tracking import Store, StoredCell, studies

if TYPE_CHECKING:
    import pandas as pd
    from optuna.trial import FrozenTrial


def write(store: Store, name: str, file: Path) -> Path:
    """An Optuna journal with a study for each cell and claim of the stored study `name`, made anew; the file.

    A trial is a rate. Its value is the median over the search's replicates of the training gap at the end, of
    the validation loss at the end, or of the examples until the gap stays below the tolerance, as a decimal
    logarithm, gaps and losses from `RESOLUTION` on; a rate at which most replicates diverged, or never
    reached the tolerance, has failed. Times are there where the tolerance is one of TOLERANCES. StoreError
    where there is no study of that name.
    """
    from optuna import create_study, logging
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    logging.set_verbosity(logging.WARNING)
    cells = store.read(name, studies.named(store, name).keys)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    storage = JournalStorage(JournalFileBackend(str(file)))
    for cell in cells:
        measured = cell.cell.protocol.tolerance in TOLERANCES
        for claim in Claim if measured else (Claim.TRAINING, Claim.VALIDATION):
            made = create_study(storage=storage, study_name=f"{cell.cell.label} for {claim}")
            made.add_trials(list(_trials(cell, claim)))
    return file


def _trials(cell: StoredCell, claim: Claim) -> Iterator[FrozenTrial]:
    """The rates in the order in which they were tried."""
    from optuna.distributions import FloatDistribution
    from optuna.trial import TrialState, create_trial

    runs = cell.trials[cell.trials["phase"] == Search.name]
    space = FloatDistribution(runs["rate"].min(), runs["rate"].max(), log=True)
    for rate, group in runs.groupby("rate", sort=False):
        value = _value(group, claim, cell.cell.protocol.tolerance)
        yield create_trial(
            state=TrialState.FAIL if value is None else TrialState.COMPLETE,
            params={"lr": rate},
            distributions={"lr": space},
            value=value,
            user_attrs={"role": group["role"].iloc[0], "outcomes": ", ".join(group["outcome"])},
        )


def _value(runs: pd.DataFrame, claim: Claim, tolerance: float) -> float | None:
    """What is minimised; None where most runs diverged, or most never reached the tolerance."""
    if 2 * (runs["outcome"] == Outcome.DIVERGED).sum() >= len(runs):
        return None
    column = {Claim.TRAINING: "q_end", Claim.VALIDATION: "validation_loss", Claim.SPEED: f"hit_{tolerance:g}"}
    median = float(runs[column[claim]].median())
    return math.log10(max(median, RESOLUTION)) if math.isfinite(median) else None
