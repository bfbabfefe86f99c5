"""What the data say of the cliff, in sentences: predictions against measurements, the edge, the floors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from core.batches import ORDERS
from study.analysis.frame import records
from study.analysis.limit_evidence import (
    LimitEvidence,
    measured_ratios,
    pairs,
    precision,
    slopes_by_optimizer,
)
from study.analysis.limit_tables import (
    share_near,
)
from study.analysis.study_tables import Tables
from study.findings.claims import Finding, runs_of
from study.numbers import between, fixed, listing, number, percent, plural, share
from study.phases.theory import LimitBasis
from study.statistics import Interval, clustered, middle

EVIDENCE = "cliff"

ENOUGH = 4
"""Runs that a cell must have for its median to be told."""

NAMES = {
    LimitBasis.EXACT: "with full batches on least squares, where theory is exact",
    LimitBasis.ORDER: "with one fixed order on least squares, where it is exact for that order",
    LimitBasis.ALMOST_SURE: "with random batches on least squares, where it follows the growth of single "
    "runs",
    LimitBasis.AT_THE_START: "on networks, where it knows the curvature at the start alone",
}
"""Basis of a prediction -> where that is, in a sentence."""

CAUSES = {
    (
        LimitBasis.EXACT,
        True,
    ): "just above its limit a run grows too slowly to be seen in the updates it is watched for",
    (
        LimitBasis.EXACT,
        False,
    ): "below its limit a run may rise before it falls, which so short a watch takes for divergence",
    (
        LimitBasis.ORDER,
        True,
    ): "with one order the rates that diverge come in windows, with stable ones between them, and "
    "the lowest, which is predicted, can be so narrow that it lies between two of the rates that were run",
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
    ): "the residuals’ noise, which the prediction leaves out, keeps a run at a floor from which batches "
    "throw it far; below the limit it may end above its start, which counts as divergence",
    (
        LimitBasis.AT_THE_START,
        True,
    ): "the loss curves less where large first steps land than at the "
    "start, so training outlives a rate that is too large for its first step",
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
        f"{'' if row['ratio'].excludes(1) else ', no difference shown'}."
        for row in rows
    ]
    text = (
        "At which learning rate do runs begin to diverge, measured over predicted? In the median over cells, "
        f"{clauses[0][0].lower()}{' '.join(clauses)[1:]}"
    )
    if LimitBasis.AT_THE_START in set(found.agreement["basis"]):
        text += f" Batch by batch these are {_by_batch(tables, found.limits)}."
    tie = not any(row["ratio"].excludes(1) for row in rows)
    return Finding("The cliff", text, EVIDENCE, tie, [runs_of(tables.study, "limit_measured")])


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
    text = " ".join(
        f"The prediction furthest off {place} is that for {where(tables, cell)}: measured "
        f"{number(cell['measured'])}, predicted {number(cell['predicted'])}, a factor of "
        f"{factor(cell['ratio'])}. "
        f"{_upper(cause(cell, precision(tables)))}."
        for place, cell in zip(places, cells, strict=True)
    )
    runs = [
        runs_of(tables.study, **{a: cell[a] for a in ("optimizer", "batch", "problem")}) for cell in cells
    ]
    return Finding("Furthest off", text, EVIDENCE, runs=runs)


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
    slack = 1 + precision(tables)
    inside = int(((at["measured"] * slack >= below) & (at["measured"] <= above * slack)).sum())
    tie = not mean.excludes(1) and not single.excludes(1)
    text = (
        "With random batches there are two limits: one for the mean of the squared distance over many runs, "
        "carried by rare large excursions, and one for each single run. With independent batches the first "
        "is the lower one; a short last batch of an epoch can bring the second below it. "
        f"Over {plural(len(at), 'cell')} of {plural(at['problem'].nunique(), 'problem')}, runs were measured "
        f"to break at {times(mean)} times the first "
        f"(for batches drawn independently) and {times(single)} times the second (for batches in their own "
        f"order), in the median; in {inside} between the two"
    )
    if precision(tables):
        text += f", give or take the {percent(precision(tables))} to which they are measured"
    return Finding(
        "Mean and single runs", f"{text}.", EVIDENCE, tie, [runs_of(tables.study, "limit_measured")]
    )


def reshuffling(tables: Tables, found: LimitEvidence) -> Finding | None:
    """Limits in reshuffled batches over those of batches drawn with replacement, pair by pair."""
    factors = found.orders["factor"].to_numpy(dtype=float)
    if len(factors) < 2:
        return None
    ratio = clustered(factors, found.orders["problem"], middle)
    apart = ratio.excludes(1)
    verdict = ("raises" if ratio.value > 1 else "lowers") if apart else "does not show to move"
    text = (
        f"Reshuffling each epoch instead of drawing with replacement {verdict} the measured limit: by a "
        f"median factor of {times(ratio)} over {plural(len(factors), 'pair')} of cells on least squares, "
        f"above 1 in {(factors > 1).sum()}{'' if apart else '; the interval includes 1, a tie'}."
    )
    return Finding("Reshuffling", text, EVIDENCE, not apart, [runs_of(tables.study, "limit_measured")])


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
    text = (
        f"With batches of one sample {names.optimizers[method]} is predicted to break at {first} times "
        f"gradient descent’s limit, with all samples at {listing(last)} times it: the velocity adds up the "
        f"noise of small batches, which brings the limit down towards (1 − b) = {factor(1 - b)} times, and "
        f"steadies full ones, which lets it rise to (1 + b) = {factor(1 + b)} times."
    )
    for problem in dict.fromkeys((low, high)):
        ends = measured_ratios(found.measured[found.measured["problem"] == problem], method)
        if ends:
            texts = [f"{factor(ratio)} with {plural(int(size), 'sample')}" for size, ratio in ends]
            text += f" Measured on {names.problems[problem]}: {listing(texts)}."
    return Finding("Momentum", text, EVIDENCE, runs=[runs_of(tables.study, optimizer=method)])


def edge(tables: Tables, found: LimitEvidence) -> Finding | None:
    """Of the runs whose sharpness came near its line, how close to it they stayed."""
    runs = found.edge[found.edge["verdict"] != "diverged"]
    if runs.empty:
        return None
    reached = runs["reached"].to_numpy(dtype=float)
    rose, above = runs[reached > 0], runs[reached == 0]
    text = (
        f"Of {plural(len(runs), 'run')} whose sharpness was followed and that stayed finite, {len(rose)} "
        f"rose from below to the line that their learning rate allows{_whose(tables, rose, runs)}"
    )
    tie = False
    if len(rose):
        top, late = (
            clustered(rose[name].to_numpy(dtype=float), rose["problem"], middle)
            for name in ("largest", "late")
        )
        tie = not late.excludes(1)
        text += (
            f"; its largest value there was {times(top)} times the line in the median, and {times(late)} "
            f"times over the last half of training{', no difference from it' if tie else ''}: it is turned "
            "back where a step begins to overshoot its valley"
        )
    text += f"; {plural(len(runs) - len(rose) - len(above), 'run')} never came to it."
    if len(above):
        down = clustered(above["late"].to_numpy(dtype=float), above["problem"], middle)
        text += (
            f" {plural(len(above), 'run')}{_whose(tables, above, runs)} started above the line, where no "
            "step is stable; "
            f"{(above['late'] < 1).sum()} of them ended below it, where the loss curves less. In the median "
            f"they were at {times(down)} times the line over the last half."
        )
    labels = [runs_of(tables.study, optimizer=o) for o in dict.fromkeys(runs["optimizer"])]
    return Finding("Edge of stability", text, EVIDENCE, tie, labels)


def _whose(tables: Tables, part: pd.DataFrame, runs: pd.DataFrame) -> str:
    """By optimizer, how many of its runs are in this part: ` (9 of 24 with Adam, 0 of 24 with ...)`."""
    counts = runs["optimizer"].value_counts(sort=False)
    if len(counts) < 2 or part.empty:
        return ""
    names = tables.study.names.optimizers
    found = [f"{(part['optimizer'] == o).sum()} of {n} with {names[str(o)]}" for o, n in counts.items()]
    return f" ({', '.join(found)})"


def floored(tables: Tables, found: LimitEvidence) -> Finding | None:
    """By which power of the rate floors rise without a limit: the steepest and the flattest."""
    powers = slopes_by_optimizer(found.slopes)
    if not powers:
        return None
    names = tables.study.names.optimizers
    order = sorted(powers, key=lambda o: powers[o].value)
    flat, steep = order[0], order[-1]
    counts = found.slopes["optimizer"].value_counts()
    cells = {o: plural(int(counts[o]), "cell") for o in powers}
    text = (
        "Methods without a predicted limit end on a floor that rises with the learning rate. Above the best "
        f"rate the final gap grows as the rate to the power of {between(powers[steep], 1)} with "
        f"{names[steep]} (median over {cells[steep]})"
    )
    tie = steep != flat and not (powers[steep].low > powers[flat].high)
    if steep == flat:
        text += "."
    else:
        text += f" and {between(powers[flat], 1)} with {names[flat]} ({cells[flat]})"
        text += ": not told apart, a tie." if tie else "."
    runs = [runs_of(tables.study, optimizer=o) for o in dict.fromkeys((steep, flat))]
    return Finding("Floors instead of cliffs", text, EVIDENCE, tie, runs)


def noisy(tables: Tables, found: LimitEvidence) -> Finding | None:
    """The gap at which noise keeps runs, measured over predicted, by the order of the batches."""
    settled = found.noise[found.noise["settled"]]
    if settled.empty:
        return None
    clauses, ties = [], []
    for order, at in settled.groupby("order", sort=False):
        ratio = clustered(at["ratio"].to_numpy(), at["problem"], middle)
        ties.append(not ratio.excludes(1))
        label = ORDERS[str(order)].label
        clauses.append(
            f"with batches {label} {times(ratio)} times the prediction ({plural(len(at), 'run')}"
            f"{'; no difference shown' if ties[-1] else ''})"
        )
    text = (
        "On least squares small batches keep the gap at a floor that theory predicts. The measured gap of "
        f"runs that have forgotten their start is, in the median, {listing(clauses)}."
    )
    counts = settled["problem"].value_counts()
    if len(counts) > 1 and counts.iloc[0] > len(settled) / 2:
        problem = tables.study.names.problems[str(counts.index[0])]
        text += f" {counts.iloc[0]} of these {plural(len(settled), 'run')} are on {problem}."
    enough = found.noise_agreement[found.noise_agreement["runs"] >= ENOUGH]
    cells = np.array([ratio.value for ratio in enough["ratio"]])
    if len(cells) > 1:
        text += (
            f" The medians of the {len(cells)} cells with at least {ENOUGH} such runs go from "
            f"{factor(cells.min())} to {factor(cells.max())}."
        )
    optimizers = dict.fromkeys(settled["optimizer"])
    return Finding(
        "Noise floors", text, EVIDENCE, all(ties), [runs_of(tables.study, optimizer=o) for o in optimizers]
    )


def cause(cell: dict[str, Any], precision: float) -> str:
    """Why a measured limit is not at its prediction, in a clause."""
    if abs(cell["ratio"] - 1) <= precision:
        return "closer they cannot agree, since the measured rate is known no better than that"
    if cell["predicted_low"] <= cell["measured"] <= cell["predicted_high"]:
        return (
            "they do not disagree: the prediction is an estimate, and its interval holds the measured limit"
        )
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
