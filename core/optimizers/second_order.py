"""Methods that use the curvature of the loss."""

from __future__ import annotations

import numpy as np

from overshoot.core.domain import FRACTION, NON_NEGATIVE, POSITIVE, Hyper, hyper
from overshoot.core.optimizers.base import (
    BETA1,
    DECOUPLED,
    LR,
    Optimizer,
    State,
    average,
    like,
    register,
    shrink,
)

EVERY = 10
"""Updates from one estimate of the curvature to the next, as in Sophia's paper."""


@register(
    "sophia",
    label="Sophia-H",
    paper="Liu et al. (2023), Algorithms 1 and 3",
    search=(1e-5, 1e2),
    defaults="the paper's betas and gamma, lr as torch.optim.Adam's",
)
class Sophia(Optimizer):
    """m_t = beta1 m_{t-1} + (1 - beta1) g_t;  h_t = beta2 h_{t-1} + (1 - beta2) v * (H v) at t = 1, 11, ...;
    theta_t = theta_{t-1} - lr clip(m_t / max(gamma h_t, eps), +-1) - lr weight_decay theta_{t-1}.

    v * (H v) is Hutchinson's estimate of the Hessian's diagonal, on the gradient's batch. The paper
    draws v from a normal distribution; here its entries are +-1, which has the smaller variance
    (Hutchinson 1989), the same for all trials of a stack. The averages keep their bias towards zero, as
    in the paper and pytorch_optimizer; optax corrects that of m. The paper's first version had
    clip(m_t / max(h_t, eps), gamma), with a rate larger by 1 / gamma. Two more gradients every ten updates.
    """

    state = ("m", "h", "curvature")
    lr: Hyper = hyper(1e-3, NON_NEGATIVE, LR)
    beta1: Hyper = hyper(0.96, FRACTION, BETA1)
    beta2: Hyper = hyper(0.99, FRACTION, "share of the past in the running mean of the Hessian's diagonal, h")
    gamma: Hyper = hyper(
        0.01, POSITIVE, "what h is multiplied by: the smaller, the more coordinates step by the full rate"
    )
    eps: Hyper = hyper(1e-12, POSITIVE, "the least that a mean gradient is divided by")
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, DECOUPLED)

    def probe(self, theta: np.ndarray, t: int) -> np.ndarray | None:
        if t % EVERY != 1:
            return None
        signs = np.random.default_rng(t).integers(0, 2, theta.shape[1])
        return (2 * signs - 1).astype(theta.dtype)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        m, h, work = s["m"], s["h"], s["work"]
        average(m, self.beta1, g, work)
        if t % EVERY == 1:
            average(h, self.beta2, s["curvature"], work)
        np.multiply(h, like(self.gamma, h), out=work)
        np.maximum(work, like(self.eps, work), out=work)
        np.divide(m, work, out=g)
        np.clip(g, -1, 1, out=g)
        g *= like(self.lr, g)
        shrink(g, self.lr * self.weight_decay, theta, work)
        return g
