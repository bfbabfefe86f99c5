"""What an optimizer is: hyperparameters, named state arrays and one update rule.

An optimizer never sees layers. It sees `theta` and the gradient as flat (R, P) arrays, one row for
each trial of the stack, and returns the step that the training loop subtracts. To add one, write a
class in this package and decorate it with `register`: the block carries the name, label, source,
default rate and search range, and every table, check and test reads them from there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np

from core.domain import NON_NEGATIVE, Hyper, check_hyper, hyper
from core.names import lookup, suggest

State = dict[str, np.ndarray]
Shapes = tuple[tuple[int, ...], ...]
"""Of the layers in `theta: (R, P)`, one after the other: (fan_out, fan_in + 1), the bias last, or (n,)."""


@dataclass(frozen=True, eq=False)
class Optimizer:
    """Base of all update rules.

    Every hyperparameter is a number, or R numbers: one for each trial. They are checked against
    their domains at construction (ValueError).
    """

    name: ClassVar[str]
    label: ClassVar[str]
    paper: ClassVar[str]
    search: ClassVar[tuple[float, float]]
    state: ClassVar[tuple[str, ...]] = ()
    shapes: ClassVar[Shapes] = ()  # of the layers, in the copy that `prepare` makes

    lr: Hyper = hyper(1e-3, NON_NEGATIVE)

    def __post_init__(self) -> None:
        lengths = {}
        for field in dataclasses.fields(self):
            domain = field.metadata["domain"]
            value = check_hyper(self.name, field.name, getattr(self, field.name), domain)
            object.__setattr__(self, field.name, value)
            if np.ndim(value):
                lengths[field.name] = len(value)
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{self.name}: hyperparameters for different numbers of trials: {lengths}")

    @property
    def hyperparameters(self) -> dict[str, Hyper]:
        """Every hyperparameter by name, the learning rate first."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    @property
    def trials(self) -> int | None:
        """How many trials the hyperparameters are given for; None when all are numbers."""
        return next((len(v) for v in self.hyperparameters.values() if np.ndim(v)), None)

    def prepare(self, shapes: Shapes) -> Optimizer:
        """A copy as `step` expects it: per-trial hyperparameters are (R, 1) columns, and `shapes`
        are those of the layers that theta is made of."""
        new = self._map(lambda v: v[:, None])
        object.__setattr__(new, "shapes", shapes)
        return new

    def keep(self, rows: np.ndarray) -> Optimizer:
        """A copy for the trials selected by the boolean mask `rows: (R,)`."""
        return self._map(lambda v: v[rows])

    def _map(self, change: Callable[[np.ndarray], np.ndarray]) -> Optimizer:
        new = object.__new__(type(self))  # the values were checked when `self` was made
        for name, value in self.hyperparameters.items():
            object.__setattr__(new, name, change(value) if np.ndim(value) else value)
        object.__setattr__(new, "shapes", self.shapes)
        return new

    def init(self, theta: np.ndarray) -> State:
        """State before the first update: zeros like `theta: (R, P)` under each name in `state`."""
        return {key: np.zeros_like(theta) for key in (*self.state, "work")}

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        """The step of update t = 1, 2, ...: the loop sets theta_t = theta_{t-1} - step.

        `g: (R, P)` is the gradient at `theta: (R, P)`; both `g` and the state `s` are overwritten,
        and the returned (R, P) array may be either's memory. `s["work"]` is scratch space.
        """
        raise NotImplementedError


OPTIMIZERS: dict[str, type[Optimizer]] = {}
C = TypeVar("C", bound=Optimizer)


def register(
    name: str, *, label: str, paper: str, search: tuple[float, float]
) -> Callable[[type[C]], type[C]]:
    """Class decorator: freeze the dataclass and enter it in the registry.

    `search` is the range of learning rates that a study explores when it does not name its own.
    """

    def enter(cls: type[C]) -> type[C]:
        frozen = dataclass(frozen=True, eq=False)(cls)
        frozen.name, frozen.label, frozen.paper, frozen.search = name, label, paper, search
        OPTIMIZERS[name] = frozen
        return frozen

    return enter


def domains(name: str) -> Mapping[str, tuple[Any, Any]]:
    """For each hyperparameter of the named optimizer: its default and its domain."""
    fields = dataclasses.fields(lookup(OPTIMIZERS, name, "optimizer"))
    return {f.name: (f.default, f.metadata["domain"]) for f in fields}


def optimizer(name: str, **hyperparameters: Any) -> Optimizer:
    """The registered optimizer `name` with the given hyperparameters, the others at their defaults.

    Each hyperparameter is a number or one number per trial. Raises ValueError for an unknown name
    or option and for a value outside its domain, saying what is allowed.
    """
    cls = lookup(OPTIMIZERS, name, "optimizer")
    known = [f.name for f in dataclasses.fields(cls)]
    for option in hyperparameters:
        if option not in known:
            raise ValueError(
                f"{name}: unknown option {option!r}{suggest(option, known)} (allowed: {', '.join(known)})"
            )
    return cls(**hyperparameters)


def like(value: Hyper, array: np.ndarray) -> Hyper:
    """A coefficient computed in float64, ready to multiply `array` without promoting it."""
    if isinstance(value, np.ndarray):
        return value.astype(array.dtype, copy=False)
    return float(value)


def power(beta: Hyper, t: int) -> Hyper:
    """beta^t, the same bits for a number and for a column (NumPy's vectorised pow may differ)."""
    if isinstance(beta, np.ndarray):
        return np.array([float(b) ** t for b in beta.flat]).reshape(beta.shape)
    return beta**t


def average(a: np.ndarray, beta: Hyper, x: np.ndarray, work: np.ndarray) -> None:
    """a <- beta a + (1 - beta) x, in place; overwrites `work`."""
    np.multiply(x, like(1 - beta, a), out=work)
    a *= like(beta, a)
    a += work


def decay(g: np.ndarray, weight_decay: Hyper, theta: np.ndarray, work: np.ndarray) -> None:
    """g <- g + weight_decay theta (an L2 penalty of weight_decay/2 ||theta||^2), in place."""
    if np.any(weight_decay):
        np.multiply(theta, like(weight_decay, g), out=work)
        g += work
