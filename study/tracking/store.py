"""The store: cells go in as runs with artifacts, and come back out as tables.

A study named S has the MLflow experiments `S/cells`, one run a cell, and `S/trials/<dataset>`, flat, one
run a trial. A cell's run is RUNNING from before its first byte is written until after the last: FINISHED
says that the cell, its trials and its files are all there.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from overshoot.study.phases.results import TRIALS, CellResult
from overshoot.study.problems import kept
from overshoot.study.problems.columns import Raw
from overshoot.study.tracking import artifacts, finding, moved, reading, retiring, study_runs, views
from overshoot.study.tracking.connect import ARTIFACTS, connect, database, exists, place, shown
from overshoot.study.tracking.errors import LockedError, StoreError
from overshoot.study.tracking.lock import Lock, hold
from overshoot.study.tracking.pages import NO_PAGES, RunPages
from overshoot.study.tracking.rows import cell_row, noted, trial_rows
from overshoot.study.tracking.runs import Runs, tag
from overshoot.study.tracking.stored import StoredCell
from overshoot.study.tracking.study_runs import StudyContent
from overshoot.study.tracking.views import CELLS, StudyInfo

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from sqlalchemy import Engine

    from overshoot.study.tracking.writers import Writer

T = TypeVar("T")


def open_store(results: Path, uri: str | None = None, reading: bool = False) -> Store:
    """The store at `uri`, at $MLFLOW_TRACKING_URI, or in the SQLite database `results/mlflow.db`.

    Artifacts lie under `results/artifacts`, except where a server keeps them itself. reading: it must be
    there already. StoreError when the store cannot be opened.
    """
    from sqlalchemy.exc import NoSuchTableError

    from overshoot.study.tracking.writers import ClientWriter, SqlWriter, known

    uri = place(results, uri)
    if reading and not exists(uri):
        raise StoreError(
            f"{shown(uri)}: there is no store of results: run an experiment first, or name its folder with "
            "--results or its address with MLFLOW_TRACKING_URI"
        )
    results.mkdir(parents=True, exist_ok=True)
    client, engine = connect(uri), database(uri)
    try:
        direct = engine is not None and known(engine)
    except NoSuchTableError as error:
        raise StoreError(
            f"{shown(uri)}: expected a store of results, but its database has no table {error}"
        ) from error
    writer = SqlWriter(engine) if engine is not None and direct else ClientWriter(client)
    return Store(results.resolve(), client, writer, engine)


class Store:
    """Results of studies in MLflow; made by `open_store`.

    `write` and `retire_unfinished` take the study's lock and keep it until `close` or the end of the
    process; they raise StoreError when another process writes the same study.
    """

    def __init__(self, results: Path, client: MlflowClient, writer: Writer, engine: Engine | None) -> None:
        self.results = results
        self.client = client
        self.writer = writer
        self.engine = engine
        self._locks: dict[str, Lock] = {}
        self.runs = Runs(client)

    def write(
        self,
        study: str,
        result: CellResult,
        data: Raw | None = None,
        finished: int | None = None,
        pages: RunPages = NO_PAGES,
    ) -> str:
        """Store a cell with its trials and files; the id of the cell's run.

        data: somebody's own, by default read where the cell says that they are. finished: when it was, in
        milliseconds since 1970, by default now.
        """
        self._hold(study)
        now = finished or round(time.time() * 1000)
        dataset = self._experiment(study, f"trials/{result.cell.dataset.id}")
        trials = trial_rows(study, result, dataset, now)
        cell = cell_row(study, result, self._experiment(study, CELLS), now)
        cell, *trials = noted([cell, *trials], pages.notes)
        run_id, *trial_ids = self.writer.open([cell, *trials])
        self._save(study, run_id, trial_ids, result, data, pages.picture)
        self.writer.finish([*zip(trial_ids, trials, strict=True), (run_id, cell)])
        return run_id

    def take(self, study: str, cell: StoredCell, other: Store, pages: RunPages = NO_PAGES) -> str:
        """Store a finished cell of another store as it is there; the id of its run here."""
        states = other.states(cell.run_id)
        result = CellResult(cell.cell, cell.trials[[*TRIALS]], cell.curves, states, cell.summary)
        return self.write(study, result, other.data(cell.run_id), cell.finished, pages)

    def _save(
        self,
        study: str,
        run_id: str,
        trial_ids: list[str],
        result: CellResult,
        data: Raw | None,
        picture: bytes | None,
    ) -> None:
        """Write the files of a cell, and the digests of them among the tags of its run."""
        if self.engine is not None:  # the place that the database names, without a copy that a kill leaves
            folder = self.results / ARTIFACTS / study / run_id / "artifacts"
            folder.mkdir(parents=True)
            artifacts.save(folder, result, trial_ids, data, picture)
            artifacts.settle(folder)
            written = artifacts.digests(folder)
        else:
            with tempfile.TemporaryDirectory() as made:
                artifacts.save(Path(made), result, trial_ids, data, picture)
                written = artifacts.digests(Path(made))
                self.client.log_artifacts(run_id, made)
        self.client.set_tag(run_id, reading.FILES, json.dumps(written))

    def finished(self, study: str, keys: Collection[str] | None = None) -> dict[str, str]:
        """key -> run id of the study's finished cells, of those in `keys` where it is given."""
        return {key: run.info.run_id for key, run in self.runs.finished(study, keys)}

    def retire_unfinished(self, study: str) -> int:
        """Move what a killed writer left into MLflow's trash; how many cells it was."""
        self._hold(study)
        return retiring.unfinished(self.runs, study)

    def damaged(self, study: str, keys: Collection[str] | None = None) -> dict[str, str]:
        """key -> what is wrong with the files of a finished cell, of those in `keys` where it is given.

        StoreError where no file of any cell is there.
        """
        damage = retiring.damaged(self.results, study, self._runs(study, keys))
        return {tag(run, "key"): what for run, what in damage}

    def label(self, study: str, key: str) -> str:
        """What the run of a finished cell is called."""
        return next((str(run.info.run_name) for run in self._runs(study, [key])), key)

    def database_faults(self) -> list[str]:
        """What SQLite itself finds wrong in its file; other databases look after theirs."""
        if self.engine is None or self.engine.dialect.name != "sqlite":
            return []
        with self.engine.connect() as db:
            said = [str(line) for (line,) in db.exec_driver_sql("PRAGMA quick_check(5)")]
        return [line for line in said if line != "ok"]

    def retire_lost(self, study: str, keys: Collection[str] | None = None) -> int:
        """Move finished cells whose files are gone or damaged into MLflow's trash, so that they are run
        again, of those in `keys` where it is given; how many it was. StoreError as `damaged` does."""
        self._hold(study)
        lost = retiring.damaged(self.results, study, self._runs(study, keys))
        for cell, _ in lost:
            retiring.retire(self.runs, study, cell)
        return len(lost)

    def read(self, study: str, keys: Collection[str] | None = None) -> list[StoredCell]:
        """The study's finished cells, of those in `keys` where it is given; StoreError for a lost file."""
        runs = [*self._runs(study, keys)]
        with ThreadPoolExecutor(8) as pool:  # over http nearly all of the time is waiting
            return list(pool.map(partial(reading.stored_cell, self.client, self.results), runs))

    def stamps(self, study: str, keys: Mapping[str, int]) -> dict[str, dict[str, Any]]:
        """key -> what says which run a finished cell is and what its files hold, in the order of `keys`;
        of cells whose files are whole."""
        runs = dict(self.runs.finished(study, keys))
        broken = {tag(run, "key") for run, _ in retiring.damaged(self.results, study, runs.values())}
        return {key: reading.stamp(runs[key]) for key in keys if key in runs and key not in broken}

    def version(self, study: str, until: int | None = None, first: bool = False) -> list[StoredCell]:
        """The study's finished cells as they once were, one for each problem, optimizer and batch strategy.

        An experiment file that changes leaves cells of several versions under one name: of those finished
        `until` then (milliseconds since 1970) the last counts, or the `first`.
        """
        keys: dict[tuple[str, ...], str] = {}
        for key, run in self.runs.finished(study):
            if until is None or run.info.end_time <= until:
                axes = tuple(run.data.tags[name] for name in ("dataset", "network", "optimizer", "batch"))
                keys[axes] = keys.get(axes, key) if first else key
        return self.read(study, [*keys.values()])

    def find(self, reference: str) -> finding.NamedRun:
        """The trial's or cell's run named by an id, the start of one, or an address of its page in MLflow.

        StoreError where it names none, several, or a run that this program did not make.
        """
        return finding.find(self.client, [*self.runs.experiments().values()], reference)

    def definition(self, run_id: str) -> str:
        """The `Cell.definition` of the cell in run `run_id`."""
        return self._read(run_id, artifacts.CELL, _text)

    def data(self, run_id: str) -> Raw | None:
        """The data of the cell in run `run_id`, where they are somebody's own and small."""
        with suppress(StoreError):
            return self._read(run_id, artifacts.DATA, kept.load)
        return None

    def states(self, run_id: str) -> dict[int, np.ndarray]:
        """trial -> (P,) last finite parameters of the diverged trials of the cell in run `run_id`."""
        return self._read(run_id, artifacts.STATES, artifacts.load_states)

    def log_study(
        self,
        study: str,
        text: str,
        provenance: dict[str, str],
        files: Path | None = None,
        keys: Collection[str] | None = None,
    ) -> str:
        """Store the study's experiment file, its provenance, the folder of its report and its cells' keys, in
        their order; the run's id.

        A study has one such run, which holds the latest of each: a report can be made again from the
        cells, so its history is not kept. Nothing is written where all of it is there.
        """
        with suppress(LockedError):  # whoever is writing it has its paths in order
            self._hold(study)
        run = self._study_run(study) or self.client.create_run(
            self._experiment(study, CELLS),
            tags={"kind": "study", "study": study},
            run_name=f"{study}: experiment file and report",
        )
        if study_runs.log(self.client, self.results, run, StudyContent(text, provenance, files, keys)):
            self._annotate(study)
        return str(run.info.run_id)

    def studies(self) -> list[StudyInfo]:
        """Every study in the store, by name."""
        return [self._info(name) for name in self.names()]

    def names(self) -> list[str]:
        """The names of the studies, in order."""
        whole = [name for name in self.runs.experiments() if name.endswith(f"/{CELLS}")]
        return sorted(name.removesuffix(f"/{CELLS}") for name in whole)

    def is_logged(self, study: str) -> bool:
        """Whether the store has the study's experiment file and provenance."""
        return self._study_run(study) is not None

    def study_text(self, study: str) -> str:
        """The text of the study's experiment file; StoreError when the store has none."""
        return self._study_file(study, study_runs.EXPERIMENT)

    def study_keys(self, study: str) -> tuple[str, ...] | None:
        """The keys of the study's cells in their order; None where they were not stored."""
        try:
            return tuple(json.loads(self._study_file(study, study_runs.KEYS)))
        except StoreError:
            return None

    def study_provenance(self, study: str) -> dict[str, str]:
        """What the study was last logged with; StoreError when the store does not have it."""
        return dict(json.loads(self._study_file(study, study_runs.PROVENANCE)))

    def settle(self) -> None:
        """Have MLflow find the files of all studies that nobody is writing, wherever the results are now."""
        if self.engine is None:
            return
        for name in self.names():
            with suppress(StoreError), closing(hold(name, self.engine, self.results)):
                moved.settle(self.engine, self.results, name)

    def finish(self) -> None:
        """After writing: refresh the notes and views of the studies written, and SQLite's statistics.

        With those, MLflow sorts ten thousand runs in 0.1 s instead of 8.
        """
        for study in self._locks:
            retiring.unfinished(self.runs, study)
            self._annotate(study)
        if self.engine is not None and self.engine.dialect.name == "sqlite":
            with self.engine.connect() as db:
                db.exec_driver_sql("ANALYZE")
                db.commit()
                db.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Let go of the locks and of the database."""
        for lock in self._locks.values():
            lock.close()
        self._locks.clear()
        if self.engine is not None:
            self.engine.dispose()

    def _hold(self, study: str) -> None:
        if study in self._locks:
            self._locks[study].check()
            return
        lock = hold(study, self.engine, self.results)
        try:
            if self.engine is not None:
                moved.settle(self.engine, self.results, study)
            self.runs.refuse_changed(study)
        except BaseException:
            lock.close()
            raise
        self._locks[study] = lock

    def _experiment(self, study: str, part: str) -> str:
        """The id of one of the study's experiments, which is made if it is not there."""
        known = self.runs.experiment(study, part)
        if known is not None:
            return known
        # A server says itself where artifacts go; a database has nobody to ask but this process.
        folder = None if self.engine is None else (self.results / ARTIFACTS / study).as_uri()
        made = self.runs.create(study, part, folder)
        self._annotate(study, [part])
        return made

    def _read(self, run_id: str, name: str, reader: Callable[[Path], T]) -> T:
        return reading.read_with(self.client, self.results, self.client.get_run(run_id), name, reader)

    def _study_run(self, study: str) -> Run | None:
        runs = self.runs.search(study, CELLS, "tags.kind = 'study'")
        return runs[0] if runs else None

    def _study_file(self, study: str, name: str) -> str:
        run = self._study_run(study)
        if run is None:
            known = ", ".join(self.names()) or "none"
            raise StoreError(
                f"the store has no experiment file of {study!r}, which its first report would have added: "
                f"name the file instead (stored: {known})"
            )
        return self._read(run.info.run_id, name, _text)

    def _info(self, study: str) -> StudyInfo:
        cells, trials = 0, 0.0
        optimizers: dict[str, None] = {}
        batches: dict[str, None] = {}
        for run in self._runs(study):
            cells, trials = cells + 1, trials + run.data.metrics["trials"]
            optimizers[run.data.tags["optimizer"]] = batches[run.data.tags["batch"]] = None
        own = self._study_run(study)
        run_id = None if own is None else own.info.run_id
        parts = self.runs.parts(study)
        return StudyInfo(study, cells, int(trials), parts, tuple(optimizers), tuple(batches), run_id)

    def _runs(self, study: str, keys: Collection[str] | None = None) -> Iterator[Run]:
        """The runs of the study's finished cells."""
        return (run for _, run in self.runs.finished(study, keys))

    def _annotate(self, study: str, parts: Collection[str] | None = None) -> None:
        """Put the ready-made views, and a note with links to them, on the study's experiments."""
        info = self._info(study)
        for part in info.experiments if parts is None else parts:
            tags = [view.tag() for view in views.offered(info, part)]
            for name, value in (*tags, ("mlflow.note.content", views.note(info, part))):
                self.client.set_experiment_tag(info.experiments[part], name, value)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
