"""Libraries that take long to import, loaded when something of theirs is first used.

Half of the commands train nothing: without this each would spend most of its time on importing what it
never calls. To a type checker it stays an import:

    if TYPE_CHECKING:
        import pandas as pd
    else:
        pd = Late("pandas")
"""

from __future__ import annotations

import importlib
from typing import Any


class Late:
    """Stands for the module of this name, and loads it when an attribute is first asked for."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(importlib.import_module(self._name), attribute)

    def __dir__(self) -> list[str]:
        return dir(importlib.import_module(self._name))
