"""Sentences earned by the data. Each says what was compared, on how many cells, and the interval; where
the interval includes no difference it says that, too."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.analysis.frame import records
from study.analysis.rank_tables import standing
from study.analysis.scores import against, replicates
from study.analysis.study_tables import Tables
from study.findings.claims import Finding, Runs, runs_of
from study.findings.codes import SEARCHES
from study.numbers import between, fixed, listing, number, percent, plural, share
from study.phases.search import SearchStatus
from study.statistics import Interval, clustered, holm, improvement, mean_ranks, wilson

SIGNIFICANT = 0.05


def findings(tables: Tables) -> list[Finding]:
    """What the study found, the most general first; what it has no data for is left out."""
    makers = (
        tuned_gap,
        usable_range,
        batch_size,
        diverged,
        floors,
        tuning_pays,
        selection,
        trust,
    )
    return [finding for maker in makers if (finding := maker(tables)) is not None]


def tuned_gap(tables: Tables) -> Finding | None:
    """The optimizer with the best mean rank in training gap against the next and the last."""
    labels = tables.study.names.optimizers
    table = standing(tables.study, replicates(tables.study, "gap"))
    if table.shape[1] < 2:
        return None
    ranks = dict(zip(table.columns, mean_ranks(table.to_numpy()), strict=True))
    order = sorted(ranks, key=lambda o: float(ranks[o]))
    first, second, last = order[0], order[1], order[-1]
    chance = _chance(tables, first, second)
    if chance is None:
        return None
    tie = not chance.excludes(0.5)
    level = bool(np.isclose(ranks[first], ranks[second]))
    best = (
        f"At their tuned rates {labels[first]} and {labels[second]} share the best mean rank"
        if level
        else f"At its tuned rate {labels[first]} has the best mean rank"
    )
    text = (
        f"{best} in training gap, {fixed(ranks[first], 1)} of {len(order)}. "
        f"{_duel(tables, first, second, whose=labels[first] if level else 'it')}: "
        f"probability of improvement {between(chance, 2)}, {told(chance, labels[second], level)}."
    )
    if last != second:
        text += f" {_duel(tables, first, last, ', which ranks last,', labels[first] if level else 'it')}."
    runs = [runs_of(tables.study, optimizer=o) for o in dict.fromkeys((first, second, last))]
    return Finding("Tuned training", text, "overview", tie, runs)


def told(chance: Interval, rival: str, level: bool = False) -> str:
    """What the duel of the best by rank and a rival says, given its probability of improvement; level:
    whether their ranks are the same."""
    if not chance.excludes(0.5):
        return "a tie"
    if chance.value > 0.5:
        return "told apart"
    if level:
        return f"told apart, in favour of {rival}"
    return (
        f"told apart, in favour of {rival}: a mean rank counts places among all optimizers, a duel those two"
    )


def told_apart(tables: Tables) -> Finding | None:
    """Friedman's test on the ranks, and what its power allows to be said."""
    tests = {row["batch"]: row for row in records(tables.ranking["gap"])}
    row = next(iter(tests.values()), None)
    if row is None or row["optimizers"] < 3 or row["problems"] < 2:
        return None
    adjusted = holm(np.array([test["p"] for test in tests.values()]))
    names = tables.study.names.batches
    found = [names[batch] for batch, p in zip(tests, adjusted, strict=True) if p < SIGNIFICANT]
    text = (
        f"Friedman’s test over the {plural(row['problems'], 'problem')} finds that the tuned optimizers’ "
        f"ranks differ for {listing(found) if found else 'no batch strategy'} ({percent(SIGNIFICANT)} after "
        f"Holm’s correction). So few problems tell little: mean ranks closer than "
        f"{fixed(row['distance'], 1)} of {row['optimizers'] - 1} possible cannot be told apart (Nemenyi)."
    )
    return Finding("Power", text, "ranks", not found, [Runs()])


def usable_range(tables: Tables) -> Finding | None:
    """The widest usable range of learning rates against the narrowest and the next, in the same cells."""
    labels = tables.study.names.optimizers
    table = tables.sensitivity.set_index(["problem", "batch", "optimizer"])["width"].unstack().dropna()
    if table.shape[1] < 2 or table.empty:
        return None
    problems = table.index.get_level_values("problem")
    means = {str(o): clustered(table[o].to_numpy(), problems) for o in table.columns}
    narrow, *between_them, wide = sorted(means, key=lambda o: means[o].value)
    gain = (table[wide] - table[narrow]).to_numpy()
    interval = clustered(gain, problems)
    apart = interval.excludes(0)
    text = (
        "The range of learning rates about the best one at which training ends below the tolerance is "
        f"widest for {labels[wide]}, {between(means[wide], 1)} decades (interquartile mean over "
        f"{plural(len(gain), 'cell')}), and narrowest for {labels[narrow]}, {between(means[narrow], 1)}. "
        f"{labels[wide]}’s is wider in {(gain > 0).sum()} of {len(gain)} cells, by {between(interval, 1)} "
        f"decades: {'told apart' if apart else 'the interval includes none, a tie'}."
    )
    if between_them:
        ahead = clustered((table[wide] - table[between_them[-1]]).to_numpy(), problems)
        text += (
            f" From the next, {labels[between_them[-1]]}’s, it is {'' if ahead.excludes(0) else 'not '}told "
            f"apart: {between(ahead, 1)} decades."
        )
    bounded = [r for r in records(tables.sensitivity) if r["open_low"] or r["open_high"]]
    count = sum(row["optimizer"] in (wide, narrow) for row in bounded)
    if count:
        text += f" Where a range reaches the end of the sweep, {count} of these, its width is a lower bound."
    runs = [runs_of(tables.study, "usable_width_decades", optimizer=o) for o in (wide, narrow)]
    return Finding("Usable range", text, "ranges", not apart, runs)


