"""What a run needs of memory is said before, and held against what is free."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from overshoot.study.cli import main
from overshoot.study.execution.engine import EngineError
from overshoot.study.execution.memory import free, peak, refuse_short, together
from overshoot.study.spec import parse
from tests.experiment.test_spec import GOOD

CELLS = parse(GOOD, "tiny.toml").cells
LARGE = parse(GOOD.replace("hidden = []", "hidden = [3_000_000]"), "tiny.toml").cells

RUN = """
import sys
from pathlib import Path
from overshoot.study.phases.cell import run_cell
from overshoot.study.spec import parse
run_cell(parse(sys.stdin.read(), "tiny.toml").cells[0])
lines = Path("/proc/self/status").read_text().splitlines()
print(1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")))
"""
"""Not by getrusage, whose largest size begins with that of the process that started this one."""


def test_memory_grows_with_what_is_trained() -> None:
    assert peak(LARGE[0]) > 2 * 2**30 > 2**30 > peak(CELLS[0])
    assert together(CELLS, 2) > together(CELLS, 1) > peak(CELLS[0])


@pytest.mark.slow
def test_a_cell_takes_no_more_than_was_said() -> None:
    text = GOOD.replace("hidden = []", "hidden = [3000]") + "[search]\ntrials = 2\n[budget]\nexamples = 500\n"
    for _ in range(2):  # the first may have to compile, which a run does before its workers start
        done = subprocess.run(
            [sys.executable, "-c", RUN], input=text, capture_output=True, text=True, check=True
        )
    said, took = peak(parse(text, "tiny.toml").cells[0]), int(done.stdout)
    assert took < said < 3 * took


def test_a_run_that_does_not_fit_is_refused_with_the_number_and_the_way_on() -> None:
    refuse_short(CELLS, 8, None)
    refuse_short(CELLS, 2, together(CELLS, 2))
    with pytest.raises(EngineError, match=r"about 1\.\d GiB of memory on 3 workers.*use --workers 2"):
        refuse_short(CELLS, 3, together(CELLS, 2))
    with pytest.raises(EngineError, match=r"the largest cell, ill_conditioned.* takes about \d+\.\d GiB"):
        refuse_short(LARGE, 2, 2**30)
    assert (free() or 2**30) > 2**20


def test_the_cache_of_files_is_free_and_the_tightest_group_counts(tmp_path: Path) -> None:
    proc, groups = tmp_path / "proc", tmp_path / "groups"
    (proc / "self").mkdir(parents=True)
    (proc / "meminfo").write_text("MemTotal: 9000 kB\nMemAvailable: 8000 kB\n")
    (proc / "self/cgroup").write_text("4:memory:/other\n0::/jobs/mine\n")
    assert free(proc, groups) == 8_192_000
    for path, limit, used, cache in (("jobs", "7000000", 6_000_000, 2_500_000), ("jobs/mine", "max", 9, 0)):
        (groups / path).mkdir(parents=True)
        (groups / path / "memory.max").write_text(f"{limit}\n")
        (groups / path / "memory.current").write_text(f"{used}\n")
        stat = f"anon 1\nshmem 5\ninactive_file {cache}\nactive_file 7\nslab_reclaimable 3\n"
        (groups / path / "memory.stat").write_text(stat)
    assert free(proc, groups) == 1_000_000 + 2_500_010
    (groups / "jobs/mine/memory.max").write_text("2000000\n")
    assert free(proc, groups) == 2_000_000 - 9 + 10
    (proc / "self/cgroup").write_text("0::/../elsewhere\n")
    assert free(proc, groups) == 8_192_000


def test_estimate_says_it_and_run_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "large.toml"
    file.write_text(GOOD.replace("hidden = []", "hidden = [900_000_000]"))
    assert main(["estimate", str(file), "--workers", "2"]) == 0
    assert "GiB of memory" in capsys.readouterr().out
    assert main(["run", str(file), "--results", str(tmp_path / "results"), "--workers", "2"]) == 3
    assert "are free" in capsys.readouterr().err
