"""Code for Numba, written from the programs that `core.compiled.tracing` records."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from overshoot.core.compiled.tracing import ARRAY, BATCH, OUTPUTS, SCALAR, Node, UntraceableError

VECTOR = {
    "add": "{} + {}",
    "subtract": "{} - {}",
    "multiply": "{} * {}",
    "divide": "{} / {}",
    "negative": "negative({})",
    "sqrt": "root({})",
    "square": "{0} * {0}",
    "absolute": "magnitude({})",
    "sign": "sign({})",
    "exp": "exponential({})",
    "tanh": "hyperbolic_tangent({})",
    "power": "power({}, {})",
    "maximum": "maximum({}, {})",
    "minimum": "minimum({}, {})",
    "greater": "{} > {}",
    "greater_equal": "{} >= {}",
    "less": "{} < {}",
    "less_equal": "{} <= {}",
    "equal": "{} == {}",
    "not_equal": "{} != {}",
    "logical_and": "{} & {}",
    "logical_or": "{} | {}",
    "select": "select({}, {}, {})",
}

NUMBER = {name: code for name, code in VECTOR.items() if "(" not in code} | {
    "negative": "-{}",
    "sqrt": "math.sqrt({})",
    "absolute": "abs({})",
    "exp": "math.exp({})",
    "tanh": "math.tanh({})",
    "power": "{} ** {}",
    "maximum": "max({}, {})",
    "minimum": "min({}, {})",
    "logical_and": "{} and {}",
    "logical_or": "{} or {}",
    "select": "({1} if {0} else {2})",
}


KEPT = 4
"""Values of each output that a loss may keep from one loop over the outputs to the next: so is the room."""


class CodeWriter:
    """Lines of code that compute nodes, each once, as `name = expression`."""

    def __init__(self, inputs: Mapping[str, str]):
        self.inputs = inputs
        self.names: dict[int, str] = {}
        self.lines: list[str] = []
        self.count = 0

    def take(self) -> list[str]:
        """The lines written since the last time."""
        lines, self.lines = self.lines, []
        return lines

    def line(self, expression: str) -> str:
        name = f"v{self.count}"
        self.count += 1
        self.lines.append(f"{name} = {expression}")
        return name

    def needs(self, node: Node) -> str:
        """The name of the node's value; writes what computes it where that is not written yet."""
        if id(node) not in self.names:
            self.names[id(node)] = self._name(node)
        return self.names[id(node)]

    def vector(self, node: Node) -> str:
        """The same, as a vector."""
        if node.extent != SCALAR:
            return self.needs(node)
        # A number is float64 until here: NumPy too rounds it once, when it meets an array.
        kind = "float64" if node.kind == "weak" else node.kind
        return self.line(f"splat_{kind}({self.needs(node)})")

    def _name(self, node: Node) -> str:
        if node.operation == "constant":
            return _constant(node.value)
        if node.operation == "input":
            return self.line(self.inputs[node.name])
        if node.operation == "cast":
            value = self.needs(node.operands[0])
            return value if node.extent == SCALAR else self.line(f"to_{node.kind}({value})")
        if node.extent == SCALAR:
            if node.operation not in NUMBER:
                raise UntraceableError(f"{node.operation} of a number")
            return self.line(NUMBER[node.operation].format(*map(self.needs, node.operands)))
        if node.operation not in VECTOR:
            raise UntraceableError(f"{node.operation} of an array")
        return self.line(VECTOR[node.operation].format(*map(self.vector, node.operands)))


def _constant(value: Any) -> str:
    """A number as code, in brackets where it has a sign: -2 ** t is not (-2) ** t."""
    if not math.isfinite(value):
        raise UntraceableError(f"the constant {value}")
    return f"({value})" if value < 0 else str(value)


def nodes(roots: Iterable[Node]) -> list[Node]:
    """All nodes that the roots depend on, operands first."""
    seen: dict[int, Node] = {}

    def visit(node: Node) -> None:
        if id(node) not in seen:
            for operand in node.operands:
                visit(operand)
            seen[id(node)] = node

    for root in roots:
        visit(root)
    return list(seen.values())


def function(name: str, parameters: Sequence[str], body: Sequence[str]) -> str:
    return "\n".join([f"def {name}({', '.join(parameters)}):", *indented(body)])


def indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def each(name: str, parameters: Sequence[str], target: str, result: Node) -> str:
    """A function of as many arrays of vectors that puts the result for each entry into one of them: `count`
    entries of each of `group` samples, which begin `apart` vectors after each other."""
    writer = CodeWriter({p: f"load({p}, s * apart + i)" for p in parameters})
    value = writer.vector(result)
    body = ["for i in range(count):", *indented([*writer.take(), f"store({target}, s * apart + i, {value})"])]
    return function(
        name, [*parameters, "count", "group", "apart"], ["for s in range(group):", *indented(body)]
    )


def reduces(node: Node, over: str) -> bool:
    """Whether the node is a sum or a maximum over this (`tracing.REDUCED`)."""
    return node.operation.startswith(f"{over}_")


