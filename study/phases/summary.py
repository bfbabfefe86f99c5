"""What is known of a cell when its phases are done: numbers and codes. What they mean is said elsewhere."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from overshoot.study.plain import plain, restored
from overshoot.study.problems.problem import Quadratic

P = TypeVar("P", bound="Part")


class Score(StrEnum):
    """What the scores of a problem are."""

    ACCURACY = "accuracy"
    R_SQUARED = "r_squared"


@dataclass(frozen=True)
class ProblemFacts:
    """What the cell was run on. surface: the loss where it is least squares in two parameters."""

    score: Score
    parameters: int
    training_samples: int
    best_known_loss: float
    surface: Quadratic | None = None


@dataclass(frozen=True)
class Counts:
    """Of the cell's trials, and of the updates that one of them and all of them made."""

    epochs: int
    updates_per_trial: int
    updates_total: int
    trials: int
    trials_converged: int
    trials_diverged: int


class Part:
    """What one phase leaves in a summary: a frozen dataclass. Its fields go by the same names everywhere,
    in tables and in MLflow too; None is what does not exist."""


@dataclass(frozen=True)
class Summary:
    """A cell's summary. seconds: of each phase. parts: what each phase that ran left, by the phase's name.
    processor: what its last bits depend on; empty where it was not written down."""

    problem: ProblemFacts
    counts: Counts
    seconds: Mapping[str, float] = field(default_factory=dict)
    parts: Mapping[str, Part] = field(default_factory=dict)
    processor: str = ""

    def get(self, kind: type[P]) -> P | None:
        """The part of this kind; None where its phase did not run."""
        return next((part for part in self.parts.values() if isinstance(part, kind)), None)

    def part(self, kind: type[P]) -> P:
        """The part of this kind; KeyError where its phase did not run."""
        present = self.get(kind)
        if present is None:
            raise KeyError(f"no {kind.__name__} in this summary: its phase did not run")
        return present

    def flat(self) -> dict[str, Any]:
        """Every field by its name, and `seconds_<phase>`; what is None is left out."""
        parts = [self.problem, self.counts, *self.parts.values()]
        values: dict[str, Any] = {}
        for part in parts:
            fields = {f.name: getattr(part, f.name) for f in dataclasses.fields(part)}  # type: ignore[arg-type]
            assert not values.keys() & fields, f"two parts have {sorted(values.keys() & fields)}"
            values |= fields
        values |= {f"seconds_{name}": seconds for name, seconds in self.seconds.items()}
        values["processor"] = self.processor or None
        values = {name: v.value if isinstance(v, StrEnum) else v for name, v in values.items()}
        return {name: value for name, value in values.items() if value is not None}


def encode(value: Any) -> str:
    """A value of the house's types as JSON; not a number and infinities as Python's JSON writes them."""
    return json.dumps(plain(value), indent=1)


def decode(text: str, kinds: Mapping[str, type[Part]]) -> Summary:
    """The summary that `encode` wrote. kinds: of the parts, by the names of their phases.

    ValueError where the text is no summary of this version.
    """
    tree = json.loads(text)
    if not isinstance(tree, dict) or not isinstance(tree.get("parts"), dict):
        raise ValueError("this is no cell's summary as this version writes it")
    parts = tree.pop("parts")
    if strange := sorted(parts.keys() - kinds):
        raise ValueError(f"this version has no phase {strange[0]!r}: its phases are {', '.join(kinds)}")
    whole = restored(tree, Summary)
    read = {name: restored(value, kinds[name]) for name, value in parts.items()}
    return dataclasses.replace(whole, parts=read)
