"""What is compared: the cells of a stored experiment, of a version of it, or of an experiment file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from overshoot.core.names import suggest
from overshoot.study import spec
from overshoot.study.tracking import Store, StoredCell, StoreError, studies

VERSIONS = ("first", "latest")


@dataclass(frozen=True)
class Side:
    """One side of a comparison. name: as the user gave it. definitions: cell key -> its settings."""

    name: str
    cells: tuple[StoredCell, ...]
    definitions: dict[str, dict[str, Any]]

    @property
    def finished(self) -> tuple[datetime, datetime]:
        """When its first and its last cell were finished."""
        times = [datetime.fromtimestamp(cell.finished / 1000, UTC) for cell in self.cells]
        return min(times), max(times)


def side(store: Store, name: str) -> Side:
    """The cells of `NAME`, `NAME@first`, `NAME@latest`, `NAME@2026-07-28T12:30` (as they were by then, in
    UTC), or of an experiment `FILE.toml`.

    A name alone, like latest, stands for the cells of the experiment file that was stored last. StoreError,
    or SpecError for the file, where there are none.
    """
    cells = _of_file(store, Path(name)) if name.endswith(".toml") else _of_name(store, name)
    texts = {cell.key: store.definition(cell.run_id) for cell in cells}
    return Side(name, tuple(cells), {key: json.loads(text) for key, text in texts.items()})


def _of_file(store: Store, path: Path) -> list[StoredCell]:
    study = studies.of_file(store, path)
    cells = store.read(study.name, study.keys)
    if not cells:
        raise StoreError(
            f"{path}: none of its cells is stored under {study.name!r}: run it first, or name a stored "
            f"version, such as {study.name}@latest"
        )
    return cells


def _of_name(store: Store, name: str) -> list[StoredCell]:
    study, _, version = name.partition("@")
    known = store.names()
    if study not in known:
        allowed = ", ".join(known) or "none yet"
        raise StoreError(
            f"expected a stored experiment, got {study!r}{suggest(study, known)} (stored: {allowed})"
        )
    cells = _latest(store, study) if version in ("", "latest") else _earlier(store, study, name, version)
    if not cells:
        raise StoreError(
            f"{name}: no cell of {study!r} was finished at that time; the first version is {study}@first"
        )
    return cells


def _latest(store: Store, study: str) -> list[StoredCell]:
    """The cells of the stored experiment file; where there is none, or another program made it, the last."""
    try:
        keys = studies.named(store, study).keys
    except (StoreError, spec.SpecError):
        return store.version(study)
    return store.read(study, keys) or store.version(study)


def _earlier(store: Store, study: str, name: str, version: str) -> list[StoredCell]:
    if version == "first":
        return store.version(study, first=True)
    try:
        moment = datetime.fromisoformat(version)
    except ValueError:
        raise StoreError(
            f"{name}: expected a version, {' or '.join(VERSIONS)}, or a time in UTC such as 2026-07-28 or "
            f"2026-07-28T12:30, got {version!r}{suggest(version, VERSIONS)}"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return store.version(study, until=round(moment.timestamp() * 1000))
