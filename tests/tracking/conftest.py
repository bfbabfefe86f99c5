"""A store for each test. MLflow's tables take seconds to make, so each database is a copy of one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from overshoot.study.tracking import Store, open_store
from tests.tracking.postgresql import Server, running


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables and nothing in them."""
    folder = tmp_path_factory.mktemp("empty")
    open_store(folder, f"sqlite:///{folder / 'mlflow.db'}").close()
    return folder / "mlflow.db"


@pytest.fixture
def results(tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A results folder with an empty store; no other store is in reach."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "results"
    folder.mkdir()
    shutil.copy(empty_database, folder / "mlflow.db")
    return folder


@pytest.fixture
def store(results: Path) -> Iterator[Store]:
    with closing(open_store(results)) as opened:
        yield opened


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, results: Path) -> str:
    """The address of an empty store in each kind of database that is written straight into."""
    if request.param == "sqlite":
        return f"sqlite:///{results / 'mlflow.db'}"
    return str(request.getfixturevalue("postgresql").new_store())


@pytest.fixture
def any_store(results: Path, database: str) -> Iterator[Store]:
    with closing(open_store(results, database)) as opened:
        yield opened
