"""The passes of a network and the loop over updates, for vectors of trials: code that Numba compiles.

These functions are never called as they are: `core.compiled.build` puts their source behind the functions
that they use and compiles the whole. All arguments are whole numbers, most of them addresses of memory; an
address and an offset in vectors say where an array lies. An array that NumPy would have as (R, ...) is one of
vectors here, (...), each of them a few trials.

What the NumPy rules say of an activation, a loss and an update is compiled apart and called by its address.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from overshoot.core.compiled.products import (
    GROUP,
    affine,
    affine_group,
    below,
    below_group,
    collect_group,
    collect_one,
)

load: Callable[[int, int], Any]
gather: Callable[[int, int, int], Any]
store: Callable[[int, int, Any], None]
read: Callable[[int, int], Any]
spread: Callable[[Any], Any]
select: Callable[[Any, Any, Any], Any]
read_int: Callable[[int, int], int]
write: Callable[[int, int, Any], None]
call: Callable[..., None]
read_wide: Callable[[int, int], float]
VECTOR_BYTES: int
LANES: int

ACTIVATE, SLOPE, DELTA, WHOLE, MOST, DEPTH, SIZES = range(7)
"""Where a network's description has the addresses of what its activation and loss do, whether the loss looks
at all samples of a batch at once, how many samples are a group at most, how many layers of parameters there
are, and from where on the sizes of all layers, inputs first."""


def forward(
    net: int, theta: int, x: int, a: int, row: int, memory: int, group: int, units: int, single: bool
) -> None:
    """The outputs of all layers for a group of samples, whose inputs begin at a of x, as `affine` has them,
    and `row` after each other.

    Those of a sample, one layer after the other, are the next `units` vectors of memory.
    """
    depth = read_int(net, DEPTH)
    source, apart = x, row
    w = h = 0
    for layer in range(depth):
        inputs, outputs = read_int(net, SIZES + layer), read_int(net, SIZES + layer + 1)
        if group >= GROUP:
            affine_group(theta, w, source, a, apart, memory, h, units, group, inputs, outputs, single)
        else:
            affine(theta, w, source, a, memory, h, inputs, outputs, single)
        if layer < depth - 1:
            call(read_int(net, ACTIVATE), (memory + h * VECTOR_BYTES, outputs, group, units))
        w += outputs * (inputs + 1)
        source, a, apart, single = memory, h, units, False
        h += outputs


def backward(net: int, theta: int, memory: int, deltas: int, group: int, units: int, size: int) -> None:
    """The deltas of the layers below the last one, whose deltas are there already."""
    end = units
    w = size
    for layer in range(read_int(net, DEPTH) - 1, 0, -1):
        inputs, outputs = read_int(net, SIZES + layer), read_int(net, SIZES + layer + 1)
        w -= outputs * (inputs + 1)
        end -= outputs
        at = end - inputs
        if group >= GROUP:
            for s in range(0, group, GROUP):
                further = deltas + s * units
                below_group(theta, w, memory, further + end, further + at, units, inputs, outputs)
        else:
            below(theta, w, memory, deltas + end, deltas + at, inputs, outputs)
        a, d = memory + at * VECTOR_BYTES, memory + (deltas + at) * VECTOR_BYTES
        call(read_int(net, SLOPE), (a, d, inputs, group, units))


def gradient(
    net: int, theta: int, grad: int, x: int, row: int, y: int, samples: int, memory: int, single: bool
) -> None:
    """grad (P) <- gradient of the mean loss over `samples`, at theta (P), for each trial of the vectors.

    x: (samples, row), of which the first are the inputs, numbers if `single`, and y: (samples, outputs).
    memory: for a group of samples, or all where the loss looks at all of them, the outputs of all layers; for
    a group their deltas; and scratch space for the loss.
    """
    depth, whole, most = read_int(net, DEPTH), read_int(net, WHOLE), read_int(net, MOST)
    k = read_int(net, SIZES + depth)
    units = size = 0
    for layer in range(depth):
        units += read_int(net, SIZES + layer + 1)
        size += read_int(net, SIZES + layer + 1) * (read_int(net, SIZES + layer) + 1)
    held = samples if whole else most
    scratch = memory + (held + most) * units * VECTOR_BYTES
    # Twice over the samples where the loss looks at all of them: until their logits are there, and on.
    rounds = 2 if whole else 1
    for done in range(rounds):
        start = 0
        while start < samples:
            group = min(most, (samples - start) // GROUP * GROUP) if samples - start >= GROUP else 1
            first = start if whole else 0
            passed, deltas = memory + first * units * VECTOR_BYTES, (held - first) * units
            if done == 0:
                forward(net, theta, x, start * row, row, passed, group, units, single)
            if done == rounds - 1:
                z = passed + (units - k) * VECTOR_BYTES
                target = z + deltas * VECTOR_BYTES
                if whole:
                    for s in range(group):
                        for o in range(k):
                            store(target, s * units + o, load(z, s * units + o))
                else:
                    own = y + start * k * VECTOR_BYTES
                    call(read_int(net, DELTA), (z, own, target, k, samples, scratch, group, units))
                backward(net, theta, passed, deltas, group, units, size)
                collect(net, grad, x, start * row, row, passed, deltas, group, units, start == 0, single)
            start += group
        if done < rounds - 1:
            logits = memory + (units - k) * VECTOR_BYTES
            call(read_int(net, DELTA), (logits, y, units, k, samples))


def collect(
    net: int,
    grad: int,
    x: int,
    a: int,
    row: int,
    memory: int,
    deltas: int,
    group: int,
    units: int,
    first: bool,
    single: bool,
) -> None:
    """grad <- what a group of samples, whose inputs begin at a of x, gives; added to it but for the first."""
    w = u = 0
    source, apart = x, row
    for layer in range(read_int(net, DEPTH)):
        i, o = read_int(net, SIZES + layer), read_int(net, SIZES + layer + 1)
        if group >= GROUP:
            collect_group(grad, w, memory, deltas + u, units, source, a, apart, group, i, o, first, single)
        else:
            collect_one(grad, w, memory, deltas + u, source, a, i, o, first, single)
        source, a, apart, single = memory, u, units, False
        w += o * (i + 1)
        u += o


def fill_shared(
    x: int,
    y: int,
    inputs: int,
    targets: int,
    vectors: int,
    k: int,
    order: int,
    start: int,
    stop: int,
) -> None:
    """x (samples, vectors) <- the samples from start to stop of an order that all trials share, each as its
    numbers lie in inputs: (n, vectors); y (samples, k) <- their targets (n, k), each in all lanes."""
    for q in range(start, stop):
        sample, at = read_int(order, q), q - start
        for i in range(vectors):
            store(x, at * vectors + i, load(inputs, sample * vectors + i))
        for o in range(k):
            store(y, at * k + o, spread(read(targets, sample * k + o)))


def fill(
    target: int,
    values: int,
    width: int,
    apart: int,
    order: int,
    rows: int,
    stride: int,
    start: int,
    stop: int,
    places: int,
) -> None:
    """target (samples, width) <- the samples that each trial takes from start to stop of its order.

    values: (n, apart) numbers, of which the first are taken. order: rows of `stride` sample numbers each.
    rows: which one is each trial's. places: memory for a whole number a lane.
    """
    at = 0
    for q in range(start, stop):
        for lane in range(LANES):
            write(places, lane, read_int(order, read_int(rows, lane) * stride + q) * apart)
        for i in range(width):
            store(target, at + i, gather(values, places, i))
        at += width


def advance(
    net: int,
    update: int,
    size: int,
    block: int,
    slots: int,
    grad: int,
    memory: int,
    inputs: int,
    targets: int,
    d: int,
    row: int,
    k: int,
    order: int,
    rows: int,
    stride: int,
    starts: int,
    stops: int,
    x: int,
    y: int,
    wide: int,
    wides: int,
    places: int,
    numbers: int,
    columns: int,
    rates: int,
    factors: int,
    check: int,
    t: int,
    steps: int,
    bad: int,
    ended: int,
    ended_wide: int,
) -> None:
    """Updates t + 1 to t + steps of one block of trials, of a network as described at `net`.

    block: (slots, P), theta and the optimizer's state; wide: (wides,) float64, its state of a number a trial.
    inputs: (n, row), of which the first d are a sample's, and targets: (n, k), numbers; row fills vectors;
    order, rows and stride as in `fill`; starts, stops: (steps,) where each update's samples lie in an order.
    x, y: memory for a batch.
    numbers: hyperparameters that all trials share; columns: those of each trial, float64, of which the first
    is the learning rate: where there are factors (steps,), it is rates times the factor.
    check: () is NaN afterwards where a gradient was not finite, if the update looks at that.
    bad: (LANES,) where it is not zero, the first update after which a trial is not finite, and ended and
    ended_wide are what block and wide were then, but theta before it.
    """
    shared = True
    for lane in range(1, LANES):
        shared = shared and read_int(rows, lane) == read_int(rows, 0)
    for step in range(steps):
        start, stop = read_int(starts, step), read_int(stops, step)
        if step == 0 or start != read_int(starts, step - 1) or stop != read_int(stops, step - 1):
            if shared:
                own = order + read_int(rows, 0) * stride * 8
                fill_shared(x, y, inputs, targets, row // LANES, k, own, start, stop)
            else:
                fill(x, inputs, d, row, order, rows, stride, start, stop, places)
                fill(y, targets, k, k, order, rows, stride, start, stop, places)
        gradient(net, block, grad, x, row if shared else d, y, stop - start, memory, shared)
        if factors != 0:
            for lane in range(LANES):
                write(columns, lane, read_wide(rates, lane) * read_wide(factors, step * LANES + lane))
        if bad != 0:
            keep_before(block, size, bad, ended, memory)
        call(update, (block, grad, wide, numbers, columns, check, size, t + step + 1))
        if bad != 0:
            find(block, slots, size, wide, wides, check, t + step + 1, bad, ended, ended_wide)


def keep_before(block: int, size: int, bad: int, ended: int, memory: int) -> None:
    """ended's theta <- block's, of the trials that are not bad yet.

    memory: for two vectors, in which it is written lane by lane who goes on.
    """
    store(memory, 0, spread(0.0))
    store(memory, 1, spread(1.0))
    for lane in range(LANES):
        if read_int(bad, lane) != 0:
            write(memory, lane, read(memory, LANES))
    going = load(memory, 0) < load(memory, 1)
    for p in range(size):
        store(ended, p, select(going, load(block, p), load(ended, p)))


def find(
    block: int,
    slots: int,
    size: int,
    wide: int,
    wides: int,
    check: int,
    t: int,
    bad: int,
    ended: int,
    ended_wide: int,
) -> None:
    """Which trials have become bad at update t; their state is kept."""
    zero = spread(0.0)
    total = load(check, 0)
    for p in range(size):
        total = total + zero * load(block, p)
    store(check, 0, total)
    for lane in range(LANES):
        if read_int(bad, lane) == 0 and read(check, lane) != 0:
            write(bad, lane, t)
            for p in range(size, slots * size):
                write(ended, p * LANES + lane, read(block, p * LANES + lane))
            for i in range(wides):
                write(ended_wide, i * LANES + lane, read_wide(wide, i * LANES + lane))
