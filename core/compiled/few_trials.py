"""The gradient of one trial, for vectors of a layer's units: code for Numba, as `kernels` has it.

A trial alone would leave all lanes but one without work where a vector holds one number of each of a few
trials. Here a vector holds a number of each of a few units of a layer. Every number that comes out has been
computed by the same operations in the same order as there, and has the same bits: how many trials there are
may choose between the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from overshoot.core.compiled.kernels import ACTIVATE, DELTA, DEPTH, MOST, SIZES, SLOPE
from overshoot.core.compiled.unit_products import added, mixed, summed_over

load: Callable[[int, int], Any]
load_at: Callable[[int, int], Any]
gather: Callable[[int, int, int], Any]
store: Callable[[int, int, Any], None]
store_at: Callable[[int, int, Any], None]
read: Callable[[int, int], Any]
read_int: Callable[[int, int], int]
write: Callable[[int, int, Any], None]
call: Callable[..., None]
VECTOR_BYTES: int
LANES: int


def across(units: int) -> int:
    """Vectors that hold a number of each of so many units."""
    return (units + LANES - 1) // LANES


def transposed(net: int, theta: int, memory: int, places: int) -> None:
    """memory <- for each layer its parameters as (inputs + 1, vectors of outputs), biases last."""
    w = at = 0
    for layer in range(read_int(net, DEPTH)):
        row, outputs = read_int(net, SIZES + layer) + 1, read_int(net, SIZES + layer + 1)
        vectors = across(outputs)
        for v in range(vectors):
            for lane in range(LANES):
                write(places, lane, min(v * LANES + lane, outputs - 1) * row)
            for i in range(row):
                store(memory, at + i * vectors + v, gather(theta, places, w + i))
        w += outputs * row
        at += row * vectors


def outputs_of(net: int, columns: int, x: int, memory: int, ends: int, units: int, samples: int) -> None:
    """The outputs of all layers, those of a sample, one layer after the other, in `units` vectors from `ends`
    on. columns: parameters as `transposed` has them. x: the samples' inputs, in vectors."""
    depth = read_int(net, DEPTH)
    source, a, apart, w, h = x, 0, across(read_int(net, SIZES)), 0, ends
    for layer in range(depth):
        inputs, vectors = read_int(net, SIZES + layer), across(read_int(net, SIZES + layer + 1))
        row = vectors * LANES
        first, step = a * LANES, apart * LANES
        mixed(columns, w, row, inputs, True, source, first, step, memory, h, units, samples, vectors)
        if layer < depth - 1:
            call(read_int(net, ACTIVATE), (memory + h * VECTOR_BYTES, vectors, samples, units))
        w += (inputs + 1) * row
        source, a, apart = memory, h, units
        h += vectors


