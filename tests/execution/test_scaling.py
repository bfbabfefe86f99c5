"""The simulation of many workers: what has to hold of it whatever the cells are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.scaling import TASK_SECONDS, simulate

TIMES = st.lists(st.floats(0.1, 20), min_size=1, max_size=60).map(np.array)


@given(TIMES, st.floats(0, 0.5), st.integers(1, 40))
def test_no_run_is_faster_than_its_workers_or_its_writer(
    train: np.ndarray, writer: float, workers: int
) -> None:
    run = simulate(train, writer, workers)
    assert run.makespan >= max(train.sum() / workers, train.max(), writer * len(train))
    assert 0 < run.efficiency <= 1
    assert 0 <= run.writer <= 1
    # No slower than one after the other.
    assert run.makespan <= train.sum() + len(train) * (writer + 2 * TASK_SECONDS)


def test_a_free_writer_leaves_many_equal_cells_efficient() -> None:
    assert simulate(np.full(4000, 1.0), 0.0, 100).efficiency > 0.97


def test_the_writer_saturates_where_the_workers_finish_more_than_it_can_store() -> None:
    run = simulate(np.full(20_000, 1.0), 0.01, 1000)  # 1,000 cells a second, of which it stores 100
    assert run.makespan == pytest.approx(200, rel=0.05)
    assert run.writer > 0.97
    assert run.efficiency == pytest.approx(0.1, rel=0.05)
