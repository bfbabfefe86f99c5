"""SGD with random batches on least squares: where single runs begin to grow.

Without the noise of the residuals an update multiplies the distance to the optimum by a random matrix, I -
rate H_B for gradient descent with a batch of Hessian H_B. The norm of a product of many such matrices grows
or shrinks by the same factor for almost every run: its logarithm per update is the Lyapunov exponent
(Furstenberg & Kesten 1960), and the almost sure limit is the rate at which it passes zero. It is no lower
than that of the mean square (`core.limits`) where batches are independent, by Jensen's inequality. Between
the two single runs shrink, but with excursions so large and rare that they carry the mean away (Kesten
1973; Gurbuzbalaban, Simsekli & Zhu 2021). No closed form is known; here the product itself is followed, in
the very orders that training takes, so that reshuffling, a short last batch and a velocity are all
accounted for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.batches import BatchStrategy
from overshoot.core.checks import instance, wholes
from overshoot.core.limits import PLAIN, ROUNDING, check, limit_of_the_mean, principal, rates_of
from overshoot.core.optimizers.base import Recursion

UPDATES, EPOCHS, MOST = 2000, 20, 20_000
"""A product is followed for so many updates and epochs at least, but for no more than MOST updates; in whole
epochs, at least two of them, so that no sample is passed over."""

MEMORY = 0.05
"""1 - momentum below which a velocity forgets so slowly that the products have to be longer."""

LONGEST = 50_000
"""Updates in an epoch, from which on it would take too long."""

WARM_UP = 0.25
"""Of the updates, in which the distance turns to where it grows most, and which do not count."""

STEP, SECTIONS = 1.1, 40
"""Limits are sought among rates that are STEP apart, and then in so many sections between two of them."""


def lyapunov_exponents(
    X: ArrayLike,
    strategy: BatchStrategy,
    seeds: Sequence[int],
    rates: ArrayLike,
    recursion: Recursion = PLAIN,
) -> np.ndarray:
    """Growth of the logarithm of the distance to the optimum per update, (K, S), for each seed and rate.

    X: (n, d) the model's inputs, with a column of ones where it has a bias (`data.rows[0]`); the loss is
        half the mean squared error, without the noise of its residuals. strategy: of the batches; seeds:
        (K,) of their order, as in `core.train`; rates: (S,), or (K, S) for others with each seed;
        recursion: the method's, by default gradient descent's.

    An estimate over thousands of updates. How far the seeds differ says how good it is, but for directions
    whose curvatures are far smaller than the others': these take longer to settle. All rates of a seed
    meet the same batches. Directions in which the data do not vary are left out; without any the
    exponents are -inf. NaN where an epoch has more than LONGEST updates. Raises ValueError for inputs
    that are not finite (n, d), a batch larger than the data, and a method with weight decay.
    """
    Z, curvature = principal(X)
    check(recursion)
    rates = rates_of(rates)
    if rates.ndim > 2 or (rates.ndim == 2 and len(rates) != len(seeds)):
        raise ValueError(f"rates must be (S,) or ({len(seeds)}, S), got shape {rates.shape}")
    rates = np.broadcast_to(rates, (len(seeds), rates.shape[-1]))
    _check_orders(strategy, seeds, len(Z))
    return (
        _exponents(Z, strategy, seeds, rates, recursion) if len(curvature) else np.full(rates.shape, -np.inf)
    )


def almost_sure_rates(
    X: ArrayLike, strategy: BatchStrategy, seeds: Sequence[int], recursion: Recursion = PLAIN
) -> np.ndarray:
    """The lowest learning rate (K,) from which single runs grow, as seen with the batches of each seed.

    X, strategy, seeds, recursion: as in `lyapunov_exponents`, whose zero it is, to 0.3 %. The limit is their
    mean over seeds, and the spread over these that of the estimate.

    NaN where no rate up to ten times the limit of full batches grows, where already the lowest one tried
    does, and where an epoch has more than LONGEST updates; infinite for inputs that are all zero. Rates
    are tried a tenth apart: a narrower island of growth may be passed over. Raises ValueError as
    `lyapunov_exponents`.
    """
    Z, curvature = principal(X)
    check(recursion)
    _check_orders(strategy, seeds, len(Z))
    if not len(curvature):
        return np.full(len(seeds), np.inf)
    highest = 10 * limit_of_the_mean(recursion) / float(curvature.max())
    steepest = float((Z**2).sum(axis=1).max())  # no batch curves more
    lowest = min((1 - recursion.momentum) / max(recursion.kick, recursion.feed) / steepest, highest / STEP)
    grid = np.geomspace(lowest, highest, int(np.log(highest / lowest) / np.log(STEP)) + 2)
    rates = np.tile(grid, (len(seeds), 1))
    low, high = _bracket(rates, _exponents(Z, strategy, seeds, rates, recursion))
    rates = np.geomspace(low, high, SECTIONS + 1, axis=1)
    inner = _exponents(Z, strategy, seeds, rates[:, 1:-1], recursion)
    known = np.pad(inner, ((0, 0), (1, 1)), constant_values=((0, 0), (-np.inf, np.inf)))
    low, high = _bracket(rates, known)
    return np.sqrt(low * high)


def _check_orders(strategy: BatchStrategy, seeds: Sequence[int], n: int) -> None:
    instance("strategy", strategy, BatchStrategy).cuts(n)
    if not wholes("seeds", seeds):
        raise ValueError("seeds must be at least one")


def _bracket(rates: np.ndarray, exponents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rate (K,) before the lowest that grows, and that one; NaN where none does."""
    grows = exponents > ROUNDING
    first = np.maximum(grows.argmax(axis=1), 1)[:, None]
    low, high = (np.take_along_axis(rates, at, axis=1)[:, 0] for at in (first - 1, first))
    some = grows.any(axis=1) & ~grows[:, 0]
    return np.where(some, low, np.nan), np.where(some, high, np.nan)


