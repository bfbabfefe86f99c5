"""Momentum's limit between small and large batches, beside the exact mean square of one parameter."""

from __future__ import annotations

import numpy as np
import pytest

from overshoot.core import mean_square_rate, optimizer, transition_rate
from overshoot.core.optimizers.base import Recursion

CURVATURES = np.array([0.2, 1.0, 3.0, 5.0])
MEAN = float(CURVATURES.mean())


def recursion_of(method: str) -> Recursion:
    recursion = optimizer(method).recursion
    assert recursion is not None
    return recursion


@pytest.mark.parametrize("method", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_one_parameter_has_the_limit_of_its_mean_square(method: str, size: int) -> None:
    """Least squares in one parameter, batches with replacement: h_B has the variance of h over the size."""
    recursion = recursion_of(method)
    batch = MEAN + float(CURVATURES.var()) / size / MEAN
    exact = mean_square_rate(np.sqrt(CURVATURES)[:, None], size, True, recursion)
    assert transition_rate(MEAN, batch, recursion) == pytest.approx(exact.value, rel=1e-8)


@pytest.mark.parametrize("method", ["sgd", "momentum", "nesterov"])
def test_without_noise_it_is_the_limit_of_full_batches(method: str) -> None:
    full = optimizer(method).critical_rate(MEAN)
    for batch in (MEAN, MEAN / 2):
        assert transition_rate(MEAN, batch, recursion_of(method)) == pytest.approx(full, rel=1e-8)


@pytest.mark.parametrize("share", [1e-4, 0.1, 1.0, 30.0])
def test_a_heavy_ball_adds_the_parts_of_the_noise_and_of_the_mean(share: float) -> None:
    b, noise = 0.9, share * MEAN
    formula = 1 / (noise / (2 * (1 - b)) + MEAN / (2 * (1 + b)))
    assert transition_rate(MEAN, MEAN + noise, recursion_of("momentum")) == pytest.approx(formula, rel=1e-8)


def test_without_upward_curvature_there_is_no_limit() -> None:
    assert transition_rate(-1.0, 2.0, Recursion()) == np.inf
    assert transition_rate(1.0, np.nan, Recursion()) == np.inf
    with pytest.raises(ValueError, match="weight decay"):
        transition_rate(1.0, 2.0, Recursion(weight_decay=0.1))
