"""Make the reference paths: run independent implementations of the optimizers, keep where they go.

    python -m venv /tmp/references && /tmp/references/bin/pip install -r tests/references/requirements.txt
    /tmp/references/bin/python tests/references/generate.py            # all of them
    /tmp/references/bin/python tests/references/generate.py adam lion  # some

Each file NAME.json holds the paths of one optimizer in float64, for several settings of its
hyperparameters (the first is always the defaults), with the implementation and its version. Nothing
here imports the project. A new optimizer needs a row in REFERENCES: the independent implementation,
and the settings under this project's names of the hyperparameters.
"""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytorch_optimizer
import schedulefree
import torch
from adabelief_pytorch import AdaBelief
from dog import DoG
from lion_pytorch import Lion
from problems import CHECKPOINTS, PROBLEMS, Problem
from prodigyopt import Prodigy
from torch.nn import Parameter

HERE = Path(__file__).parent
Options = dict[str, float]
Walk = Callable[[Problem, Options], Iterator[np.ndarray]]


@dataclass(frozen=True)
class Reference:
    """package: whose code it is; walk: (problem, options) -> the points after updates 1, 2, ...;
    settings: the hyperparameters beyond the defaults; rate: for the defaults, where theirs is too hot;
    mixes: a coordinate's rounding errors are those of its largest neighbour."""

    package: str
    walk: Callable[[Problem, Options], Iterator[np.ndarray]]
    settings: tuple[Options, ...]
    rate: float | None = None
    mixes: bool = False


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


ADAM_SETTINGS = (
    {"lr": 0.01, "beta1": 0.5, "beta2": 0.95},
    {"lr": 0.02, "beta1": 0.0, "eps": 1e-3, "weight_decay": 0.1},
)

