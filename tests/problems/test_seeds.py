"""Seeds from named axes, and the common random numbers that follow from them."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overshoot.study.problems.problem import problem_of
from overshoot.study.problems.seeds import seed
from tests.builders import cell


@given(st.integers(0, 2**32), st.text(max_size=20), st.text(max_size=20))
def test_a_seed_is_a_function_of_its_axes(root: int, purpose: str, dataset: str) -> None:
    first = seed(root, purpose, dataset=dataset, replicate="a")
    assert first == seed(root, purpose, replicate="a", dataset=dataset)
    assert 0 <= first < 2**63
    assert first != seed(root, purpose, dataset=dataset, replicate="b")
    assert first != seed(root + 1, purpose, dataset=dataset, replicate="a")


def test_seeds_are_the_same_on_every_machine() -> None:
    assert seed(0, "weights", dataset="iris", replicate="sweep-0") == 8614193507458839075  # by b2sum -l 64


def test_optimizers_and_batch_strategies_share_starts_orders_and_splits() -> None:
    one, other = problem_of(cell(optimizer="sgd", batch=None)), problem_of(cell(optimizer="adam", batch=1))
    assert np.array_equal(one.start("sweep-0"), other.start("sweep-0"))
    assert one.order("sweep-0") == other.order("sweep-0")
    assert np.array_equal(one.split.X["train"], other.split.X["train"])
    assert not np.array_equal(one.start("sweep-0"), one.start("sweep-1"))
