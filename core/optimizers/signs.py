"""Methods that use the sign of each coordinate of the gradient, or of its running mean.

Signs go to another array than they are taken of: in place NumPy takes ten times as long.
"""

from __future__ import annotations

import numpy as np

from overshoot.core.domain import FRACTION, NON_NEGATIVE, Hyper, RealRange, hyper
from overshoot.core.optimizers.base import DECOUPLED, LR, Optimizer, State, average, like, register, shrink


@register(
    "signsgd",
    label="signSGD",
    paper="Bernstein et al. (2018), Algorithm 1",
    search=(1e-5, 1e2),
    defaults="lr as torch.optim.SGD's: optax has none",
)
class SignSGD(Optimizer):
    """theta_t = theta_{t-1} - lr sign(g_t), where sign(0) = 0.

    As optax.sign_sgd and the paper. Its floor on a smooth loss is proportional to lr.
    """

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        return np.multiply(np.sign(g, out=s["work"]), like(self.lr, g), out=g)


@register(
    "rprop",
    label="Rprop",
    paper="Riedmiller & Braun (1993); Igel & Huesken (2000)",
    search=(1e-5, 1e2),
    defaults="torch.optim.Rprop",
)
class Rprop(Optimizer):
    """A step size d for each coordinate, at first lr: d_t = d_{t-1} eta_plus where g_t keeps the sign of
    g_{t-1} and d_{t-1} eta_minus where it changes it, within [step_min, step_max];
    theta_t = theta_{t-1} - d_t sign(g_t), but g_t counts as zero where the sign has changed.

    As torch.optim.Rprop: the variant that Igel & Huesken call iRprop-. Riedmiller & Braun take the
    last step back where the sign changes. Meant for full batches. lr is d_0 alone, so that a
    learning-rate schedule has no effect. torch multiplies the two gradients to compare their signs,
    which takes a product that underflows for a zero; here the signs themselves are compared.
    """

    state = ("before", "size")
    lr: Hyper = hyper(
        1e-2, NON_NEGATIVE, "size of the first step in every coordinate; later sizes follow the signs alone"
    )
    eta_minus: Hyper = hyper(
        0.5,
        RealRange(0, 1, "neither"),
        "what a step size is multiplied by where the gradient's sign has changed",
    )
    eta_plus: Hyper = hyper(
        1.2,
        RealRange(1, np.inf, "neither"),
        "what a step size is multiplied by where the gradient's sign has stayed",
    )
    step_min: Hyper = hyper(1e-6, NON_NEGATIVE, "smallest step size")
    step_max: Hyper = hyper(50.0, NON_NEGATIVE, "largest step size")

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        before, size, work = s["before"], s["size"], s["work"]
        if t == 1:
            size[...] = like(self.lr, size)
        g = np.sign(g)
        np.multiply(g, before, out=work)
        np.multiply(size, like(self.eta_plus, size), out=size, where=work > 0)
        np.multiply(size, like(self.eta_minus, size), out=size, where=work < 0)
        np.minimum(np.maximum(size, like(self.step_min, size), out=size), like(self.step_max, size), out=size)
        g[work < 0] = 0
        before[...] = g
        g *= size
        return g


@register(
    "lion",
    label="Lion",
    paper="Chen et al. (2023), Algorithm 2",
    search=(1e-5, 1e2),
    defaults="lion-pytorch",
    elsewhere={"Keras": 0.001},
)
class Lion(Optimizer):
    """theta_t = theta_{t-1} - lr sign(beta1 m_{t-1} + (1 - beta1) g_t) - lr weight_decay theta_{t-1};
    m_t = beta2 m_{t-1} + (1 - beta2) g_t.

    As the authors' code, lion-pytorch, optax and Keras. The default weight decay is 0 in lion-pytorch and
    here, 0.001 in optax; the paper tunes it, to ten times AdamW's and more.
    """

    state = ("m",)
    lr: Hyper = hyper(1e-4, NON_NEGATIVE, LR)
    beta1: Hyper = hyper(0.9, FRACTION, "share of the running mean in the sum whose sign is the step")
    beta2: Hyper = hyper(0.99, FRACTION, "share of the past in the running mean of gradients, m")
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, DECOUPLED)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        m, work = s["m"], s["work"]
        blend = np.multiply(m, like(self.beta1, m))
        blend += np.multiply(g, like(1 - self.beta1, g), out=work)
        average(m, self.beta2, g, work)
        step = np.multiply(np.sign(blend, out=work), like(self.lr, blend), out=blend)
        shrink(step, self.lr * self.weight_decay, theta, work)
        return step
