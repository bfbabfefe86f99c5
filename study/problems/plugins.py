"""Methods of one's own: a Python file that registers them, loaded where it is named and nowhere else.

Loading runs the file. Its content is part of the key of the cells that use what it registers, and worker
processes load the same content.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from overshoot.core import ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES
from overshoot.core.batches import ORDERS
from overshoot.study.experiment.cells import Cell, Plugin
from overshoot.study.problems.registry import DATASETS
from overshoot.study.problems.tables import read_bytes

REGISTRIES: Mapping[str, dict[str, Any]] = {
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
    "activation": ACTIVATIONS,
    "initializer": INITIALIZERS,
    "batch order": ORDERS,
    "dataset": DATASETS,
}

LOADED: dict[Plugin, Mapping[str, tuple[str, ...]]] = {}
"""What each file registered in this process: kind -> names."""


def load(path: Path) -> Plugin:
    """Run the file at `path` and have what it registers; ValueError, with the line, where it fails, registers
    nothing, or takes a name that is there already."""
    plugin = Plugin(str(path), _digest(read_bytes(str(path))))
    _load(plugin)
    return plugin


def ready(cell: Cell) -> None:
    """Have the cell's plugins loaded in this process; ValueError where a file is not what it was."""
    for plugin in cell.plugins:
        if plugin not in LOADED and _digest(read_bytes(plugin.path)) != plugin.digest:
            raise ValueError(f"{plugin.path}: it has changed since its results were made")
        _load(plugin)


def names(plugin: Plugin) -> Mapping[str, tuple[str, ...]]:
    """kind -> names that a loaded file registered."""
    return LOADED[plugin]


def used_by(plugins: Collection[Plugin], cell: Cell) -> tuple[Plugin, ...]:
    """The files that registered something that the cell uses."""
    network = cell.network
    uses = {
        "optimizer": cell.optimizer.name,
        "schedule": cell.schedule.name,
        "loss": network.loss,
        "activation": network.activation,
        "initializer": network.initializer,
        "batch order": cell.strategy.order,
        "dataset": cell.dataset.name,
    }
    return tuple(p for p in plugins if any(uses[kind] in known for kind, known in LOADED[p].items()))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _load(plugin: Plugin) -> None:
    if plugin in LOADED:
        return
    for earlier in [known for known in LOADED if known.path == plugin.path]:
        _forget(earlier)
    before = {kind: dict(known) for kind, known in REGISTRIES.items()}
    try:
        _run(plugin)
        LOADED[plugin] = _registered(plugin, before)
    except ValueError:
        for kind, known in REGISTRIES.items():
            known.clear()
            known.update(before[kind])
        raise


def _run(plugin: Plugin) -> None:
    name = f"plugin_{plugin.digest}"
    spec = importlib.util.spec_from_file_location(name, plugin.path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{plugin.path}: expected a Python file, with a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        # Not the loader's own way, which may run older code that it kept beside the file.
        content = read_bytes(plugin.path)
        if _digest(content) != plugin.digest:
            raise ValueError("it has changed while it was read")
        exec(compile(content, plugin.path, "exec"), module.__dict__)
    except SyntaxError as error:
        raise ValueError(f"{plugin.path}, line {error.lineno}: {error.msg}") from None
    except Exception as error:  # whatever the file raises
        raise ValueError(f"{plugin.path}{_line(plugin, error)}: {type(error).__name__}: {error}") from error


def _line(plugin: Plugin, error: BaseException) -> str:
    """Of the file, where the error came through it."""
    trace, line = error.__traceback__, ""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == plugin.path:
            line = f", line {trace.tb_lineno}"
        trace = trace.tb_next
    return line


def _registered(plugin: Plugin, before: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[str, ...]]:
    for kind, known in REGISTRIES.items():
        for name, entry in before[kind].items():
            if known.get(name) is not entry:
                raise ValueError(f"{plugin.path}: there is {kind} {name!r} already: choose another name")
    new = {kind: tuple(n for n in known if n not in before[kind]) for kind, known in REGISTRIES.items()}
    if not any(new.values()):
        raise ValueError(f"{plugin.path}: it registers nothing: no {', no '.join(REGISTRIES)}")
    return {kind: names for kind, names in new.items() if names}


def _forget(plugin: Plugin) -> None:
    for kind, known in LOADED.pop(plugin).items():
        for name in known:
            REGISTRIES[kind].pop(name, None)
