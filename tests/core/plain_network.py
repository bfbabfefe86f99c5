"""A second opinion: networks as a textbook writes them, one sample and one unit layer at a time."""

from itertools import pairwise

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax

ACTIVATIONS = {
    "identity": lambda z: z,
    "sigmoid": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.where(z > 0, z, 0.0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
}
OUTPUTS = {"binary_cross_entropy": expit, "sigmoid_mse": expit, "softmax_cross_entropy": softmax}


def unpack(theta, sizes):
    """[(W (fan_out, fan_in), b (fan_out,)), ...] copied out of the flat theta."""
    layers, start = [], 0
    for fan_in, fan_out in pairwise(sizes):
        block = theta[start : start + fan_out * (fan_in + 1)].reshape(fan_out, fan_in + 1)
        layers.append((block[:, :-1].copy(), block[:, -1].copy()))
        start += fan_out * (fan_in + 1)
    return layers


def logits(net, theta, x):
    """Pre-activations (k,) of the output layer for one sample x (d,)."""
    *hidden, (W_out, b_out) = unpack(theta, net.sizes)
    for W, b in hidden:
        x = ACTIVATIONS[net.activation](W @ x + b)
    return W_out @ x + b_out


def predict(net, theta, X):
    """(n, k)."""
    output = OUTPUTS.get(net.loss, lambda z: z)
    return np.array([output(logits(net, theta, x)) for x in X])


def loss(net, theta, X, Y):
    """The loss from its definition; Y (n, k)."""
    Z = np.array([logits(net, theta, x) for x in X])
    n = len(X)
    match net.loss:
        case "half_mse":
            return ((Z - Y) ** 2).sum() / (2 * n)
        case "mse":
            return ((Z - Y) ** 2).sum() / n
        case "rmse":
            return np.sqrt(((Z - Y) ** 2).sum() / n)
        case "binary_cross_entropy":
            return -(Y * log_expit(Z) + (1 - Y) * log_expit(-Z)).sum() / n
        case "softmax_cross_entropy":
            return -(Y * log_softmax(Z, axis=1)).sum() / n
        case "sigmoid_mse":
            return ((expit(Z) - Y) ** 2).sum() / n
    raise AssertionError(f"no definition for {net.loss}: write it down here")


def some_targets(net, rng, n):
    """Random targets (n, k) of the kind that the loss wants."""
    k = net.sizes[-1]
    match net.loss:
        case "softmax_cross_entropy":
            return np.eye(k)[rng.integers(0, k, n)]
        case "binary_cross_entropy" | "sigmoid_mse":
            return rng.integers(0, 2, (n, k)).astype(float)
    return rng.standard_normal((n, k))
