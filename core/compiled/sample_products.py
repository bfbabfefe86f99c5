"""The matrix products of a network's passes, for vectors of samples: code for Numba, as `kernels` has it.

A product goes through four rows of the one side and two vectors or rows of the other at a time, so that what
it adds up stays in registers; that is why its sums are written out one by one. Weights are single numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

load: Callable[[int, int], Any]
store: Callable[[int, int, Any], None]
read: Callable[[int, int], Any]
write: Callable[[int, int, Any], None]
spread: Callable[[Any], Any]
fused: Callable[[Any, Any, Any], Any]
sum_of_lanes: Callable[[Any], Any]


def weighted(
    theta: int, w: int, source: int, a: int, n: int, target: int, z: int, step: int, along: int, count: int
) -> None:
    """Two vectors of four outputs, or of one: z (o, v) <- the sum of w (o, i) times a (i, v) over `count` i.

    Weights of an output follow each other, those of the next begin `count` numbers later. a's rows are n
    vectors apart. z's outputs are `step`, its vectors `along` apart.
    """
    s0 = s1 = s2 = s3 = r0 = r1 = r2 = r3 = spread(0.0)
    w1, w2, w3 = w + count, w + 2 * count, w + 3 * count
    for i in range(count):
        x, y = load(source, a + i * n), load(source, a + i * n + 1)
        u0, u1 = spread(read(theta, w + i)), spread(read(theta, w1 + i))
        u2, u3 = spread(read(theta, w2 + i)), spread(read(theta, w3 + i))
        s0, s1, s2, s3 = fused(u0, x, s0), fused(u1, x, s1), fused(u2, x, s2), fused(u3, x, s3)
        r0, r1, r2, r3 = fused(u0, y, r0), fused(u1, y, r1), fused(u2, y, r2), fused(u3, y, r3)
    store(target, z, s0)
    store(target, z + step, s1)
    store(target, z + 2 * step, s2)
    store(target, z + 3 * step, s3)
    store(target, z + along, r0)
    store(target, z + along + step, r1)
    store(target, z + along + 2 * step, r2)
    store(target, z + along + 3 * step, r3)


def weighted_one(
    theta: int, w: int, source: int, a: int, n: int, target: int, z: int, along: int, count: int
) -> None:
    """The same of one output."""
    s = r = spread(0.0)
    for i in range(count):
        u = spread(read(theta, w + i))
        s, r = fused(u, load(source, a + i * n), s), fused(u, load(source, a + i * n + 1), r)
    store(target, z, s)
    store(target, z + along, r)


def returned(
    theta: int,
    w: int,
    row: int,
    memory: int,
    d: int,
    step: int,
    along: int,
    target: int,
    n: int,
    outputs: int,
) -> None:
    """Two vectors of four inputs: target (i, v) <- the sum of w (o, i) times d (o, v) over the outputs."""
    s0 = s1 = s2 = s3 = r0 = r1 = r2 = r3 = spread(0.0)
    for o in range(outputs):
        x, y, at = load(memory, d + o * step), load(memory, d + o * step + along), w + o * row
        u0, u1 = spread(read(theta, at)), spread(read(theta, at + 1))
        u2, u3 = spread(read(theta, at + 2)), spread(read(theta, at + 3))
        s0, s1, s2, s3 = fused(u0, x, s0), fused(u1, x, s1), fused(u2, x, s2), fused(u3, x, s3)
        r0, r1, r2, r3 = fused(u0, y, r0), fused(u1, y, r1), fused(u2, y, r2), fused(u3, y, r3)
    store(memory, target, s0)
    store(memory, target + n, s1)
    store(memory, target + 2 * n, s2)
    store(memory, target + 3 * n, s3)
    store(memory, target + 1, r0)
    store(memory, target + n + 1, r1)
    store(memory, target + 2 * n + 1, r2)
    store(memory, target + 3 * n + 1, r3)


def returned_one(
    theta: int, w: int, row: int, memory: int, d: int, step: int, along: int, target: int, outputs: int
) -> None:
    """The same of one input."""
    s = r = spread(0.0)
    for o in range(outputs):
        u, at = spread(read(theta, w + o * row)), d + o * step
        s, r = fused(u, load(memory, at), s), fused(u, load(memory, at + along), r)
    store(memory, target, s)
    store(memory, target + 1, r)


def put(grad: int, at: int, total: Any, first: bool) -> None:
    """A parameter's gradient <- what the samples of `total` give; added to it but for the first."""
    value = sum_of_lanes(total)
    write(grad, at, value if first else read(grad, at) + value)


def summed(
    grad: int,
    g: int,
    row: int,
    memory: int,
    d: int,
    step: int,
    along: int,
    x: int,
    a: int,
    n: int,
    first: bool,
) -> None:
    """The gradient of the weights of two inputs in four outputs: grad (o, i) <- sum of d (o, v) a (i, v)."""
    s0 = s1 = s2 = s3 = r0 = r1 = r2 = r3 = spread(0.0)
    for v in range(n):
        p, q, at = load(x, a + v), load(x, a + n + v), d + v * along
        u0, u1 = load(memory, at), load(memory, at + step)
        u2, u3 = load(memory, at + 2 * step), load(memory, at + 3 * step)
        s0, s1, s2, s3 = fused(u0, p, s0), fused(u1, p, s1), fused(u2, p, s2), fused(u3, p, s3)
        r0, r1, r2, r3 = fused(u0, q, r0), fused(u1, q, r1), fused(u2, q, r2), fused(u3, q, r3)
    put(grad, g, s0, first)
    put(grad, g + row, s1, first)
    put(grad, g + 2 * row, s2, first)
    put(grad, g + 3 * row, s3, first)
    put(grad, g + 1, r0, first)
    put(grad, g + row + 1, r1, first)
    put(grad, g + 2 * row + 1, r2, first)
    put(grad, g + 3 * row + 1, r3, first)


def summed_one(
    grad: int, g: int, memory: int, d: int, along: int, x: int, a: int, n: int, first: bool
) -> None:
    """The same of one weight."""
    s = spread(0.0)
    for v in range(n):
        s = fused(load(memory, d + v * along), load(x, a + v), s)
    put(grad, g, s, first)
