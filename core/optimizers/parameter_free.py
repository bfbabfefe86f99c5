"""Methods that find their own learning rate; `lr` multiplies what they find."""

from __future__ import annotations

import numpy as np

from overshoot.core.domain import FRACTION, NON_NEGATIVE, POSITIVE, Hyper, hyper
from overshoot.core.optimizers.base import (
    DECOUPLED,
    EPS,
    PENALTY,
    Optimizer,
    State,
    average,
    decay,
    like,
    norm,
    register,
    shrink,
    total,
)


@register(
    "dog", label="DoG", paper="Ivgi, Hinder & Carmon (2023)", search=(1e-5, 1e2), defaults="dog-optimizer"
)
class DoG(Optimizer):
    """theta_t = theta_{t-1} - eta_t g_t,  eta_t = lr r_t / sqrt(|g_1|^2 + ... + |g_t|^2 + eps), where r_t is
    the largest of |theta_i - theta_0| for i < t and of reps_rel (1 + |theta_0|).

    As the authors' dog-optimizer, all parameters as one vector. The paper has lr = 1 and analyses a
    weighted average of the iterates; this, like the code without its averager, proposes the last one.
    """

    state = ("start",)
    lr: Hyper = hyper(1.0, NON_NEGATIVE, "what the step size that the method finds is multiplied by")
    reps_rel: Hyper = hyper(1e-6, POSITIVE, "first distance from the start, relative to 1 + its norm")
    eps: Hyper = hyper(1e-8, POSITIVE, "added to the sum of squared norms")
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def init(self, theta: np.ndarray) -> State:
        distance = np.broadcast_to(self.reps_rel, (len(theta), 1)) * (1 + norm(theta).astype(np.float64))
        squares = np.full((len(theta), 1), self.eps)
        return {**super().init(theta), "start": theta.copy(), "distance": distance, "squares": squares}

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        decay(g, self.weight_decay, theta, s["work"])
        np.maximum(s["distance"], norm(theta - s["start"]), out=s["distance"])
        s["squares"] += total(g * g)
        g *= like(self.lr * s["distance"] / np.sqrt(s["squares"]), g)
        return g


@register(
    "prodigy",
    label="Prodigy",
    paper="Mishchenko & Defazio (2023), Algorithm 4",
    search=(1e-5, 1e2),
    defaults="prodigyopt",
)
class Prodigy(Optimizer):
    """Adam on d_t g_t, where d_t estimates the distance from the start to a solution, d_1 = d0:
    m_t = beta1 m_{t-1} + (1 - beta1) d_t g_t;  v_t = beta2 v_{t-1} + (1 - beta2) d_t^2 g_t^2;
    r_t = beta3 r_{t-1} + lr d_t^2 <g_t, theta_0 - theta_{t-1}>;  s_t = beta3 s_{t-1} + lr d_t^2 g_t;
    d_{t+1} = max(d_t, d_coef r_t / |s_t|_1),  beta3 = sqrt(beta2);
    theta_t = theta_{t-1} - lr d_t m_t / (sqrt(v_t) + d_{t+1} eps) - lr d_t weight_decay theta_{t-1}.

    As the authors' prodigyopt with its defaults: no bias correction, all parameters as one vector. The
    paper's Algorithm 4 weighs r and s with (1 - beta3), which cancels, and has d_t eps.
    """

    state = ("m", "v", "s", "start")
    lr: Hyper = hyper(1.0, NON_NEGATIVE, "what the step size that the method finds is multiplied by")
    beta1: Hyper = hyper(0.9, FRACTION, "share of the past in the running mean of scaled gradients, m")
    beta2: Hyper = hyper(0.999, FRACTION, "share of the past in the running mean of scaled squares, v")
    eps: Hyper = hyper(1e-8, POSITIVE, EPS)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, DECOUPLED)
    d0: Hyper = hyper(1e-6, POSITIVE, "first estimate of the distance to a solution")
    d_coef: Hyper = hyper(1.0, POSITIVE, "what each later estimate is multiplied by")

    def init(self, theta: np.ndarray) -> State:
        d, r = np.full((len(theta), 1), self.d0), np.zeros((len(theta), 1))
        return {**super().init(theta), "start": theta.copy(), "d": d, "r": r}

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        m, v, work, d = s["m"], s["v"], s["work"], s["d"].copy()
        beta3 = np.sqrt(self.beta2)
        # r and s are kept divided by d0, or float32 would lose them.
        weight = self.lr * d * d / self.d0
        s["r"] *= beta3
        s["r"] += weight * total(g * np.subtract(s["start"], theta, out=work))
        s["s"] *= like(beta3, g)
        s["s"] += np.multiply(g, like(weight, g), out=work)
        distance = total(np.abs(s["s"]))
        estimate = np.divide(self.d_coef * s["r"], distance, out=d.copy(), where=distance > 0)
        np.maximum(d, estimate, out=s["d"])
        g *= like(d, g)
        average(m, self.beta1, g, work)
        average(v, self.beta2, np.multiply(g, g, out=g), work)
        np.sqrt(v, out=work)
        work += like(s["d"] * self.eps, work)
        np.divide(m, work, out=g)
        g *= like(self.lr * d, g)
        shrink(g, self.lr * d * self.weight_decay, theta, work)
        return g
