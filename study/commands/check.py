"""Whether a file's own methods keep the contracts of their registries."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from overshoot.core.batches import ORDERS
from overshoot.core.contract import CHECKS, faults
from overshoot.study.experiment.reader import SpecError
from overshoot.study.problems import plugins
from overshoot.study.problems.registry import DATASETS


def check(path: Path) -> dict[str, list[str]]:
    """ "optimizer halved" -> what it violates, for all that the file registers; SpecError where it cannot be
    loaded."""
    try:
        known = plugins.names(plugins.load(path.expanduser().resolve()))
    except ValueError as error:
        raise SpecError(str(error)) from None
    return {f"{kind} {name}": _faults(kind, name) for kind, names in known.items() for name in names}


def _faults(kind: str, name: str) -> list[str]:
    if kind in CHECKS:
        return faults(kind, name)
    return _of_dataset(name) if kind == "dataset" else _of_order(name)


def _of_dataset(name: str) -> list[str]:
    """The registry checks shapes and finite numbers when a dataset is made; here, that it is made alike."""
    entry = DATASETS[name]
    if missing := [option for option, default in entry.options.items() if default is None]:
        return [f"it cannot be checked without its option {missing[0]!r}: give it a default"]
    try:
        one, other = entry.make(), entry.make()
    except Exception as error:  # whatever somebody's code raises
        return [f"it raises {type(error).__name__}: {error}"]
    same = np.array_equal(one.X, other.X) and np.array_equal(one.y, other.y)
    return [] if same else ["made again it is other data: draw from a generator with a seed of its own"]


def _of_order(name: str) -> list[str]:
    entry = ORDERS[name]
    try:
        one, other = (np.asarray(entry.draw(1, 2, 20, 5)) for _ in range(2))
    except Exception as error:  # as above
        return [f"it raises {type(error).__name__}: {error}"]
    if one.size and not (np.issubdtype(one.dtype, np.integer) and one.min() >= 0 and one.max() < 20):
        return ["it names samples that are not there"]
    return [] if np.array_equal(one, other) else ["asked again it is another order: draw from its seed alone"]
