"""What happened in one stored run, and why: facts, sentences and a figure.

The run is trained again alone, which gives the same numbers, and looked at more closely than the study did.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from overshoot.study.explain import cell_sections as cells
from overshoot.study.explain import facts, run_picture
from overshoot.study.explain import narrative as words
from overshoot.study.files import place
from overshoot.study.phases.processor import processor
from overshoot.study.problems import plugins
from overshoot.study.problems.datasets import keep, raw_of
from overshoot.study.tracking import NamedRun, Store, StoredCell, StoreError

__all__ = ["Explanation", "explain"]


@dataclass(frozen=True)
class Explanation:
    """A title, headed sentences, and the figure's file; None for a cell, which has none."""

    title: str
    sections: list[words.Section]
    figure: Path | None


def explain(store: Store, reference: str, results: Path) -> Explanation:
    """What happened in the run that `reference` names (see `Store.find`); its figure goes into `results`.

    A cell's run is answered with trials of each kind. StoreError where no such run can be explained.
    """
    named = store.find(reference)
    stored = _cell_of(store, named)
    if named.kind == "cell":
        return Explanation(named.name, [*cells.sections(stored), *elsewhere(stored.summary.processor)], None)
    number = stored.trials.loc[stored.trials["run_id"] == named.run_id, "trial"]
    if number.empty:
        raise StoreError(
            f"run {named.run_id} belongs to a superseded copy of its cell; explain run {stored.run_id} "
            "instead"
        )
    _bring(store, stored)
    trial = int(number.iloc[0])
    known = facts.gather(
        stored.cell,
        stored.trials,
        stored.curves,
        stored.summary,
        trial,
        store.states(stored.run_id).get(trial),
    )
    path = place(results, named.study, "explained", f"{named.run_id}.png")
    run_picture.draw(known, path)
    return Explanation(named.name, [*words.sections(known), *elsewhere(stored.summary.processor)], path)


def elsewhere(computed_on: str) -> list[words.Section]:
    """What is to be said where a run was computed on another processor than this one."""
    if computed_on in ("", processor()):
        return []
    return [
        (
            "Another processor",
            [
                f"The study computed this run on {computed_on}; it is trained again here on {processor()}. "
                "Processors round differently: the numbers can differ in their last digits, and soon after "
                "that near a stability limit."
            ],
        )
    ]


def _cell_of(store: Store, named: NamedRun) -> StoredCell:
    stored = store.read(named.study, [named.key])
    if not stored:
        raise StoreError(
            f"run {named.run_id} ({named.name}) belongs to a cell that is not finished: run the experiment "
            "again"
        )
    return stored[0]


def _bring(store: Store, stored: StoredCell) -> None:
    """Have the cell's data at hand: where they were, or else as the store keeps them."""
    try:
        plugins.ready(stored.cell)
    except ValueError as error:
        raise StoreError(f"{error}; to explain its runs, bring it back as it was") from None
    try:
        raw_of(stored.cell.dataset)
    except ValueError as error:
        data = store.data(stored.run_id)
        if data is None:
            raise StoreError(f"{error}; to explain its runs, bring it back as it was") from None
        keep(data)
