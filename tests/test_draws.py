"""Draws: every way of a few, and as many as it takes of more."""

import numpy as np
import pytest

from overshoot.study import draws
from overshoot.study.draws import every_way, generator, settled_ends, settled_share


@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_way_has_the_chance_with_which_it_is_drawn(n: int) -> None:
    ways = every_way(n)
    assert (ways.times.sum(axis=1) == n).all()
    assert len(np.unique(ways.times, axis=0)) == len(ways.times)
    assert ways.chances.sum() == pytest.approx(1)
    drawn = draws.times_drawn(np.random.default_rng(0), n, 20_000)
    share = (drawn[:, None] == ways.times[None]).all(axis=2).mean(axis=0)
    np.testing.assert_allclose(share, ways.chances, atol=0.02)


def test_every_comparison_has_a_seed_of_its_own_that_rounding_leaves_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = np.random.default_rng(0).normal(size=20)
    first = generator(values).random()
    assert generator(values * (1 + 1e-9)).random() == first
    assert generator(-values).random() != first
    monkeypatch.setattr(draws, "LUCK", 1)
    assert generator(values).random() != first


def drawing(seed: int, asked: list[int]):
    rng = np.random.default_rng(seed)

    def draw(count: int) -> np.ndarray:
        asked.append(count)
        return rng.normal(size=count)

    return draw


def test_an_end_near_its_border_is_drawn_for_until_it_is_settled() -> None:
    far: list[int] = []
    near: list[int] = []
    settled_ends(drawing(0, far), 0.95, border=5.0)
    assert sum(far) == draws.DRAWS
    low = settled_ends(drawing(0, near), 0.95, border=-1.96 + 0.02)[0]
    assert draws.DRAWS < sum(near) <= draws.MOST
    assert low == pytest.approx(-1.96, abs=0.02)


@pytest.mark.parametrize("border", [-1.98, -1.94])
def test_no_seed_puts_a_settled_end_on_the_other_side_of_its_border(border: float) -> None:
    """Twenty thousand draws of a normal variable have an end at -1.96, give or take 0.02."""
    sides = {settled_ends(drawing(seed, []), 0.95, border)[0] > border for seed in range(12)}
    assert sides == {border < -1.96}
    rough = {float(np.quantile(drawing(seed, [])(draws.DRAWS), 0.025)) > border for seed in range(60)}
    assert rough == {True, False}


def test_what_cannot_be_settled_is_at_its_border(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draws, "MOST", 40_000)
    border = float(settled_ends(drawing(0, []), 0.95, border=None)[0]) - 1e-4
    for seed in range(3):
        assert settled_ends(drawing(seed, []), 0.95, border)[0] <= border


def test_without_a_border_there_is_nothing_to_settle() -> None:
    asked: list[int] = []
    settled_ends(drawing(0, asked), 0.95, border=None)
    assert asked == [draws.DRAWS]


@pytest.mark.parametrize(("chance", "reached"), [(0.95, True), (0.904, True), (0.896, False)])
def test_a_share_near_its_border_is_drawn_for_until_it_is_settled(chance: float, reached: bool) -> None:
    rng = np.random.default_rng(1)

    def leads(count: int) -> np.ndarray:
        first = rng.binomial(count, chance)
        return np.array([first, count - first], dtype=float)

    shares, clear = settled_share(leads, 0.9)
    assert clear == reached
    assert shares[0] == pytest.approx(chance, abs=0.005)
