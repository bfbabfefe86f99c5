"""The run that a study has beside those of its cells: its experiment file, its provenance, its report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from overshoot.study.files import inside
from overshoot.study.tracking import artifacts, moved

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

EXPERIMENT = "experiment.toml"
PROVENANCE = "provenance.json"
KEYS = "cells.json"
REPORT = "report"

CONTENT = "content"
"""The tag with the hash of all that was logged."""

UPLOADING = ".artifact.uploading.*"
"""Files that MLflow leaves where it is killed while it writes an artifact."""


@dataclass(frozen=True)
class StudyContent:
    """text: of the experiment file. files: the folder of the report, None for none. keys: of the study's
    cells, in their order, None where they are not known."""

    text: str
    provenance: Mapping[str, str]
    files: Path | None
    keys: Collection[str] | None

    @property
    def digest(self) -> str:
        """The hash of all of it."""
        whole = [self.text, dict(self.provenance), self._hashes, None if self.keys is None else [*self.keys]]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()

    @property
    def _hashes(self) -> list[tuple[str, str]]:
        if self.files is None:
            return []
        paths = sorted(path for path in self.files.rglob("*") if path.is_file())
        return [(str(path.relative_to(self.files)), artifacts.digest(path)) for path in paths]


def log(client: MlflowClient, results: Path, run: Run, content: StudyContent) -> bool:
    """Have the study's run hold this content instead of what it held; whether anything had to be written."""
    home = _cleared(results, run)
    digest = content.digest
    here = content.files is None or home is None or (home / REPORT).is_dir()
    if here and run.data.tags.get(CONTENT) == digest:
        return False
    run_id = run.info.run_id
    client.set_tag(run_id, CONTENT, "")  # what a kill leaves is neither the old nor the new
    client.log_text(run_id, content.text, EXPERIMENT)
    client.log_dict(run_id, dict(content.provenance), PROVENANCE)
    if content.keys is not None:
        client.log_text(run_id, json.dumps([*content.keys]), KEYS)
    for name, value in content.provenance.items():
        client.set_tag(run_id, name, str(value))
    if content.files is not None:
        _replace_report(client, run, content.files)
    client.set_tag(run_id, CONTENT, digest)
    client.set_terminated(run_id)
    return True


def _cleared(results: Path, run: Run) -> Path | None:
    """The run's folder on this machine, without what a kill left in it; None where a server keeps it."""
    home = moved.at_home(results, run.info.artifact_uri)
    if home is not None:
        inside(home, home / REPORT)
        for left in home.glob(UPLOADING):
            left.unlink()
    return home


def _replace_report(client: MlflowClient, run: Run, files: Path) -> None:
    """Log a folder of artifacts in place of the report that was there."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    repository: Any = get_artifact_repository(run.info.artifact_uri, tracking_uri=client.tracking_uri)
    repository.delete_artifacts(REPORT)
    client.log_artifacts(run.info.run_id, str(files), REPORT)
