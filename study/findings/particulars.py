"""What one problem shows, from its numbers."""

from __future__ import annotations

import math
from typing import Any

from overshoot.study.analysis.divergence_shares import compared
from overshoot.study.analysis.frame import records
from overshoot.study.analysis.study_tables import Tables
from overshoot.study.numbers import both, fixed, number, percent, plural
from overshoot.study.phases.best_rates import RESOLUTION
from overshoot.study.phases.search import Claim


def problem_finding(tables: Tables, problem: str, batch: str) -> str:
    """A few sentences on one problem: its rates, how well `batch` trains with them, and what diverged."""
    return " ".join([_rates(tables, problem), _tuned(tables, problem, batch), _diverged(tables, problem)])


def _rates(tables: Tables, problem: str) -> str:
    cells = [row for row in records(tables.sensitivity) if row["problem"] == problem]
    stable = [row for row in cells if math.isfinite(row["best"])]
    if not stable:
        return "At every rate of the sweep half of the runs or more diverged, or one exploded on its way."
    low, high = min(stable, key=lambda row: row["best"]), max(stable, key=lambda row: row["best"])
    if len(cells) == 1:
        return _rate(cells[0])
    wide = max(cells, key=lambda row: row["width"])
    never = sum(math.isnan(row["low"]) for row in cells)
    text = f"The best rate of the sweep is {number(low['best'])} in every cell."
    if low["best"] < high["best"]:
        text = (
            f"The best rates of the sweep range from {number(low['best'])} ({_cell(tables, low)}) to "
            f"{number(high['best'])} ({_cell(tables, high)})."
        )
    if never == len(cells):
        return f"{text} No run reaches the tolerance within the budget."
    text += f" The usable range is widest for {_cell(tables, wide)}: {fixed(wide['width'], 1)} decades"
    return text + (f"; {never} of {plural(len(cells), 'cell')} never reach the tolerance." if never else ".")


def _rate(cell: dict[str, Any]) -> str:
    """Of the only cell."""
    text = f"The best rate of the sweep is {number(cell['best'])}."
    if math.isnan(cell["low"]):
        return f"{text} No run reaches the tolerance within the budget."
    return f"{text} The usable range is {fixed(cell['width'], 1)} decades wide."


def _tuned(tables: Tables, problem: str, batch: str) -> str:
    label = tables.study.names.batches[batch]
    wanted = {"problem": problem, "batch": batch, "role": "tuned", "claim": Claim.TRAINING}
    rows = [row for row in records(tables.performance) if wanted.items() <= _axes(row).items()]
    rows = [row for row in rows if math.isfinite(row["gap"].value)]
    if not rows:
        return f"With {label} every tuned rate diverges on fresh replicates."
    labels, (least, *others) = tables.study.names.optimizers, sorted(rows, key=lambda row: row["gap"].value)
    if not others:
        return f"With {label} {labels[least['optimizer']]}’s tuned gap is {_gap(least)}."
    text = f"With {label} the smallest tuned gap is {labels[least['optimizer']]}’s, {_gap(least)}"
    return f"{text}, the next {labels[others[0]['optimizer']]}’s, {_gap(others[0])}."


def _gap(row: dict[str, Any]) -> str:
    value = float(row["gap"].value)
    return number(value) if value > RESOLUTION else f"{number(RESOLUTION)} or less"


def _axes(row: dict[str, Any]) -> dict[str, Any]:
    return {axis: row[axis] for axis in ("problem", "batch", "role", "claim")}


def _diverged(tables: Tables, problem: str) -> str:
    above = tables.above_best[tables.above_best["problem"] == problem]
    if above.empty:
        return "No cell has a rate above a best one."
    runs = plural(int(above["runs"].sum()), "run")
    return (
        f"Of its {runs} within a decade above the best rates {above['gone'].sum():,} diverged: "
        f"{both(compared(above), percent)}, each cell counted once."
    )


def _cell(tables: Tables, row: dict[str, Any]) -> str:
    names = tables.study.names
    return f"{names.optimizers[row['optimizer']]}, {names.batches[row['batch']]}"
