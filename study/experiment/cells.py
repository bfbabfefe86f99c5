"""Cells: what is worked on, run in parallel, stored and resumed as a unit."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from overshoot.core import BatchStrategy, Optimizer, Schedule, optimizer, schedule
from overshoot.core.compiled import default_engine
from overshoot.core.optimizers.base import Recursion
from overshoot.study.plain import plain, restored

PROTOCOL = 8
"""Raised whenever the same cell would give other numbers than before, so that none is reused, and
whenever what is stored of it changes its shape."""


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list | tuple) else value


@dataclass(frozen=True)
class Choice:
    """A registered thing with options: a dataset, an optimizer or a schedule as an experiment names it."""

    name: str
    options: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        # Lists, as TOML and JSON know them, have no hash.
        object.__setattr__(self, "options", _tuples(self.options))

    @property
    def id(self) -> str:
        """The label where it has one; else the name with the options given, `adam` or `adam(beta1=0.5)`, and
        a path by its last part."""
        options = dict(self.options)
        if "label" in options:
            return str(options["label"])
        shown = [f"{k}={_shown(k, v)}" for k, v in self.options if k != "digest"]
        return f"{self.name}({', '.join(shown)})" if shown else self.name

    @property
    def identity(self) -> str:
        """What seeds come from: the content of somebody's own data, the id of everything else."""
        digest = dict(self.options).get("digest")
        return f"data {digest}" if digest else self.id


def _shown(option: str, value: Any) -> str:
    if option == "path":
        return Path(value).name
    return " ".join(value) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class NetworkSpec:
    """Hidden layers of a network; its inputs and outputs come from the dataset.

    loss: a name in `core.LOSSES`, or empty for the one that goes with the dataset's targets.
    """

    name: str
    hidden: tuple[int, ...]
    activation: str = "relu"
    initializer: str = "glorot"
    loss: str = ""

    @property
    def id(self) -> str:
        """The name with the loss, where one is named: `linear` or `linear(loss=rmse)`."""
        return f"{self.name}(loss={self.loss})" if self.loss else self.name


@dataclass(frozen=True)
class Budget:
    """How long a trial trains: at least `examples` examples and at least `epochs` whole epochs.

    `evaluations` is the number of times, spread evenly over the epochs, that the losses are taken.
    """

    examples: int = 20_000
    epochs: int = 40
    evaluations: int = 40


@dataclass(frozen=True)
class Rates:
    """A logarithmic grid of learning rates, both ends included."""

    low: float
    high: float
    per_decade: int = 3


S = TypeVar("S", bound="PhaseSettings")


class PhaseSettings:
    """What an experiment says of one phase: a frozen dataclass of the phase's own, under the phase's name."""

    phase: ClassVar[str]
    kinds: ClassVar[dict[str, type[PhaseSettings]]] = {}

    def __init_subclass__(cls, phase: str) -> None:
        cls.phase = phase
        cls.kinds[phase] = cls


@dataclass(frozen=True)
class Protocol:
    """What is done in every cell. phases: the settings of those that are asked for, by their names' order;
    what is not there has its defaults, or is not done."""

    seed: int = 0
    precision: str = "float32"
    tolerance: float = 0.1
    budget: Budget = Budget()
    phases: tuple[PhaseSettings, ...] = ()

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.phases, key=lambda settings: settings.phase))
        object.__setattr__(self, "phases", ordered)

    def get(self, kind: type[S]) -> S | None:
        """The settings of this kind; None where the experiment has none."""
        return next((settings for settings in self.phases if isinstance(settings, kind)), None)

    def of(self, kind: type[S]) -> S:
        """The settings of this kind, or their defaults."""
        return self.get(kind) or kind()

    def having(self, *phases: PhaseSettings) -> Protocol:
        """The protocol with these settings in place of those of the same phases."""
        kept = [s for s in self.phases if s.phase not in {settings.phase for settings in phases}]
        return dataclasses.replace(self, phases=(*kept, *phases))

    def without(self, kind: type[PhaseSettings]) -> Protocol:
        """The protocol without the settings of this kind."""
        return dataclasses.replace(self, phases=tuple(s for s in self.phases if not isinstance(s, kind)))

    @property
    def tree(self) -> dict[str, Any]:
        """As JSON knows it; each phase's settings under its name."""
        phases = {settings.phase: plain(settings) for settings in self.phases}
        return plain(self) | {"phases": phases}


