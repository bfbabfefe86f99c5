"""Adam's relatives that divide by something else than the root of a running mean of squared gradients."""

from __future__ import annotations

import numpy as np

from overshoot.core.domain import FRACTION, NON_NEGATIVE, Hyper, hyper
from overshoot.core.optimizers.adam import Adam, AdamW, debias
from overshoot.core.optimizers.base import (
    BETA1,
    DECOUPLED,
    EPS,
    LR,
    PENALTY,
    Optimizer,
    State,
    accumulate,
    average,
    decay,
    like,
    register,
    shrink,
)


@register(
    "amsgrad",
    label="AMSGrad",
    paper="Reddi, Kale & Kumar (2018), Algorithm 2",
    search=(1e-5, 1e2),
    defaults="torch.optim.Adam",
)
class AMSGrad(Adam):
    """Adam with max(v_1, ..., v_t) in the place of v_t.

    As torch.optim.Adam(amsgrad=True) and Keras: the maximum is of v before its bias correction, which is
    then that of step t. optax takes the maximum of the corrected v^, which is largest early on and
    makes smaller steps. The paper corrects no bias and has no eps.
    """

    state = ("m", "v", "largest")
    critical_rate = Optimizer.critical_rate  # what it divides by grows until any rate is stable
    preconditioner = Optimizer.preconditioner

    def _adam(self, g: np.ndarray, s: State, t: int) -> np.ndarray:
        self._moments(g, s)
        np.maximum(s["largest"], s["v"], out=s["largest"])
        return self._ratio(s["m"], s["largest"], t, out=g)


@register(
    "adamax",
    label="AdaMax",
    paper="Kingma & Ba (2015), Algorithm 2",
    search=(1e-5, 1e2),
    defaults="torch.optim.Adamax",
    elsewhere={"Keras": 0.001},
)
class AdaMax(Optimizer):
    """m_t = beta1 m_{t-1} + (1 - beta1) g_t;  u_t = max(beta2 u_{t-1}, |g_t| + eps);
    theta_t = theta_{t-1} - lr / (1 - beta1^t) m_t / u_t.

    As torch.optim.Adamax and optax. The paper has no eps, and 0/0 for a gradient that is zero from the
    start; Keras adds eps (1e-7) to u_t when it divides, not to the gradient. torch and the paper have
    lr = 0.002, Keras 0.001.
    """

    state = ("m", "u")
    lr: Hyper = hyper(2e-3, NON_NEGATIVE, LR)
    beta1: Hyper = hyper(0.9, FRACTION, BETA1)
    beta2: Hyper = hyper(0.999, FRACTION, "share that the largest gradient so far, u, keeps at each step")
    eps: Hyper = hyper(1e-8, NON_NEGATIVE, "added to each gradient's size, so that u is never zero")
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        m, u, work = s["m"], s["u"], s["work"]
        decay(g, self.weight_decay, theta, work)
        average(m, self.beta1, g, work)
        u *= like(self.beta2, u)
        np.abs(g, out=g)
        g += like(self.eps, g)
        np.maximum(u, g, out=u)
        np.divide(m, u, out=g)
        g *= like(self.lr / debias(self.beta1, t), g)
        return g


@register(
    "adabelief",
    label="AdaBelief",
    paper="Zhuang et al. (2020), Algorithm 2",
    search=(1e-5, 1e2),
    defaults="adabelief-pytorch",
)
class AdaBelief(Adam):
    """Adam with the gradient's distance from its own mean in the place of its square:
    v_t = beta2 v_{t-1} + (1 - beta2) (g_t - m_t)^2 + eps, and the decay of AdamW.

    As the authors' adabelief-pytorch without its rectification: eps (1e-16) is added to v at every step,
    where it stays, and once more outside the root. The weight decay is decoupled, as in its AdamW form.
    """

    beta2: Hyper = hyper(0.999, FRACTION, "share of the past in the running mean of (g - m)^2, v")
    eps: Hyper = hyper(1e-16, NON_NEGATIVE, "added to v at every step, where it stays, and to its root")
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, DECOUPLED)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        m, v, work = s["m"], s["v"], s["work"]
        accumulate(m, self.beta1, g)
        g -= np.multiply(m, like(1 - self.beta1, m), out=work)
        accumulate(v, self.beta2, np.multiply(g, g, out=g))
        v += like(self.eps / (1 - self.beta2), v)
        step = self._ratio(m, v, t, out=g)
        shrink(step, self.lr * self.weight_decay, theta, work)
        return step

    critical_rate = AdamW.critical_rate  # the decay is apart here too


