"""JAX: one compiled function that scans over the batches, mapped over the trials."""

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
    X, Y = map(jnp.asarray, task.data)
    order = jnp.asarray(task.order)
    start = [tuple(map(jnp.asarray, layer)) for layer in task.layers(task.start)]
    rates = jnp.full(task.trials, task.settings["lr"], jnp.float32)
    began = time.perf_counter()
    train = jax.jit(jax.vmap(_training(task), in_axes=(0, 0, None, None, None)))
    compiled = train.lower(start, rates, X, Y, order).compile()
    compile_seconds = time.perf_counter() - began
    final: list[Any] = []

    def run() -> None:
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
    m, v = state
    if task.optimizer == "sgd":
        return jax.tree.map(lambda p, g: p - rate * g, theta, g), state
    if task.optimizer == "momentum":
        m = jax.tree.map(lambda m, g: task.settings["momentum"] * m + g, m, g)
        return jax.tree.map(lambda p, m: p - rate * m, theta, m), (m, v)
    beta1, beta2, eps = (task.settings[name] for name in ("beta1", "beta2", "eps"))
    m = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, m, g)
    v = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, v, g)
    c1, c2 = 1 - beta1**t, 1 - beta2**t
    theta = jax.tree.map(lambda p, m, v: p - rate * (m / c1) / (jnp.sqrt(v / c2) + eps), theta, m, v)
    return theta, (m, v)
