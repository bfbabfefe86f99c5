"""Which learning rate to take: what a study of one's own data is for, in one table."""

from __future__ import annotations

from typing import Any

import numpy as np

from overshoot.study.analysis import selections
from overshoot.study.analysis.frame import AXES, records
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.experiment.cells import Cell
from overshoot.study.findings.codes import SCORES
from overshoot.study.numbers import between, fixed, listing, number, plural
from overshoot.study.phases.search import Claim
from overshoot.study.problems.plugins import LOADED
from overshoot.study.problems.registry import DATASETS
from overshoot.study.report.html_tables import Row, ShownColumn, ShownTable


def own(cell: Cell) -> bool:
    """Whether the cell's data are somebody's own: a file, or what a plugin makes, loaded here or not."""
    name = cell.dataset.name
    plugged = any(name in kinds.get("dataset", ()) for kinds in LOADED.values())
    return plugged or name not in DATASETS or DATASETS[name].own


def rate_table(tables: Tables) -> ShownTable | None:
    """The rate to take with each optimizer and batch size, on problems of one's own data; None without."""
    asked = tables.study.asked
    problems = {cell.problem for cell in asked.values() if own(cell)}
    validated = selections.tuned(tables.claimed(Claim.VALIDATION))
    columns = [*AXES, "rate", "test_score", "diverged", "n"]
    known = tables.sensitivity.merge(validated[validated["problem"].isin(problems)][columns], on=AXES)
    if known.empty:
        return None
    several = len(problems) > 1
    score = SCORES[tables.study.cells["score"].iloc[0]]
    shown = [
        *([ShownColumn("problem")] if several else []),
        ShownColumn("optimizer"),
        ShownColumn("batch"),
        ShownColumn("rate to take", "", "the best on the validation part, by the search"),
        ShownColumn("usable range", "", "rates at which training ends within the tolerance"),
        ShownColumn(
            "below the limit", "", "how many times smaller the rate is than the one at which runs diverge"
        ),
        ShownColumn(f"test {score}", "", "at that rate, on fresh replicates; the test part chose nothing"),
    ]
    limits = _limits(tables)
    rows = [_row(tables, row, limits.get(str(row["key"])), several) for row in records(known)]
    return ShownTable(shown, rows, heads=3 if several else 2, notes=_conditions(tables, problems))


def _row(tables: Tables, row: dict[str, Any], limit: float | None, several: bool) -> Row:
    names = tables.study.names
    problem, optimizer, batch = (str(row[axis]) for axis in AXES)
    heads = [names.problems[problem]] if several else []
    diverges = limit if limit is not None else float(row["sweep_boundary"])
    cells = [
        *heads,
        called(names.optimizers[optimizer], optimizer),
        batch,
        number(row["rate"]),
        _range(row),
        f"{number(diverges / row['rate'])} times" if np.isfinite(diverges) else "no limit seen",
        _score(row),
    ]
    return Row(cells, problem, optimizer, batch, tables.study.run_of[str(row["key"])])


def called(label: str, name: str) -> str:
    """`Gradient descent (sgd)`, so that who reads the page finds it in a file; `Adam` alone for adam."""
    plain = label.lower().replace(" ", "").replace("-", "")
    return label if plain == name.lower().replace("_", "").replace(" ", "") else f"{label} ({name})"


def _range(row: dict[str, Any]) -> str:
    if not np.isfinite(row["low"]):
        return "none"
    ends = ("≤ " if row["open_low"] else "") + number(row["low"]), number(row["high"])
    return f"{ends[0]} to {'≥ ' if row['open_high'] else ''}{ends[1]}"


def _score(row: dict[str, Any]) -> str:
    if not np.isfinite(row["test_score"].value):
        return f"diverged in {row['diverged']} of {row['n']}"
    return between(row["test_score"], 3)


def _limits(tables: Tables) -> dict[str, float]:
    """Cell key -> where its runs were measured to diverge."""
    measured = tables.limits.dropna(subset="measured")
    return dict(zip(measured["key"].astype(str), measured["measured"].astype(float), strict=True))


def _conditions(tables: Tables, problems: set[str]) -> list[str]:
    """What the rates hold for: with others they can blow up."""
    names, cells = tables.study.names, tables.study.cells
    shapes = [
        f"{names.problems[cell['problem']]}: {plural(int(cell['training_samples']), 'training row')}, "
        f"{plural(int(cell['parameters']), 'parameter')}, {plural(int(cell['epochs']), 'epoch')}"
        for cell in records(cells[cells["problem"].isin(problems)].drop_duplicates("problem"))
    ]
    losses = {cell.network.loss for cell in tables.study.asked.values() if cell.problem in problems}
    loss = listing(sorted(name for name in losses if name)) or "the loss that goes with the data’s kind"
    return [
        f"{'; '.join(shapes)}. The rates hold for these data as they were scaled here, for {loss}, and for "
        "the batch in their row; with another scaling or loss they can blow up.",
        f"A rate counts as usable where training ends within {fixed(100 * tables.study.tolerance, 0)} % of "
        "the starting gap.",
    ]
