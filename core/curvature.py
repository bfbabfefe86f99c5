"""How a network's loss curves: products with its Hessian, and the Hessian's extreme eigenvalues.

The Hessian H (P, P) of the mean loss is never formed. Its largest eigenvalue, the *sharpness*, sets
the largest stable learning rate of the methods that declare one (`Optimizer.critical_rate`); on
anything but a quadratic it does so at the current point alone (Cohen et al. 2021).
"""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from core.activations import ACTIVATIONS
from core.checks import finite, instance, reals, whole
from core.eigenvalues import TOLERANCE, Estimate, largest_eigenvalue
from core.losses import LOSSES
from core.network import BLOCK, CHUNK, Batch, Network, Passes, outer


def sharpness(
    net: Network,
    theta: ArrayLike,
    data: Batch,
    preconditioner: ArrayLike | None = None,
    weight_decay: ArrayLike = 0.0,
    iterations: int | None = None,
    tolerance: float = TOLERANCE,
) -> list[Estimate]:
    """Largest eigenvalue of H + weight_decay I at each trial's parameters, by Lanczos' method.

    theta: (P,) or (R, P); data: from `net.data`; preconditioner: None, or (P,) or (R, P), positive:
        what an adaptive method divides its step by, such as sqrt(v^) + eps. The eigenvalue is then
        that of P^-1 (H + weight_decay I), computed from the symmetric P^-1/2 (H + weight_decay I)
        P^-1/2, which has the same (Cohen et al. 2022). weight_decay: an L2 penalty, () or (R,);
        zero for a decay that is apart from the gradient (AdamW).
    iterations: restarts of the method before it gives up; by default ten times P.
    tolerance: residual, relative to the eigenvalue, at which it ends: there is an eigenvalue within it,
        and the error is about its square. A loose one, 1 % or more, takes a third of the products.

    The start is fixed, so the same call returns the same bits. Returns an estimate for each trial.
    One that has not converged holds the largest Rayleigh quotient met, which is a lower bound, or
    NaN where the Hessian is not finite: parameters too large, or a perfect fit under the RMSE.
    Raises ValueError when shapes disagree, or a preconditioner is not positive and finite.
    """
    stack, batch = _stack(net, "theta", theta), _data(net, data)
    scales = 1 / np.sqrt(_preconditioner(preconditioner, stack.shape))
    decays = finite("weight_decay", weight_decay)
    if decays.shape not in ((), (len(stack),)):
        raise ValueError(f"weight_decay must be a number or ({len(stack)},), got shape {decays.shape}")
    decays = np.broadcast_to(decays, (len(stack),))
    if finite("tolerance", tolerance).ndim or tolerance <= 0:
        raise ValueError(f"tolerance must be a positive number, got {tolerance!r}")
    if iterations is not None:
        iterations = whole("iterations", iterations, 1)

    def estimate(point: np.ndarray, scale: np.ndarray, decay: float) -> Estimate:
        def product(v: np.ndarray) -> np.ndarray:
            direction = scale * v
            return scale * (_product(net, point[None], direction[None], batch)[0] + decay * direction)

        return largest_eigenvalue(product, net.size, iterations, tolerance)

    return [estimate(*trial) for trial in zip(stack, scales, decays.tolist(), strict=True)]


def smallest_eigenvalue(net: Network, theta: ArrayLike, data: Batch) -> np.ndarray:
    """Smallest non-zero eigenvalue (R,) of the Hessian of a linear model: it sets the slowest speed.

    theta: (P,) or (R, P), of which squared errors do not depend; data: from `net.data`. H = A^T A for
    samples weighted by the loss' second derivative; the eigenvalues are the squares of A's singular
    values, and zero below the rounding error of the largest one (as in numpy.linalg.matrix_rank). NaN
    where all are zero. Raises ValueError for hidden layers and for losses without such a form.
    """
    stack, batch = _stack(net, "theta", theta), _data(net, data)
    weigh = LOSSES[net.loss].weights
    if len(net.sizes) > 2 or weigh is None:
        allowed = ", ".join(name for name, loss in LOSSES.items() if loss.weights)
        raise ValueError(f"needs a network without hidden layers and one of the losses {allowed}, got {net}")
    (W,) = net.layers(stack)
    weights = weigh(W @ batch.X)  # (R or 1, k or 1, n)
    rows = np.sqrt(weights / batch.size)[..., None] * batch.rows[0]
    singular = np.linalg.svd(rows, compute_uv=False).reshape(len(weights), -1)
    rounding = max(rows.shape[2:]) * np.finfo(np.float64).eps
    zero = singular <= rounding * singular.max(axis=1, keepdims=True)
    smallest = np.where(zero, np.inf, singular**2).min(axis=1)
    return np.broadcast_to(np.where(np.isinf(smallest), np.nan, smallest), (len(stack),)).copy()


def hessian_product(net: Network, theta: ArrayLike, v: ArrayLike, data: Batch) -> np.ndarray:
    """H v of the mean loss over all of `data`, exact up to rounding: (P,) or (R, P) float64.

    theta, v: (P,) or (R, P), each trial with its own Hessian and direction; data: from `net.data`.
    Pearlmutter's (1994) R-operator: the derivative of the gradient along v, by differentiating the
    forward and the backward pass, at about twice the cost of a gradient. At a kink of relu or
    leaky_relu the loss has no Hessian; there it is that of the side on which the gradient lies.
    Raises ValueError when shapes disagree.
    """
    stack, directions = _stack(net, "theta", theta), _stack(net, "v", v)
    if np.shape(theta) != np.shape(v):
        raise ValueError(f"theta and v must have one shape, got {np.shape(theta)} and {np.shape(v)}")
    return _product(net, stack, directions, _data(net, data)).reshape(np.shape(theta))


