"""What is in a store's database, read with sqlite3 alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def query(results: Path, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(results / "mlflow.db")) as db:
        return db.execute(sql, values).fetchall()


def active_runs(results: Path) -> list[tuple[str, str, str]]:
    """Experiment, name and status of each run that is not in the trash, sorted."""
    return query(
        results,
        "select e.name, r.name, r.status from runs r join experiments e using (experiment_id) "
        "where r.lifecycle_stage = 'active' order by 1, 2, 3",
    )
