"""Fixtures of the core's tests."""

import numpy as np
import pytest


@pytest.fixture
def rng() -> np.random.Generator:
    """The one source of random numbers in these tests."""
    return np.random.default_rng(20_240_229)
