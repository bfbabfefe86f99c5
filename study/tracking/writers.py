"""Two ways to write runs: MLflow's client, and rows straight into its tables.

The client costs about 20 milliseconds a run, a study has twenty thousand runs. Where the store is a
database, `SqlWriter` inserts the very rows that the client would have, in one transaction for a cell
and twenty times faster. It serves only databases whose tables are exactly those that it knows.
"""

from __future__ import annotations

import logging
import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine, MetaData, Table, bindparam, inspect, select

from overshoot.study.tracking.rows import Point, RunRow

if TYPE_CHECKING:
    from mlflow import MlflowClient

log = logging.getLogger(__name__)

A = TypeVar("A")
B = TypeVar("B")

SOURCE = "overshoot"
"""Where datasets come from, as MLflow has it."""

CONTEXT = ("mlflow.data.context", "training")
"""What a run used its data for: the name and the value of a tag."""

CALLS = 8
"""Requests to a server that are under way at once."""

VERSIONS = range(3, 4)
"""Major versions of MLflow whose way of writing rows is known."""

COLUMNS = {
    "runs": (
        "run_uuid name source_type source_name entry_point_name user_id status start_time end_time "
        "deleted_time source_version lifecycle_stage artifact_uri experiment_id"
    ),
    "tags": "key value run_uuid",
    "params": "key value run_uuid",
    "metrics": "key value timestamp run_uuid step is_nan",
    "latest_metrics": "key value timestamp step is_nan run_uuid",
    "datasets": (
        "dataset_uuid experiment_id name digest dataset_source_type dataset_source dataset_schema "
        "dataset_profile"
    ),
    "inputs": "input_uuid source_type source_id destination_type destination_id step",
    "input_tags": "input_uuid name value",
}
"""The columns of MLflow's tables as `SqlWriter` fills them."""


class Writer(Protocol):
    """Writes runs in two moves, so that a run is FINISHED only when all that belongs to it is there."""

    def open(self, rows: Sequence[RunRow]) -> list[str]:
        """Enter the runs as RUNNING, with their tags; their ids, in order."""

    def finish(self, runs: Sequence[tuple[str, RunRow]]) -> None:
        """Add parameters and metrics to opened runs and mark them FINISHED, in this order."""


class ClientWriter:
    """Through MLflow's public interface, for any kind of store. Of a trial it leaves the dataset to the tags:
    it would be one request more for each, to the three that there are."""

    def __init__(self, client: MlflowClient) -> None:
        self.client = client

    def open(self, rows: Sequence[RunRow]) -> list[str]:
        return list(self._each(self._create, rows))

    def finish(self, runs: Sequence[tuple[str, RunRow]]) -> None:
        *trials, cell = runs
        list(self._each(self._finish, trials))
        self._enter_data(*cell)
        self._finish(cell)  # which says that all the others are

    def _create(self, row: RunRow) -> str:
        return str(self.client.create_run(row.experiment, row.start, row.tags, row.name).info.run_id)

    def _enter_data(self, run_id: str, row: RunRow) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        dataset = Dataset(row.data.name, row.data.digest, SOURCE, row.data.source)
        self.client.log_inputs(run_id, datasets=[DatasetInput(dataset, [InputTag(*CONTEXT)])])

    def _finish(self, run: tuple[str, RunRow]) -> None:
        from mlflow.entities import Metric, Param

        run_id, row = run
        metrics = [Metric(p.key, p.value, row.end, p.step) for p in row.metrics]
        self.client.log_batch(run_id, metrics, [Param(k, v) for k, v in row.params.items()])
        self.client.set_terminated(run_id, "FINISHED", row.end)

    def _each(self, do: Callable[[A], B], items: Sequence[A]) -> Iterator[B]:
        """In order; several at a time where that saves waiting, as it does with a server."""
        if not self.client.tracking_uri.startswith("http"):
            return map(do, items)
        with ThreadPoolExecutor(CALLS) as pool:
            return iter(list(pool.map(do, items)))


