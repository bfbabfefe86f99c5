"""The passes and the loop over updates, for vectors of units: code for Numba, as `kernels` has it.

A trial alone would leave all lanes but one without work where a vector holds one number of each of a few
trials. Here a vector holds a number of each of a few units of a layer. Every number that comes out has been
computed by the same operations in the same order as there, and has the same bits: how many trials there are
may choose between the two.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from overshoot.core.compiled.kernels import ACTIVATE, DELTA, DEPTH, MOST, SIZES, SLOPE, WHOLE
from overshoot.core.compiled.unit_products import added, mixed, summed_over

load: Callable[[int, int], Any]
gather: Callable[[int, int, int], Any]
store: Callable[[int, int, Any], None]
store_at: Callable[[int, int, Any], None]
turn: Callable[[int, int, int, int, int, int, int], None]
spread: Callable[[Any], Any]
read: Callable[[int, int], Any]
read_int: Callable[[int, int], int]
write: Callable[[int, int, Any], None]
call: Callable[..., None]
read_wide: Callable[[int, int], float]
VECTOR_BYTES: int
LANES: int


def across(units: int) -> int:
    """Vectors that hold a number of each of so many units."""
    return (units + LANES - 1) // LANES


def transposed(net: int, theta: int, memory: int) -> None:
    """memory <- for each layer its parameters as (inputs + 1, vectors of outputs), biases last.

    What is turned beyond a layer's last row is written over by the next one, and beyond the last layer's it
    lies where the sums will be.
    """
    w = at = 0
    for layer in range(read_int(net, DEPTH)):
        row, outputs = read_int(net, SIZES + layer) + 1, read_int(net, SIZES + layer + 1)
        vectors, last = across(outputs), w + (outputs - 1) * row
        for v in range(vectors):
            for i in range(0, row, LANES):
                first = w + v * LANES * row + i
                turn(theta, first, row, last + i, memory, at + i * vectors + v, vectors)
        w += outputs * row
        at += row * vectors


def outputs_of(net: int, columns: int, x: int, memory: int, units: int, samples: int) -> None:
    """The outputs of all layers, those of a sample, one layer after the other, in `units` vectors of memory.
    columns: parameters as `transposed` has them. x: the samples' inputs, in vectors."""
    depth = read_int(net, DEPTH)
    source, a, apart, w, h = x, 0, across(read_int(net, SIZES)), 0, 0
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
    vectors, last = across(samples), (z + (samples - 1) * units) * LANES
    deltas, scratch = logits + vectors * k * VECTOR_BYTES, logits + 2 * vectors * k * VECTOR_BYTES
    for g in range(vectors):
        for v in range(across(k)):
            first = (z + g * LANES * units + v) * LANES
            turn(memory, first, units * LANES, last + v * LANES, logits, g * k + v * LANES, 1)
    call(read_int(net, DELTA), (logits, y, deltas, k, of_batch, scratch, vectors, k))
    last = (vectors * k - 1) * LANES
    for g in range(vectors):
        for v in range(across(k)):
            first = (g * k + v * LANES) * LANES
            turn(deltas, first, LANES, last, memory, d + g * LANES * units + v, units)


def whole_loss_deltas(
    net: int, y: int, memory: int, z: int, d: int, units: int, samples: int, logits: int
) -> None:
    """The same where the loss looks at all samples at once: all lanes are of the one trial.

    y: (samples, outputs). logits: memory for as many vectors.
    """
    k = read_int(net, SIZES + read_int(net, DEPTH))
    for s in range(samples):
        for o in range(k):
            store(logits, s * k + o, spread(read(memory, (z + s * units) * LANES + o)))
    call(read_int(net, DELTA), (logits, y, k, k, samples))
    for s in range(samples):
        for o in range(k):
            write(memory, (d + s * units) * LANES + o, read(logits, (s * k + o) * LANES))


def deltas_of(net: int, theta: int, memory: int, deltas: int, units: int, size: int, samples: int) -> None:
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
        a, d = memory + at * VECTOR_BYTES, memory + (deltas + at) * VECTOR_BYTES
        call(read_int(net, SLOPE), (a, d, vectors, samples, units))


