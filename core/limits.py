"""SGD with random batches on least squares: where its mean square stays bounded, and at what it stays.

The limits of full batches are `Optimizer.critical_rate`; here the batches are drawn anew, and
independently, at each update (Ma, Bassily & Belkin 2018; Wu, Ma & E 2018; Mulayoff & Michaeli 2024).
Where single runs begin to grow, in any order of the batches, is in `core.exponents`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.batches import BatchStrategy
from overshoot.core.checks import finite, instance, reals, whole
from overshoot.core.eigenvalues import SMALL, Estimate, largest_eigenvalue, spectral_radius
from overshoot.core.network import CHUNK
from overshoot.core.optimizers.base import Recursion

PRECISION = 1e-10
"""Relative width at which the search for a limit with momentum ends."""

TERMS = 10_000
"""Of the series of a stationary moment, after which it counts as not converged."""

STEP = 1.02
"""Ratio of the rates at which a fixed order is tried; a narrower island of instability is passed over."""

ROUNDING = 1e-10
"""Growth of an epoch's map that may be rounding: along directions that are all but flat its factor is 1."""

SMALLEST = 1e-70
"""Of the largest input and residual."""

PLAIN = Recursion()
"""Gradient descent."""


def batch_variance(n: int, size: int | None, replacement: bool = False) -> float:
    """p: the variance of a batch's mean over the variance of one of the n samples.

    (n - size) / (size (n - 1)) for `size` different samples, and 1 / size for samples drawn one by one
    with replacement; a size of None is n. Raises ValueError for a batch that is empty, or larger than
    the data that it is drawn from without replacement.
    """
    n = whole("n", n, 1)
    size = BatchStrategy(size).size or n
    if replacement:
        return 1 / size
    if size > n:
        raise ValueError(f"a batch of {size} is larger than the data ({n} samples)")
    return (n - size) / (size * (n - 1)) if n > 1 else 0.0


def mean_square_rate(
    X: ArrayLike, size: int | None, replacement: bool = False, recursion: Recursion = PLAIN
) -> Estimate:
    """The learning rate above which the mean square of theta's distance to the optimum grows, to 1e-9.

    X: (n, d) the model's inputs, with a column of ones where it has a bias (`data.rows[0]`); size: of the
    batches, drawn independently at each update with or without replacement; recursion: the method's,
    by default gradient descent's. The loss is half the mean squared error, H = X^T X / n; for the mean
    squared error the limit is half as large. Targets, and the number of outputs, do not matter.

    With H_i = x_i x_i^T and p from `batch_variance`, the second moment S of the distance follows
    S -> S - r (HS + SH) + r^2 [(1 - p) HSH + (p/n) sum_i H_i S H_i], and the limit is 2 / lambda_max(C^+ D),
    C = (H kron I + I kron H) / 2, D = (1 - p) H kron H + (p/n) sum_i H_i kron H_i. In directions in which
    the data do not vary nothing moves, and they are left out. With a velocity the second moment of
    (theta, v) is followed, whose limit is found by bisection. For heavy ball it lies near (1 - momentum)
    times that of SGD for small batches, and rises to 2 (1 + momentum) / lambda_max at full batch.

    Mean square is not almost sure: above the limit rare large excursions make the mean grow while a
    single run, whose size follows the mean of the logarithm, still shrinks up to `almost_sure_rates`.
    Nor is one pass over reshuffled data independent sampling. Its batches make up for each other, which
    mostly raises the limit; but they come with a period, and often with a short last batch, which can
    push a velocity in time and lower it.

    Where an eigenvalue has not converged the value is NaN, or without a velocity an upper bound. Infinite
    for inputs that are all zero. Raises ValueError for inputs that are not finite (n, d), a batch that
    cannot be drawn, and a method with weight decay.

    Examples:
        >>> import numpy as np
        >>> from overshoot import core
        >>> X = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 1.0], [3.0, 1.0]])  # a line: slope and intercept
        >>> round(core.mean_square_rate(X, size=None).value, 4)  # 2 / the largest eigenvalue of X^T X / 4
        0.4759
        >>> round(core.mean_square_rate(X, size=1).value, 4)
        0.2614
    """
    Z, curvature = principal(X)
    p = batch_variance(len(Z), size, replacement)
    check(recursion)
    if not len(curvature):
        return Estimate(np.inf)
    unit = float(curvature.max())
    limit = _Moments(Z / np.sqrt(unit), curvature / unit, p, recursion).limit()
    return Estimate(limit.value / unit, limit.converged, limit.message)


