"""The search: Optuna tunes the learning rate, for each claim by itself. The only place that knows Optuna.

A rate that is best for training need not be best for the validation loss, nor the one that reaches a target
first. A comparison of training that rests on rates tuned for validation compares something else, so there is
a tuned rate for each claim, chosen from the same trials.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import cycle, islice
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from overshoot.study.experiment.cells import Cell, Choice, PhaseSettings, Rates
from overshoot.study.experiment.reader import Reader
from overshoot.study.phases.best_rates import EXCURSION, LEVEL, RESOLUTION, midpoint, plateau
from overshoot.study.phases.outcomes import (
    converged,
    divergence,
    hitting_examples,
    median,
    peak,
    q_end,
    window,
)
from overshoot.study.phases.phase import MOST_TRIALS, Done, Left, Phase, StackCost, register
from overshoot.study.phases.stack import Run, Trial, run_stack, updates_of
from overshoot.study.phases.summary import Part
from overshoot.study.problems.problem import Problem
from overshoot.study.problems.seeds import seed

if TYPE_CHECKING:
    import optuna

NEAR = 0.5
"""Decades: a best rate closer than this to an end of the range is an alarm."""
EXTENSION = 2.0
"""Decades by which the range grows at that end."""
PENALTY = 12.0
"""What is told of a rate that cannot win is this and more: above the logarithm of any that can."""


@dataclass(frozen=True)
class SearchSettings(PhaseSettings, phase="search"):
    """The Optuna search: a shared coarse grid of `startup` rates first, then TPE in batches, every rate on so
    many `replicates`."""

    trials: int = 24
    startup: int = 16
    batch: int = 8
    replicates: int = 3


class SearchRole(StrEnum):
    """Why a rate was searched: one of the coarse grid, one that TPE asked for, or one beyond the range that
    was searched first."""

    STARTUP = "startup"
    TPE = "tpe"
    EXTENDED = "extended"


class Claim(StrEnum):
    """What a rate is tuned for: the training gap at the end, the validation loss at the end, or the examples
    until the gap stays below the tolerance."""

    TRAINING = "training"
    VALIDATION = "validation"
    SPEED = "speed"


class SearchStatus(StrEnum):
    """Whether the best rates are to be trusted: clear of the boundaries of the range, one at a boundary, or
    none found."""

    CLEAR = "clear"
    AT_BOUNDARY = "at_search_boundary"
    NO_STABLE_RATE = "no_stable_rate"


@dataclass(frozen=True)
class SearchSummary(Part):
    """tuned_rate_...: for each claim, None where no rate can win. search_low, search_high: the range in the
    end. search_spread_...: decades between the best rates of the replicates, each taken by itself and
    equal ones all counted as best."""

    search_status: SearchStatus
    tuned_rate_training: float | None
    tuned_rate_validation: float | None
    tuned_rate_speed: float | None
    search_low: float
    search_high: float
    search_spread_training: float | None = None
    search_spread_validation: float | None = None

    def tuned_rate(self, claim: Claim) -> float | None:
        """The rate that is best for a claim."""
        rates = (self.tuned_rate_training, self.tuned_rate_validation, self.tuned_rate_speed)
        return dict(zip(Claim, rates, strict=True))[claim]


@dataclass(frozen=True)
class Candidate:
    """One rate of the search, run on every replicate."""

    runs: tuple[Run, ...]
    best_loss: float
    tolerance: float

    @property
    def rate(self) -> float:
        return self.runs[0].trial.rate

    @cached_property
    def diverged(self) -> tuple[bool, ...]:
        """Which of the runs did."""
        return tuple(divergence(run, self.best_loss) is not None for run in self.runs)

    @cached_property
    def values(self) -> dict[Claim, np.ndarray]:
        """For each claim what is minimised, (replicates,), as a decimal logarithm; inf for a run that
        diverged."""
        each = list(zip(self.runs, self.diverged, strict=True))
        return {c: np.array([np.inf if bad else self._value(run, c) for run, bad in each]) for c in Claim}

    def score(self, claim: Claim) -> float:
        """The median over the replicates; for a rate that cannot win a finite penalty, larger the earlier its
        runs left: Optuna drops NaN, and an infinity would make all of them alike."""
        if self.eligible:
            return median(self.values[claim])
        lasted = [r.last_update / max(r.updates[-1], r.first_bad_step, 1) for r in self.runs]
        return PENALTY + 1 - float(np.mean(lasted))

    @cached_property
    def eligible(self) -> bool:
        """Whether more than half of the runs lasted, and none of those exploded on its way."""
        lasted = [run for run, bad in zip(self.runs, self.diverged, strict=True) if not bad]
        exploded = any(peak(run, self.best_loss) > EXCURSION for run in lasted)
        return 2 * len(lasted) > len(self.runs) and not exploded

    @cached_property
    def converged(self) -> bool:
        """Whether more than half of the runs did."""
        return 2 * sum(converged(run, self.best_loss, self.tolerance) for run in self.runs) > len(self.runs)

    def _value(self, run: Run, claim: Claim) -> float:
        left = max(q_end(run, self.best_loss), RESOLUTION)
        if claim == Claim.TRAINING:
            return float(np.log10(left))
        if claim == Claim.VALIDATION:
            loss = median(run.validation_loss[-window(len(run.validation_loss)) :])
            return float(np.log10(max(loss, RESOLUTION * run.validation_loss[0], np.finfo(float).tiny)))
        examples = hitting_examples(run, self.best_loss, self.tolerance)
        if np.isfinite(examples):
            return float(np.log10(max(examples, 1)))
        # Never reached: behind all that do, by what is left.
        return float(np.log10(run.examples[-1]) + 1 + max(0, np.log10(left / self.tolerance)))


@dataclass(frozen=True)
class TunedRates(Left):
    """The search's candidates in order, the range that was searched in the end, and what came of it."""

    candidates: list[Candidate]
    runs: list[Run]
    tuned: SearchSummary

    @property
    def summary(self) -> SearchSummary:
        return self.tuned

    @property
    def rates(self) -> list[float]:
        """The tuned rates, each once."""
        tuned_rates = [self.tuned.tuned_rate(claim) for claim in Claim]
        return list(dict.fromkeys(rate for rate in tuned_rates if rate is not None))


