"""Leadership over resampled problems: certain where all problems agree, shared where they do not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overshoot.study.leadership import leadership

INF = float("inf")


def test_who_is_best_everywhere_leads() -> None:
    found = leadership(np.array([[1.0, 2, 3], [1, 3, 2], [1, 2, 3], [1, 2, 3], [1, 2, 3]]), ["a", "b", "c"])
    assert found.leader == "a"
    assert found.group == ("a",)


def test_on_few_problems_nobody_leads() -> None:
    found = leadership(np.array([[1.0, 2]] * 4), ["a", "b"])
    assert found.few
    assert found.leader is None
    assert found.group == ("a",)


def test_equals_share_the_first_place_and_nobody_leads() -> None:
    found = leadership(np.array([[1.5, 1.5, 3], [1.5, 1.5, 3]]), ["a", "b", "c"])
    assert found.leader is None
    assert found.group == ("a", "b")
    assert found.shares == pytest.approx((0.5, 0.5, 0))


def test_a_first_place_that_hangs_on_one_problem_is_no_lead() -> None:
    """Two of three problems say a, one says b by so much that its mean is better where it is drawn."""
    found = leadership(np.array([[1.0, 2], [1, 2], [9, 1]]), ["a", "b"])
    assert found.leader is None
    assert set(found.group) == {"a", "b"}
    assert found.shares[found.methods.index("a")] == pytest.approx((2 / 3) ** 3, abs=0.01)


def test_infinite_scores_count_only_where_they_are_drawn() -> None:
    found = leadership(np.array([[INF, 2.0], [1.0, 2.0]]), ["a", "b"])
    assert found.shares == pytest.approx((0.75, 0.25), abs=0.01)


@settings(max_examples=20)
@given(arrays(float, (4, 3), elements=st.floats(1, 3)), st.permutations(range(3)))
def test_the_order_of_the_methods_does_not_matter(scores: np.ndarray, order: list[int]) -> None:
    names = ["a", "b", "c"]
    one, other = leadership(scores, names), leadership(scores[:, order], [names[i] for i in order])
    assert dict(zip(one.methods, one.shares, strict=True)) == pytest.approx(
        dict(zip(other.methods, other.shares, strict=True))
    )


@pytest.mark.parametrize("scores", [np.full((2, 2), np.nan), np.ones((2, 3)), np.ones((0, 2))])
def test_what_makes_no_sense_is_refused(scores: np.ndarray) -> None:
    with pytest.raises(ValueError, match="scores must be numbers"):
        leadership(scores, ["a", "b"])
