"""Parts of an experiment for array jobs, and the one store that they become."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overshoot.study.cli import main
from overshoot.study.commands.merge import same
from overshoot.study.execution.cost import cost
from overshoot.study.execution.shard import Shard
from overshoot.study.tracking import StoredCell, open_store
from tests.builders import cell
from tests.execution.test_processes import EXPERIMENT

CELLS = [cell(optimizer=o, batch=b) for o in ("sgd", "momentum", "adam") for b in (None, 1, 16)]


@given(st.integers(1, 12))
def test_every_cell_is_in_one_part(count: int) -> None:
    parts = [Shard(number, count).of(CELLS) for number in range(1, count + 1)]
    assert sorted(c.key for part in parts for c in part) == sorted(c.key for c in CELLS)
    assert all(list(part) == [c for c in CELLS if c in part] for part in parts)


def test_parts_take_about_as_long_as_each_other() -> None:
    seconds = [sum(cost(c).seconds for c in Shard(number, 3).of(CELLS)) for number in (1, 2, 3)]
    assert max(seconds) < 1.5 * min(seconds)


@pytest.mark.parametrize(
    "text", ["", "3", "0/4", "5/4", "-1/4", "1/0", "1.5/4", "1/4/2", "one/two", "9" * 400 + "/1"]
)
def test_a_part_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a part of several, such as 3/100"):
        Shard.parse(text)


def run(file: Path, results: Path, *more: str) -> str:
    command = [sys.executable, "-m", "study", "run", str(file), "--results", str(results), *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=True)
    return done.stdout


def stored(results: Path) -> dict[str, StoredCell]:
    return {c.key: c for c in open_store(results).read("interrupted")}


@pytest.mark.slow
def test_merged_parts_are_the_undivided_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text(EXPERIMENT)
    run(file, tmp_path / "whole", "--no-report")
    for number in (1, 2, 3):
        run(file, tmp_path / f"shard-{number}", "--shard", f"{number}/3")
    shards = [str(tmp_path / f"shard-{number}") for number in (1, 2, 3)]
    assert main(["merge", *shards, "--results", str(tmp_path / "all")]) == 0
    assert "8 cells taken, 0 were there already, 0 conflicts" in capsys.readouterr().out
    whole, merged = stored(tmp_path / "whole"), stored(tmp_path / "all")
    assert set(whole) == set(merged)
    assert all(same(whole[key], merged[key]) for key in whole)
    assert all(whole[key].summary.parts == merged[key].summary.parts for key in whole)
    # Once more, and with the undivided run: all are doubles, and the experiment counts as run.
    assert main(["merge", *shards, str(tmp_path / "whole"), "--results", str(tmp_path / "all")]) == 0
    assert "0 cells taken, 16 were there already" in capsys.readouterr().out
    assert "0 to run" in run(file, tmp_path / "all")
    assert (tmp_path / "all" / "interrupted" / "report.html").is_file()
