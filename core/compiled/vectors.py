"""Vectors of a few numbers, for code that Numba compiles.

Each operation is one instruction of LLVM on all lanes, rounded as IEEE 754 has it, whatever the width of the
processor (`fused` is rounded once or twice, as the processor has it): a lane's bits depend on no other lane.
Memory is given by its address, so that a compiler that cannot know whether arrays overlap need not ask.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

VECTOR_BYTES = 64

LANES = {"float32": VECTOR_BYTES // 4, "float64": VECTOR_BYTES // 8}
"""Numbers of each precision in a vector."""

ELEMENTS = {
    "float32": ir.FloatType(),
    "float64": ir.DoubleType(),
    "bool": ir.IntType(1),
    "int32": ir.IntType(32),
    "int64": ir.IntType(64),
}


class Vector(types.Type):
    """`lanes` numbers of a type in ELEMENTS."""

    def __init__(self, element: str, lanes: int):
        self.element, self.lanes = element, lanes
        super().__init__(name=f"Vector({element}, {lanes})")

    @property
    def llvm(self) -> ir.VectorType:
        return ir.VectorType(ELEMENTS[self.element], self.lanes)

    def of(self, element: str) -> Vector:
        """As many lanes of another type."""
        return Vector(element, self.lanes)


@register_model(Vector)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Vector):
        super().__init__(manager, kind, kind.llvm)


def _operator(op: Any, build: Callable[..., Any], compares: bool = False) -> None:
    """`op` of two vectors of one type."""

    @infer_global(op)
    class Typed(AbstractTemplate):
        def generic(self, args: Any, kws: Any) -> Any:
            if len(args) == 2 and isinstance(args[0], Vector) and args[0] == args[1]:
                return signature(args[0].of("bool") if compares else args[0], *args)
            return None

    @lower_builtin(op, Vector, Vector)
    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return build(builder, *args)


_operator(operator.add, lambda b, x, y: (b.add if isinstance(x.type.element, ir.IntType) else b.fadd)(x, y))
_operator(operator.sub, lambda b, x, y: b.fsub(x, y))
_operator(operator.mul, lambda b, x, y: b.fmul(x, y))
_operator(operator.truediv, lambda b, x, y: b.fdiv(x, y))
_operator(operator.and_, lambda b, x, y: b.and_(x, y))
_operator(operator.or_, lambda b, x, y: b.or_(x, y))
for _op, _sign in ((operator.lt, "<"), (operator.le, "<="), (operator.gt, ">"), (operator.ge, ">=")):
    _operator(_op, lambda b, x, y, sign=_sign: b.fcmp_ordered(sign, x, y), compares=True)
_operator(operator.eq, lambda b, x, y: b.fcmp_ordered("==", x, y), compares=True)
_operator(operator.ne, lambda b, x, y: b.fcmp_unordered("!=", x, y), compares=True)


def _function(result: Callable[..., Any], build: Callable[..., Any]) -> Any:
    """An operation: `result(*argument types)` is its type, `build(builder, result, *values)` its value."""

    def typed(arguments: tuple[Any, ...]) -> Any:
        kind = result(*arguments)

        def codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
            return build(builder, kind, *values)

        return kind(*arguments), codegen

    return typed


def _unary(build: Callable[..., Any], result: Callable[..., Any] = lambda a: a) -> Any:
    typed = _function(result, build)

    @intrinsic
    def operation(typingctx: Any, a: Any) -> Any:
        return typed((a,))

    return operation


def _binary(build: Callable[..., Any], result: Callable[..., Any] = lambda a, b: a) -> Any:
    typed = _function(result, build)

    @intrinsic
    def operation(typingctx: Any, a: Any, b: Any) -> Any:
        return typed((a, b))

    return operation


def _call(builder: Any, name: str, kind: Vector, *values: Any) -> Any:
    """LLVM's own function of that name; one that the processor has no instruction for goes lane by lane."""
    suffix = f"v{kind.lanes}f{kind.element[-2:]}"
    function = builder.module.declare_intrinsic(
        f"{name}.{suffix}", (), ir.FunctionType(kind.llvm, [kind.llvm] * len(values))
    )
    return builder.call(function, values)


root = _unary(lambda b, kind, a: _call(b, "llvm.sqrt", kind, a))
magnitude = _unary(lambda b, kind, a: _call(b, "llvm.fabs", kind, a))
negative = _unary(lambda b, kind, a: b.fneg(a))
power = _binary(lambda b, kind, x, y: _call(b, "llvm.pow", kind, x, y))


