"""Which runs and experiments a store has, by what they are of: pages of MLflow's answers joined to lists."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from overshoot.study.tracking.errors import StoreError
from overshoot.study.tracking.views import CELLS

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Experiment, Run

PAGE = 1000

PART = "overshoot.part"
"""The tag by which an experiment is known whatever its name becomes: the name that it was made with."""


class Runs:
    """The runs and experiments of the store that a client is connected to."""

    def __init__(self, client: MlflowClient) -> None:
        self.client = client
        self._ids: dict[str, str] = {}

    def experiments(self) -> dict[str, str]:
        """name -> id of every experiment in the store."""
        return {e.name: e.experiment_id for e in self._all_experiments()}

    def search(self, study: str, part: str, where: str) -> list[Run]:
        """Runs of one of the study's experiments, the oldest first; none when there is no experiment."""
        return list(self._each(study, part, where))

    def _each(self, study: str, part: str, where: str) -> Iterator[Run]:
        """The same, a page at a time in memory. The runs must stay those that they are meanwhile."""
        name = f"{study}/{part}"
        experiment = self._ids.get(name) or self.experiments().get(name)
        token = None
        while experiment is not None:
            page = self.client.search_runs(
                [experiment],
                where,
                max_results=PAGE,
                order_by=["attributes.start_time ASC"],
                page_token=token,
            )
            yield from page
            token = page.token
            if not token:
                break

    def finished(self, study: str, keys: Collection[str] | None = None) -> Iterator[tuple[str, Run]]:
        """key and run of each of the study's finished cells, of those in `keys` where it is given.

        One after the other: the runs of a hundred thousand cells together take gigabytes.
        """
        left = None if keys is None else set(keys)
        seen: set[str] = set()
        for run in self._each(study, CELLS, "tags.kind = 'cell' and attributes.status = 'FINISHED'"):
            key = tag(run, "key")
            if key not in seen and (left is None or key in left):  # of two with one key, the older counts
                seen.add(key)
                yield key, run

    def parts(self, study: str) -> dict[str, str]:
        """part -> id of the study's experiments, by name."""
        return {
            name.removeprefix(f"{study}/"): experiment
            for name, experiment in sorted(self.experiments().items())
            if name.startswith(f"{study}/")
        }

    def experiment(self, study: str, part: str) -> str | None:
        """The id of one of the study's experiments, which is remembered; None where it is not there."""
        name = f"{study}/{part}"
        if name not in self._ids and (known := self.experiments().get(name)) is not None:
            self._ids[name] = known
        return self._ids.get(name)

    def create(self, study: str, part: str, folder: str | None) -> str:
        """Make one of the study's experiments; its id, also where it is there since an answer was lost."""
        from mlflow.exceptions import MlflowException

        name = f"{study}/{part}"
        try:
            self._ids[name] = self.client.create_experiment(name, folder, {PART: name})
        except MlflowException as error:
            made = self.experiments().get(name) if error.error_code == "RESOURCE_ALREADY_EXISTS" else None
            if made is None:
                raise StoreError(f"the MLflow experiment {name} could not be created: {error}") from error
            self._ids[name] = made
        return self._ids[name]

    def refuse_changed(self, study: str) -> None:
        """StoreError where one of the study's experiments was deleted or renamed in MLflow."""
        from mlflow.entities import ViewType

        for experiment in self._all_experiments(ViewType.DELETED_ONLY):
            if experiment.name.startswith(f"{study}/"):
                raise StoreError(
                    f"the MLflow experiment {experiment.name!r} is in MLflow's trash: restore it (mlflow "
                    f"experiments restore --experiment-id {experiment.experiment_id}), purge it with mlflow "
                    "gc, or give the experiment file another name"
                )
        for experiment in self._all_experiments():
            was = experiment.tags.get(PART, experiment.name)
            if was != experiment.name and was.startswith(f"{study}/"):
                raise StoreError(
                    f"the MLflow experiment {was!r} is named {experiment.name!r} now: give it its name back "
                    f"(mlflow experiments rename --experiment-id {experiment.experiment_id} --new-name "
                    f"{was}), or give the experiment file another name"
                )

    def _all_experiments(self, view: int | None = None) -> Iterator[Experiment]:
        from mlflow.entities import ViewType

        token = None
        while True:
            page = self.client.search_experiments(
                view or ViewType.ACTIVE_ONLY, max_results=PAGE, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return


def tag(run: Run, name: str) -> str:
    """A tag of a run that this program made; StoreError where it has none."""
    try:
        return str(run.data.tags[name])
    except KeyError:
        raise StoreError(
            f"run {run.info.run_id} ({run.info.run_name}) has lost its tag {name!r}, by which its cell is "
            "known: delete this run in MLflow, and run the experiment again"
        ) from None
