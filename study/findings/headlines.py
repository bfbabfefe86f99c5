"""What the study found over all problems: for each theme one claim, and what it rests on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.analysis.frame import records
from study.analysis.rank_tables import standing
from study.analysis.scores import against, replicates
from study.analysis.study_tables import Tables
from study.findings.claims import Finding, Runs, runs_of
from study.findings.codes import SEARCHES
from study.numbers import between, fixed, fold, listing, number, percent, plural, share
from study.phases.confirm import ConfirmRole
from study.phases.search import SearchStatus
from study.comparison import clustered
from study.statistics import Interval, holm, improvement, mean_ranks, wilson

SIGNIFICANT = 0.05


def findings(tables: Tables) -> list[Finding]:
    """What the study found, the most general first; what it has no data for is left out."""
    makers = (
        tuned_gap,
        usable_range,
        batch_size,
        diverged,
        plateaus,
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
    level = bool(np.isclose(ranks[first], ranks[second]))
    best = (
        f"At their tuned rates {labels[first]} and {labels[second]} tie for the best mean rank"
        if level
        else f"At its tuned rate {labels[first]} has the best mean rank"
    )
    claim = f"{best} in training gap, {fixed(ranks[first], 1)} of {len(order)}."
    evidence = (
        f"{_duel(tables, first, second)}; the probability that {labels[first]} does better is "
        f"{between(chance, 2)}: {outcome(chance, labels[first], labels[second], level)}."
    )
    if last != second:
        evidence += f" {_duel(tables, first, last)}; {labels[last]} ranks last."
    runs = [runs_of(tables.study, optimizer=o) for o in dict.fromkeys((first, second, last))]
    return Finding("Tuned training", claim, evidence, "overview", not chance.excludes(0.5), runs)


def outcome(chance: Interval, first: str, rival: str, level: bool = False) -> str:
    """What the comparison of the best by rank with a rival shows, given its probability of improvement;
    level: whether their ranks are the same."""
    if not chance.excludes(0.5):
        return "no clear difference"
    if chance.value > 0.5:
        return f"{first} is clearly better"
    better = f"{rival} is clearly better of the two"
    return better if level else f"{better}, although a mean rank, which counts all optimizers, puts it second"


def rank_power(tables: Tables) -> Finding | None:
    """Friedman's test on the ranks, and what its power allows to be said."""
    tests = {row["batch"]: row for row in records(tables.ranking["gap"])}
    row = next(iter(tests.values()), None)
    if row is None or row["optimizers"] < 3 or row["problems"] < 2:
        return None
    adjusted = holm(np.array([test["p"] for test in tests.values()]))
    names = tables.study.names.batches
    differ = [names[batch] for batch, p in zip(tests, adjusted, strict=True) if p < SIGNIFICANT]
    problems = plural(row["problems"], "problem")
    claim = (
        f"Over {problems} the ranks of the tuned optimizers clearly differ for {listing(differ)}."
        if differ
        else f"Over {problems} the ranks of the tuned optimizers differ clearly for no batch strategy."
    )
    evidence = (
        f"Friedman’s test at {percent(SIGNIFICANT)}, after Holm’s correction. With so few problems only mean "
        f"ranks at least {fixed(row['distance'], 1)} of {row['optimizers'] - 1} possible apart are "
        "distinguishable (Nemenyi’s test)."
    )
    return Finding("Power", claim, evidence, "ranks", not differ, [Runs()])


def usable_range(tables: Tables) -> Finding | None:
    """The widest usable range of learning rates against the narrowest and the next, in the same cells."""
    labels = tables.study.names.optimizers
    table = tables.sensitivity.set_index(["problem", "batch", "optimizer"])["width"].unstack().dropna()
    if table.shape[1] < 2 or table.empty:
        return None
    problems = table.index.get_level_values("problem")
    means = {str(o): clustered(table[o].to_numpy(), problems) for o in table.columns}
    narrow, *middle, wide = sorted(means, key=lambda o: means[o].value)
    gain = (table[wide] - table[narrow]).to_numpy()
    interval = clustered(gain, problems)
    apart = interval.excludes(0)
    claim = (
        f"{labels[wide]} forgives most: it works over {_a(fold(means[wide].value))} range of rates, "
        f"{labels[narrow]} over {_a(fold(means[narrow].value))} one."
        if apart
        else "No optimizer clearly works over a wider range of learning rates than the others."
    )
    evidence = (
        f"Usable ranges in decades, interquartile means over {plural(len(gain), 'cell')}: {labels[wide]} "
        f"{between(means[wide], 1)}, {labels[narrow]} {between(means[narrow], 1)}; wider in "
        f"{(gain > 0).sum()} of {len(gain)} cells, by {between(interval, 1)}."
    )
    if middle:
        ahead = clustered((table[wide] - table[middle[-1]]).to_numpy(), problems)
        verdict = "clearly wider" if ahead.excludes(0) else "no clear difference"
        evidence += f" Against the next, {labels[middle[-1]]}: {between(ahead, 1)}, {verdict}."
    bounded = [r for r in records(tables.sensitivity) if r["open_low"] or r["open_high"]]
    count = sum(row["optimizer"] in (wide, narrow) for row in bounded)
    if count:
        ends = "reaches" if count == 1 else "reach"
        evidence += f" {count} of these ranges {ends} the end of the sweep and may be wider."
    runs = [runs_of(tables.study, "usable_width_decades", optimizer=o) for o in (wide, narrow)]
    return Finding("Usable range", claim, evidence, "ranges", not apart, runs)


