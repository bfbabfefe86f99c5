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
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from problems import CHECKPOINTS, PROBLEMS, Problem

HERE = Path(__file__).parent
Options = dict[str, float]


@dataclass(frozen=True)
class Reference:
    """package: whose code it is; walk: (problem, options) -> the points after updates 1, 2, ...;
    settings: the hyperparameters beyond the defaults."""

    package: str
    walk: Callable[[Problem, Options], Iterator[np.ndarray]]
    settings: tuple[Options, ...]


def torch_walk(make: Callable[..., torch.optim.Optimizer]) -> Callable[..., Iterator[np.ndarray]]:
    """Walk with an optimizer of torch's interface; `make(parameters, **options)`."""

    def walk(problem: Problem, options: Options) -> Iterator[np.ndarray]:
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in problem.shapes])[:-1]

        def blocks(flat: np.ndarray) -> list[torch.Tensor]:
            parts = np.split(flat, ends)
            return [torch.tensor(p.reshape(s)) for p, s in zip(parts, problem.shapes, strict=True)]

        parameters = [torch.nn.Parameter(block) for block in blocks(problem.start)]
        optimizer = make(parameters, **options)
        t = 0
        while True:
            t += 1
            theta = np.concatenate([p.detach().numpy().ravel() for p in parameters])
            for p, g in zip(parameters, blocks(problem.gradient(theta, t)), strict=True):
                p.grad = g
            optimizer.step()
            yield np.concatenate([p.detach().numpy().ravel() for p in parameters])

    return walk


def betas(options: Options, *names: str, defaults: tuple[float, ...]) -> dict[str, Any]:
    """Options as keyword arguments, those in `names` together as `betas`, left out when none is set."""
    rest = {key: value for key, value in options.items() if key not in names}
    if len(rest) == len(options):
        return rest
    return {**rest, "betas": tuple(options.get(n, d) for n, d in zip(names, defaults, strict=True))}


def two_betas(cls: Callable[..., torch.optim.Optimizer], **fixed: Any) -> Callable[..., Iterator[np.ndarray]]:
    """Walk with one of Adam's relatives."""
    return torch_walk(lambda p, **o: cls(p, **fixed, **betas(o, "beta1", "beta2", defaults=(0.9, 0.999))))


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
    "adam": Reference("torch", two_betas(torch.optim.Adam), ADAM_SETTINGS),
    "adamw": Reference("torch", two_betas(torch.optim.AdamW), ADAM_SETTINGS),
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
        for options in ({}, *made.settings)
    ]
    version = importlib.metadata.version(made.package)
    return {"made_with": f"{made.package} {version}", "checkpoints": CHECKPOINTS, "cases": cases}


def points(what: str, made: Reference, problem: Problem, options: Options) -> np.ndarray:
    """(checkpoints, n); refuses a path on which agreement would prove nothing or cannot be asked for."""
    near = replace(problem, start=problem.start * (1 + 1e-13))
    path, other = (
        np.array(list(islice(made.walk(p, options), CHECKPOINTS[-1])))[np.array(CHECKPOINTS) - 1]
        for p in (problem, near)
    )
    if not np.isfinite(path).all():
        raise SystemExit(f"{what} diverges: choose a smaller rate")
    if np.any(np.abs(path - other) > 1e-11 * np.abs(path).max(axis=0)):
        raise SystemExit(f"{what} magnifies a rounding error beyond what is tested: choose a smaller rate")
    return path


def main() -> None:
    torch.set_default_dtype(torch.float64)
    for name in sys.argv[1:] or REFERENCES:
        text = json.dumps(reference(name)).replace("[[", "[\n[").replace("], [", "],\n[")
        (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")
        print(name)


if __name__ == "__main__":
    main()
