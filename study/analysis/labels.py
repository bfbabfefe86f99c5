"""What problems, optimizers and batch strategies are called, and in which order they are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from overshoot.core import LOSSES, OPTIMIZERS, SCHEDULES, BatchStrategy, Optimizer, Schedule
from overshoot.core.batches import ORDERS


@dataclass(frozen=True)
class Names:
    """Stored name -> label, in the order of display: problems and optimizers as stored, which is the
    order of the experiment file, batch strategies from the full batch to a single sample."""

    problems: dict[str, str]
    optimizers: dict[str, str]
    batches: dict[str, str]

    @property
    def order(self) -> dict[str, dict[str, int]]:
        """Column name -> value -> its place."""
        columns = {"problem": self.problems, "optimizer": self.optimizers, "batch": self.batches}
        return {column: {v: i for i, v in enumerate(names)} for column, names in columns.items()}


def names_of(cells: Iterable[Mapping[str, str]]) -> Names:
    """The names in cells' tags `dataset`, `network`, `optimizer` and `batch`.

    A problem goes by its dataset alone where the study trains one network on it, and at the loss that
    goes with the dataset.
    """
    cells = list(cells)
    problems = {problem_of(tags): (tags["dataset"], tags["network"]) for tags in cells}
    several = Counter(dataset for dataset, _ in problems.values())
    return Names(
        {p: _problem_label(d, network, several[d] > 1) for p, (d, network) in problems.items()},
        {o: optimizer_label(o) for o in dict.fromkeys(tags["optimizer"] for tags in cells)},
        {b: BatchStrategy.named(b).label for b in sorted({tags["batch"] for tags in cells}, key=_place)},
    )


def problem_of(tags: Mapping[str, str]) -> str:
    """dataset and network in one word: what optimizers are compared on."""
    return f"{tags['dataset']}/{tags['network']}"


DATASETS = {"breast_cancer": "breast cancer", "friedman1": "Friedman 1", "ill_conditioned": "ill-conditioned"}
"""Datasets that people write in another way than the experiment file does."""


def dataset_label(dataset: str) -> str:
    """The dataset as people write it, its options apart: `digits (samples=600)`."""
    name, bracket, options = dataset.partition("(")
    return DATASETS.get(name, name) + (f" ({options}" if bracket else "")


def _problem_label(dataset: str, network: str, several: bool) -> str:
    """`dataset / network`, the network where there are `several`; with the loss that it names."""
    name, _, loss = network.removesuffix(")").partition("(loss=")
    label = dataset_label(dataset)
    if several:
        label = f"{label} / {name}"
    return f"{label}, {LOSSES[loss].label if loss in LOSSES else loss}" if loss else label


def optimizer_label(method: str) -> str:
    """The registries' labels of a stored optimizer and its schedule, their options kept:
    `Adam (beta1=0.5) + linear warm-up`.

    A name that this version does not know is its own label.
    """
    optimizer, plus, schedule = method.partition(" + ")
    return _label(optimizer, OPTIMIZERS) + (plus + _label(schedule, SCHEDULES) if plus else "")


def family(method: str) -> str:
    """The module that a stored optimizer is written in, its family's; empty for one not known here."""
    base = OPTIMIZERS.get(method.partition(" + ")[0].partition("(")[0])
    return base.__module__.rpartition(".")[2] if base else ""


def _label(name: str, registry: Mapping[str, type[Optimizer] | type[Schedule]]) -> str:
    base, bracket, options = name.partition("(")
    if base not in registry:
        return name
    return registry[base].label + (f" ({options}" if bracket else "")


def _place(batch: str) -> tuple[float, int]:
    strategy = BatchStrategy.named(batch)
    return -float(strategy.size or float("inf")), list(ORDERS).index(strategy.order)
