"""A run ended by SIGKILL at random moments, from the empty folder on, comes to what it would have come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execution.kills import loop


@pytest.mark.slow
def test_nothing_is_lost_and_nothing_left_by_twenty_kills(tmp_path: Path) -> None:
    done = loop(20, tmp_path)
    assert done.total() >= 20
    assert min(done[target] for target in ("parent", "group", "worker")) >= 1
