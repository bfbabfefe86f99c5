"""What is in a store's database, read without the program."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

Place = Path | Engine
"""A results folder with an SQLite database, or a database."""


def query(place: Place, sql: str) -> list[tuple[Any, ...]]:
    if isinstance(place, Engine):
        with place.connect() as db:
            return [tuple(row) for row in db.exec_driver_sql(sql)]
    with closing(sqlite3.connect(place / "mlflow.db")) as db:
        return db.execute(sql).fetchall()


def active_runs(place: Place) -> list[tuple[str, str, str]]:
    """Experiment, name and status of each run that is not in the trash, sorted."""
    return query(
        place,
        "select e.name, r.name, r.status from runs r join experiments e using (experiment_id) "
        "where r.lifecycle_stage = 'active' order by 1, 2, 3",
    )
