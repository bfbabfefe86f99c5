"""What was understood of a dataset, in sentences that are said before any work."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from overshoot.study.experiment.cells import Cell, Choice
from overshoot.study.numbers import listing, plural
from overshoot.study.problems.datasets import DATASETS, LOSS, Raw, load, raw_of, task_of
from overshoot.study.problems.problem import loss_of
from overshoot.study.problems.splitting import constant_inputs


def describe_own(cells: Iterable[Cell]) -> list[str]:
    """What was understood of the cells' datasets that are somebody's own, each once."""
    losses: dict[tuple[Choice, int], dict[str, None]] = {}
    for cell in cells:
        if DATASETS[cell.dataset.name].own:
            losses.setdefault((cell.dataset, cell.protocol.seed), {})[loss_of(cell)] = None
    return [line for (choice, seed), names in losses.items() for line in describe(choice, seed, [*names])]


def describe(choice: Choice, root: int, losses: Sequence[str] = ()) -> list[str]:
    """What was understood of a dataset, before any work: how it was read, its task, rows, inputs, loss and
    scaling, and warnings of what may not be meant. losses: those trained on, where networks name others."""
    raw, task, split = raw_of(choice), task_of(choice), load(choice, root)
    rows = {part: f"{len(y):,} {part}" for part, y in split.y.items()}
    constant = [raw.inputs[i] if raw.inputs else str(i + 1) for i in constant_inputs(split)]
    return [
        *(f"{note}." for note in raw.notes),
        f"{choice.id}: {_task(raw, task)}; {plural(len(raw.y), 'row')} ({', '.join(rows.values())}); "
        f"{plural(raw.X.shape[1], 'input')}{_named(raw.inputs)}; loss {listing([*losses] or [LOSS[task]])}; "
        f"{_scaling(choice, raw, task)}.",
        *([f"Constant in the training rows, and so of no effect: {_some(constant)}."] if constant else []),
        *(f"Warning: {warning}." for warning in raw.warnings),
    ]


def _task(raw: Raw, task: str) -> str:
    if task == "real":
        return "regression"
    counts = np.bincount(raw.y)
    names = raw.labels or tuple(str(i) for i in range(len(counts)))
    return f"{len(counts)} classes ({_some([f'{n} {c:,}' for n, c in zip(names, counts, strict=True)])})"


def _named(names: Sequence[str]) -> str:
    return f" ({_some(names)})" if names else ""


def _some(names: Sequence[str], most: int = 10) -> str:
    return listing([*names[:most], *([f"{len(names) - most} more"] if len(names) > most else [])])


def _scaling(choice: Choice, raw: Raw, task: str) -> str:
    if not DATASETS[choice.name].own:
        return (
            "scaled as this dataset is"
            if choice.name in ("line", "ill_conditioned")
            else "inputs standardised"
        )
    words = {"standard": "standardised by the training rows", "none": "as they are"}
    inputs = f"inputs {words[raw.scaling[0]]}"
    return (
        inputs if task != "real" else f"{inputs}, target {words[raw.scaling[1]].replace('they are', 'it is')}"
    )
