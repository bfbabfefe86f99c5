"""Updates of trials one after the other: code for Numba, as `kernels` has it.

`take` and `gradient_of_trial` are those of `large_batch` or of `few_trials`. Parameters, in an update, lie in
vectors as they follow each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

load: Callable[[int, int], Any]
store: Callable[[int, int, Any], None]
read: Callable[[int, int], Any]
spread: Callable[[Any], Any]
read_int: Callable[[int, int], int]
write: Callable[[int, int, Any], None]
call: Callable[..., None]
read_wide: Callable[[int, int], float]
take: Callable[..., None]
gradient_of_trial: Callable[..., None]
VECTOR_BYTES: int
LANES: int


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
