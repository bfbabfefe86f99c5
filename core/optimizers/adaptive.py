"""Methods that scale each coordinate by a history of its squared gradients."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.domain import FRACTION, NON_NEGATIVE, Hyper, hyper
from overshoot.core.optimizers.base import (
    EPS,
    LR,
    PENALTY,
    Optimizer,
    State,
    average,
    decay,
    like,
    ratio,
    register,
)


@register(
    "adagrad",
    label="AdaGrad",
    paper="Duchi, Hazan & Singer (2011), diagonal form",
    search=(1e-5, 1e2),
    defaults="torch.optim.Adagrad",
    elsewhere={"Keras": 0.001},
)
class AdaGrad(Optimizer):
    """v_t = v_{t-1} + g_t^2;  theta_t = theta_{t-1} - lr g_t / (sqrt(v_t) + eps).

    As torch.optim.Adagrad with lr_decay = 0. Keras starts v at 0.1 and puts eps (1e-7) inside the
    root; torch and this start at 0 with eps = 1e-10 outside it.
    """

    state = ("v",)
    accumulates = True
    lr: Hyper = hyper(1e-2, NON_NEGATIVE, LR)
    eps: Hyper = hyper(1e-10, NON_NEGATIVE, EPS)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        v, work = s["v"], s["work"]
        decay(g, self.weight_decay, theta, work)
        v += np.multiply(g, g, out=work)
        np.sqrt(v, out=work)
        work += like(self.eps, work)
        g /= work
        g *= like(self.lr, g)
        return g


@register(
    "rmsprop",
    label="RMSprop",
    paper="Tieleman & Hinton (2012), lecture 6.5",
    search=(1e-5, 1e2),
    defaults="torch.optim.RMSprop",
    elsewhere={"Keras": 0.001},
)
class RMSprop(Optimizer):
    """v_t = alpha v_{t-1} + (1 - alpha) g_t^2;  theta_t = theta_{t-1} - lr g_t / (sqrt(v_t) + eps).

    As torch.optim.RMSprop: v starts at 0 without a bias correction, so the first step is
    lr / sqrt(1 - alpha) in every coordinate, ten times lr at the default. Keras puts eps (1e-7)
    inside the root and has alpha = 0.9; the lecture names no eps.
    """

    state = ("v",)
    lr: Hyper = hyper(1e-2, NON_NEGATIVE, LR)
    alpha: Hyper = hyper(0.99, FRACTION, "share of the past in the running mean of squares, v")
    eps: Hyper = hyper(1e-8, NON_NEGATIVE, EPS)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        v, work = s["v"], s["work"]
        decay(g, self.weight_decay, theta, work)
        v *= like(self.alpha, v)
        np.multiply(g, g, out=work)
        work *= like(1 - self.alpha, work)
        v += work
        np.sqrt(v, out=work)
        work += like(self.eps, work)
        g /= work
        g *= like(self.lr, g)
        return g

    def critical_rate(self, curvature: ArrayLike) -> Hyper | None:
        return ratio(2, curvature)

    def preconditioner(self, s: State, t: int) -> np.ndarray | None:
        return np.asarray(np.sqrt(s["v"]) + self.eps)


@register(
    "rmsprop_centered",
    label="RMSprop (centered)",
    paper="Graves (2013), equations 38-45",
    search=(1e-5, 1e2),
    defaults="torch.optim.RMSprop",
    elsewhere={"Keras": 0.001},
)
class CenteredRMSprop(Optimizer):
    """m_t = alpha m_{t-1} + (1 - alpha) g_t;  w_t = alpha (w_{t-1} + (1 - alpha) (g_t - m_{t-1})^2);
    theta_t = theta_{t-1} - lr g_t / (sqrt(w_t) + eps).

    w is the average of g^2 less the square of the average of g, as in torch.optim.RMSprop(centered=True).
    torch, Keras and optax subtract the two, which cancels: after thousands of steps with a nearly
    constant gradient the difference is negative by rounding and torch's step is NaN. The recurrence
    above is the same number and never negative. Graves and Keras put eps (1e-4, 1e-7) inside the root,
    and Graves adds momentum 0.9.
    """

    state = ("m", "w")
    lr: Hyper = hyper(1e-2, NON_NEGATIVE, LR)
    alpha: Hyper = hyper(0.99, FRACTION, "share of the past in the running mean of squares, v")
    eps: Hyper = hyper(1e-8, NON_NEGATIVE, EPS)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        m, w, work = s["m"], s["w"], s["work"]
        decay(g, self.weight_decay, theta, work)
        np.subtract(g, m, out=work)
        work *= work
        work *= like(1 - self.alpha, work)
        w += work
        w *= like(self.alpha, w)
        average(m, self.alpha, g, work)
        np.sqrt(w, out=work)
        work += like(self.eps, work)
        g /= work
        g *= like(self.lr, g)
        return g

    def critical_rate(self, curvature: ArrayLike) -> Hyper | None:
        return ratio(2, curvature)

    def preconditioner(self, s: State, t: int) -> np.ndarray | None:
        return np.asarray(np.sqrt(s["w"]) + self.eps)


@register(
    "adadelta",
    label="AdaDelta",
    paper="Zeiler (2012), Algorithm 1",
    search=(1e-5, 1e2),
    defaults="torch.optim.Adadelta",
    elsewhere={"Keras": 0.001},
)
class AdaDelta(Optimizer):
    """v_t = rho v_{t-1} + (1 - rho) g_t^2;  d_t = sqrt(u_{t-1} + eps) / sqrt(v_t + eps) g_t;
    u_t = rho u_{t-1} + (1 - rho) d_t^2;  theta_t = theta_{t-1} - lr d_t.

    As torch.optim.Adadelta. The paper has no lr (that is lr = 1, torch's default) and rho = 0.95, where
    torch has 0.9; Keras has lr = 0.001, rho = 0.95 and eps = 1e-7 instead of 1e-6.
    """

    state = ("v", "u")
    lr: Hyper = hyper(1.0, NON_NEGATIVE, LR)
    rho: Hyper = hyper(
        0.9, FRACTION, "share of the past in the running means of squared gradients and of squared steps"
    )
    eps: Hyper = hyper(
        1e-6,
        NON_NEGATIVE,
        "added to both means of squares within their roots; it sets the size of the first steps",
    )
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        v, u, work = s["v"], s["u"], s["work"]
        decay(g, self.weight_decay, theta, work)
        average(v, self.rho, g * g, work)
        eps = like(self.eps, work)
        np.sqrt(np.add(u, eps, out=work), out=work)
        g *= work
        np.sqrt(np.add(v, eps, out=work), out=work)
        g /= work
        average(u, self.rho, g * g, work)
        g *= like(self.lr, g)
        return g
