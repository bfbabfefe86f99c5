import numpy as np
import pytest
from scipy import stats

from overshoot.core import INITIALIZERS, Network

IN, OUT = 300, 200


def draws(name, rng):
    weights = INITIALIZERS[name].draw(rng, IN, OUT)
    assert weights.shape == (OUT, IN)
    return weights.ravel()


def test_zeros_are_zeros(rng):
    np.testing.assert_array_equal(draws("zeros", rng), 0)


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("normal", stats.norm(0, 0.01)),
        ("he", stats.norm(0, np.sqrt(2 / IN))),
        ("glorot", stats.uniform(-np.sqrt(6 / (IN + OUT)), 2 * np.sqrt(6 / (IN + OUT)))),
    ],
)
def test_draws_follow_the_law_of_their_paper(name, law, rng):
    """60,000 draws: a scale wrong by 1 % fails, and so does a fan taken from the wrong side."""
    sample = draws(name, rng)
    assert stats.kstest(sample, law.cdf).pvalue > 0.01
    assert sample.std() == pytest.approx(law.std(), rel=0.01)


def test_he_keeps_the_size_of_signals_in_a_deep_relu_network(rng):
    """What the factor 2 is for: He et al. (2015), section 2.2."""
    net = Network((100,) * 10, "relu", initializer="he")
    X = rng.standard_normal((200, 100))
    outputs = [net.predict(net.init(rng), X) for _ in range(20)]
    assert np.mean(np.square(outputs)) == pytest.approx(2, rel=0.25)  # the last layer has no relu


def test_a_seed_is_a_network_and_another_seed_another():
    for name in set(INITIALIZERS) - {"zeros"}:
        net = Network((4, 3, 2), initializer=name)
        first, again, other = (net.init(np.random.default_rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)


def test_every_layer_has_its_own_draws(rng):
    theta = Network((3, 3, 3), initializer="he").init(rng).reshape(2, 12)
    assert not np.isin(theta[0][theta[0] != 0], theta[1]).any()
