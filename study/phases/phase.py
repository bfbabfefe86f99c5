"""What a phase is: one block with its settings, its work, its cost and what it leaves.

A module of this package that defines a subclass of `Phase` under `@register` adds one; nothing else has to
know of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import numpy as np

from overshoot.study.experiment.cells import Cell, Choice, PhaseSettings
from overshoot.study.experiment.reader import Reader
from overshoot.study.phases.stack import Run
from overshoot.study.phases.summary import Part
from overshoot.study.problems.problem import Problem

PHASES: dict[str, Phase] = {}
"""Name of a phase -> the phase. Use `in_order` or `phases_of` to go through them."""


MOST_TRIALS = 10**5
"""Of one phase of a cell: more is a slip of the keyboard."""


class Left:
    """What a phase hands on, to the phases after it and to the cell's result.

    runs: that it trained, in order. summary: its part of the cell's summary, None for none. columns: of the
    table of trials, for all runs of the cell up to now, itself included.
    """

    runs: Sequence[Run]

    @property
    def summary(self) -> Part | None:
        return None

    @property
    def columns(self) -> Mapping[str, np.ndarray]:
        return {}


L = TypeVar("L", bound=Left)
P = TypeVar("P", bound="Phase")


@dataclass(frozen=True)
class Done:
    """What the phases that ran so far have left, by their names, in the order in which they ran."""

    left: Mapping[str, Left]

    def of(self, kind: type[L]) -> L:
        """What one of them left, by its type; KeyError where that phase did not run."""
        for left in self.left.values():
            if isinstance(left, kind):
                return left
        raise KeyError(f"no phase before this one left a {kind.__name__}")

    @property
    def runs(self) -> list[Run]:
        return [run for left in self.left.values() for run in left.runs]


@dataclass(frozen=True)
class StackCost:
    """The cost of trials that train together: how many, for how many updates each if none leaves early, and
    how many products with the Hessian are taken besides."""

    trials: int
    updates: int
    products: int = 0


class Phase(ABC):
    """One phase of a cell.

    name: of its table in an experiment file, of its trials, and of its part of the summary. rank: its place
    in the order in which phases run; there is room between those of two neighbours. part: the kind of its
    part of the summary.
    """

    name: ClassVar[str]
    rank: ClassVar[int]
    part: ClassVar[type[Part]]

    def read(self, top: Reader, optimizers: Sequence[Choice] | None) -> PhaseSettings | None:
        """Its settings from the experiment file `top`; None where it has none, or is not asked for.

        optimizers: the experiment's; None where they could not be read.
        """
        return None

    def fault(self, cells: Sequence[Cell]) -> str:
        """What is wrong with an experiment of these cells as a whole; empty where nothing is."""
        return ""

    def asked(self, cell: Cell) -> bool:
        """Whether it runs in the cell."""
        return True

    @abstractmethod
    def run(self, cell: Cell, problem: Problem, done: Done) -> Left:
        """Its work, after that of the phases before it."""

    def stacks(self, cell: Cell, samples: int) -> Sequence[StackCost]:
        """What it trains, on so many training samples, as far as that is known beforehand."""
        return ()


def register(kind: type[P]) -> type[P]:
    """Make a phase known; ValueError where its name or its rank is taken."""
    taken = {phase.rank: name for name, phase in PHASES.items()} | {name: name for name in PHASES}
    for what in (kind.name, kind.rank):
        if what in taken:
            raise ValueError(f"{kind.__name__}: {what!r} is taken by the phase {taken[what]!r}")
    PHASES[kind.name] = kind()
    return kind


def in_order() -> list[Phase]:
    """All phases in the order in which they run."""
    return sorted(PHASES.values(), key=lambda phase: phase.rank)


def phases_of(cell: Cell) -> list[Phase]:
    """Those that run in the cell, in order."""
    return [phase for phase in in_order() if phase.asked(cell)]


def parts() -> dict[str, type[Part]]:
    """Name of a phase -> the kind of its part of the summary."""
    return {phase.name: phase.part for phase in in_order()}
