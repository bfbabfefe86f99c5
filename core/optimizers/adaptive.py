"""Methods that scale each coordinate by a history of its squared gradients."""

from __future__ import annotations

import numpy as np

from core.domain import FRACTION, NON_NEGATIVE, Hyper, hyper
from core.optimizers.base import Optimizer, State, average, decay, like, power, register


@register("adagrad", label="AdaGrad", paper="Duchi, Hazan & Singer (2011), diagonal form", search=(1e-5, 1e2))
class AdaGrad(Optimizer):
    """v_t = v_{t-1} + g_t^2;  theta_t = theta_{t-1} - lr g_t / (sqrt(v_t) + eps).

    As torch.optim.Adagrad with lr_decay = 0. Keras starts v at 0.1 and puts eps (1e-7) inside the
    root; torch and this start at 0 with eps = 1e-10 outside it.
    """

    state = ("v",)
    lr: Hyper = hyper(1e-2, NON_NEGATIVE)
    eps: Hyper = hyper(1e-10, NON_NEGATIVE)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        v, work = s["v"], s["work"]
        decay(g, self.weight_decay, theta, work)
        v += np.multiply(g, g, out=work)
        np.sqrt(v, out=work)
        work += like(self.eps, work)
        g /= work
        g *= like(self.lr, g)
        return g


@register("rmsprop", label="RMSprop", paper="Tieleman & Hinton (2012), lecture 6.5", search=(1e-5, 1e2))
class RMSprop(Optimizer):
    """v_t = alpha v_{t-1} + (1 - alpha) g_t^2;  theta_t = theta_{t-1} - lr g_t / (sqrt(v_t) + eps).

    As torch.optim.RMSprop: v starts at 0 without a bias correction, so the first step is
    lr / sqrt(1 - alpha) in every coordinate, ten times lr at the default. Keras puts eps (1e-7)
    inside the root and has alpha = 0.9; the lecture names no eps.
    """

    state = ("v",)
    lr: Hyper = hyper(1e-2, NON_NEGATIVE)
    alpha: Hyper = hyper(0.99, FRACTION)
    eps: Hyper = hyper(1e-8, NON_NEGATIVE)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE)

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


@register("adam", label="Adam", paper="Kingma & Ba (2015), Algorithm 1", search=(1e-5, 1e2))
class Adam(Optimizer):
    """m_t = beta1 m_{t-1} + (1 - beta1) g_t;  v_t = beta2 v_{t-1} + (1 - beta2) g_t^2;
    theta_t = theta_{t-1} - lr m^_t / (sqrt(v^_t) + eps),
    m^_t = m_t / (1 - beta1^t),  v^_t = v_t / (1 - beta2^t).

    As torch.optim.Adam; weight_decay is an L2 penalty added to the gradient. scikit-learn, Keras
    and the paper's remark on efficiency use lr sqrt(1 - beta2^t) / (1 - beta1^t) m_t / (sqrt(v_t) + eps):
    their eps is larger by 1 / sqrt(1 - beta2^t) in the terms of this one. Keras has eps = 1e-7.
    """

    state = ("m", "v")
    beta1: Hyper = hyper(0.9, FRACTION)
    beta2: Hyper = hyper(0.999, FRACTION)
    eps: Hyper = hyper(1e-8, NON_NEGATIVE)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        decay(g, self.weight_decay, theta, s["work"])
        return self._adam(g, s, t)

    def _adam(self, g: np.ndarray, s: State, t: int) -> np.ndarray:
        m, v, work = s["m"], s["v"], s["work"]
        average(m, self.beta1, g, work)
        average(v, self.beta2, np.multiply(g, g, out=g), work)
        # Both sides of the paper's fraction times sqrt(1 - beta2^t): one pass over the array fewer.
        root = np.sqrt(1 - power(self.beta2, t))
        np.sqrt(v, out=work)
        work += like(self.eps * root, work)
        np.divide(m, work, out=g)
        g *= like(self.lr * root / (1 - power(self.beta1, t)), g)
        return g


@register("adamw", label="AdamW", paper="Loshchilov & Hutter (2019), Algorithm 2", search=(1e-5, 1e2))
class AdamW(Adam):
    """Adam's step plus lr weight_decay theta_{t-1}, apart from the gradient's history.

    As torch.optim.AdamW, where the decay is multiplied by lr and defaults to 0.01. The paper keeps
    the two apart (a schedule factor eta multiplies both); Keras defaults to 0.004.
    """

    weight_decay: Hyper = hyper(1e-2, NON_NEGATIVE)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        step, work = self._adam(g, s, t), s["work"]
        step += np.multiply(theta, like(self.lr * self.weight_decay, work), out=work)
        return step
