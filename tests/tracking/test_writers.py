"""Rows straight into MLflow's tables are the rows that MLflow's client writes."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from overshoot.study.tracking import Store, open_store
from overshoot.study.tracking.rows import Data, RunRow, cell_row, trial_rows
from overshoot.study.tracking.writers import COLUMNS, ClientWriter, SqlWriter, Writer
from tests.tracking.database import query
from tests.tracking.planted_results import planted

END = 1_700_000_000_000
TABLES = [table for table, columns in COLUMNS.items() if "run_uuid" in columns.split()]


def rows(store: Store) -> list[RunRow]:
    """A planted cell and its trials in two new experiments, and a run that has nothing."""
    cells, trials = (store.client.create_experiment(name, "file:///some where/else") for name in ("a", "b"))
    bare = RunRow(cells, "bare", END, END, {}, {}, (), Data("iris"))
    return [cell_row("demo", planted(), cells, END), *trial_rows("demo", planted(), trials, END), bare]


def written(database: Engine, table: str, ids: list[str]) -> list[tuple[Any, ...]]:
    """The table's rows of the given runs, sorted, with each run's id replaced by its place among them."""
    columns = COLUMNS[table].split()
    found = []
    for row in query(database, f"select {', '.join(columns)} from {table}"):
        values = dict(zip(columns, row, strict=True))
        if values["run_uuid"] in ids:
            place = f"run {ids.index(values['run_uuid'])}"
            if table == "runs":
                values["artifact_uri"] = values["artifact_uri"].replace(values["run_uuid"], place)
            found.append(tuple((values | {"run_uuid": place}).items()))
    return sorted(found, key=repr)


def write(writer: Writer, runs: list[RunRow]) -> list[str]:
    ids = writer.open(runs)
    writer.finish(list(zip(ids, runs, strict=True)))
    return ids


@pytest.mark.parametrize("moves", ["opened", "finished"])
def test_both_writers_leave_the_same_rows(any_store: Store, moves: str) -> None:
    assert isinstance(any_store.writer, SqlWriter)
    runs = rows(any_store)
    both = (any_store.writer, ClientWriter(any_store.client))
    database = any_store.writer.engine
    mine, theirs = [w.open(runs) if moves == "opened" else write(w, runs) for w in both]
    for table in TABLES:
        assert written(database, table, mine) == written(database, table, theirs), table
    assert len(written(database, "runs", mine)) == len(runs)
    assert len(written(database, "metrics", mine)) == (
        sum(len(r.metrics) for r in runs) if moves == "finished" else 0
    )


def test_every_run_names_its_data(any_store: Store) -> None:
    assert isinstance(any_store.writer, SqlWriter)
    runs = rows(any_store)
    written_twice = [*write(any_store.writer, runs), *write(any_store.writer, runs)]
    used = [any_store.client.get_run(run_id).inputs.dataset_inputs for run_id in written_twice]
    assert [[one.dataset.name for one in each] for each in used] == [["iris"]] * len(written_twice)
    [theirs] = any_store.client.get_run(write(ClientWriter(any_store.client), runs)[-1]).inputs.dataset_inputs
    for [mine] in used:
        assert dict(mine.dataset) == dict(theirs.dataset)
        assert [(tag.key, tag.value) for tag in mine.tags] == [(tag.key, tag.value) for tag in theirs.tags]
    assert len(query(any_store.writer.engine, "select * from datasets")) == 2  # one in each experiment


def test_mlflow_reads_the_rows_as_a_run(any_store: Store) -> None:
    runs = rows(any_store)
    ids = write(any_store.writer, runs)
    for run_id, row in zip(ids, runs, strict=True):
        run = any_store.client.get_run(run_id)
        assert run.info.status == "FINISHED"
        assert run.data.tags == row.tags | {"mlflow.runName": row.name}
        assert run.data.params == row.params
        assert run.data.metrics == {p.key: p.value for p in row.metrics}  # the last point of each
        for key in run.data.metrics:
            history = [(m.step, m.value) for m in any_store.client.get_metric_history(run_id, key)]
            assert history == [(p.step, p.value) for p in row.metrics if p.key == key]


@pytest.mark.parametrize(
    "change",
    ["alter table metrics add column unit text", "alter table runs rename column source_name to origin"],
)
def test_unknown_tables_are_left_to_the_client(
    results: Path, caplog: pytest.LogCaptureFixture, change: str
) -> None:
    with closing(sqlite3.connect(results / "mlflow.db")) as db:
        db.execute(change)
    with caplog.at_level(logging.WARNING), closing(open_store(results)) as store:
        assert isinstance(store.writer, ClientWriter)
    assert "other columns than those known here" in caplog.text


def test_an_unknown_version_is_left_to_the_client(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    monkeypatch.setattr(mlflow, "__version__", "4.0.0")
    with closing(open_store(results)) as store:
        assert isinstance(store.writer, ClientWriter)