def collect_all(
    net: int, sums: int, x: int, memory: int, deltas: int, units: int, samples: int, first: bool
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
        source, a, further = memory, u - deltas, units
        u += across(outputs)


def packed(net: int, sums: int, grad: int) -> None:
    """grad (P) <- the sums, as parameters follow each other. What a vector has beyond its row is written over
    by the next one, and after the last one lie the sums, which are
    not there yet."""
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
    depth, whole = read_int(net, DEPTH), read_int(net, WHOLE)
    d, k = read_int(net, SIZES), read_int(net, SIZES + depth)
    units = size = wide = high = 0
    for layer in range(depth):
        inputs, outputs = read_int(net, SIZES + layer), read_int(net, SIZES + layer + 1)
        size += outputs * (inputs + 1)
        units += across(outputs)
        wide += (inputs + 1) * across(outputs)
        high += outputs * across(inputs) + across(outputs)
    part = samples if whole else min(read_int(net, MOST), samples)
    sums = memory + wide * VECTOR_BYTES
    passed = sums + high * VECTOR_BYTES
    last = units - across(k)
    transposed(net, theta, memory)
    start = 0
    while start < samples:
        n = min(part, samples - start)
        deltas = (n + 3) // 4 * 4 * units
        # Of the last few samples more are turned than there are.
        logits = passed + (2 * deltas + LANES * units) * VECTOR_BYTES
        own = x + start * across(d) * VECTOR_BYTES
        outputs_of(net, memory, own, passed, units, (n + 3) // 4 * 4)
        if whole:
            whole_loss_deltas(net, y, passed, last, deltas + last, units, n, logits)
        else:
            target = y + start // LANES * k * VECTOR_BYTES
            loss_deltas(net, target, passed, last, deltas + last, units, samples, n, logits)
        deltas_of(net, theta, passed, deltas, units, size, (n + 3) // 4 * 4)
        collect_all(net, sums, own, passed, deltas, units, n, start == 0)
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
    (vectors of samples, k), or where the loss looks at all of them at once (samples, k), each in all lanes.
    inputs: (n, row) and targets: (n, k), numbers.

    Where the samples do not fill four, or the last vector, the last one is repeated.
    """
    k, vectors = read_int(net, SIZES + read_int(net, DEPTH)), row // LANES
    for s in range((stop - start + 3) // 4 * 4):
        sample = read_int(order, min(start + s, stop - 1))
        for v in range(vectors):
            store(x, s * vectors + v, load(inputs, sample * vectors + v))
    if read_int(net, WHOLE):
        for s in range(stop - start):
            for o in range(k):
                store(y, s * k + o, spread(read(targets, read_int(order, start + s) * k + o)))
        return
    for v in range(across(stop - start)):
        for lane in range(LANES):
            write(places, lane, read_int(order, min(start + v * LANES + lane, stop - 1)) * k)
        for o in range(k):
            store(y, v * k + o, gather(targets, places, o))


def advance_trials(
    net: int,
    update: int,
    size: int,
    vectors: int,
    block: int,
    slots: int,
    trials: int,
    grad: int,
    memory: int,
    inputs: int,
    targets: int,
    row: int,
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
    kinds: int,
    rates: int,
    factors: int,
    check: int,
    t: int,
    steps: int,
    bad: int,
    ended: int,
    ended_wide: int,
) -> None:
    """Updates t + 1 to t + steps of all trials, of a network as described at `net`.

    As `kernels.advance`, but for block: (trials, slots, vectors), whose vectors hold the `size` parameters
    and repeat the last one where they have room; wide: (trials, wides), columns: (trials, kinds), rates, rows
    and bad: (trials,), factors: (trials, steps), each a number in all lanes; check: (trials,), a vector.
    """
    doubles = 8 * LANES
    for step in range(steps):
        start, stop, taken_row = read_int(starts, step), read_int(stops, step), -1
        anew = step == 0 or start != read_int(starts, step - 1) or stop != read_int(stops, step - 1)
        if not anew:
            taken_row = read_int(rows, (trials - 1) * LANES)
        for r in range(trials):
            own, states = block + r * slots * vectors * VECTOR_BYTES, wide + r * max(wides, 1) * doubles
            if read_int(rows, r * LANES) != taken_row:
                taken_row = read_int(rows, r * LANES)
                take(net, x, y, inputs, targets, row, order + taken_row * stride * 8, start, stop, places)
            gradient_of_trial(net, own, grad, x, y, stop - start, memory)
            for p in range(size, vectors * LANES):
                write(grad, p, read(grad, size - 1))
            values, flag = columns + r * kinds * doubles, check + r * VECTOR_BYTES
            if factors != 0:
                for lane in range(LANES):
                    factor = read_wide(factors + (r * steps + step) * doubles, lane)
                    write(values, lane, read_wide(rates + r * doubles, lane) * factor)
            kept = ended + r * slots * vectors * VECTOR_BYTES
            if bad != 0 and read_int(bad, r * LANES) == 0:
                for p in range(vectors):
                    store(kept, p, load(own, p))
            call(update, (own, grad, states, numbers, values, flag, vectors, t + step + 1))
            if bad != 0 and read_int(bad, r * LANES) == 0:
                last = ended_wide + r * max(wides, 1) * doubles
                find_one(
                    own, kept, slots, vectors, states, last, wides, flag, t + step + 1, bad + r * doubles
                )


def find_one(
    block: int,
    kept: int,
    slots: int,
    vectors: int,
    wide: int,
    last: int,
    wides: int,
    check: int,
    t: int,
    bad: int,
) -> None:
    """Whether a trial has become bad at update t; its state is kept."""
    zero = spread(0.0)
    total = load(check, 0)
    for p in range(vectors):
        total = total + zero * load(block, p)
    store(check, 0, total)
    gone = False
    for lane in range(LANES):
        gone = gone or read(check, lane) != 0
    if gone:
        write(bad, 0, t)
        for p in range(vectors, slots * vectors):
            store(kept, p, load(block, p))
        for i in range(wides * LANES):
            write(last, i, read_wide(wide, i))
