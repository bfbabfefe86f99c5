"""What is compiled for a run is kept on disk, and not by the process that starts its workers."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from overshoot.core.compiled import build
from overshoot.study.execution.compiling import _compile, compile_for
from tests.builders import cell


@pytest.mark.slow
def test_what_will_run_is_compiled_once_and_not_held_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OVERSHOOT_CACHE", str(tmp_path))

    def pieces(*optimizers: str) -> list[str]:
        compile_for([cell(optimizer=name) for name in optimizers], Console())
        return sorted({name.rpartition("_")[0] for name in build.kept()})

    before = build.compiled.cache_info()
    assert pieces("muon") == [], "it trains with NumPy"
    assert "compiled" not in capsys.readouterr().out
    made = pieces("muon", "sgd")
    assert made == ["activate", "advance", "advance_trials", "loss_delta", "slope", "update"]
    assert "compiled for this machine in" in capsys.readouterr().out
    assert pieces("sgd") == made
    assert "compiled" not in capsys.readouterr().out
    assert build.compiled.cache_info() == before


def test_what_cannot_be_compiled_is_left_to_the_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise ValueError("gone")

    monkeypatch.setattr("overshoot.study.execution.compiling.ready", gone)
    assert _compile(cell(), "half_mse", "units") is False