def noise_floor(
    X: ArrayLike,
    residuals: ArrayLike,
    rates: ArrayLike,
    size: int | None,
    replacement: bool = False,
    recursion: Recursion = PLAIN,
) -> np.ndarray:
    """The mean excess E[L] - L* (R,) at which a method with random batches stays on least squares.

    X, size, replacement, recursion: as in `mean_square_rate`; residuals: (n,) or (n, k), those of the
    best parameters; rates: (R,). The loss is half the mean squared error, summed over the k outputs.

    The second moment S of the distance solves the Lyapunov equation S = A S A^T + r^2 p (N(S) + G), A the
    mean update, N(S) = (1/n) sum_i H_i S H_i - HSH the noise that the distance itself makes and
    G = (1/n) sum_i e_i^2 x_i x_i^T that of the residuals e; the excess is tr(HS) / 2. It is reached once
    the start is forgotten, in 1 / (2 r lambda_min) updates, and is a mean over time and over runs: where
    the rate is near the limit rare excursions carry most of it. Over reshuffled batches, whose noise
    makes up for itself within the epoch, the floor after an epoch is far lower at rates at which a sample
    is still remembered at its end; at larger ones a short last batch may raise it by half.

    NaN at and above the mean-square limit, where there is none, and where the equation is not solved in
    TERMS terms. Raises ValueError as `mean_square_rate`, and when shapes disagree.
    """
    limit = mean_square_rate(X, size, replacement, recursion)
    Z, curvature = principal(X)
    e = reals("residuals", residuals, np.float64)
    e = e[:, None] if e.ndim == 1 else e
    if e.ndim != 2 or len(e) != len(Z) or not np.isfinite(e).all():
        raise ValueError(f"residuals must be finite numbers ({len(Z)},) or ({len(Z)}, k), got {np.shape(e)}")
    _check_size("residuals", e)
    rates = rates_of(rates)
    if rates.ndim != 1:
        raise ValueError(f"rates must be (R,), got shape {rates.shape}")
    moments = _Moments(Z, curvature, batch_variance(len(Z), size, replacement), recursion)
    stable = limit.converged & (rates < limit.value) & (rates > 0)
    weights = (e**2).sum(axis=1)
    return np.array(
        [moments.excess(rate, weights) if ok else np.nan for rate, ok in zip(rates, stable, strict=True)]
    )