def _stages(every: Sequence[Node], over: str) -> dict[int, int]:
    """id of a node -> in which loop its value is known: those on reductions are in the loop after these."""
    stage_of: dict[int, int] = {}
    for node in every:
        before = [stage_of[id(x)] + reduces(x, over) for x in node.operands]
        stage_of[id(node)] = max(before, default=0)
    return stage_of


def _start_of(node: Node, dtype: str) -> str:
    kind = dtype if node.kind == "weak" else node.kind
    return f"splat_{kind}({'-math.inf' if node.operation.endswith('maximum') else '0.0'})"


def _further(node: Node, total: str, value: str) -> str:
    combine = "maximum({}, {})" if node.operation.endswith("maximum") else "{} + {}"
    return f"{total} = {combine.format(total, value)}"


def over_batch(name: str, z: Node, dtype: str) -> str:
    """A function that overwrites the logits of all samples with what a loss makes of them.

    Those of a sample (outputs) begin `apart` vectors after those of the one before, its targets y `outputs`
    vectors. A sum over all is known after a loop over them; each loop computes anew what it needs of z and y.
    """
    at = {"z": "load(z, s * apart + o)", "y": "load(y, s * outputs + o)"}
    writer = CodeWriter({"samples": "samples", **at})
    every = nodes([z])
    stage_of, body = _stages(every, BATCH), list[str]()
    for stage in range(stage_of[id(z)] + 1):
        mine = [n for n in every if stage_of[id(n)] == stage]
        sums = [n for n in mine if reduces(n, BATCH)]
        for node in mine:
            if node.extent != ARRAY and node not in sums:
                writer.needs(node)
        writer.names |= {id(n): writer.line(_start_of(n, dtype)) for n in sums}
        body += writer.take()
        for node in sums:
            value = writer.needs(node.operands[0])
            writer.lines.append(_further(node, writer.names[id(node)], value))
        if stage == stage_of[id(z)]:
            writer.lines.append(f"store(z, s * apart + o, {writer.vector(z)})")
        inner = ["for o in range(outputs):", *indented(writer.take())]
        body += ["for s in range(samples):", *indented(inner)]
        for node in every:
            if node.extent == ARRAY:
                writer.names.pop(id(node), None)  # of one sample and output, and the loop is over
    return function(name, ("z", "y", "apart", "outputs", "samples"), body)


def over_outputs(name: str, z: Node, dtype: str) -> str:
    """A function that puts at `target` what a loss makes of the logits `z` of `group` samples, given `y`.

    Those of a sample (outputs) begin `apart` vectors after those of the one before, its targets y `outputs`
    vectors. A sum over the outputs is known after a loop over them: each goes on in another loop.
    """
    at = {"z": "load(z, s * apart + o)", "y": "load(y, s * outputs + o)"}
    writer = CodeWriter({"samples": "samples", **at})
    every = nodes([z])
    stage_of = _stages(every, OUTPUTS)
    body, kept = [], dict[int, int]()
    for stage in range(stage_of[id(z)] + 1):
        mine = [n for n in every if stage_of[id(n)] == stage]
        later = {id(x) for n in every if stage_of[id(n)] > stage for x in n.operands}
        body += _loop(writer, z, mine, later, kept, dtype)
    if len(kept) > KEPT:
        raise UntraceableError(
            f"a loss with {len(kept)} values kept from one loop over its outputs to the next"
        )
    parameters = ("z", "y", "target", "outputs", "samples", "scratch", "group", "apart")
    return function(name, parameters, ["for s in range(group):", *indented(body)])


def _loop(
    writer: CodeWriter, z: Node, mine: Sequence[Node], later: set[int], kept: dict[int, int], dtype: str
) -> list[str]:
    arrays = [n for n in mine if n.extent == ARRAY]
    sums = {id(n): n for n in mine if reduces(n, OUTPUTS)}
    for node in mine:
        if node.extent != ARRAY and id(node) not in sums:
            writer.needs(node)
    for node in sums.values():
        writer.names[id(node)] = writer.line(_start_of(node, dtype))
    before = writer.take()
    for operand in {id(x): x for n in (*arrays, *sums.values()) for x in n.operands}.values():
        if id(operand) in kept:
            writer.names[id(operand)] = writer.line(f"load(scratch, {kept[id(operand)]} * outputs + o)")
        elif operand.operation == "input" and operand.extent == ARRAY:
            writer.names.pop(id(operand), None)  # what an earlier loop has loaded is of its last output
    for node in arrays:
        value = writer.needs(node)
        if id(node) in later and node.operation != "input":
            kept[id(node)] = len(kept)
            writer.lines.append(f"store(scratch, {kept[id(node)]} * outputs + o, {value})")
    for key, node in sums.items():
        writer.lines.append(_further(node, writer.names[key], writer.needs(node.operands[0])))
    if any(n is z for n in mine):
        writer.lines.append(f"store(target, s * apart + o, {writer.vector(z)})")
    return [*before, "for o in range(outputs):", *indented(writer.take())]
