"""Experiment files: read, checked whole, and turned into cells before any work starts."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from overshoot.core import (
    ACTIVATIONS,
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
    BatchStrategy,
    optimizer,
    schedule,
)
from overshoot.core.batches import ORDERS, USUAL
from overshoot.study.experiment.cells import (
    CONSTANT,
    Budget,
    Cell,
    Choice,
    NetworkSpec,
    Plugin,
    Protocol,
    Rates,
)
from overshoot.study.experiment.reader import LARGEST, Item, Reader, SpecError
from overshoot.study.files import UnsafeError, read_text
from overshoot.study.phases.catalogue import in_order
from overshoot.study.problems import plugins
from overshoot.study.problems.datasets import DATASETS, distinct, ready, task_of, train_size

__all__ = ["Experiment", "SpecError", "load", "parse"]


LONGEST_FILE, LONGEST_NAME = 10**6, 100
"""Bytes of an experiment file, and characters of a name in it, which becomes a folder's and a lock's."""

RESERVED = {"artifacts", "drawings", "mlflow.db", "reference", "ui.log"}
"""Names that other things have in the results folder."""

MOST_CELLS = 10**6
"""Of an experiment: more is a slip of the keyboard."""


@dataclass(frozen=True)
class Outline:
    """What a report needs of an experiment: its names, its text and the keys of its cells in order."""

    name: str
    title: str
    text: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Experiment:
    """One experiment: its name, its title, its cells in the file's order, and the file's text."""

    name: str
    title: str
    cells: tuple[Cell, ...]
    text: str
    plugins: tuple[Plugin, ...] = ()

    @property
    def outline(self) -> Outline:
        return Outline(self.name, self.title, self.text, tuple(cell.key for cell in self.cells))

    @property
    def protocol(self) -> Protocol:
        return self.cells[0].protocol


def load(path: Path) -> Experiment:
    """The experiment in a TOML file; SpecError when it cannot be read or anything in it is wrong."""
    return parse(read(path), str(path), path.parent)


def read(path: Path) -> str:
    """The text of an experiment file; SpecError when it cannot be read."""
    try:
        return read_text(path, LONGEST_FILE)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SpecError(f"{path}: cannot be read: {reason}") from None
    except (UnsafeError, ValueError) as error:  # a ValueError for a path that cannot be one
        raise SpecError(f"{path}: cannot be read: {error}") from None


def parse(text: str, source: str, folder: Path = Path()) -> Experiment:
    """The experiment in TOML `text`; `source` is the place that errors name, and paths begin at `folder`."""
    try:
        tree = tomllib.loads(text)
    except ValueError as error:  # TOML's own, and Python's for whole numbers of thousands of digits
        raise SpecError(f"{source}: not valid TOML: {error}") from None
    except RecursionError:
        raise SpecError(f"{source}: not valid here: it is nested hundreds of levels deep") from None
    return experiment(Reader(source, "", tree), text, folder)


def experiment(top: Reader, text: str, folder: Path) -> Experiment:
    """What a file says, checked whole; SpecError with everything that is wrong."""
    name = top.text("name", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*", most=LONGEST_NAME)
    if name.casefold() in RESERVED:
        top.note("name", f'expected another name than "{name}": the results folder has it for itself')
    title = top.text("title", default=name or "untitled")
    loaded = _plugins(top, folder)
    protocol = _protocol(top)
    shared = _rates(top.table("rates")) if top.has("rates") else None
    optimizers = top.choices("optimizers", OPTIMIZERS, "optimizer", _check_optimizer)
    known = optimizers if top.sound("optimizers") else None
    settings = [phase.read(top, known) for phase in in_order()]
    protocol = protocol.having(*(given for given in settings if given is not None))
    schedules = [CONSTANT]
    if top.has("schedules"):
        schedules = top.choices("schedules", SCHEDULES, "schedule", _check_schedule)
    batches = _batches(top)
    networks = _networks(top)
    read = partial(ready, folder=folder, seed=protocol.seed)
    problems = [p for t in top.tables("problems") for p in _problems(t, read, networks, batches)]
    datasets = distinct([dataset for dataset, _ in problems])
    problems = [(d, network) for d, (_, network) in zip(datasets, problems, strict=True)]
    top.distinct("problems", [f"{d.id} with network {n.name}" for d, n in problems])
    top.done()
    count = len(problems) * len(optimizers) * len(schedules) * len(batches)
    if count > MOST_CELLS:
        top.note("problems", f"expected at most {MOST_CELLS:,} cells in all, got {count:,}")
    top.stop_at_faults()
    cells = tuple(
        Cell(dataset, network, o, batch, shared or Rates(*OPTIMIZERS[o.name].search), protocol, s)
        for dataset, network in problems
        for o in optimizers
        for s in schedules
        for batch in batches
    )
    cells = tuple(dataclasses.replace(cell, plugins=plugins.used_by(loaded, cell)) for cell in cells)
    for phase in in_order():
        if fault := phase.fault(cells):
            top.note(phase.name, fault)
    top.stop_at_faults()
    return Experiment(name, title, cells, text, tuple(loaded))


def _plugins(top: Reader, folder: Path) -> list[Plugin]:
    """The files of one's own methods, which are run here: what they register can be named below."""
    loaded = []
    for item in top.items("plugins") if top.has("plugins") else []:
        with top.collect("plugins"):
            if not isinstance(item.value, str):
                item.fail("the path of a Python file")
            try:
                loaded.append(plugins.load((folder / Path(item.value).expanduser()).resolve()))
            except ValueError as error:
                top.note("plugins", str(error))
    return loaded


