"""Datasets, each in one block: how it is made, what kind of task it is, which options it has."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from sklearn import datasets as sk
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from core.domain import NON_NEGATIVE, Interval, check_hyper
from core.names import lookup, suggest
from study.cells import Choice
from study.seeds import seed

LOSS = {"classes": "softmax_cross_entropy", "binary": "binary_cross_entropy", "real": "half_mse"}


@dataclass(frozen=True)
class Raw:
    """X (n, d) and y (n,) as they come, before any split or scaling."""

    X: np.ndarray
    y: np.ndarray


class Scaler(Protocol):
    def fit(self, X: np.ndarray) -> Scaler: ...

    def transform(self, X: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Dataset:
    """One dataset: `make` and `scaler` take its options as keywords.

    `task` is "classes", "binary" or "real". The scaler is fitted on the training inputs.
    """

    name: str
    task: str
    about: str
    make: Callable[..., Raw]
    scaler: Callable[..., Scaler]

    @property
    def options(self) -> dict[str, Any]:
        """Option names and their defaults."""
        return {k: p.default for k, p in inspect.signature(self.make).parameters.items()}


DATASETS: dict[str, Dataset] = {}


def dataset(
    name: str, task: str, about: str, scaler: Callable[..., Scaler] = lambda **_: StandardScaler()
) -> Callable[[Callable[..., Raw]], Callable[..., Raw]]:
    """Decorator that enters a maker in the registry."""

    def enter(make: Callable[..., Raw]) -> Callable[..., Raw]:
        DATASETS[name] = Dataset(name, task, about, make, scaler)
        return make

    return enter


@dataset("iris", "classes", "150 flowers, 4 measures, 3 species")
def _iris() -> Raw:
    return Raw(*sk.load_iris(return_X_y=True))


@dataset("wine", "classes", "178 wines, 13 analyses, 3 growers")
def _wine() -> Raw:
    return Raw(*sk.load_wine(return_X_y=True))


@dataset("breast_cancer", "binary", "569 tumours, 30 measures, malignant or benign")
def _breast_cancer() -> Raw:
    return Raw(*sk.load_breast_cancer(return_X_y=True))


@dataset("digits", "classes", "1797 images of 8 x 8 pixels, 10 digits")
def _digits() -> Raw:
    return Raw(*sk.load_digits(return_X_y=True))


@dataset("diabetes", "real", "442 patients, 10 measures, disease progression")
def _diabetes() -> Raw:
    return Raw(*sk.load_diabetes(return_X_y=True))


@dataset("moons", "binary", "two interleaved half circles in the plane, made")
def _moons(samples: int = 500, noise: float = 0.2, seed: int = 0) -> Raw:
    return Raw(*sk.make_moons(samples, noise=noise, random_state=seed))


@dataset("friedman1", "real", "Friedman's (1991) non-linear function of 5 of 10 inputs, made")
def _friedman1(samples: int = 500, noise: float = 0.5, seed: int = 0) -> Raw:
    return Raw(*sk.make_friedman1(samples, noise=noise, random_state=seed))


@dataset(
    "line",
    "real",
    "a straight line with noise: two parameters, a loss surface to look at, made",
    scaler=lambda **_: StandardScaler(with_mean=False, with_std=False),
)
def _line(samples: int = 200, offset: float = 2.0, noise: float = 0.5, seed: int = 0) -> Raw:
    """y = 2 x + 1 with noise, x with deviation 1 around `offset`, and left as it is.

    Least squares on it has the curvature [[1 + offset^2, offset], [offset, 1]] over slope and intercept,
    whose determinant, the variance of x, is 1: a round bowl at offset 0, a long and narrow valley beyond.
    """
    rng = np.random.default_rng(seed)
    x = offset + rng.uniform(-np.sqrt(3), np.sqrt(3), samples)
    return Raw(x[:, None], 2 * x + 1 + noise * rng.standard_normal(samples))


class Spectrum:
    """Fits the linear map after which the training inputs have exactly the chosen spectrum.

    The eigenvalues of X^T X / m, m training samples, become 1, ..., 1 / condition, evenly spaced on a
    logarithmic scale, in directions drawn with `seed`.
    """

    def __init__(self, condition: float, seed: int):
        self.condition, self.seed = condition, seed

    def fit(self, X: np.ndarray) -> Spectrum:
        d = X.shape[1]
        self.mean = X.mean(axis=0)
        values, vectors = np.linalg.eigh(np.cov(X.T, bias=True))
        rotation, _ = np.linalg.qr(np.random.default_rng(self.seed).standard_normal((d, d)))
        self.map = vectors / np.sqrt(values) * np.sqrt(np.geomspace(1, 1 / self.condition, d)) @ rotation
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:
        return np.asarray((X - self.mean) @ self.map)


@dataset(
    "ill_conditioned",
    "real",
    "linear regression of a chosen condition number, made",
    scaler=lambda condition, seed, **_: Spectrum(condition, seed),
)
def _ill_conditioned(
    samples: int = 400, features: int = 10, condition: float = 100.0, noise: float = 0.1, seed: int = 0
) -> Raw:
    """Targets depend on all directions alike, so the flat ones matter to the loss."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, features))
    return Raw(X, X @ rng.choice([-1.0, 1.0], features) + noise * rng.standard_normal(samples))


