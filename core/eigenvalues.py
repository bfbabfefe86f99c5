"""Extreme eigenvalues of linear maps that are given by their products alone.

SciPy is loaded when an eigenvalue is asked for, not before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Product = Callable[[np.ndarray], np.ndarray]
"""A linear map of vectors (n,)."""

TOLERANCE = 1e-10
"""Relative to the eigenvalue: the residual at which an estimate counts as converged."""

LOOSE, SHORT = 1e-2, 8
"""From this tolerance on Lanczos' method restarts after so few products: it ends after one or two rounds."""

SMALL = 32
"""Up to this size a matrix is formed, and all of its eigenvalues are computed."""


@dataclass(frozen=True)
class Estimate:
    """A number found by iteration, and whether the iteration came to its end.

    value: where `converged` is False, the best that is known of it, as the function that returns it
        says, or NaN where nothing is.
    message: why it is not converged; empty where it is.
    """

    value: float
    converged: bool = True
    message: str = ""


def largest_eigenvalue(
    product: Product, size: int, iterations: int | None = None, tolerance: float = TOLERANCE
) -> Estimate:
    """Largest (not: largest in magnitude) eigenvalue of a symmetric map of vectors (size,).

    SciPy's Lanczos method from a fixed start, with at most `iterations` restarts (None: ten times
    `size`), until the residual is below `tolerance`, relative to the eigenvalue. Without convergence
    the value is the largest Rayleigh quotient met, a lower bound.
    """
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    start = _start(size)
    first = product(start)
    scale = float(np.abs(first).max())  # ARPACK's tolerance is absolute for eigenvalues below 1e-10
    if not np.isfinite(scale):
        return Estimate(np.nan, False, "the product with the matrix is not finite")
    if scale == 0:  # a random vector is in the kernel of the zero matrix alone
        return Estimate(0.0)
    if size == 1:
        return Estimate(float(first[0] / start[0]))
    quotients = []

    def scaled(v: np.ndarray) -> np.ndarray:
        v = v.reshape(size)
        image = product(v) / scale
        quotients.append(float(v @ image / (v @ v)))
        return image

    matrix = LinearOperator((size, size), matvec=scaled, dtype=np.float64)
    try:
        values = eigsh(
            matrix,
            1,
            which="LA",
            v0=start,
            ncv=min(size, SHORT) if tolerance >= LOOSE else None,
            tol=tolerance,
            maxiter=iterations,
            return_eigenvectors=False,
        )
    except ArpackError as error:
        return Estimate(scale * max(quotients, default=np.nan), False, str(error))
    return Estimate(scale * float(values[0]))


def spectral_radius(product: Product, size: int, iterations: int | None = None) -> Estimate:
    """Largest magnitude of the eigenvalues of any real map of vectors (size,); NaN without convergence.

    SciPy's Arnoldi method from a fixed start, with at most `iterations` restarts (None: ten times
    `size`); up to `SMALL`, all eigenvalues of the matrix.
    """
    if size <= SMALL:
        matrix = np.stack([product(unit) for unit in np.eye(size)], axis=1)
        return Estimate(float(np.abs(np.linalg.eigvals(matrix)).max()))
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigs

    start = _start(size)
    if not np.any(product(start)):
        return Estimate(0.0)
    operator = LinearOperator((size, size), matvec=lambda v: product(v.reshape(size)), dtype=np.float64)
    try:
        values = eigs(
            operator, 1, which="LM", v0=start, tol=TOLERANCE, maxiter=iterations, return_eigenvectors=False
        )
    except ArpackError as error:
        return Estimate(np.nan, False, str(error))
    return Estimate(float(np.abs(values[0])))


def _start(size: int) -> np.ndarray:
    """The vector (size,) that every iteration starts from."""
    return np.random.default_rng(0).standard_normal(size)