def _protocol(top: Reader) -> Protocol:
    default = Protocol()
    return Protocol(
        seed=top.integer("seed", default.seed, low=0, high=2**63 - 1),
        precision=top.one_of("precision", ("float32", "float64"), default.precision),
        tolerance=top.number("tolerance", default.tolerance, high=1.0),
        budget=_budget(top.table("budget")),
    )


def _budget(t: Reader) -> Budget:
    default = Budget()
    epochs = t.integer("epochs", default.epochs, low=10)
    budget = Budget(
        examples=t.integer("examples", default.examples, low=1, high=10**12),
        epochs=epochs,
        evaluations=t.at_most("evaluations", default.evaluations, "epochs", epochs, low=10),
    )
    t.done()
    return budget


def _rates(t: Reader) -> Rates:
    low = t.number("low")
    high = t.number("high")
    if t.sound("low", "high") and high < 10 * low:
        t.fail("high", high, f"at least ten times low ({low:g}), since less than a decade shows nothing")
    rates = Rates(low, high, t.integer("per_decade", 3, low=1, high=100))
    t.done()
    return rates


def _networks(top: Reader) -> dict[str, NetworkSpec]:
    tables = top.table("networks")
    if top.sound("networks") and not tables.names:
        top.note("networks", "expected at least one network, such as [networks.linear], got none")
    for name in tables.names:
        if not 0 < len(name) <= LONGEST_NAME:
            tables.note(name, f"expected a name of 1 to {LONGEST_NAME} characters")
    return {name: _network(name, tables.table(name)) for name in tables.names}


def _network(name: str, t: Reader) -> NetworkSpec:
    hidden = t.items("hidden", empty=True)
    for item in hidden:
        with t.collect("hidden"):
            if not item.is_integer() or not 1 <= item.value <= LARGEST:
                item.fail("a whole number of units, 1 or more")
    network = NetworkSpec(
        name=name,
        hidden=tuple(item.value for item in hidden),
        activation=t.one_of("activation", tuple(ACTIVATIONS), "relu"),
        initializer=t.one_of("initializer", tuple(INITIALIZERS), "glorot"),
        loss=t.one_of("loss", tuple(LOSSES)) if t.has("loss") else "",
    )
    t.done()
    return network if t.sound("loss") else dataclasses.replace(network, loss="")


def _problems(
    t: Reader,
    read: Callable[[Choice], Choice],
    networks: dict[str, NetworkSpec],
    batches: list[BatchStrategy],
) -> list[tuple[Choice, NetworkSpec]]:
    datasets = [read(c) for c in t.choices("datasets", DATASETS, "dataset", read)]
    network = t.one_of("network", tuple(networks)) if networks else t.text("network")
    t.done()
    if t.sound("network") and network in networks:
        _check_loss(t, networks[network], datasets)
    largest = max([batch.size for batch in batches if batch.size is not None], default=0)
    for choice in datasets:
        if (n := train_size(choice)) < largest:
            t.note(
                "datasets",
                f"expected at least {largest} training samples, since batches lists {largest}; "
                f'{choice.id} has {n} (the batch "full" takes all of any dataset)',
            )
    return [(choice, networks[network]) for choice in datasets if network in networks]


def _check_loss(t: Reader, network: NetworkSpec, datasets: list[Choice]) -> None:
    for choice in datasets:
        task, meant = task_of(choice), LOSSES[network.loss].targets if network.loss else ""
        if meant not in ("", task):
            fitting = ", ".join(name for name, loss in LOSSES.items() if loss.targets == task)
            t.note(
                "network",
                f"expected a network whose loss is for {task} targets, as {choice.id} has them ({fitting}), "
                f'got "{network.name}" with loss = "{network.loss}", which is for {meant} ones',
            )


def _check_optimizer(choice: Choice) -> None:
    made = optimizer(choice.name, **dict(choice.options))
    _check_single(choice, made.trials)
    if made.lr == 0:
        raise ValueError(f"{choice.name}: lr = 0 is outside its domain (0, inf)")


def _check_schedule(choice: Choice) -> None:
    _check_single(choice, schedule(choice.name, **dict(choice.options)).trials)


def _check_single(choice: Choice, trials: int | None) -> None:
    if trials is not None:
        raise ValueError(f"{choice.name}: an option takes one number here, got {dict(choice.options)}")


def _batches(top: Reader) -> list[BatchStrategy]:
    batches = []
    for item in top.items("batches"):
        with top.collect("batches"):
            batches.append(_batch(item, top))
    top.distinct("batches", [batch.name for batch in batches])
    return batches


def _batch(item: Item, top: Reader) -> BatchStrategy:
    if isinstance(item.value, dict):
        t = top.within(item)
        batch = BatchStrategy(t.integer("size", low=1), t.one_of("order", tuple(ORDERS), USUAL))
        t.done()
        return batch
    if item.value == "full":
        return BatchStrategy()
    if not item.is_integer() or not 1 <= item.value <= LARGEST:
        item.fail(
            '"full", a whole number of samples, 1 or more, or a table such as { size = 16, order = "fixed" }'
        )
    return BatchStrategy(item.value)