def _product(net: Network, theta: np.ndarray, v: np.ndarray, data: Batch) -> np.ndarray:
    with np.errstate(all="ignore"):  # what is not finite is an outcome here
        if LOSSES[net.loss].root_of:
            return _root_product(net, theta, v, data)
        product = np.zeros_like(theta)
        for part in data.chunks(CHUNK):
            for block in _blocks(net, len(theta), part.size):
                share = np.empty_like(theta[block])
                _r_operator(net, theta[block], v[block], part, share)
                product[block] += share * (part.size / data.size)
        return product


def _root_product(net: Network, theta: np.ndarray, v: np.ndarray, data: Batch) -> np.ndarray:
    """For L = sqrt(M), M a mean over the samples: g_L = g_M / 2L and H_L = (H_M / 2 - g_L g_L^T) / L."""
    mean = dataclasses.replace(net, loss=LOSSES[net.loss].root_of)
    value = net.evaluate(theta, data)[:, None]
    slope = _gradient(mean, theta, data) / (2 * value)
    along = (slope * v).sum(axis=1, keepdims=True)
    return (_product(mean, theta, v, data) / 2 - slope * along) / value


def _gradient(net: Network, theta: np.ndarray, data: Batch) -> np.ndarray:
    """Gradient (R, P) over all of `data`, a chunk of samples at a time."""
    gradient, share = np.zeros_like(theta), np.empty_like(theta)
    for part in data.chunks(CHUNK):
        Passes(net, len(theta), part.size, theta.dtype).gradient(theta, partial(_same, part), share)
        gradient += share * (part.size / data.size)
    return gradient


def _same(batch: Batch, trials: slice) -> Batch:
    return batch


def _blocks(net: Network, R: int, B: int) -> list[slice]:
    """Blocks of trials whose passes over B samples keep about `BLOCK` bytes."""
    trials = max(1, BLOCK // (8 * B * 4 * sum(net.sizes)))
    return [slice(i, i + trials) for i in range(0, R, trials)]


def _r_operator(net: Network, theta: np.ndarray, v: np.ndarray, batch: Batch, out: np.ndarray) -> None:
    """out (R, P) <- H v of the mean over the batch. A name with r_ is the derivative along v of its rest."""
    activation, loss = ACTIVATIONS[net.activation], LOSSES[net.loss]
    Ws, Vs, products = net.layers(theta), net.layers(v), net.layers(out)
    z, r_z = Ws[0] @ batch.X, Vs[0] @ batch.X
    hidden = []
    for W, V in zip(Ws[1:], Vs[1:], strict=True):
        activation.apply(z)
        slope = np.ones_like(z)
        activation.backward(z, slope)
        r_slope = activation.bend(z) * slope * r_z
        a, r_a = _with_bias(z, 1.0), _with_bias(slope * r_z, 0.0)
        hidden.append((a, r_a, slope, r_slope))
        z, r_z = W @ a, V @ a + W @ r_a
    assert loss.curve is not None, f"a product with the Hessian of {net.loss} is that of its root"
    r_delta = loss.curve(z, batch.Y, r_z) / batch.size
    delta = z
    loss.delta(delta, batch.Y)
    for i in range(len(Ws) - 1, 0, -1):
        a, r_a, slope, r_slope = hidden[i - 1]
        outer(r_delta, a.swapaxes(1, 2), products[i])
        products[i] += delta @ r_a.swapaxes(1, 2)
        W, V = Ws[i][:, :, :-1].swapaxes(1, 2), Vs[i][:, :, :-1].swapaxes(1, 2)
        below, r_below = W @ delta, W @ r_delta + V @ delta
        delta, r_delta = below * slope, r_below * slope + below * r_slope
    outer(r_delta, batch.rows, products[0])


def _with_bias(a: np.ndarray, value: float) -> np.ndarray:
    """`a` (R, u, B) with one row more, of a constant."""
    return np.concatenate([a, np.full_like(a[:, :1], value)], axis=1)


def _stack(net: Network, name: str, values: ArrayLike) -> np.ndarray:
    instance("net", net, Network)
    stack = np.atleast_2d(reals(name, values, np.float64))
    if stack.ndim != 2 or stack.shape[1] != net.size or not len(stack):
        raise ValueError(f"{name} must be ({net.size},) or (R, {net.size}), got {np.shape(values)}")
    return stack


def _data(net: Network, data: Batch) -> Batch:
    """`data` in float64; ValueError when it is not data of this network, shared by all trials."""
    instance("data", data, Batch)
    expected = (1, data.size, net.sizes[0] + 1), (1, data.size, net.sizes[-1])
    if (data.rows.shape, data.targets.shape) != expected:
        raise ValueError(f"data must have shapes {expected}, got {data.rows.shape} and {data.targets.shape}")
    return Batch(data.rows.astype(np.float64, copy=False), data.targets.astype(np.float64, copy=False))


def _preconditioner(values: ArrayLike | None, shape: tuple[int, ...]) -> np.ndarray:
    P = np.ones(shape) if values is None else reals("preconditioner", values, np.float64)
    if P.shape not in (shape, shape[1:]):
        raise ValueError(f"preconditioner must be {shape[1:]} or {shape}, like theta, got {P.shape}")
    if not np.all((P > 0) & np.isfinite(P)):
        raise ValueError("preconditioner must be positive and finite in every coordinate")
    return np.broadcast_to(P, shape)
