"""python -m bench: measure, print, and on request write the table, the figures behind it and a picture."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bench.competitors import COMPETITORS
from bench.growth import Curve, curves, draw
from bench.measure import Result, measure
from bench.speed_tables import markdown
from bench.tasks import Task, all_tasks, quick_tasks

PACKAGES = ("numpy", "scikit-learn", "torch", "jax")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status."""
    options = _parser().parse_args(arguments)
    machine = _machine(_pin())
    print(_heading(machine), flush=True)
    results = _compare(quick_tasks() if options.quick else all_tasks())
    table = markdown(results)
    print(table)
    grown = _grow() if options.figure else []
    if options.markdown:
        options.markdown.write_text(f"{_heading(machine)}\n{table}")
    if options.figure:
        draw(grown, options.figure)
    if options.json:
        found = {"machine": machine, "results": results, "growth": grown}
        options.json.write_text(json.dumps(found, default=dataclasses.asdict, indent=1))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.split(":", 1)[1].strip())
    parser.add_argument("--quick", action="store_true", help="Adam on three networks: a minute or two")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables")
    parser.add_argument(
        "--figure",
        type=Path,
        metavar="FILE",
        help="also measure how the cost grows with trials, batch, width, depth and samples, and draw it",
    )
    return parser


def _compare(tasks: list[Task]) -> list[Result]:
    """All competitors on all tasks; those that do not stack trials once for each batch size."""
    results: list[Result] = []
    looped = set()
    began = time.perf_counter()
    for i, task in enumerate(tasks):
        kind = (task.network, task.optimizer, task.precision, task.batch)
        results += measure(task, [c for c in COMPETITORS if c.stacks or kind not in looped])
        looped.add(kind)
        _progress(f"{i + 1} of {len(tasks)} tasks, {time.perf_counter() - began:.0f} s")
    return results


def _grow() -> list[Curve]:
    grown: list[Curve] = []
    for curve in curves():
        grown.append(curve)
        _progress(f"growth with {curve.axis}")
    return grown


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _pin() -> int | None:
    """Keep the process on one processor where the system lets it; which one."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    chosen = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {chosen})
    return chosen


def _machine(pinned: int | None) -> dict[str, Any]:
    return {
        "processor": _processor(),
        "pinned": pinned,
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _heading(machine: dict[str, Any]) -> str:
    versions = [f"{name} {number}" for name, number in machine["versions"].items() if number]
    return (
        "Microseconds for each trial and update, float32 where it does not say float64, one thread: the least"
        " of several runs in turns.\n"
        f"{machine['processor']}; Python {machine['python']}, {', '.join(versions)}.\n"
    )


if __name__ == "__main__":
    sys.exit(main())
