"""`check-store`: everything that is stored is looked at, and what is damaged can be retired."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from overshoot.study.cli import main
from overshoot.study.tracking import open_store
from overshoot.study.tracking.artifacts import STATES
from tests.tracking.planted_results import planted


def test_what_is_damaged_is_said_and_retired(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_store(results)) as store:
        store.write("demo", planted("sgd"))
        run_id = store.write("demo", planted("adam"))
    command = ["check-store", "--results", str(results)]
    assert main(command) == 0
    assert "demo: 2 finished cells with 14 trials, none damaged" in capsys.readouterr().out
    (results / "artifacts" / "demo" / run_id / "artifacts" / STATES).write_bytes(b"PK")
    assert main(command) == 1
    said = capsys.readouterr().out
    assert "adam(beta1=0.5) batch 32: states.npz is not what was written" in said
    assert "--retire" in said
    assert main([*command, "--retire"]) == 1
    capsys.readouterr()
    assert main(command) == 0
    assert "demo: 1 finished cell with 7 trials, none damaged" in capsys.readouterr().out


def test_a_damaged_database_is_said(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_store(results)) as store:
        store.write("demo", planted("sgd"))
        store.finish()
    with closing(sqlite3.connect(results / "mlflow.db")) as db:
        db.execute("pragma writable_schema = on")
        db.execute("update sqlite_master set rootpage = 2 where name = 'index_tags_run_uuid'")
        db.commit()
    assert main(["check-store", "--results", str(results)]) == 1
    assert "the database is damaged" in capsys.readouterr().out
