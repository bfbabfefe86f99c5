"""The gradient of one trial, for vectors of samples of large batches: code for Numba, as `kernels` has it.

A vector holds a number of each of a few samples here, where `kernels` has one of each of a few trials, so
that a trial alone is as fast as one among many. What is added up over samples is added up in each lane first,
and then over the lanes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from overshoot.core.compiled.kernels import ACTIVATE, DELTA, DEPTH, MOST, SIZES, SLOPE
from overshoot.core.compiled.sample_products import (
    returned,
    returned_one,
    summed,
    summed_one,
    weighted,
    weighted_one,
)

load: Callable[[int, int], Any]
gather: Callable[[int, int, int], Any]
store: Callable[[int, int, Any], None]
read: Callable[[int, int], Any]
spread: Callable[[Any], Any]
sum_of_lanes: Callable[[Any], Any]
read_int: Callable[[int, int], int]
write: Callable[[int, int, Any], None]
call: Callable[..., None]
VECTOR_BYTES: int
LANES: int


def outputs_of(net: int, theta: int, x: int, a: int, memory: int, n: int) -> None:
    """The outputs of all layers for n vectors of samples, whose inputs begin at a of x, one layer after the
    other: (units + 1, n), the last of them ones, but those of the last layer (n, units)."""
    depth = read_int(net, DEPTH)
    source, w, h = x, 0, 0
    for layer in range(depth):
        row, outputs = read_int(net, SIZES + layer) + 1, read_int(net, SIZES + layer + 1)
        last = layer == depth - 1
        step, along = (1, outputs) if last else (n, 1)
        for v in range(0, n, 2):
            z = h + v * along
            o = 0
            while o + 4 <= outputs:
                weighted(theta, w + o * row, source, a + v, n, memory, z + o * step, step, along, row)
                o += 4
            while o < outputs:
                weighted_one(theta, w + o * row, source, a + v, n, memory, z + o * step, along, row)
                o += 1
        if not last:
            call(read_int(net, ACTIVATE), (memory + h * VECTOR_BYTES, outputs * n, 1, 0))
            for v in range(n):
                store(memory, h + outputs * n + v, spread(1.0))
        source, a, w, h = memory, h, w + outputs * row, h + (outputs + 1) * n


def deltas_of(net: int, theta: int, memory: int, ends: int, deltas: int, n: int, size: int) -> None:
    """The deltas of the layers below the last one, whose deltas end at `deltas`: (units, n) each, before it.

    ends: where the outputs of the last layer begin.
    """
    depth = read_int(net, DEPTH)
    w, h, end = size, ends, deltas
    for layer in range(depth - 1, 0, -1):
        inputs, outputs = read_int(net, SIZES + layer), read_int(net, SIZES + layer + 1)
        step, along = (1, outputs) if layer == depth - 1 else (n, 1)
        w -= outputs * (inputs + 1)
        h -= (inputs + 1) * n
        d, target = end - outputs * n, end - (outputs + inputs) * n
        for v in range(0, n, 2):
            i = 0
            while i + 4 <= inputs:
                at = target + i * n + v
                returned(theta, w + i, inputs + 1, memory, d + v * along, step, along, at, n, outputs)
                i += 4
            while i < inputs:
                at = target + i * n + v
                returned_one(theta, w + i, inputs + 1, memory, d + v * along, step, along, at, outputs)
                i += 1
        call(
            read_int(net, SLOPE),
            (memory + h * VECTOR_BYTES, memory + target * VECTOR_BYTES, inputs * n, 1, 0),
        )
        end -= outputs * n


def collect_all(net: int, grad: int, x: int, a: int, memory: int, deltas: int, n: int, first: bool) -> None:
    """grad <- what n vectors of samples give; deltas: where those of the first layer begin."""
    depth = read_int(net, DEPTH)
    source, w, h, d = x, 0, 0, deltas
    for layer in range(depth):
        row, outputs = read_int(net, SIZES + layer) + 1, read_int(net, SIZES + layer + 1)
        step, along = (1, outputs) if layer == depth - 1 else (n, 1)
        for i in range(0, row - 1, 2):
            o = 0
            while o + 4 <= outputs:
                g = w + o * row + i
                summed(grad, g, row, memory, d + o * step, step, along, source, a + i * n, n, first)
                o += 4
            while o < outputs:
                g, at = w + o * row + i, d + o * step
                summed_one(grad, g, memory, at, along, source, a + i * n, n, first)
                summed_one(grad, g + 1, memory, at, along, source, a + (i + 1) * n, n, first)
                o += 1
        if row % 2:
            for o in range(outputs):
                at = a + (row - 1) * n
                summed_one(grad, w + o * row + row - 1, memory, d + o * step, along, source, at, n, first)
        source, a, w = memory, h, w + outputs * row
        h += (outputs + 1) * n
        d += outputs * n


def gradient_of_trial(net: int, theta: int, grad: int, x: int, y: int, samples: int, memory: int) -> None:
    """grad (P) <- gradient of the mean loss over `samples` at theta (P), as numbers.

    x, y: the batch as `take` has it. memory: for the outputs and deltas of a part of it, and the loss.
    """
    depth, most = read_int(net, DEPTH), read_int(net, MOST)
    d, k = read_int(net, SIZES), read_int(net, SIZES + depth)
    below = units = size = 0
    for layer in range(depth):
        outputs = read_int(net, SIZES + layer + 1)
        size += outputs * (read_int(net, SIZES + layer) + 1)
        units += outputs
        if layer < depth - 1:
            below += outputs + 1
    whole = vectors_of(samples)
    start = 0
    while start < whole:
        n = min(most, whole - start)
        a, ends = start * (d + 1), below * n
        deltas = ends + k * n
        last = deltas + (units - k) * n
        scratch = memory + (last + k * n) * VECTOR_BYTES
        outputs_of(net, theta, x, a, memory, n)
        own = y + start * k * VECTOR_BYTES
        z, target = memory + ends * VECTOR_BYTES, memory + last * VECTOR_BYTES
        call(read_int(net, DELTA), (z, own, target, k, samples, scratch, n, k))
        for lane in range(samples - start * LANES, n * LANES):  # no sample's
            for o in range(k):
                write(target, (lane // LANES * k + o) * LANES + lane % LANES, sum_of_lanes(spread(0.0)))
        deltas_of(net, theta, memory, ends, last + k * n, n, size)
        collect_all(net, grad, x, a, memory, deltas, n, start == 0)
        start += n


def vectors_of(samples: int) -> int:
    """An even number of vectors that hold so many samples."""
    return (samples + 2 * LANES - 1) // (2 * LANES) * 2


def take(
    net: int,
    x: int,
    y: int,
    inputs: int,
    targets: int,
    row: int,
    order: int,
    start: int,
    stop: int,
    places: int,
) -> None:
    """x <- the inputs of an order's samples from start to stop, in parts of n vectors: (d + 1, n), the last
    of them ones; y <- their targets: (n, k). inputs: (samples, row) and targets: (samples, k), numbers.

    Where the samples do not fill the last vectors the last one is repeated.
    """
    depth, most = read_int(net, DEPTH), read_int(net, MOST)
    d, k = read_int(net, SIZES), read_int(net, SIZES + depth)
    whole = vectors_of(stop - start)
    part = 0
    while part < whole:
        n = min(most, whole - part)
        for v in range(n):
            first = start + (part + v) * LANES
            for lane in range(LANES):
                write(places, lane, read_int(order, min(first + lane, stop - 1)) * row)
            for i in range(d):
                store(x, part * (d + 1) + i * n + v, gather(inputs, places, i))
            store(x, part * (d + 1) + d * n + v, spread(1.0))
            for lane in range(LANES):
                write(places, lane, read_int(order, min(first + lane, stop - 1)) * k)
            for o in range(k):
                store(y, (part + v) * k + o, gather(targets, places, o))
        part += n
