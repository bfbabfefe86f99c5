"""The registry of datasets: each is entered by one block, a maker of arrays or a reader of a table.

The parameters of that function are the dataset's options, and their types say what these may be: a number
of a range (`Annotated[int, RealRange(1, 9)]`), text (`str`), one of several (`Literal["yes", "no"]`), or a
list of columns (`tuple[str, ...]`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from overshoot.core.domain import NON_NEGATIVE, RealRange
from overshoot.study.late import Late
from overshoot.study.problems.columns import ALLOWED, Raw, Wishes, understand
from overshoot.study.problems.splitting import Scaler
from overshoot.study.problems.tables import Table

if TYPE_CHECKING:
    from sklearn import preprocessing
else:
    preprocessing = Late("sklearn.preprocessing")

Samples = Annotated[int, RealRange(20, 100_000)]
Seed = Annotated[int, RealRange(0, 2**32 - 1)]
Noise = Annotated[float, NON_NEGATIVE]

Domain = RealRange | tuple[str, ...] | type[list[str]]
"""What an option may be: a number, one of these texts (any, where there are none), or a list of texts."""


@dataclass(frozen=True)
class Dataset:
    """One dataset: `make` and `scaler` take its options as keywords.

    `task` is "classes", "binary" or "real", or empty where the data decide. The scaler is fitted on the
    training inputs. options: their names and defaults; None for what has to be given. domains: what each
    may be. own: whether it is
    somebody's own data, whose identity is their content; these `read` a table. suffixes: of the files that it
    reads.
    """

    name: str
    task: str
    about: str
    make: Callable[..., Raw]
    scaler: Callable[..., Scaler] = lambda **_: preprocessing.StandardScaler()
    read: Callable[..., Table] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    domains: dict[str, Domain] = field(default_factory=dict)
    own: bool = False
    suffixes: tuple[str, ...] = ()


DATASETS: dict[str, Dataset] = {}

Made = TypeVar("Made", Raw, tuple[np.ndarray, np.ndarray])


def dataset(
    name: str,
    task: str,
    about: str,
    scaler: Callable[..., Scaler] = lambda **_: preprocessing.StandardScaler(),
) -> Callable[[Callable[..., Made]], Callable[..., Made]]:
    """Decorator that enters a maker of arrays X (n, d) and y (n,): class numbers 0, 1, ... or values."""

    def enter(make: Callable[..., Made]) -> Callable[..., Made]:
        def arrays(**options: Any) -> Raw:
            made = make(**options)
            return _checked(name, task, made if isinstance(made, Raw) else Raw(*made))

        DATASETS[name] = Dataset(name, task, about, arrays, scaler, None, _options(make), _domains(make))
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

        DATASETS[name] = Dataset(
            name,
            "",
            about,
            make,
            read=read,
            options=_options(read) | WISHES,
            domains=_domains(read) | _domains(Wishes) | ALLOWED,
            own=True,
            suffixes=suffixes,
        )
        return read

    return enter


def _checked(name: str, task: str, raw: Raw) -> Raw:
    """The arrays of a maker, as they are; ValueError where they are not such as its task needs."""
    X, y = np.asarray(raw.X), np.asarray(raw.y)
    if X.ndim != 2 or y.shape != (len(X),):
        raise ValueError(f"{name}: expected X (n, d) and y (n,), got {X.shape} and {y.shape}")
    if not (np.isfinite(X).all() and np.isfinite(y).all()):
        raise ValueError(f"{name}: expected finite numbers")
    labels = np.unique(y)
    if task != "real" and (len(labels) < 2 or not np.array_equal(labels, np.arange(len(labels)))):
        raise ValueError(f"{name}: expected class numbers 0, 1, ..., got {labels[:5]}")
    return replace(raw, X=X, y=y)


def of_file(suffix: str) -> str:
    """The dataset that reads files of a suffix; text where none is made for it."""
    return next((name for name, known in DATASETS.items() if suffix.lower() in known.suffixes), "csv")


def _options(make: Callable[..., Any]) -> dict[str, Any]:
    known = inspect.signature(make).parameters
    return {k: None if p.default is p.empty else p.default for k, p in known.items()}


def _domains(make: Callable[..., Any]) -> dict[str, Domain]:
    hints = get_type_hints(make, include_extras=True)
    return {name: _domain(hint) for name, hint in hints.items() if name != "return"}


def _domain(hint: Any) -> Domain:
    if get_origin(hint) is Annotated:
        return next(part for part in hint.__metadata__ if isinstance(part, RealRange))
    if get_origin(hint) is Literal:
        return tuple(get_args(hint))
    return list[str] if get_origin(hint) is tuple else ()


WISHES = {f.name: None if f.default is MISSING else f.default for f in fields(Wishes)}
