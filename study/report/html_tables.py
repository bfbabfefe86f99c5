"""The report's tables: what stands in each cell of them, for the page and for Markdown alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from overshoot.study.analysis import selections
from overshoot.study.analysis.frame import AXES, records
from overshoot.study.analysis.scores import ROLES
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.findings.codes import DIVERGENCES, SCORES
from overshoot.study.numbers import around, between, fixed, number, share
from overshoot.study.phases.search import Claim
from overshoot.study.statistics import Interval

NOTHING = ("–", "")
"""What a cell of a table says where there is nothing to say."""


@dataclass(frozen=True)
class ShownColumn:
    """A column: its name, the group that it stands in, what it means in a sentence, and whether it has
    sentences itself, which are set as text."""

    name: str
    group: str = ""
    about: str = ""
    prose: bool = False


@dataclass(frozen=True)
class Row:
    """A row: what it is about, the text of its cells, and the run that it comes from."""

    cells: Sequence[str]
    problem: str = ""
    optimizer: str = ""
    batch: str = ""
    run: tuple[str, str] | None = None


@dataclass(frozen=True)
class ShownTable:
    """A table of texts. The first `heads` columns name the row. lead: what it shows, in a sentence. folded:
    whether the page keeps it closed."""

    columns: Sequence[ShownColumn]
    rows: Sequence[Row]
    heads: int = 2
    notes: Sequence[str] = field(default_factory=tuple)
    folded: bool = False
    lead: str = ""

    @property
    def runs(self) -> bool:
        """Whether its rows come from runs, to which their heads link."""
        return any(row.run for row in self.rows)

    @property
    def shown(self) -> ShownTable:
        """It without the columns in which no row says anything, apart from its heads."""
        said = [
            i
            for i in range(len(self.columns))
            if i < self.heads or any(row.cells[i] not in NOTHING for row in self.rows)
        ]
        rows = [replace(row, cells=[row.cells[i] for i in said]) for row in self.rows]
        return replace(self, columns=[self.columns[i] for i in said], rows=rows)

    @property
    def empty(self) -> bool:
        """Whether its rows say nothing but their names."""
        return len(self.shown.columns) <= self.heads

    @property
    def meanings(self) -> list[tuple[list[str], str]]:
        """Names of columns and what they mean, where that is said; the page shows it where one points, paper
        cannot."""
        known: dict[str, list[str]] = {}
        for column in self.columns:
            name = f"{column.group}: {column.name}" if column.group else column.name
            known.setdefault(column.about, []).append(name)
        return [(names, about) for about, names in known.items() if about]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """The groups of the columns after the heads, and how many each has."""
        groups: list[tuple[str, int]] = []
        for column in self.columns[self.heads :]:
            if groups and groups[-1][0] == column.group:
                groups[-1] = (column.group, groups[-1][1] + 1)
            else:
                groups.append((column.group, 1))
        return groups


FAST = "tuned for speed"
NAMES = (ShownColumn("optimizer"), ShownColumn("batch"))
TRAINED = "the one that the search tuned for the training gap"
FASTEST = "the one that the search tuned for the examples until the gap stays below the tolerance"
VALIDATED = "the one that the search tuned for the validation loss"
LIBRARY = "the library’s default"
SCORE = "interquartile mean over the fresh replicates, with its 95 % bootstrap interval"
DIVERGED = "of the fresh replicates, how many diverged"
POOLED = "interquartile mean of its logarithm over all problems’ replicates"
ABOVE = "of the sweep’s runs within a decade above the best rate, how many diverged"
BY_PROBLEM = "with its interval, resampled by problem; under five problems without one"
WIDTH = "width of the usable range: decades of rates around the best one with a final gap below the tolerance"
VERDICTS = {
    "better": "problems on which the tuned rate does clearly better than the default",
    "worse": "problems on which it does clearly worse",
    "unclear": "problems on which there is no clear difference",
}
MARGIN = "decades from the best rate up to the sweep boundary, where at least half of the runs diverge"
TRAINING = (
    "How far each optimizer brings the training loss down at the tuned and at the default rate, and what its "
    "sweep shows."
)
HELD_OUT = (
    "How each optimizer does on held-out data at the rate tuned for validation and at the default rate."
)
VERSUS_DEFAULT = (
    "How the tuned optimizers rank on held-out data, and on how many problems the tuned rate does better or "
    "worse than the default rate."
)
RANKS = "How the tuned optimizers rank on held-out data."
REASONS = "Why runs of the sweep, the search and the confirmation counted as diverged, and at which update."


def about_share(of: str, tables: Tables) -> str:
    """What a column of shares has, and their intervals; a study of few problems has none."""
    return of if tables.study.few else f"{of}, {BY_PROBLEM}".removeprefix(", ")


def optimization(tables: Tables, problem: str) -> ShownTable:
    """What was tuned for the training gap: one problem, every optimizer and batch strategy."""
    columns = (
        *NAMES,
        ShownColumn("rate", "tuned for training", TRAINED),
        ShownColumn("gap q", "tuned for training", SCORE),
        ShownColumn("diverged", "tuned for training", DIVERGED),
        ShownColumn("rate", "tuned for speed", FASTEST),
        ShownColumn("diverged", "tuned for speed", DIVERGED),
        ShownColumn("rate", "default", LIBRARY),
        ShownColumn("gap q", "default", SCORE),
        ShownColumn("diverged", "default", DIVERGED),
        ShownColumn("diverged above the best", "sweep", ABOVE),
        ShownColumn("usable decades", "sweep", WIDTH),
        ShownColumn("decades to boundary", "sweep", MARGIN),
    )
    rows = [_row(tables, cell, _optimization(cell)) for cell in _cells(tables, problem, Claim.TRAINING)]
    return ShownTable(columns, rows, lead=TRAINING)


def selection(tables: Tables, problem: str) -> ShownTable:
    """What was tuned for validation: one problem, every optimizer and batch strategy."""
    cells = _cells(tables, problem, Claim.VALIDATION)
    scores = {"loss": "validation loss", "test_score": f"test {SCORES[cells[0]['score']]}"}
    columns = [*NAMES]
    for role, about in (("tuned for validation", VALIDATED), ("default", LIBRARY)):
        columns += [
            ShownColumn("rate", role, about),
            *(ShownColumn(label, role, SCORE) for label in scores.values()),
        ]
    rows = []
    for cell in cells:
        texts: list[str] = []
        for role in ROLES:
            at = cell[role]
            texts += ["–"] * 3 if at is None else [number(at["rate"]), *(_interval(at[k], k) for k in scores)]
        rows.append(_row(tables, cell, texts))
    return ShownTable(columns, rows, lead=HELD_OUT)


def optimization_overview(tables: Tables) -> ShownTable:
    """What was tuned for the training gap, over all problems: a single one has a table of its own."""
    if tables.study.problems == 1:
        return ShownTable((), ())
    columns = (
        *NAMES,
        ShownColumn(
            "mean rank", "tuned", "of the gap among the optimizers, over the problems; 1 is the best"
        ),
        ShownColumn("gap q", "tuned", POOLED),
        ShownColumn("diverged", "tuned", DIVERGED),
        ShownColumn("gap q", "default", POOLED),
        ShownColumn("diverged above the best", "sweep", about_share(f"{ABOVE}: the share", tables)),
        ShownColumn("usable decades", "sweep", WIDTH + "; interquartile mean over the problems"),
        ShownColumn(
            "decades to boundary", "sweep", MARGIN + "; median of the problems that have one (so many)"
        ),
    )
    rows = []
    for row in records(tables.optimization):
        boundary = f"{fixed(row['margin'], 1)} ({row['boundaries']}/{row['problems']})"
        texts = [
            fixed(row["rank"], 1),
            _powers(row["tuned"]),
            f"{row['tuned_diverged']}/{row['tuned_runs']}",
            _powers(row["default"]),
            "–" if row["diverged"] is None else share(row["diverged"]),
            between(row["width"], 1),
            boundary,
        ]
        rows.append(_overview_row(tables, row, texts))
    return ShownTable(columns, rows, lead=TRAINING)


def selection_overview(tables: Tables) -> ShownTable:
    """What was tuned for validation, over all problems; verdicts are over more than a few."""
    few = tables.study.few
    columns = [*NAMES]
    for name in ("validation loss", "test score"):
        columns += [
            ShownColumn("mean rank", name, f"of the tuned {name} among the optimizers; 1 is the best")
        ]
        columns += [ShownColumn(verdict, name, about) for verdict, about in VERDICTS.items()]
    rows = []
    for row in records(tables.selection):
        texts = []
        for score in ("loss", "test_score"):
            counts = row[f"{score}_verdicts"]
            verdicts = ("–" if few else str(counts[verdict]) for verdict in VERDICTS)
            texts += [fixed(row[score], 1), *verdicts]
        rows.append(_overview_row(tables, row, texts))
    return ShownTable(columns, rows, lead=RANKS if few else VERSUS_DEFAULT)


def reasons(tables: Tables) -> ShownTable:
    """Why trials of all phases counted as diverged."""
    columns = (
        ShownColumn("reason"),
        ShownColumn("runs"),
        ShownColumn("earliest", "update", "at which the run blew up, or its last one"),
        ShownColumn("median", "update"),
        ShownColumn("latest", "update"),
        ShownColumn(
            "at the end", "", "runs that reached the end of their budget and were judged by their curve"
        ),
    )
    rows = [
        Row(
            [
                DIVERGENCES[r["reason"]],
                *(f"{r[name]:,.0f}" for name in ("trials", "first", "middle", "last", "lasted")),
            ]
        )
        for r in records(tables.reasons)
    ]
    return ShownTable(columns, rows, heads=1, lead=REASONS)


def problems(tables: Tables) -> ShownTable:
    """What each problem is."""
    columns = [
        ShownColumn("problem"),
        ShownColumn("training samples"),
        ShownColumn("parameters"),
        ShownColumn("epochs"),
    ]
    columns += [ShownColumn("best known loss", "", "the reference of the training gap"), ShownColumn("score")]
    first = records(tables.study.cells.drop_duplicates("problem"))
    rows = [
        Row(
            [
                tables.study.names.problems[r["problem"]],
                *(f"{r[name]:,.0f}" for name in ("training_samples", "parameters", "epochs")),
                number(r["best_known_loss"]),
                SCORES[r["score"]],
            ],
            problem=r["problem"],
        )
        for r in first
    ]
    return ShownTable(
        columns, rows, heads=1, lead="How large each problem is, and by which score it is tested."
    )


def _optimization(cell: dict[str, Any]) -> list[str]:
    texts: list[str] = []
    for role in (*ROLES[:1], FAST, *ROLES[1:]):
        at = cell[role]
        known = ["–"] * 3 if at is None else [number(at["rate"]), _interval(at["gap"], "gap"), _gone(at)]
        texts += known[::2] if role == FAST else known
    above = f"{cell['gone']:.0f}/{cell['runs']:.0f}" if cell["runs"] > 0 else "–"
    at_least = "≥ " if cell["open_low"] or cell["open_high"] else ""
    return [*texts, above, at_least + fixed(cell["width"], 1), fixed(cell["margin"], 1)]


def _gone(at: dict[str, Any]) -> str:
    return f"{at['diverged']}/{at['n']}"


def _row(tables: Tables, cell: dict[str, Any], texts: list[str]) -> Row:
    mark = " †" if cell["doubt"] else " ‡" if cell["extended"] else ""
    names = tables.study.names
    heads = [names.optimizers[cell["optimizer"]], cell["batch"] + mark]
    run = (cell["experiment"], cell["run_id"])
    return Row([*heads, *texts], cell["problem"], cell["optimizer"], cell["batch"], run)


def _overview_row(tables: Tables, row: dict[str, Any], texts: list[str]) -> Row:
    names = tables.study.names
    heads = [names.optimizers[row["optimizer"]], row["batch"]]
    return Row([*heads, *texts], "", row["optimizer"], row["batch"])


def _cells(tables: Tables, problem: str, claim: Claim) -> list[dict[str, Any]]:
    """The cells of a problem with all that is known of each: summary, sensitivity, and under the name of
    each role (tuned, default, and FAST: tuned for speed) its performance, where it has that role."""
    cells = tables.study.cells[tables.study.cells["problem"] == problem]
    cells = cells.merge(tables.sensitivity.drop(columns=AXES), on="key")
    above = tables.above_best.groupby("key")[["gone", "runs"]].sum()
    cells = cells.merge(above, how="left", left_on="key", right_index=True)
    confirmed = tables.claimed(claim)
    rows = records(confirmed[confirmed["problem"] == problem])
    roles = {(row["optimizer"], row["batch"], row["role"]): row for row in rows}
    fastest = selections.tuned(tables.claimed(Claim.SPEED))
    rows = records(fastest[fastest["problem"] == problem])
    fast = {(row["optimizer"], row["batch"]): row for row in rows}
    return [
        cell
        | {role: roles.get((cell["optimizer"], cell["batch"], role)) for role in ROLES}
        | {FAST: fast.get((cell["optimizer"], cell["batch"]))}
        for cell in records(cells)
    ]


def _interval(interval: Interval, score: str) -> str:
    """`0.97 [0.95, 0.98]`: a loss or gap with two significant digits, a score with three decimals."""
    if not np.isfinite(interval.value):
        return "diverged"
    if score.endswith("score"):
        return between(interval, 3)
    return around(interval)


def _powers(interval: Interval | None) -> str:
    """An interval of logarithms as the numbers themselves."""
    if interval is None:
        return "–"
    with np.errstate(over="ignore"):
        value, low, high = (10.0**power for power in (interval.value, interval.low, interval.high))
    return around(replace(interval, value=value, low=low, high=high))
