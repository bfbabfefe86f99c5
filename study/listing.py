"""Tables for the command line: what is registered and what is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from core import OPTIMIZERS, domains
from study.datasets import DATASETS

if TYPE_CHECKING:
    from study.tracking import Store


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def optimizers() -> Table:
    """Name, paper, default rate, state per parameter, hyperparameters with defaults and domains."""
    table = _table("Optimizers", "name", "method", "default lr", "state", "hyperparameters", "paper")
    for name, cls in OPTIMIZERS.items():
        hypers = {k: v for k, v in domains(name).items() if k != "lr"}
        text = "\n".join(f"{key} = {default:g} in {domain}" for key, (default, domain) in hypers.items())
        rate = f"{domains(name)['lr'][0]:g}"
        table.add_row(name, cls.label, rate, str(len(cls.state)), text, cls.paper)
    return table


def datasets() -> Table:
    """Name, task, what it is, options with their defaults."""
    table = _table("Datasets", "name", "task", "about", "options")
    for name, known in DATASETS.items():
        options = ", ".join(f"{key} = {value}" for key, value in known.options.items())
        table.add_row(name, known.task, known.about, options)
    return table


def studies(store: Store) -> Table:
    """What the store holds of each study."""
    table = _table("Stored studies", "name", "cells", "trials")
    for study in store.studies():
        table.add_row(study.name, str(study.cells), str(study.trials))
    return table
