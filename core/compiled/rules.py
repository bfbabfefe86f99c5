"""From the rules in NumPy to compiled functions: updates, activations with their losses, and the loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from overshoot.core.activations import Activation
from overshoot.core.compiled.source import (
    CodeWriter,
    each,
    function,
    indented,
    nodes,
    over_batch,
    over_outputs,
    reduces,
)
from overshoot.core.compiled.tracing import (
    ARRAY,
    BATCH,
    COLUMN,
    SCALAR,
    Node,
    Symbol,
    UntraceableError,
    node_of,
)
from overshoot.core.losses import Loss
from overshoot.core.optimizers.base import Optimizer, State

LATER = (2, 3, 10, 1000)
"""Updates by which a rule's program is known for all but the first."""


@dataclass(frozen=True)
class Rule:
    """An optimizer's update as code.

    source: of the function `update`. arrays, wides: the names of its state, of a number for each parameter,
    or for each trial. numbers, columns: its hyperparameters, shared by the trials or one for each.
    from_start: whether the first update is like the later ones.
    """

    source: str
    arrays: tuple[str, ...]
    wides: tuple[str, ...]
    numbers: tuple[str, ...]
    columns: tuple[str, ...]
    from_start: bool


_rules: dict[tuple[Any, ...], Rule] = {}


def rule(optimizer: Optimizer, state: State, theta: np.ndarray) -> Rule:
    """The update of a prepared optimizer; raises UntraceableError for one that is not done entry by entry."""
    key = program_of(optimizer, theta.dtype)
    if key not in _rules:
        _rules[key] = _traced(optimizer, state, theta)
    return _rules[key]


def program_of(optimizer: Optimizer, dtype: np.dtype) -> tuple[Any, ...]:
    """What an update's program depends on. Other rates have the same one, but a rule may branch on its other
    hyperparameters as it likes."""
    values = optimizer.hyperparameters.items()
    others = ((k, np.ndim(v) > 0, np.asarray(v).tobytes()) for k, v in values if k != "lr")
    return (type(optimizer), dtype, np.ndim(optimizer.lr) > 0, np.any(optimizer.lr), *others)


def _traced(optimizer: Optimizer, state: State, theta: np.ndarray) -> Rule:
    if type(optimizer).probe is not Optimizer.probe:
        raise UntraceableError(f"{optimizer.name} asks for the curvature")
    arrays = tuple(k for k, a in state.items() if a.shape == theta.shape and k != "work")
    wides = tuple(k for k, a in state.items() if a.shape == (len(theta), 1) and k not in arrays)
    if {*arrays, *wides, "work"} != {*state}:
        raise UntraceableError(f"{optimizer.name} has state of other shapes")
    values = optimizer.hyperparameters
    columns = ("lr", *(k for k, v in values.items() if k != "lr" and isinstance(v, np.ndarray)))
    numbers = tuple(k for k in values if k not in columns)
    texts = {t: _update(optimizer, arrays, wides, numbers, columns, theta, t) for t in (1, *LATER)}
    if len({texts[t] for t in LATER}) > 1:
        raise UntraceableError(f"{optimizer.name} changes with time")
    return Rule(texts[LATER[0]], arrays, wides, numbers, columns, texts[1] == texts[LATER[0]])


def _update(
    optimizer: Optimizer,
    arrays: tuple[str, ...],
    wides: tuple[str, ...],
    numbers: tuple[str, ...],
    columns: tuple[str, ...],
    theta: np.ndarray,
    t: int,
) -> str:
    dtype = theta.dtype.name
    time = Symbol(Node("input", (), SCALAR, "weak", "t", t))
    values = {k: np.asarray(v, dtype=float) for k, v in optimizer.hyperparameters.items()}
    hyper = {k: Symbol(Node("input", (), SCALAR, "weak", k, float(values[k]))) for k in numbers}
    hyper |= {k: Symbol(Node("input", (), COLUMN, "float64", k, values[k])) for k in columns}
    state: dict[str, Any] = {k: Symbol(Node("input", (), ARRAY, dtype, k), dtype) for k in arrays}
    state |= {k: Symbol(Node("input", (), COLUMN, "float64", k)) for k in wides}
    state["work"] = Symbol(None, dtype)
    point = Symbol(Node("input", (), ARRAY, dtype, "theta"), dtype)
    g = Symbol(Node("input", (), ARRAY, dtype, "gradient"), dtype)
    on_symbols: Any = optimizer._with(**hyper)
    with _on_symbols():
        step = on_symbols.step(g, state, point.copy(), time)
    results = {"theta": node_of(np.subtract(point, step))} | {k: node_of(state[k]) for k in (*arrays, *wides)}
    return _written(results, optimizer.bounded, arrays, wides, numbers, columns)


