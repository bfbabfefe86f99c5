"""Hyperparameters declared together with the values that they may take.

Whatever is chosen by name and tuned by numbers, optimizers and learning-rate schedules, is a frozen
dataclass of such hyperparameters, entered in a table under its name.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.names import lookup, suggest

Hyper = Any
"""A hyperparameter: a float, or a (R, 1) float64 column with one value for each trial."""


@dataclass(frozen=True)
class RealRange:
    """A range of real numbers; infinite ends are always open."""

    low: float = -math.inf
    high: float = math.inf
    closed: str = "both"  # "both", "left", "right" or "neither"

    def contains(self, value: ArrayLike) -> bool:
        x = np.asarray(value, dtype=float)
        above = x >= self.low if self.closed in ("both", "left") else x > self.low
        below = x <= self.high if self.closed in ("both", "right") else x < self.high
        return bool(np.all(np.isfinite(x) & above & below))

    def __str__(self) -> str:
        left = "[" if self.closed in ("both", "left") and math.isfinite(self.low) else "("
        right = "]" if self.closed in ("both", "right") and math.isfinite(self.high) else ")"
        return f"{left}{self.low:g}, {self.high:g}{right}"


POSITIVE = RealRange(0, math.inf, "neither")
NON_NEGATIVE = RealRange(0, math.inf, "left")
FRACTION = RealRange(0, 1, "left")  # decay rates such as beta1: one would never forget


class Option(NamedTuple):
    """What is known of a hyperparameter. about: what it does, in a line."""

    default: Any
    domain: RealRange
    about: str


def hyper(default: float, domain: RealRange, about: str) -> Any:
    """A dataclass field for a hyperparameter: its default, its domain and what it does, in one place."""
    return dataclasses.field(default=default, metadata={"domain": domain, "about": about})


def check_hyper(owner: str, name: str, value: ArrayLike, domain: RealRange) -> Hyper:
    """`value` as a float or as a (R,) float64 array; ValueError when it is not in `domain`."""
    items = np.array(value, dtype=object)
    masked = isinstance(value, np.ma.MaskedArray)
    if masked or not all(isinstance(item, Real) and not isinstance(item, bool) for item in items.flat):
        raise ValueError(f"{owner}: {name} must be a number, got {value!r}")
    try:
        x = items.astype(np.float64)
    except OverflowError:
        raise ValueError(f"{owner}: {name} is larger than any number of its domain {domain}") from None
    if x.ndim > 1 or x.size == 0:
        raise ValueError(f"{owner}: {name} must be a number or one per trial, got shape {x.shape}")
    if not domain.contains(x):
        raise ValueError(f"{owner}: {name} = {value!r} is outside its domain {domain}")
    return float(x) if x.ndim == 0 else x


@dataclass(frozen=True, eq=False)
class Tunable:
    """Base of what has hyperparameters.

    Each is a number, or R numbers: one for each trial. They are checked against their domains at
    construction (ValueError).
    """

    name: ClassVar[str]

    def __post_init__(self) -> None:
        lengths = {}
        for field in dataclasses.fields(self):
            domain = field.metadata["domain"]
            value = check_hyper(self.name, field.name, getattr(self, field.name), domain)
            object.__setattr__(self, field.name, value)
            if np.ndim(value):
                lengths[field.name] = len(value)
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{self.name}: hyperparameters for different numbers of trials: {lengths}")

    @property
    def hyperparameters(self) -> dict[str, Hyper]:
        """Every hyperparameter by name, in the order of their declaration."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    @property
    def trials(self) -> int | None:
        """How many trials the hyperparameters are given for; None when all are numbers."""
        return next((len(v) for v in self.hyperparameters.values() if np.ndim(v)), None)

    def columns(self) -> Self:
        """A copy whose per-trial hyperparameters are (R, 1) columns, which multiply (R, P) arrays."""
        return self._map(lambda v: v[:, None])

    def keep(self, rows: np.ndarray) -> Self:
        """A copy for the trials selected by the boolean mask `rows: (R,)`."""
        return self._map(lambda v: v[rows])

    def _map(self, change: Callable[[np.ndarray], np.ndarray]) -> Self:
        values = self.hyperparameters.items()
        return self._with(**{name: change(value) for name, value in values if np.ndim(value)})

    def _with(self, **values: Any) -> Self:
        """A copy with other values, which need no checks: `self` was checked when it was made."""
        new = object.__new__(type(self))
        new.__dict__.update(self.__dict__, **values)
        return new


T = TypeVar("T", bound=Tunable)


def domains(table: Mapping[str, type[Tunable]], kind: str, name: str) -> dict[str, Option]:
    """For each hyperparameter of `table[name]`: its default, its domain and what it does."""
    fields = dataclasses.fields(lookup(table, name, kind))
    return {f.name: Option(f.default, f.metadata["domain"], f.metadata["about"]) for f in fields}


def make(table: Mapping[str, type[T]], kind: str, name: str, options: Mapping[str, Any]) -> T:
    """`table[name]` with the given hyperparameters, the others at their defaults.

    Raises ValueError for an unknown name or option and for a value outside its domain, saying what
    is allowed.
    """
    cls = lookup(table, name, kind)
    known = [f.name for f in dataclasses.fields(cls)]
    for option in options:
        if option not in known:
            allowed = f"allowed: {', '.join(known)}" if known else "it has none"
            raise ValueError(f"{name}: unknown option {option!r}{suggest(option, known)} ({allowed})")
    return cls(**options)


def power(base: Hyper, exponent: Hyper) -> Hyper:
    """base^exponent, the same bits for a number and for a column (NumPy's vectorised pow may differ)."""
    if isinstance(base, np.ndarray) or isinstance(exponent, np.ndarray):
        pairs = np.broadcast(base, exponent)
        return np.array([float(b) ** float(e) for b, e in pairs]).reshape(pairs.shape)
    return base**exponent
