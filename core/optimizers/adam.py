"""Adam and its relatives: a running mean of gradients over the root of a running mean of squares."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.domain import FRACTION, NON_NEGATIVE, Hyper, hyper, power
from overshoot.core.optimizers.base import (
    BETA1,
    BETA2,
    DECOUPLED,
    EPS,
    LR,
    PENALTY,
    Optimizer,
    State,
    accumulate,
    average,
    decay,
    layers,
    like,
    ratio,
    register,
    shrink,
    total,
)


def debias(beta: Hyper, t: int) -> Hyper:
    """1 - beta^t: what an average of t terms that starts at zero is too small by."""
    return 1 - power(beta, t)


def weights(beta: Hyper, t: int) -> Hyper:
    """1 + beta + ... + beta^(t-1): the weights of the terms in what `accumulate` has gathered."""
    return debias(beta, t) / (1 - beta)


@register(
    "adam",
    label="Adam",
    paper="Kingma & Ba (2015), Algorithm 1",
    search=(1e-5, 1e2),
    defaults="torch.optim.Adam",
)
class Adam(Optimizer):
    """m_t = beta1 m_{t-1} + g_t;  v_t = beta2 v_{t-1} + g_t^2;
    theta_t = theta_{t-1} - lr m^_t / (sqrt(v^_t) + eps),
    m^_t = m_t / (1 + beta1 + ... + beta1^(t-1)),  v^_t = v_t / (1 + beta2 + ... + beta2^(t-1)).

    The paper's m_t and v_t are 1 - beta1 and 1 - beta2 times these, which its m^_t = m_t / (1 - beta1^t)
    and v^_t divide out again: with both left out, a step passes over the parameters three times fewer.

    As torch.optim.Adam; weight_decay is an L2 penalty added to the gradient. scikit-learn, Keras and
    the paper's remark on efficiency have the paper's lr sqrt(1 - beta2^t) / (1 - beta1^t) m_t /
    (sqrt(v_t) + eps): their eps is larger by 1 / sqrt(1 - beta2^t) in the terms of this one. Keras has
    eps = 1e-7.
    """

    state: ClassVar[tuple[str, ...]] = ("m", "v")
    bounded = False
    beta1: Hyper = hyper(0.9, FRACTION, BETA1)
    beta2: Hyper = hyper(0.999, FRACTION, BETA2)
    eps: Hyper = hyper(1e-8, NON_NEGATIVE, EPS)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        decay(g, self.weight_decay, theta, s["work"])
        return self._adam(g, s, t)

    def _adam(self, g: np.ndarray, s: State, t: int) -> np.ndarray:
        self._moments(g, s)
        return self._ratio(s["m"], s["v"], t, out=g)

    def _moments(self, g: np.ndarray, s: State) -> None:
        """Update m and v; overwrites g."""
        accumulate(s["m"], self.beta1, g)
        accumulate(s["v"], self.beta2, np.multiply(g, g, out=g))

    def _ratio(self, m: np.ndarray, v: np.ndarray, t: int, out: np.ndarray) -> np.ndarray:
        """out <- lr m^ / (sqrt(v^) + eps); out may be v, but not m."""
        # Both sides of the paper's fraction times the root of v's weights: one pass over the array fewer.
        root = np.sqrt(weights(self.beta2, t))
        np.sqrt(v, out=out)
        out += like(self.eps * root, out)
        np.divide(m, out, out=out)
        out *= like(self.lr * (root / weights(self.beta1, t)), out)
        return out

    def critical_rate(self, curvature: ArrayLike) -> Hyper | None:
        b = self.beta1
        return ratio(2 * (1 + b), np.multiply(1 - b, curvature))

    def preconditioner(self, s: State, t: int) -> np.ndarray | None:
        root = np.sqrt(s["v"] / weights(self.beta2, t))
        return (root + self.eps) * debias(self.beta1, t)


@register(
    "adamw",
    label="AdamW",
    paper="Loshchilov & Hutter (2019), Algorithm 2",
    search=(1e-5, 1e2),
    defaults="torch.optim.AdamW",
)
class AdamW(Adam):
    """Adam's step plus lr weight_decay theta_{t-1}, apart from the gradient's history.

    As torch.optim.AdamW, where the decay is multiplied by lr and defaults to 0.01. The paper keeps
    the two apart (a schedule factor eta multiplies both); Keras defaults to 0.004.
    """

    weight_decay: Hyper = hyper(1e-2, NON_NEGATIVE, DECOUPLED)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        step = self._adam(g, s, t)
        shrink(step, self.lr * self.weight_decay, theta, s["work"])
        return step

    def critical_rate(self, curvature: ArrayLike) -> Hyper | None:
        b = self.beta1
        return ratio(2 * (1 + b), np.multiply(1 - b, curvature) + self.weight_decay * (1 + b))


@register(
    "cautious_adamw",
    label="Cautious AdamW",
    paper="Liang et al. (2024)",
    search=(1e-5, 1e2),
    defaults="torch.optim.AdamW",
)
class CautiousAdamW(AdamW):
    """AdamW whose step u is taken in the coordinates where m_t agrees with the gradient's sign alone:
    u <- u [m_t g_t > 0] n / (k + 1), for a layer of n parameters of which k agree; the decay is as it was.

    As pytorch_optimizer's cautious methods, with the paper's default factor. The authors' code has
    n / max(k, n / 1000) in its place, and the paper's listing n / (k + n eps).
    """

    critical_rate = Optimizer.critical_rate  # not linear in theta, even at a fixed v
    preconditioner = Optimizer.preconditioner

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        sign = g.copy()
        self._moments(g, s)
        agree = (np.multiply(s["m"], sign, out=sign) > 0).astype(g.dtype)
        step = self._ratio(s["m"], s["v"], t, out=g)
        step *= agree
        for u, mask in zip(layers(step, self.shapes), layers(agree, self.shapes), strict=True):
            u *= mask[0].size / (total(mask) + 1)
        shrink(step, self.lr * self.weight_decay, theta, s["work"])
        return step


@register(
    "nadam",
    label="NAdam",
    paper="Dozat (2016)",
    search=(1e-5, 1e2),
    defaults="torch.optim.NAdam",
    elsewhere={"Keras": 0.001},
)
class NAdam(Optimizer):
    """mu_t = beta1 (1 - 0.96^(t momentum_decay) / 2);  m, v and v^ as Adam's;
    theta_t = theta_{t-1} - lr m~_t / (sqrt(v^_t) + eps),
    m~_t = (1 - mu_t) / (1 - mu_1...mu_t) g_t + mu_{t+1} / (1 - mu_1...mu_{t+1}) m_t.

    As torch.optim.NAdam. It and Keras average m with beta1 although the look-ahead follows mu_t; Dozat
    averages m with mu_t too. Dozat's 0.96^(t/250) is momentum_decay = 0.004; Keras has 0.96^t, which
    reaches beta1 250 times sooner, and eps = 1e-7; optax has no schedule: mu_t = beta1.
    """

    state = ("m", "v")
    lr: Hyper = hyper(2e-3, NON_NEGATIVE, LR)
    beta1: Hyper = hyper(0.9, FRACTION, BETA1)
    beta2: Hyper = hyper(0.999, FRACTION, BETA2)
    eps: Hyper = hyper(1e-8, NON_NEGATIVE, EPS)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)
    momentum_decay: Hyper = hyper(
        4e-3, NON_NEGATIVE, "how fast mu_t rises to beta1: by 0.96^(t momentum_decay)"
    )

    def init(self, theta: np.ndarray) -> State:
        return {**super().init(theta), "product": np.ones((len(theta), 1))}

    def _mu(self, t: int) -> Hyper:
        return self.beta1 * (1 - 0.5 * power(0.96, t * self.momentum_decay))

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        m, v, product, work = s["m"], s["v"], s["product"], s["work"]
        decay(g, self.weight_decay, theta, work)
        average(m, self.beta1, g, work)
        average(v, self.beta2, g * g, work)
        mu, ahead = self._mu(t), self._mu(t + 1)
        product *= mu
        g *= like((1 - mu) / (1 - product), g)
        g += np.multiply(m, like(ahead / (1 - product * ahead), work), out=work)
        root = np.sqrt(debias(self.beta2, t))
        np.sqrt(v, out=work)
        work += like(self.eps * root, work)
        g /= work
        g *= like(self.lr * root, g)
        return g

    def critical_rate(self, curvature: ArrayLike) -> Hyper | None:
        b = self.beta1
        mu = b * (1 - 0.5 * (np.asarray(self.momentum_decay) == 0))  # what mu_t tends to
        return ratio(2 * (1 + b), (1 + b - 2 * b * mu) * np.asarray(curvature))

    def preconditioner(self, s: State, t: int) -> np.ndarray | None:
        # The two corrections of m differ, and are left out: they are one as soon as m's weights are.
        return np.asarray(np.sqrt(s["v"] / debias(self.beta2, t)) + self.eps)


@register(
    "radam",
    label="RAdam",
    paper="Liu et al. (2020), Algorithm 2",
    search=(1e-5, 1e2),
    defaults="torch.optim.RAdam",
)
class RAdam(Optimizer):
    """m and v as Adam's;  rho = 2 / (1 - beta2) - 1;  rho_t = rho - 2 t beta2^t / (1 - beta2^t);
    theta_t = theta_{t-1} - lr m^_t                                          while rho_t <= 5,
    theta_t = theta_{t-1} - lr r_t m^_t sqrt(1 - beta2^t) / (sqrt(v_t) + eps) from then on,
    r_t^2 = (rho_t - 4) (rho_t - 2) rho / ((rho - 4) (rho - 2) rho_t).

    As torch.optim.RAdam: at the default the first five steps are not normalised and can be large. The
    paper's threshold is rho_t > 4 and it has no eps; the authors' code and optax have rho_t >= 5.
    """

    state = ("m", "v")
    beta1: Hyper = hyper(0.9, FRACTION, BETA1)
    beta2: Hyper = hyper(0.999, FRACTION, BETA2)
    eps: Hyper = hyper(1e-8, NON_NEGATIVE, EPS)
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        m, v, work = s["m"], s["v"], s["work"]
        decay(g, self.weight_decay, theta, work)
        average(m, self.beta1, g, work)
        average(v, self.beta2, np.multiply(g, g, out=g), work)
        rate = self.lr / debias(self.beta1, t)
        normalised, r = self._rectification(t)
        np.sqrt(v, out=work)
        work += like(self.eps, work)
        np.divide(m, work, out=g)
        g *= like(rate * r * np.sqrt(debias(self.beta2, t)), g)
        np.multiply(m, like(rate, work), out=work)
        return np.where(normalised, g, work)

    def _rectification(self, t: int) -> tuple[Hyper, Hyper]:
        """Whether rho_t > 5, and r_t where it is."""
        longest = 2 / (1 - self.beta2) - 1
        rho = longest - 2 * t * power(self.beta2, t) / debias(self.beta2, t)
        normalised = rho > 5
        rho, longest = np.maximum(rho, 5), np.maximum(longest, 5)
        return normalised, np.sqrt((rho - 4) * (rho - 2) * longest / ((longest - 4) * (longest - 2) * rho))


@register(
    "adopt",
    label="ADOPT",
    paper="Taniguchi et al. (2024), Algorithm 2",
    search=(1e-5, 1e2),
    defaults="the authors' code",
)
class ADOPT(Optimizer):
    """v_1 = g_1^2 and theta_1 = theta_0;  from then on  u_t = g_t / max(sqrt(v_{t-1}), eps),
    m_t = beta1 m_{t-1} + (1 - beta1) clip(u_t, +-(t - 1)^(1/4));  theta_t = theta_{t-1} - lr m_t;
    v_t = beta2 v_{t-1} + (1 - beta2) g_t^2.

    As optax and the authors' code: the first gradient only fills v, so nothing moves, and each gradient is
    divided by a v that has not seen it. pytorch_optimizer clips at t^(1/4), one step ahead.
    """

    state = ("m", "v")
    beta1: Hyper = hyper(0.9, FRACTION, BETA1)
    beta2: Hyper = hyper(0.9999, FRACTION, BETA2)
    eps: Hyper = hyper(1e-6, NON_NEGATIVE, "the least that a gradient is divided by")

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        m, v, work = s["m"], s["v"], s["work"]
        if t == 1:
            np.multiply(g, g, out=v)
            return np.zeros_like(g)
        clip = (t - 1) ** 0.25
        ratio = np.maximum(np.sqrt(v, out=work), like(self.eps, work))
        np.divide(g, ratio, out=ratio)
        average(m, self.beta1, np.clip(ratio, -clip, clip, out=ratio), work)
        average(v, self.beta2, np.multiply(g, g, out=g), work)
        return np.multiply(m, like(self.lr, m), out=g)


@register(
    "ademamix",
    label="AdEMAMix",
    paper="Pagliardini, Ablin & Grangier (2024), Algorithm 1",
    search=(1e-5, 1e2),
    defaults="pytorch-optimizer",
)
class AdEMAMix(Adam):
    """Adam with a second, slower mean m2_t = beta3 m2_{t-1} + (1 - beta3) g_t beside the first:
    theta_t = theta_{t-1} - lr (m^_t + alpha m2_t) / (sqrt(v^_t) + eps) - lr weight_decay theta_{t-1}.

    As the paper's algorithm, pytorch_optimizer and optax with constant alpha and beta3: m2 has no bias
    correction. The paper recommends to let alpha and beta3 grow over the run, which none does unasked.
    """

    state = ("m", "v", "slow")
    critical_rate = Optimizer.critical_rate  # two means, and no closed form known
    preconditioner = Optimizer.preconditioner
    beta3: Hyper = hyper(0.9999, FRACTION, "share of the past in the slow mean of gradients, m2")
    alpha: Hyper = hyper(5.0, NON_NEGATIVE, "weight of the slow mean beside the fast one")
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, DECOUPLED)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        slow, work = s["slow"], s["work"]
        average(slow, self.beta3, g, work)
        self._moments(g, s)
        mixed = np.multiply(slow, like(self.alpha * weights(self.beta1, t), slow))
        mixed += s["m"]
        step = self._ratio(mixed, s["v"], t, out=g)
        shrink(step, self.lr * self.weight_decay, theta, work)
        return step
