"""Methods that propose an average of their iterates, or take their gradients at one."""

from __future__ import annotations

import numpy as np

from overshoot.core.domain import FRACTION, NON_NEGATIVE, Hyper, hyper, power
from overshoot.core.optimizers.base import (
    BETA2,
    DECOUPLED,
    EPS,
    LR,
    PENALTY,
    Optimizer,
    State,
    average,
    decay,
    like,
    register,
)


@register(
    "asgd",
    label="Averaged SGD",
    paper="Polyak & Juditsky (1992); Bottou (2010)",
    search=(1e-5, 1e2),
    defaults="torch.optim.ASGD",
)
class ASGD(Optimizer):
    """eta_t = lr / (1 + lambd lr (t - 1))^alpha;  theta_t = (1 - lambd eta_t) theta_{t-1} - eta_t g_t;
    x_t = x_{t-1} + (theta_t - x_{t-1}) / max(1, t - 1 - t0).

    As torch.optim.ASGD, which computes x but leaves it to the user to read; here x is the point that
    is proposed, and reported. At torch's t0 = 10^6 the average begins only after a million updates:
    until then x = theta. Polyak & Juditsky average from the start (t0 = 0) and have no lambd, which
    decays the parameters as well as the rate.
    """

    state = ("x",)
    lr: Hyper = hyper(1e-2, NON_NEGATIVE, "learning rate of the first step")
    lambd: Hyper = hyper(
        1e-4, NON_NEGATIVE, "how fast the rate falls and, times the rate, how much the parameters decay"
    )
    alpha: Hyper = hyper(0.75, NON_NEGATIVE, "power of t by which the rate falls")
    t0: Hyper = hyper(1e6, NON_NEGATIVE, "step after which the average begins")
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def init(self, theta: np.ndarray) -> State:
        return {**super().init(theta), "x": theta.copy()}

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        x, work = s["x"], s["work"]
        decay(g, self.weight_decay, theta, work)
        eta = self.lr / power(1 + self.lambd * self.lr * (t - 1), self.alpha)
        g *= like(eta, g)
        g += np.multiply(theta, like(self.lambd * eta, work), out=work)
        np.subtract(theta, g, out=work)
        work -= x
        work *= like(1 / np.maximum(1, t - 1 - self.t0), work)
        x += work
        return g

    def point(self, theta: np.ndarray, s: State) -> np.ndarray:
        return s["x"]


class ScheduleFree(Optimizer):
    """z_t = z_{t-1} - lr g_t;  x_t = (1 - c_t) x_{t-1} + c_t z_t,  c_t = lr_t^2 / (lr_1^2 + ... + lr_t^2);
    theta_t = (1 - momentum) z_t + momentum x_t, where gradients are taken."""

    def init(self, theta: np.ndarray) -> State:
        weights = np.zeros((len(theta), 1))
        return {**super().init(theta), "z": theta.copy(), "x": theta.copy(), "weights": weights}

    def point(self, theta: np.ndarray, s: State) -> np.ndarray:
        return s["x"]

    def _move(self, g: np.ndarray, s: State, theta: np.ndarray, momentum: Hyper) -> np.ndarray:
        """theta_{t-1} - theta_t; overwrites g."""
        z, x, work = s["z"], s["x"], s["work"]
        s["weights"] += self.lr * self.lr
        c = self.lr * self.lr / np.where(s["weights"] > 0, s["weights"], 1)
        z -= np.multiply(g, like(self.lr, g), out=g)
        np.subtract(z, x, out=work)
        x += np.multiply(work, like(c, work), out=work)
        np.subtract(x, z, out=work)
        work *= like(momentum, work)
        work += z
        return np.subtract(theta, work, out=work)


@register(
    "schedule_free_sgd",
    label="Schedule-Free SGD",
    paper="Defazio et al. (2024), equations 3-5",
    search=(1e-5, 1e2),
    defaults="schedulefree",
)
class ScheduleFreeSGD(ScheduleFree):
    """z_t = z_{t-1} - lr g_t;  x_t the mean of z_1, ..., z_t;  theta_t = (1 - momentum) z_t + momentum x_t.

    As the authors' schedulefree. Gradients are taken at theta, x is the point that is proposed, and
    reported. Under a schedule the mean is weighted with lr_t^2, as in the paper; the authors' code has the
    largest rate so far in the place of lr_t. Weight decay is an L2 penalty at theta.
    """

    state = ("z", "x")
    lr: Hyper = hyper(1.0, NON_NEGATIVE, LR)
    momentum: Hyper = hyper(0.9, FRACTION, "weight of the mean x in the point where gradients are taken")
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        decay(g, self.weight_decay, theta, s["work"])
        return self._move(g, s, theta, self.momentum)


@register(
    "schedule_free_adamw",
    label="Schedule-Free AdamW",
    paper="Defazio et al. (2024), Algorithm 1",
    search=(1e-5, 1e2),
    defaults="schedulefree",
)
class ScheduleFreeAdamW(ScheduleFree):
    """Schedule-Free SGD with beta1 as momentum and, in the place of g_t,
    g_t / (sqrt(v^_t) + eps) + weight_decay theta_{t-1};
    v_t = beta2 v_{t-1} + (1 - beta2) g_t^2,  v^_t = v_t / (1 - beta2^t).

    As the authors' schedulefree. The paper's Algorithm 1 puts the bias correction into the rate instead,
    lr_t = lr sqrt(1 - beta2^t): there it scales the weight decay, eps and the weights of the mean as well.
    """

    state = ("z", "x", "v")
    lr: Hyper = hyper(2.5e-3, NON_NEGATIVE, LR)
    beta1: Hyper = hyper(0.9, FRACTION, "weight of the mean x in the point where gradients are taken")
    beta2: Hyper = hyper(0.999, FRACTION, BETA2)
    eps: Hyper = hyper(1e-8, NON_NEGATIVE, EPS)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, DECOUPLED)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        v, work = s["v"], s["work"]
        average(v, self.beta2, g * g, work)
        np.divide(v, like(1 - power(self.beta2, t), v), out=work)
        np.sqrt(work, out=work)
        work += like(self.eps, work)
        g /= work
        decay(g, self.weight_decay, theta, work)
        return self._move(g, s, theta, self.beta1)
