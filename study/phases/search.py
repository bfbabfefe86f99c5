"""The search: Optuna tunes the learning rate on the validation loss. The only place that knows Optuna."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from study.experiment.cells import Cell, Rates
from study.phases.outcomes import divergence, window
from study.phases.stack import Run, Trial, run_stack
from study.phases.summary import Part
from study.problems.problem import Problem
from study.problems.seeds import seed

if TYPE_CHECKING:
    import optuna

REPLICATE = "search-0"
NEAR = 0.5
"""Decades: a best rate closer than this to an end of the range is an alarm."""
EXTENSION = 2.0
"""Decades by which the range grows at that end."""
PENALTY = 12.0
"""log10 validation loss told for a diverged trial, above that of any run that lasted."""


class SearchStatus(StrEnum):
    """Whether the best rate is to be trusted: clear of the boundaries of the range, at one, or none."""

    CLEAR = "clear"
    AT_BOUNDARY = "at_search_boundary"
    NO_STABLE_RATE = "no_stable_rate"


@dataclass(frozen=True)
class SearchSummary(Part):
    """tuned_rate: None where every trial diverged. search_low, search_high: the range in the end."""

    search_status: SearchStatus
    tuned_rate: float | None
    search_low: float
    search_high: float


@dataclass(frozen=True)
class TunedRate:
    """The search's runs in order, the best rate (None when every trial diverged), the range that was
    searched in the end, and whether the best rate is clear of its boundaries."""

    runs: list[Run]
    rate: float | None
    range: Rates
    status: SearchStatus

    @property
    def summary(self) -> SearchSummary:
        return SearchSummary(self.status, self.rate, self.range.low, self.range.high)


def search(cell: Cell, problem: Problem) -> TunedRate:
    """Tune the cell's learning rate.

    A coarse grid of rates in an order shared by all cells comes first, then TPE in batches that
    train as one stack. When the best rate is within half a decade of a boundary, the range grows
    by two decades there and a batch of trials is added, twice at the most; a best rate that is at a
    boundary even then is not trusted.
    """
    settings = cell.protocol.search
    rates = cell.rates
    runs = _startup(cell, problem, rates)
    while len(runs) < settings.trials:
        count = min(settings.batch, settings.trials - len(runs))
        runs += _propose(cell, problem, rates, runs, [], count, "tpe")
    for _ in range(2):
        best = _best(cell, problem, runs)
        wider = rates if best is None else _extended(rates, best)
        if wider == rates:
            break
        rates, fresh = wider, _new_part(rates, wider, settings.batch // 2)
        runs += _propose(cell, problem, rates, runs, fresh, settings.batch, "extended")
    best = _best(cell, problem, runs)
    return TunedRate(runs, best, rates, _status(rates, best))


def _status(rates: Rates, best: float | None) -> SearchStatus:
    if best is None:
        return SearchStatus.NO_STABLE_RATE
    return SearchStatus.CLEAR if _extended(rates, best) == rates else SearchStatus.AT_BOUNDARY


def told(run: Run, best_loss: float) -> float:
    """What Optuna is told: log10 of the validation loss over the last window.

    For a diverged trial a finite penalty, the larger the earlier it left: Optuna drops NaN, and an
    infinity would make all diverged trials alike.
    """
    lasted = run.last_update / max(run.updates[-1], run.first_bad_step, 1)
    loss = float(np.median(run.validation_loss[-window(len(run.validation_loss)) :]))
    if divergence(run, best_loss) is not None or not np.isfinite(loss):
        return PENALTY + 1 - lasted
    return float(np.log10(max(loss, np.finfo(float).tiny)))


def _startup(cell: Cell, problem: Problem, rates: Rates) -> list[Run]:
    points = np.geomspace(rates.low, rates.high, cell.protocol.search.startup)
    order = np.random.default_rng(seed(cell.protocol.seed, "startup")).permutation(len(points))
    return _run(cell, problem, [float(rate) for rate in points[order]], "startup")


def _run(cell: Cell, problem: Problem, rates: Sequence[float], role: str) -> list[Run]:
    return run_stack(cell, problem, [Trial("search", role, rate, REPLICATE) for rate in rates])


def _propose(
    cell: Cell,
    problem: Problem,
    rates: Rates,
    runs: Sequence[Run],
    fixed: Sequence[float],
    count: int,
    role: str,
) -> list[Run]:
    """`count` further trials: the `fixed` rates, then what TPE asks for given all runs so far."""
    study = _study(cell, problem, rates, runs)
    for rate in fixed:
        study.enqueue_trial({"lr": rate})
    asked = [study.ask(_space(rates)).params["lr"] for _ in range(count)]
    return _run(cell, problem, asked, role)


def _study(cell: Cell, problem: Problem, rates: Rates, runs: Sequence[Run]) -> optuna.Study:
    """The search so far as an Optuna study; its sampler depends on the cell and the trials done."""
    import optuna  # which takes half a second, and who reads results needs none of it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed(cell.protocol.seed, "tpe", done=len(runs)) % 2**32)
    study = optuna.create_study(sampler=sampler)
    for run in runs:
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.COMPLETE,
                params={"lr": run.trial.rate},
                distributions=_space(rates),
                value=told(run, problem.best_loss),
            )
        )
    return study


def _space(rates: Rates) -> dict[str, optuna.distributions.BaseDistribution]:
    from optuna.distributions import FloatDistribution

    return {"lr": FloatDistribution(rates.low, rates.high, log=True)}


def _best(cell: Cell, problem: Problem, runs: Sequence[Run]) -> float | None:
    lasted = [run for run in runs if told(run, problem.best_loss) < PENALTY]
    if not lasted:
        return None
    return min(lasted, key=lambda run: told(run, problem.best_loss)).trial.rate


def _extended(rates: Rates, best: float) -> Rates:
    """The range, two decades wider at each end that is within half a decade of `best`."""
    low = rates.low / 10**EXTENSION if np.log10(best / rates.low) < NEAR else rates.low
    high = rates.high * 10**EXTENSION if np.log10(rates.high / best) < NEAR else rates.high
    return Rates(low, high, rates.per_decade)


def _new_part(old: Rates, new: Rates, points: int) -> list[float]:
    """A coarse grid over what `new` adds to `old`, the new end included: a best rate there must show."""
    near, far = (old.low, new.low) if new.low < old.low else (old.high, new.high)
    return [float(rate) for rate in np.geomspace(near, far, max(points, 1) + 1)[1:]]
