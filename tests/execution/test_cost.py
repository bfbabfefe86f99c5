"""What a run costs: counted exactly, and timed by a model that knows how a cell's updates are made."""

from __future__ import annotations

import pytest

from overshoot.study.execution.cost import STAYS, Cost, cost, wall_seconds
from tests.builders import cell


def test_updates_in_compiled_code_cost_less_than_those_in_numpy() -> None:
    compiled, plain = (cost(cell("iris", optimizer, batch=1)) for optimizer in ("sgd", "muon"))
    assert compiled.updates == plain.updates
    assert compiled.seconds < plain.seconds


def test_a_run_takes_its_cells_over_its_workers_and_its_report() -> None:
    costs = [Cost(trials=0, updates=0, seconds=10.0)] * 16
    none, one, two = wall_seconds([], 1), wall_seconds(costs, 1), wall_seconds(costs, 2)
    assert none < two < one
    assert one - two == pytest.approx(80)
    assert two > none + 80  # the report
    assert 0 < STAYS < 1