def batch_size(tables: Tables) -> Finding | None:
    """How the best rate and the sweep boundary move from the largest batch to the smallest."""
    batches = tables.study.names.batches
    if len(batches) < 2:
        return None
    large, small = list(batches)[:: len(batches) - 1]
    pairs = len(_both(tables, "best", large, small))
    moves: dict[str, Interval] = {}
    clauses = []
    for column, name in (
        ("best", "the best rate"),
        ("sweep_boundary", "the sweep boundary, where half diverge,"),
    ):
        both = _both(tables, column, large, small)
        moved = (both[small] / both[large]).map(np.log10)
        if len(moved) < 2:
            continue
        moves[name] = clustered(moved.to_numpy(), moved.index.get_level_values("problem"))
        known = f"{len(moved)} of {pairs}" if len(moved) < pairs else f"{len(moved)}"
        clauses.append(f"{name} moves by {between(moves[name], 1)} decades ({known} pairs)")
    if not moves:
        return None
    evidence = (
        f"From {batches[large]} to {batches[small]}, at the same number of examples, {listing(clauses)}: "
        "interquartile means over pairs of problem and optimizer whose rates both lie in the sweep."
    )
    claim = _smaller_batches(moves.get("the best rate"), batches[large], batches[small])
    runs = [runs_of(tables.study, "sweep_boundary", batch=batch) for batch in (large, small)]
    clear = [move for move in moves.values() if move.excludes(0)]
    return Finding("Batch size", claim, evidence, "ranges", not clear, runs)


def _smaller_batches(move: Interval | None, large: str, small: str) -> str:
    if move is None or not move.excludes(0):
        return f"The best learning rate does not clearly move from {large} to {small}."
    lower = "smaller" if move.value < 0 else "larger"
    return (
        f"Smaller batches need {lower} rates: from {large} to {small} the best rate is "
        f"{fold(abs(move.value))} {lower}."
    )


def diverged(tables: Tables) -> Finding:
    """The share of the sweep's runs that diverged, and for which optimizers it is largest and smallest."""
    labels = tables.study.names.optimizers
    counts = tables.shares.groupby("optimizer", sort=False)[["sum", "size"]].sum().reset_index()
    gone, runs = int(counts["sum"].sum()), int(counts["size"].sum())
    low, high = tables.rates["rate"].min(), tables.rates["rate"].max()
    swept = f"of the sweep at rates from {number(low)} to {number(high)}"
    evidence = f"{gone:,} of {plural(runs, 'run')}, {share(wilson(gone, runs))}."
    shares = {row["optimizer"]: wilson(row["sum"], row["size"]) for row in records(counts)}
    most, least = _extremes(shares)
    claim = f"{percent(gone / runs)} of the runs {swept} diverged."
    if shares[most].low > shares[least].high:
        claim = (
            f"{percent(gone / runs)} of the runs {swept} diverged, most often with {labels[most]} and least "
            f"often with {labels[least]}."
        )
        evidence += f" {labels[most]} {share(shares[most])}, {labels[least]} {share(shares[least])}."
    return Finding("Divergence", claim, evidence, "divergence", runs=[Runs(metric="trials_diverged")])


def plateaus(tables: Tables) -> Finding | None:
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
    claim = (
        f"Too large a rate rarely blows up {labels[least]}: it stalls on a plateau instead, and no NaN warns "
        "of it."
    )
    evidence = (
        f"Of the runs above the best rate that failed, {share(shares[most])} with {labels[most]} but only "
        f"{share(shares[least])} with {labels[least]} overflowed or reached a million times their initial "
        f"gap. Of {labels[least]}’s {runs:,}, another {risen:,} ended above their start or still rising, and "
        f"{runs - rows[least]['exploded'] - risen:,} below it without converging."
    )
    links = [runs_of(tables.study, "trials_diverged", optimizer=o) for o in (most, least)]
    return Finding("Plateaus", claim, evidence, "divergence", runs=links)


