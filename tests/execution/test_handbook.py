"""The handbook's commands exist, and the script for array jobs does what it says."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from overshoot.study.cli import RUN
from overshoot.study.commands.parser import parser
from overshoot.study.tracking import open_store
from tests.execution.test_processes import EXPERIMENT

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "docs" / "array.sh"
COMMANDS = re.findall(r"^\.venv/bin/overshoot (.+)$", (ROOT / "docs/scale.md").read_text("utf-8"), re.M)


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_are_understood(command: str) -> None:
    parser("", RUN).parse_args(shlex.split(command))


def test_the_script_is_one_that_a_batch_system_reads() -> None:
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    lines = SCRIPT.read_text(encoding="utf-8").splitlines()
    options = [i for i, line in enumerate(lines) if line.startswith("#SBATCH ")]
    first = next(i for i, line in enumerate(lines) if line and not line.startswith("#"))
    assert lines[0].startswith("#!")
    assert max(options) < first, "sbatch reads no options after the first command"
    assert all(re.fullmatch(r"#SBATCH --[a-z-]+(=\S+)?", lines[i]) for i in options)


@pytest.mark.slow
def test_the_script_runs_its_part(tmp_path: Path) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text(EXPERIMENT)
    variables = {"SLURM_ARRAY_TASK_ID": "2", "SLURM_ARRAY_TASK_COUNT": "4", "RESULTS": str(tmp_path)}
    for _ in range(2):  # and once more, as after a stop
        done = subprocess.run(
            ["bash", str(SCRIPT), str(file)],
            env=os.environ | variables,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=600,
        )
    assert "2 cells, 2 stored, 0 to run" in done.stdout
    with closing(open_store(tmp_path / "shard-2", reading=True)) as store:
        assert len(store.read("interrupted")) == 2
    alone = subprocess.run(["bash", str(SCRIPT), str(file)], cwd=ROOT, capture_output=True, text=True)
    assert "this runs as a task of an array" in alone.stderr
