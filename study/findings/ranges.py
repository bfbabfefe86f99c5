"""How wide usable ranges are, and how rates move with the batch size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from overshoot.study.analysis.batch_shifts import updates
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.sensitivity import out_of_reach, widths
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.comparison import Comparison, clustered, over_replicates
from overshoot.study.findings.claims import Finding, runs_of
from overshoot.study.findings.phrases import MOST, in_order, nothing_clear, shares, tied, verdict, who
from overshoot.study.findings.training_claims import places
from overshoot.study.leadership import Leadership
from overshoot.study.numbers import both, fixed, fold, listing, plural
from overshoot.study.statistics import mean


def usable_range(tables: Tables) -> Finding | None:
    """Who has the widest usable range of learning rates, and who the narrowest, in the same cells."""
    labels = tables.study.names.optimizers
    table = widths(tables.sensitivity)
    if table.shape[1] < 2 or table.empty:
        return None
    by_problem = table.groupby(level="problem", sort=False).mean()
    most, least = places(-by_problem)
    means = by_problem.mean().sort_values(ascending=False, kind="stable")
    wide, narrow = str(means.index[0]), str(means.index[-1])
    gain = _gain(tables, table, wide, narrow)
    wider, space, ends = both(gain, lambda v: fixed(v, 1)).partition(" ")
    each = in_order([f"{labels[str(o)]} {fixed(width, 1)}" for o, width in means.items()])
    replicates = tables.study.swept["replicate"].nunique()
    evidence = (
        f"On average over {plural(len(table), 'pair')} of problem and batch strategy "
        f"({plural(len(by_problem), 'problem')}) {labels[wide]}’s range is {wider} decades wider than "
        f"{labels[narrow]}’s{space}{ends}: {verdict(gain, 0)}.{tied(most, labels)}"
    )
    details = (
        f"Usable ranges in decades, from the median of {plural(replicates, 'replicate')} at each rate: "
        f"{each}.{shares(most, labels, 'Widest')}{left_out(tables)}"
        f"{_open_ended(tables, table, (wide, narrow))}"
    )
    claim = _forgiving(labels, most, least, (means.iloc[0], means.iloc[-1]))
    runs = [runs_of(tables.study, "usable_width_decades", optimizer=o) for o in (wide, narrow)]
    return Finding("Usable range", claim, evidence, "ranges", nothing_clear(most, least), runs, details)


def _forgiving(
    labels: Mapping[str, str], most: Leadership, least: Leadership, ends: tuple[float, float]
) -> str:
    """Who forgives most and who least, and by the mean over problems how wide the two's ranges are."""
    wide, narrow = (_a(fold(end)) for end in ends)
    first = who(most, labels, "forgives most")
    if least.leader is not None:
        first += f"; {labels[least.leader]} forgives least"
    one, last = (
        labels[o.methods[0]] if o.leader is not None else end
        for o, end in ((most, "the widest"), (least, "the narrowest"))
    )
    return f"{first}: {one} works over {wide} range, {last} over {narrow} one."


def _gain(tables: Tables, table: pd.DataFrame, wide: str, narrow: str) -> Comparison:
    """By how many decades one range is wider than the other, in the same cells."""
    gain = (table[wide] - table[narrow]).to_numpy()
    problems = table.index.get_level_values("problem")
    sides = [tables.redrawn.rows("width", optimizer=o).loc[list(table.index)] for o in (wide, narrow)]
    drawn = (sides[0] - sides[1]).to_numpy()
    over_problems = clustered(gain, problems, mean, border=0)
    here = over_replicates(drawn, problems, mean, value=over_problems.value, border=0)
    return Comparison(over_problems.value, here, over_problems)


def left_out(tables: Tables) -> str:
    """The problems that ranges say nothing of, in a sentence."""
    gone = [tables.study.names.problems[p] for p in out_of_reach(tables.sensitivity)]
    if not gone:
        return ""
    return f" Left out, because few or no rates reach the tolerance within the budget there: {listing(gone)}."


def _open_ended(tables: Tables, table: pd.DataFrame, optimizers: tuple[str, str]) -> str:
    problems = set(table.index.get_level_values("problem"))
    owners = [f"{tables.study.names.optimizers[o]}’s" for o in optimizers]
    count = sum(
        (row["open_low"] or row["open_high"])
        for row in records(tables.sensitivity)
        if row["optimizer"] in optimizers and row["problem"] in problems
    )
    return (
        f" {count} of {listing(owners)} ranges {'reaches' if count == 1 else 'reach'} the end of the sweep "
        "and may be wider."
        if count
        else ""
    )


