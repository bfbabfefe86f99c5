"""Connections to MLflow, quiet and explicit about where the results are."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from overshoot.study.tracking.errors import StoreError, reason
from overshoot.study.tracking.lock import one_session_at_a_time
from overshoot.study.tracking.making import make

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from sqlalchemy import Engine

DATABASES = ("sqlite", "postgresql")
SERVERS = ("http", "https")

DATABASE = "mlflow.db"
"""The store among the results, where no other is named."""

ARTIFACTS = "artifacts"
"""The folder among the results in which the files of runs are, by study."""

SECRETS = "pass|pwd|token|secret|key|auth|cred|sig"
"""Parts of the names of an address's options whose values are shown to nobody."""

SETTINGS = {
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}
"""How MLflow behaves unless the user's environment says otherwise: quiet, and not patient for minutes."""


def place(results: Path, uri: str | None = None) -> str:
    """`uri`, else $MLFLOW_TRACKING_URI, else the SQLite database `results/mlflow.db`.

    StoreError when it is of a kind that cannot be used.
    """
    uri = uri or os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        path = results.resolve() / DATABASE
        if path.is_symlink():
            raise StoreError(
                f"{path}: expected a database file, got a symbolic link: name the database itself by "
                "MLFLOW_TRACKING_URI=sqlite:///..."
            )
        if "?" in str(path) or unquote(str(path)) != str(path):
            raise StoreError(
                f"{path}: the path of a database must not contain '?' or '%' with two digits, which have a "
                "meaning in its address: choose another folder with --results"
            )
        uri = f"sqlite:///{path}"
    try:
        _ = urlsplit(uri).port
    except ValueError:
        raise StoreError(
            f"{shown(uri)}: expected the address of a store, such as sqlite:///results/mlflow.db or http://host:5000"
        ) from None
    if kind(uri) not in (*DATABASES, *SERVERS):
        raise StoreError(
            f"{shown(uri)}: expected an address that starts with one of "
            f"{', '.join(f'{name}://' for name in (*DATABASES, *SERVERS))}"
        )
    return uri


def kind(uri: str) -> str:
    """What stands before the colon, without a database's driver: sqlite, postgresql, http, ..."""
    return urlsplit(uri).scheme.split("+")[0]


def exists(uri: str) -> bool:
    """Whether there is a store, as far as can be told without making one: for SQLite, its file."""
    path = _file(uri)
    return kind(uri) != "sqlite" or (path is not None and path.exists())


def connect(uri: str) -> MlflowClient:
    """MLflow's client for the store, which it makes if it is an empty database; StoreError if it cannot."""
    with _quiet():
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            _reach(uri)
            with _ready(uri):
                client = MlflowClient(tracking_uri=uri, registry_uri=uri)
                client.search_experiments(max_results=1)
        except (MlflowException, SQLAlchemyError) as error:
            raise StoreError(
                f"{shown(uri)}: the store of results cannot be opened: {shown(reason(error))}"
            ) from error
        except ModuleNotFoundError as error:
            raise StoreError(
                f"{shown(uri)}: the store of results cannot be opened: the package {error.name} is not "
                "installed (for PostgreSQL: .venv/bin/pip install -e '.[postgresql]')"
            ) from None
    return client


@contextmanager
def _ready(uri: str) -> Iterator[None]:
    """Within this block MLflow may open the store: its database is built, or this process alone builds it."""
    if (path := _file(uri)) is not None:
        make(path, path.parent / ARTIFACTS)
    with one_session_at_a_time(uri) if kind(uri) == "postgresql" else nullcontext():
        yield


def _file(uri: str) -> Path | None:
    """Of an SQLite database; None for one in memory, or elsewhere."""
    if kind(uri) != "sqlite":
        return None
    from sqlalchemy import make_url

    name = make_url(uri).database
    return Path(name) if name and name != ":memory:" else None


def shown(uri: str) -> str:
    """An address, or a text with one, without its password, and without what may be a token."""
    hidden = re.sub(r"//([^/@:\s]*):\S*@", r"//\1:***@", uri)
    hidden = re.sub(r"(https?://)[^/@:\s]+@", r"\1***@", hidden)  # a name alone is a token there
    return re.sub(rf"([\w-]*(?:{SECRETS})[\w-]*)=[^&\s]*", r"\1=***", hidden, flags=re.IGNORECASE)


def _reach(uri: str) -> None:
    """Ask a database's server for a connection, once; MLflow would ask for minutes before it gives up."""
    if kind(uri) in DATABASES and kind(uri) != "sqlite":
        from sqlalchemy import NullPool, create_engine

        create_engine(uri, poolclass=NullPool).connect().close()


def database(uri: str) -> Engine | None:
    """The store's database, ready for one writer beside many readers; None when it is a server."""
    if kind(uri) not in DATABASES:
        return None
    from sqlalchemy import create_engine

    if kind(uri) != "sqlite":
        return create_engine(uri)
    engine = create_engine(uri, connect_args={"timeout": 20})
    with engine.connect() as db:
        db.exec_driver_sql("PRAGMA journal_mode=WAL")
    return engine


@contextmanager
def _quiet() -> Iterator[None]:
    """MLflow reads its settings when it is imported; the deprecations that it trips over are its own."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
