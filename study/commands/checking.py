"""Look at everything that a store holds: what is damaged is said, and retired where that is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from overshoot.study.numbers import plural
from overshoot.study.tracking import Store, StoreError


@dataclass
class Check:
    """What was looked at and what is wrong, in lines to be printed. sound: whether nothing is."""

    lines: list[str] = field(default_factory=list)
    sound: bool = True

    def wrong(self, line: str) -> None:
        self.lines.append(line)
        self.sound = False


def check(store: Store, retire: bool = False) -> Check:
    """Look at the database and at every file of every finished cell.

    retire: move the runs of damaged cells into MLflow's trash, so that the next run trains them again;
    StoreError where another process writes one of these studies.
    """
    seen = Check()
    for fault in store.database_faults():
        seen.wrong(f"the database is damaged: {fault}: restore it from a backup")
    for info in store.studies():
        try:
            damaged = store.damaged(info.name)
        except StoreError as error:
            seen.wrong(str(error))
            continue
        seen.lines.append(
            f"{info.name}: {plural(info.cells, 'finished cell')} with {info.trials} trials, "
            f"{len(damaged) or 'none'} damaged"
        )
        for key, what in damaged.items():
            seen.wrong(f"  {store.label(info.name, key)}: {what}")
        if damaged and retire:
            store.retire_lost(info.name)
            seen.lines.append("  moved into MLflow's trash: the next run of the experiment trains them anew")
        elif damaged:
            seen.lines.append("  --retire moves them into MLflow's trash; the next run trains them anew")
    return seen
