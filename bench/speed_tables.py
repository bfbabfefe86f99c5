"""The measurements as Markdown tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bench.competitors import COMPETITORS, CORE
from bench.measure import Result


def markdown(results: Sequence[Result]) -> str:
    """A table for each network, optimizer, precision and number of trials: microseconds a trial and step.

    In brackets, how many times as long as the core takes. The loops, which are measured once, stand
    in the table of every number of trials: a loop costs the same for each of its trials.
    """
    parts = []
    for names, group in groupby(results, lambda r: (r.network, r.optimizer, r.precision)):
        rows = list(group)
        title = ", ".join(name for name in names if name != "float32")
        for trials in sorted({r.trials for r in rows if r.stacks}):
            parts.append(f"### {title}, {trials} trial{'s' if trials > 1 else ''}\n")
            parts.append(_table([r for r in rows if r.trials == trials or not r.stacks]))
    return "\n".join(parts)


def _table(rows: list[Result]) -> str:
    batches = list(dict.fromkeys(r.batch for r in rows))
    core = {r.batch: r.best for r in rows if r.competitor == CORE.name}
    sizes = {r.batch: r.batch_size for r in rows}
    heads = [f"full ({sizes[b]})" if b == "full" else f"batch {b}" for b in batches]
    lines = [f"| | {' | '.join(heads)} |", f"| --- |{' ---: |' * len(batches)}"]
    for competitor in COMPETITORS:
        cells = {r.batch: r for r in rows if r.competitor == competitor.name}
        missing = all(cell.note.startswith(("not installed", "has no")) for cell in cells.values())
        if cells and not missing:
            label = competitor.label + _compile_time(list(cells.values()))
            shown = [_cell(cells[b], core.get(b)) if b in cells else "" for b in batches]
            lines.append(f"| {label} | {' | '.join(shown)} |")
    without = {f"{r.label}: {r.note}." for r in rows if r.note.startswith("has no")}
    return "\n".join([*lines, *(f"\n{line}" for line in sorted(without))]) + "\n"


def _cell(result: Result, core: float | None) -> str:
    if result.best is None:
        return result.note
    figure = f"{result.best:.3g}" if result.best < 100 else f"{result.best:.0f}"
    if core is None or result.competitor == CORE.name:
        return figure
    return f"{figure} ({float(f'{result.best / core:.2g}'):g}x)"


def _compile_time(rows: list[Result]) -> str:
    longest = max(r.compile_seconds for r in rows)
    return f" (after {longest:.1f} s to compile)" if longest else ""
