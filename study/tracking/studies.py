"""A stored study as a whole: which cells it has, from the store alone, whatever became of its data since."""

from __future__ import annotations

import tomllib
from pathlib import Path

from overshoot.core.names import suggest
from overshoot.study import spec
from overshoot.study.spec import Outline
from overshoot.study.tracking.errors import StoreError
from overshoot.study.tracking.store import Store


def named(store: Store, name: str) -> Outline:
    """The study of that name as it was stored last; StoreError where there is none."""
    known = store.names()
    if name not in known:
        allowed = ", ".join(known) or "none yet"
        raise StoreError(
            f"expected an experiment file or the name of a stored experiment, got {name!r}"
            f"{suggest(name, known)} (stored: {allowed})"
        )
    text, keys = store.study_text(name), store.study_keys(name)
    if keys is None:  # it was stored before keys were
        return spec.parse(text, f"{name} (stored)").outline
    return Outline(name, tomllib.loads(text).get("title", name), text, keys)


def of_file(store: Store, path: Path) -> Outline:
    """The study of an experiment file. Where that very text is stored, its data are not read again."""
    text = spec.read(path)
    for name in filter(store.is_logged, store.names()):
        if store.study_text(name) == text and store.study_keys(name) is not None:
            return named(store, name)
    return spec.parse(text, str(path), path.parent).outline
