"""Gradient descent and its classical momentum variants."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.domain import FRACTION, NON_NEGATIVE, Hyper, hyper
from overshoot.core.optimizers.base import (
    MOMENTUM,
    PENALTY,
    Optimizer,
    Recursion,
    State,
    decay,
    like,
    ratio,
    register,
)


@register(
    "sgd",
    label="Gradient descent",
    paper="Cauchy (1847); Robbins & Monro (1951)",
    search=(1e-5, 1e2),
    defaults="torch.optim.SGD",
    elsewhere={"Keras": 0.01},
)
class GradientDescent(Optimizer):
    """theta_t = theta_{t-1} - lr (g_t + weight_decay theta_{t-1}).

    As torch.optim.SGD without momentum. Keras' SGD defaults to lr = 0.01 where torch has 0.001;
    scikit-learn's MLP divides its L2 penalty by the batch's size.
    """

    bounded = False
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        decay(g, self.weight_decay, theta, s["work"])
        g *= like(self.lr, g)
        return g

    @property
    def recursion(self) -> Recursion:
        return Recursion(weight_decay=float(self.weight_decay))

    def critical_rate(self, curvature: ArrayLike) -> Hyper | None:
        return ratio(2, np.add(curvature, self.weight_decay))


@register(
    "momentum",
    label="Heavy ball",
    paper="Polyak (1964)",
    search=(1e-5, 1e2),
    defaults="torch.optim.SGD, with momentum 0.9 for its 0",
    elsewhere={"Keras": 0.01},
)
class HeavyBall(Optimizer):
    """v_t = momentum v_{t-1} + g_t;  theta_t = theta_{t-1} - lr v_t.

    As torch.optim.SGD(momentum=...): the rate multiplies the velocity when it is applied. Polyak,
    Keras and scikit-learn keep lr inside the velocity (v = momentum v - lr g), which is the same
    path while lr is constant and a different one under a schedule. torch sets v_1 = g_1 whatever
    the dampening, and so does this: dampening starts with the second step. torch and Keras have
    momentum = 0 by default, scikit-learn 0.9.
    """

    state, bounded = ("v",), False
    momentum: Hyper = hyper(0.9, FRACTION, MOMENTUM)
    dampening: Hyper = hyper(
        0.0, FRACTION, "share of the gradient that the velocity leaves out, from the second step on"
    )
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        v = s["v"]
        decay(g, self.weight_decay, theta, s["work"])
        if t > 1:
            g *= like(1 - self.dampening, g)
        v *= like(self.momentum, v)
        v += g
        return np.multiply(v, like(self.lr, v), out=g)

    @property
    def recursion(self) -> Recursion:
        b, share = float(self.momentum), 1 - float(self.dampening)
        return Recursion(share, b, b, share, float(self.weight_decay))

    def critical_rate(self, curvature: ArrayLike) -> Hyper | None:
        b = self.momentum
        return ratio(2 * (1 + b), (1 - self.dampening) * np.add(curvature, self.weight_decay))


@register(
    "nesterov",
    label="Nesterov",
    paper="Nesterov (1983); Sutskever et al. (2013)",
    search=(1e-5, 1e2),
    defaults="torch.optim.SGD, with momentum 0.9 for its 0",
    elsewhere={"Keras": 0.01},
)
class Nesterov(Optimizer):
    """v_t = momentum v_{t-1} + g_t;  theta_t = theta_{t-1} - lr (g_t + momentum v_t).

    As torch.optim.SGD(nesterov=True), Keras and scikit-learn: the iterate is the look-ahead point
    of Nesterov's scheme, so gradients are taken where the loss is reported. Nesterov's paper lets
    the momentum grow with t; here, as in all three libraries, it is constant. torch and Keras have
    momentum = 0 by default, scikit-learn 0.9.
    """

    state, bounded = ("v",), False
    momentum: Hyper = hyper(0.9, FRACTION, MOMENTUM)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        v, work = s["v"], s["work"]
        decay(g, self.weight_decay, theta, work)
        v *= like(self.momentum, v)
        v += g
        g += np.multiply(v, like(self.momentum, v), out=work)
        g *= like(self.lr, g)
        return g

    @property
    def recursion(self) -> Recursion:
        b = float(self.momentum)
        return Recursion(1 + b, b * b, b, 1.0, float(self.weight_decay))

    def critical_rate(self, curvature: ArrayLike) -> Hyper | None:
        b = self.momentum
        return ratio(2 * (1 + b), (1 + 2 * b) * np.add(curvature, self.weight_decay))
