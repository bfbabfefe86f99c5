"""What happened in a run and why, in sentences that a student can check: each has its numbers with it."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from study.analysis.labels import optimizer_label
from study.experiment.cells import CONSTANT
from study.explain.facts import Facts, Growth, Sharpness
from study.numbers import number as some_digits
from study.numbers import percent
from study.phases.theory import BASES

number = partial(some_digits, digits=3)

AGREES = 0.02
"""Relative difference between the logarithms of two factors up to which they agree."""

EDGE = 0.2
"""Relative distance from the threshold within which a sharpness is at it."""

FLAT = 0.01
"""A sharpness that fell below this share of the first one is that of a plateau."""

ROLES = {
    "grid": "a rate of the sweep's grid",
    "section": "a rate that closes in on the limit",
    "spread": "a rate at which the sharpness was followed",
    "startup": "one of the search's first, evenly spread rates",
    "tpe": "a rate that the search asked for",
    "extended": "a rate beyond the range, where the search went on",
    "tuned": "the rate that the search found best, on a replicate that it never saw",
    "default": "the optimizer's default rate",
}

Section = tuple[str, list[str]]
"""A heading and its sentences."""


def sections(facts: Facts) -> list[Section]:
    """All that is to be said of a run."""
    return [
        ("The run", _run(facts)),
        ("What happened", _happened(facts)),
        ("Why", [*_sharpness(facts), *_growth(facts)]),
        ("Beside other rates", [*_limits(facts), *_fork(facts), *_better(facts)]),
    ]


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
            "Trained again here it does not give the stored losses bit for bit, as on another machine, with "
            "other libraries or another version of this program: what follows of sharpness and growth is of "
            "the new run."
        )
    return said


def _happened(facts: Facts) -> list[str]:
    trial, outcome = facts.trial, str(facts.trial["outcome"])
    named = {"diverged": "It diverged", "converged": "It converged", "unresolved": "Its end is unresolved"}
    said = [f"{named.get(outcome, f'Its rate was {outcome}')}: {trial['reason']}."]
    done, bad = int(trial["updates"]), int(trial["first_bad_step"])
    if bad:
        said.append(f"Update {bad:,} of {facts.steps:,} is the first bad one.")
        q = facts.gap[facts.updates == done]
        if len(q) and np.isfinite(q).all():
            said.append(
                f"After update {done:,}, its last finite state, the loss was {number(float(q[0]))} times as "
                "far above the best known one as at the start."
            )
        return said
    end = float(trial["q_end"])
    left = f"{percent(end)} of" if end <= 1 else f"{number(end)} times"
    said.append(
        f"After {done:,} updates {left} the gap between its first loss and the best known one was left."
    )
    if np.isfinite(trial["hit_0.1"]):
        said.append(f"The gap stayed below a tenth from {int(trial['hit_0.1']):,} examples on.")
    if np.isfinite(trial["noise_floor"]):
        said.append(
            f"Theory expects the noise of random batches to keep it around {number(trial['noise_floor'])} of "
            f"its start; it ended at {number(end)}."
        )
    return said


def _sharpness(facts: Facts) -> list[str]:
    first, last = facts.sharpness[0], facts.sharpness[-1]
    if facts.quadratic and not facts.felt:
        said = (
            "The loss is a quadratic, and its sharpness λ, the largest eigenvalue of its Hessian, is "
            f"{_value(last)} everywhere."
        )
        return [said, *_threshold(facts)]
    felt = (
        f" as {_label(facts)} feels it (divided by the size of the gradients that it has seen),"
        if facts.felt
        else ""
    )
    when = "at the start" if first.update == 0 else "after the first update"
    state = "the last finite state" if facts.trial["first_bad_step"] else "the end"
    said = (
        f"The sharpness λ, the largest eigenvalue of the loss' Hessian,{felt} was {_value(first)} {when} and "
        f"{_value(last)} after update {last.update:,}, {state}."
    )
    if (
        last.value < FLAT * first.value
        and facts.trial["outcome"] in ("diverged", "too large")
        and not facts.felt
    ):
        said += " Where it ended the loss is nearly flat: steps that large have thrown it onto a plateau."
    return [said, *_threshold(facts)]


def _value(found: Sharpness) -> str:
    return number(found.value) if np.isfinite(found.value) else f"not to be computed ({found.why})"


def _threshold(facts: Facts) -> list[str]:
    label, last = _label(facts), facts.sharpness[-1]
    if last.threshold is None or (facts.divides and not facts.felt):
        return [f"No sharpness is known at which a rate of {label} becomes unstable."]
    plain = facts.optimizer.name == "sgd" and not facts.optimizer.hyperparameters["weight_decay"]
    rule = "2/rate" if plain else "by the method's own condition"
    said = f"At its rate {label} is stable up to a sharpness of {number(last.threshold)} ({rule})"
    shares = np.array([s.value / s.threshold for s in facts.sharpness if s.threshold])
    met = shares[np.isfinite(shares)]
    if not len(met):
        return [f"{said}."]
    if facts.quadratic and not facts.felt:
        beyond = "overshoots by more than it corrects" if met[-1] > 1 else "closes in on the optimum"
        what = "it" if facts.cell.strategy.size is None else "the mean over all batches"
        return [
            f"{said}. The sharpness is {number(met[-1])} times that, so with each step along the steepest "
            f"direction {what} {beyond}."
        ]
    if facts.cell.strategy.size is None and abs(math.log(met[-1])) < math.log1p(EDGE):
        return [
            f"{said}, and there it ended, at {number(met[-1])} times that: the edge of stability, to which "
            "training with full batches takes networks."
        ]
    return [f"{said}. Along the run the sharpness was {number(met.min())} to {number(met.max())} times that."]


def _growth(facts: Facts) -> list[str]:
    growth = facts.growth
    if growth is None:
        what = "by how much an update changed the distance to the optimum"
        if facts.trial["updates"] < 4:
            return [f"It was too short to measure {what}."]
        return [f"Its last updates do not tell {what}: they overflowed, or all that was left is rounding."]
    goal = (
        "where its weight decay lets it settle (the root of what the penalized loss is above its minimum)"
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
        f"Theory has {_law(facts)}: {number(steep)} along the steepest direction (λ = {number(high)}) and "
        f"{number(flat)} along the flattest (λ = {number(low)}). In the long run the larger wins, "
        f"{number(wins)}."
    )
    return [said, f"{measured} {_verdict(growth, wins)}"]


def _verdict(growth: Growth, predicted: float) -> str:
    if agrees(growth.measured, predicted):
        return "That is as predicted."
    if growth.measured < predicted:
        return "That is less: directions that shrink faster, or grow slower, still had a share in it."
    return "That is more: the run had not settled yet into the rhythm that the prediction is about."


def agrees(measured: float, predicted: float) -> bool:
    """Whether a factor is the predicted one, judged by how fast something that it multiplies changes."""
    return abs(math.log(measured / predicted)) <= AGREES * abs(math.log(predicted)) if predicted else False


def _law(facts: Facts) -> str:
    if facts.optimizer.name == "sgd":
        decay = " (λ + weight decay)" if facts.optimizer.hyperparameters["weight_decay"] else " × λ"
        return f"|1 − rate{decay}| for that factor"
    return f"for that factor the size of the largest root of {_label(facts)}'s characteristic polynomial"


def _on_networks(facts: Facts, predicted: tuple[float, float]) -> str:
    low, high = (number(value) for value in sorted(predicted))
    said = (
        f"Along the sharpest direction theory has {_law(facts)}, with the sharpness met there {low} to "
        f"{high}, as long as that stays what it is."
    )
    if facts.trial["outcome"] == "diverged":
        return f"{said} On a network it moves with every step, so the two need not agree."
    return f"{said} What is left to go lies along other, flatter directions, and takes longer."


def _with_batches(predicted: tuple[float, float]) -> str:
    return (
        f"With the curvature of all data theory has {number(predicted[1])} along the sharpest direction, but "
        "for the mean path alone: each batch has a curvature of its own, and their spread adds to it."
    )


def _without_factor(facts: Facts) -> str:
    moved = f"In that stretch no update moved a parameter by more than {number(facts.moved)} times the rate."
    if not facts.felt:
        return f"Theory knows no such factor for {_label(facts)}. {moved}"
    return (
        f"Theory has no such factor for {_label(facts)}: it divides its step by the size of the gradients "
        f"that it has seen, which grows as they grow, so its steps do not. {moved}"
    )


def _limits(facts: Facts) -> list[str]:
    return [said for said in (_predicted(facts), _measured(facts)) if said]


def _predicted(facts: Facts) -> str:
    summary, rate = facts.summary, float(facts.trial["rate"])
    if "limit_predicted" not in summary:
        return f"No limit of the rate is predicted: {summary['limit_why']}." if "limit_why" in summary else ""
    limit = float(summary["limit_predicted"])
    return (
        f"The predicted limit of the rate is {number(limit)} ({BASES[summary['limit_basis']]}); this "
        f"run's rate is {number(rate / limit)} times that."
    )


def _measured(facts: Facts) -> str:
    summary, rate = facts.summary, float(facts.trial["rate"])
    status = summary.get("limit_status")
    if status is None:
        return ""
    if status != "measured":
        which = "every" if status == "below the grid" else "no"
        return (
            f"Measured, {which} rate of the sweep's grid diverges in half of this cell's replicates or more."
        )
    limit = float(summary["limit_measured"])
    low, high = (number(float(summary[f"limit_{end}"])) for end in ("low", "high"))
    spread = "" if low == high else f" ({low} to {high} over the replicates)"
    return (
        f"Measured, runs of this cell diverge from a rate of {number(limit)} on{spread}; this run's rate is "
        f"{number(rate / limit)} times that."
    )


def _fork(facts: Facts) -> list[str]:
    if facts.fork is None:
        return []
    tenth, same, triple = (float(np.median(q[len(q) // 2 :])) for q in facts.fork.gap)
    further = int(facts.fork.updates[-1]) - facts.steps
    verdict = {
        "too large": "A tenth is clearly lower: where the run had got to, its rate was too large.",
        "too small": "Three times is clearly lower: where the run had got to, its rate was too small.",
        "unresolved": "Neither is clearly lower than the rate itself, or both are: that leaves it open.",
    }[facts.fork.verdict]
    return [
        f"Continued from its end for {further:,} updates on the same batches, its gap went to "
        f"{number(same)} at the same rate, {number(tenth)} at a tenth of it and {number(triple)} at three "
        f"times it. {verdict}"
    ]


def _better(facts: Facts) -> list[str]:
    rates, said = facts.rates, []
    gone = np.flatnonzero(rates.diverged > 0)
    safe = float(rates.rates[gone[0] - 1]) if len(gone) and gone[0] else np.inf
    if facts.trial["outcome"] == "diverged" and safe < facts.trial["rate"]:
        said.append(f"{number(safe)} would have been safe: up to that rate no run of the sweep diverged.")
    if rates.best_rate is None:
        return [*said, "In the sweep at every rate half of the runs or more diverged."]
    best = number(float(rates.q.min()))
    return [*said, f"The sweep's best rate was {number(rates.best_rate)}, which left a gap of {best}."]


def _label(facts: Facts) -> str:
    """The optimizer within a sentence: `gradient descent`, but `Adam` and `Nesterov`."""
    label = facts.optimizer.label
    return label[0].lower() + label[1:] if " " in label and label[1:].islower() else label
