"""What happened in a run and why, in sentences that a student can check: each carries its numbers."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from overshoot.core.optimizers.base import Recursion
from overshoot.study.analysis.labels import optimizer_label
from overshoot.study.experiment.cells import CONSTANT
from overshoot.study.explain.facts import Facts, Growth, Sharpness
from overshoot.study.findings.codes import BASES, no_limit, reason
from overshoot.study.numbers import number as some_digits
from overshoot.study.numbers import percent
from overshoot.study.phases.confirm import ConfirmRole
from overshoot.study.phases.edge import EdgeRole
from overshoot.study.phases.limit import LimitRole, LimitStatus, LimitSummary
from overshoot.study.phases.outcomes import Outcome
from overshoot.study.phases.search import SearchRole
from overshoot.study.phases.short_run import ShortRunSummary
from overshoot.study.phases.summary import Summary
from overshoot.study.phases.sweep import SweepRole
from overshoot.study.phases.theory import TheorySummary

number = partial(some_digits, digits=3)

AGREES = 0.02
"""Relative difference between the logarithms of two factors up to which they agree."""

EDGE = 0.2
"""Relative distance from the threshold within which a sharpness is at it."""

FLAT = 0.01
"""A sharpness that fell below this share of the first one is that of a plateau."""

ROLES: dict[str, str] = {
    SweepRole.GRID: "a rate of the sweep's grid",
    LimitRole.SECTION: "a rate tried while measuring the stability limit",
    EdgeRole.SPREAD: "a rate at which the sharpness was followed",
    SearchRole.STARTUP: "one of the evenly spaced rates that the search starts with",
    SearchRole.TPE: "a rate that the search proposed",
    SearchRole.EXTENDED: "a rate beyond the searched range, which the search was extended to",
    ConfirmRole.TUNED: "the best rate of the search, on a fresh replicate",
    ConfirmRole.DEFAULT: "the optimizer's default rate",
}

NO_BEST = "at every rate of the sweep half of the runs or more diverged, or one exploded on its way"

Section = tuple[str, list[str]]
"""A heading and its sentences."""


def sections(facts: Facts) -> list[Section]:
    """The whole explanation of a run."""
    return [
        ("In short", [_answer(facts)]),
        ("The run", _run(facts)),
        ("What happened", _happened(facts)),
        ("Why", [*_sharpness(facts), *_growth(facts)]),
        ("Beside other rates", [*_limits(facts), *_fork(facts), *_better(facts)]),
    ]


def _answer(facts: Facts) -> str:
    """How the rate stands to the limit, measured, forecast or predicted, and which rates do well."""
    rate, (limit, source) = float(facts.trial["rate"]), _firmest(facts.summary)
    said = f"Rate {number(rate)} "
    said += (
        f"is {number(rate / limit)} times the {source} stability limit" if limit else f"was {facts.outcome}"
    )
    best, tried = facts.rates.best_rate, facts.rates.rates
    if best is None:
        return f"{said}; {NO_BEST}."
    said += f"; {number(best)} is the best of the sweep"
    gone = tried[facts.rates.diverged > 0]
    stable = tried[(tried > best) & (tried < gone.min(initial=np.inf))]
    if not len(stable):
        return f"{said}."
    return f"{said}, {number(float(stable[-1]))} the largest at which no run diverged."


def _firmest(summary: Summary) -> tuple[float | None, str]:
    """The stability limit that is best known, and how it is."""
    measured, run = summary.get(LimitSummary), summary.get(ShortRunSummary)
    theory = summary.get(TheorySummary)
    if measured is not None and measured.limit_measured is not None:
        return measured.limit_measured, "measured"
    if run is not None and run.limit_forecast is not None:
        return run.limit_forecast, "forecast"
    if theory is not None:
        return theory.limit_predicted, "predicted"
    return None, ""


def _run(facts: Facts) -> list[str]:
    cell, trial = facts.cell, facts.trial
    schedule = "" if cell.schedule == CONSTANT else f", under the schedule {cell.schedule.id}"
    role = ROLES.get(str(trial["role"]), str(trial["role"]))
    said = [
        f"{optimizer_label(cell.method)} on {cell.problem}, {cell.strategy.label}, learning rate "
        f"{number(trial['rate'])}{schedule}: {role} (replicate {trial['replicate']})."
    ]
    if not facts.same:
        said.append(
            "Training it again here did not reproduce the stored losses bit for bit: the machine, the "
            "libraries or the version of this program differ. The sharpness and growth below are those of "
            "the new run."
        )
    return said


def _happened(facts: Facts) -> list[str]:
    trial, outcome = facts.trial, facts.outcome
    named = {
        Outcome.DIVERGED: "It diverged",
        Outcome.CONVERGED: "It converged",
        Outcome.UNRESOLVED: "It neither converged nor diverged",
    }
    why = reason(trial, facts.cell.protocol.tolerance)
    said = [f"{named.get(outcome, f'Its rate was {outcome}')}: {why}."]
    done, bad = int(trial["updates"]), int(trial["first_bad_step"])
    if bad:
        said.append(f"Update {bad:,} of {facts.steps:,} was the first that failed.")
        q = facts.gap[facts.updates == done]
        if len(q) and np.isfinite(q).all():
            said.append(
                f"After update {done:,}, its last finite state, the gap to the best known loss was "
                f"{number(float(q[0]))} times what it was at the start."
            )
        return said
    end = float(trial["q_end"])
    left = f"{percent(end)} of" if end <= 1 else f"{number(end)} times"
    said.append(f"After {done:,} updates {left} the initial gap to the best known loss was left.")
    if np.isfinite(trial["hit_0.1"]):
        said.append(f"The gap stayed below a tenth of its start after {int(trial['hit_0.1']):,} examples.")
    if np.isfinite(trial["noise_floor"]):
        said.append(
            f"Theory puts the noise floor, the gap that random batches keep up, at "
            f"{number(trial['noise_floor'])} of the start; the run ended at {number(end)}."
        )
    return said


def _sharpness(facts: Facts) -> list[str]:
    first, last = facts.sharpness[0], facts.sharpness[-1]
    if facts.quadratic and not facts.felt:
        said = (
            "The loss is quadratic. Its sharpness λ, the largest eigenvalue of its Hessian, is "
            f"{_value(last)} everywhere."
        )
        return [said, *_threshold(facts)]
    felt = (
        f" preconditioned as {_label(facts)} does it (divided by the size of past gradients),"
        if facts.felt
        else ""
    )
    when = "at the start" if first.update == 0 else "after the first update"
    state = "the last finite state" if facts.trial["first_bad_step"] else "the end"
    said = (
        f"The sharpness λ, the largest eigenvalue of the Hessian of the loss,{felt} was {_value(first)} "
        f"{when} and {_value(last)} after update {last.update:,}, {state}."
    )
    if (
        last.value < FLAT * first.value
        and facts.outcome in (Outcome.DIVERGED, Outcome.TOO_LARGE)
        and not facts.felt
    ):
        said += " Where it ended the loss is nearly flat: the large steps threw it onto a plateau."
    return [said, *_threshold(facts)]


def _value(sharpness: Sharpness) -> str:
    return (
        number(sharpness.value)
        if np.isfinite(sharpness.value)
        else f"unknown (it could not be computed: {sharpness.why})"
    )


def _threshold(facts: Facts) -> list[str]:
    label, last = _label(facts), facts.sharpness[-1]
    if last.threshold is None or (facts.divides and not facts.felt):
        return [f"For {label} no sharpness is known above which a rate is unstable."]
    plain = facts.optimizer.recursion == Recursion()
    rule = "2/rate" if plain else "the method's own stability condition"
    said = f"At this rate {label} is stable up to a sharpness of {number(last.threshold)} ({rule})"
    shares = np.array([s.value / s.threshold for s in facts.sharpness if s.threshold])
    met = shares[np.isfinite(shares)]
    if not len(met):
        return [f"{said}."]
    if facts.quadratic and not facts.felt:
        beyond = "overshoots further" if met[-1] > 1 else "comes closer to the optimum"
        what = "the run" if facts.cell.strategy.size is None else "the mean over all batches"
        return [
            f"{said}. The sharpness is {number(met[-1])} times that, so along the steepest direction "
            f"{what} {beyond} with each step."
        ]
    if facts.cell.strategy.size is None and abs(math.log(met[-1])) < math.log1p(EDGE):
        return [
            f"{said}. It ended at {number(met[-1])} times that: at the edge of stability, where training "
            "networks with full batches tends to settle."
        ]
    return [f"{said}. Along the run the sharpness was {number(met.min())} to {number(met.max())} times that."]


def _growth(facts: Facts) -> list[str]:
    growth = facts.growth
    if growth is None:
        what = "by how much an update changed the distance to the optimum"
        if facts.trial["updates"] < 4:
            return [f"It was too short to measure {what}."]
        return [f"Its last updates do not show {what}: they overflowed, or only rounding errors were left."]
    goal = (
        "the point where weight decay lets it settle (the root of the penalized loss above its minimum)"
        if growth.decayed
        else "the optimum (the root of the gap)"
    )
    measured = (
        f"Measured from update {growth.first:,} to {growth.last:,}, an update multiplied the distance to "
        f"{goal} by {number(growth.measured)}."
    )
    if growth.predicted is None:
        return [measured, _without_factor(facts)]
    if facts.cell.strategy.size is not None:
        return [measured, _with_batches(growth.predicted)]
    if not facts.quadratic:
        return [measured, _on_networks(facts, growth.predicted)]
    (flat, steep), (low, high) = growth.predicted, growth.curvature
    wins = max(flat, steep)
    said = (
        f"Theory predicts {_law(facts)}: {number(steep)} along the steepest direction (λ = {number(high)}) "
        f"and {number(flat)} along the flattest (λ = {number(low)}). In the long run the larger wins, "
        f"{number(wins)}."
    )
    return [said, f"{measured} {_verdict(growth, wins)}"]


def _verdict(growth: Growth, predicted: float) -> str:
    if agrees(growth.measured, predicted):
        return "This agrees with the prediction."
    if growth.measured < predicted:
        return "That is less than predicted: directions that shrink faster or grow more slowly still counted."
    return "That is more than predicted: the run had not yet settled into its long-run behaviour."


def agrees(measured: float, predicted: float) -> bool:
    """Whether a factor is the predicted one, judged by how fast something that it multiplies changes."""
    return abs(math.log(measured / predicted)) <= AGREES * abs(math.log(predicted)) if predicted else False


def _law(facts: Facts) -> str:
    recursion = facts.optimizer.recursion
    if recursion is not None and recursion == Recursion(weight_decay=recursion.weight_decay):
        decay = " (λ + weight decay)" if recursion.weight_decay else " × λ"
        return f"a factor of |1 − rate{decay}|"
    return f"as the factor the largest root, in size, of {_label(facts)}'s characteristic polynomial"


def _on_networks(facts: Facts, predicted: tuple[float, float]) -> str:
    low, high = (number(value) for value in sorted(predicted))
    said = (
        f"Along the sharpest direction theory predicts {_law(facts)}; the sharpness seen in that stretch "
        f"gives {low} to {high}."
    )
    if facts.outcome == Outcome.DIVERGED:
        return f"{said} On a network the sharpness changes with every step, so the two need not agree."
    return f"{said} The remaining distance lies along other, flatter directions, which take longer."


def _with_batches(predicted: tuple[float, float]) -> str:
    return (
        f"From the curvature of the full data theory predicts {number(predicted[1])} along the sharpest "
        "direction, for the mean path only: each batch has its own curvature, and their spread adds growth."
    )


def _without_factor(facts: Facts) -> str:
    moved = (
        f"In that stretch no update moved any parameter by more than {number(facts.moved)} times the rate."
    )
    if not facts.felt:
        return f"Theory predicts no such factor for {_label(facts)}. {moved}"
    return (
        f"Theory predicts no such factor for {_label(facts)}: it divides its step by the size of past "
        f"gradients, so growing gradients do not make its steps grow. {moved}"
    )


def _limits(facts: Facts) -> list[str]:
    return [said for said in (_predicted(facts), _measured(facts)) if said]


def _predicted(facts: Facts) -> str:
    theory, rate = facts.summary.get(TheorySummary), float(facts.trial["rate"])
    if theory is None:
        return ""
    if theory.limit_predicted is None:
        missing = theory.limit_missing
        return f"No stability limit is predicted: {no_limit(missing, _label(facts))}." if missing else ""
    limit = theory.limit_predicted
    return (
        f"The predicted stability limit is {number(limit)} ({BASES[theory.limit_basis]}); this "
        f"run's rate is {number(rate / limit)} times that."
    )


def _measured(facts: Facts) -> str:
    summary, rate = facts.summary.get(LimitSummary), float(facts.trial["rate"])
    if summary is None:
        return ""
    if summary.limit_measured is None:
        which = "every" if summary.limit_status == LimitStatus.BELOW_GRID else "no"
        return (
            f"The stability limit lies outside the sweep: at {which} rate of its grid half of this cell's "
            "replicates or more diverge."
        )
    limit = summary.limit_measured
    low, high = (number(end) for end in (summary.limit_low, summary.limit_high) if end is not None)
    spread = "" if low == high else f" ({low} to {high} over the replicates)"
    return (
        f"The measured stability limit, from which runs of this cell diverge, is {number(limit)}{spread}; "
        f"this run's rate is {number(rate / limit)} times that."
    )


def _fork(facts: Facts) -> list[str]:
    if facts.fork is None:
        return []
    tenth, same, triple = (float(np.median(q[len(q) // 2 :])) for q in facts.fork.gap)
    further = int(facts.fork.updates[-1]) - facts.steps
    verdict = {
        Outcome.TOO_LARGE: "A tenth of the rate does clearly better: at that point the rate was too large.",
        Outcome.TOO_SMALL: "Three times the rate does clearly better: at that point the rate was too small.",
        Outcome.UNRESOLVED: "This is inconclusive: neither, or both, do clearly better than the rate itself.",
    }[facts.fork.verdict]
    return [
        f"Continued for another {further:,} updates on the same batches, its gap went to {number(same)} at "
        f"the same rate, {number(tenth)} at a tenth of it and {number(triple)} at three times it. {verdict}"
    ]


def _better(facts: Facts) -> list[str]:
    rates, said = facts.rates, []
    gone = np.flatnonzero(rates.diverged > 0)
    safe = float(rates.rates[gone[0] - 1]) if len(gone) and gone[0] else np.inf
    if facts.outcome == Outcome.DIVERGED and safe < facts.trial["rate"]:
        said.append(f"A rate of {number(safe)} would have been safe: up to it no run of the sweep diverged.")
    if rates.best_rate is None:
        return [
            *said,
            f"{NO_BEST[0].upper()}{NO_BEST[1:]}.",
        ]
    best = number(float(rates.q[rates.rates == rates.best_rate][0]))
    return [*said, f"The sweep's best rate was {number(rates.best_rate)}, which left a gap of {best}."]


def _label(facts: Facts) -> str:
    """The optimizer within a sentence: `gradient descent`, but `Adam` and `Nesterov`."""
    label = facts.optimizer.label
    return label[0].lower() + label[1:] if " " in label and label[1:].islower() else label
