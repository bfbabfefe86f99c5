"""The quick study, run and reported once for all processes of a test run."""

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


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of the quick study."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "audited"
    with one_at_a_time(folder.with_suffix(".lock")):
        if not (folder / "quick" / "report.md").exists():
            command = ["-m", "study", "run", "experiments/quick.toml", "--results", str(folder)]
            done = subprocess.run(
                [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def cells(results: Path) -> list[StoredCell]:
    with closing(open_store(results, reading=True)) as store:
        return store.read("quick")
