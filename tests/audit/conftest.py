"""Studies that are run once for all processes of a test run: the quick one, with its report, and one of six
problems, enough for verdicts over problems."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from overshoot.study.tracking import StoredCell, open_store
from overshoot.study.tracking.lock import one_at_a_time

ROOT = Path(__file__).parent.parent.parent


def _run(tmp_path_factory: pytest.TempPathFactory, experiment: Path, *options: str) -> Path:
    """The results folder of an experiment that is run to its end."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, ready = base / f"audited-{experiment.stem}", base / f"{experiment.stem}-ready"
    with one_at_a_time(folder.with_suffix(".lock")):
        if not ready.exists():
            command = ["-m", "study", "run", str(experiment), "--results", str(folder), *options]
            done = subprocess.run(
                [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            ready.touch()
    return folder


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of the quick study."""
    return _run(tmp_path_factory, ROOT / "experiments" / "quick.toml")


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[StoredCell]:
    """The cells of six problems."""
    folder = _run(tmp_path_factory, Path(__file__).with_name("verdicts.toml"), "--no-report")
    with closing(open_store(folder, reading=True)) as store:
        return store.read("verdicts")


@pytest.fixture(scope="session")
def cells(results: Path) -> list[StoredCell]:
    with closing(open_store(results, reading=True)) as store:
        return store.read("quick")
