"""What is measured: networks, data, batches, numbers of trials and optimizers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.preprocessing import scale

from overshoot.core import Network
from overshoot.core.batches import permutation

SEED = 7
SAMPLES_A_RUN = 20_000  # about as many are trained on in one timed run, whatever the batch
STEPS = (12, 512)  # but never fewer or more updates than this: enough for setting up to weigh little
TINY = 1000  # parameters: networks of so few train four times as long, or setting up would weigh a third

SETTINGS: dict[str, dict[str, float]] = {
    "sgd": {"lr": 0.05},
    "momentum": {"lr": 0.01, "momentum": 0.9},
    "nesterov": {"lr": 0.01, "momentum": 0.9},
    "adagrad": {"lr": 0.01, "eps": 1e-10},
    "rmsprop": {"lr": 1e-3, "alpha": 0.99, "eps": 1e-8},
    "adam": {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8},
    "adamw": {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
}
"""The optimizers of the default study, with their hyperparameters under the core's names."""


@dataclass(frozen=True)
class Task:
    """Training of `trials` networks for `steps` updates on batches of `batch` samples.

    sizes, loss: the network, with ReLU between its layers.
    batch: samples in each update; None for all.
    samples: how many samples there are, None for those of the data set; more or fewer, or networks
        with another number of inputs, get random data.
    precision: of everybody's data, weights and updates, "float32" or "float64".
    """

    sizes: tuple[int, ...]
    loss: str
    optimizer: str
    batch: int | None
    trials: int
    samples: int | None = None
    precision: str = "float32"

    @property
    def network(self) -> str:
        return "-".join(map(str, self.sizes))

    @property
    def settings(self) -> dict[str, float]:
        return SETTINGS[self.optimizer]

    @cached_property
    def net(self) -> Network:
        return Network(self.sizes, "relu", self.loss)

    @cached_property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """X (n, d) and Y (n, k); n is cut to a multiple of the batch."""
        X, Y = _data(self.sizes[0], self.sizes[-1], self.loss, self.samples)
        n = len(X) - len(X) % (self.batch or len(X))
        return X[:n].astype(self.precision), Y[:n].astype(self.precision)

    @cached_property
    def size(self) -> int:
        """Samples in a batch."""
        return self.batch or len(self.data[0])

    @cached_property
    def steps(self) -> int:
        longer = 4 if self.net.size <= TINY else 1
        low, high = STEPS
        return min(longer * high, max(low, -(-longer * SAMPLES_A_RUN // self.size)))

    @cached_property
    def order(self) -> np.ndarray:
        """(steps, size): which samples each update sees."""
        n = len(self.data[0])
        updates = n // self.size
        if self.batch is None:
            return np.tile(np.arange(n), (self.steps, 1))
        epochs = [permutation(SEED, e, n).reshape(updates, -1) for e in range(-(-self.steps // updates))]
        return np.concatenate(epochs)[: self.steps]

    @cached_property
    def start(self) -> np.ndarray:
        """(trials, P) initial parameters."""
        rng = np.random.default_rng(SEED)
        return np.stack([self.net.init(rng) for _ in range(self.trials)]).astype(self.precision)

    def layers(self, theta: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """[(W (..., fan_out, fan_in), b (..., fan_out)), ...] of theta (R, P), as copies."""
        return [(w[:, :, :-1].copy(), w[:, :, -1].copy()) for w in self.net.layers(theta)]

    def flat(self, layers: Sequence[tuple[Any, Any]]) -> np.ndarray:
        """theta (R, P) from layers as above."""
        blocks = [np.concatenate([W, np.asarray(b)[..., None]], axis=2) for W, b in layers]
        return np.concatenate([block.reshape(len(block), -1) for block in blocks], axis=1)

    def loss_of(self, theta: np.ndarray) -> float:
        """Loss of the first trial over all data."""
        return float(self.net.loss_and_grad(theta[0].astype(np.float64), *self.data)[0])


@lru_cache(maxsize=8)
def _data(inputs: int, outputs: int, loss: str, samples: int | None) -> tuple[np.ndarray, np.ndarray]:
    if samples is None and (inputs, outputs) == (64, 10):
        X, classes = load_digits(return_X_y=True)
        X = X / 16
    elif samples is None and (inputs, outputs) == (30, 2):
        X, classes = load_breast_cancer(return_X_y=True)
        X = scale(X)
    else:
        rng = np.random.default_rng(SEED)
        X = rng.standard_normal((samples or 1792, inputs))
        classes = rng.integers(0, outputs, len(X))
    return X, np.eye(outputs)[classes]


DIGITS = ((64, 32, 10), "softmax_cross_entropy")
CANCER = ((30, 64, 64, 2), "half_mse")  # not softmax: scikit-learn has no softmax of two outputs
BATCHES = (1, 32, 256, None)
TRIALS = (1, 8, 32, 128)

STUDY = (((4, 32, 3), "softmax_cross_entropy"), ((2, 32, 1), "half_mse"), ((10, 1), "half_mse"))
"""Networks as the study has them, on random data of as many samples as one of its middling problems."""

STUDY_SAMPLES = 264
STUDY_BATCHES = (1, 16, 64, 256, None)
STUDY_TRIALS = (1, 8, 44, 128)
USUAL_TRIALS = 44  # in a cell of the study

COMMON = ("adam", "momentum", "sgd")
"""Measured on all networks with all numbers of trials."""

FURTHER = (
    *((optimizer, "float32") for optimizer in ("adamw", "rmsprop", "adagrad", "nesterov")),
    *((optimizer, "float64") for optimizer in ("adam", "sgd")),
)
"""Measured on the study's networks with its usual number of trials; in float64, those with the most and
the least to keep."""


def all_tasks() -> list[Task]:
    """The whole comparison, of some 25 minutes."""
    large = [
        Task(sizes, loss, optimizer, batch, trials)
        for sizes, loss in (DIGITS, CANCER)
        for optimizer in COMMON
        for batch in BATCHES
        for trials in TRIALS
    ]
    small = [
        Task(sizes, loss, optimizer, batch, trials, STUDY_SAMPLES)
        for sizes, loss in STUDY
        for optimizer in COMMON
        for batch in STUDY_BATCHES
        for trials in STUDY_TRIALS
    ]
    further = [
        Task(sizes, loss, optimizer, batch, USUAL_TRIALS, STUDY_SAMPLES, precision)
        for sizes, loss in STUDY
        for optimizer, precision in FURTHER
        for batch in STUDY_BATCHES
    ]
    return [*small, *further, *large]


def quick_tasks() -> list[Task]:
    """Adam on three networks and one number of trials each, over all batch sizes."""
    small = [
        Task(sizes, loss, "adam", batch, USUAL_TRIALS, STUDY_SAMPLES)
        for sizes, loss in (STUDY[0], STUDY[2])
        for batch in STUDY_BATCHES
    ]
    return [*(Task(*DIGITS, "adam", batch, 32) for batch in BATCHES), *small]
