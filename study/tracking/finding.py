"""Find one run by what a user has of it: its id, the start of it, or the address of its page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from overshoot.core.names import suggest
from overshoot.study.tracking.errors import StoreError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

SHORTEST = 4
SHOWN = 3


@dataclass(frozen=True)
class NamedRun:
    """A run of this program. kind: "trial" or "cell"; key: of its cell; study: whose it is."""

    run_id: str
    name: str
    kind: str
    study: str
    key: str


def find(client: MlflowClient, experiments: Sequence[str], reference: str) -> NamedRun:
    """The run in one of the `experiments` that `reference` names; StoreError where it names none, or many."""
    run = _by_id(client, experiments, _id(reference))
    tags, name = run.data.tags, f"run {run.info.run_id} ({run.info.run_name})"
    kind = tags.get("kind")
    if kind == "study":
        raise StoreError(
            f"{name} holds the experiment file of {tags['study']!r}: expected the run of a trial or a cell"
        )
    if kind not in ("trial", "cell"):
        raise StoreError(f"{name} was made by another program: expected the run of a trial or a cell")
    if run.info.lifecycle_stage == "deleted":
        raise StoreError(f"{name} is deleted: restore it in MLflow, or name another run")
    key = tags["cell"] if kind == "trial" else tags["key"]
    return NamedRun(run.info.run_id, run.info.run_name, kind, tags["study"], key)


def _id(reference: str) -> str:
    """The id, or its start, in what the user gave."""
    text = reference.strip().lower()
    whole = list(dict.fromkeys(re.findall(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])", text)))
    if len(whole) == 1:
        return whole[0]
    if re.fullmatch(rf"[0-9a-f]{{{SHORTEST},31}}", text):
        return text
    raise StoreError(
        f"expected the id of a run (32 of 0-9 and a-f), at least its first {SHORTEST} digits, or the address "
        f"of its page in MLflow, got {reference!r}"
    )


def _by_id(client: MlflowClient, experiments: Sequence[str], start: str) -> Run:
    from mlflow.exceptions import MlflowException

    if len(start) == 32:
        try:
            return client.get_run(start)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise StoreError(f"run {start} cannot be read: {error}") from error
            raise StoreError(f"no run {start} in the store{_nearest(client, experiments, start)}") from None
    runs = _starting(client, experiments, start, SHOWN + 1)
    if len(runs) == 1:
        return runs[0]
    if not runs:
        raise StoreError(
            f"no run in the store has an id that starts with {start}{_nearest(client, experiments, start)}"
        )
    some = ", ".join(f"{run.info.run_id} ({run.info.run_name})" for run in runs[:SHOWN])
    more = " and others" if len(runs) > SHOWN else ""
    raise StoreError(f"several runs have ids that start with {start}, give more digits: {some}{more}")


def _starting(client: MlflowClient, experiments: Sequence[str], start: str, most: int) -> list[Run]:
    where = f"attributes.run_id LIKE '{start}%'"
    return list(client.search_runs(list(experiments), where, max_results=most))


def _nearest(client: MlflowClient, experiments: Sequence[str], start: str) -> str:
    """A hint at the id most like this one, of those that begin as it does."""
    for length in range(28, 0, -4):
        if length < len(start) and (runs := _starting(client, experiments, start[:length], 100)):
            return suggest(start, [run.info.run_id for run in runs])
    return ""
