"""The registry of datasets: each is entered by one block, a maker of arrays or a reader of a table."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields
from typing import Any

from sklearn.preprocessing import StandardScaler

from study.problems.columns import Raw, Wishes, understand
from study.problems.splitting import Scaler
from study.problems.tables import Table


@dataclass(frozen=True)
class Dataset:
    """One dataset: `make` and `scaler` take its options as keywords.

    `task` is "classes", "binary" or "real", or empty where the data decide. The scaler is fitted on the
    training inputs. options: their names and defaults; None for what has to be given. own: whether it is
    somebody's own data, whose identity is their content; these `read` a table. suffixes: of the files that it
    reads.
    """

    name: str
    task: str
    about: str
    make: Callable[..., Raw]
    scaler: Callable[..., Scaler] = lambda **_: StandardScaler()
    read: Callable[..., Table] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    own: bool = False
    suffixes: tuple[str, ...] = ()


DATASETS: dict[str, Dataset] = {}


def dataset(
    name: str, task: str, about: str, scaler: Callable[..., Scaler] = lambda **_: StandardScaler()
) -> Callable[[Callable[..., Raw]], Callable[..., Raw]]:
    """Decorator that enters a maker of arrays."""

    def enter(make: Callable[..., Raw]) -> Callable[..., Raw]:
        DATASETS[name] = Dataset(name, task, about, make, scaler, options=_options(make))
        return make

    return enter


def table(
    name: str, about: str, suffixes: tuple[str, ...] = ()
) -> Callable[[Callable[..., Table]], Callable[..., Table]]:
    """Decorator that enters a reader of a table; what is made of its columns is the options of `Wishes`."""

    def enter(read: Callable[..., Table]) -> Callable[..., Table]:
        def make(**options: Any) -> Raw:
            wished = {option: options.pop(option) for option in WISHES if option in options}
            return understand(read(**options), Wishes(**wished))

        options = _options(read) | WISHES
        DATASETS[name] = Dataset(
            name, "", about, make, read=read, options=options, own=True, suffixes=suffixes
        )
        return read

    return enter


def of_file(suffix: str) -> str:
    """The dataset that reads files of a suffix; text where none is made for it."""
    return next((name for name, known in DATASETS.items() if suffix.lower() in known.suffixes), "csv")


def _options(make: Callable[..., Any]) -> dict[str, Any]:
    known = inspect.signature(make).parameters
    return {k: None if p.default is p.empty else p.default for k, p in known.items()}


WISHES = {f.name: None if f.default is MISSING else f.default for f in fields(Wishes)}
