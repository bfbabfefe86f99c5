"""The matrix products of a network's passes, for vectors of units: code for Numba, as `kernels` has it.

A product goes through four rows of the one side and two vectors of the other at a time, so that what it adds
up stays in registers. Where there are fewer, the last one is done again. Each sum has the terms, and the
order, that it has in `products`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

load: Callable[[int, int], Any]
load_at: Callable[[int, int], Any]
store: Callable[[int, int, Any], None]
read: Callable[[int, int], Any]
spread: Callable[[Any], Any]
fused: Callable[[Any, Any, Any], Any]
LANES: int


def mixed(
    weights: int,
    w: int,
    row: int,
    count: int,
    biased: bool,
    memory: int,
    a: int,
    apart: int,
    target: int,
    z: int,
    further: int,
    samples: int,
    vectors: int,
) -> None:
    """z (s, v) <- the sum of a (s, j) w (j, v) over `count` j; added to w (count, v) if `biased`.

    w: numbers, each row of them `row` after the one before, from anywhere on. a: numbers, those of a sample
    `apart` numbers after those of the one before. z: vectors, those of a sample `further` after each other.
    samples: a multiple of four.
    """
    for v in range(0, vectors, 2):
        other = min(v + 1, vectors - 1)
        m, n = w + v * LANES, w + other * LANES
        b = load_at(weights, m + count * row) if biased else spread(0.0)
        c = load_at(weights, n + count * row) if biased else spread(0.0)
        for s in range(0, samples, 4):
            a0, z0 = a + s * apart, z + s * further
            a1, a2, a3 = a0 + apart, a0 + 2 * apart, a0 + 3 * apart
            p0 = p1 = p2 = p3 = b
            q0 = q1 = q2 = q3 = c
            for j in range(count):
                x, y = load_at(weights, m + j * row), load_at(weights, n + j * row)
                u0, u1 = spread(read(memory, a0 + j)), spread(read(memory, a1 + j))
                u2, u3 = spread(read(memory, a2 + j)), spread(read(memory, a3 + j))
                p0, p1, p2, p3 = fused(x, u0, p0), fused(x, u1, p1), fused(x, u2, p2), fused(x, u3, p3)
                q0, q1, q2, q3 = fused(y, u0, q0), fused(y, u1, q1), fused(y, u2, q2), fused(y, u3, q3)
            store(target, z0 + v, p0)
            store(target, z0 + further + v, p1)
            store(target, z0 + 2 * further + v, p2)
            store(target, z0 + 3 * further + v, p3)
            store(target, z0 + other, q0)
            store(target, z0 + further + other, q1)
            store(target, z0 + 2 * further + other, q2)
            store(target, z0 + 3 * further + other, q3)


def summed_over(
    sums: int,
    g: int,
    memory: int,
    d: int,
    apart: int,
    source: int,
    a: int,
    further: int,
    samples: int,
    outputs: int,
    vectors: int,
    first: bool,
) -> None:
    """sums (o, v) <- the sum of d (s, o) a (s, v) over samples, one after the other; added to but at first.

    d: numbers, those of a sample `apart` after those of the one before. a: vectors, `further` likewise.
    """
    for o in range(0, outputs, 4):
        o1, o2, o3 = min(o + 1, outputs - 1), min(o + 2, outputs - 1), min(o + 3, outputs - 1)
        g0, g1, g2, g3 = g + o * vectors, g + o1 * vectors, g + o2 * vectors, g + o3 * vectors
        for v in range(0, vectors, 2):
            w = min(v + 1, vectors - 1)
            if first:
                x, y = load(source, a + v), load(source, a + w)
                u0, u1 = spread(read(memory, d + o)), spread(read(memory, d + o1))
                u2, u3 = spread(read(memory, d + o2)), spread(read(memory, d + o3))
                p0, p1, p2, p3 = u0 * x, u1 * x, u2 * x, u3 * x
                q0, q1, q2, q3 = u0 * y, u1 * y, u2 * y, u3 * y
            else:
                p0, p1, p2, p3 = (
                    load(sums, g0 + v),
                    load(sums, g1 + v),
                    load(sums, g2 + v),
                    load(sums, g3 + v),
                )
                q0, q1, q2, q3 = (
                    load(sums, g0 + w),
                    load(sums, g1 + w),
                    load(sums, g2 + w),
                    load(sums, g3 + w),
                )
            for s in range(1 if first else 0, samples):
                x, y = load(source, a + s * further + v), load(source, a + s * further + w)
                at = d + s * apart
                u0, u1 = spread(read(memory, at + o)), spread(read(memory, at + o1))
                u2, u3 = spread(read(memory, at + o2)), spread(read(memory, at + o3))
                p0, p1, p2, p3 = fused(u0, x, p0), fused(u1, x, p1), fused(u2, x, p2), fused(u3, x, p3)
                q0, q1, q2, q3 = fused(u0, y, q0), fused(u1, y, q1), fused(u2, y, q2), fused(u3, y, q3)
            store(sums, g0 + v, p0)
            store(sums, g1 + v, p1)
            store(sums, g2 + v, p2)
            store(sums, g3 + v, p3)
            store(sums, g0 + w, q0)
            store(sums, g1 + w, q1)
            store(sums, g2 + w, q2)
            store(sums, g3 + w, q3)


def added(
    sums: int, g: int, memory: int, d: int, further: int, samples: int, vectors: int, first: bool
) -> None:
    """sums (v) <- the sum of d (s, v) over samples, four at a time while there are so many; added to but at
    first."""
    for v in range(vectors):
        s = 0
        total = load(sums, g + v)
        while s + 4 <= samples:
            at = d + s * further + v
            four = (
                load(memory, at)
                + load(memory, at + further)
                + load(memory, at + 2 * further)
                + load(memory, at + 3 * further)
            )
            total = four if first and s == 0 else total + four
            s += 4
        while s < samples:
            one = load(memory, d + s * further + v)
            total = one if first and s == 0 else total + one
            s += 1
        store(sums, g + v, total)
