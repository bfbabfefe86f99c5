"""A server that is slow, or whose answers are lost on the way: nothing waits, nothing is there twice."""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from overshoot.study.phases.results import TRIALS, CellResult
from overshoot.study.pipeline import _Behind
from overshoot.study.tracking import Store, open_store
from tests.tracking.database import active_runs
from tests.tracking.planted_results import planted
from tests.tracking.poor_links import link
from tests.tracking.serving import served

RESULTS = [planted(name, names=["descends", "explodes"]) for name in ("sgd", "adam")]


def _write(store: Store, result: CellResult) -> None:
    store.write("demo", result)


@pytest.mark.slow
def test_neither_a_lost_answer_nor_a_slow_server_is_a_loss(results: Path, tmp_path: Path) -> None:
    """Every seventh answer is lost: what was asked for was done, and is asked for again."""
    with served(results) as server, link(server.address, every=7) as poor:
        with closing(open_store(tmp_path / "here", poor.address)) as store:
            store.retire_unfinished("demo")
            with _Behind(partial(_write, store)) as behind:
                poor.passable.clear()
                for result in RESULTS:
                    behind.write(result)
                # Training would have gone on: nobody waited for an answer.
                assert [future.done() for future in behind.pending] == [False] * len(RESULTS)
                poor.passable.set()
            store.finish()
            assert set(store.finished("demo")) == {result.cell.key for result in RESULTS}
            cells = {cell.cell.key: cell for cell in store.read("demo")}
        assert poor.lost >= 3
    for result in RESULTS:
        trials = cells[result.cell.key].trials[list(TRIALS)]
        pd.testing.assert_frame_equal(trials, result.trials, check_exact=True)
    assert [status for *_, status in active_runs(results)] == ["FINISHED"] * (3 * len(RESULTS))
