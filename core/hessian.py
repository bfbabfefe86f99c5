"""Products with the Hessian of a network's loss, and its gradient, of which `core.curvature` is made."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.activations import ACTIVATIONS
from overshoot.core.checks import instance, reals
from overshoot.core.losses import LOSSES
from overshoot.core.network import BLOCK, CHUNK, Batch, Network, Passes, outer


def hessian_product(net: Network, theta: ArrayLike, v: ArrayLike, data: Batch) -> np.ndarray:
    """H v of the mean loss over all of `data`, exact up to rounding: (P,) or (R, P) float64.

    theta, v: (P,) or (R, P), each trial with its own Hessian and direction; data: from `net.data`.
    Pearlmutter's (1994) R-operator: the derivative of the gradient along v, by differentiating the
    forward and the backward pass, at about twice the cost of a gradient. At a kink of relu or
    leaky_relu the loss has no Hessian; there it is that of the side on which the gradient lies.
    Raises ValueError when shapes disagree.
    """
    stack, directions = stack_of(net, "theta", theta), stack_of(net, "v", v)
    if np.shape(theta) != np.shape(v):
        raise ValueError(f"theta and v must have one shape, got {np.shape(theta)} and {np.shape(v)}")
    return product(net, stack, directions, data_of(net, data)).reshape(np.shape(theta))


def product(net: Network, theta: np.ndarray, v: np.ndarray, data: Batch) -> np.ndarray:
    """`hessian_product` of what was checked: theta, v (R, P), data in float64."""
    with np.errstate(all="ignore"):  # what is not finite is an outcome here
        if LOSSES[net.loss].root_of:
            return _root_product(net, theta, v, data)
        total = np.zeros_like(theta)
        for part in data.chunks(CHUNK):
            for block in _blocks(net, len(theta), part.size):
                share = np.empty_like(theta[block])
                _r_operator(net, theta[block], v[block], part, share)
                total[block] += share * (part.size / data.size)
        return total


def _root_product(net: Network, theta: np.ndarray, v: np.ndarray, data: Batch) -> np.ndarray:
    """For L = sqrt(M), M a mean over the samples: g_L = g_M / 2L and H_L = (H_M / 2 - g_L g_L^T) / L."""
    mean = dataclasses.replace(net, loss=LOSSES[net.loss].root_of)
    value = net.evaluate(theta, data)[:, None]
    slope = gradient(net, theta, data)
    along = (slope * v).sum(axis=1, keepdims=True)
    return (product(mean, theta, v, data) / 2 - slope * along) / value


def gradient(net: Network, theta: np.ndarray, data: Batch) -> np.ndarray:
    """Gradient (R, P) over all of `data`, a chunk of samples at a time."""
    if LOSSES[net.loss].root_of:
        mean = dataclasses.replace(net, loss=LOSSES[net.loss].root_of)
        return gradient(mean, theta, data) / (2 * net.evaluate(theta, data)[:, None])
    total, share = np.zeros_like(theta), np.empty_like(theta)
    for part in data.chunks(CHUNK):
        Passes(net, len(theta), part.size, theta.dtype).gradient(theta, partial(_same, part), share)
        total += share * (part.size / data.size)
    return total


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


def stack_of(net: Network, name: str, values: ArrayLike) -> np.ndarray:
    """`values` (P,) or (R, P) as (R, P) float64; ValueError when they do not fit the network."""
    instance("net", net, Network)
    stack = np.atleast_2d(reals(name, values, np.float64))
    if stack.ndim != 2 or stack.shape[1] != net.size or not len(stack):
        raise ValueError(f"{name} must be ({net.size},) or (R, {net.size}), got {np.shape(values)}")
    return stack


def data_of(net: Network, data: Batch) -> Batch:
    """`data` in float64; ValueError when it is not data of this network, shared by all trials."""
    instance("data", data, Batch)
    expected = (1, data.size, net.sizes[0] + 1), (1, data.size, net.sizes[-1])
    if (data.rows.shape, data.targets.shape) != expected:
        raise ValueError(f"data must have shapes {expected}, got {data.rows.shape} and {data.targets.shape}")
    return Batch(data.rows.astype(np.float64, copy=False), data.targets.astype(np.float64, copy=False))
