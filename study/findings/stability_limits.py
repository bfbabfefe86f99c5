"""Where training becomes unstable: predicted and measured stability limits, and why they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import records
from overshoot.study.analysis.limit_draws import median_redrawn
from overshoot.study.analysis.limit_evidence import (
    LimitEvidence,
    measured_ratios,
    pairs,
)
from overshoot.study.analysis.limit_tables import widths_of_limits
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import NAMED, Range, clustered, few
from overshoot.study.findings.claims import Finding, runs_of
from overshoot.study.findings.limit_words import (
    KNOWN,
    SECTION,
    WHERE,
    both_times,
    cause,
    factor,
    times,
    unclear_ratio,
    upper,
    where,
)
from overshoot.study.findings.near_the_limit import edge, floored, noisy
from overshoot.study.findings.prediction_claims import predicted_where
from overshoot.study.findings.short_run_claims import beside_theory
from overshoot.study.numbers import fixed, listing, number, over_problems, plural
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.statistics import middle

TWO_LIMITS = (
    "of the mean squared distance over many runs (the mean-square limit) and of a single run (the single-run "
    "limit)"
)

THEORY_THERE = " On networks theory takes the loss’s curvature at the start."


def findings(tables: Tables, limit_data: LimitEvidence) -> list[Finding]:
    """What the section opens with; what there is no data for is left out."""
    makers = (predictions, disagreements, single_runs, reshuffling, momentum, edge, floored, noisy)
    return [finding for maker in makers if (finding := maker(tables, limit_data)) is not None]


def predictions(tables: Tables, limit_data: LimitEvidence) -> Finding | None:
    """The measured limit over the predicted one, by what the prediction rests on."""
    rows = records(limit_data.agreement)
    if not rows:
        return None
    medians = [f"{both_times(row['ratio'], row['here'])} {WHERE[row['basis']]}" for row in rows]
    of = ", in the median over cells" if sum(row["cells"] for row in rows) > NAMED else ""
    ratios = f"Measured over predicted by theory{of}: {listing(medians)}."
    details = " ".join(_agreeing(row) for row in rows)
    if LimitBasis.AT_THE_START in set(limit_data.agreement["basis"]):
        details += f" By batch size on networks: {_by_batch(tables, limit_data.limits)}."
    if not tables.study.few:
        details += _known(limit_data.limits)
    if beside_theory(limit_data) is not None:
        details += THEORY_THERE
    unclear = all(unclear_ratio(row["ratio"]) for row in rows)
    runs = [runs_of(tables.study, "limit_measured")]
    claim, evidence = predicted_where(rows, limit_data, alone=tables.study.few)
    if each := _each(tables, limit_data):
        claim, evidence = each, ratios
    elif tables.study.few:
        claim, evidence = evidence, ratios
    else:
        details = f"{ratios} {details}"
    return Finding("Stability limit", claim, evidence, SECTION, unclear, runs, details, plain=True)


def _agreeing(row: dict[str, Any]) -> str:
    """In how many cells of a basis theory is right; of one or two, what it knows there."""
    if row["cells"] <= NAMED:
        return f"{upper(WHERE[row['basis']])} {KNOWN[row['basis']].removeprefix('where ')}."
    return (
        f"{upper(WHERE[row['basis']])}, {KNOWN[row['basis']]}: {plural(row['cells'], 'cell')} of "
        f"{plural(row['problems'], 'problem')}, {_within(row)}"
        f"{', no clear difference' if unclear_ratio(row['ratio']) else ''}."
    )


def _within(row: dict[str, Any]) -> str:
    """`all 9 within 1 %`, or in how many cells theory is right to 1 % and to 10 %."""
    near, fair = (_part(row[name], row["cells"]) for name in ("near", "fair"))
    if row["near"] == row["cells"]:
        return f"{near} within 1\u202f%"
    if not row["fair"]:
        return f"{fair} within 10\u202f%"
    if row["near"] and not few(row["problems"]):
        return f"{near} within 1\u202f% ({over_problems(row['near_share'])}), {fair} within 10\u202f%"
    return f"{near} within 1\u202f%, {fair} within 10\u202f%"


def _part(count: int, cells: int) -> str:
    """`all 9`, `none`, or the count."""
    return f"all {count}" if count == cells else str(count) if count else "none"


def _each(tables: Tables, limit_data: LimitEvidence) -> str:
    """The measured and the predicted limit of one or two cells; nothing of more."""
    both = records(limit_data.limits[limit_data.limits["ratio"] > 0])
    if len(both) > NAMED:
        return ""
    each = [
        f"{where(tables, cell)}, diverges from {number(cell['measured'])} on, where "
        f"{number(cell['predicted'])} was predicted"
        for cell in both
    ]
    return f"{'; '.join(each)}."


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
            f" {len(mixed)} of them {'has' if len(mixed) == 1 else 'have'} a zone of rates at which some "
            f"replicates diverge and others survive: {fixed(mixed['zone'].median(), 2)} decades wide in the "
            f"median, {fixed(mixed['zone'].max(), 1)} at most."
        )
    return text


def _by_batch(tables: Tables, limits: pd.DataFrame) -> str:
    """The medians on networks for each batch strategy: `5.45 with full batch, ... and 0.12 with batch 1`."""
    at = limits[(limits["basis"] == LimitBasis.AT_THE_START) & (limits["ratio"] > 0)]
    medians = {batch: middle(ratios.to_numpy()) for batch, ratios in at.groupby("batch")["ratio"]}
    names = tables.study.names.batches
    return listing([f"{factor(float(medians[b]))} with {names[b]}" for b in names if b in medians])


def disagreements(tables: Tables, limit_data: LimitEvidence) -> Finding | None:
    """By how much predictions are off at most on least squares and on networks, and where, with the cause."""
    rows = records(limit_data.agreement)
    parts = [
        [row for row in rows if (row["basis"] == LimitBasis.AT_THE_START) == networks]
        for networks in (False, True)
    ]
    parts = [part for part in parts if sum(row["cells"] for row in part) > NAMED]
    worst = [max(part, key=lambda row: _off(limit_data, row["worst"])) for part in parts]
    if not worst:
        return None
    cells = [_cell(limit_data.limits, row["worst"]) for row in worst]
    places = [
        ("on least squares" if row["basis"] != LimitBasis.AT_THE_START else "on a network") for row in worst
    ]
    most = [
        f"{factor(np.exp(abs(np.log(cell['ratio']))))} {place}"
        for place, cell in zip(places, cells, strict=True)
    ]
    claim = (
        f"In the cells measured here the prediction was off by at most a factor of {' and of '.join(most)}."
    )
    evidence = " ".join(
        f"{upper(place)} the furthest is {_named(tables, cell)}: {cause(cell)}."
        f"{_overlapping(limit_data, part, cell)}"
        for place, part, cell in zip(places, parts, cells, strict=True)
    )
    runs = [
        runs_of(tables.study, **{a: cell[a] for a in ("optimizer", "batch", "problem")}) for cell in cells
    ]
    return Finding("Furthest off", claim, evidence, SECTION, runs=runs)


def _named(tables: Tables, cell: dict[str, Any]) -> str:
    """A cell with its two limits."""
    return (
        f"{where(tables, cell)} (measured {number(cell['measured'])}, predicted {number(cell['predicted'])})"
    )


def _overlapping(limit_data: LimitEvidence, rows: list[dict[str, Any]], worst: dict[str, Any]) -> str:
    """How many other cells may be as far off, as intervals overlap: where there are any, which one comes
    first is a matter of chance."""
    bases = [row["basis"] for row in rows]
    at = limit_data.limits[limit_data.limits["basis"].isin(bases) & (limit_data.limits["ratio"] > 0)]
    low, high = (np.log((at[end] / at["predicted"]).to_numpy(dtype=float)) for end in ("low", "high"))
    least = np.where(low * high < 0, 0, np.minimum(abs(low), abs(high)))
    sure = least[(at["key"] == worst["key"]).to_numpy()][0]
    others = int((np.maximum(abs(low), abs(high)) >= sure).sum()) - 1
    if not others:
        return ""
    overlap = (
        "interval of another cell overlaps" if others == 1 else f"intervals of {others:,} other cells overlap"
    )
    return f" The {overlap} with its own, so it may not be the worst."


def single_runs(tables: Tables, limit_data: LimitEvidence) -> Finding | None:
    """Where single runs break between the mean-square limit and the single-run limit."""
    at = limit_data.limits[(limit_data.limits["mean_square"] > 0) & (limit_data.limits["measured"] > 0)]
    at = at[at["basis"] == LimitBasis.ALMOST_SURE]
    if at.empty:
        return None
    kinds = ("mean_square", "predicted")
    mean, single = (
        clustered((at["measured"] / at[limit]).to_numpy(), at["problem"], middle) for limit in kinds
    )
    of_mean, of_single = (
        both_times(ratio, median_redrawn(at, limit, limit_data.ways))
        for ratio, limit in zip((mean, single), kinds, strict=True)
    )
    below, above = at[["mean_square", "predicted"]].min(axis=1), at[["mean_square", "predicted"]].max(axis=1)
    inside = int(((at["high"] >= below) & (at["low"] <= above)).sum())
    unclear = unclear_ratio(mean) and unclear_ratio(single)
    between = "between the two" if inside > len(at) / 2 else "outside of both"
    seen = f"most runs diverge {between}"
    if tables.study.few:
        seen = f"in {inside} of {plural(len(at), 'cell')} the measured one lies between the two"
    if len(at) == 1:
        seen = f"the measured one lies {between}"
    claim = f"With random batches theory predicts two limits, {TWO_LIMITS}; {seen}."
    problems = plural(at["problem"].nunique(), "problem")
    over = f"Over {len(at)} cells of {problems} the measured limit is, in the median," if len(at) > 1 else ""
    evidence = (
        f"{over or 'The measured limit is'} {of_mean} times the mean-square limit (for batches drawn "
        f"independently) and {of_single} times the single-run limit (for batches in their own order)"
        + (f"; in {inside} cells it, or its interval, lies between them" if len(at) > 1 else "")
        + ". Rare large excursions dominate the mean, so the mean-square limit is usually the lower one."
    )
    runs = [runs_of(tables.study, "limit_measured")]
    return Finding("Two limits", claim, evidence, SECTION, unclear, runs)


def reshuffling(tables: Tables, limit_data: LimitEvidence) -> Finding | None:
    """Limits in reshuffled batches over those of batches drawn with replacement, pair by pair."""
    factors = limit_data.orders["factor"].to_numpy(dtype=float)
    if len(factors) < 2:
        return None
    ratio = clustered(factors, limit_data.orders["problem"], middle)
    clear, here = ratio.excludes(1), isinstance(ratio, Range)
    verdict = (
        f"{'raises' if ratio.value > 1 else 'lowers'} the stability limit"
        if clear
        else "does not clearly move the stability limit"
    )
    if here:
        above = int((factors > 1).sum())
        verdict = f"gives the higher stability limit in {above} of {plural(len(factors), 'pair')} of cells"
    claim = f"Reshuffling each epoch, instead of drawing with replacement, {verdict}."
    evidence = (
        f"By a median factor of {times(ratio)} over {plural(len(factors), 'pair')} of cells on least "
        f"squares, above 1 in {(factors > 1).sum()}."
    )
    runs = [runs_of(tables.study, "limit_measured")]
    return Finding("Reshuffling", claim, evidence, SECTION, not clear and not here, runs)


def momentum(tables: Tables, limit_data: LimitEvidence) -> Finding | None:
    """How heavy ball's limit, in units of gradient descent's, rises with the batch size on all problems."""
    both = [pair for pair in pairs(limit_data.by_batch) if len(pair[2]) > 1]
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
    if tables.study.few:
        claim = f"Theory predicts that {claim[0].lower()}{claim[1:]}"
    evidence = (
        f"Predicted: {first} times gradient descent’s limit with batches of one sample, {listing(last)} "
        "times with all samples."
    )
    details = (
        f"With a momentum coefficient of b = {b:g} the velocity adds up the noise of small batches, which "
        f"lowers the limit towards (1 − b) = {factor(1 - b)} times; with full batches it damps, which raises "
        f"the limit to (1 + b) = {factor(1 + b)} times."
    )
    for problem in dict.fromkeys((low, high)):
        ends = measured_ratios(limit_data.measured[limit_data.measured["problem"] == problem], method)
        if ends:
            texts = [f"{factor(ratio)} with {plural(int(size), 'sample')}" for size, ratio in ends]
            details += f" Measured on {names.problems[problem]}: {listing(texts)}."
    runs = [runs_of(tables.study, optimizer=method)]
    return Finding("Momentum", claim, evidence, SECTION, runs=runs, details=details)


def _cell(limits: pd.DataFrame, key: str) -> dict[str, Any]:
    return records(limits[limits["key"] == key])[0]


def _off(limit_data: LimitEvidence, key: str) -> float:
    return float(abs(np.log(_cell(limit_data.limits, key)["ratio"])))
