"""Datasets, each in one block: how it is made, what kind of task it is, which options it has."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from sklearn import datasets as sk
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from core.domain import NON_NEGATIVE, Interval, check_hyper
from core.names import lookup, suggest
from study.experiment.cells import Choice
from study.problems import csvfile
from study.problems.seeds import seed

LOSS = {"classes": "softmax_cross_entropy", "binary": "binary_cross_entropy", "real": "half_mse"}


@dataclass(frozen=True)
class Raw:
    """X (n, d) and y (n,) as they come, before any split or scaling, and the task where these decide it."""

    X: np.ndarray
    y: np.ndarray
    task: str = ""


class Scaler(Protocol):
    def fit(self, X: np.ndarray) -> Scaler: ...

    def transform(self, X: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Dataset:
    """One dataset: `make` and `scaler` take its options as keywords.

    `task` is "classes", "binary" or "real", or empty where the data decide. The scaler is fitted on the
    training inputs.
    """

    name: str
    task: str
    about: str
    make: Callable[..., Raw]
    scaler: Callable[..., Scaler]

    @property
    def options(self) -> dict[str, Any]:
        """Option names and their defaults; None for what has to be given."""
        known = inspect.signature(self.make).parameters
        return {k: None if p.default is p.empty else p.default for k, p in known.items()}


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


@dataset("csv", "", "a file of your own: numbers under a header, one column of it the target")
def _csv(path: str, target: str, task: str = "auto", digest: str = "") -> Raw:
    """`digest` is the fingerprint of the file that is meant; `pinned` fills it in."""
    if digest and csvfile.fingerprint(path) != digest:
        raise ValueError(f"{path}: it has changed since its results were made")
    return Raw(*csvfile.read(path, target, task))


def pinned(choice: Choice) -> Choice:
    """The choice with the fingerprint of its file, where it has one: other content, other results."""
    path = dict(choice.options).get("path")
    if path is None or "digest" in dict(choice.options):
        return choice
    return Choice(choice.name, tuple(sorted([*choice.options, ("digest", csvfile.fingerprint(path))])))


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


TEXTS = {"path": (), "target": (), "digest": (), "task": csvfile.TASKS}
"""Options that are text, and what they may be where that is not anything."""


def check_options(choice: Choice) -> None:
    """ValueError when the dataset is unknown, an option is unknown or outside its domain, or a file is
    not one to learn from."""
    known = lookup(DATASETS, choice.name, "dataset").options
    for option, value in choice.options:
        if option not in known:
            allowed = ", ".join(known) or "none"
            raise ValueError(
                f"{choice.name}: unknown option {option!r}{suggest(option, known)} (allowed: {allowed})"
            )
        if option in TEXTS:
            _check_text(choice.name, option, value)
            continue
        check_hyper(choice.name, option, value, OPTION_DOMAINS[option])
        if not isinstance(value, (int, type(known[option]))):
            raise ValueError(f"{choice.name}: {option} must be a whole number, got {value!r}")
    for option in [option for option, default in known.items() if default is None]:
        if option not in dict(choice.options):
            raise ValueError(f"{choice.name}: {option} is missing; it must be said")
    if "path" in known:
        _raw(pinned(choice))


def _check_text(name: str, option: str, value: Any) -> None:
    allowed = TEXTS[option]
    if not isinstance(value, str) or not value or (allowed and value not in allowed):
        what = f"one of {', '.join(allowed)}" if allowed else "text"
        raise ValueError(f"{name}: {option} must be {what}, got {value!r}{suggest(str(value), allowed)}")


@lru_cache(maxsize=4)
def _raw(choice: Choice) -> Raw:
    return lookup(DATASETS, choice.name, "dataset").make(**dict(choice.options))


def task_of(choice: Choice) -> str:
    """ "classes", "binary" or "real"."""
    return lookup(DATASETS, choice.name, "dataset").task or _raw(choice).task


def load(choice: Choice, root: int) -> Split:
    """The named dataset in 60 % train, 20 % validation and 20 % test, by the seed of its split.

    Classes are split in proportion. Inputs are scaled by the dataset's scaler, and the targets of a
    regression standardised, both fitted on the training part alone.
    """
    known, task, raw = lookup(DATASETS, choice.name, "dataset"), task_of(choice), _raw(choice)
    n = len(raw.y)
    strata = None if task == "real" else raw.y
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
    if task == "real":
        mean, deviation = y["train"].mean(), y["train"].std()
        y = {name: (part - mean) / deviation for name, part in y.items()}
    return Split(X, y, task)


def train_size(choice: Choice) -> int:
    """Training samples of a dataset, without splitting it."""
    n = len(_raw(choice).y)
    rest = n - int(np.ceil(0.2 * n))
    return rest - int(np.ceil(0.25 * rest))


def _split_seed(root: int, choice: Choice, part: str) -> int:
    return seed(root, "split", dataset=choice.id, part=part) % 2**32  # what scikit-learn takes