@dataclass(frozen=True)
class Split:
    """Train, validation and test parts. X: (n, d) float64; y: (n,) class numbers or scaled values."""

    X: dict[str, np.ndarray]
    y: dict[str, np.ndarray]
    task: str

    @property
    def features(self) -> int:
        return int(self.X["train"].shape[1])

    @property
    def outputs(self) -> int:
        """Units of the output layer: one for each class, or one."""
        return int(max(part.max() for part in self.y.values())) + 1 if self.task == "classes" else 1


OPTION_DOMAINS = {
    "samples": Interval(20, 100_000),
    "features": Interval(1, 1000),
    "condition": Interval(1, math.inf),
    "noise": NON_NEGATIVE,
    "offset": Interval(-1000, 1000),
    "seed": Interval(0, 2**32 - 1),
}


def check_options(choice: Choice) -> None:
    """ValueError when the dataset is unknown, or an option is unknown or outside its domain."""
    known = lookup(DATASETS, choice.name, "dataset").options
    for option, value in choice.options:
        if option not in known:
            allowed = ", ".join(known) or "none"
            raise ValueError(
                f"{choice.name}: unknown option {option!r}{suggest(option, known)} (allowed: {allowed})"
            )
        check_hyper(choice.name, option, value, OPTION_DOMAINS[option])
        if not isinstance(value, (int, type(known[option]))):
            raise ValueError(f"{choice.name}: {option} must be a whole number, got {value!r}")


def load(choice: Choice, root: int) -> Split:
    """The named dataset in 60 % train, 20 % validation and 20 % test, by the seed of its split.

    Classes are split in proportion. Inputs are scaled by the dataset's scaler, and the targets of a
    regression standardised, both fitted on the training part alone.
    """
    known = lookup(DATASETS, choice.name, "dataset")
    raw = known.make(**dict(choice.options))
    n = len(raw.y)
    strata = None if known.task == "real" else raw.y
    rest, test = train_test_split(
        np.arange(n), test_size=0.2, stratify=strata, random_state=_split_seed(root, choice, "test")
    )
    train, validation = train_test_split(
        rest,
        test_size=0.25,
        stratify=None if strata is None else strata[rest],
        random_state=_split_seed(root, choice, "validation"),
    )
    parts = {"train": np.sort(train), "validation": np.sort(validation), "test": np.sort(test)}
    X = {name: raw.X[rows] for name, rows in parts.items()}
    y = {name: raw.y[rows] for name, rows in parts.items()}
    scaler = known.scaler(**{**known.options, **dict(choice.options)}).fit(X["train"])
    X = {name: scaler.transform(part) for name, part in X.items()}
    if known.task == "real":
        mean, deviation = y["train"].mean(), y["train"].std()
        y = {name: (part - mean) / deviation for name, part in y.items()}
    return Split(X, y, known.task)


def train_size(choice: Choice) -> int:
    """Training samples of a dataset, without splitting it."""
    n = len(lookup(DATASETS, choice.name, "dataset").make(**dict(choice.options)).y)
    rest = n - int(np.ceil(0.2 * n))
    return rest - int(np.ceil(0.25 * rest))


def _split_seed(root: int, choice: Choice, part: str) -> int:
    return seed(root, "split", dataset=choice.id, part=part) % 2**32  # what scikit-learn takes