def batch_size(tables: Tables) -> Finding | None:
    """How the best rate and the sweep boundary move from the largest batch to the smallest, by optimizer."""
    rows = records(tables.batch_shifts)
    if not rows:
        return None
    names = tables.study.names
    counts = updates(tables.study)
    large, *_, small = counts
    each = [f"{count:,} with {names.batches[batch]}" for batch, count in counts.items()]
    medians = f", medians over {plural(rows[0]['pairs'], 'problem')}" if rows[0]["pairs"] > 1 else ""
    evidence = f"Updates at the same number of examples{medians}: {listing(each)}."
    details = (
        f"Median shift of the best rate, in decades: {_moves(tables, rows, 'best')}. Median shift of the "
        "sweep boundary, the lowest rate at which half of the runs diverge: "
        f"{_moves(tables, rows, 'sweep_boundary')}."
    )
    details += _censored(tables, rows, (names.batches[large], names.batches[small]))
    claim, clear = _smaller(tables, rows, names.batches[large], names.batches[small])
    runs = [runs_of(tables.study, "sweep_boundary", batch=batch) for batch in (large, small)]
    return Finding("Batch size", claim, evidence, "ranges", not clear and not tables.study.few, runs, details)


def _moves(tables: Tables, rows: list[dict[str, Any]], move: str) -> str:
    """How far it moves with each optimizer; of many in the order of that, the ends alone."""
    labels = tables.study.names.optimizers
    if len(rows) > MOST:
        rows = sorted(rows, key=lambda row: row[move].value)
        return in_order([f"{labels[row['optimizer']]} {fixed(row[move].value, 1)}" for row in rows], MOST)
    return "; ".join(f"{labels[row['optimizer']]} {both(row[move], lambda v: fixed(v, 1))}" for row in rows)


def _smaller(tables: Tables, rows: list[dict[str, Any]], large: str, small: str) -> tuple[str, bool]:
    """What smaller batches do to the boundary and the best rate, by optimizer; and whether that is clear."""
    labels = tables.study.names.optimizers
    called = {"best": "the best rate", "sweep_boundary": "the rate at which runs diverge"}
    parts = [f"{name} {listing(sides)}" for move, name in called.items() if (sides := _sides(rows, move))]
    if parts:
        of = f"of {plural(len(rows), 'optimizer')}"
        return f"From {large} to {small} {parts[0]} {of}{''.join(f', and {p}' for p in parts[1:])}.", True
    if rows[0]["best"].few:
        best = listing([f"{fixed(r['best'].value, 1)} ({labels[r['optimizer']]})" for r in rows])
        here = "this problem" if rows[0]["pairs"] == 1 else "these problems"
        return f"From {large} to {small} the best rate moves by {best} decades on {here}.", False
    return f"The best rate does not clearly move from {large} to {small} with any optimizer.", False


def _sides(rows: list[dict[str, Any]], move: str) -> list[str]:
    """`falls with 5` and `rises with 1`: with how many optimizers a rate clearly moves, and which way."""
    counts = {
        verb: sum(row[move].clear(0) and (row[move].value > 0) == up and _known(row, move) for row in rows)
        for verb, up in (("falls", False), ("rises", True))
    }
    return [f"{verb} with {count}" for verb, count in counts.items() if count]


def _known(row: dict[str, Any], move: str) -> bool:
    """Whether fewer than half of the pairs hide a side beyond the grid: else the median is one of them."""
    return move == "best" or 2 * int(row["censored"]) < int(row["pairs"])


def _censored(tables: Tables, rows: list[dict[str, Any]], batches: tuple[str, str]) -> str:
    """In how many pairs a boundary lies beyond the grid, and what that hides."""
    large, small, either = (
        sum(int(row[f"beyond_{name}"]) for row in rows) for name in ("large", "small", "both")
    )
    if not large + small + either:
        return ""
    texts = [
        f"{count} with {hides}"
        for count, hides in (
            (large, f"{batches[0]}, where a fall is underestimated"),
            (small, f"{batches[1]}, where a rise is underestimated"),
            (either, "both, where the shift is unknown and counts as none"),
        )
        if count
    ]
    hidden = [row["optimizer"] for row in rows if not _known(row, "sweep_boundary")]
    text = (
        " A boundary beyond the grid counts as the end of the grid. Of "
        f"{plural(sum(row['pairs'] for row in rows), 'pair')} of problem and optimizer this concerns "
        f"{'; '.join(texts)}."
    )
    if hidden:
        labels = listing([tables.study.names.optimizers[o] for o in hidden])
        text += (
            f" With {labels} these are half of the pairs or more, so "
            f"{'its shift is' if len(hidden) == 1 else 'their shifts are'} not counted in the claim."
        )
    return text


def _a(fold: str) -> str:
    """With its article: `an 800-fold`, `a 30-fold`."""
    return f"{'an' if fold[0] == '8' or fold.startswith(('11-', '18-')) else 'a'} {fold}"
