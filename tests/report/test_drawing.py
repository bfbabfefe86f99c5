"""Drawings are kept by what they show: the same again is not drawn, anything else is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from overshoot.study.analysis import gather
from overshoot.study.analysis.study_tables import AHEAD
from overshoot.study.execution.processes import Pool
from overshoot.study.report import render
from tests.planted_cells import planted


def figures(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (folder / "figures").iterdir()}


def report(folder: Path, kept: Path | None, **changes: Any) -> str:
    cells = [planted(**changes), planted(optimizer="adam")]
    return render("x", "x", gather(cells), {}, folder, workers=1, drawings=kept).read_text(encoding="utf-8")


def test_a_second_report_draws_nothing_and_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = report(tmp_path / "plain", None)
    assert report(tmp_path / "first", tmp_path / "kept") == plain
    started: list[int] = []
    start = Pool.start

    def counted(pool: Pool, work: Sequence[Callable[[], Any]]) -> Callable[[], list[Any]]:
        started.append(len(work))
        return start(pool, work)

    monkeypatch.setattr(Pool, "start", counted)
    assert report(tmp_path / "second", tmp_path / "kept") == plain
    before = 1 + len(AHEAD)
    assert not any(started[before:]), "one worker imports, and makes tables; there is nothing to draw"
    assert len(started) > 3, "pictures are drawn while others are not known yet"
    assert figures(tmp_path / "second") == figures(tmp_path / "plain")


def test_what_changed_is_drawn_anew_and_what_is_not_used_is_deleted(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    report(tmp_path / "a", kept)
    before = {file.name for file in kept.iterdir()}
    changed = {"sweep": {1e-3: 0.9, 1e-2: 0.2, 1e-1: 0.02, 1.0: 0.05}}
    assert report(tmp_path / "b", kept, **changed) == report(tmp_path / "c", None, **changed)
    after = {file.name for file in kept.iterdir()}
    assert before - after
    assert after - before


@pytest.mark.parametrize("damage", [b"[1, 2]", b"\xff"])
def test_a_damaged_drawing_is_drawn_anew(damage: bytes, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    plain = report(tmp_path / "a", kept)
    for file in kept.glob("*.json"):
        file.write_bytes(damage)
    assert report(tmp_path / "b", kept) == plain