def search(cell: Cell, problem: Problem) -> TunedRates:
    """Tune the cell's learning rate for every claim.

    A coarse grid of rates in an order shared by all cells comes first, then TPE in batches that train as one
    stack, each claim proposing in turn. When a best rate is within half a decade of a boundary, the range
    grows by two decades there and a batch of trials is added, twice at the most; a best rate that is at a
    boundary even then is not trusted. Every rate is run on all replicates of the search.
    """
    settings = cell.protocol.of(SearchSettings)
    rates = cell.rates
    candidates = _startup(cell, problem, rates)
    while len(candidates) < settings.trials:
        count = min(settings.batch, settings.trials - len(candidates))
        candidates += _propose(cell, problem, rates, candidates, [], count, SearchRole.TPE)
    for _ in range(2):
        wider = _extended(rates, winners(candidates).values())
        if wider == rates:
            break
        rates, fresh = wider, added(rates, wider, settings.batch // 2)
        candidates += _propose(cell, problem, rates, candidates, fresh, settings.batch, SearchRole.EXTENDED)
    runs = [run for candidate in candidates for run in candidate.runs]
    return TunedRates(candidates, runs, _summary(candidates, rates))


def winners(candidates: Sequence[Candidate]) -> dict[Claim, float]:
    """Claim -> the rate that is best for it, by the rule of `best_rates`; nothing where no rate can win.

    Equal scores are distinguished by the training gap. Of a plateau that reaches an end of what was
    tried nobody knows how far it goes: there its best score counts, so that the search looks further.
    """
    tried = sorted(candidates, key=lambda c: c.rate)
    rates = np.array([c.rate for c in tried])
    able, converged = (np.array([getattr(c, flag) for c in tried]) for flag in ("eligible", "converged"))
    scores = {claim: np.array([c.score(claim) for c in tried]) for claim in Claim}
    best = {}
    for claim in Claim:
        level = plateau(rates, able, converged, [scores[claim], scores[Claim.TRAINING]])
        if not level:
            continue
        open_ended = level[0] == 0 or level[-1] == len(tried) - 1
        place = min(level, key=lambda i: scores[claim][i]) if open_ended else midpoint(rates, level)
        best[claim] = float(rates[place])
    return best


def _summary(candidates: Sequence[Candidate], rates: Rates) -> SearchSummary:
    best = winners(candidates)
    status = SearchStatus.CLEAR if _extended(rates, best.values()) == rates else SearchStatus.AT_BOUNDARY
    return SearchSummary(
        search_status=status if best else SearchStatus.NO_STABLE_RATE,
        tuned_rate_training=best.get(Claim.TRAINING),
        tuned_rate_validation=best.get(Claim.VALIDATION),
        tuned_rate_speed=best.get(Claim.SPEED),
        search_low=rates.low,
        search_high=rates.high,
        search_spread_training=spread(candidates, Claim.TRAINING),
        search_spread_validation=spread(candidates, Claim.VALIDATION),
    )


def spread(candidates: Sequence[Candidate], claim: Claim) -> float | None:
    """Decades between the replicates' own best rates; None where one of them has none.

    Rates with equal scores are all best: of a plateau that two replicates share, they do not disagree. So it
    is the shortest interval that holds a best rate of each.
    """
    able = sorted((c for c in candidates if c.eligible), key=lambda c: c.rate)
    if not able:
        return None
    values = np.stack([c.values[claim] for c in able])
    least = values.min(axis=0)
    if np.isinf(least).any():
        return None
    logs = np.log10([c.rate for c in able])
    best = [logs[own] for own in (values <= least + LEVEL).T]
    lowest = [low for low in np.concatenate(best) if all(own[-1] >= low for own in best)]
    return float(min(max(own[own >= low][0] for own in best) - low for low in lowest))


def _startup(cell: Cell, problem: Problem, rates: Rates) -> list[Candidate]:
    points = np.geomspace(rates.low, rates.high, cell.protocol.of(SearchSettings).startup)
    order = np.random.default_rng(seed(cell.protocol.seed, "startup")).permutation(len(points))
    return _run(cell, problem, [float(rate) for rate in points[order]], SearchRole.STARTUP)


def _run(cell: Cell, problem: Problem, rates: Sequence[float], role: str) -> list[Candidate]:
    count = cell.protocol.of(SearchSettings).replicates
    trials = [Trial(Search.name, role, rate, f"search-{k}") for rate in rates for k in range(count)]
    runs = run_stack(cell, problem, trials)
    groups = [tuple(runs[i : i + count]) for i in range(0, len(runs), count)]
    return [Candidate(group, problem.best_loss, cell.protocol.tolerance) for group in groups]


def _propose(
    cell: Cell,
    problem: Problem,
    rates: Rates,
    candidates: Sequence[Candidate],
    fixed: Sequence[float],
    count: int,
    role: str,
) -> list[Candidate]:
    """`count` further rates: the `fixed` ones, all of them, then what TPE asks for in turn for each claim."""
    studies = {claim: _study(cell, rates, candidates, claim) for claim in Claim}
    turns = islice(cycle(Claim), max(0, count - len(fixed)))
    asked = [studies[claim].ask(_space(rates)).params["lr"] for claim in turns]
    return _run(cell, problem, [*fixed, *asked], role)


def _study(cell: Cell, rates: Rates, candidates: Sequence[Candidate], claim: Claim) -> optuna.Study:
    """The search so far as an Optuna study; its sampler depends on the cell, the claim and what was done."""
    import optuna  # which takes half a second, and who reads results needs none of it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    drawn = seed(cell.protocol.seed, "tpe", done=len(candidates), claim=claim.value)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=drawn % 2**32))
    for candidate in candidates:
        study.add_trial(
            optuna.trial.create_trial(
                state=optuna.trial.TrialState.COMPLETE,
                params={"lr": candidate.rate},
                distributions=_space(rates),
                value=candidate.score(claim),
            )
        )
    return study


def _space(rates: Rates) -> dict[str, optuna.distributions.BaseDistribution]:
    from optuna.distributions import FloatDistribution

    return {"lr": FloatDistribution(rates.low, rates.high, log=True)}


def _extended(rates: Rates, best: Collection[float]) -> Rates:
    """The range, two decades wider at each end that is within half a decade of one of the `best` rates."""
    low = any(np.log10(rate / rates.low) < NEAR for rate in best)
    high = any(np.log10(rates.high / rate) < NEAR for rate in best)
    return Rates(
        rates.low / 10**EXTENSION if low else rates.low,
        rates.high * 10**EXTENSION if high else rates.high,
        rates.per_decade,
    )


def added(old: Rates, new: Rates, points: int) -> list[float]:
    """Coarse grids of so many rates over what `new` adds to `old` at either end, the new ends included: a
    best rate there must show."""
    ends = [(old.low, new.low), (old.high, new.high)]
    grids = [np.geomspace(near, far, max(points, 1) + 1)[1:] for near, far in ends if near != far]
    return [float(rate) for grid in grids for rate in grid]


@register
class Search(Phase):
    """The rates that are best for each claim."""

    name: ClassVar[str] = "search"
    rank: ClassVar[int] = 20
    part: ClassVar[type[Part]] = SearchSummary

    def read(self, top: Reader, optimizers: Sequence[Choice] | None) -> SearchSettings:
        t, default = top.table(self.name), SearchSettings()
        trials = t.integer("trials", default.trials, low=1, high=MOST_TRIALS)
        settings = SearchSettings(
            trials=trials,
            startup=t.at_most("startup", default.startup, "trials", trials, low=1),
            batch=t.integer("batch", default.batch, low=1),
            replicates=t.integer("replicates", default.replicates, low=1),
        )
        t.done()
        return settings

    def run(self, cell: Cell, problem: Problem, done: Done) -> TunedRates:
        return search(cell, problem)

    def stacks(self, cell: Cell, samples: int) -> Sequence[StackCost]:
        """If the best rates stay clear of the boundaries."""
        settings = cell.protocol.of(SearchSettings)
        rest = settings.trials - settings.startup
        batches = [min(settings.batch, rest - asked) for asked in range(0, rest, settings.batch)]
        return [
            StackCost(rates * settings.replicates, updates_of(cell, samples))
            for rates in (settings.startup, *batches)
        ]
