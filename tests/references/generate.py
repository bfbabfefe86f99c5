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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
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
from walks import (
    OPTAX,
    Options,
    Walk,
    adafactor,
    adams,
    muon_step,
    optax_walk,
    renamed,
    rprop,
    schedule_free,
    schedule_free_point,
    shampoo,
    shampoo_step,
    sophia,
    sophia_step,
    torch_walk,
    yogi,
    yogi_start,
)

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Reference:
    """package: whose code it is; walk: (problem, options) -> the points after updates 1, 2, ...;
    settings: the hyperparameters beyond the defaults; rate: for the defaults, where theirs is too hot;
    mixes: a coordinate's rounding errors are those of its largest neighbour."""

    package: str
    walk: Walk
    settings: tuple[Options, ...]
    rate: float | None = None
    mixes: bool = False


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
