"""In a clone, `import core` and `import study` give the modules of `overshoot`, not second copies of them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Same(Loader):
    """Gives the module of another name instead of loading a file."""

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(name)
        self.spec = self.module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec  # what the import of the second name has replaced


class _Below(MetaPathFinder):
    """Finds `core.losses` as `overshoot.core.losses`. What is run, `study.__main__`, is left alone."""

    def __init__(self, name: str) -> None:
        self.below = f"{name}."

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(self.below) or fullname.endswith(".__main__"):
            return None
        return ModuleSpec(fullname, _Same(f"overshoot.{fullname}"))


def stand_for(name: str) -> None:
    """Make the top-level module `name`, and all below it, those of `overshoot`."""
    sys.modules[name] = importlib.import_module(f"overshoot.{name}")
    sys.meta_path.insert(0, _Below(name))
