"""What an optimizer is: hyperparameters, named state arrays and one update rule.

An optimizer sees `theta` and the gradient as flat (R, P) arrays, one row for each trial of the
stack, and returns the step that the training loop subtracts. The few methods that treat each layer
as a matrix cut these arrays at `self.shapes`. To add one, write a class in this package and decorate
it with `register`: the block carries the name, label, source, default rate and search range, and every
table, check and test reads them from there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core import domain
from overshoot.core.domain import NON_NEGATIVE, Hyper, Tunable, hyper

State = dict[str, np.ndarray]
Shapes = tuple[tuple[int, ...], ...]
"""Of the layers in `theta: (R, P)`, one after the other: (fan_out, fan_in + 1), the bias last, or (n,)."""


LR = "learning rate: what each step is multiplied by"
MOMENTUM = "share of the velocity that is kept at each step"
BETA1 = "share of the past in the running mean of gradients, m"
BETA2 = "share of the past in the running mean of squared gradients, v"
EPS = "added to the root that a step is divided by, so that it is never zero"
PENALTY = "L2 penalty: so much of the parameters is added to the gradient"
DECOUPLED = "decoupled decay: lr times so much of the parameters is added to the step"
"""What the hyperparameters do that many methods have."""


@dataclass(frozen=True)
class Recursion:
    """A method whose steps are linear in the gradients, with at most one velocity:

    theta_t = theta_{t-1} - rate (kick g_t + carry v_{t-1});  v_t = momentum v_{t-1} + feed g_t,

    where g_t includes `weight_decay` times theta_{t-1}.
    """

    kick: float = 1.0
    carry: float = 0.0
    momentum: float = 0.0
    feed: float = 0.0
    weight_decay: float = 0.0

    def multiplier(self, rate: float, curvature: ArrayLike) -> np.ndarray:
        """The factor (R,) by which an update with full batches changes the distance to the optimum of a
        quadratic, in the long run, along directions of this `curvature: (R,)`, the penalty left out.

        The magnitude of the larger root of z^2 - (1 - rate kick L + momentum) z
        + momentum (1 - rate kick L) + rate carry feed L, L the curvature with the penalty: |1 - rate L| for
        gradient descent. Above one it diverges; at the critical rate of the largest curvature it is one.
        """
        step = rate * np.add(curvature, self.weight_decay)
        s = 1 - self.kick * step + self.momentum
        p = self.momentum * (1 - self.kick * step) + self.carry * self.feed * step
        inside = s * s - 4 * p
        real = (np.abs(s) + np.sqrt(np.maximum(inside, 0))) / 2
        return np.where(inside < 0, np.sqrt(np.abs(p)), real)


@dataclass(frozen=True, eq=False)
class Optimizer(Tunable):
    """Base of all update rules."""

    label: ClassVar[str]
    paper: ClassVar[str]
    search: ClassVar[tuple[float, float]]
    defaults: ClassVar[str]
    elsewhere: ClassVar[Mapping[str, float]]
    state: ClassVar[tuple[str, ...]] = ()
    bounded: ClassVar[bool] = True  # a step may be finite where the gradient is not: the loop looks at both
    accumulates: ClassVar[bool] = False  # it divides by all past squares: steps shrink as 1 / sqrt(t)
    shapes: ClassVar[Shapes] = ()  # of the layers, in the copy that `prepare` makes

    lr: Hyper = hyper(1e-3, NON_NEGATIVE, LR)

    @property
    def decays(self) -> bool:
        """Whether it draws the parameters to zero, by a penalty or apart from the gradient."""
        return bool(np.any(self.hyperparameters.get("weight_decay", 0)))

    def prepare(self, shapes: Shapes) -> Self:
        """A copy as `step` expects it: per-trial hyperparameters are (R, 1) columns, and `shapes`
        are those of the layers that theta is made of."""
        return self.columns()._with(shapes=shapes)

    def scaled(self, factor: Hyper) -> Self:
        """A copy whose learning rate is multiplied by `factor`, a number or a (R, 1) column."""
        constant = not isinstance(factor, np.ndarray) and factor == 1
        return self if constant else self._with(lr=self.lr * factor)

    def init(self, theta: np.ndarray) -> State:
        """State before the first update: zeros like `theta: (R, P)` under each name in `state`.

        Methods may add arrays of other shapes; the first axis is always that of the R trials.
        """
        return {key: np.zeros(theta.shape, theta.dtype) for key in (*self.state, "work")}

    def probe(self, theta: np.ndarray, t: int) -> np.ndarray | None:
        """A direction v (P,) if update t wants v * (H v) in `s["curvature"]`, H the Hessian at theta."""
        return None

    def point(self, theta: np.ndarray, s: State) -> np.ndarray:
        """The point (R, P) that the method proposes: theta itself, unless it averages."""
        return theta

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        """The step of update t = 1, 2, ...: the loop sets theta_t = theta_{t-1} - step.

        `g: (R, P)` is the gradient at `theta: (R, P)`; both `g` and the state `s` are overwritten,
        and the returned (R, P) array may be either's memory. `s["work"]` is scratch space.
        """
        raise NotImplementedError

    @property
    def recursion(self) -> Recursion | None:
        """The method as a linear recursion; None where it is none, as where it divides by what it has seen.

        Its hyperparameters must be single numbers.
        """
        return None

    def critical_rate(self, curvature: ArrayLike) -> Hyper | None:
        """The constant learning rate, () or (R,), above which full batches diverge on a quadratic; None
        where there is no such rate, or none is known.

        curvature: () or (R,), the largest eigenvalue of the Hessian H; for a method that divides its
            step by P, of P^-1 H with P held where it is, and an L2 penalty within H. A penalty of a
            method without P and a decay apart from the gradient are the method's own, and added here.

        Infinite where nothing curves upwards. On a quadratic the limit is exact (for adaptive methods,
        as long as P stays); on a network it is that of a step's neighbourhood, where training hovers
        rather than diverges (Cohen et al. 2021, 2022). `lr` itself does not matter.
        """
        return None

    def critical_curvature(self) -> Hyper | None:
        """The largest curvature, () or (R,), at which `lr` is stable: where `critical_rate` is `lr`."""
        rates = self.critical_rate(1.0), self.critical_rate(2.0)
        if rates[0] is None or rates[1] is None:
            return None
        slope = 1 / rates[1] - 1 / rates[0]  # the inverse of a critical rate is linear in the curvature
        return 1 + (ratio(1, self.lr) - 1 / rates[0]) / slope

    def preconditioner(self, s: State, t: int) -> np.ndarray | None:
        """P (R, P), by which update t = 1, 2, ... has divided its step, in state `s` after it; None for a
        method that divides by nothing, or of which it is not known.

        Corrections of a bias are part of it, so that along a fixed P an update is that of
        the method without them: theta_t = theta_{t-1} - lr P^-1 m_t (Cohen et al. 2022).
        """
        return None


def ratio(numerator: Hyper, denominator: ArrayLike) -> Hyper:
    """A critical rate in its closed form: infinite where the denominator is not positive."""
    bottom = np.asarray(denominator, dtype=np.float64)
    rates = np.full(np.broadcast_shapes(np.shape(numerator), bottom.shape), np.inf)
    np.divide(numerator, bottom, out=rates, where=bottom > 0)
    return rates if rates.ndim else float(rates)


OPTIMIZERS: dict[str, type[Optimizer]] = {}
C = TypeVar("C", bound=Optimizer)


def register(
    name: str,
    *,
    label: str,
    paper: str,
    search: tuple[float, float],
    defaults: str,
    elsewhere: Mapping[str, float] = MappingProxyType({}),
) -> Callable[[type[C]], type[C]]:
    """Class decorator: freeze the dataclass and enter it in the registry.

    search: the range of learning rates that a study explores when it does not name its own.
    defaults: whose the default hyperparameters are. elsewhere: framework -> its default learning rate, where
    that is another one, as of Keras 3.15.
    """

    def enter(cls: type[C]) -> type[C]:
        frozen = dataclass(frozen=True, eq=False)(cls)
        frozen.name, frozen.label, frozen.paper = name, label, paper
        frozen.search, frozen.defaults, frozen.elsewhere = search, defaults, elsewhere
        OPTIMIZERS[name] = frozen
        return frozen

    return enter


def domains(name: str) -> Mapping[str, domain.Option]:
    """For each hyperparameter of the named optimizer: its default, its domain and what it does."""
    return domain.domains(OPTIMIZERS, "optimizer", name)


def optimizer(name: str, **hyperparameters: Any) -> Optimizer:
    """The registered optimizer `name` with the given hyperparameters, the others at their defaults.

    Each hyperparameter is a number or one number per trial. Raises ValueError for an unknown name
    or option and for a value outside its domain, saying what is allowed.

    Examples:
        >>> from overshoot import core
        >>> core.optimizer("momentum", momentum=0.9).critical_rate(curvature=10.0)
        0.38
        >>> core.optimizer("nestrov")
        Traceback (most recent call last):
            ...
        ValueError: unknown optimizer 'nestrov'; did you mean "nesterov"? (allowed: ...)
    """
    return domain.make(OPTIMIZERS, "optimizer", name, hyperparameters)


def like(value: Hyper, array: np.ndarray) -> Hyper:
    """A coefficient computed in float64, ready to multiply `array` without promoting it."""
    return value.astype(array.dtype, copy=False) if hasattr(value, "astype") else float(value)


def average(a: np.ndarray, beta: Hyper, x: np.ndarray, work: np.ndarray) -> None:
    """a <- beta a + (1 - beta) x, in place; overwrites `work`."""
    np.multiply(x, like(1 - beta, a), out=work)
    a *= like(beta, a)
    a += work


def accumulate(a: np.ndarray, beta: Hyper, x: np.ndarray) -> None:
    """a <- beta a + x, in place: what `average` gives over 1 - beta, in two passes instead of three."""
    a *= like(beta, a)
    a += x


def decay(g: np.ndarray, weight_decay: Hyper, theta: np.ndarray, work: np.ndarray) -> None:
    """g <- g + weight_decay theta (an L2 penalty of weight_decay/2 ||theta||^2), in place."""
    if _some(weight_decay):
        np.multiply(theta, like(weight_decay, g), out=work)
        g += work


def shrink(step: np.ndarray, rate: Hyper, theta: np.ndarray, work: np.ndarray) -> None:
    """step <- step + rate theta, in place: a decay apart from the gradient's history."""
    if _some(rate):
        step += np.multiply(theta, like(rate, work), out=work)


def _some(value: Hyper) -> bool:
    """Whether any trial has a value other than zero."""
    return bool(value.any()) if hasattr(value, "any") else value != 0  # np.any takes 3 us


def layers(a: np.ndarray, shapes: Shapes) -> list[np.ndarray]:
    """Views of `a: (R, P)`, one (R, fan_out, fan_in + 1) for each layer; (R, 1, n) for one of shape (n,)."""
    views, start = [], 0
    for shape in shapes:
        rows, columns = shape if len(shape) == 2 else (1, *shape)
        views.append(a[:, start : start + rows * columns].reshape(len(a), rows, columns))
        start += rows * columns
    return views


def norm(a: np.ndarray) -> np.ndarray:
    """Euclidean norm of each trial's entries, with axes of length one in place of theirs."""
    return np.sqrt(total(a * a))


def total(a: np.ndarray) -> np.ndarray:
    """Sum of each trial's entries, with axes of length one in place of theirs."""
    # Over contiguous rows: the order of the additions, and so the bits, does not depend on the stack.
    sums = np.add.reduce(a.reshape(len(a), -1), axis=1)
    return sums.reshape(-1, *[1] * (a.ndim - 1))
