"""A stored study's searches as Optuna studies, to be browsed with optuna-dashboard."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from overshoot.study.phases.best_rates import EXCURSION, RESOLUTION
from overshoot.study.phases.outcomes import TOLERANCES, Outcome
from overshoot.study.phases.search import Claim, Search, SearchSummary
from overshoot.study.tracking import Store, StoredCell, studies

if TYPE_CHECKING:
    import pandas as pd
    from optuna.trial import FrozenTrial


def write(store: Store, name: str, file: Path) -> Path:
    """An Optuna journal with a study for each cell and claim of the stored study `name`, made anew; the file.

    A trial is a rate. Its value is the median over the search's replicates of the training gap at the end, of
    the validation loss at the end, or of the examples until the gap stays below the tolerance, as a decimal
    logarithm; a rate that cannot win, or at which most replicates never reach the tolerance, has failed.
    Times are there where the tolerance is one of TOLERANCES. What the search chose is each study's
    `tuned_rate`: it prefers rates that converged, and of equal ones the middle, which need not be the best
    here. StoreError where there is no study of that name.
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
        runs = _searched(cell)
        for claim in Claim if measured else (Claim.TRAINING, Claim.VALIDATION):
            made = create_study(storage=storage, study_name=f"{cell.cell.label} for {claim}")
            if (search := cell.summary.get(SearchSummary)) is not None:
                made.set_user_attr("tuned_rate", search.tuned_rate(claim))
            made.add_trials(list(_trials(runs, claim, cell.cell.protocol.tolerance)))
    return file


def _searched(cell: StoredCell) -> pd.DataFrame:
    """The runs of a cell's search, and of each whether it `exploded` on its way and the `least` validation
    loss that is distinguished from none."""
    runs = cell.trials[cell.trials["phase"] == Search.name]
    least = RESOLUTION * cell.curves.groupby("trial")["validation_loss"].first()
    return runs.assign(exploded=runs["peak"] > EXCURSION, least=runs["trial"].map(least))


def _trials(runs: pd.DataFrame, claim: Claim, tolerance: float) -> Iterator[FrozenTrial]:
    """The rates in the order in which they were tried."""
    from optuna.distributions import FloatDistribution
    from optuna.trial import TrialState, create_trial

    space = FloatDistribution(runs["rate"].min(), runs["rate"].max(), log=True)
    for rate, group in runs.groupby("rate", sort=False):
        value = _value(group, claim, tolerance)
        yield create_trial(
            state=TrialState.FAIL if value is None else TrialState.COMPLETE,
            params={"lr": rate},
            distributions={"lr": space},
            value=value,
            user_attrs={"role": group["role"].iloc[0], "outcomes": ", ".join(group["outcome"])},
        )


def _value(runs: pd.DataFrame, claim: Claim, tolerance: float) -> float | None:
    """What is minimised; None for a rate that cannot win, as in `study.phases.search.Candidate`, and for one
    at which most never reached the tolerance."""
    lasted = runs["outcome"] != Outcome.DIVERGED
    if 2 * lasted.sum() <= len(runs) or runs.loc[lasted, "exploded"].any():
        return None
    column = {Claim.TRAINING: "q_end", Claim.VALIDATION: "validation_loss", Claim.SPEED: f"hit_{tolerance:g}"}
    least: dict[Claim, Any] = {Claim.TRAINING: RESOLUTION, Claim.VALIDATION: runs["least"], Claim.SPEED: 1.0}
    values = np.where(lasted, np.maximum(runs[column[claim]], least[claim]), np.inf)
    value = float(np.median(values))
    return math.log10(value) if 0 < value < math.inf else None
