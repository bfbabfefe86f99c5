"""Several stores become one: what array jobs left, or what two machines did of one experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeVar

from overshoot.study.findings.run_pages import run_pages
from overshoot.study.phases.results import TRIALS
from overshoot.study.tracking import Store, StoredCell, studies

AT_ONCE = 50
"""Cells that are held at one time."""

T = TypeVar("T")


@dataclass
class Merged:
    """What became of the cells of the stores that were merged.

    taken: cells that are new. doubles: cells that were there, with the same numbers. conflicts: a sentence
        for each cell that was there with others, of which the first is kept.
    """

    taken: int = 0
    doubles: int = 0
    conflicts: list[str] = field(default_factory=list)


def merge(store: Store, others: Sequence[tuple[str, Store]], progress: Callable[[str], None]) -> Merged:
    """Bring every finished cell of the others, with the names by which they are spoken of, into the store.

    Cells are recognised by their keys. What is in the store already is taken for done, so that a merge that
    was stopped goes on. StoreError where a store cannot be read, or was written by another version.
    """
    merged = Merged()
    for name, other in others:
        for info in other.studies():
            _merge_study(store, name, other, info.name, merged)
            progress(f"{name}: {info.name}: {info.cells:,} cells")
    store.finish()
    return merged


def _merge_study(store: Store, name: str, other: Store, study: str, merged: Merged) -> None:
    store.retire_unfinished(study)
    here = store.finished(study)
    for keys in _batches(other.finished(study)):
        known = {cell.key: cell for cell in store.read(study, [key for key in keys if key in here])}
        for cell in other.read(study, keys):
            if cell.key not in known:
                store.take(study, cell, other, run_pages(cell.cell, cell.trials, cell.summary))
                merged.taken += 1
            elif same(cell, known[cell.key]):
                merged.doubles += 1
            else:
                merged.conflicts.append(_conflict(study, name, cell, known[cell.key]))
    if any(info.name == study and info.run_id for info in other.studies()):
        outline = studies.named(other, study)
        store.log_study(study, outline.text, other.study_provenance(study), None, outline.keys)


def same(one: StoredCell, other: StoredCell) -> bool:
    """Whether two cells hold the same numbers, bit for bit."""
    columns = [*TRIALS]
    return one.trials[columns].equals(other.trials[columns]) and one.curves.equals(other.curves)


def _conflict(study: str, name: str, cell: StoredCell, kept: StoredCell) -> str:
    processors = [c.summary.processor or "an unknown processor" for c in (cell, kept)]
    why = (
        f"computed on {processors[0]}, the kept one on {processors[1]}"
        if processors[0] != processors[1]
        else f"both computed on {processors[0]}"
    )
    return f"{study}: {cell.cell.label}: {name} has other numbers than the cell that is kept ({why})"


def _batches(items: dict[str, T]) -> Iterator[list[str]]:
    keys = iter(items)
    while batch := list(islice(keys, AT_ONCE)):
        yield batch
