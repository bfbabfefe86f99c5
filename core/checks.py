"""What comes in from outside: refused where it has no meaning here, before anything is computed.

The refusals of the core are ValueError, for values, and TypeError, for things of another kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

T = TypeVar("T")

LARGEST = 2**63 - 1
"""What NumPy counts to."""


def reals(name: str, values: ArrayLike, dtype: DTypeLike | None = None) -> np.ndarray:
    """`values` as an array of real numbers, in `dtype` or as they are; ValueError for everything else.

    Complex numbers, dates, text and objects are none, and a mask would be lost.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise ValueError(f"{name} must be numbers, got a masked array: leave out what is masked, or fill it")
    array = np.asarray(values)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be numbers, got {array.dtype}")
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite
        return array if dtype is None else array.astype(dtype, copy=False)


def finite(name: str, values: ArrayLike, dtype: DTypeLike = np.float64) -> np.ndarray:
    """`values` as an array of finite numbers in `dtype`; ValueError for everything else."""
    array = reals(name, values, dtype)
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite in {array.dtype}")
    return array


def wholes(name: str, values: Any, least: int = 0) -> list[int]:
    """`values` as ints of at least `least`, as many as there are; ValueError for everything else."""
    if isinstance(values, np.ma.MaskedArray | str | bytes) or not isinstance(
        values, Sequence | np.ndarray | range
    ):
        raise ValueError(f"{name} must be a list of whole numbers, got {values!r}")
    try:
        return [whole(name, value, least) for value in values]
    except ValueError:
        raise ValueError(f"{name} must be whole numbers, {least} or more, got {values!r}") from None


def whole(name: str, value: Any, least: int = 0) -> int:
    """`value` as an int of at least `least`; ValueError for everything else."""
    if (
        isinstance(value, bool | np.bool)
        or not isinstance(value, Integral)
        or not least <= int(value) <= LARGEST
    ):
        raise ValueError(f"{name} must be a whole number, {least} or more, got {value!r}")
    return int(value)


def instance(name: str, value: Any, kind: type[T]) -> T:
    """`value`, where it is a `kind`; TypeError where it is something else."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, got {value!r}")
    return value