def _exponents(
    Z: np.ndarray, strategy: BatchStrategy, seeds: Sequence[int], rates: np.ndarray, recursion: Recursion
) -> np.ndarray:
    """`lyapunov_exponents` (K, S) of inputs Z (n, r) whose directions all vary."""
    in_epoch = strategy.updates(len(Z))
    if in_epoch > LONGEST:
        return np.full(rates.shape, np.nan)
    slow = max(1.0, MEMORY / (1 - recursion.momentum))
    wanted = max(EPOCHS, -(-int(slow * UPDATES) // in_epoch))
    epochs = max(2, min(wanted, int(slow * MOST) // in_epoch))
    updates, skipped = epochs * in_epoch, max(1, int(WARM_UP * epochs)) * in_epoch
    rate = rates[:, :, None]
    start = np.random.default_rng(0).standard_normal(Z.shape[1])
    theta = np.broadcast_to(start / np.linalg.norm(start), (*rates.shape, Z.shape[1])).copy()
    v, grown = np.zeros_like(theta), np.zeros(rates.shape)  # v is the velocity times the rate
    moving = (theta, v) if recursion.carry else (theta,)
    batches = _batches(Z, strategy, seeds)
    with np.errstate(all="ignore"):  # a rate far too large, or one that ends at the optimum at once
        for t, batch in zip(range(updates), batches, strict=False):
            g = _products(theta, batch)
            g *= rate / batch.shape[1]
            theta -= recursion.kick * g
            if recursion.carry:
                theta -= recursion.carry * v
                v *= recursion.momentum
                v += recursion.feed * g
            size = np.sqrt(sum((part * part).sum(axis=2) for part in moving))
            if t >= skipped:
                grown += np.log(size)
            size[size == 0] = 1
            for part in moving:
                part /= size[:, :, None]
    return grown / (updates - skipped)


def _products(theta: np.ndarray, batch: np.ndarray) -> np.ndarray:
    """theta (K, S, r) times the sum of x x^T over each batch (K, B, r), by the way with fewer operations."""
    (B, r), S = batch.shape[1:], theta.shape[1]
    transposed = batch.swapaxes(1, 2)
    return theta @ (transposed @ batch) if (B + S) * r < 2 * B * S else (theta @ transposed) @ batch


def _batches(Z: np.ndarray, strategy: BatchStrategy, seeds: Sequence[int]) -> Iterator[np.ndarray]:
    """The inputs (K, B, r) of one update after the other, without end."""
    epoch = 0
    while True:
        orders = np.stack([strategy.samples(seed, epoch, len(Z)) for seed in seeds])
        for cut in strategy.cuts(len(Z)):
            yield Z[orders[:, cut]]
        epoch += 1