def batch_size(tables: Tables) -> Finding | None:
    """How the best rate and the cliff move from the largest batch to the smallest."""
    batches = tables.study.names.batches
    if len(batches) < 2:
        return None
    large, small = list(batches)[:: len(batches) - 1]
    pairs = len(_both(tables, "best", large, small))
    clauses, ties, short = [], [], False
    for column, name in (("best", "best learning rate"), ("cliff", "cliff, where half of the runs diverge,")):
        both = _both(tables, column, large, small)
        moved = (both[small] / both[large]).map(np.log10)
        if len(moved) < 2:
            continue
        short |= len(moved) < pairs
        interval = clustered(moved.to_numpy(), moved.index.get_level_values("problem"))
        ties.append(not interval.excludes(0))
        known = f"{len(moved)} of {pairs}" if len(moved) < pairs else f"{len(moved)}"
        clauses.append(f"the {name} moves by {between(interval, 1)} decades ({known} pairs)")
    if not clauses:
        return None
    text = (
        f"From {batches[large]} to {batches[small]}, at the same number of examples, {listing(clauses)}: "
        "interquartile means over the pairs of problem and optimizer"
        + (", where both of a pair lie in the sweep" if short else "")
        + ("; an interval that includes 0 shows no shift." if any(ties) else ".")
    )
    runs = [runs_of(tables.study, "sweep_boundary", batch=batch) for batch in (large, small)]
    return Finding("Batch size", text, "ranges", all(ties), runs)


def diverged(tables: Tables) -> Finding:
    """The share of the sweep's runs that diverged, and for which optimizers it is largest and smallest."""
    labels = tables.study.names.optimizers
    counts = tables.shares.groupby("optimizer", sort=False)[["sum", "size"]].sum().reset_index()
    gone, runs = int(counts["sum"].sum()), int(counts["size"].sum())
    low, high = tables.rates["rate"].min(), tables.rates["rate"].max()
    text = (
        f"Over the whole sweep, rates {number(low)} to {number(high)}, {gone:,} of {plural(runs, 'run')} "
        f"diverged, {share(wilson(gone, runs))}."
    )
    shares = {row["optimizer"]: wilson(row["sum"], row["size"]) for row in records(counts)}
    most, least = _extremes(shares)
    if shares[most].low > shares[least].high:
        text += (
            f" By optimizer it is from {share(shares[least])} with {labels[least]} to {share(shares[most])} "
            f"with {labels[most]}."
        )
    return Finding("Divergence", text, "divergence", runs=[Runs(metric="trials_diverged")])


def floors(tables: Tables) -> Finding | None:
    """Whether too large a rate shows as an explosion, or as training that ends too high."""
    labels = tables.study.names.optimizers
    rows = {row["optimizer"]: row for row in records(tables.failures)}
    if not rows:
        return None
    shares = {optimizer: row["share"] for optimizer, row in rows.items()}
    most, least = _extremes(shares)
    if shares[most].low <= shares[least].high:
        return None
    runs, risen = rows[least]["size"], rows[least]["risen"]
    text = (
        "Too large a rate does not always explode. Of the runs above the best rate that failed, "
        f"{share(shares[most])} with {labels[most]} but only {share(shares[least])} with {labels[least]} "
        "left because their loss was not finite or a million times its start. "
        f"Of {labels[least]}’s {runs:,}, another {risen:,} ended above their start or still rising, and "
        f"{runs - rows[least]['exploded'] - risen:,} below it without converging: waiting for NaN would "
        "find none of them."
    )
    links = [runs_of(tables.study, "trials_diverged", optimizer=o) for o in (most, least)]
    return Finding("Floors", text, "divergence", runs=links)


