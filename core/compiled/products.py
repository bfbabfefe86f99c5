"""The matrix products of a network's passes, for vectors of trials: code for Numba, as `kernels` has it.

A product goes through two rows of the one side and two of the other at a time, so that what it adds up stays
in registers and each number is loaded once for two uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

load: Callable[[int, int], Any]
read: Callable[[int, int], Any]
store: Callable[[int, int, Any], None]
spread: Callable[[Any], Any]
fused: Callable[[Any, Any, Any], Any]

GROUP = 4
"""Samples whose numbers are in registers together: a larger group is so many after each other."""


def taken(source: int, i: int, single: bool) -> Any:
    """The i-th input: a vector of the trials' own, or a single number that all of them have."""
    return spread(read(source, i)) if single else load(source, i)


def affine(
    theta: int, w: int, source: int, a: int, target: int, z: int, inputs: int, outputs: int, single: bool
) -> None:
    """z <- W a + b, where each row of theta's block (outputs, inputs + 1) ends with its b.

    single: whether the inputs are numbers that all trials share.
    """
    row = inputs + 1
    whole = outputs - outputs % 4
    for o in range(0, whole, 4):
        w0 = w + o * row
        w1, w2, w3 = w0 + row, w0 + 2 * row, w0 + 3 * row
        s0, s1 = load(theta, w0 + inputs), load(theta, w1 + inputs)
        s2, s3 = load(theta, w2 + inputs), load(theta, w3 + inputs)
        for i in range(inputs):
            v = taken(source, a + i, single)
            s0 = fused(load(theta, w0 + i), v, s0)
            s1 = fused(load(theta, w1 + i), v, s1)
            s2 = fused(load(theta, w2 + i), v, s2)
            s3 = fused(load(theta, w3 + i), v, s3)
        store(target, z + o, s0)
        store(target, z + o + 1, s1)
        store(target, z + o + 2, s2)
        store(target, z + o + 3, s3)
    for o in range(whole, outputs):
        s = load(theta, w + o * row + inputs)
        for i in range(inputs):
            s = fused(load(theta, w + o * row + i), taken(source, a + i, single), s)
        store(target, z + o, s)


def below(theta: int, w: int, memory: int, delta: int, target: int, inputs: int, outputs: int) -> None:
    """target <- W' delta."""
    row = inputs + 1
    whole = inputs - inputs % 4
    for i in range(0, whole, 4):
        s0 = s1 = s2 = s3 = spread(0.0)
        for o in range(outputs):
            d = load(memory, delta + o)
            at = w + o * row + i
            s0 = fused(load(theta, at), d, s0)
            s1 = fused(load(theta, at + 1), d, s1)
            s2 = fused(load(theta, at + 2), d, s2)
            s3 = fused(load(theta, at + 3), d, s3)
        store(memory, target + i, s0)
        store(memory, target + i + 1, s1)
        store(memory, target + i + 2, s2)
        store(memory, target + i + 3, s3)
    for i in range(whole, inputs):
        s = spread(0.0)
        for o in range(outputs):
            s = fused(load(theta, w + o * row + i), load(memory, delta + o), s)
        store(memory, target + i, s)


def affine_group(
    theta: int,
    w: int,
    source: int,
    a: int,
    apart: int,
    target: int,
    z: int,
    further: int,
    group: int,
    inputs: int,
    outputs: int,
    single: bool,
) -> None:
    """As `affine` for a group of samples: inputs lie `apart` and outputs `further` vectors apart."""
    row = inputs + 1
    whole = outputs - outputs % 2
    for _ in range(0, group, GROUP):
        for o in range(0, whole, 2):
            w0 = w + o * row
            w1 = w0 + row
            for s in range(0, GROUP, 2):
                a0, a1 = a + s * apart, a + (s + 1) * apart
                z0, z1 = z + s * further + o, z + (s + 1) * further + o
                s0 = s1 = load(theta, w0 + inputs)
                r0 = r1 = load(theta, w1 + inputs)
                for i in range(inputs):
                    u, v = load(theta, w0 + i), load(theta, w1 + i)
                    x0, x1 = taken(source, a0 + i, single), taken(source, a1 + i, single)
                    s0, s1 = fused(u, x0, s0), fused(u, x1, s1)
                    r0, r1 = fused(v, x0, r0), fused(v, x1, r1)
                store(target, z0, s0)
                store(target, z1, s1)
                store(target, z0 + 1, r0)
                store(target, z1 + 1, r1)
        for o in range(whole, outputs):
            s0 = s1 = s2 = s3 = load(theta, w + o * row + inputs)
            for i in range(inputs):
                u = load(theta, w + o * row + i)
                s0 = fused(u, taken(source, a + i, single), s0)
                s1 = fused(u, taken(source, a + apart + i, single), s1)
                s2 = fused(u, taken(source, a + 2 * apart + i, single), s2)
                s3 = fused(u, taken(source, a + 3 * apart + i, single), s3)
            store(target, z + o, s0)
            store(target, z + further + o, s1)
            store(target, z + 2 * further + o, s2)
            store(target, z + 3 * further + o, s3)
        a, z = a + GROUP * apart, z + GROUP * further