@register(
    "yogi",
    label="Yogi",
    paper="Zaheer et al. (2018), Algorithm 2",
    search=(1e-5, 1e2),
    defaults="pytorch-optimizer",
)
class Yogi(Adam):
    """Adam with v_t = v_{t-1} - (1 - beta2) sign(v_{t-1} - g_t^2) g_t^2, which falls slowly; v_0 = 1e-6.

    The paper corrects no bias; optax does, for m and for v, and so does this. TensorFlow, optax and
    pytorch_optimizer start m at 1e-6 as well; here, as in the paper, m_0 = 0. eps is 1e-3 in all of them.
    """

    lr: Hyper = hyper(1e-2, NON_NEGATIVE, LR)
    eps: Hyper = hyper(1e-3, NON_NEGATIVE, EPS)

    def init(self, theta: np.ndarray) -> State:
        return {**super().init(theta), "v": np.full_like(theta, 1e-6 / (1 - self.beta2))}

    def _moments(self, g: np.ndarray, s: State) -> None:
        m, v, work = s["m"], s["v"], s["work"]
        accumulate(m, self.beta1, g)
        np.multiply(g, g, out=g)
        np.multiply(v, like(1 - self.beta2, v), out=work)
        work -= g
        g *= np.sign(work, out=work)
        v -= g


@register(
    "adan",
    label="Adan",
    paper="Xie et al. (2022), Algorithm 1",
    search=(1e-5, 1e2),
    defaults="pytorch-optimizer",
)
class Adan(Optimizer):
    """d_t = g_t - g_{t-1} (d_1 = 0);  m_t = beta1 m_{t-1} + (1 - beta1) g_t;
    v_t = beta2 v_{t-1} + (1 - beta2) d_t;  n_t = beta3 n_{t-1} + (1 - beta3) (g_t + beta2 d_t)^2;
    theta_t = (theta_{t-1} - lr (m^_t + beta2 v^_t) / (sqrt(n^_t) + eps)) / (1 + lr weight_decay).

    As the authors' code: betas are what is kept, and averages start at zero with Adam's bias correction.
    In the paper they are what is taken in (0.02, 0.08, 0.01), m and n start at g_1 and g_1^2, and
    there is no correction. Its factor 1 - beta2 is 0.92; optax keeps the letters 1 - b2 with b2 = 0.92
    and so has 0.08 where the paper has 0.92.
    """

    state = ("m", "v", "n", "before")
    beta1: Hyper = hyper(0.98, FRACTION, BETA1)
    beta2: Hyper = hyper(
        0.92,
        FRACTION,
        "share of the past in the running mean of the gradients' differences, v, and the look-ahead",
    )
    beta3: Hyper = hyper(0.99, FRACTION, "share of the past in the running mean of squares, n")
    eps: Hyper = hyper(1e-8, NON_NEGATIVE, EPS)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, DECOUPLED)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        m, v, n, before, work = s["m"], s["v"], s["n"], s["before"], s["work"]
        difference = np.zeros_like(g) if t == 1 else g - before
        before[...] = g
        average(m, self.beta1, g, work)
        average(v, self.beta2, difference, work)
        difference *= like(self.beta2, g)
        g += difference
        average(n, self.beta3, np.multiply(g, g, out=g), work)
        np.multiply(m, like(1 / debias(self.beta1, t), g), out=g)
        g += np.multiply(v, like(self.beta2 / debias(self.beta2, t), work), out=work)
        np.sqrt(n, out=work)
        work /= like(np.sqrt(debias(self.beta3, t)), work)
        work += like(self.eps, work)
        g /= work
        g *= like(self.lr, g)
        shrunk = 1 / (1 + self.lr * self.weight_decay)
        g *= like(shrunk, g)
        shrink(g, self.lr * self.weight_decay * shrunk, theta, work)
        return g
