"""Where training becomes unstable: predicted and measured stability limits, and why they differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from overshoot.study.analysis.frame import records
from overshoot.study.analysis.limit_evidence import (
    LimitEvidence,
    measured_ratios,
    pairs,
)
from overshoot.study.analysis.limit_tables import share_near, widths_of_limits
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import NAMED, Range, clustered, few
from overshoot.study.findings.claims import Finding, runs_of
from overshoot.study.findings.limit_words import (
    KNOWN,
    SECTION,
    WHERE,
    cause,
    factor,
    times,
    unclear_ratio,
    upper,
    where,
)
from overshoot.study.findings.near_the_limit import edge, floored, noisy
from overshoot.study.findings.short_run_claims import short_run_beside_theory
from overshoot.study.numbers import fixed, listing, number, plural, share
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.statistics import middle

TWO_LIMITS = (
    "of the mean squared distance over many runs (the mean-square limit) and of a single run (the single-run "
    "limit)"
)


def findings(tables: Tables, found: LimitEvidence) -> list[Finding]:
    """What the section opens with; what there is no data for is left out."""
    makers = (predictions, disagreements, single_runs, reshuffling, momentum, edge, floored, noisy)
    return [finding for maker in makers if (finding := maker(tables, found)) is not None]


def predictions(tables: Tables, found: LimitEvidence) -> Finding | None:
    """The measured limit over the predicted one, by what the prediction rests on."""
    rows = records(found.agreement)
    if not rows:
        return None
    medians = [f"{times(row['ratio'])} {WHERE[row['basis']]}" for row in rows]
    of = ", in the median over cells" if sum(row["cells"] for row in rows) > NAMED else ""
    evidence = f"Measured over predicted by theory{of}: {listing(medians)}."
    details = " ".join(_agreeing(row) for row in rows)
    if LimitBasis.AT_THE_START in set(found.agreement["basis"]):
        details += f" By batch size on networks: {_by_batch(tables, found.limits)}."
    if not tables.study.few:
        details += _known(found.limits)
    unclear = all(unclear_ratio(row["ratio"]) for row in rows)
    runs = [runs_of(tables.study, "limit_measured")]
    claim = _each(tables, found) or _accuracy(rows, found)
    return Finding("Stability limit", claim, evidence, SECTION, unclear, runs, details)


def _agreeing(row: dict[str, Any]) -> str:
    """In how many cells of a basis theory is right; of one or two, what it knows there."""
    if row["cells"] <= NAMED:
        return f"{upper(WHERE[row['basis']])} {KNOWN[row['basis']].removeprefix('where ')}."
    near = "" if few(row["problems"]) else f" ({share(share_near(row, 'near'))})"
    return (
        f"{upper(WHERE[row['basis']])}, {KNOWN[row['basis']]}: {plural(row['cells'], 'cell')} of "
        f"{plural(row['problems'], 'problem')}, {row['near']} within 1\u202f%{near}, {row['fair']} within "
        f"10\u202f%{', no clear difference' if unclear_ratio(row['ratio']) else ''}."
    )


def _each(tables: Tables, found: LimitEvidence) -> str:
    """The measured and the predicted limit of one or two cells; nothing of more."""
    both = records(found.limits[found.limits["ratio"] > 0])
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
            f" In {len(mixed)} of them runs both diverge and survive at rates between, over a zone of "
            f"{fixed(mixed['zone'].median(), 2)} decades in the median, and at most "
            f"{fixed(mixed['zone'].max(), 1)}."
        )
    return text


def _accuracy(rows: list[dict[str, Any]], found: LimitEvidence) -> str:
    """How well it is predicted where training breaks: where theory is exact, and on networks."""
    each = {row["basis"]: row for row in rows}
    exact, start = each.get(LimitBasis.EXACT), each.get(LimitBasis.AT_THE_START)
    parts = []
    if exact is not None:
        near = f"in {exact['near']} of {plural(exact['cells'], 'cell')}"
        parts.append(
            f"with full batches on least squares theory predicts to 1\u202f% where runs diverge {near}"
        )
    if (short := short_run_beside_theory(found)) is not None:
        parts.append(short)
    elif start is not None:
        near = f"in {start['fair']} of {plural(start['cells'], 'cell')}"
        parts.append(f"on networks the curvature at the start predicts that rate to 10\u202f% {near}")
    if not parts:
        row = rows[0]
        near = f"in {row['fair']} of {plural(row['cells'], 'cell')}"
        parts.append(f"theory predicts to 10\u202f% where runs diverge {near}, {WHERE[row['basis']]}")
    return f"{upper('; '.join(parts))}."


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
    parts = [part for part in parts if sum(row["cells"] for row in part) > NAMED]
    worst = [max(part, key=lambda row: _off(found, row["worst"])) for part in parts]
    if not worst:
        return None
    cells = [_cell(found.limits, row["worst"]) for row in worst]
    places = [
        ("on least squares" if row["basis"] != LimitBasis.AT_THE_START else "on a network") for row in worst
    ]
    claim = "; ".join(
        f"{place} the prediction is furthest off for {where(tables, cell)}, where the measured limit is "
        f"{factor(cell['ratio'])} times the predicted one"
        for place, cell in zip(places, cells, strict=True)
    )
    evidence = " ".join(
        f"{upper(place)}: measured {number(cell['measured'])}, predicted {number(cell['predicted'])}; "
        f"{cause(cell)}."
        for place, cell in zip(places, cells, strict=True)
    )
    runs = [
        runs_of(tables.study, **{a: cell[a] for a in ("optimizer", "batch", "problem")}) for cell in cells
    ]
    return Finding("Furthest off", f"{upper(claim)}.", evidence, SECTION, runs=runs)


def single_runs(tables: Tables, found: LimitEvidence) -> Finding | None:
    """Where single runs break between the mean-square limit and the single-run limit."""
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
        f"{over or 'The measured limit is'} {times(mean)} times the mean-square limit (for batches drawn "
        f"independently) and {times(single)} times the single-run limit (for batches in their own order)"
        + (f"; in {inside} cells it, or its interval, lies between them" if len(at) > 1 else "")
        + ". Rare large excursions dominate the mean, so the mean-square limit is usually the lower one."
    )
    runs = [runs_of(tables.study, "limit_measured")]
    return Finding("Two limits", claim, evidence, SECTION, unclear, runs)


def reshuffling(tables: Tables, found: LimitEvidence) -> Finding | None:
    """Limits in reshuffled batches over those of batches drawn with replacement, pair by pair."""
    factors = found.orders["factor"].to_numpy(dtype=float)
    if len(factors) < 2:
        return None
    ratio = clustered(factors, found.orders["problem"], middle)
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
        ends = measured_ratios(found.measured[found.measured["problem"] == problem], method)
        if ends:
            texts = [f"{factor(ratio)} with {plural(int(size), 'sample')}" for size, ratio in ends]
            details += f" Measured on {names.problems[problem]}: {listing(texts)}."
    runs = [runs_of(tables.study, optimizer=method)]
    return Finding("Momentum", claim, evidence, SECTION, runs=runs, details=details)


def _cell(limits: pd.DataFrame, key: str) -> dict[str, Any]:
    return records(limits[limits["key"] == key])[0]


def _off(found: LimitEvidence, key: str) -> float:
    return float(abs(np.log(_cell(found.limits, key)["ratio"])))
