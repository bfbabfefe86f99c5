"""Datasets, each in one block: how it is made, what kind of task it is, which options it has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np

from overshoot.core.domain import RealRange
from overshoot.study.late import Late
from overshoot.study.problems.columns import Raw
from overshoot.study.problems.registry import Noise, Samples, Seed, dataset

if TYPE_CHECKING:
    from sklearn import datasets as sk
    from sklearn import preprocessing
else:
    sk = Late("sklearn.datasets")
    preprocessing = Late("sklearn.preprocessing")


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
def _digits(samples: Annotated[int, RealRange(100, 1797)] = 1797) -> Raw:
    """The first `samples` images: the digits come in nearly equal shares."""
    X, y = sk.load_digits(return_X_y=True)
    return Raw(X[:samples], y[:samples])


@dataset("diabetes", "real", "442 patients, 10 measures, disease progression")
def _diabetes() -> Raw:
    return Raw(*sk.load_diabetes(return_X_y=True))


@dataset("moons", "binary", "two interleaved half circles in the plane, made")
def _moons(samples: Samples = 500, noise: Noise = 0.2, seed: Seed = 0) -> Raw:
    return Raw(*sk.make_moons(samples, noise=noise, random_state=seed))


@dataset("friedman1", "real", "Friedman's (1991) non-linear function of 5 of 10 inputs, made")
def _friedman1(samples: Samples = 500, noise: Noise = 0.5, seed: Seed = 0) -> Raw:
    return Raw(*sk.make_friedman1(samples, noise=noise, random_state=seed))


@dataset(
    "line",
    "real",
    "a straight line with noise: two parameters, a loss surface to look at, made",
    scaler=lambda **_: preprocessing.StandardScaler(with_mean=False, with_std=False),
)
def _line(
    samples: Samples = 200,
    offset: Annotated[float, RealRange(-1000, 1000)] = 2.0,
    noise: Noise = 0.5,
    seed: Seed = 0,
) -> Raw:
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
    samples: Samples = 400,
    features: Annotated[int, RealRange(1, 1000)] = 10,
    condition: Annotated[float, RealRange(1)] = 100.0,
    noise: Noise = 0.1,
    seed: Seed = 0,
) -> Raw:
    """Targets depend on all directions alike, so the flat ones matter to the loss."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, features))
    return Raw(X, X @ rng.choice([-1.0, 1.0], features) + noise * rng.standard_normal(samples))


@dataset(
    "teacher", "real", "what a small tanh network says of normal inputs: a gap of 0 can be reached, made"
)
def _teacher(
    samples: Samples = 400,
    features: Annotated[int, RealRange(1, 1000)] = 6,
    units: Annotated[int, RealRange(1, 1000)] = 8,
    seed: Seed = 0,
) -> Raw:
    """Without noise: a tanh network with as many hidden units fits it exactly, so its best loss is 0."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, features))
    hidden = np.tanh(X @ rng.standard_normal((features, units)) / np.sqrt(features) * 1.5)
    return Raw(X, hidden @ rng.standard_normal(units) / np.sqrt(units))


@dataset("logistic", "binary", "labels drawn with the odds of a linear rule: classes that overlap, made")
def _logistic(
    samples: Samples = 500, features: Annotated[int, RealRange(1, 1000)] = 8, seed: Seed = 0
) -> Raw:
    """No rule separates them, so logistic regression has one optimum, at finite weights."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((samples, features)) * np.geomspace(1, 3, features)
    odds = X @ rng.choice([-0.5, 0.5], features)
    return Raw(X, (rng.random(samples) < 1 / (1 + np.exp(-odds))).astype(int))