REFERENCES: dict[str, Reference] = {
    "sgd": Reference("torch", torch_walk(torch.optim.SGD), ({"lr": 0.02, "weight_decay": 0.1},)),
    "momentum": Reference(
        "torch",
        torch_walk(lambda p, **o: torch.optim.SGD(p, **{"momentum": 0.9, **o})),
        ({"lr": 0.01, "momentum": 0.5}, {"lr": 0.02, "dampening": 0.6, "weight_decay": 0.1}),
    ),
    "nesterov": Reference(
        "torch",
        torch_walk(lambda p, **o: torch.optim.SGD(p, **{"momentum": 0.9, **o}, nesterov=True)),
        ({"lr": 0.02, "momentum": 0.5}, {"lr": 0.005, "momentum": 0.99, "weight_decay": 0.1}),
    ),
    "signsgd": Reference(
        "optax",
        optax_walk(lambda lr=1e-3: optax.sign_sgd(lr)),
        ({"lr": 0.003},),
    ),
    "rprop": Reference(
        "torch",
        torch_walk(rprop, told=np.sign),  # of two tiny gradients torch sees the product, which is zero
        (
            {"lr": 0.1, "eta_minus": 0.3, "eta_plus": 1.1},
            {"lr": 0.02, "step_min": 1e-3, "step_max": 0.05},
        ),
    ),
    "lion": Reference(
        "lion-pytorch",
        torch_walk(adams(Lion, 0.9, 0.99)),
        ({"lr": 0.01, "beta1": 0.5, "beta2": 0.8}, {"lr": 0.003, "weight_decay": 0.5}),
    ),
    "adagrad": Reference(
        "torch",
        torch_walk(torch.optim.Adagrad),
        ({"lr": 0.5}, {"lr": 0.1, "eps": 1e-2, "weight_decay": 0.1}),
    ),
    "rmsprop": Reference(
        "torch",
        torch_walk(torch.optim.RMSprop),
        ({"lr": 0.02, "alpha": 0.5}, {"lr": 0.01, "alpha": 0.9, "eps": 1e-2, "weight_decay": 0.1}),
    ),
    "rmsprop_centered": Reference(
        "torch",
        torch_walk(lambda p, **o: torch.optim.RMSprop(p, **o, centered=True)),
        ({"lr": 0.003, "alpha": 0.9, "eps": 1e-2}, {"lr": 0.002, "eps": 1e-3, "weight_decay": 0.1}),
    ),
    "adadelta": Reference(
        "torch",
        torch_walk(torch.optim.Adadelta),
        ({"lr": 3.0, "rho": 0.95}, {"lr": 0.5, "eps": 1e-4, "weight_decay": 0.1}),
    ),
    "adam": Reference("torch", torch_walk(adams(torch.optim.Adam, 0.9, 0.999)), ADAM_SETTINGS),
    "adamw": Reference("torch", torch_walk(adams(torch.optim.AdamW, 0.9, 0.999)), ADAM_SETTINGS),
    "cautious_adamw": Reference(
        "pytorch-optimizer",
        torch_walk(
            adams(
                pytorch_optimizer.AdEMAMix,  # with a slow mean that counts for nothing
                *(0.9, 0.999, 0.9999),
                alpha=0.0,
                cautious=True,
                weight_decouple=True,
                weight_decay=0.01,
            )
        ),
        ADAM_SETTINGS,
    ),
    "amsgrad": Reference(
        "torch", torch_walk(adams(torch.optim.Adam, 0.9, 0.999, amsgrad=True)), ADAM_SETTINGS
    ),
    "adamax": Reference("torch", torch_walk(adams(torch.optim.Adamax, 0.9, 0.999)), ADAM_SETTINGS),
    "nadam": Reference(
        "torch",
        torch_walk(adams(torch.optim.NAdam, 0.9, 0.999)),
        (*ADAM_SETTINGS, {"lr": 0.01, "momentum_decay": 0.1}),
    ),
    "radam": Reference("torch", torch_walk(adams(torch.optim.RAdam, 0.9, 0.999)), ADAM_SETTINGS),
    "adabelief": Reference(
        "adabelief-pytorch",
        torch_walk(adams(AdaBelief, 0.9, 0.999, rectify=False, print_change_log=False)),
        ADAM_SETTINGS,
    ),
    "yogi": Reference(
        "optax",
        optax_walk(renamed(yogi, **OPTAX), yogi_start),
        (*ADAM_SETTINGS, {"lr": 0.005, "eps": 1e-2}),
    ),
    "adan": Reference(
        "pytorch-optimizer",
        torch_walk(adams(pytorch_optimizer.Adan, 0.98, 0.92, 0.99)),
        (
            {"lr": 0.02, "beta1": 0.9, "beta2": 0.7, "beta3": 0.95},
            {"lr": 0.01, "eps": 1e-3, "weight_decay": 0.1},
        ),
    ),
    "adopt": Reference(
        "optax",
        optax_walk(renamed(lambda **o: optax.contrib.adopt(**{"learning_rate": 1e-3, **o}), **OPTAX)),
        ({"lr": 0.01, "beta1": 0.5, "beta2": 0.95}, {"lr": 0.003, "eps": 0.1}),
    ),
    "ademamix": Reference(
        "pytorch-optimizer",
        torch_walk(adams(pytorch_optimizer.AdEMAMix, 0.9, 0.999, 0.9999, weight_decouple=True)),
        (*ADAM_SETTINGS, {"lr": 0.002, "beta3": 0.99, "alpha": 2.0}),
    ),
    "asgd": Reference(
        "torch",
        torch_walk(torch.optim.ASGD, point=lambda optimizer, p: optimizer.state[p]["ax"]),
        (
            {"lr": 0.02, "lambd": 0.1, "alpha": 0.5, "t0": 10.0},
            {"lr": 0.01, "t0": 0.0, "weight_decay": 0.1},
        ),
    ),
    "schedule_free_sgd": Reference(
        "schedulefree",
        torch_walk(
            schedule_free(lambda p, lr=1.0, **o: schedulefree.SGDScheduleFree(p, lr=lr, **o)),
            point=schedule_free_point,
        ),
        ({"lr": 0.02, "momentum": 0.5}, {"lr": 0.05, "weight_decay": 0.1}),
        rate=0.05,
    ),
    "schedule_free_adamw": Reference(
        "schedulefree",
        torch_walk(
            schedule_free(adams(schedulefree.AdamWScheduleFree, 0.9, 0.999)), point=schedule_free_point
        ),
        (
            {"lr": 0.01, "beta1": 0.5, "beta2": 0.95},
            {"lr": 0.02, "eps": 1e-3, "weight_decay": 0.1},
        ),
    ),
    "dog": Reference(
        "dog-optimizer",
        torch_walk(DoG),
        ({"lr": 0.5, "reps_rel": 1e-2}, {"reps_rel": 1e-3, "eps": 0.1, "weight_decay": 0.1}),
    ),
    "prodigy": Reference(
        "prodigyopt",
        torch_walk(adams(Prodigy, 0.9, 0.999)),
        (
            {"lr": 0.5, "beta1": 0.5, "beta2": 0.99, "d0": 1e-5},
            {"d0": 1e-3, "d_coef": 0.5, "eps": 1e-3, "weight_decay": 0.1},
        ),
    ),
    "lars": Reference(
        "pytorch-optimizer",
        torch_walk(
            renamed(lambda p, lr=1.0, **o: pytorch_optimizer.LARS(p, lr=lr, **o), trust="trust_coefficient"),
            rows=True,
        ),
        ({"lr": 0.5, "momentum": 0.5, "trust": 1e-2}, {"lr": 0.5, "weight_decay": 0.1}),
    ),
    "lamb": Reference(
        "optax",
        optax_walk(renamed(lambda **o: optax.lamb(**{"learning_rate": 1e-3, **o}), **OPTAX)),
        ADAM_SETTINGS,
    ),
    "muon": Reference(
        "torch",
        torch_walk(torch.optim.Muon, step=muon_step, rows=True),
        ({"lr": 0.003, "momentum": 0.5}, {"lr": 0.002, "weight_decay": 0.5}),
    ),
    "adafactor": Reference(
        "torch",
        torch_walk(adafactor),
        (
            {"lr": 0.005, "beta2_decay": -0.5, "d": 2.0, "eps2": 0.1},
            {"lr": 0.005, "eps1": 1e-4, "weight_decay": 0.1},
        ),
    ),
    "shampoo": Reference(
        "pytorch-optimizer",
        torch_walk(shampoo, step=shampoo_step),
        ({"lr": 0.05, "eps": 1e-2, "every": 1}, {"lr": 0.01, "every": 7}),
        mixes=True,
    ),
    "sophia": Reference(
        "pytorch-optimizer",
        torch_walk(sophia, step=sophia_step),
        (
            {"lr": 0.01, "beta1": 0.5, "beta2": 0.9, "gamma": 0.1},
            {"lr": 0.003, "eps": 1e-2, "weight_decay": 0.1},
        ),
    ),
}


