"""Where the files of runs are: MLflow keeps whole paths, and a results folder may be moved or copied.

Reading looks among the results at hand, and nowhere else. Before a study is written, or shown by MLflow
itself, the paths in the database are made those of now.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from overshoot.study.files import inside
from overshoot.study.tracking.connect import ARTIFACTS
from overshoot.study.tracking.errors import StoreError
from overshoot.study.tracking.views import CELLS

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table


def local(results: Path, uri: str) -> Path | None:
    """The folder among the results of a run's artifact `uri`; None for one that a server keeps.

    What a store says is data, and a whole path may point anywhere: its end alone is taken, which is the study
    (or the experiment), the run, and "artifacts". UnsafeError where that leads out of the results.
    """
    address = urlsplit(uri)
    if address.scheme not in ("", "file"):
        return None
    own = results.joinpath(ARTIFACTS, *Path(unquote(address.path)).parts[-3:])
    return inside(results / ARTIFACTS, own)


def at_home(results: Path, uri: str) -> Path | None:
    """`local`, for writing: StoreError where MLflow would write to another folder than that."""
    here = local(results, uri)
    if here is not None and uri not in (here.as_uri(), str(here)):
        raise StoreError(
            f"the files of this run are said to be at {uri}, which is not in {results / ARTIFACTS}: name the "
            "results folder that they lie in by --results, or have the MLflow server serve its artifacts"
        )
    return here


def settle(engine: Engine, results: Path, study: str) -> None:
    """Have the database say where the study's files are now; its lock must be held.

    StoreError where they are out of this machine's reach, so that nothing is written apart from the rest.
    """
    from sqlalchemy import MetaData

    metadata = MetaData()
    metadata.reflect(engine, only=["experiments", "runs"])
    experiments, runs = (metadata.tables[name] for name in ("experiments", "runs"))
    inside(results, results / ARTIFACTS)
    here = results / ARTIFACTS / study
    inside(results / ARTIFACTS, here)
    with engine.begin() as db:
        arrived = _holds(db, experiments, runs, study, here)
        for experiment, was in _places(db, experiments, study):
            address = urlsplit(was)
            folder = Path(unquote(address.path))
            if address.scheme not in ("", "file"):
                raise StoreError(
                    f"study {study!r} was written through an MLflow server, which keeps its files: use that "
                    "server (MLFLOW_TRACKING_URI=http://...), or give the experiment another name"
                )
            if was in (here.as_uri(), str(here)):
                continue
            if _same(folder, here) or (arrived and (_beside(engine, results) or not folder.is_dir())):
                _rewrite(db, experiments, runs, experiment, was, here)
            else:
                raise StoreError(_elsewhere(study, folder, here))


def _elsewhere(study: str, folder: Path, here: Path) -> str:
    if folder.is_dir():
        return f"study {study!r} keeps its files in {folder}: go on with --results {folder.parent.parent}"
    return (
        f"study {study!r} keeps its files in {folder}, which is not on this machine: bring them back "
        f"there, or copy them to {here}"
    )


def _places(db: Connection, experiments: Table, study: str) -> list[tuple[int, str]]:
    """Id and artifact location of each of the study's experiments."""
    from sqlalchemy import select

    columns = experiments.c
    rows = db.execute(select(columns.experiment_id, columns.artifact_location, columns.name))
    # Compared here, since to SQLite's LIKE capitals are small letters.
    return [(int(i), str(was)) for i, was, name in rows if str(name).startswith(f"{study}/")]


def _holds(db: Connection, experiments: Table, runs: Table, study: str, folder: Path) -> bool:
    """Whether the folder has files of a cell of the study, and not just its name."""
    from sqlalchemy import select

    cells = select(experiments.c.experiment_id).where(experiments.c.name == f"{study}/{CELLS}")
    cell_runs = db.execute(select(runs.c.run_uuid).where(runs.c.experiment_id.in_(cells)))
    return any((folder / str(run)).is_dir() for (run,) in cell_runs)


def _rewrite(db: Connection, experiments: Table, runs: Table, experiment: int, was: str, here: Path) -> None:
    from sqlalchemy import func

    uri = here.as_uri()
    mine = experiments.c.experiment_id == experiment
    db.execute(experiments.update().where(mine).values(artifact_location=uri))
    db.execute(
        runs.update()
        .where(runs.c.experiment_id == experiment, runs.c.artifact_uri.startswith(was, autoescape=True))
        .values(artifact_uri=uri + func.substr(runs.c.artifact_uri, len(was) + 1))
    )


def _beside(engine: Engine, results: Path) -> bool:
    """Whether the database lies among the results, so that their files belong to it."""
    return engine.dialect.name == "sqlite" and Path(str(engine.url.database)).parent.resolve() == results


def _same(a: Path, b: Path) -> bool:
    """Whether both are one folder, under two names."""
    return a.exists() and b.exists() and a.samefile(b)
