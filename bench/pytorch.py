"""PyTorch: a plain training loop for one network, and vmap over stacked networks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from bench.competitors import Prepared
from bench.tasks import Task

torch.set_num_threads(1)

CLASSES = {
    "sgd": "SGD",
    "momentum": "SGD",
    "nesterov": "SGD",
    "adagrad": "Adagrad",
    "rmsprop": "RMSprop",
    "adam": "Adam",
    "adamw": "AdamW",
}
"""Whose classes have the core's rules and names; Adam's two betas are one there."""


def prepare_loop(task: Task) -> Prepared:
    """zero_grad, forward, backward, step: as tutorials write it. It trains the first trial."""
    model, loss = _model(task), _loss(task)
    with torch.no_grad():
        for layer, (W, b) in zip(_linear(model), task.layers(task.start[:1]), strict=True):
            layer.weight.copy_(torch.from_numpy(W[0]))
            layer.bias.copy_(torch.from_numpy(b[0]))
    optimizer = _optimizer(task, list(model.parameters()))
    batches = _Batches(task)

    def run() -> None:
        for X, Y in batches:
            optimizer.zero_grad()
            loss(model(X), Y).backward()
            optimizer.step()

    def theta() -> np.ndarray:
        return task.flat(
            [(m.weight.detach().numpy()[None], m.bias.detach().numpy()[None]) for m in _linear(model)]
        )

    return Prepared(run, theta, 1)


def prepare_vmap(task: Task) -> Prepared:
    """All trials' parameters stacked, gradients by vmap(grad), one optimizer for the stacks."""
    model, loss = _model(task), _loss(task)
    names = [name for name, _ in model.named_parameters()]
    stacks = [torch.from_numpy(array) for layer in task.layers(task.start) for array in layer]
    optimizer = _optimizer(task, stacks)
    batches = _Batches(task)

    def loss_of(parameters: dict[str, Tensor], X: Tensor, Y: Tensor) -> Tensor:
        return loss(functional_call(model, parameters, (X,)), Y)

    gradients = vmap(grad(loss_of), in_dims=(0, None, None))

    def run() -> None:
        for X, Y in batches:
            found = gradients(dict(zip(names, stacks, strict=True)), X, Y)
            for name, stack in zip(names, stacks, strict=True):
                stack.grad = found[name]
            optimizer.step()

    def theta() -> np.ndarray:
        arrays = [stack.numpy().copy() for stack in stacks]
        return task.flat(list(zip(arrays[::2], arrays[1::2], strict=True)))

    return Prepared(run, theta, task.trials)


def _model(task: Task) -> nn.Sequential:
    pairs = list(zip(task.sizes[:-1], task.sizes[1:], strict=True))
    layers: list[nn.Module] = []
    for fan_in, fan_out in pairs:
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).to(getattr(torch, task.precision))


def _linear(model: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in model if isinstance(layer, nn.Linear)]


def _loss(task: Task) -> Callable[[Tensor, Tensor], Tensor]:
    if task.loss == "softmax_cross_entropy":
        return nn.functional.cross_entropy
    return lambda Z, Y: ((Z - Y) ** 2).sum(dim=1).mean() / 2


def _optimizer(task: Task, parameters: list[Tensor]) -> torch.optim.Optimizer:
    settings: dict[str, Any] = dict(task.settings)
    if task.optimizer in ("adam", "adamw"):
        settings["betas"] = (settings.pop("beta1"), settings.pop("beta2"))
    if task.optimizer == "nesterov":
        settings["nesterov"] = True
    made: torch.optim.Optimizer = getattr(torch.optim, CLASSES[task.optimizer])(parameters, **settings)
    return made


class _Batches:
    """(X, Y) of one update after the other, gathered when it is its turn."""

    def __init__(self, task: Task):
        X, Y = task.data
        if task.loss == "softmax_cross_entropy":
            Y = Y.argmax(axis=1)
        self.X, self.Y, self.order = torch.from_numpy(X), torch.from_numpy(Y), torch.from_numpy(task.order)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        return ((self.X[rows], self.Y[rows]) for rows in self.order)
