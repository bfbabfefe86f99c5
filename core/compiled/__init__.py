"""The compiled step: updates of stacked networks in code that is written from the rules in NumPy.

The rules stay where they are read, in `core.optimizers`, `core.activations` and `core.losses`. `tracing` runs
them once on symbols, `source` writes code of the same operations in the same order, `build` compiles it with
Numba and keeps it, and `compiled_stack` trains with it. What is not written from a rule, the matrix products
and the loop over updates, is there twice, for what the lanes of a vector may hold (`lanes`): a number of each
of a few trials (`kernels`, `products`), or of a few units of a layer (`unit_kernels`, `unit_products`).
Nothing here but this file is imported before something trains.
"""

from __future__ import annotations

import importlib.util
import warnings
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from overshoot.core.loop import Stack
    from overshoot.core.network import Network
    from overshoot.core.optimizers.base import Optimizer

ENGINES = ("auto", "compiled", "numpy")
"""What makes the updates. auto: compiled code where it can and where that is faster, NumPy elsewhere."""

WIDE = 1 << 18
"""Parameters beyond which NumPy is faster: BLAS multiplies in blocks that stay in the cache."""


def stack_for(
    engine: str,
    net: Network,
    optimizer: Optimizer,
    theta: np.ndarray,
) -> type[Stack] | None:
    """What makes the updates of this training; None for NumPy.

    The choice depends on no other trial, nor on how many there are. Raises ValueError for an unknown engine,
    and where "compiled" is asked for and not possible.
    """
    if engine not in ENGINES:
        raise ValueError(f"unknown engine {engine!r} (allowed: {', '.join(ENGINES)})")
    if engine == "numpy":
        return None
    reason = "" if _installed() else "Numba is not installed"
    if not reason:
        from overshoot.core.compiled.compiled_stack import CompiledStack, obstacle

        reason = obstacle(net, optimizer, theta)
        if not reason and not (engine == "auto" and net.size > WIDE):
            return CompiledStack
    if engine == "compiled":
        raise ValueError(f"{optimizer.name} cannot be compiled here: {reason}")
    return None


@cache
def default_engine() -> str:
    """What "auto" means here for what can be compiled: "compiled", or "numpy" where Numba is missing."""
    return "compiled" if importlib.util.find_spec("numba") is not None else "numpy"


@cache
def _installed() -> bool:
    """Whether there is Numba; says once that there is none."""
    if default_engine() == "compiled":
        return True
    warnings.warn("Numba is not installed: training goes on with NumPy, several times slower", stacklevel=2)
    return False


PIECES = ("trials", "units", "rules")
"""What training needs: the loops for vectors of trials and of units, and what is written from the rules."""


def warm_up(net: Network, optimizer: Optimizer, dtype: np.dtype, piece: str) -> bool:
    """Compile, or read what is kept, one of PIECES for trainings of this kind, whatever the sizes of the
    network; whether anything had to be compiled. Before several processes start, so that they need not all do
    it."""
    if default_engine() != "compiled":
        return False
    from overshoot.core.compiled.preparation import prepare

    return prepare(net, optimizer, dtype, piece)
