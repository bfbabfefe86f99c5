"""What was done to a study's experiments in MLflow's own pages, and answers that were lost on the way."""

from __future__ import annotations

from contextlib import closing

import pytest

from overshoot.study.tracking import Store, StoreError, open_store
from overshoot.study.tracking.writers import ClientWriter
from tests.tracking.database import active_runs
from tests.tracking.planted_results import planted

FIRST, SECOND = planted("sgd"), planted("adam")


@pytest.mark.parametrize("part", ["cells", "trials/iris"])
def test_a_deleted_experiment_is_said_before_anything_is_trained(store: Store, part: str) -> None:
    store.write("demo", FIRST)
    store.close()
    with closing(open_store(store.results)) as again:
        again.client.delete_experiment(again.studies()[0].experiments[part])
        with pytest.raises(StoreError, match=rf"'demo/{part}' is in MLflow's trash: restore it") as said:
            again.retire_unfinished("demo")
        assert "SQL" not in str(said.value)
        again.write("other", FIRST)


def test_a_renamed_experiment_is_recognised(store: Store) -> None:
    store.write("demo", FIRST)
    store.close()
    with closing(open_store(store.results)) as again:
        again.client.rename_experiment(again.studies()[0].experiments["cells"], "my favourite")
        with pytest.raises(StoreError, match=r"'demo/cells' is named 'my favourite' now: give it its name"):
            again.retire_unfinished("demo")


def test_an_experiment_that_is_there_since_an_answer_was_lost_is_taken(store: Store) -> None:
    """The first request arrived, its answer did not, and the client asked again."""
    store.client.create_experiment("demo/cells", (store.results / "artifacts" / "demo").as_uri())
    made = store.runs.create("demo", "cells", None)
    assert made == store.runs.experiments()["demo/cells"]


def test_runs_that_no_cell_lists_are_retired(store: Store) -> None:
    store.writer = ClientWriter(store.client)
    store.write("demo", FIRST)
    before = active_runs(store.results)
    trials = store.studies()[0].experiments["trials/iris"]
    tags = {"kind": "trial", "cell": FIRST.cell.key}
    store.client.create_run(trials, tags=tags)  # asked for twice, since the first answer was lost
    assert store.retire_unfinished("demo") == 0
    assert active_runs(store.results) == before
    store.client.create_run(trials, tags=tags)
    store.finish()
    assert active_runs(store.results) == before
