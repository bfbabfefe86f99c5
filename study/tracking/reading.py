"""Cells as they were stored: their files are fetched, compared with what was written, and read."""

from __future__ import annotations

import json
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from overshoot.study.experiment.cells import VersionError
from overshoot.study.files import inside
from overshoot.study.tracking import artifacts, moved
from overshoot.study.tracking.errors import StoreError
from overshoot.study.tracking.runs import tag
from overshoot.study.tracking.stored import StoredCell

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities import Run

T = TypeVar("T")

FILES = "files"
"""The tag of a cell's run with the digests of its files, as JSON."""

UNREADABLE = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, EOFError, MemoryError),
    *(RecursionError, NotImplementedError, zipfile.BadZipFile, zlib.error),
)
"""What comes of bytes that are not what a reader of them expects."""


def digests(run: Run) -> dict[str, str]:
    """name -> SHA-256 of each of the run's files as they were written; none for a run of an older version."""
    try:
        known = json.loads(run.data.tags.get(FILES, "{}"))
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def stamp(run: Run) -> dict[str, Any]:
    """What says which run a cell is and what its files hold."""
    where = {"run": run.info.run_id, "experiment": run.info.experiment_id, "finished": run.info.end_time}
    return where | {"tags": {k: v for k, v in sorted(run.data.tags.items()) if not k.startswith("mlflow.")}}


@contextmanager
def files(client: MlflowClient, results: Path, run: Run) -> Iterator[Callable[[str], Path]]:
    """Gives the path of an artifact by name: where it lies on this machine, or else a copy.

    StoreError where it is missing, or not what was written.
    """
    from mlflow.exceptions import MlflowException

    here = moved.local(results, run.info.artifact_uri)
    known = digests(run)

    def fetch(name: str) -> Path:
        try:
            path = here / name if here else Path(client.download_artifacts(run.info.run_id, name, folder))
        except MlflowException as error:
            raise StoreError(f"{name} of run {run.info.run_name!r} could not be fetched: {error}") from error
        if here:
            inside(here, path)
        if not path.is_file():
            raise StoreError(
                f"{path}: the file of the run {run.info.run_name!r} is missing, deleted or moved: bring "
                "it back, or run the experiment again, which trains the cell anew"
            )
        if name in known and artifacts.digest(path) != known[name]:
            raise _damaged(path, _name(run), "it is not what was written")
        return path

    with tempfile.TemporaryDirectory() as folder:
        yield fetch


def stored_cell(client: MlflowClient, results: Path, run: Run) -> StoredCell:
    """The finished cell of a run; StoreError for a file that is missing or damaged."""
    with files(client, results, run) as file:
        *paths, curves = (file(name) for name in artifacts.READ)
        try:
            cell, summary, trials = artifacts.load(*paths)
        except VersionError as error:
            raise StoreError(
                f"{paths[0].parent}: {run.info.run_name!r} was {error}: run the experiment once more, "
                "which trains its cells again and keeps what is there"
            ) from None
        except UNREADABLE as error:
            raise _damaged(paths[0].parent, _name(run), str(error)) from error
        here = moved.local(results, run.info.artifact_uri) is not None
        kept = curves if here else curves.read_bytes()  # a copy is gone when it is asked for
    return StoredCell(
        key=tag(run, "key"),
        run_id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        tags={k: v for k, v in run.data.tags.items() if not k.startswith("mlflow.") and k != FILES},
        cell=cell,
        summary=summary,
        trials=trials,
        read_curves=partial(_curves, _name(run), kept),
        finished=int(run.info.end_time),
    )


def _curves(run: str, kept: Path | bytes) -> pd.DataFrame:
    """The curves of the cell of a run of this name, from their file or what was in it; StoreError where it is
    damaged."""
    try:
        return artifacts.load_curves(kept if isinstance(kept, Path) else BytesIO(kept))
    except UNREADABLE as error:
        place = kept if isinstance(kept, Path) else Path(artifacts.CURVES)
        raise _damaged(place, run, str(error)) from error


def read_with(client: MlflowClient, results: Path, run: Run, name: str, reader: Callable[[Path], T]) -> T:
    """What `reader` makes of one of a run's files; StoreError where it is missing or damaged."""
    with files(client, results, run) as file:
        path = file(name)
        try:
            return reader(path)
        except UNREADABLE as error:
            raise _damaged(path, _name(run), str(error)) from error


def _name(run: Run) -> str:
    return str(run.info.run_name)


def _damaged(path: Path, run: str, why: str) -> StoreError:
    return StoreError(
        f"{path}: a file of the run {run!r} is damaged ({why[:300]}): run the experiment "
        "again, which trains the cell anew"
    )