def loss_deltas(
    net: int, y: int, memory: int, z: int, d: int, units: int, of_batch: int, samples: int, logits: int
) -> None:
    """The deltas d of the last layer from its outputs z, which begin `units` vectors after each other.

    y: (vectors of samples, outputs). logits: memory for as many vectors, twice, and for the loss, where each
    holds a number of each of a few samples.
    """
    k = read_int(net, SIZES + read_int(net, DEPTH))
    vectors = across(samples)
    deltas, scratch = logits + vectors * k * VECTOR_BYTES, logits + 2 * vectors * k * VECTOR_BYTES
    for s in range(samples):
        for o in range(k):
            at = (s // LANES * k + o) * LANES + s % LANES
            write(logits, at, read(memory, (z + s * units) * LANES + o))
    call(read_int(net, DELTA), (logits, y, deltas, k, of_batch, scratch, vectors, k))
    for s in range(samples):
        for o in range(k):
            at = (s // LANES * k + o) * LANES + s % LANES
            write(memory, (d + s * units) * LANES + o, read(deltas, at))


def deltas_of(
    net: int, theta: int, memory: int, ends: int, deltas: int, units: int, size: int, samples: int
) -> None:
    """The deltas of the layers below the last one, `units` vectors a sample as its outputs have them."""
    w, end = size, units
    for layer in range(read_int(net, DEPTH) - 1, 0, -1):
        inputs, outputs = read_int(net, SIZES + layer), read_int(net, SIZES + layer + 1)
        row, vectors = inputs + 1, across(inputs)
        w -= outputs * row
        end -= across(outputs)
        at = end - vectors
        first, step, target = (deltas + end) * LANES, units * LANES, deltas + at
        mixed(theta, w, row, outputs, False, memory, first, step, memory, target, units, samples, vectors)
        a, d = memory + (ends + at) * VECTOR_BYTES, memory + (deltas + at) * VECTOR_BYTES
        call(read_int(net, SLOPE), (a, d, vectors, samples, units))


def collect_all(
    net: int, sums: int, x: int, memory: int, ends: int, deltas: int, units: int, samples: int, first: bool
) -> None:
    """sums <- what samples give, for each layer (outputs, vectors of inputs) and its biases in vectors."""
    g, u = 0, deltas
    source, a, further = x, 0, across(read_int(net, SIZES))
    for layer in range(read_int(net, DEPTH)):
        outputs, vectors = read_int(net, SIZES + layer + 1), across(read_int(net, SIZES + layer))
        d, step = u * LANES, units * LANES
        summed_over(sums, g, memory, d, step, source, a, further, samples, outputs, vectors, first)
        g += outputs * vectors
        added(sums, g, memory, u, units, samples, across(outputs), first)
        g += across(outputs)
        source, a, further = memory, ends + u - deltas, units
        u += across(outputs)


def packed(net: int, sums: int, grad: int) -> None:
    """grad (P) <- the sums, as parameters follow each other. What a vector has beyond its row is written over
    by the next one, and there is room after the last."""
    w = g = 0
    for layer in range(read_int(net, DEPTH)):
        row, outputs = read_int(net, SIZES + layer) + 1, read_int(net, SIZES + layer + 1)
        vectors = across(row - 1)
        for o in range(outputs):
            for v in range(vectors):
                store_at(grad, w + o * row + v * LANES, load(sums, g + o * vectors + v))
        g += outputs * vectors
        for o in range(outputs):
            write(grad, w + o * row + row - 1, read(sums, g * LANES + o))
        g += across(outputs)
        w += outputs * row


def gradient_of_trial(net: int, theta: int, grad: int, x: int, y: int, samples: int, memory: int) -> None:
    """grad (P) <- gradient of the mean loss over `samples` at theta (P), as numbers.

    x, y: the batch as `take` has it. memory: for a transposed copy of theta, sums for each parameter, the
    outputs and deltas of a part of the batch, and the loss.
    """
    depth, most = read_int(net, DEPTH), read_int(net, MOST)
    k = read_int(net, SIZES + depth)
    units = size = wide = high = 0
    for layer in range(depth):
        inputs, outputs = read_int(net, SIZES + layer), read_int(net, SIZES + layer + 1)
        size += outputs * (inputs + 1)
        units += across(outputs)
        wide += (inputs + 1) * across(outputs)
        high += outputs * across(inputs) + across(outputs)
    sums = memory + wide * VECTOR_BYTES
    passed = sums + high * VECTOR_BYTES
    part = min(most, samples + 3)
    logits = passed + 2 * part * units * VECTOR_BYTES
    places = logits  # taken before the loss is
    transposed(net, theta, memory, places)
    start = 0
    while start < samples:
        n = min(most, samples - start)
        whole = (n + 3) // 4 * 4
        deltas = whole * units
        own = x + start * across(read_int(net, SIZES)) * VECTOR_BYTES
        outputs_of(net, memory, own, passed, 0, units, whole)
        last = units - across(k)
        target = y + start // LANES * k * VECTOR_BYTES
        loss_deltas(net, target, passed, last, deltas + last, units, samples, n, logits)
        deltas_of(net, theta, passed, 0, deltas, units, size, whole)
        collect_all(net, sums, own, passed, 0, deltas, units, n, start == 0)
        start += n
    packed(net, sums, grad)


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
    """x <- the inputs of an order's samples from start to stop, in `row` numbers each; y <- their targets,
    (vectors of samples, k). inputs: (n, row) and targets: (n, k), numbers.

    Where the samples do not fill four, or the last vector, the last one is repeated.
    """
    k, vectors = read_int(net, SIZES + read_int(net, DEPTH)), row // LANES
    for s in range((stop - start + 3) // 4 * 4):
        sample = read_int(order, min(start + s, stop - 1))
        for v in range(vectors):
            store(x, s * vectors + v, load(inputs, sample * vectors + v))
    for v in range(across(stop - start)):
        for lane in range(LANES):
            write(places, lane, read_int(order, min(start + v * LANES + lane, stop - 1)) * k)
        for o in range(k):
            store(y, v * k + o, gather(targets, places, o))
