"""A run is found by its id, the start of it or its page's address, and refused in one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from overshoot.study.experiment.cells import restore
from overshoot.study.tracking import Store, StoreError, open_store
from tests.tracking.planted_results import planted


@pytest.fixture
def cell(store: Store) -> str:
    """The id of a stored cell's run."""
    return store.write("demo", planted())


def trials(store: Store) -> list[str]:
    [stored] = store.read("demo")
    return list(stored.trials["run_id"])


def test_a_trial_is_found_by_id_by_its_start_and_by_the_address_of_its_page(store: Store, cell: str) -> None:
    wanted = trials(store)[2]
    start = next(
        wanted[:n] for n in range(4, 33) if sum(t.startswith(wanted[:n]) for t in trials(store)) == 1
    )
    page = f"http://127.0.0.1:5000/#/experiments/7/runs/{wanted}/artifacts?workflowType=machine_learning"
    for reference in (wanted, wanted.upper(), start, page, f"#/runs/{wanted}"):
        found = store.find(reference)
        assert (found.run_id, found.kind, found.study, found.key) == (
            wanted,
            "trial",
            "demo",
            planted().cell.key,
        )


def test_a_cell_is_found_and_can_be_made_again(store: Store, cell: str) -> None:
    found = store.find(cell)
    assert (found.kind, found.key) == ("cell", planted().cell.key)
    again = restore(store.definition(cell))
    assert again == planted().cell
    assert again.key == found.key


def test_what_is_no_id_says_what_an_id_is(store: Store, cell: str) -> None:
    for wrong in ("xyz", "12", "", "http://127.0.0.1:5000/#/experiments/7", f"{cell} {trials(store)[0]}"):
        with pytest.raises(StoreError, match="32 of 0-9 and a-f"):
            store.find(wrong)


def test_an_unknown_id_is_answered_with_the_nearest(store: Store, cell: str) -> None:
    wrong = cell[:-1] + ("0" if cell[-1] != "0" else "1")
    with pytest.raises(StoreError, match=f'no run {wrong}.*did you mean "{cell}"'):
        store.find(wrong)
    with pytest.raises(StoreError, match=r"no run in the store has an id that starts with ffff$"):
        store.find("ffff")


def test_a_start_that_several_share_says_so(store: Store, cell: str) -> None:
    with pytest.raises(StoreError, match=r"several runs.*and others"):
        store.find(cell[:4])


def test_runs_that_are_no_trials_or_cells_are_refused(store: Store, cell: str) -> None:
    foreign = store.client.create_run(store.client.create_experiment("theirs"), run_name="my model")
    with pytest.raises(StoreError, match=r"my model.*another program"):
        store.find(foreign.info.run_id)
    logged = store.log_study("demo", "text", {})
    with pytest.raises(StoreError, match="experiment file of 'demo'"):
        store.find(logged)
    store.client.delete_run(trials(store)[0])
    with pytest.raises(StoreError, match="is deleted"):
        store.find(trials(store)[0])


def test_a_store_that_is_only_read_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(StoreError, match=r"nowhere/mlflow.db: there is no store"):
        open_store(tmp_path / "nowhere", reading=True)
    assert not (tmp_path / "nowhere").exists()
