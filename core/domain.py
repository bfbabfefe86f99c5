"""Hyperparameters declared together with the values that they may take."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

Hyper = Any
"""A hyperparameter: a float, or a (R, 1) float64 column with one value for each trial."""


@dataclass(frozen=True)
class Interval:
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


NON_NEGATIVE = Interval(0, math.inf, "left")
FRACTION = Interval(0, 1, "left")  # decay rates such as beta1: one would never forget


def hyper(default: float, domain: Interval) -> Any:
    """A dataclass field for a hyperparameter: its default and its domain, in one place."""
    return dataclasses.field(default=default, metadata={"domain": domain})


def check_hyper(owner: str, name: str, value: ArrayLike, domain: Interval) -> Hyper:
    """`value` as a float or as a (R,) float64 array; ValueError when it is not in `domain`."""
    items = np.array(value, dtype=object)
    if not all(isinstance(item, Real) and not isinstance(item, bool) for item in items.flat):
        raise ValueError(f"{owner}: {name} must be a number, got {value!r}")
    x = items.astype(np.float64)
    if x.ndim > 1 or x.size == 0:
        raise ValueError(f"{owner}: {name} must be a number or one per trial, got shape {x.shape}")
    if not domain.contains(x):
        raise ValueError(f"{owner}: {name} = {value!r} is outside its domain {domain}")
    return float(x) if x.ndim == 0 else x
