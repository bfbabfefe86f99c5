"""What a run needs of memory, from its cells, and what the machine has free."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from overshoot.core.network import BLOCK
from overshoot.core.training import MEMORY
from overshoot.study.execution.engine import EngineError
from overshoot.study.experiment.cells import Cell
from overshoot.study.phases.catalogue import phases_of
from overshoot.study.problems.problem import shape_of

WORKER = 320 * 2**20
"""Bytes of a worker whatever it trains: the libraries, and the tables of a small cell."""

POINT = 300
"""Bytes of one evaluation of one trial, on its way into a table."""

COPIES = 6
"""Of a trial's parameters while it trains: they, their gradient, and the state of the optimizer."""

VECTORS = 25
"""Of the parameters in float64, that the best known loss is searched with."""


RECLAIMABLE = ("active_file", "inactive_file", "slab_reclaimable")
"""Of a control group's memory, what is in use only until others need it."""


def peak(cell: Cell) -> int:
    """About how many bytes a worker has at most while it runs the cell.

    Measured on 15 parameters (312 MB for 834 trials) and 160,003 (389 MB for 23); what is counted grows with
    the parameters, and so do the last states of all trials, which are kept.
    """
    samples, parameters = shape_of(cell)
    stacks = [stack for phase in phases_of(cell) for stack in phase.stacks(cell, samples)]
    trials, size = sum(stack.trials for stack in stacks), np.dtype(cell.protocol.precision).itemsize
    batch = cell.strategy.size or samples
    training = max(MEMORY, COPIES * parameters * size)
    activations = max(BLOCK, 2 * batch * sum(cell.network.hidden) * size)
    least_squares = 0 if cell.network.hidden else 3 * 8 * parameters**2
    kept = 2 * trials * parameters * size + trials * cell.protocol.budget.evaluations * POINT
    return WORKER + training + activations + least_squares + kept + VECTORS * 8 * parameters


def together(cells: Sequence[Cell], workers: int) -> int:
    """About how many bytes a run has at most: its largest cells side by side, and the one they report to."""
    return WORKER + sum(sorted((peak(cell) for cell in cells), reverse=True)[:workers])


def free(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Bytes that new processes may have: of the machine, or of the container; None where none can be told.

    proc, groups: where the kernel tells it.
    """
    try:
        lines = (proc / "meminfo").read_text(encoding="utf-8").splitlines()
        own = (proc / "self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    known = [1024 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable")]
    path = next((line.removeprefix("0::/") for line in own if line.startswith("0::/")), "")
    if ".." in path:  # a container that is told of a group outside of what it sees
        path = ""
    within = [groups / path, *(groups / above for above in Path(path).parents)]
    return min([*known, *(left for group in within if (left := _left(group)) is not None)], default=None)


def _left(group: Path) -> int | None:
    """Bytes that a control group (version 2) has left; None where it has no limit. The cache of files, which
    the kernel gives back when memory is asked for, is not in use."""
    try:
        limit, used = (int((group / name).read_text()) for name in ("memory.max", "memory.current"))
        lines = (group / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):  # there is none, or its limit is "max"
        return None
    counts = {name: int(count) for name, count in (line.split() for line in lines)}
    return limit - used + sum(counts.get(name, 0) for name in RECLAIMABLE)


def refuse_short(cells: Sequence[Cell], workers: int, have: int | None) -> None:
    """EngineError where the cells would not fit in the `have` bytes that are free."""
    if have is None or not cells or together(cells, workers) <= have:
        return
    largest = max(cells, key=peak)
    few = max((n for n in range(1, workers) if together(cells, n) <= have), default=0)
    way = f"use --workers {few}" if few else "use a machine with more, smaller networks or fewer trials"
    raise EngineError(
        f"this run would take about {shown(together(cells, workers))} of memory on {workers} workers, and "
        f"{shown(have)} are free: {way} "
        f"(the largest cell, {largest.label}, takes about {shown(peak(largest))})"
    )


def shown(size: int) -> str:
    """Bytes as people read them."""
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