class SqlWriter:
    """Straight into the tables of a database; `open` and `finish` are one transaction each."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        metadata = MetaData()
        metadata.reflect(engine, only=["experiments", *COLUMNS])
        self.table: dict[str, Table] = dict(metadata.tables)

    def open(self, rows: Sequence[RunRow]) -> list[str]:
        ids = run_ids(len(rows))
        experiments = self.table["experiments"].c
        with self.engine.begin() as db:
            places = db.execute(
                select(experiments.experiment_id, experiments.artifact_location).where(
                    experiments.experiment_id.in_({int(r.experiment) for r in rows})
                )
            )
            where = {str(i): location for i, location in places}
            opened = [_opened(i, r, where[r.experiment]) for i, r in zip(ids, rows, strict=True)]
            _insert(db, self.table["runs"], opened)
            _insert(db, self.table["tags"], _pairs(ids, [_tags(r) for r in rows]))
        return ids

    def finish(self, runs: Sequence[tuple[str, RunRow]]) -> None:
        ids = [run_id for run_id, _ in runs]
        t = self.table["runs"]
        close = t.update().where(t.c.run_uuid == bindparam("id")).values(status="FINISHED")
        inserts = {
            "params": _pairs(ids, [r.params for _, r in runs]),
            "metrics": [_metric(i, r, p) for i, r in runs for p in r.metrics],
            "latest_metrics": [_metric(i, r, p) for i, r in runs for p in _latest(r.metrics)],
        }
        with self.engine.begin() as db:
            for name, values in (inserts | self._inputs(db, runs)).items():
                _insert(db, self.table[name], values)
            db.execute(close.values(end_time=bindparam("end")), [{"id": i, "end": r.end} for i, r in runs])

    def _inputs(self, db: Connection, runs: Sequence[tuple[str, RunRow]]) -> dict[str, list[dict[str, Any]]]:
        """The rows that say which data each run used, and those of data that no run of its experiment had."""
        used = {(row.experiment, row.data): "" for _, row in runs}
        entered = []
        for experiment, data in used:
            t = self.table["datasets"].c
            place = {"experiment_id": int(experiment), "name": data.name, "digest": data.digest}
            known_as = db.scalar(select(t.dataset_uuid).where(*(t[key] == at for key, at in place.items())))
            used[experiment, data] = known_as or uuid.uuid4().hex
            if known_as is None:
                source = {"dataset_source_type": SOURCE, "dataset_source": data.source}
                own = {"dataset_uuid": used[experiment, data]}
                entered.append(own | place | source | {"dataset_schema": None, "dataset_profile": None})
        ids = run_ids(len(runs))
        inputs = [
            {
                "input_uuid": i,
                "source_type": "DATASET",
                "source_id": used[row.experiment, row.data],
                "destination_type": "RUN",
                "destination_id": run_id,
                "step": 0,
            }
            for i, (run_id, row) in zip(ids, runs, strict=True)
        ]
        name, value = CONTEXT
        tags = [{"input_uuid": i, "name": name, "value": value} for i in ids]
        return {"datasets": entered, "inputs": inputs, "input_tags": tags}


def _insert(db: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """All rows at once, as the driver takes them: SQLAlchemy looks at each value again, which takes as long
    as the database does. None of these values needs it."""
    if not rows:
        return
    statement = table.insert().compile(dialect=db.dialect, column_keys=[*rows[0]])
    order = statement.positiontup
    values: list[Any] = [*rows] if order is None else [*map(itemgetter(*order), rows)]
    db.exec_driver_sql(str(statement), values)


def run_ids(n: int) -> list[str]:
    """n new ids that sort by time (UUID version 7, RFC 9562).

    MLflow's own are random (version 4): then each run lands on other pages of every index, and a
    database of twenty thousand runs takes three times as long to write.
    """
    now = time.time_ns() // 1_000_000
    return [
        uuid.UUID(int=now << 80 | 7 << 76 | (i & 0xFFF) << 64 | 2 << 62 | secrets.randbits(62)).hex
        for i in range(n)
    ]


def known(engine: Engine) -> bool:
    """Whether the database's tables, and MLflow's version, are those that `SqlWriter` knows."""
    import mlflow

    if int(mlflow.__version__.split(".")[0]) not in VERSIONS:
        reason = f"MLflow {mlflow.__version__} is not a version that is known here"
    elif changed := [
        name for name, columns in COLUMNS.items() if _columns(engine, name) != {*columns.split()}
    ]:
        reason = f"MLflow's tables {', '.join(changed)} have other columns than those known here"
    else:
        return True
    log.warning("%s: runs are written through MLflow's client, which is about twenty times slower", reason)
    return False


def _columns(engine: Engine, table: str) -> set[str]:
    return {column["name"] for column in inspect(engine).get_columns(table)}


def _opened(run_id: str, row: RunRow, location: str) -> dict[str, Any]:
    return {
        "run_uuid": run_id,
        "name": row.name,
        "source_type": "UNKNOWN",
        "source_name": "",
        "entry_point_name": "",
        "user_id": "unknown",
        "status": "RUNNING",
        "start_time": row.start,
        "end_time": None,
        "deleted_time": None,
        "source_version": "",
        "lifecycle_stage": "active",
        "artifact_uri": f"{location}/{run_id}/artifacts",
        "experiment_id": int(row.experiment),
    }


def _tags(row: RunRow) -> dict[str, str]:
    return row.tags | {"mlflow.runName": row.name}


def _pairs(ids: Sequence[str], values: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    return [
        {"run_uuid": i, "key": key, "value": value}
        for i, pairs in zip(ids, values, strict=True)
        for key, value in pairs.items()
    ]


def _metric(run_id: str, row: RunRow, p: Point) -> dict[str, Any]:
    return {
        "run_uuid": run_id,
        "key": p.key,
        "value": p.value,
        "step": p.step,
        "timestamp": row.end,
        "is_nan": False,
    }


def _latest(points: Sequence[Point]) -> list[Point]:
    """The point of each metric that MLflow shows as its value: the last by step, then by value."""
    latest: dict[str, Point] = {}
    for p in points:
        if p.key not in latest or (p.step, p.value) > (latest[p.key].step, latest[p.key].value):
            latest[p.key] = p
    return list(latest.values())
