"""Learning-rate schedules: what the rate is multiplied by as a run goes on.

A schedule is a function of progress, the share of the run's updates that lie behind: (t - 1) / steps
before update t = 1, ..., steps. So one schedule means the same for every batch strategy and budget.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from overshoot.core import domain
from overshoot.core.domain import NON_NEGATIVE, Hyper, Option, RealRange, Tunable, hyper, power

SHARE = RealRange(0, 1)
POSITIVE_SHARE = RealRange(0, 1, "right")


@dataclass(frozen=True, eq=False)
class Schedule(Tunable):
    """Base of all schedules."""

    label: ClassVar[str]

    def factor(self, progress: float) -> Hyper:
        """What the learning rate is multiplied by, for progress in [0, 1): a number or a (R, 1) column."""
        raise NotImplementedError


SCHEDULES: dict[str, type[Schedule]] = {}
C = TypeVar("C", bound=Schedule)


def register(name: str, *, label: str) -> Callable[[type[C]], type[C]]:
    """Class decorator: freeze the dataclass and enter it in the registry."""

    def enter(cls: type[C]) -> type[C]:
        frozen = dataclass(frozen=True, eq=False)(cls)
        frozen.name, frozen.label = name, label
        SCHEDULES[name] = frozen
        return frozen

    return enter


@register("constant", label="constant")
class Constant(Schedule):
    """1."""

    def factor(self, progress: float) -> Hyper:
        return 1.0


@register("step", label="steps")
class Step(Schedule):
    """gamma^k after k whole stretches of `every`, a share of the run.

    As torch's StepLR(step_size = every * steps, gamma).
    """

    every: Hyper = hyper(1 / 3, POSITIVE_SHARE, "length of a stretch, as a share of the run")
    gamma: Hyper = hyper(0.1, POSITIVE_SHARE, "what the rate is multiplied by after each stretch")

    def factor(self, progress: float) -> Hyper:
        # The stretch is over when its last update is, not a rounding error later.
        return power(self.gamma, np.floor(progress / self.every + 1e-9))


@register("cosine", label="cosine")
class Cosine(Schedule):
    """final + (1 - final) (1 + cos(pi progress)) / 2: Loshchilov & Hutter (2017), without restarts.

    As torch's CosineAnnealingLR(T_max = steps, eta_min = final * lr).
    """

    final: Hyper = hyper(0.0, SHARE, "the factor at the end of the run")

    def factor(self, progress: float) -> Hyper:
        return self.final + (1 - self.final) * ((1 + math.cos(math.pi * progress)) / 2)


@register("warmup", label="linear warm-up")
class Warmup(Schedule):
    """From `start` to 1 on a straight line over the first `share` of the run, then 1: Goyal et al. (2017).

    As torch's LinearLR(start_factor = start, total_iters = share * steps), whose start is 1/3 by default.
    """

    share: Hyper = hyper(0.1, POSITIVE_SHARE, "length of the warm-up, as a share of the run")
    start: Hyper = hyper(0.01, SHARE, "the factor at the first update")

    def factor(self, progress: float) -> Hyper:
        return self.start + (1 - self.start) * np.minimum(progress / self.share, 1)


@register("inverse_time", label="1/t")
class InverseTime(Schedule):
    """1 / (1 + decay progress): the rates of Robbins & Monro (1951), which sum to infinity slowly enough.

    As Keras' InverseTimeDecay(decay_steps = steps, decay_rate = decay).
    """

    decay: Hyper = hyper(9.0, NON_NEGATIVE, "by the end of the run the rate is divided by 1 + decay")

    def factor(self, progress: float) -> Hyper:
        return 1 / (1 + self.decay * progress)


def schedule(name: str, **options: Any) -> Schedule:
    """The registered schedule `name` with the given options, the others at their defaults.

    Each option is a number or one number per trial. Raises ValueError for an unknown name or option
    and for a value outside its domain, saying what is allowed.

    Examples:
        >>> from overshoot import core
        >>> cosine = core.schedule("cosine")
        >>> [round(cosine.factor(progress), 2) for progress in (0, 0.25, 0.5, 0.75)]
        [1.0, 0.85, 0.5, 0.15]
    """
    return domain.make(SCHEDULES, "schedule", name, options)


def domains(name: str) -> Mapping[str, Option]:
    """For each option of the named schedule: its default, its domain and what it does."""
    return domain.domains(SCHEDULES, "schedule", name)
