"""Overshoot: what every optimizer does at every learning rate.

>>> import overshoot
>>> adam = overshoot.core.optimizer("adam", lr=0.1)
>>> tables = overshoot.load("quick")        # doctest: +SKIP
>>> tables.trials.groupby("optimizer")["q_end"].median()        # doctest: +SKIP

`overshoot.core` has the optimizers, networks and the one training loop; `overshoot.study` runs and reads
studies. In a clone both are folders at its root, and `overshoot` holds links to them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overshoot import core, study
    from overshoot.study import load

__all__ = ["core", "load", "study"]


def __getattr__(name: str) -> Any:
    """The parts of the package, each loaded when it is first asked for: `import overshoot` takes no time."""
    if name in ("core", "study"):
        return importlib.import_module(f"overshoot.{name}")
    if name == "load":
        return importlib.import_module("overshoot.study").load
    if name == "__version__":
        return _version()
    raise AttributeError(f"module 'overshoot' has no attribute {name!r}")


def _version() -> str:
    """The installed version; from a clone that is not installed, one that says so."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("overshoot")
    except PackageNotFoundError:
        return "0+not.installed"


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
