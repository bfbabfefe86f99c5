"""Methods that treat each layer's parameters as one matrix.

A network's layer is the matrix [W b] of shape (fan_out, fan_in + 1): it acts on the inputs and a one.
Libraries hold W and b apart and commonly leave b to another method. Parameters without layers, such
as those of a plain function, are one matrix with a single row.
"""

from __future__ import annotations

import numpy as np

from overshoot.core.domain import FRACTION, NON_NEGATIVE, POSITIVE, Hyper, RealRange, hyper, power
from overshoot.core.optimizers.adam import Adam
from overshoot.core.optimizers.base import (
    DECOUPLED,
    EPS,
    LR,
    MOMENTUM,
    PENALTY,
    Optimizer,
    State,
    average,
    layers,
    like,
    norm,
    register,
    shrink,
)


def _cube(value: Hyper) -> Hyper:
    """A (R, 1) column as (R, 1, 1), to multiply a stack of matrices."""
    return value[:, :, None] if isinstance(value, np.ndarray) else value


@register(
    "lars",
    label="LARS",
    paper="You, Gitman & Ginsburg (2017), Algorithm 1",
    search=(1e-5, 1e2),
    defaults="pytorch-optimizer, with lr 1",
)
class LARS(Optimizer):
    """Heavy ball with a rate for each layer w:  v_t = momentum v_{t-1} + lr r_t (g_t + weight_decay w_{t-1});
    w_t = w_{t-1} - v_t,  r_t = trust |w_{t-1}| / (|g_t| + weight_decay |w_{t-1}|), or 1 if that is 0 or 0/0.

    As the paper, and pytorch_optimizer, which multiplies by lr after the velocity. optax divides by
    |g_t + weight_decay w_{t-1}| instead. Vectors, which the libraries leave unscaled, are scaled too.
    """

    state = ("v",)
    lr: Hyper = hyper(1.0, NON_NEGATIVE, LR)
    momentum: Hyper = hyper(0.9, FRACTION, MOMENTUM)
    trust: Hyper = hyper(1e-3, POSITIVE, "length of a layer's step as a share of the layer's norm, before lr")
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, PENALTY)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        v = s["v"]
        trust, weight_decay = _cube(self.trust), _cube(self.weight_decay)
        for G, W in zip(layers(g, self.shapes), layers(theta, self.shapes), strict=True):
            size, fall = norm(W), norm(G)
            shrink(G, weight_decay, W, np.empty_like(G))
            G *= _ratio(like(trust, G) * size, fall + like(weight_decay, G) * size)
        g *= like(self.lr, g)
        v *= like(self.momentum, v)
        v += g
        np.copyto(g, v)
        return g


def _ratio(size: np.ndarray, fall: np.ndarray) -> np.ndarray:
    """size / fall, or 1 where either is zero: such a layer would never move."""
    moves = (size > 0) & (fall > 0)
    return np.where(moves, size / np.where(moves, fall, 1), 1).astype(size.dtype, copy=False)


@register(
    "lamb",
    label="LAMB",
    paper="You et al. (2020), Algorithm 2",
    search=(1e-5, 1e2),
    defaults="optax, with lr as torch.optim.Adam's: optax has none",
)
class LAMB(Adam):
    """Adam with a rate for each layer w: w_t = w_{t-1} - lr |w_{t-1}| / |u_t| u_t, with the ratio 1 if either
    norm is 0;  u_t = m^_t / (sqrt(v^_t) + eps) + weight_decay w_{t-1}.

    As optax, with the paper's phi the identity. The paper's phi may clip |w|, and pytorch_optimizer
    clips it at 10 and corrects no bias, like the paper's third version.
    """

    eps: Hyper = hyper(1e-6, NON_NEGATIVE, EPS)
    weight_decay: Hyper = hyper(
        0.0, NON_NEGATIVE, "so much of the parameters is added to the update, before the layer's ratio"
    )
    critical_rate = Optimizer.critical_rate  # the rate of each layer follows its norms
    preconditioner = Optimizer.preconditioner

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        u = self._adam(g, s, t)
        shrink(u, self.lr * self.weight_decay, theta, s["work"])
        # u carries the factor lr already: the ratio is that of the norms without it.
        lr = like(_cube(self.lr), u)
        for U, W in zip(layers(u, self.shapes), layers(theta, self.shapes), strict=True):
            U *= _ratio(norm(W) * lr, norm(U))
        return u


