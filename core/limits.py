"""Up to which learning rate the mean square of SGD with random batches stays bounded on least squares.

The limits of full batches are `Optimizer.critical_rate`; here the batches are drawn anew, and
independently, at each update (Ma, Bassily & Belkin 2018; Wu, Ma & E 2018; Mulayoff & Michaeli 2024).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from core.batches import BatchStrategy
from core.curvature import SMALL, Estimate, Product, largest_eigenvalue, spectral_radius
from core.domain import FRACTION, check_hyper
from core.network import CHUNK

PRECISION = 1e-10
"""Relative width at which the search for a limit with momentum ends."""


def batch_variance(n: int, size: int | None, replacement: bool = False) -> float:
    """p: the variance of a batch's mean over the variance of one of the n samples.

    (n - size) / (size (n - 1)) for `size` different samples, and 1 / size for samples drawn one by one
    with replacement; a size of None is n. Raises ValueError for a batch that is empty, or larger than
    the data that it is drawn from without replacement.
    """
    size = BatchStrategy(size).size or n
    if replacement:
        return 1 / size
    if size > n:
        raise ValueError(f"a batch of {size} is larger than the data ({n} samples)")
    return (n - size) / (size * (n - 1)) if n > 1 else 0.0


def mean_square_rate(
    X: ArrayLike, size: int | None, replacement: bool = False, momentum: float = 0.0, dampening: float = 0.0
) -> Estimate:
    """The learning rate above which the mean square of theta's distance to the optimum grows, to 1e-9.

    X: (n, d) the model's inputs, with a column of ones where it has a bias (`data.rows[0]`); size: of the
    batches, drawn independently at each update with or without replacement; momentum, dampening: as
    in "momentum", heavy ball. The loss is half the mean squared error, H = X^T X / n; for the mean
    squared error the limit is half as large. Targets, and the number of outputs, do not matter.

    With H_i = x_i x_i^T and p from `batch_variance`, the second moment S of the distance follows
    S -> S - r (HS + SH) + r^2 [(1 - p) HSH + (p/n) sum_i H_i S H_i], and the limit is 2 / lambda_max(C^+ D),
    C = (H kron I + I kron H) / 2, D = (1 - p) H kron H + (p/n) sum_i H_i kron H_i. In directions in which
    the data do not vary nothing moves, and they are left out. With momentum the second moment of
    (theta, v) is followed, whose limit is found by bisection: it lies near (1 - momentum) times that of
    SGD for small batches, and rises to 2 (1 + momentum) / ((1 - dampening) lambda_max) at full batch.

    Mean square is not almost sure: above the limit rare large excursions make the mean grow while a
    single run, whose typical size follows the mean of the logarithm, may still shrink. Single runs of
    SGD were seen to diverge between 1.0 and 1.4 times the limit. Nor is one pass over reshuffled data
    independent sampling: its batches make up for each other, and its limit is higher than this one.

    Where an eigenvalue has not converged the value is NaN, or with no momentum an upper bound. Infinite
    for inputs that are all zero. Raises ValueError for inputs that are not finite (n, d), a batch that
    cannot be drawn, and fractions outside [0, 1).
    """
    Z, curvature = _principal(X)
    p = batch_variance(len(Z), size, replacement)
    for name, value in (("momentum", momentum), ("dampening", dampening)):
        check_hyper("mean-square limit", name, value, FRACTION)
    if not len(curvature):
        return Estimate(np.inf)
    unit = float(curvature.max())
    moments = _Moments(Z / np.sqrt(unit), curvature / unit, p)
    scale = 1 / (unit * (1 - dampening))
    limit = moments.limit_with_momentum(momentum) if momentum else moments.limit()
    return Estimate(scale * limit.value, limit.converged, limit.message)


def _principal(X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """X (n, d) in the eigenvectors of H with non-zero eigenvalues, (n, r), and these (r,)."""
    X = np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or X.size == 0 or not np.isfinite(X).all():
        raise ValueError(f"X must be finite numbers (n, d), at least one of each, got shape {X.shape}")
    U, singular, _ = np.linalg.svd(X, full_matrices=False)
    rank = int((singular > singular[0] * max(X.shape) * np.finfo(np.float64).eps).sum())
    return U[:, :rank] * singular[:rank], singular[:rank] ** 2 / len(X)


class _Moments:
    """Linear maps of second moments S (r, r) in H's eigenvectors, where most of them are diagonal.

    S is symmetric, and is kept as its upper triangle (m,) whose other entries are times sqrt(2), so
    that maps which are symmetric for matrices are so for these vectors.
    """

    def __init__(self, Z: np.ndarray, curvature: np.ndarray, p: float):
        self.Z, self.p, self.rank = Z, p, len(curvature)
        self.rows, self.columns = np.triu_indices(self.rank)
        self.weights = np.where(self.rows == self.columns, 1.0, np.sqrt(2))
        self.a, self.b = curvature[self.rows], curvature[self.columns]
        self.fourth = self._fourth_moment()

    @property
    def size(self) -> int:
        return len(self.a)

    def limit(self) -> Estimate:
        """2 / lambda_max(C^+ D), from C^-1/2 D C^-1/2, which is symmetric and has the same eigenvalues."""
        root = np.sqrt((self.a + self.b) / 2)

        def product(s: np.ndarray) -> np.ndarray:
            s = s / root
            return ((1 - self.p) * self.a * self.b * s + self.p * self.fourth(s)) / root

        top = largest_eigenvalue(product, self.size)
        return Estimate(2 / top.value, top.converged, top.message)

    def limit_with_momentum(self, momentum: float) -> Estimate:
        """Where the spectral radius of S -> response * noise(S) passes one.

        A second moment of (theta, v) that the map leaves as it is has an S that equals what the noise
        of S itself, (p/n) sum_i H_i S H_i - p HSH, maintains through the mean dynamics. Both maps keep
        positive matrices positive, so the radius is an eigenvalue. In all problems tried it grows with
        the rate, without end towards the limit of full batches, where the response is infinite.
        """
        full = 2 * (1 + momentum)

        def radius(rate: float) -> Estimate:
            response = _response(rate * self.a, rate * self.b, momentum) * rate**2
            return spectral_radius(
                lambda s: self.p * response * (self.fourth(s) - self.a * self.b * s), self.size
            )

        high, found = full, radius(full * (1 - PRECISION))
        if found.value < 1:
            return Estimate(full)
        low = 0.0
        while found.converged and high > low * (1 + PRECISION):
            middle = np.sqrt(low * high) if low else high / 2
            found = radius(middle)
            low, high = (middle, high) if found.value < 1 else (low, middle)
        return Estimate(float(low) if found.converged else np.nan, found.converged, found.message)

    def _fourth_moment(self) -> Product:
        """S -> sum_i H_i S H_i / n: as a matrix for few features, and otherwise sample by sample."""
        n = len(self.Z)
        if self.size > SMALL * (SMALL + 1) // 2:
            return self._apply_fourth
        matrix = np.zeros((self.size, self.size))
        for start in range(0, n, CHUNK):
            part = self.Z[start : start + CHUNK]
            pairs = self.weights * part[:, self.rows] * part[:, self.columns]
            matrix += pairs.T @ pairs / n
        return lambda s: matrix @ s

    def _apply_fourth(self, s: np.ndarray) -> np.ndarray:
        S = np.zeros((self.rank, self.rank))
        S[self.rows, self.columns] = s / self.weights
        S += np.triu(S, 1).T
        along = ((self.Z @ S) * self.Z).sum(axis=1)
        return self.weights * (self.Z.T @ (along[:, None] * self.Z) / len(self.Z))[self.rows, self.columns]


def _response(alpha: np.ndarray, beta: np.ndarray, momentum: float) -> np.ndarray:
    """Stationary E[x y] of x' = (1 + b - alpha) x - b x_before + e and the same y with beta, b the momentum.

    Both are driven by the same white noise e of unit variance: two autoregressions of second order.
    """
    b, phi, psi = momentum, 1 + momentum - alpha, 1 + momentum - beta
    rest = 1 - b * b
    return rest / (rest * (rest - phi * psi) + b * (phi * phi + psi * psi - 2 * b * phi * psi))