def _written(
    results: Mapping[str, Node],
    bounded: bool,
    arrays: tuple[str, ...],
    wides: tuple[str, ...],
    numbers: tuple[str, ...],
    columns: tuple[str, ...],
) -> str:
    """The function `update`: numbers and columns first, then all parameters."""
    slots = {"theta": "p"} | {k: f"{i + 1} * size + p" for i, k in enumerate(arrays)}
    inputs = {k: f"load(block, {at})" for k, at in slots.items()} | {
        "gradient": "load(grad, p)",
        "t": "float(t)",
    }
    inputs |= {k: f"load_wide(wide, {i})" for i, k in enumerate(wides)}
    inputs |= {k: f"read_wide(numbers, {i})" for i, k in enumerate(numbers)}
    inputs |= {k: f"load_wide(columns, {i})" for i, k in enumerate(columns)}
    writer = CodeWriter(inputs)
    for node in nodes(results.values()):
        if node.extent != ARRAY:
            writer.needs(node)
    for i, k in enumerate(wides):
        writer.lines.append(f"store(wide, {i}, {writer.vector(results[k])})")
    before = [*writer.take(), "bad = load(check, 0)", "zero = spread(0.0)"]
    names = {k: writer.vector(results[k]) for k in ("theta", *arrays)}
    if bounded:
        writer.lines.append(f"bad = bad + zero * {writer.line('load(grad, p)')}")
    changed = [k for k in names if (results[k].operation, results[k].name) != ("input", k)]
    stores = [f"store(block, {slots[k]}, {names[k]})" for k in changed]
    body = [*before, "for p in range(size):", *indented([*writer.take(), *stores]), "store(check, 0, bad)"]
    return function("update", ("block", "grad", "wide", "numbers", "columns", "check", "size", "t"), body)


@contextmanager
def _on_symbols() -> Iterator[None]:
    """What is somebody's own may ask anything of its arrays: whatever it raises, it cannot be traced."""
    try:
        yield
    except UntraceableError:
        raise
    except Exception as error:
        raise UntraceableError(f"{type(error).__name__}: {error}") from error


@cache
def activation_sources(activation: Activation, dtype: str) -> tuple[str, str]:
    """An activation and its slope as code: `activate(z, count)` and `slope(a, delta, count)`, in place.

    Kept by the functions themselves: another file may register others under the same name later.
    """
    z, a, delta = (_array(key, dtype, (1, 1, 1)) for key in ("z", "a", "delta"))
    with _on_symbols():
        activation.apply(z)
        activation.backward(a, delta)
    return (
        each("activate", ("z",), "z", node_of(z)),
        each("slope", ("a", "delta"), "delta", node_of(delta)),
    )


@dataclass(frozen=True)
class LossSource:
    """The function `loss_delta` as code, and whether it looks at all samples of a batch at once."""

    text: str
    whole: bool


@cache
def loss_source(loss: Loss, dtype: str) -> LossSource:
    """What a loss makes of an output layer; kept as `activation_sources` are."""
    samples = Symbol(Node("input", (), SCALAR, "weak", "samples", 3))
    z, y = _array("z", dtype, (1, 1, samples)), _array("y", dtype, (1, 1, samples))
    with _on_symbols():
        loss.delta(z, y)
    result = node_of(z)
    whole = any(reduces(node, BATCH) for node in nodes([result]))
    return LossSource((over_batch if whole else over_outputs)("loss_delta", result, dtype), whole)


def _array(name: str, dtype: str, shape: tuple[Any, ...]) -> Any:
    return Symbol(Node("input", (), ARRAY, dtype, name), dtype, shape)