def tuning_pays(tables: Tables) -> Finding | None:
    """The tuned rate against the library's default, on the validation loss that it was tuned on."""
    rows = records(tables.tuning["loss"])
    if not rows:
        return None
    better, worse, tie = (sum(r["verdict"] == v for r in rows) for v in ("better", "worse", "tie"))
    text = (
        f"On fresh replicates the tuned rate has a lower validation loss than the default rate in {better} "
        f"of {plural(len(rows), 'cell')}, {share(wilson(better, len(rows)))}, a higher one in {worse}, and "
        f"in {tie} they tie."
    )
    labels = tables.study.names.optimizers
    pays = {o: [r["verdict"] == "better" for r in rows if r["optimizer"] == o] for o in labels}
    shares = {o: wilson(sum(found), len(found)) for o, found in pays.items() if found}
    most, least = _extremes(shares)
    if shares[most].value > shares[least].value:
        each = [f"{labels[o]} ({sum(pays[o])} of {plural(len(pays[o]), 'cell')})" for o in (most, least)]
        text += f" Tuning pays most often for {each[0]}, least often for {each[1]}"
        apart = shares[most].low > shares[least].high
        text += "." if apart else ", a difference that these few cells do not show to be more than chance."
    return Finding("Tuning", text, "overview", better == 0 and worse == 0, [Runs()])


def selection(tables: Tables) -> Finding | None:
    """How often two tuned optimizers differ on the test set, beside the training gap."""
    apart = {name: int((table["verdict"] != "tie").sum()) for name, table in tables.duels.items()}
    n = len(tables.duels["test_score"])
    if not n:
        return None
    ties = n - apart["test_score"]
    text = (
        f"Of the {plural(n, 'comparison')} of two tuned optimizers on the same problem and batch strategy, "
        f"{apart['gap']} are told apart by training gap and {apart['test_score']} by test score; the other "
        f"{ties}, {share(wilson(ties, n))}, are ties there. Each is judged by itself at 95 %, so about one "
        "in twenty would differ by chance."
    )
    return Finding("Held-out data", text, "overview", apart["test_score"] <= SIGNIFICANT * n, [Runs()])


def trust(tables: Tables) -> Finding:
    """The cells whose search is not to be trusted."""
    doubts = [str(doubt) for doubt in tables.study.cells["doubt"]]
    searches = plural(len(doubts), "search", "searches")
    lost = _lost(tables)
    if not any(doubts):
        return Finding("Trust", f"All {searches} ended clear of the edges of their range.{lost}", "tuning")
    counts = {doubt: doubts.count(doubt) for doubt in dict.fromkeys(doubts) if doubt}
    parts = listing([f"{count} ({SEARCHES[SearchStatus(doubt)]})" for doubt, count in counts.items()])
    verb = "is" if sum(counts.values()) == 1 else "are"
    return Finding(
        "Trust", f"Of {searches}, {parts} {verb} not to be trusted: marked † in the tables.{lost}", "tuning"
    )


def _lost(tables: Tables) -> str:
    """How often a tuned rate did not last on fresh replicates."""
    tuned = tables.performance.query("role == 'tuned'").drop_duplicates(
        ["problem", "optimizer", "batch", "rate"]
    )
    gone = tuned[tuned["diverged"] > 0]
    if gone.empty:
        return ""
    runs = plural(int(tuned["n"].sum()), "fresh run")
    return (
        f" But {int(gone['diverged'].sum())} of {runs} at the tuned rates diverged, in "
        f"{plural(len(gone), 'cell')}: there the rate lies at the cliff or beyond."
    )


def _extremes(shares: dict[str, Interval]) -> tuple[str, str]:
    """The names with the largest and with the smallest share."""
    return max(shares, key=lambda o: shares[o].value), min(shares, key=lambda o: shares[o].value)


def _both(tables: Tables, column: str, large: str, small: str) -> pd.DataFrame:
    """The rates at two batch strategies, (large, small), of each problem and optimizer that has both."""
    table = tables.sensitivity.set_index(["problem", "optimizer", "batch"])[column].unstack()
    return table[[large, small]].dropna()


def _chance(tables: Tables, a: str, b: str) -> Interval | None:
    """Probability that tuned `a` has a smaller training gap than tuned `b`, over all cells of both."""
    scores = replicates(tables.study, "gap")
    shared = [
        (values, scores[problem, b, batch, role])
        for (problem, optimizer, batch, role), values in scores.items()
        if optimizer == a and role == "tuned" and (problem, b, batch, role) in scores
    ]
    if not shared:
        return None
    ours, theirs = (np.stack(side) for side in zip(*shared, strict=True))
    return improvement(ours, theirs)


def _duel(tables: Tables, a: str, b: str, aside: str = "", whose: str = "it") -> str:
    counts = against(tables.duels["gap"], a, b)
    return (
        f"Against {tables.study.names.optimizers[b]}{aside} {whose} does better on {counts['better']} of "
        f"{sum(counts.values())} pairs of problem and batch strategy, worse on {counts['worse']}, and ties "
        f"on {counts['tie']}"
    )


__all__ = ["Finding", "Runs", "findings", "runs_of"]
