"""What a NumPy rule does, written down: the rule is run once on symbols that record each operation.

An update rule, an activation or a loss works on arrays entry by entry. Run on symbols it leaves a
straight-line program of the same operations in the same order, from which `core.compiled.source` writes code
with the same bits. A rule that does more, such as a product of matrices or a norm, raises `UntraceableError`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SCALAR, COLUMN, ARRAY = range(3)
"""Extents of a value: one number for all trials, one for each trial, one for each trial and parameter."""

UFUNCS = {
    np.add: "add",
    np.subtract: "subtract",
    np.multiply: "multiply",
    np.divide: "divide",
    np.negative: "negative",
    np.sqrt: "sqrt",
    np.square: "square",
    np.absolute: "absolute",
    np.sign: "sign",
    np.exp: "exp",
    np.tanh: "tanh",
    np.power: "power",
    np.maximum: "maximum",
    np.minimum: "minimum",
    np.greater: "greater",
    np.greater_equal: "greater_equal",
    np.less: "less",
    np.less_equal: "less_equal",
    np.equal: "equal",
    np.not_equal: "not_equal",
    np.logical_and: "logical_and",
    np.bitwise_and: "logical_and",
    np.bitwise_or: "logical_or",
}

OUTPUTS, BATCH = "outputs", "batch"
"""What a reduction goes over: the outputs of a sample, or those of all samples."""

REDUCED: dict[Any, str] = {1: OUTPUTS, (1, 2): BATCH}
"""The same by the axes of an array (R, k, B)."""

SAMPLES_ALONE = "samples_add"
"""A sum over the samples of each output: only what comes of it over all outputs is compiled."""

COMPARISONS = (
    "greater",
    "greater_equal",
    "less",
    "less_equal",
    "equal",
    "not_equal",
    "logical_and",
    "logical_or",
)


class UntraceableError(TypeError, AttributeError):
    """The rule does something that is not done entry by entry."""


@dataclass(frozen=True, eq=False)
class Node:
    """A value of the program: `operation` on `operands`, or an input or a constant.

    kind: "weak" for a Python number, which takes the precision of what it meets, or a dtype's name.
    value: a sample of the value, by which a rule's branches decide; only those of SCALAR and COLUMN have one.
    """

    operation: str
    operands: tuple[Node, ...]
    extent: int
    kind: str
    name: str = ""
    value: Any = None


def constant(value: Any) -> Node:
    if isinstance(value, np.ndarray):
        if value.size == 0 or not (value == value.flat[0]).all():
            raise UntraceableError("an array of several values")
        return Node("constant", (), SCALAR, value.dtype.name, value=value.flat[0].item())
    kind = value.dtype.name if isinstance(value, np.generic) else "weak"
    return Node("constant", (), SCALAR, kind, value=float(value))


class Symbol(np.lib.mixins.NDArrayOperatorsMixin):
    """An array, a column or a number of a rule; in-place operations give it another node."""

    def __init__(self, node: Node | None, dtype: Any = np.float64, shape: tuple[Any, ...] = ()):
        self.node, self.dtype, self.shape = node, np.dtype(dtype), shape

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        out = options.pop("out", (None,))[0]
        where = options.pop("where", None)
        if method == "reduce" and ufunc in (np.add, np.maximum):
            over = REDUCED.get(options.pop("axis", None))
            if over is None or not options.pop("keepdims", False) or options:
                raise UntraceableError("a reduction over other axes than the outputs, or outputs and samples")
            operand = node_of(inputs[0])
            node = Node(f"{over}_{UFUNCS[ufunc]}", (operand,), COLUMN, operand.kind)
        elif method == "__call__" and ufunc in UFUNCS and not options:
            node = apply(UFUNCS[ufunc], [node_of(x) for x in inputs])
        else:
            raise UntraceableError(f"np.{ufunc.__name__}.{method} of {sorted(options)}")
        if where is not None:
            if not isinstance(out, Symbol):
                raise UntraceableError("where without out")
            node = _select(node_of(where), node, node_of(out))
        return self._result(node, out)

    def _result(self, node: Node, out: Any) -> Any:
        if out is None:
            return Symbol(node, self.dtype if node.kind == "weak" else node.kind, self.shape)
        if not isinstance(out, Symbol):
            raise UntraceableError("a result in another array")
        out.node = cast(node, out.dtype.name)
        return out

    def __array_function__(self, function: Any, kinds: Any, args: Any, options: Any) -> Any:
        if function is np.where:
            mask, yes, no = (node_of(x) for x in args)
            node = _select(mask, yes, no)
            return Symbol(node, node.kind, self.shape)
        if function is np.clip:
            low = np.maximum(args[0], args[1])
            return np.minimum(low, args[2], out=options.get("out"))
        if function in (np.zeros_like, np.empty_like):
            return Symbol(cast(constant(0.0), args[0].dtype.name), args[0].dtype, args[0].shape)
        raise UntraceableError(f"np.{function.__name__}")

    def __getattr__(self, name: str) -> Any:
        raise UntraceableError(f"the array's {name}")

    def astype(self, dtype: Any, copy: bool = True, order: str = "K") -> Symbol:
        return Symbol(cast(node_of(self), np.dtype(dtype).name), dtype, self.shape)

    def copy(self) -> Symbol:
        return Symbol(self.node, self.dtype, self.shape)

    def __setitem__(self, key: Any, value: Any) -> None:
        new = cast(node_of(value), self.dtype.name)
        if isinstance(key, Symbol):
            new = _select(node_of(key), new, node_of(self))
        elif key is not Ellipsis:
            raise UntraceableError("a part of an array")
        self.node = new

    def __getitem__(self, key: Any) -> Any:
        if node_of(self).extent != COLUMN or key != (slice(None), None, None):
            raise UntraceableError("a part of an array")
        return self

    def sum(self, axis: int) -> Symbol:
        """Over the samples (2), and of that over the outputs (1)."""
        node = node_of(self)
        if axis == 2:
            return Symbol(Node(SAMPLES_ALONE, (node,), COLUMN, node.kind), node.kind)
        if axis != 1 or node.operation != SAMPLES_ALONE:
            raise UntraceableError(f"a sum over axis {axis}")
        return Symbol(Node(f"{BATCH}_add", node.operands, COLUMN, node.kind), node.kind)

    def __index__(self) -> int:
        return int(self._sample())

    def __float__(self) -> float:
        raise UntraceableError("a number out of a symbol")

    def __bool__(self) -> bool:
        return bool(self._sample())

    def any(self) -> bool:
        return bool(np.any(self._sample()))

    def all(self) -> bool:
        return bool(np.all(self._sample()))

    def _sample(self) -> Any:
        node = node_of(self)
        if node.value is None:
            raise UntraceableError("a branch on an array's values")
        if _on_time(node) and not _first_alone(node):
            raise UntraceableError("a branch on how many updates there were")
        return node.value


def _on_time(node: Node) -> bool:
    return node.name == "t" or any(map(_on_time, node.operands))


def _first_alone(node: Node) -> bool:
    """Whether a comparison of the update t = 1, 2, ... with a number treats all but the first alike."""
    if len(node.operands) != 2 or node.operands[0].name != "t" or node.operands[1].operation != "constant":
        return False
    later = {bool(_sampled(node.operation, (_at(t), node.operands[1]))) for t in (2, 3, 1e9)}
    return node.operands[1].value <= 1 and len(later) == 1


def _at(t: float) -> Node:
    return Node("constant", (), SCALAR, "weak", value=t)


def node_of(value: Any) -> Node:
    if isinstance(value, Symbol):
        if value.node is None:
            raise UntraceableError("memory read before it is written")
        return value.node
    if isinstance(value, (int, float, np.generic, np.ndarray)):
        return constant(value)
    raise UntraceableError(f"{type(value).__name__} in a rule")


def apply(operation: str, operands: Sequence[Node]) -> Node:
    """The operation in the precision that NumPy takes for it."""
    kind = "bool" if operation.startswith("logical") else _common(operands)
    cast_operands = tuple(cast(x, kind) for x in operands)
    value = _sampled(operation, operands)
    result = "bool" if operation in COMPARISONS else kind
    return Node(operation, cast_operands, max(x.extent for x in operands), result, value=value)


def _common(operands: Sequence[Node]) -> str:
    kinds = {x.kind for x in operands}
    return next(k for k in ("float64", "float32", "weak", "bool") if k in kinds)


def cast(node: Node, kind: str) -> Node:
    if node.kind == kind or (kind, node.kind) == ("weak", "float64"):
        return node
    return Node("cast", (node,), node.extent, kind, value=node.value)


def _select(mask: Node, yes: Node, no: Node) -> Node:
    kind = _common((yes, no))
    operands = (mask, cast(yes, kind), cast(no, kind))
    return Node("select", operands, max(x.extent for x in operands), kind)


def _sampled(operation: str, operands: Sequence[Node]) -> Any:
    values = [x.value for x in operands]
    if any(value is None for value in values):
        return None
    ufunc = next(u for u, name in UFUNCS.items() if name == operation)
    with np.errstate(all="ignore"):
        return ufunc(*values)