@register("muon", label="Muon", paper="Jordan et al. (2024)", search=(1e-5, 1e2), defaults="torch.optim.Muon")
class Muon(Optimizer):
    """M_t = momentum M_{t-1} + (1 - momentum) G_t;  O_t = NS((1 - momentum) G_t + momentum M_t);
    W_t = W_{t-1} - lr sqrt(max(1, rows / columns)) O_t - lr weight_decay W_{t-1}, for each layer W.
    NS(X) sets X <- X / |X| and five times X <- a X + (b A + c A^2) X, A = X X': nearly U V' of X = U S V'.

    As torch.optim.Muon, which computes NS in bfloat16 (this: in the precision of theta), and documents
    M = momentum M + G, the same direction. Jordan's default lr is 0.02 and torch's 0.001; both use Muon
    for hidden layers' weights alone and AdamW for the rest, where this is Muon for every layer.
    """

    state = ("M",)
    momentum: Hyper = hyper(0.95, FRACTION, "share of the past in the running mean of gradients, M")
    weight_decay: Hyper = hyper(0.1, NON_NEGATIVE, DECOUPLED)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        average(s["M"], self.momentum, g, s["work"])
        average(g, 1 - self.momentum, s["M"], s["work"])
        for G in layers(g, self.shapes):
            rows, columns = G.shape[1:]
            np.multiply(_orthogonal(G), max(1, rows / columns) ** 0.5, out=G)
        g *= like(self.lr, g)
        shrink(g, self.lr * self.weight_decay, theta, s["work"])
        return g


def _orthogonal(X: np.ndarray) -> np.ndarray:
    """Newton-Schulz iterations towards the nearest semi-orthogonal matrices of X (R, rows, columns)."""
    a, b, c = 3.4445, -4.7750, 2.0315  # chosen by Jordan for a steep start: singular values end in 0.7 to 1.2
    tall = X.shape[1] > X.shape[2]
    X = X.swapaxes(1, 2) if tall else X
    X = X / np.maximum(norm(X), 1e-7)
    for _ in range(5):
        A = X @ X.swapaxes(1, 2)
        X = a * X + (b * A + c * (A @ A)) @ X
    return X.swapaxes(1, 2) if tall else X


@register(
    "adafactor",
    label="Adafactor",
    paper="Shazeer & Stern (2018), Algorithms 4 and 5",
    search=(1e-5, 1e2),
    defaults="torch.optim.Adafactor",
    elsewhere={"Keras": 0.001},
)
class Adafactor(Optimizer):
    """For each layer W with gradient G, and b_t = t^beta2_decay:
    r_t = (1 - b_t) r_{t-1} + b_t (mean of G^2 over columns), c_t likewise over rows;
    V_t = r_t c_t' / mean(r_t);  U_t = G / sqrt(V_t);
    W_t = (1 - lr weight_decay) W_{t-1} - a_t U_t / max(1, rms(U_t) / d),
    a_t = max(eps2, rms(W_{t-1})) min(lr, 1 / sqrt(t)). A vector keeps all of V_t.

    As torch.optim.Adafactor, which bounds V_t below by eps1^2 (and mean(r_t) by eps1) where the paper adds
    eps1 = 1e-30 to G^2; its default eps1 is the precision's, here that of float64 in both. The paper
    has no weight decay. lr beyond 1 never shows: the relative step is at most 1 / sqrt(t).
    """

    lr: Hyper = hyper(
        1e-2, NON_NEGATIVE, "bound of the relative step, which is 1 / sqrt(t) where that is smaller"
    )
    beta2_decay: Hyper = hyper(
        -0.8, RealRange(-np.inf, 0), "power of t by which the weight of the newest squares falls"
    )
    eps1: Hyper = hyper(2.0**-52, NON_NEGATIVE, "its square is the least that a squared gradient counts for")
    eps2: Hyper = hyper(1e-3, NON_NEGATIVE, "the least root mean square that a layer counts for in its step")
    d: Hyper = hyper(1.0, RealRange(1), "root mean square beyond which a layer's update is scaled down")
    weight_decay: Hyper = hyper(0.0, NON_NEGATIVE, DECOUPLED)

    def init(self, theta: np.ndarray) -> State:
        state = super().init(theta)
        for i, W in enumerate(layers(theta, self.shapes)):
            state[f"r{i}"], state[f"c{i}"] = np.zeros_like(W[:, :, :1]), np.zeros_like(W[:, :1])
        return state

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        new = _cube(power(float(t), self.beta2_decay))
        rate = _cube(np.minimum(self.lr, 1 / np.sqrt(t)))
        for i, (G, W) in enumerate(zip(layers(g, self.shapes), layers(theta, self.shapes), strict=True)):
            squares = G * G
            G *= 1 / np.sqrt(self._variance(squares, s[f"r{i}"], s[f"c{i}"], new))
            size = np.maximum(_rms(W), like(_cube(self.eps2), W))
            G *= like(rate, G) * size / np.maximum(_rms(G) / like(_cube(self.d), G), 1)
        shrink(g, self.lr * self.weight_decay, theta, s["work"])
        return g

    def _variance(self, squares: np.ndarray, r: np.ndarray, c: np.ndarray, new: Hyper) -> np.ndarray:
        average(c, 1 - new, _mean(squares, 1), np.empty_like(c))
        eps1 = like(_cube(self.eps1), c)
        V = c
        if squares.shape[1] > 1:
            average(r, 1 - new, _mean(squares, 2), np.empty_like(r))
            V = r * c / np.maximum(_mean(r, 1), eps1)
        return np.maximum(V, eps1 * eps1)