def reference(name: str) -> dict[str, Any]:
    """The content of NAME.json."""
    made = REFERENCES[name]
    cases = [
        {
            "options": options,
            "paths": {
                key: points(f"{name} {options} on {key}", made, problem, options).tolist()
                for key, problem in PROBLEMS.items()
            },
        }
        for options in ({} if made.rate is None else {"lr": made.rate}, *made.settings)
    ]
    version = importlib.metadata.version(made.package)
    made_with = {"made_with": f"{made.package} {version}", "mixes": made.mixes}
    return {**made_with, "checkpoints": CHECKPOINTS, "cases": cases}


def points(what: str, made: Reference, problem: Problem, options: Options) -> np.ndarray:
    """(checkpoints, n); refuses a path on which agreement would prove nothing or cannot be asked for."""
    near = replace(problem, start=problem.start * (1 + 1e-13))
    path, other = (
        np.array(list(itertools.islice(made.walk(p, options), CHECKPOINTS[-1])))[np.array(CHECKPOINTS) - 1]
        for p in (problem, near)
    )
    if not np.isfinite(path).all():
        raise SystemExit(f"{what} diverges: choose a smaller rate")
    if np.any(np.abs(path - other) > 1e-10 * np.abs(path).max(axis=0)):
        raise SystemExit(f"{what} magnifies a rounding error beyond what is tested: choose a smaller rate")
    return path


def main() -> None:
    torch.set_default_dtype(torch.float64)
    jax.config.update("jax_enable_x64", True)
    for name in sys.argv[1:] or REFERENCES:
        text = json.dumps(reference(name)).replace("[[", "[\n[").replace("], [", "],\n[")
        (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
