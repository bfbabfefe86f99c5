"""What happens at rates that do not diverge: the edge of stability, plateaus that rise, noise floors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from overshoot.core.batches import ORDERS
from overshoot.study.analysis.limit_evidence import LimitEvidence, slopes_by_optimizer
from overshoot.study.analysis.sharpness_runs import NEAR, EdgeVerdict
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import Range, clustered, compare_runs
from overshoot.study.findings.claims import Finding, runs_of
from overshoot.study.findings.limit_words import SECTION, both_times, factor, times, unclear_ratio, upper
from overshoot.study.numbers import between, listing, percent, plural
from overshoot.study.statistics import Interval, middle

ENOUGH = 4
"""Runs that a cell must have for its median to be given."""


def edge(tables: Tables, limit_data: LimitEvidence) -> Finding | None:
    """Of the runs whose sharpness came near its threshold, how close to it they stayed."""
    runs = limit_data.edge[limit_data.edge["verdict"] != EdgeVerdict.DIVERGED]
    if runs.empty:
        return None
    reached, started = runs["reached"].to_numpy(dtype=float), runs["start"] >= runs["threshold"]
    rose, above = runs[(reached > 0) & ~started], runs[started]
    evidence = (
        f"The sharpness of {plural(len(runs), 'run')} that stayed finite was followed. In {len(rose)} it "
        "rose from below to the threshold, the largest sharpness at which their rate is stable"
        f"{_whose(tables, rose, runs)}"
    )
    unclear = False
    if len(rose):
        top, late = (
            clustered(rose[name].to_numpy(dtype=float), rose["problem"], middle)
            for name in ("largest", "late")
        )
        unclear = unclear_ratio(late)
        evidence += (
            f". Their largest sharpness was {times(top)} times the threshold, and over the last half of "
            f"training {times(late)} times{', no clear difference from it' if unclear else ''} "
            f"({_medians(late)})"
        )
    evidence += "."
    details = f"{upper(plural(len(runs) - len(rose) - len(above), 'run'))} stayed below it."
    if len(above):
        details += _from_above(tables, above, runs)
    claim = (
        f"In {len(rose)} of {plural(len(runs), 'run')} the sharpness rose to the edge of stability; in "
        f"{(rose['verdict'] == EdgeVerdict.AT_THRESHOLD).sum()} of them it stayed within "
        f"{percent(NEAR - 1)} of it."
        if len(rose)
        else "In no run did the sharpness rise to the edge of stability."
    )
    labels = [runs_of(tables.study, optimizer=o) for o in dict.fromkeys(runs["optimizer"])]
    return Finding("Edge of stability", claim, evidence, SECTION, unclear, labels, details)


def _medians(interval: Interval) -> str:
    """What medians of followed runs are, and what their interval is of."""
    if not isinstance(interval, Range):
        return "medians, resampled by problem; each rate is followed on one replicate"
    if interval.single:
        return "medians"
    return "medians, range over problems; each rate is followed on one replicate"


def _from_above(tables: Tables, above: pd.DataFrame, runs: pd.DataFrame) -> str:
    """Of the runs that started above their threshold, how many ended below it."""
    late = clustered(above["late"].to_numpy(dtype=float), above["problem"], middle)
    below = int((above["late"] < 1).sum())
    said = (
        f" {plural(len(above), 'run')}{_whose(tables, above, runs)} started above it, where no step is stable"
    )
    if len(above) == 1:
        ended = "ended below it, where the loss curves less" if below else "stayed above it"
        return f"{said}, and {ended}, at {factor(late.value)} times the threshold over the last half."
    return (
        f"{said}; {below} of them ended below it, where the loss curves less. Over the last half they were "
        f"at {times(late)} times the threshold in the median."
    )


def _whose(tables: Tables, part: pd.DataFrame, runs: pd.DataFrame) -> str:
    """By optimizer, how many of its runs are in this part: ` (9 of 24 with Adam, 0 of 24 with ...)`."""
    counts = runs["optimizer"].value_counts(sort=False)
    if len(counts) < 2 or part.empty:
        return ""
    names = tables.study.names.optimizers
    counted = [f"{(part['optimizer'] == o).sum()} of {n} with {names[str(o)]}" for o, n in counts.items()]
    return f" ({', '.join(counted)})"


def floored(tables: Tables, limit_data: LimitEvidence) -> Finding | None:
    """By which power of the rate plateaus rise, without a limit: the steepest and the flattest."""
    powers = slopes_by_optimizer(limit_data.slopes)
    if not powers:
        return None
    few = all(isinstance(power, Range) for power in powers.values())
    if not few:  # nothing can be said of an optimizer that has such cells on too few problems
        powers = {o: power for o, power in powers.items() if not isinstance(power, Range)}
    names = tables.study.names.optimizers
    order = sorted(powers, key=lambda o: powers[o].value)
    flat, steep = order[0], order[-1]
    counts = limit_data.slopes["optimizer"].value_counts()
    cells = {o: plural(int(counts[o]), "cell") for o in powers}
    over, spread = powers[steep], ", interval over problems"
    if isinstance(over, Range):
        spread = "" if over.single else ", range over problems"
    evidence = (
        "Above the best rate the final gap grows as the rate to the power of "
        f"{between(over, 1)} with {names[steep]} (median over {cells[steep]}{spread})"
    )
    if steep != flat:
        unclear = not few and not (over.low > powers[flat].high)
        evidence += f" and {between(powers[flat], 1)} with {names[flat]} ({cells[flat]})"
        evidence += ", no clear difference" if unclear else ""
    claim = "Where theory predicts no limit, training stalls on a plateau that rises with the learning rate."
    if few:
        claim = _seen_to_rise(limit_data, names[steep])
    if len(limit_data.slopes) == 1:
        evidence = f"It grows as the rate to the power of {between(over, 1)}"
    unclear = not few and not all(power.low > 0 for power in powers.values())
    runs = [runs_of(tables.study, optimizer=o) for o in dict.fromkeys((steep, flat))]
    return Finding("Plateaus instead of limits", claim, f"{evidence}.", SECTION, unclear, runs)


def _seen_to_rise(limit_data: LimitEvidence, name: str) -> str:
    """In how many cells a plateau rises with the rate; of a single one, of the optimizer called `name`,
    whether it does."""
    slopes = [slope.value for slope in limit_data.slopes["slope"]]
    if len(slopes) > 1:
        return (
            f"Above the best rate the final gap grows with the rate in {sum(s > 0 for s in slopes)} of "
            f"{plural(len(slopes), 'cell')} without a predicted limit."
        )
    grows = "grows" if slopes[0] > 0 else "does not grow"
    return f"With {name} the final gap {grows} with the rate above the best one."


def noisy(tables: Tables, limit_data: LimitEvidence) -> Finding | None:
    """The gap at which noise keeps runs, measured over predicted, by the order of the batches."""
    settled = limit_data.noise[limit_data.noise["settled"]]
    if settled.empty:
        return None
    clauses, ties = [], []
    for order, at in settled.groupby("order", sort=False):
        ratio = compare_runs(at["ratio"].to_numpy(), at["problem"], at["replicate"], middle, border=1)
        ties.append(unclear_ratio(ratio.problems))
        label = ORDERS[str(order)].label
        clauses.append(
            f"{both_times(ratio.problems, ratio.replicates)} with batches {label} ({plural(len(at), 'run')}"
            f"{'; no clear difference' if ties[-1] else ''})"
        )
    claim = "On least squares small batches keep the gap at a noise floor" + (
        "."
        if tables.study.few
        else ", and theory predicts its height."
        if all(ties)
        else "; theory predicts its height only roughly."
    )
    evidence = (
        "The measured gap over the predicted noise floor, median over runs long enough to have forgotten "
        f"their start: {listing(clauses)}."
    )
    counts = settled["problem"].value_counts()
    if len(counts) > 1 and counts.iloc[0] > len(settled) / 2:
        problem = tables.study.names.problems[str(counts.index[0])]
        evidence += f" {counts.iloc[0]} of these {plural(len(settled), 'run')} are on {problem}."
    enough = limit_data.noise_agreement[limit_data.noise_agreement["runs"] >= ENOUGH]
    cells = np.array([ratio.value for ratio in enough["ratio"]])
    if len(cells) > 1:
        evidence += (
            f" The medians of the {len(cells)} cells with at least {ENOUGH} such runs range from "
            f"{factor(cells.min())} to {factor(cells.max())}."
        )
    optimizers = dict.fromkeys(settled["optimizer"])
    runs = [runs_of(tables.study, optimizer=o) for o in optimizers]
    return Finding("Noise floors", claim, evidence, SECTION, all(ties), runs)