CONSTANT = Choice("constant")


@dataclass(frozen=True)
class Plugin:
    """A Python file that registers methods: where it is, and the hash of its content."""

    path: str
    digest: str


@dataclass(frozen=True)
class Cell:
    """dataset x network x optimizer x batch strategy, with all that its numbers depend on.

    plugins: the files that registered something that it uses.
    An optimizer under a learning-rate schedule is compared as a method of its own.
    """

    dataset: Choice
    network: NetworkSpec
    optimizer: Choice
    strategy: BatchStrategy
    rates: Rates
    protocol: Protocol
    schedule: Choice = CONSTANT
    plugins: tuple[Plugin, ...] = ()

    @cached_property
    def key(self) -> str:
        """The identity of the cell's results: a hash of all that they depend on, the optimizer's
        defaults and what makes the updates included."""
        used = [tunable.hyperparameters for tunable in (self.make_optimizer(), self.make_schedule())]
        settings = self._tree
        if "digest" in dict(self.dataset.options):  # where its file lies makes no difference
            options = [option for option in self.dataset.options if option[0] != "path"]
            settings["dataset"] = {"name": self.dataset.id, "options": options}
        if self.plugins:
            settings["plugins"] = [plugin.digest for plugin in self.plugins]
        text = json.dumps([PROTOCOL, default_engine(), settings, used], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def definition(self) -> str:
        """The cell as JSON, from which `restore` makes it again."""
        return json.dumps({"version": PROTOCOL} | self._tree, indent=1)

    @property
    def _tree(self) -> dict[str, Any]:
        tree = plain(self) | {"protocol": self.protocol.tree}
        return tree if self.plugins else {k: v for k, v in tree.items() if k != "plugins"}

    @property
    def problem(self) -> str:
        """dataset and network in one word: what optimizers are compared on."""
        return f"{self.dataset.id}/{self.network.id}"

    @property
    def method(self) -> str:
        """The optimizer, and its schedule where the rate is not constant: `adam + warmup`."""
        return self.optimizer.id + (f" + {self.schedule.id}" if self.schedule != CONSTANT else "")

    @property
    def label(self) -> str:
        return f"{self.problem} {self.method} batch {self.strategy.name}"

    def make_optimizer(self, **hyperparameters: Any) -> Optimizer:
        """The cell's optimizer with the given hyperparameters on top of its own."""
        return optimizer(self.optimizer.name, **{**dict(self.optimizer.options), **hyperparameters})

    @property
    def recursion(self) -> Recursion | None:
        """The linear recursion that the method is; None where it is none, as under a schedule."""
        return self.make_optimizer().recursion if self.schedule == CONSTANT else None

    def make_schedule(self) -> Schedule:
        return schedule(self.schedule.name, **dict(self.schedule.options))

    @property
    def default_rate(self) -> float:
        """The library's default rate, or the experiment's where it names one."""
        return float(self.make_optimizer().lr)


class VersionError(ValueError):
    """A stored cell that another version of this program wrote."""

    def __init__(self, version: int | None):
        wrote = "an earlier version" if version is None or version < PROTOCOL else "a later version"
        super().__init__(f"written by {wrote} of this program, in another format")


def restore(definition: str) -> Cell:
    """The cell of a `Cell.definition`; ValueError when it is not one of this version's."""
    tree = json.loads(definition)
    version = tree.pop("version", None) if isinstance(tree, dict) else None
    if version != PROTOCOL:
        raise VersionError(version)
    phases = tree["protocol"].pop("phases") if "protocol" in tree else {}
    if strange := sorted(phases.keys() - PhaseSettings.kinds):
        raise ValueError(f"this version has no phase {strange[0]!r}")
    cell = restored(tree, Cell)
    settings = [restored(values, PhaseSettings.kinds[name]) for name, values in phases.items()]
    return dataclasses.replace(cell, protocol=cell.protocol.having(*settings))
