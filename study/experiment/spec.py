"""Experiment files: read, checked whole, and turned into cells before any work starts."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass
from pathlib import Path

from core import ACTIVATIONS, INITIALIZERS, OPTIMIZERS, SCHEDULES, BatchStrategy, optimizer, schedule
from core.batches import ORDERS
from core.names import suggest
from study.experiment.cells import (
    CONSTANT,
    Budget,
    Cell,
    Choice,
    Edge,
    Limit,
    NetworkSpec,
    Protocol,
    Rates,
    Search,
)
from study.experiment.reader import Item, Reader, SpecError
from study.problems.datasets import DATASETS, check_options, pinned, train_size

__all__ = ["Experiment", "SpecError", "load", "parse"]


@dataclass(frozen=True)
class Experiment:
    """One experiment: its name, its title, its cells in the file's order, and the file's text."""

    name: str
    title: str
    cells: tuple[Cell, ...]
    text: str

    @property
    def protocol(self) -> Protocol:
        return self.cells[0].protocol


def load(path: Path) -> Experiment:
    """The experiment in a TOML file; SpecError when it cannot be read or anything in it is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SpecError(f"{path}: cannot be read: {reason}") from None
    return parse(text, str(path))


def parse(text: str, source: str) -> Experiment:
    """The experiment in TOML `text`; `source` is the place that errors name."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SpecError(f"{source}: not valid TOML: {error}") from None
    return _experiment(Reader(source, "", tree), text)


def _experiment(top: Reader, text: str) -> Experiment:
    name = top.text("name", pattern=r"[A-Za-z0-9][A-Za-z0-9._-]*")
    title = top.text("title", default=name)
    protocol = _protocol(top)
    shared = _rates(top.table("rates")) if top.has("rates") else None
    optimizers = top.choices("optimizers", OPTIMIZERS, "optimizer", _check_optimizer)
    if top.has("edge"):
        protocol = dataclasses.replace(protocol, edge=_edge(top.table("edge"), optimizers))
    schedules = [CONSTANT]
    if top.has("schedules"):
        schedules = top.choices("schedules", SCHEDULES, "schedule", _check_schedule)
    batches = [_batch(item, top) for item in top.items("batches")]
    top.distinct("batches", [batch.name for batch in batches])
    named = top.table("networks")
    networks = {key: _network(key, named.table(key)) for key in named.names}
    problems = [p for t in top.tables("problems") for p in _problems(t, networks, batches)]
    top.distinct("problems", [f"{d.id} with network {n.name}" for d, n in problems])
    top.done()
    cells = tuple(
        Cell(dataset, network, o, batch, shared or Rates(*OPTIMIZERS[o.name].search), protocol, s)
        for dataset, network in problems
        for o in optimizers
        for s in schedules
        for batch in batches
    )
    if protocol.edge and not any(cell.edge for cell in cells):
        allowed = 'none without "full" among the batches, a network with hidden layers and a constant rate'
        top.fail("edge", "a table", allowed)
    return Experiment(name, title, cells, text)


def _protocol(top: Reader) -> Protocol:
    default = Protocol()
    return Protocol(
        seed=top.integer("seed", default.seed, low=0),
        precision=top.one_of("precision", ("float32", "float64"), default.precision),
        tolerance=top.number("tolerance", default.tolerance, high=1.0),
        budget=_budget(top.table("budget")),
        sweep_replicates=_replicates(top.table("sweep"), default.sweep_replicates, 1),
        search=_search(top.table("search")),
        confirm_replicates=_replicates(top.table("confirm"), default.confirm_replicates, 2),
        limit=_limit(top.table("limit")) if top.has("limit") else None,
    )


def _budget(t: Reader) -> Budget:
    default = Budget()
    epochs = t.integer("epochs", default.epochs, low=10)
    budget = Budget(
        examples=t.integer("examples", default.examples, low=1),
        epochs=epochs,
        evaluations=t.integer("evaluations", min(default.evaluations, epochs), low=10, high=epochs),
    )
    t.done()
    return budget


def _replicates(t: Reader, default: int, low: int) -> int:
    value = t.integer("replicates", default, low=low)
    t.done()
    return value


def _search(t: Reader) -> Search:
    default = Search()
    trials = t.integer("trials", default.trials, low=1)
    search = Search(
        trials=trials,
        startup=t.integer("startup", min(default.startup, trials), low=1, high=trials),
        batch=t.integer("batch", default.batch, low=1),
    )
    t.done()
    return search


def _limit(t: Reader) -> Limit:
    default = Limit()
    limit = Limit(
        precision=t.number("precision", default.precision, high=1.0),
        updates=t.integer("updates", default.updates, low=1),
    )
    t.done()
    return limit


def _edge(t: Reader, optimizers: list[Choice]) -> Edge:
    known = {o.id: optimizer(o.name, **dict(o.options)).critical_rate(1.0) is not None for o in optimizers}
    chosen = t.items("optimizers")
    for item in chosen:
        if item.value not in known:
            item.fail(f"one of {', '.join(known)}", suggest(str(item.value), known))
        if not known[item.value]:
            item.fail(
                "an optimizer with a known critical rate: there is no line to compare with for this one"
            )
    t.distinct("optimizers", [item.value for item in chosen])
    default = Edge(())
    updates = t.integer("updates", default.updates, low=10)
    edge = Edge(
        optimizers=tuple(item.value for item in chosen),
        rates=t.integer("rates", default.rates, low=1, high=100),
        updates=updates,
        evaluations=t.integer("evaluations", min(default.evaluations, updates), low=10, high=updates),
    )
    t.done()
    return edge


def _rates(t: Reader) -> Rates:
    low = t.number("low")
    high = t.number("high")
    if high < 10 * low:
        t.fail("high", high, f"at least ten times low ({low:g}): less than a decade shows nothing")
    rates = Rates(low, high, t.integer("per_decade", 3, low=1, high=100))
    t.done()
    return rates


def _network(name: str, t: Reader) -> NetworkSpec:
    for item in t.items("hidden", empty=True):
        if not item.is_integer() or item.value < 1:
            item.fail("a whole number of units, 1 or more")
    network = NetworkSpec(
        name=name,
        hidden=tuple(item.value for item in t.items("hidden", empty=True)),
        activation=t.one_of("activation", tuple(ACTIVATIONS), "relu"),
        initializer=t.one_of("initializer", tuple(INITIALIZERS), "glorot"),
    )
    t.done()
    return network


def _problems(
    t: Reader, networks: dict[str, NetworkSpec], batches: list[BatchStrategy]
) -> list[tuple[Choice, NetworkSpec]]:
    datasets = [pinned(c) for c in t.choices("datasets", DATASETS, "dataset", check_options)]
    network = networks[t.one_of("network", tuple(networks))]
    t.done()
    for choice in datasets:
        n = train_size(choice)
        for size in [batch.size for batch in batches]:
            if size is not None and size > n:
                t.fail(
                    "datasets",
                    choice.id,
                    f"a dataset of at least {size} training samples, since batches lists {size} "
                    f'({choice.id} has {n}; "full" takes all of any)',
                )
    return [(choice, network) for choice in datasets]


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


def _batch(item: Item, top: Reader) -> BatchStrategy:
    if isinstance(item.value, dict):
        t = top.within(item)
        batch = BatchStrategy(t.integer("size", low=1), t.one_of("order", tuple(ORDERS), "reshuffled"))
        t.done()
        return batch
    if item.value == "full":
        return BatchStrategy()
    if not item.is_integer() or item.value < 1:
        item.fail('"full", a whole number of samples, 1 or more, or a table of a size and an order')
    return BatchStrategy(item.value)
