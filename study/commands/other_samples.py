"""How much of a stability limit holds for other samples of the same rows.

A limit is that of the training part. Drawn again from the same rows, another training part has another one,
and with heavy-tailed inputs and small batches a very different one: a single row sets it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from overshoot.core import BatchStrategy
from overshoot.core.limits import batch_variance
from overshoot.study.problems.problem import Problem

SAMPLES = 200
"""Other training parts that are drawn of the same rows."""

RISK = 0.05
"""Share of them whose limit may lie below the rate."""

WORK = 2e11
"""Multiplications that may be spent on it, some seconds."""

FEWEST = 40
"""Of how many training parts such a share can still be said."""

UNKNOWN = 0.5
"""What is taken where the rows are too large for that many."""

RANK = 1e-10
"""Curvatures below this share of the largest count as zero."""


@lru_cache(maxsize=64)
def safe_share(problem: Problem, strategy: BatchStrategy) -> float:
    """The share of its limit that is below the limit of all but RISK of other training parts.

    They are drawn from all rows without replacement, and scaled as the training part was. Exact for least
    squares with full batches. With smaller ones `curvature` stands for the limit, which would take too long
    to compute of every part. With hidden layers the inputs stand for the network: the curvature along the
    first layer's weights goes with their square.
    """
    X = np.concatenate(list(problem.split.X.values())).astype(np.float64)
    n, inputs = problem.samples, X.shape[1] + 1
    draws = int(min(SAMPLES, WORK / (n * inputs * min(n, inputs))))
    if draws < FEWEST:
        return UNKNOWN
    own = problem.split.X["train"]
    scaled = bool(np.allclose(own.mean(axis=0), 0, atol=1e-4))
    variance = batch_variance(n, strategy.size, strategy.drawn.replacement)
    rng = np.random.default_rng(problem.root)
    mine = curvature(_rows(own, scaled), variance)
    others = [curvature(_rows(X[rng.permutation(len(X))[:n]], scaled), variance) for _ in range(draws)]
    return min(1.0, float(mine / np.quantile(others, 1 - RISK)))


def curvature(rows: np.ndarray, variance: float) -> float:
    """The largest that gradient descent meets on least squares: below 2 over it the mean square shrinks.

    rows: (n, d); variance: p of `core.limits.batch_variance`. It is the largest v' E[H_B^2] v / v' H v, with
    E[H_B^2] = (1 - p) H^2 + (p / n) sum_i |x_i|^2 x_i x_i'; with full batches H's largest eigenvalue.
    """
    n, d = rows.shape
    if n < d:
        values, left = np.linalg.eigh(rows @ rows.T / n)
    else:
        values, right = np.linalg.eigh(rows.T @ rows / n)
        left = rows @ right / np.sqrt(n * np.maximum(values, np.finfo(float).tiny))
    if not variance:
        return float(values[-1])
    kept = values > RANK * values[-1]
    left, squares = left[:, kept], np.square(rows).sum(axis=1)
    met = (1 - variance) * np.diag(values[kept]) + variance * (left.T * squares) @ left
    return float(np.linalg.eigvalsh(met)[-1])


def _rows(X: np.ndarray, scaled: bool) -> np.ndarray:
    """(n, d + 1) with a column of ones, on inputs that are standardised where `scaled`."""
    if scaled:
        deviation = X.std(axis=0)
        X = (X - X.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return np.column_stack([X, np.ones(len(X))])
