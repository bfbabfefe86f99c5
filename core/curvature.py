"""How a network's loss curves: the Hessian's extreme eigenvalues, and curvature along what training does.

The Hessian H (P, P) of the mean loss is never formed. Its largest eigenvalue, the *sharpness*, sets
the largest stable learning rate of the methods that declare one (`Optimizer.critical_rate`); on
anything but a quadratic it does so at the current point alone (Cohen et al. 2021). Random batches feel
the *batch sharpness* instead, and a single update the curvature along itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from overshoot.core.checks import finite, reals, whole
from overshoot.core.eigenvalues import TOLERANCE, Estimate, largest_eigenvalue
from overshoot.core.hessian import data_of, gradient, product, stack_of
from overshoot.core.losses import LOSSES
from overshoot.core.network import Batch, Network

DOUBLINGS = 40
"""By how many factors of two a critical rate may lie away from the guess."""

PLAIN = "half_mse"
"""The loss whose Hessian is J^T J / n where it fits, J the derivative of the outputs."""


def sharpness(
    net: Network,
    theta: ArrayLike,
    data: Batch,
    preconditioner: ArrayLike | None = None,
    weight_decay: ArrayLike = 0.0,
    iterations: int | None = None,
    tolerance: float = TOLERANCE,
) -> list[Estimate]:
    """Largest eigenvalue of H + weight_decay I at each trial's parameters, by Lanczos' method.

    theta: (P,) or (R, P); data: from `net.data`; preconditioner: None, or (P,) or (R, P), positive:
        what an adaptive method divides its step by, such as sqrt(v^) + eps. The eigenvalue is then
        that of P^-1 (H + weight_decay I), computed from the symmetric P^-1/2 (H + weight_decay I)
        P^-1/2, which has the same (Cohen et al. 2022). weight_decay: an L2 penalty, () or (R,);
        zero for a decay that is apart from the gradient (AdamW).
    iterations: restarts of the method before it gives up; by default ten times P.
    tolerance: residual, relative to the eigenvalue, at which it ends: there is an eigenvalue within it,
        and the error is about its square. A loose one, 1 % or more, takes a third of the products.

    The start is fixed, so the same call returns the same bits. Returns an estimate for each trial.
    One that has not converged holds the largest Rayleigh quotient met, which is a lower bound, or
    NaN where the Hessian is not finite: parameters too large, or a perfect fit under the RMSE.
    Raises ValueError when shapes disagree, or a preconditioner is not positive and finite.

    Examples:
        >>> import numpy as np
        >>> from overshoot import core
        >>> net = core.Network(sizes=(1, 1))  # a line
        >>> data = net.data(np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[1.0], [3.0], [5.0], [7.0]]))
        >>> [estimate] = core.sharpness(net, np.zeros(net.size), data)
        >>> round(2 / estimate.value, 4)  # what gradient descent bears
        0.4759
    """
    stack, batch = stack_of(net, "theta", theta), data_of(net, data)
    scales = 1 / np.sqrt(_preconditioner(preconditioner, stack.shape))
    decays = finite("weight_decay", weight_decay)
    if decays.shape not in ((), (len(stack),)):
        raise ValueError(f"weight_decay must be a number or ({len(stack)},), got shape {decays.shape}")
    decays = np.broadcast_to(decays, (len(stack),))
    if finite("tolerance", tolerance).ndim or tolerance <= 0:
        raise ValueError(f"tolerance must be a positive number, got {tolerance!r}")
    if iterations is not None:
        iterations = whole("iterations", iterations, 1)

    def estimate(point: np.ndarray, scale: np.ndarray, decay: float) -> Estimate:
        def scaled(v: np.ndarray) -> np.ndarray:
            direction = scale * v
            return scale * (product(net, point[None], direction[None], batch)[0] + decay * direction)

        return largest_eigenvalue(scaled, net.size, iterations, tolerance)

    return [estimate(*trial) for trial in zip(stack, scales, decays.tolist(), strict=True)]


def smallest_eigenvalue(net: Network, theta: ArrayLike, data: Batch) -> np.ndarray:
    """Smallest non-zero eigenvalue (R,) of the Hessian of a linear model: it sets the slowest speed.

    theta: (P,) or (R, P), of which squared errors do not depend; data: from `net.data`. H = A^T A for
    samples weighted by the loss' second derivative; the eigenvalues are the squares of A's singular
    values, and zero below the rounding error of the largest one (as in numpy.linalg.matrix_rank). NaN
    where all are zero. Raises ValueError for hidden layers and for losses without such a form.
    """
    stack, batch = stack_of(net, "theta", theta), data_of(net, data)
    weigh = LOSSES[net.loss].weights
    if len(net.sizes) > 2 or weigh is None:
        allowed = ", ".join(name for name, loss in LOSSES.items() if loss.weights)
        raise ValueError(f"needs a network without hidden layers and one of the losses {allowed}, got {net}")
    (W,) = net.layers(stack)
    weights = weigh(W @ batch.X)  # (R or 1, k or 1, n)
    rows = np.sqrt(weights / batch.size)[..., None] * batch.rows[0]
    singular = np.linalg.svd(rows, compute_uv=False).reshape(len(weights), -1)
    rounding = max(rows.shape[2:]) * np.finfo(np.float64).eps
    zero = singular <= rounding * singular.max(axis=1, keepdims=True)
    smallest = np.where(zero, np.inf, singular**2).min(axis=1)
    return np.broadcast_to(np.where(np.isinf(smallest), np.nan, smallest), (len(stack),)).copy()


def batch_sharpness(
    net: Network,
    theta: ArrayLike,
    data: Batch,
    batches: Iterable[ArrayLike],
    preconditioner: ArrayLike | None = None,
) -> np.ndarray:
    """E[g_B^T H_B g_B] / E[g_B^T g_B] (R,), the mean over batches B of each one's gradient and Hessian.

    theta: (P,) or (R, P); data: from `net.data`; batches: the row numbers (B,) of each, which all trials
    see; preconditioner: as in `sharpness`: with u_B = P^-1 g_B it is E[u_B^T H_B u_B] / E[g_B^T u_B], the
    same in the coordinates P^1/2 theta.

    Under gradient descent with random batches this, not the sharpness, settles near 2 / rate (Andreyev &
    Beneventano 2024). With one batch of all samples it is the curvature along the gradient. Exact products,
    a gradient and a product a batch. NaN where every gradient is zero or one is not finite. Raises
    ValueError when shapes disagree, for no batches, and for row numbers that are not in the data.
    """
    stack, whole_data = stack_of(net, "theta", theta), data_of(net, data)
    P = _preconditioner(preconditioner, stack.shape)
    parts = [whole_data.take(_rows(index, whole_data.size)) for index in batches]
    if not parts:
        raise ValueError("batches must hold at least one batch")
    curves, squares = np.zeros(len(stack)), np.zeros(len(stack))
    for part in parts:
        curve, slope = _along(net, stack, part, lambda g: g / P)
        curves += curve
        squares += slope
    with np.errstate(all="ignore"):
        return np.asarray(curves / squares)


def directional_sharpness(net: Network, theta: ArrayLike, data: Batch, update: ArrayLike) -> np.ndarray:
    """u^T H u / g^T u (R,) over all of `data`, along an update theta - rate u.

    theta, update: (P,) or (R, P); data: from `net.data`. On a quadratic the loss rises for rates above 2
    over it (`critical_rate` finds that rate on any loss). For gradient descent u is the gradient g; for an
    adaptive method u = P^-1 m. Not positive where the loss does not fall along u, or curves downwards.
    """
    stack, directions = _with_update(net, theta, update)
    curve, slope = _along(net, stack, data_of(net, data), lambda g: directions)
    with np.errstate(all="ignore"):
        return np.asarray(curve / slope)


def critical_rate(
    net: Network,
    theta: ArrayLike,
    data: Batch,
    update: ArrayLike,
    guess: ArrayLike = 1.0,
    precision: float = 0.1,
) -> np.ndarray:
    """The smallest rate (R,) at which theta - rate update has a higher loss than theta, by losses alone.

    theta, update: (P,) or (R, P); data: from `net.data`; guess: () or (R,), where the search starts, such
    as the last rate that was found; precision: relative width of the bracket whose geometric middle is
    returned. From a good guess five or six evaluations (Kalra et al. 2026: the critical sharpness is 2 over
    it): by factors of 2 until one rate raises the loss and its half does not, then bisection. A rise and
    fall within a factor of 2 is passed over. 0 where every rate down to DOUBLINGS halvings of the guess
    raises it; infinite where none does, up to as many doublings. Raises ValueError when shapes disagree.
    """
    (stack, directions), batch = _with_update(net, theta, update), data_of(net, data)
    start = net.evaluate(stack, batch)

    def raises(rates: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            loss = net.evaluate(stack - rates[:, None] * directions, batch)
        return ~(loss <= start)  # what is not finite is a rise too

    low, high = _bracket(raises, np.broadcast_to(finite("guess", guess), (len(stack),)).copy())
    open_ = (low > 0) & np.isfinite(high)
    while (wide := open_ & (high > low * (1 + precision))).any():
        middle = np.where(wide, np.sqrt(low) * np.sqrt(high), 1.0)
        up = raises(middle)
        high, low = np.where(wide & up, middle, high), np.where(wide & ~up, middle, low)
    with np.errstate(all="ignore"):
        return np.where(open_, np.sqrt(low) * np.sqrt(high), np.where(low > 0, np.inf, 0.0))


def _bracket(raises: Callable[[np.ndarray], np.ndarray], rates: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each trial a rate that does not raise the loss, or 0, and its double, which does, or infinity."""
    up = raises(rates)
    low, high = np.where(up, 0.0, rates), np.where(up, rates, np.inf)
    for _ in range(DOUBLINGS):
        falling, rising = (low == 0), np.isinf(high)
        if not (falling | rising).any():
            break
        rates = np.where(falling, high / 2, np.where(rising, low * 2, 1.0))
        now = raises(rates)
        high = np.where((falling | rising) & now, rates, high)
        low = np.where((falling | rising) & ~now, rates, low)
    return low, high


