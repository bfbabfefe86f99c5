"""JAX: one compiled function that scans over the batches, mapped over the trials.

JAX makes float64 to float32 wherever it is not told otherwise: here, for the task at hand alone.
"""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.competitors import Prepared
from bench.tasks import Task

Tree = Any


def prepare(task: Task) -> Prepared:
    """Every trial has its own weights and learning rate; the batches are shared."""
    double = task.precision == "float64"
    with jax.enable_x64(double):
        X, Y = map(jnp.asarray, task.data)
        order = jnp.asarray(task.order, jnp.int32)
        start = [tuple(map(jnp.asarray, layer)) for layer in task.layers(task.start)]
        rates = jnp.full(task.trials, task.settings["lr"], task.precision)
        began = time.perf_counter()
        train = jax.jit(jax.vmap(_training(task), in_axes=(0, 0, None, None, None)))
        compiled = train.lower(start, rates, X, Y, order).compile()
        compile_seconds = time.perf_counter() - began
    final: list[Any] = []

    def run() -> None:
        with jax.enable_x64(double):
            final[:] = [jax.block_until_ready(compiled(start, rates, X, Y, order))]

    def theta() -> np.ndarray:
        return task.flat([(np.asarray(W), np.asarray(b)) for W, b in final[0]])

    return Prepared(run, theta, task.trials, compile_seconds)


def _training(task: Task) -> Any:
    """The function (weights, rate, X (n, d), Y (n, k), order (steps, B)) -> weights of one trial."""

    def loss(layers: Tree, X: jax.Array, Y: jax.Array) -> jax.Array:
        a = X
        for W, b in layers[:-1]:
            a = jax.nn.relu(a @ W.T + b)
        W, b = layers[-1]
        Z = a @ W.T + b
        if task.loss == "softmax_cross_entropy":
            return -(Y * jax.nn.log_softmax(Z)).sum(axis=1).mean()
        return ((Z - Y) ** 2).sum(axis=1).mean() / 2

    def train(layers: Tree, rate: jax.Array, X: jax.Array, Y: jax.Array, order: jax.Array) -> Tree:
        def step(carry: Tree, rows: jax.Array) -> tuple[Tree, None]:
            t, layers, state = carry
            layers, state = _update(task, t, rate, layers, jax.grad(loss)(layers, X[rows], Y[rows]), state)
            return (t + 1, layers, state), None

        zeros = jax.tree.map(jnp.zeros_like, layers)
        (_, layers, _), _ = jax.lax.scan(step, (1.0, layers, (zeros, zeros)), order)
        return layers

    return train


def _update(task: Task, t: Any, rate: Any, theta: Tree, g: Tree, state: Tree) -> tuple[Tree, Tree]:
    """The parameters and the state after update t = 1, 2, ...: `_step` on every array."""
    m, v = state
    arrays, shape = jax.tree.flatten(theta)
    others = map(jax.tree.leaves, (g, m, v))
    found = [_step(task, t, rate, *four) for four in zip(arrays, *others, strict=True)]
    theta, m, v = (jax.tree.unflatten(shape, each) for each in zip(*found, strict=True))
    return theta, (m, v)


def _step(task: Task, t: Any, rate: Any, p: Any, g: Any, m: Any, v: Any) -> tuple[Any, Any, Any]:
    """p, m and v after the update; m gathers gradients and v their squares, where the optimizer does."""
    s = task.settings
    match task.optimizer:
        case "sgd":
            return p - rate * g, m, v
        case "momentum":
            m = s["momentum"] * m + g
            return p - rate * m, m, v
        case "nesterov":
            m = s["momentum"] * m + g
            return p - rate * (g + s["momentum"] * m), m, v
        case "adagrad":
            v = v + g * g
            return p - rate * g / (jnp.sqrt(v) + s["eps"]), m, v
        case "rmsprop":
            v = s["alpha"] * v + (1 - s["alpha"]) * g * g
            return p - rate * g / (jnp.sqrt(v) + s["eps"]), m, v
        case "adamw":
            p = p - rate * s["weight_decay"] * p
    m = s["beta1"] * m + (1 - s["beta1"]) * g
    v = s["beta2"] * v + (1 - s["beta2"]) * g * g
    c1, c2 = 1 - s["beta1"] ** t, 1 - s["beta2"] ** t
    return p - rate * (m / c1) / (jnp.sqrt(v / c2) + s["eps"]), m, v
