"""A results folder that was moved or copied: MLflow keeps whole paths, and would look where it was."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy import Engine, MetaData, func, select

from study.tracking.connect import ARTIFACTS


def follow(engine: Engine, results: Path) -> None:
    """Have an SQLite database in `results` say where its files are now.

    Only a study whose folder is among these results is changed, in one transaction.
    """
    if engine.dialect.name != "sqlite" or Path(str(engine.url.database)).parent.resolve() != results:
        return
    metadata = MetaData()
    metadata.reflect(engine, only=["experiments", "runs"])
    experiments, runs = (metadata.tables[name] for name in ("experiments", "runs"))
    with engine.begin() as db:
        found = select(experiments.c.experiment_id, experiments.c.artifact_location)
        for experiment, was in db.execute(found).all():
            folder = Path(unquote(urlsplit(was or "").path))
            here = results / ARTIFACTS / folder.name
            if folder.parent.name != ARTIFACTS or folder == here or not here.is_dir():
                continue
            of_experiment = experiments.c.experiment_id == experiment
            db.execute(experiments.update().where(of_experiment).values(artifact_location=here.as_uri()))
            db.execute(
                runs.update()
                .where(
                    runs.c.experiment_id == experiment, runs.c.artifact_uri.startswith(was, autoescape=True)
                )
                .values(artifact_uri=here.as_uri() + func.substr(runs.c.artifact_uri, len(was) + 1))
            )
