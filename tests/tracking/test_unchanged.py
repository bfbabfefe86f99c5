"""A report is written and logged again when anything that it is made of changed, and only then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overshoot.study.phases.results import TRIALS, CellResult
from overshoot.study.pipeline import Account, write_report
from overshoot.study.report import rendering, unchanged
from overshoot.study.spec import Outline
from overshoot.study.tracking import Store, StoreError
from overshoot.study.tracking.study_runs import CONTENT
from tests.planted_cells import planted

FACTS = {"date": "2026-01-02"}


def write(store: Store, **changes: Any) -> Outline:
    cells = [planted("iris", **changes), planted("iris", "adam")]
    for cell in cells:
        if cell.cell.key not in store.finished("demo"):
            store.write("demo", CellResult(cell.cell, cell.trials[[*TRIALS]], cell.curves, {}, cell.summary))
    return Outline("demo", "Demo", "", tuple(cell.cell.key for cell in cells))


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The titles of the reports that were rendered, of which only the title is written: what is tested is
    whether there is work, and the whole of it takes seconds."""
    titles: list[str] = []

    def note(name: str, title: str, study: Any, facts: Any, folder: Path, *_: Any, **__: Any) -> None:
        titles.append(title)
        for file in (folder / "figures" / "a.png", *(folder / name for name in unchanged.FILES[1:])):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(title, encoding="utf-8")

    monkeypatch.setattr(rendering, "render", note)
    return titles


Report = Callable[..., Path]


@pytest.fixture
def report(store: Store, tmp_path: Path) -> Report:
    def make(study: Outline, facts: dict[str, str] | None = None) -> Path:
        return write_report(study, store, tmp_path / "demo", 1, Account(), facts or FACTS)

    return make


def test_a_whole_report_is_unchanged_until_it_is_due(store: Store, report: Report) -> None:
    study = write(store)
    page = report(study)
    written = {path: path.stat().st_mtime_ns for path in page.parent.rglob("*")}
    assert {path.name for path in page.parent.iterdir()} == {*unchanged.FILES}
    report(study)
    assert {path: path.stat().st_mtime_ns for path in page.parent.rglob("*")} == written


def test_what_changed_is_reported_anew_and_nothing_else(
    store: Store, report: Report, rendered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write(store)
    page = report(study)
    [run] = store.runs.search("demo", "cells", "tags.kind = 'study'")
    before = page.read_text(encoding="utf-8")
    logged: list[object] = []
    monkeypatch.setattr(store.client, "log_artifacts", lambda *asked: logged.append(asked))
    assert report(study) == page
    assert (rendered, logged) == (["Demo"], [])

    other = Outline(study.name, "Another", study.text, study.keys)
    report(other)
    report(study)
    report(study, {"date": "2026-01-03"})
    assert rendered == ["Demo", "Another", "Demo", "Demo"]
    assert len(logged) == 3
    report(study)
    assert page.read_text(encoding="utf-8") == before
    assert store.client.get_run(run.info.run_id).data.tags[CONTENT] == run.data.tags[CONTENT]


@pytest.mark.parametrize("name", ["report.html", "figures/a.png"])
def test_a_report_that_was_edited_or_lost_a_file_is_made_again(
    store: Store, report: Report, rendered: list[str], name: str
) -> None:
    study = write(store)
    file = report(study).parent / name
    content = file.read_bytes()
    file.write_bytes(content + b" ")
    report(study)
    file.unlink()
    report(study)
    assert len(rendered) == 3
    assert file.read_bytes() == content


def test_other_code_makes_another_report(
    store: Store, report: Report, rendered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = write(store)
    report(study)
    monkeypatch.setattr(unchanged, "code_hash", lambda *_: "another")
    report(study)
    assert len(rendered) == 2


def test_a_damaged_cell_is_no_unchanged_report(
    store: Store, results: Path, report: Report, rendered: list[str]
) -> None:
    study = write(store)
    report(study)
    for file in results.rglob("trials.parquet"):
        file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(StoreError, match="is damaged"):
        report(study)


def test_a_cell_that_is_stored_anew_is_reported_anew(
    store: Store, report: Report, rendered: list[str]
) -> None:
    study = write(store)
    report(study)
    [first, *_] = study.keys
    store.client.delete_run(store.finished("demo")[first])
    report(write(store, sweep={1e-3: 0.9, 1e-2: 0.2, 1e-1: 0.02, 1.0: 0.05}))
    assert len(rendered) == 2
