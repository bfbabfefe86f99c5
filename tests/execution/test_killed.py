"""A run ended by SIGKILL at random moments, from the empty folder on, comes to what it would have come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execution.kills import loop


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_nothing_is_lost_and_nothing_left_by_ten_kills(seed: int, tmp_path: Path) -> None:
    done = loop(10, tmp_path, seed)
    assert done.total() >= 10
    assert min(done[target] for target in ("parent", "group", "worker")) >= 1