@intrinsic
def fused(typingctx: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once where the processor can and twice elsewhere."""
    return _function(
        lambda a, b, c: a, lambda builder, kind, *abc: _call(builder, "llvm.fmuladd", kind, *abc)
    )((a, b, c))


@intrinsic
def select(typingctx: Any, mask: Any, yes: Any, no: Any) -> Any:
    """`yes` in the lanes where `mask` is true, `no` in the others."""
    return _function(lambda mask, yes, no: yes, lambda b, kind, mask, yes, no: b.select(mask, yes, no))(
        (mask, yes, no)
    )


def _convert(element: str) -> Any:
    def build(builder: Any, kind: Vector, a: Any) -> Any:
        source, target = a.type.element, kind.llvm
        if source == kind.llvm.element:
            return a
        if isinstance(source, ir.IntType):
            return builder.uitofp(a, target)
        return builder.fptrunc(a, target) if element == "float32" else builder.fpext(a, target)

    return _unary(build, lambda a: a.of(element))


to_float32, to_float64 = _convert("float32"), _convert("float64")


def _bits(vector: Vector) -> Vector:
    kinds = {"float32": "int32", "float64": "int64", "int32": "float32", "int64": "float64"}
    return vector.of(kinds[vector.element])


bits = _unary(lambda b, kind, a: b.bitcast(a, kind.llvm), _bits)
"""The same bits as whole numbers, or back."""


@intrinsic
def shifted(typingctx: Any, a: Any, places: Any) -> Any:
    """Whole numbers moved to the left by so many binary places."""

    def build(builder: Any, kind: Vector, a: Any, places: Any) -> Any:
        element = ELEMENTS[kind.element]
        one = builder.trunc(places, element) if element.width < 64 else places
        return builder.shl(a, _splat(builder, kind, one))

    return _function(lambda a, places: a, build)((a, places))


def _splat(builder: Any, kind: Vector, value: Any) -> Any:
    first = builder.insert_element(
        ir.Constant(kind.llvm, ir.Undefined), value, ir.Constant(ir.IntType(32), 0)
    )
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.lanes), [0] * kind.lanes)
    return builder.shuffle_vector(first, ir.Constant(kind.llvm, ir.Undefined), zeros)


def _pointer(builder: Any, element: Any, base: Any, index: Any) -> Any:
    return builder.gep(builder.inttoptr(base, element.as_pointer()), [index])


def splat_of(element: str, lanes: int) -> Any:
    """number -> a vector that has it in every lane, in this precision."""
    kind = Vector(element, lanes)

    def build(builder: Any, kind: Vector, value: Any) -> Any:
        if value.type != ELEMENTS[element]:  # float64 where float32 is wanted
            value = builder.fptrunc(value, ELEMENTS[element])
        return _splat(builder, kind, value)

    typed = _function(lambda a: kind, build)

    @intrinsic
    def splat(typingctx: Any, value: Any) -> Any:
        same = types.boolean if element == "bool" else getattr(types, element)
        return typed((value if value == same else types.float64,))

    return splat


def load_of(element: str, lanes: int) -> Any:
    """(address, i) -> the i-th vector from there on."""
    kind = Vector(element, lanes)
    typed = _function(
        lambda *_: kind,
        lambda b, kind, base, index: b.load(_pointer(b, kind.llvm, base, index), align=64),
    )

    @intrinsic
    def load(typingctx: Any, base: Any, index: Any) -> Any:
        return typed((types.int64, types.int64))

    return load


def load_at_of(element: str, lanes: int) -> Any:
    """(address, i) -> the vector that begins with the i-th number from there on."""
    typed = _function(lambda *_: Vector(element, lanes), _load_at)

    @intrinsic
    def load_at(typingctx: Any, base: Any, index: Any) -> Any:
        return typed((types.int64, types.int64))

    return load_at


def _load_at(builder: Any, kind: Any, base: Any, index: Any) -> Any:
    return builder.load(_from_number(builder, kind.llvm, base, index), align=_bytes(kind.llvm))


def _bytes(kind: ir.VectorType) -> int:
    """Of one number of a vector."""
    return VECTOR_BYTES // kind.count


def _from_number(builder: Any, kind: Any, base: Any, index: Any) -> Any:
    """The address of a vector that begins with a number, wherever that lies."""
    return builder.bitcast(_pointer(builder, kind.element, base, index), kind.as_pointer())


def gather_of(element: str, lanes: int) -> Any:
    """(address, places, i) -> in each lane the number that is i after its own place, from the address on.

    places: the address of a whole number (8 bytes) for each lane.
    """
    kind = Vector(element, lanes)

    def build(builder: Any, kind: Vector, base: Any, places: Any, index: Any) -> Any:
        gathered = ir.Constant(kind.llvm, ir.Undefined)
        for lane in range(lanes):
            number = ir.Constant(ir.IntType(64), lane)
            place = builder.load(_pointer(builder, ir.IntType(64), places, number))
            value = builder.load(_pointer(builder, ELEMENTS[element], base, builder.add(place, index)))
            gathered = builder.insert_element(gathered, value, ir.Constant(ir.IntType(32), lane))
        return gathered

    typed = _function(lambda *_: kind, build)

    @intrinsic
    def gather(typingctx: Any, base: Any, places: Any, index: Any) -> Any:
        return typed((types.int64, types.int64, types.int64))

    return gather


def turn_of(element: str, lanes: int) -> Any:
    """(source, first, apart, last, target, at, further): transpose as many vectors as there are lanes.

    The r-th begins with number first + r * apart, but at most `last`, from source on; what has the i-th of
    their numbers becomes vector at + i * further of target.
    """
    kind = Vector(element, lanes).llvm

    def build(builder: Any, _: Any, *places: Any) -> Any:
        source, first, apart, last, target, at, further = places
        rows = []
        for _ in range(lanes):
            inside = builder.select(builder.icmp_signed("<", first, last), first, last)
            rows.append(_load_at(builder, Vector(element, lanes), source, inside))
            first = builder.add(first, apart)
        for row in _transposed(builder, rows):
            builder.store(row, _pointer(builder, kind, target, at), align=VECTOR_BYTES)
            at = builder.add(at, further)
        return ir.Constant(ir.IntType(64), 0)

    typed = _function(lambda *_: types.int64, build)

    @intrinsic
    def turn(
        typingctx: Any, source: Any, first: Any, apart: Any, last: Any, target: Any, at: Any, further: Any
    ) -> Any:
        return typed((types.int64,) * 7)

    return turn


def _transposed(builder: Any, rows: list[Any]) -> list[Any]:
    """Swap what lies across the diagonal: of numbers beside each other, then of pairs, and so on."""
    lanes, half = len(rows), 1
    mask = ir.VectorType(ir.IntType(32), lanes)
    while half < lanes:
        low = ir.Constant(mask, [i if not i & half else lanes + i - half for i in range(lanes)])
        high = ir.Constant(mask, [i + half if not i & half else lanes + i for i in range(lanes)])
        for r in range(lanes):
            if not r & half:
                pair = rows[r], rows[r + half]
                rows[r], rows[r + half] = (builder.shuffle_vector(*pair, m) for m in (low, high))
        half *= 2
    return rows


def _put(builder: Any, kind: Any, base: Any, index: Any, value: Any) -> Any:
    builder.store(value, _pointer(builder, value.type, base, index), align=64)
    return ir.Constant(ir.IntType(64), 0)


@intrinsic
def store(typingctx: Any, base: Any, index: Any, vector: Any) -> Any:
    """Put a vector where the i-th from this address on is."""
    return _function(lambda *_: types.int64, _put)((types.int64, types.int64, vector))


def _put_at(builder: Any, kind: Any, base: Any, index: Any, value: Any) -> Any:
    builder.store(value, _from_number(builder, value.type, base, index), align=_bytes(value.type))
    return ir.Constant(ir.IntType(64), 0)


@intrinsic
def store_at(typingctx: Any, base: Any, index: Any, vector: Any) -> Any:
    """Put a vector where the i-th number from this address on is."""
    return _function(lambda *_: types.int64, _put_at)((types.int64, types.int64, vector))


def _reader(kind: Any, element: Any) -> Any:
    typed = _function(lambda *_: kind, lambda b, _, base, index: b.load(_pointer(b, element, base, index)))

    @intrinsic
    def read(typingctx: Any, base: Any, index: Any) -> Any:
        return typed((types.int64, types.int64))

    return read


read_int = _reader(types.int64, ir.IntType(64))
"""(address, i) -> the i-th whole number (8 bytes) from there on."""

read_number = {
    "float32": _reader(types.float32, ir.FloatType()),
    "float64": _reader(types.float64, ir.DoubleType()),
}
"""precision -> (address, i) -> the i-th number from there on."""


def _write(builder: Any, kind: Any, base: Any, index: Any, value: Any) -> Any:
    builder.store(value, _pointer(builder, value.type, base, index))
    return ir.Constant(ir.IntType(64), 0)


@intrinsic
def write(typingctx: Any, base: Any, index: Any, value: Any) -> Any:
    """Put a single number where the i-th of its kind from this address on is."""
    return _function(lambda *_: types.int64, _write)((types.int64, types.int64, value))


@intrinsic
def call(typingctx: Any, address: Any, arguments: Any) -> Any:
    """Call the compiled function at `address`, which takes whole numbers and returns nothing."""
    signature_ = types.int64(types.int64, arguments)

    def codegen(context: Any, builder: Any, sig: Any, values: Any) -> Any:
        count = len(sig.args[1])
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(64)] * count)
        function = builder.inttoptr(values[0], kind.as_pointer())
        builder.call(function, [builder.extract_value(values[1], i) for i in range(count)])
        return ir.Constant(ir.IntType(64), 0)

    return signature_, codegen
