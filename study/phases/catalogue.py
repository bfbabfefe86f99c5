"""All phases of a cell: every module of this package is loaded, and the phases among them register."""

from __future__ import annotations

import importlib
import pkgutil

from overshoot.study import phases
from overshoot.study.phases.phase import Phase, in_order, parts, phases_of

__all__ = ["Phase", "in_order", "parts", "phases_of"]


def load() -> None:
    """Load the modules of the package, but for this one and what runs the phases."""
    for module in pkgutil.iter_modules(phases.__path__):
        if module.name not in ("catalogue", "cell"):
            importlib.import_module(f"{phases.__name__}.{module.name}")


load()
