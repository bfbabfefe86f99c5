"""Compile written code with Numba, once for each processor, and keep it on disk.

Compiled code is kept under the hash of its whole source, in a directory for the versions and the processor
that it was made with: nothing old is ever taken for it. Files appear whole, so that many
processes may start at once.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import os
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite
import numba
import numpy as np
from llvmlite import binding

from overshoot.core.compiled import elementary, vectors

CACHE = "OVERSHOOT_CACHE"
"""The environment variable that names the directory of compiled code."""

HEADER = """from __future__ import annotations

import math
import numba
from overshoot.core.compiled.vectors import (
    bits, call, fused, gather_of, load_at_of, load_of, magnitude, negative, power, read_int, read_number,
    root, select, shifted, splat_of, store, store_at, to_float32, to_float64, turn_of, write,
)
LANES, VECTOR_BYTES = {lanes}, {bytes}
load, load_wide = load_of("{dtype}", {lanes}), load_of("float64", {lanes})
load_at = load_at_of("{dtype}", {lanes})
gather, turn = gather_of("{dtype}", {lanes}), turn_of("{dtype}", {lanes})
read, read_wide = read_number["{dtype}"], read_number["float64"]
splat_float32, splat_float64 = splat_of("float32", {lanes}), splat_of("float64", {lanes})
splat_bool = splat_of("bool", {lanes})
spread = splat_{dtype}
"""

HELPERS = (elementary.maximum, elementary.minimum, elementary.sign)


def directory() -> Path:
    """Where compiled code lies: $OVERSHOOT_CACHE, or `overshoot` among what the system may make again."""
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    root = Path(os.environ.get(CACHE) or Path(caches) / "overshoot")
    made_with = [sys.version, numba.__version__, llvmlite.__version__, np.__version__]
    made_with += [binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()]
    return root / _hash("\n".join(made_with))


def kept() -> set[str]:
    """The names of what has been compiled."""
    return {file.stem for file in directory().glob("*.py")}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def sources(*functions: Any) -> str:
    """The text of functions, compiled as they are called."""
    # Nothing but compiled code calls them: to be callable from Python takes a tenth of the time to compile.
    decorator = "@numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)"
    return "\n\n".join(f"{decorator}\n{inspect.getsource(function)}" for function in functions)


def _elementary(dtype: str) -> str:
    """exp, tanh and the like for vectors of this precision."""
    exp = getattr(elementary, f"exponential_{dtype}")
    tanh = getattr(elementary, f"tangent_{dtype}")
    lines = [
        sources(*HELPERS, exp),
        f"exponential = exponential_{dtype}",
        sources(elementary._far_or, tanh),
        f"hyperbolic_tangent = tangent_{dtype}",
    ]
    return "\n\n".join(lines) + "\n\n"


@cache
def compiled(name: str, dtype: str, text: str, arguments: int) -> Any:
    """Function `name` of the source `text`, compiled for as many whole numbers, as a C function.

    Reads what is kept, or compiles it and keeps it.
    """
    sizes = {"lanes": vectors.LANES[dtype], "bytes": vectors.VECTOR_BYTES}
    whole = HEADER.format(dtype=dtype, **sizes) + _elementary(dtype) + text
    kind = f"void({', '.join(['int64'] * arguments)})"
    whole += f'\n\ncompiled = numba.cfunc("{kind}", cache=True, error_model="numpy")({name})\n'
    key = _hash(whole + inspect.getsource(vectors))
    return _module(f"{name}_{key}", whole).compiled


def _module(name: str, text: str) -> ModuleType:
    path = directory() / f"{name}.py"
    if not path.exists():
        _write(path, text)
    spec = importlib.util.spec_from_file_location(f"overshoot_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # what Numba has kept names the module that it is of
    spec.loader.exec_module(module)
    return module


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False, encoding="utf-8") as file:
        file.write(text)
    # Numba takes what it has kept for stale when the source's time of change differs: all processes give one.
    os.utime(file.name, (0, 0))
    os.replace(file.name, path)
