"""Where training becomes unstable: predicted and measured limits, the edge of stability, plateaus, noise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from overshoot.core.batches import ORDERS
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.limit_evidence import (
    LimitEvidence,
    measured_ratios,
    pairs,
    slopes_by_optimizer,
)
from overshoot.study.analysis.limit_tables import share_near, widths_of_limits
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import Range, clustered
from overshoot.study.findings.claims import Finding, runs_of
from overshoot.study.numbers import between, fixed, listing, number, plural, share
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.statistics import Interval, middle

SECTION = "limits"

ENOUGH = 4
"""Runs that a cell must have for its median to be given."""

NAMES = {
    LimitBasis.EXACT: "with full batches on least squares, where theory is exact",
    LimitBasis.ORDER: "with one fixed order on least squares, where theory is exact for that order",
    LimitBasis.ALMOST_SURE: "with random batches on least squares, where theory follows the growth of single "
    "runs",
    LimitBasis.AT_THE_START: "on networks, where theory knows only the curvature at the start",
}
"""Basis of a prediction -> where that is, in a sentence."""

CAUSES = {
    (
        LimitBasis.EXACT,
        True,
    ): "just above its limit a run grows too slowly to show in the updates it is watched for",
    (
        LimitBasis.EXACT,
        False,
    ): "below its limit a run may rise before it falls, which counts as divergence when the watch is short",
    (
        LimitBasis.ORDER,
        True,
    ): "with one order the rates that diverge come in windows with stable rates between them, and the "
    "lowest window, which is predicted, can be so narrow that it lies between two of the rates that were run",
    (
        LimitBasis.ORDER,
        False,
    ): "the noise of the batches drives a cycle that ends above the start and counts as divergence "
    "although it does not grow",
    (
        LimitBasis.ALMOST_SURE,
        True,
    ): "close to its limit a run grows or shrinks by the luck of its batches, and may shrink for as long as "
    "it is watched",
    (
        LimitBasis.ALMOST_SURE,
        False,
    ): "the noise of the residuals, which the prediction leaves out, holds a run on a noise floor from which "
    "batches throw it far; so it may end above its start below the limit, which counts as divergence",
    (
        LimitBasis.AT_THE_START,
        True,
    ): "the first large steps land where the loss curves less than at "
    "the start, so training survives a rate that is too large for its first step",
    (
        LimitBasis.AT_THE_START,
        False,
    ): "curvature grows during training, and the noise of small batches adds to it",
}
"""Basis, and whether the measured limit is above the predicted one -> why they differ."""


def findings(tables: Tables, found: LimitEvidence) -> list[Finding]:
    """What the section opens with; what there is no data for is left out."""
    makers = (predictions, disagreements, single_runs, reshuffling, momentum, edge, floored, noisy)
    return [finding for maker in makers if (finding := maker(tables, found)) is not None]


def predictions(tables: Tables, found: LimitEvidence) -> Finding | None:
    """The measured limit over the predicted one, by what the prediction rests on."""
    rows = records(found.agreement)
    if not rows:
        return None
    clauses = [
        f"{_upper(NAMES[row['basis']])}: {times(row['ratio'])} over {plural(row['cells'], 'cell')} of "
        f"{plural(row['problems'], 'problem')}, "
        f"{row['near']} within 1\u202f% ({share(share_near(row, 'near'))}), {row['fair']} within 10\u202f%"
        f"{', no clear difference' if _open(row['ratio']) else ''}."
        for row in rows
    ]
    evidence = f"Measured over predicted stability limit, medians over cells. {' '.join(clauses)}"
    if LimitBasis.AT_THE_START in set(found.agreement["basis"]):
        evidence += f" By batch size on networks: {_by_batch(tables, found.limits)}."
    evidence += _known(found.limits)
    unclear = all(_open(row["ratio"]) for row in rows)
    runs = [runs_of(tables.study, "limit_measured")]
    return Finding("Stability limit", _accuracy(rows), evidence, SECTION, unclear, runs)


def _open(ratio: Interval) -> bool:
    """Whether an interval includes 1. The range of few problems is shown, and nothing concluded from it."""
    return not ratio.excludes(1) and not isinstance(ratio, Range)


def _known(limits: pd.DataFrame) -> str:
    """How sharp measured limits are: their intervals, and the zones in which runs diverge and survive."""
    at = widths_of_limits(limits)
    if at.empty:
        return ""
    text = (
        f" A limit is the rate at which half of its replicates diverge; its 95\u202f% interval spans a "
        f"factor of {factor(at['span'].median())} in the median over {plural(len(at), 'cell')}."
    )
    mixed = at[at["zone"] > 0]
    if len(mixed):
        text += (
            f" In {len(mixed)} of them runs both diverge and survive at rates between, over a zone of "
            f"{fixed(mixed['zone'].median(), 2)} decades in the median, and at most "
            f"{fixed(mixed['zone'].max(), 1)}."
        )
    return text


def _accuracy(rows: list[dict[str, Any]]) -> str:
    """How well theory predicts where training breaks: where it is exact, and on networks."""
    each = {row["basis"]: row for row in rows}
    exact, start = each.get(LimitBasis.EXACT), each.get(LimitBasis.AT_THE_START)
    parts = []
    if exact is not None:
        near = f"in {exact['near']} of {plural(exact['cells'], 'cell')}"
        parts.append(
            f"with full batches on least squares theory predicts to 1\u202f% where runs diverge {near}"
        )
    if start is not None:
        near = f"in {start['fair']} of {plural(start['cells'], 'cell')}"
        parts.append(f"on networks the curvature at the start predicts that rate to 10\u202f% {near}")
    if not parts:
        row = rows[0]
        near = f"in {row['fair']} of {plural(row['cells'], 'cell')}"
        parts.append(f"theory predicts to 10\u202f% where runs diverge {near}, {NAMES[row['basis']]}")
    return f"{_upper('; '.join(parts))}."


def _by_batch(tables: Tables, limits: pd.DataFrame) -> str:
    """The medians on networks for each batch strategy: `5.45 with full batch, ... and 0.12 with batch 1`."""
    at = limits[(limits["basis"] == LimitBasis.AT_THE_START) & (limits["ratio"] > 0)]
    medians = {batch: middle(ratios.to_numpy()) for batch, ratios in at.groupby("batch")["ratio"]}
    names = tables.study.names.batches
    return listing([f"{factor(float(medians[b]))} with {names[b]}" for b in names if b in medians])


def disagreements(tables: Tables, found: LimitEvidence) -> Finding | None:
    """The worst prediction on least squares and the worst on networks, each with its cause."""
    rows = records(found.agreement)
    parts = [
        [row for row in rows if (row["basis"] == LimitBasis.AT_THE_START) == networks]
        for networks in (False, True)
    ]
    worst = [max(part, key=lambda row: _off(found, row["worst"])) for part in parts if part]
    if not worst:
        return None
    cells = [_cell(found.limits, row["worst"]) for row in worst]
    places = [
        ("on least squares" if row["basis"] != LimitBasis.AT_THE_START else "on a network") for row in worst
    ]
    claim = "; ".join(
        f"{place} the prediction is furthest off for {where(tables, cell)}, by a factor of "
        f"{factor(cell['ratio'])}"
        for place, cell in zip(places, cells, strict=True)
    )
    evidence = " ".join(
        f"{_upper(place)}: measured {number(cell['measured'])}, predicted {number(cell['predicted'])}; "
        f"{cause(cell)}."
        for place, cell in zip(places, cells, strict=True)
    )
    runs = [
        runs_of(tables.study, **{a: cell[a] for a in ("optimizer", "batch", "problem")}) for cell in cells
    ]
    return Finding("Furthest off", f"{_upper(claim)}.", evidence, SECTION, runs=runs)


def single_runs(tables: Tables, found: LimitEvidence) -> Finding | None:
    """Where single runs break between the limit of the mean square and that of single runs."""
    at = found.limits[(found.limits["mean_square"] > 0) & (found.limits["measured"] > 0)]
    at = at[at["basis"] == LimitBasis.ALMOST_SURE]
    if at.empty:
        return None
    mean, single = (
        clustered((at["measured"] / at[limit]).to_numpy(), at["problem"], middle)
        for limit in ("mean_square", "predicted")
    )
    below, above = at[["mean_square", "predicted"]].min(axis=1), at[["mean_square", "predicted"]].max(axis=1)
    inside = int(((at["high"] >= below) & (at["low"] <= above)).sum())
    unclear = _open(mean) and _open(single)
    claim = (
        "With random batches most single runs break between two predicted limits: that of the mean over many "
        "runs and that of a single run."
        if inside > len(at) / 2
        else "With random batches two limits are predicted, of the mean over many runs and of a single run; "
        "most runs break outside of both."
    )
    evidence = (
        f"Over {plural(len(at), 'cell')} of {plural(at['problem'].nunique(), 'problem')} runs break, in the "
        f"median, at {times(mean)} times the limit of the mean (for batches drawn independently) and "
        f"{times(single)} times that of single runs (for batches in their own order); in {inside} between "
        "them"
    )
    evidence += (
        " or with an interval that reaches there. The mean is carried by rare large excursions, so its limit "
        "is usually the lower one."
    )
    runs = [runs_of(tables.study, "limit_measured")]
    return Finding("Mean and single runs", claim, evidence, SECTION, unclear, runs)


def reshuffling(tables: Tables, found: LimitEvidence) -> Finding | None:
    """Limits in reshuffled batches over those of batches drawn with replacement, pair by pair."""
    factors = found.orders["factor"].to_numpy(dtype=float)
    if len(factors) < 2:
        return None
    ratio = clustered(factors, found.orders["problem"], middle)
    here = isinstance(ratio, Range)
    clear = ratio.excludes(1) or (here and not ratio.low <= 1 <= ratio.high)
    verdict = (
        f"{'raises' if ratio.value > 1 else 'lowers'} the stability limit"
        if clear
        else "does not clearly move the stability limit"
    )
    verdict += " on these problems" if here else ""
    claim = f"Reshuffling each epoch, instead of drawing with replacement, {verdict}."
    evidence = (
        f"By a median factor of {times(ratio)} over {plural(len(factors), 'pair')} of cells on least "
        f"squares, above 1 in {(factors > 1).sum()}."
    )
    runs = [runs_of(tables.study, "limit_measured")]
    return Finding("Reshuffling", claim, evidence, SECTION, not clear, runs)


def momentum(tables: Tables, found: LimitEvidence) -> Finding | None:
    """How heavy ball's limit, in units of gradient descent's, rises with the batch size on all problems."""
    both = [pair for pair in pairs(found.by_batch) if len(pair[2]) > 1]
    if not both:
        return None
    names, method, b = tables.study.names, str(both[0][2]["optimizer"].iloc[0]), both[0][3]
    ratios = {}
    for problem, plain, heavy, _ in both:
        if heavy["optimizer"].iloc[0] == method:
            shared = heavy.merge(plain, on="size", suffixes=("", "_plain"))
            ratios[problem] = (shared["limit"] / shared["limit_plain"]).to_numpy()[[0, -1]]
    low, high = (min(ratios, key=lambda p: ratios[p][0]), max(ratios, key=lambda p: ratios[p][0]))
    first = factor(ratios[low][0]) + (f" ({names.problems[low]})" if low != high else "")
    if low != high:
        first += f" to {factor(ratios[high][0])} ({names.problems[high]})"
    last = sorted({factor(ratio[1]) for ratio in ratios.values()})
    claim = (
        f"Small batches lower {names.optimizers[method]}’s stability limit, compared with gradient "
        "descent’s; full batches raise it."
    )
    evidence = (
        f"Predicted: {first} times gradient descent’s limit with batches of one sample, {listing(last)} "
        "times with all samples. The velocity adds up the noise of small batches, which lowers the limit "
        f"towards (1 − b) = {factor(1 - b)} times, and damps full batches, which raises it to (1 + b) = "
        f"{factor(1 + b)} times."
    )
    for problem in dict.fromkeys((low, high)):
        ends = measured_ratios(found.measured[found.measured["problem"] == problem], method)
        if ends:
            texts = [f"{factor(ratio)} with {plural(int(size), 'sample')}" for size, ratio in ends]
            evidence += f" Measured on {names.problems[problem]}: {listing(texts)}."
    return Finding("Momentum", claim, evidence, SECTION, runs=[runs_of(tables.study, optimizer=method)])


def edge(tables: Tables, found: LimitEvidence) -> Finding | None:
    """Of the runs whose sharpness came near its threshold, how close to it they stayed."""
    runs = found.edge[found.edge["verdict"] != "diverged"]
    if runs.empty:
        return None
    reached, started = runs["reached"].to_numpy(dtype=float), runs["start"] >= runs["threshold"]
    rose, above = runs[(reached > 0) & ~started], runs[started]
    evidence = (
        f"Of {plural(len(runs), 'run')} whose sharpness was followed and that stayed finite, {len(rose)} "
        f"rose from below to the threshold of their learning rate{_whose(tables, rose, runs)}"
    )
    unclear = False
    if len(rose):
        top, late = (
            clustered(rose[name].to_numpy(dtype=float), rose["problem"], middle)
            for name in ("largest", "late")
        )
        unclear = _open(late)
        evidence += (
            f"; medians: at most {times(top)} times the threshold, and {times(late)} times over the last "
            f"half of training{', no clear difference from it' if unclear else ''}"
        )
    evidence += f". {_upper(plural(len(runs) - len(rose) - len(above), 'run'))} stayed below it."
    if len(above):
        down = clustered(above["late"].to_numpy(dtype=float), above["problem"], middle)
        evidence += (
            f" {plural(len(above), 'run')}{_whose(tables, above, runs)} started above it, where no step is "
            f"stable; {(above['late'] < 1).sum()} of them ended below, where the loss curves less, at a "
            f"median of {times(down)} times the threshold over the last half."
        )
    claim = (
        f"In {len(rose)} of {plural(len(runs), 'run')} the sharpness rose to the edge of stability; in "
        f"{(rose['verdict'] == 'at the line').sum()} of them it hovered there."
        if len(rose)
        else "In no run did the sharpness rise to the edge of stability."
    )
    labels = [runs_of(tables.study, optimizer=o) for o in dict.fromkeys(runs["optimizer"])]
    return Finding("Edge of stability", claim, evidence, SECTION, unclear, labels)


def _whose(tables: Tables, part: pd.DataFrame, runs: pd.DataFrame) -> str:
    """By optimizer, how many of its runs are in this part: ` (9 of 24 with Adam, 0 of 24 with ...)`."""
    counts = runs["optimizer"].value_counts(sort=False)
    if len(counts) < 2 or part.empty:
        return ""
    names = tables.study.names.optimizers
    found = [f"{(part['optimizer'] == o).sum()} of {n} with {names[str(o)]}" for o, n in counts.items()]
    return f" ({', '.join(found)})"


def floored(tables: Tables, found: LimitEvidence) -> Finding | None:
    """By which power of the rate plateaus rise, without a limit: the steepest and the flattest."""
    powers = slopes_by_optimizer(found.slopes)
    if not powers:
        return None
    names = tables.study.names.optimizers
    order = sorted(powers, key=lambda o: powers[o].value)
    flat, steep = order[0], order[-1]
    counts = found.slopes["optimizer"].value_counts()
    cells = {o: plural(int(counts[o]), "cell") for o in powers}
    evidence = (
        "Above the best rate the final gap grows as the rate to the power of "
        f"{between(powers[steep], 1)} with {names[steep]} (median over {cells[steep]})"
    )
    few = isinstance(powers[steep], Range) or isinstance(powers[flat], Range)
    unclear = steep != flat and not few and not (powers[steep].low > powers[flat].high)
    if steep != flat:
        evidence += f" and {between(powers[flat], 1)} with {names[flat]} ({cells[flat]})"
        evidence += ", no clear difference" if unclear else ""
    claim = "Methods without a predicted limit stall on a plateau that rises with the learning rate."
    runs = [runs_of(tables.study, optimizer=o) for o in dict.fromkeys((steep, flat))]
    rises = all(power.low > 0 for power in powers.values())
    return Finding("Plateaus instead of limits", claim, f"{evidence}.", SECTION, not rises, runs)


def noisy(tables: Tables, found: LimitEvidence) -> Finding | None:
    """The gap at which noise keeps runs, measured over predicted, by the order of the batches."""
    settled = found.noise[found.noise["settled"]]
    if settled.empty:
        return None
    clauses, ties = [], []
    for order, at in settled.groupby("order", sort=False):
        ratio = clustered(at["ratio"].to_numpy(), at["problem"], middle)
        ties.append(_open(ratio))
        label = ORDERS[str(order)].label
        clauses.append(
            f"with batches {label} {times(ratio)} times the prediction ({plural(len(at), 'run')}"
            f"{'; no clear difference' if ties[-1] else ''})"
        )
    claim = "On least squares small batches hold the gap on a noise floor" + (
        ", and theory predicts its height." if all(ties) else "; theory predicts its height only roughly."
    )
    evidence = (
        f"The measured gap of runs that have forgotten their start is, in the median, {listing(clauses)}."
    )
    counts = settled["problem"].value_counts()
    if len(counts) > 1 and counts.iloc[0] > len(settled) / 2:
        problem = tables.study.names.problems[str(counts.index[0])]
        evidence += f" {counts.iloc[0]} of these {plural(len(settled), 'run')} are on {problem}."
    enough = found.noise_agreement[found.noise_agreement["runs"] >= ENOUGH]
    cells = np.array([ratio.value for ratio in enough["ratio"]])
    if len(cells) > 1:
        evidence += (
            f" The medians of the {len(cells)} cells with at least {ENOUGH} such runs go from "
            f"{factor(cells.min())} to {factor(cells.max())}."
        )
    optimizers = dict.fromkeys(settled["optimizer"])
    runs = [runs_of(tables.study, optimizer=o) for o in optimizers]
    return Finding("Noise floors", claim, evidence, SECTION, all(ties), runs)


def cause(cell: dict[str, Any]) -> str:
    """Why a measured limit is not at its prediction, in a clause."""
    if cell["low"] <= cell["predicted"] <= cell["high"]:
        return "they agree: the prediction lies in the interval of the measured limit"
    if cell["predicted_low"] <= cell["measured"] <= cell["predicted_high"]:
        return "they agree: the prediction is an estimate, and its interval holds the measured limit"
    return CAUSES[cell["basis"], cell["ratio"] > 1]


def where(tables: Tables, cell: dict[str, Any]) -> str:
    """`Adam, mini-batch 16, on diabetes`."""
    names = tables.study.names
    optimizer, batch = names.optimizers[cell["optimizer"]], names.batches[cell["batch"]]
    return f"{optimizer}, {batch}, on {names.problems[cell['problem']]}"


def times(interval: Interval) -> str:
    """A factor with its interval: three decimals where all of it is within 5 % of 1, or where an end that is
    not 1 would read as if it were."""
    ends = (interval.value, interval.low, interval.high)
    close = interval.excludes(1) and 1 in (round(interval.low, 2), round(interval.high, 2))
    fine = close or max(abs(v - 1) for v in ends) < 0.05
    return between(interval, 3 if fine else 2 if max(ends) < 10 else 1)


def factor(value: float) -> str:
    """A factor: 0.0034, 0.98, 1.40, 18."""
    if value < 0.095:
        return number(value)
    return fixed(value, 2) if value < 10 else fixed(value, 0)


def _cell(limits: pd.DataFrame, key: str) -> dict[str, Any]:
    return records(limits[limits["key"] == key])[0]


def _off(found: LimitEvidence, key: str) -> float:
    return float(abs(np.log(_cell(found.limits, key)["ratio"])))


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]
