"""Tables for the command line: what is registered and what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from overshoot.core import ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES, domains
from overshoot.core.batches import ORDERS
from overshoot.core.domain import Option
from overshoot.core.schedules import domains as schedule_domains
from overshoot.study.experiment.cells import Plugin
from overshoot.study.problems.datasets import DATASETS, LOSS
from overshoot.study.problems.plugins import names

if TYPE_CHECKING:
    from overshoot.study.commands.advise import Advice
    from overshoot.study.compare import StudyComparison
    from overshoot.study.tracking import Store


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for column in columns:
        table.add_column(column, no_wrap=column == "name", overflow="fold")
    return table


def optimizers() -> Table:
    """Name, paper, whose defaults it has, state per parameter, and what is known of its hyperparameters."""
    table = _table("Optimizers", "name", "method", "state", "hyperparameters")
    for name, cls in OPTIMIZERS.items():
        method = f"{cls.label}\n{cls.paper}\ndefaults: {cls.defaults}"
        table.add_row(name, method, str(len(cls.state)), _options(domains(name)))
    return table


def schedules() -> Table:
    """Name, what it is, options with defaults and domains."""
    table = _table("Learning-rate schedules", "name", "schedule", "options")
    for name, cls in SCHEDULES.items():
        table.add_row(name, cls.label, _options(schedule_domains(name)))
    return table


def losses() -> Table:
    """Name, what it is, which targets it is for."""
    table = _table("Losses, which a network may name", "name", "loss", "targets", "by default")
    for name, loss in LOSSES.items():
        table.add_row(name, loss.label, loss.targets, "yes" if name in LOSS.values() else "")
    return table


def activations() -> Table:
    """Name, formula, and the initializer that suits it."""
    table = _table("Activations of hidden layers", "name", "f(z)", "suited to")
    for name, activation in ACTIVATIONS.items():
        table.add_row(name, activation.about, activation.initializer)
    return table


def initializers() -> Table:
    """Name and distribution."""
    table = _table("Initial weights; biases start at zero", "name", "weights")
    for name, initializer in INITIALIZERS.items():
        table.add_row(name, initializer.about)
    return table


def batches() -> Table:
    """The orders in which an epoch takes the samples."""
    table = _table('Orders of the batches, such as { size = 16, order = "fixed" }', "name", "order", "about")
    for name, order in ORDERS.items():
        table.add_row(name, order.label, order.about)
    return table


def _options(known: Mapping[str, Option]) -> str:
    return "\n".join(f"{key} = {o.default:.4g} in {o.domain}: {o.about}" for key, o in known.items())


def datasets() -> Table:
    """Name, task, what it is, options with their defaults."""
    table = _table("Datasets", "name", "task", "about", "options")
    for name, known in DATASETS.items():
        shown = {k: "..." if v is None else v for k, v in known.options.items() if k != "digest"}
        options = ", ".join(f"{key} = {value}" for key, value in shown.items())
        table.add_row(name, known.task or "depends on the target", known.about, options)
    return table


def changes(comparison: StudyComparison) -> Table:
    """The cells of a comparison in which something clearly changed."""
    from overshoot.study.compare.sentences import (
        COLUMNS,
        rows,
    )  # with the statistics, which take a while to import

    table = Table(box=box.SIMPLE_HEAD, title="Cells that changed", title_justify="left", title_style="bold")
    for column in COLUMNS:
        table.add_column(column, min_width=34 if column == "cell" else None)
    for row in rows(comparison):
        table.add_row(*(text.replace("**", "") for text in row))
    return table


def studies(store: Store) -> Table:
    """What the store holds of each experiment."""
    table = _table("Stored experiments", "name", "cells", "trials")
    for study in store.studies():
        table.add_row(study.name, str(study.cells), str(study.trials))
    return table


def advice(advices: Sequence[Advice]) -> Table:
    """The advice, a row for each optimizer and batch strategy; what the columns mean is in its notes."""
    from overshoot.study.numbers import exact  # with the statistics, as above

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for words in ("optimizer", "batch"):
        table.add_column(words)
    plain = any(_plain(a) for a in advices)
    for numbers in (
        "stability limit",
        *(["for plain MSE"] if plain else []),
        "take",
        "margin",
        "gap left",
    ):
        table.add_column(numbers, justify="right", no_wrap=True)
    for words in ("limit known from", "why this rate"):
        table.add_column(words)
    for a in advices:
        table.add_row(
            a.cell.method,
            a.cell.strategy.name,
            _limit(a),
            *([_plain(a) or "–"] if plain else []),
            "–" if a.rate is None else exact(a.rate),
            a.margin,
            "–" if a.rate is None else _left(a.practice.at(a.rate)),
            "none" if a.limit is None else a.limit.basis,
            a.why,
        )
    return table


def loaded(files: Sequence[Plugin]) -> list[str]:
    """What files of one's own registered, a line each."""
    return [
        f"plugin {plugin.path} was run; it registers "
        + ", ".join(f"{kind} {name}" for kind, known in names(plugin).items() for name in known)
        for plugin in files
    ]


def _plain(advice: Advice) -> str:
    """The limit for plain MSE, whose curvature is twice that of the half that is trained here."""
    from overshoot.study.numbers import exact  # with the statistics, as above
    from overshoot.study.problems.problem import loss_of

    halved = advice.cell.make_optimizer().recursion is not None
    if advice.limit is None or not halved or loss_of(advice.cell) != "half_mse":
        return ""
    return exact(advice.limit.rate / 2)


def _left(gap: float) -> str:
    """What is left, down to where the best known loss itself is uncertain."""
    from overshoot.study.commands.practice import CLOSED
    from overshoot.study.numbers import number  # with the statistics, as above

    return number(gap) if gap > CLOSED else f"< {number(CLOSED)}"


def _limit(advice: Advice) -> str:
    """The limit, with its interval where it is an estimate."""
    from overshoot.study.numbers import exact, number  # with the statistics, as above

    limit = advice.limit
    if limit is None:
        return "–"
    if limit.low == limit.high:
        return exact(limit.rate)
    return f"{number(limit.rate)} ({number(limit.low)} to {number(limit.high)})"


def keys() -> Table:
    """Every key of an experiment file, what it may be and its default."""
    from overshoot.study.commands.key_reference import keys as known  # with all that reads a file

    table = _table("Keys of an experiment file", "name", "what it may be", "default")
    for key in known():
        table.add_row(key.place, key.kind, key.default or "required")
    return table


REGISTERED: dict[str, Callable[[], Table]] = {
    "optimizers": optimizers,
    "schedules": schedules,
    "datasets": datasets,
    "losses": losses,
    "activations": activations,
    "initializers": initializers,
    "batches": batches,
    "keys": keys,
}
"""What can be named in an experiment file -> its table."""