def fixed_order_rate(X: ArrayLike, batches: Sequence[np.ndarray], recursion: Recursion = PLAIN) -> Estimate:
    """The lowest learning rate from which the same batches in the same order, again and again, diverge.

    X: (n, d) as in `mean_square_rate`; batches: the row numbers of each, in the order of the updates. An
    epoch is then one linear map of (theta, v), the product of its updates, and the limit is where its
    spectral radius passes one: exact on least squares, for this order. It may lie far below the
    mean-square limit: with a velocity, a period of the order that meets one of the method's own is a swing
    that is pushed in time. Found to 1e-9, from rates that are STEP apart, between a hundredth of the
    mean-square limit of one sample and ten times the limit of full batches.

    Not converged, and NaN, where no such rate diverges. Infinite for inputs that are all zero. Raises
    ValueError as `mean_square_rate`.
    """
    Z, curvature = principal(X)
    check(recursion)
    if not len(curvature):
        return Estimate(np.inf)
    batches = [_rows(batch, len(Z)) for batch in batches]
    if not batches:
        raise ValueError("batches must be at least one")
    Hessians = np.stack([Z[rows].T @ Z[rows] / len(rows) for rows in batches])
    lowest = mean_square_rate(X, 1, True, recursion).value / 100
    highest = 10 * limit_of_the_mean(recursion) / float(curvature.max())
    rates = np.geomspace(lowest, highest, int(np.log(highest / lowest) / np.log(STEP)) + 2)
    for part in np.array_split(rates, -(-len(rates) // 50)):
        unstable = _grows(part, Hessians, recursion)
        if unstable.any():
            high = float(part[np.argmax(unstable)])
            return Estimate(_first(high / STEP, high, Hessians, recursion))
    return Estimate(np.nan, False, "no rate up to ten times the limit of full batches diverges")


def _first(low: float, high: float, Hessians: np.ndarray, recursion: Recursion) -> float:
    """The lowest of the rates from `low` to `high` that grow, by sections, to PRECISION."""
    while high > low * (1 + PRECISION):
        rates = np.geomspace(low, high, 20)
        first = int(np.argmax(_grows(rates, Hessians, recursion)[1:])) + 1
        low, high = float(rates[first - 1]), float(rates[first])
    return low


def _grows(rates: np.ndarray, Hessians: np.ndarray, recursion: Recursion) -> np.ndarray:
    """Whether an epoch over batches with these Hessians (B, r, r) grows at each of the rates (R,)."""
    r = Hessians.shape[1]
    eye, zero = np.eye(r), np.zeros((r, r))
    rest = np.block([[eye, -recursion.carry * eye], [zero, recursion.momentum * eye]])
    product = np.broadcast_to(np.eye(2 * r), (len(rates), 2 * r, 2 * r))
    with np.errstate(over="ignore", invalid="ignore"):
        for H in Hessians:
            pushed = np.block([[-recursion.kick * H, zero], [recursion.feed * H, zero]])
            product = (rest + rates[:, None, None] * pushed) @ product
    finite = np.isfinite(product).all(axis=(1, 2))
    radius = np.full(len(rates), np.inf)
    radius[finite] = np.abs(np.linalg.eigvals(product[finite])).max(axis=1)
    return np.asarray(radius > 1 + ROUNDING)


def check(recursion: Recursion) -> None:
    """Raises ValueError for a method with weight decay, which changes the loss."""
    if instance("recursion", recursion, Recursion).weight_decay:
        raise ValueError(f"the moments are those of a loss without weight decay, got {recursion}")


def principal(X: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """X (n, d) in the eigenvectors of H with non-zero eigenvalues, (n, r), and these (r,).

    Raises ValueError for inputs that are not finite (n, d).
    """
    X = reals("X", X, np.float64)
    if X.ndim != 2 or X.size == 0 or not np.isfinite(X).all():
        raise ValueError(f"X must be finite numbers (n, d), at least one of each, got shape {X.shape}")
    _check_size("X", X)
    U, singular, _ = np.linalg.svd(X, full_matrices=False)
    rank = int((singular > singular[0] * max(X.shape) * np.finfo(np.float64).eps).sum())
    return U[:, :rank] * singular[:rank], singular[:rank] ** 2 / len(X)


def _check_size(name: str, values: np.ndarray) -> None:
    """Fourth powers are taken, and have to be numbers."""
    largest = np.abs(values).max(initial=0)
    if largest and not SMALLEST < largest < 1 / SMALLEST:
        raise ValueError(
            f"{name} must be below {1 / SMALLEST:g}, and not all below {SMALLEST:g}, got {largest:g} at the "
            "most: scale it"
        )


def rates_of(rates: ArrayLike) -> np.ndarray:
    """Learning rates as float64 of at least one dimension; ValueError where one is negative or no number."""
    array = np.atleast_1d(finite("rates", rates))
    if array.size == 0 or (array < 0).any():
        raise ValueError(f"rates must be zero or more, and not empty, got {rates!r}")
    return array


def _rows(batch: ArrayLike, n: int) -> np.ndarray:
    rows = reals("a batch", batch)
    if rows.ndim != 1 or rows.size == 0 or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n:
        raise ValueError(f"a batch must be numbers of rows, 0 to {n - 1}, at least one, got {batch!r}")
    return rows


class _Moments:
    """Linear maps of second moments S (r, r) in H's eigenvectors, where most of them are diagonal.

    S is symmetric, and is kept as its upper triangle (m,) whose other entries are times sqrt(2), so
    that maps which are symmetric for matrices are so for these vectors.
    """

    def __init__(self, Z: np.ndarray, curvature: np.ndarray, p: float, recursion: Recursion):
        self.Z, self.p, self.rank, self.recursion = Z, p, len(curvature), recursion
        self.rows, self.columns = np.triu_indices(self.rank)
        self.weights = np.where(self.rows == self.columns, 1.0, np.sqrt(2))
        self.a, self.b = curvature[self.rows], curvature[self.columns]
        self.matrix = self._fourth_moment()

    @property
    def size(self) -> int:
        return len(self.a)

    def limit(self) -> Estimate:
        """The mean-square limit where the largest curvature is 1."""
        if not self.recursion.carry:
            plain = self._limit_of_gradient_descent()
            return Estimate(plain.value / self.recursion.kick, plain.converged, plain.message)
        return self._limit_with_velocity()

    def _limit_of_gradient_descent(self) -> Estimate:
        """2 / lambda_max(C^+ D), from C^-1/2 D C^-1/2, which is symmetric and has the same eigenvalues."""
        root = np.sqrt((self.a + self.b) / 2)

        def product(s: np.ndarray) -> np.ndarray:
            s = s / root
            return ((1 - self.p) * self.a * self.b * s + self.p * self.fourth(s)) / root

        top = largest_eigenvalue(product, self.size)
        return Estimate(2 / top.value, top.converged, top.message)

    def _limit_with_velocity(self) -> Estimate:
        """Where the spectral radius of S -> response * noise(S) passes one.

        A second moment of (theta, v) that the map leaves as it is has an S that equals what the noise
        of S itself, (p/n) sum_i H_i S H_i - p HSH, maintains through the mean dynamics. Both maps keep
        positive matrices positive, so the radius is an eigenvalue. In all problems tried it grows with
        the rate, without end towards the limit of full batches, where the response is infinite.
        """
        full = limit_of_the_mean(self.recursion)

        def radius(rate: float) -> Estimate:
            response = self._response(rate)
            return spectral_radius(lambda s: response * self._noise(s), self.size)

        high, estimate = full, radius(full * (1 - PRECISION))
        if estimate.value < 1:
            return Estimate(full)
        low = 0.0
        while estimate.converged and high > low * (1 + PRECISION):
            middle = np.sqrt(low * high) if low else high / 2
            estimate = radius(middle)
            low, high = (middle, high) if estimate.value < 1 else (low, middle)
        return Estimate(float(low) if estimate.converged else np.nan, estimate.converged, estimate.message)

    def excess(self, rate: float, squares: np.ndarray) -> float:
        """tr(H S) / 2 of the S that the noise of S itself and of residuals with these squares maintains."""
        response = self._response(rate)
        source = response * self.p * self._vector((self.Z.T * squares) @ self.Z / len(self.Z))
        if self.matrix is not None:
            own = response[:, None] * self.p * (self.matrix - np.diag(self.a * self.b))
            moment = np.linalg.solve(np.eye(self.size) - own, source)
        else:
            moment = self._series(response, source)
        on_diagonal = self.rows == self.columns
        return float(self.a[on_diagonal] @ moment[on_diagonal] / 2)

    def _series(self, response: np.ndarray, source: np.ndarray) -> np.ndarray:
        """source + map(source) + map(map(source)) + ...; NaN where that does not end in TERMS terms."""
        moment = term = source
        for _ in range(TERMS):
            if np.abs(term).sum() <= np.finfo(np.float64).eps * np.abs(moment).sum():
                return moment
            term = response * self._noise(term)
            moment = moment + term
        return np.full_like(source, np.nan)

    def _noise(self, s: np.ndarray) -> np.ndarray:
        """Covariance of a batch's gradient when the second moment of the distance is s: p N(S)."""
        return self.p * (self.fourth(s) - self.a * self.b * s)

    def _response(self, rate: float) -> np.ndarray:
        """rate^2 times the stationary E[theta_a theta_b] (m,) under white noise of unit covariance."""
        kick, carry = self.recursion.kick, self.recursion.carry
        if not carry:
            alpha, beta = kick * rate * self.a, kick * rate * self.b
            return (kick * rate) ** 2 / (alpha + beta - alpha * beta)
        feed, momentum = self.recursion.feed, self.recursion.momentum

        def mean(alpha: np.ndarray) -> np.ndarray:
            """The mean update (m, 2, 2) of (theta, rate * v) along curvatures alpha / rate."""
            ones = np.ones_like(alpha)
            return np.stack([1 - kick * alpha, -carry * ones, feed * alpha, momentum * ones], 1).reshape(
                -1, 2, 2
            )

        push = np.array([-kick, feed])
        updates = np.einsum("mij,mkl->mikjl", mean(rate * self.a), mean(rate * self.b)).reshape(-1, 4, 4)
        noise = np.broadcast_to(np.outer(push, push).reshape(4, 1), (self.size, 4, 1))
        return rate**2 * np.linalg.solve(np.eye(4) - updates, noise)[:, 0, 0]

    def fourth(self, s: np.ndarray) -> np.ndarray:
        """S -> sum_i H_i S H_i / n."""
        if self.matrix is not None:
            return np.asarray(self.matrix @ s)
        S = np.zeros((self.rank, self.rank))
        S[self.rows, self.columns] = s / self.weights
        S += np.triu(S, 1).T
        along = ((self.Z @ S) * self.Z).sum(axis=1)
        return self._vector((self.Z.T * along) @ self.Z / len(self.Z))

    def _fourth_moment(self) -> np.ndarray | None:
        """`fourth` as a matrix (m, m) for few features; for many, None: it goes sample by sample."""
        if self.size > SMALL * (SMALL + 1) // 2:
            return None
        matrix = np.zeros((self.size, self.size))
        for start in range(0, len(self.Z), CHUNK):
            part = self.Z[start : start + CHUNK]
            pairs = self.weights * part[:, self.rows] * part[:, self.columns]
            matrix += pairs.T @ pairs / len(self.Z)
        return matrix

    def _vector(self, S: np.ndarray) -> np.ndarray:
        return np.asarray(self.weights * S[self.rows, self.columns])


def limit_of_the_mean(recursion: Recursion) -> float:
    """The limit of full batches of curvature 1: there the mean update's eigenvalue passes -1.

    The polynomial of the update is z^2 - (1 + b - kick a) z + b - (kick b - carry feed) a.
    """
    k, b, fed = recursion.kick, recursion.momentum, recursion.carry * recursion.feed
    return 2 * (1 + b) / (k * (1 + b) - fed)
