"""How the independent implementations of the optimizers are walked: their interfaces, made one."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytorch_optimizer
import torch
from problems import Problem
from torch.nn import Parameter

Options = dict[str, float]
Walk = Callable[[Problem, Options], Iterator[np.ndarray]]


def torch_walk(
    make: Callable[..., Any],
    *,
    point: Callable[[Any, Parameter], torch.Tensor] = lambda optimizer, p: p,
    told: Callable[[np.ndarray], np.ndarray] = lambda gradient: gradient,
    step: Callable[[Any, Problem, int], Any] = lambda optimizer, problem, t: optimizer.step(),
    rows: bool = False,
) -> Walk:
    """Walk with an optimizer of torch's interface, `make(parameters, **options)`.

    point: from a parameter to the point that the method proposes; told: what it is told of the
    gradient; step: how an update is made; rows: vectors are handed over as matrices with one row.
    """

    def walk(problem: Problem, options: Options) -> Iterator[np.ndarray]:
        def tensors(flat: np.ndarray) -> list[torch.Tensor]:
            return [torch.tensor(np.atleast_2d(a) if rows else a) for a in problem.layers(flat)]

        def flat(tensors: list[Any]) -> np.ndarray:
            return np.concatenate([p.detach().numpy().ravel() for p in tensors])

        parameters = [Parameter(p) for p in tensors(problem.start)]
        optimizer = make(parameters, **options)
        for t in itertools.count(1):
            gradients = tensors(told(problem.gradient(flat(parameters), t)))
            for p, g in zip(parameters, gradients, strict=True):
                p.grad = g
            step(optimizer, problem, t)
            yield flat([point(optimizer, p) for p in parameters])

    return walk


def optax_walk(make: Callable[..., Any], start: Callable[[Any], Any] = lambda state: state) -> Walk:
    """Walk with optax's `make(**options)`; `start` changes the state before the first update."""

    def walk(problem: Problem, options: Options) -> Iterator[np.ndarray]:
        def arrays(flat: np.ndarray) -> list[jax.Array]:
            return [jnp.asarray(a) for a in problem.layers(flat)]

        def flat(arrays: list[jax.Array]) -> np.ndarray:
            return np.concatenate([np.asarray(p).ravel() for p in arrays])

        optimizer, parameters = make(**options), arrays(problem.start)
        state, update = start(optimizer.init(parameters)), jax.jit(optimizer.update)
        for t in itertools.count(1):
            updates, state = update(arrays(problem.gradient(flat(parameters), t)), state, parameters)
            parameters = optax.apply_updates(parameters, updates)
            yield flat(parameters)

    return walk


def adams(cls: Callable[..., Any], *betas: float, **fixed: Any) -> Callable[..., Any]:
    """`make` for a class of torch's interface that takes its decay rates, by default `betas`, in one."""

    def make(p: list[Parameter], **options: float) -> Any:
        names = [f"beta{i}" for i in range(1, len(betas) + 1)]
        chosen = tuple(options.pop(name, beta) for name, beta in zip(names, betas, strict=True))
        return cls(p, **{**fixed, **options}, **({} if chosen == betas else {"betas": chosen}))

    return make


def renamed(make: Callable[..., Any], **names: str) -> Callable[..., Any]:
    """`make` that takes its options under this project's names."""
    return lambda *p, **options: make(*p, **{names.get(key, key): value for key, value in options.items()})


OPTAX = {"lr": "learning_rate", "beta1": "b1", "beta2": "b2"}


def rprop(p: list[Parameter], **options: float) -> Any:
    etas = options.pop("eta_minus", 0.5), options.pop("eta_plus", 1.2)
    sizes = options.pop("step_min", 1e-6), options.pop("step_max", 50)
    return torch.optim.Rprop(p, **options, etas=etas, step_sizes=sizes)


def yogi(learning_rate: float = 1e-2, weight_decay: float = 0.0, **options: float) -> Any:
    rate, decay = optax.scale_by_learning_rate(learning_rate), optax.add_decayed_weights(weight_decay)
    return optax.chain(decay, optax.scale_by_yogi(**options), rate)


def yogi_start(state: Any) -> Any:
    """With m = 0 in the place of optax's 1e-6."""
    decay, moments, rate = state
    return decay, moments._replace(mu=jax.tree.map(jnp.zeros_like, moments.mu)), rate


def adafactor(p: list[Parameter], **options: float) -> Any:
    eps = options.pop("eps1", None), options.pop("eps2", 1e-3)
    return torch.optim.Adafactor(p, **options, eps=eps)


def muon_step(optimizer: Any, problem: Problem, t: int) -> None:
    with mock.patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone):  # iterate in float64
        optimizer.step()


def shampoo(p: list[Parameter], eps: float = 1e-4, every: float = 20, **options: float) -> Any:
    made = pytorch_optimizer.Shampoo(p, **options, matrix_eps=eps)
    made.every = every
    return made


def shampoo_step(optimizer: Any, problem: Problem, t: int) -> None:
    """pytorch_optimizer takes no step before its first roots: `every` is told to it update by update."""
    due = t <= optimizer.every or t % optimizer.every == 0
    optimizer.preconditioning_compute_steps = 1 if due else t + 1
    optimizer.step()


def schedule_free(make: Callable[..., Any]) -> Callable[..., Any]:
    def trained(p: list[Parameter], **options: float) -> Any:
        optimizer = make(p, **options)
        optimizer.train()
        return optimizer

    return trained


def schedule_free_point(optimizer: Any, y: Parameter) -> torch.Tensor:
    """x of y and z, as the package's `eval` computes it."""
    group = optimizer.param_groups[0]
    momentum = group["momentum"] if "momentum" in group else group["betas"][0]
    return torch.lerp(y.detach(), optimizer.state[y]["z"], 1 - 1 / momentum)


def sophia(p: list[Parameter], lr: float = 1e-3, gamma: float = 0.01, eps: float = 1e-12, **o: float) -> Any:
    """clip(m / max(gamma h, eps), 1) in terms of the package's clip(m / max(h, eps / gamma), gamma)."""
    decay = gamma * o.pop("weight_decay", 0.0)
    make = adams(pytorch_optimizer.SophiaH, 0.96, 0.99, p=gamma)
    return make(p, lr=lr / gamma, eps=eps / gamma, weight_decay=decay, **o)


def sophia_step(optimizer: Any, problem: Problem, t: int) -> None:
    told = [torch.tensor(h) for h in problem.layers(problem.curvature)]
    optimizer.step(hessian=told if t % 10 == 1 else None)