def tangent_kernel_sharpness(net: Network, theta: ArrayLike, data: Batch) -> list[Estimate]:
    """Largest eigenvalue of the tangent kernel J J^T / n at each trial's parameters.

    J (n k, P) is the derivative of all outputs' pre-activations by the parameters.

    theta: (P,) or (R, P); data: from `net.data`, whose targets do not matter. It is that of J^T J / n, the
    Hessian of half the mean squared error if every residual were zero, so it is found as that. Where
    outputs are linear in the parameters, gradient descent on half the mean squared error is stable up to 2
    over it; wide networks survive somewhat more by a catapult (Lewkowycz et al. 2020).
    """
    stack, batch = stack_of(net, "theta", theta), data_of(net, data)
    plain = replace(net, loss=PLAIN)
    inputs = batch.rows[0, :, :-1]
    fitted = [plain.data(inputs, plain.predict(point, inputs)) for point in stack]
    return [sharpness(plain, point, own)[0] for point, own in zip(stack, fitted, strict=True)]


def _along(
    net: Network, theta: np.ndarray, data: Batch, direct: Callable[[np.ndarray], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """u^T H u and g^T u (R,), of the gradient g over `data` and u = direct(g)."""
    with np.errstate(all="ignore"):
        g = gradient(net, theta, data)
        u = direct(g)
        return (u * product(net, theta, u, data)).sum(axis=1), (g * u).sum(axis=1)


def _with_update(net: Network, theta: ArrayLike, update: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    stack, directions = stack_of(net, "theta", theta), stack_of(net, "update", update)
    if stack.shape != directions.shape:
        raise ValueError(
            f"theta and update must have one shape, got {np.shape(theta)} and {np.shape(update)}"
        )
    return stack, directions


def _rows(index: ArrayLike, n: int) -> np.ndarray:
    rows = np.asarray(index)
    if rows.ndim != 1 or not rows.size or rows.dtype.kind not in "iu" or rows.min() < 0 or rows.max() >= n:
        raise ValueError(f"a batch must be (B,) row numbers from 0 to {n - 1}, got {index!r}")
    return rows[None]


def _preconditioner(values: ArrayLike | None, shape: tuple[int, ...]) -> np.ndarray:
    P = np.ones(shape) if values is None else reals("preconditioner", values, np.float64)
    if P.shape not in (shape, shape[1:]):
        raise ValueError(f"preconditioner must be {shape[1:]} or {shape}, like theta, got {P.shape}")
    if not np.all((P > 0) & np.isfinite(P)):
        raise ValueError("preconditioner must be positive and finite in every coordinate")
    return np.broadcast_to(P, shape)