def below_group(
    theta: int, w: int, memory: int, delta: int, target: int, apart: int, inputs: int, outputs: int
) -> None:
    """As `below` for a group of samples, whose deltas lie `apart` vectors apart."""
    row = inputs + 1
    whole = inputs - inputs % 2
    for i in range(0, whole, 2):
        for s in range(0, GROUP, 2):
            d0, d1 = delta + s * apart, delta + (s + 1) * apart
            t0, t1 = target + s * apart + i, target + (s + 1) * apart + i
            s0 = s1 = r0 = r1 = spread(0.0)
            for o in range(outputs):
                at = w + o * row + i
                u, v = load(theta, at), load(theta, at + 1)
                x0, x1 = load(memory, d0 + o), load(memory, d1 + o)
                s0, s1 = fused(u, x0, s0), fused(u, x1, s1)
                r0, r1 = fused(v, x0, r0), fused(v, x1, r1)
            store(memory, t0, s0)
            store(memory, t1, s1)
            store(memory, t0 + 1, r0)
            store(memory, t1 + 1, r1)
    for i in range(whole, inputs):
        for s in range(0, GROUP, 2):
            s0 = s1 = spread(0.0)
            for o in range(outputs):
                u = load(theta, w + o * row + i)
                s0 = fused(u, load(memory, delta + s * apart + o), s0)
                s1 = fused(u, load(memory, delta + (s + 1) * apart + o), s1)
            store(memory, target + s * apart + i, s0)
            store(memory, target + (s + 1) * apart + i, s1)


def collect_one(
    grad: int,
    w: int,
    d: int,
    delta: int,
    x: int,
    a: int,
    inputs: int,
    outputs: int,
    first: bool,
    single: bool,
) -> None:
    """grad <- delta a', or grad + delta a', for one sample."""
    row = inputs + 1
    for o in range(outputs):
        s = load(d, delta + o)
        at = w + o * row
        if first:
            for i in range(inputs):
                store(grad, at + i, s * taken(x, a + i, single))
            store(grad, at + inputs, s)
        else:
            for i in range(inputs):
                store(grad, at + i, fused(s, taken(x, a + i, single), load(grad, at + i)))
            store(grad, at + inputs, load(grad, at + inputs) + s)


def collect_group(
    grad: int,
    w: int,
    d: int,
    delta: int,
    ds: int,
    x: int,
    a: int,
    xs: int,
    group: int,
    inputs: int,
    outputs: int,
    first: bool,
    single: bool,
) -> None:
    """The same for a group of samples, whose deltas lie ds and whose inputs xs vectors apart."""
    row = inputs + 1
    for _ in range(0, group, GROUP):
        for o in range(outputs):
            at = w + o * row
            d0, d1 = load(d, delta + o), load(d, delta + ds + o)
            d2, d3 = load(d, delta + 2 * ds + o), load(d, delta + 3 * ds + o)
            bias = d0 + d1 + d2 + d3
            if first:
                for i in range(inputs):
                    g = fused(d1, taken(x, a + xs + i, single), d0 * taken(x, a + i, single))
                    g = fused(
                        d3, taken(x, a + 3 * xs + i, single), fused(d2, taken(x, a + 2 * xs + i, single), g)
                    )
                    store(grad, at + i, g)
                store(grad, at + inputs, bias)
            else:
                for i in range(inputs):
                    g = fused(
                        d1,
                        taken(x, a + xs + i, single),
                        fused(d0, taken(x, a + i, single), load(grad, at + i)),
                    )
                    g = fused(
                        d3, taken(x, a + 3 * xs + i, single), fused(d2, taken(x, a + 2 * xs + i, single), g)
                    )
                    store(grad, at + i, g)
                store(grad, at + inputs, load(grad, at + inputs) + bias)
        delta, a, first = delta + GROUP * ds, a + GROUP * xs, False