def _mean(a: np.ndarray, axis: int) -> np.ndarray:
    return np.add.reduce(a, axis=axis, keepdims=True) / a.shape[axis]


def _rms(a: np.ndarray) -> np.ndarray:
    """Root mean square of each trial's entries (R, 1, 1)."""
    return norm(a) / a[0].size ** 0.5


@register(
    "shampoo",
    label="Shampoo",
    paper="Gupta, Koren & Singer (2018), Algorithm 1",
    search=(1e-5, 1e2),
    defaults="pytorch-optimizer, with eps as the paper's code 1e-4 and every as it advises",
)
class Shampoo(Optimizer):
    """L_t = L_{t-1} + G_t G_t';  R_t = R_{t-1} + G_t' G_t;  L_0 = R_0 = eps I;
    W_t = W_{t-1} - lr L_s^(-1/4) G_t R_s^(-1/4), for each layer W; for a vector, lr g_t R_s^(-1/2);
    where s is t for the first `every` updates, and from then on the last multiple of `every`.

    The paper has s = t: `every` = 1. Its authors' code (tf.contrib.opt.ShampooOptimizer, `svd_interval`)
    finds no loss of accuracy at 20, and advises roots more often at first, when L and R change most; they are
    nearly all that the method costs. pytorch_optimizer takes them at every step. Later versions (distributed
    Shampoo, SOAP) average L and R, and scale the step to that of another method; the paper suggests momentum,
    which is left out here.
    """

    lr: Hyper = hyper(1e-3, NON_NEGATIVE, LR)
    eps: Hyper = hyper(
        1e-4,
        POSITIVE,
        "what the two matrices start with on their diagonals, and the least eigenvalue they count for",
    )
    every: Hyper = hyper(
        20.0, RealRange(1), "updates from one pair of roots to the next, after as many updates"
    )

    def init(self, theta: np.ndarray) -> State:
        state = super().init(theta)
        for i, W in enumerate(layers(theta, self.shapes)):
            for side, n in zip("LR", W.shape[1:], strict=True):
                start = like(_cube(self.eps), W) * np.eye(n, dtype=W.dtype)
                state[f"{side}{i}"] = np.broadcast_to(start, (len(W), n, n)).copy()
                state[f"root of {side}{i}"] = np.zeros((len(W), n, n), W.dtype)
        return state

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        due = np.broadcast_to((t <= self.every) | (t % self.every < 1), (len(g), 1))[:, 0]
        for i, G in enumerate(layers(g, self.shapes)):
            vector = G.shape[1] == 1
            s[f"R{i}"] += G.swapaxes(1, 2) @ G
            if not vector:
                s[f"L{i}"] += G @ G.swapaxes(1, 2)
            if due.any():
                for side in "R" if vector else "LR":
                    self._take_root(s, f"{side}{i}", due, 1 if vector else 2)
            left = G if vector else s[f"root of L{i}"] @ G
            np.copyto(G, left @ s[f"root of R{i}"])
        g *= like(self.lr, g)
        return g

    def _take_root(self, s: State, name: str, due: np.ndarray, halvings: int) -> None:
        """The root of the matrix `name` for the trials that are due."""
        A = s[name]
        floor = np.broadcast_to(np.asarray(like(_cube(self.eps), A), A.dtype), (len(A), 1, 1))
        s[f"root of {name}"][due] = _inverse_root(A[due], floor[due], halvings)


def _inverse_root(A: np.ndarray, floor: Hyper, halvings: int) -> np.ndarray:
    """A^(-1/2^halvings) of symmetric matrices A (..., n, n) whose eigenvalues are at least `floor`."""
    # LAPACK fails on all of them for one that is not finite.
    finite = np.isfinite(A).all(axis=(-2, -1), keepdims=True)
    values, vectors = np.linalg.eigh(np.where(finite, A, np.eye(A.shape[-1], dtype=A.dtype)))
    values = np.maximum(values[..., None, :], floor)
    for _ in range(halvings):
        values = np.sqrt(values)
    return np.where(finite, (vectors / values) @ vectors.swapaxes(-2, -1), np.nan).astype(A.dtype, copy=False)