def tuning_pays(tables: Tables) -> Finding | None:
    """The tuned rate against the library's default, on the validation loss that it was tuned on."""
    rows = records(tables.tuning["loss"])
    if not rows:
        return None
    better, worse, tie = (sum(r["verdict"] == v for r in rows) for v in ("better", "worse", "tie"))
    claim = (
        f"Tuning the rate clearly beats the default rate in {better} of {plural(len(rows), 'cell')}, and "
        f"clearly loses in {worse}."
    )
    evidence = (
        f"Validation loss on fresh replicates: better in {share(wilson(better, len(rows)))} of the cells, no "
        f"clear difference in {tie}."
    )
    labels = tables.study.names.optimizers
    pays = {o: [r["verdict"] == "better" for r in rows if r["optimizer"] == o] for o in labels}
    shares = {o: wilson(sum(wins), len(wins)) for o, wins in pays.items() if wins}
    most, least = _extremes(shares)
    if shares[most].low > shares[least].high:
        each = [f"{labels[o]} ({sum(pays[o])} of {plural(len(pays[o]), 'cell')})" for o in (most, least)]
        evidence += f" It pays most often for {each[0]} and least often for {each[1]}."
    return Finding("Tuning", claim, evidence, "overview", better == 0 and worse == 0, [Runs()])


def selection(tables: Tables) -> Finding | None:
    """How often two tuned optimizers differ on the test set, beside the training gap."""
    apart = {name: int((table["verdict"] != "tie").sum()) for name, table in tables.duels.items()}
    n = len(tables.duels["test_score"])
    if not n:
        return None
    ties = n - apart["test_score"]
    claim = (
        f"On held-out data two tuned optimizers are clearly different in {apart['test_score']} of "
        f"{plural(n, 'comparison')}, in training gap in {apart['gap']}."
    )
    evidence = (
        f"Comparisons are of two optimizers on the same problem and batch strategy; by test score "
        f"{share(wilson(ties, n))} show no clear difference. Each is judged by itself at 95 %, so about one "
        "in twenty would differ by chance."
    )
    inconclusive = apart["test_score"] <= SIGNIFICANT * n
    return Finding("Held-out data", claim, evidence, "overview", inconclusive, [Runs()])


def trust(tables: Tables) -> Finding:
    """The cells whose search is in doubt."""
    doubts = [str(doubt) for doubt in tables.study.cells["doubt"]]
    searches = plural(len(doubts), "search", "searches")
    lost = _lost(tables)
    if not any(doubts):
        return Finding("Trust", f"All {searches} ended inside the searched range.", lost, "tuning")
    counts = {doubt: doubts.count(doubt) for doubt in dict.fromkeys(doubts) if doubt}
    parts = listing([f"{count} ({SEARCHES[SearchStatus(doubt)]})" for doubt, count in counts.items()])
    verb = "is" if sum(counts.values()) == 1 else "are"
    return Finding(
        "Trust", f"Of {searches}, {parts} {verb} in doubt: marked † in the tables.", lost, "tuning"
    )


def _lost(tables: Tables) -> str:
    """How often a tuned rate failed on fresh replicates."""
    tuned = tables.performance.query("role == 'tuned'").drop_duplicates(
        ["problem", "optimizer", "batch", "rate"]
    )
    gone = tuned[tuned["diverged"] > 0]
    if gone.empty:
        return ""
    runs = plural(int(tuned["n"].sum()), "fresh run")
    return (
        f"But {int(gone['diverged'].sum())} of {runs} at the tuned rates diverged, in "
        f"{plural(len(gone), 'cell')}: there the tuned rate lies at the stability limit or above it."
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
        if optimizer == a and role == ConfirmRole.TUNED and (problem, b, batch, role) in scores
    ]
    if not shared:
        return None
    ours, theirs = (np.stack(side) for side in zip(*shared, strict=True))
    return improvement(ours, theirs)


def _duel(tables: Tables, a: str, b: str) -> str:
    """`Against Adam, Nesterov does clearly better on 5 and worse on 12 of 36 pairs ...`."""
    labels, counts = tables.study.names.optimizers, against(tables.duels["gap"], a, b)
    return (
        f"Against {labels[b]}, {labels[a]} does clearly better on {counts['better']} and clearly worse on "
        f"{counts['worse']} of {plural(sum(counts.values()), 'pair')} of problem and batch strategy"
    )


def _a(fold: str) -> str:
    """With its article: `an 800-fold`, `a 30-fold`."""
    return f"{'an' if fold[0] == '8' or fold.startswith(('11-', '18-')) else 'a'} {fold}"


__all__ = ["Finding", "Runs", "findings", "runs_of"]
