"""The confirmation: the tuned rates and the default one on fresh replicates that tuning never saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar

from overshoot.study.experiment.cells import Cell, Choice, PhaseSettings
from overshoot.study.experiment.reader import Reader
from overshoot.study.late import Late
from overshoot.study.phases.phase import MOST_TRIALS, Done, Left, Phase, StackCost, register
from overshoot.study.phases.search import Claim, TunedRates
from overshoot.study.phases.stack import Run, Trial, run_stack, updates_of
from overshoot.study.phases.summary import Part
from overshoot.study.problems.problem import Problem

if TYPE_CHECKING:
    import pandas as pd
else:
    pd = Late("pandas")


class ConfirmRole(StrEnum):
    """Whose rate it is: one that the search tuned, or the optimizer's own."""

    TUNED = "tuned"
    DEFAULT = "default"


@dataclass(frozen=True)
class ConfirmSettings(PhaseSettings, phase="confirm"):
    """On how many `replicates` each rate is run."""

    replicates: int = 10


@dataclass(frozen=True)
class ConfirmSummary(Part):
    """default_rate: the one that was run beside the tuned one."""

    default_rate: float


@dataclass(frozen=True)
class Confirmed(Left):
    """The runs, and the default rate."""

    runs: list[Run]
    default_rate: float

    @property
    def summary(self) -> ConfirmSummary:
        return ConfirmSummary(self.default_rate)


def confirm(cell: Cell, problem: Problem, tuned: Sequence[float]) -> list[Run]:
    """The tuned rates and the default rate on every replicate, each rate once. Nothing else looks at the test
    part."""
    roles = dict.fromkeys([*tuned, cell.default_rate], ConfirmRole.TUNED)
    trials = [
        Trial(Confirm.name, role, rate, f"confirm-{k}")
        for rate, role in (roles | {cell.default_rate: ConfirmRole.DEFAULT}).items()
        for k in range(cell.protocol.of(ConfirmSettings).replicates)
    ]
    return run_stack(cell, problem, trials, tested=True)


def at_rates(trials: pd.DataFrame, tuned: float | pd.Series, default: float | pd.Series) -> pd.DataFrame:
    """The trials of the confirmation at these two rates, for all trials or for each of them, `role` saying at
    which; NaN is no rate. Where both are the same rate its runs stand for both."""
    confirmed = trials["phase"] == Confirm.name
    sides = {ConfirmRole.TUNED: tuned, ConfirmRole.DEFAULT: default}
    return pd.concat(
        [trials[confirmed & (trials["rate"] == rate)].assign(role=role.value) for role, rate in sides.items()]
    )


@register
class Confirm(Phase):
    """The tuned rates and the default one on fresh replicates."""

    name: ClassVar[str] = "confirm"
    rank: ClassVar[int] = 30
    part: ClassVar[type[Part]] = ConfirmSummary

    def read(self, top: Reader, optimizers: Sequence[Choice] | None) -> ConfirmSettings:
        t, default = top.table(self.name), ConfirmSettings()
        settings = ConfirmSettings(t.integer("replicates", default.replicates, low=2, high=MOST_TRIALS))
        t.done()
        return settings

    def run(self, cell: Cell, problem: Problem, done: Done) -> Confirmed:
        return Confirmed(confirm(cell, problem, done.of(TunedRates).rates), cell.default_rate)

    def stacks(self, cell: Cell, samples: int) -> Sequence[StackCost]:
        """If each claim has a rate of its own."""
        replicates = cell.protocol.of(ConfirmSettings).replicates
        return [StackCost((len(Claim) + 1) * replicates, updates_of(cell, samples))]
