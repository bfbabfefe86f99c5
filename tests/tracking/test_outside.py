"""A results folder from elsewhere: whatever its store and its links say, nothing outside of it is touched."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from overshoot.study.cli import main
from overshoot.study.files import UnsafeError, place
from overshoot.study.tracking import Store, StoreError, open_store
from overshoot.study.tracking.server import _server
from tests.experiment.test_spec import GOOD
from tests.tracking.planted_results import planted

FIRST = planted("sgd")


@pytest.fixture
def precious(tmp_path: Path) -> Path:
    """A folder of the user's own, which must stay as it is."""
    folder = tmp_path / "precious"
    for name in ("report/thesis.txt", "artifacts/report/thesis.txt", "thesis.txt"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("years of work")
    return folder


def content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def change(store: Store, statement: str, *values: str) -> None:
    store.close()
    with closing(sqlite3.connect(store.results / "mlflow.db")) as db:
        assert db.execute(statement, values).rowcount > 0
        db.commit()


def test_a_runs_address_leads_nowhere_else(store: Store, precious: Path, tmp_path: Path) -> None:
    store.write("demo", FIRST)
    store.log_study("demo", 'name = "demo"', {})
    before = content(precious)
    for address in (precious.as_uri(), str(precious / "artifacts"), f"file://{precious}/a/../artifacts"):
        change(store, "update runs set artifact_uri = ?", address)
        with closing(open_store(store.results)) as again:
            with pytest.raises((StoreError, UnsafeError)):
                again.log_study("demo", 'name = "demo"', {}, tmp_path / "precious" / "report")
            with pytest.raises((StoreError, UnsafeError)):
                again.read("demo")
    assert content(precious) == before


def test_an_experiments_address_leads_nowhere_else(store: Store, precious: Path) -> None:
    store._experiment("demo", "cells")
    change(store, "update experiments set artifact_location = ? where name <> 'Default'", precious.as_uri())
    before = content(precious)
    refused = pytest.raises(StoreError, match=r"keeps its files in .*precious: go on with --results")
    with closing(open_store(store.results)) as again, refused:
        again.write("demo", FIRST)
    assert content(precious) == before


@pytest.mark.parametrize("link", ["artifacts", "artifacts/demo", "report", "cell.json"])
def test_a_link_leads_nowhere_else(store: Store, precious: Path, link: str) -> None:
    run_id = store.write("demo", FIRST)
    study = store.log_study("demo", 'name = "demo"', {})
    files = store.results / "artifacts" / "demo"
    place = {
        "report": files / study / "artifacts" / "report",
        "cell.json": files / run_id / "artifacts" / "cell.json",
    }.get(link, store.results / link)
    if place.exists():
        place.rename(precious.parent / "away")
    place.symlink_to(precious / "thesis.txt" if link == "cell.json" else precious)
    before = content(precious)
    store.close()

    def touch(again: Store) -> None:
        if link == "cell.json":
            again.definition(run_id)
        else:
            again.log_study("demo", 'name = "demo"', {}, precious / "report")

    with closing(open_store(store.results)) as again, pytest.raises(UnsafeError, match="leads out of"):
        touch(again)
    assert content(precious) == before


def test_a_report_is_not_written_through_a_link(
    store: Store, precious: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store.write("demo", FIRST)
    store.log_study("demo", GOOD.replace("tiny", "demo"), {})
    store.close()
    (store.results / "demo").symlink_to(precious)
    before = content(precious)
    assert main(["report", "demo", "--results", str(store.results)]) == 2
    assert "leads out of" in capsys.readouterr().err
    assert content(precious) == before


def test_a_place_to_write_to_is_within_the_folder_and_no_link(tmp_path: Path, precious: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "study").symlink_to(precious)
    (folder / "page.md").symlink_to(precious / "thesis.txt")
    for parts in (("study", "page.md"), ("..", "page.md"), ("page.md",), (str(precious), "page.md")):
        with pytest.raises(UnsafeError, match=r"leads out of|symbolic link"):
            place(folder, *parts)
    assert place(folder, "a", "b.md").parent.is_dir()


def test_a_log_is_not_emptied_through_a_link(tmp_path: Path, precious: Path) -> None:
    log = tmp_path / "ui.log"
    log.symlink_to(precious / "thesis.txt")
    with pytest.raises(UnsafeError, match=r"symbolic link"), _server("sqlite://", 5999, log):
        pass
    assert (precious / "thesis.txt").read_text() == "years of work"
