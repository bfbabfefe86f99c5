"""A stored study needs nothing but its store: its data may move, change or go away."""

from __future__ import annotations

from pathlib import Path

import pytest

from overshoot.study.cli import main
from overshoot.study.problems import datasets, kept
from overshoot.study.tracking import open_store
from tests.problems.files import TEXT, own, with_target, write

EXPERIMENT = """
name = "mine"
optimizers = ["sgd"]
batches = ["full"]
[rates]
low = 0.1
high = 10
per_decade = 1
[budget]
examples = 1
epochs = 10
[search]
trials = 2
[confirm]
replicates = 2
[networks.linear]
hidden = []
[[problems]]
datasets = [{ name = "csv", path = "data.csv", target = "y", label = "houses" }]
network = "linear"
"""


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """The store of a small study whose data are gone."""
    monkeypatch.setattr(datasets, "KEPT", {})
    write(tmp_path, TEXT)
    write(tmp_path, EXPERIMENT, "mine.toml")
    folder = tmp_path / "results"
    assert main(["run", str(tmp_path / "mine.toml"), "--results", str(folder), "--workers", "1"]) == 0
    assert "houses: regression; 60 rows" in capsys.readouterr().out
    (tmp_path / "data.csv").unlink()
    return folder


def asked(results: Path, *arguments: str) -> int:
    return main([*arguments, "--results", str(results)])


def trial(results: Path) -> str:
    store = open_store(results, reading=True)
    try:
        [cell] = store.read("mine")
        return str(cell.trials["run_id"].iloc[0])
    finally:
        store.close()


@pytest.mark.slow
def test_a_study_whose_data_are_gone_is_reported_compared_and_explained(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, run = str(tmp_path / "mine.toml"), trial(results)
    for command in (["report", "mine"], ["report", file], ["compare", "mine", file], ["explain", run]):
        assert asked(results, *command) == 0, capsys.readouterr().err
    assert "explained/" in capsys.readouterr().out
    assert "houses" in (results / "mine" / "report.md").read_text(encoding="utf-8")
    write(tmp_path, with_target([str(i) for i in range(60)]))  # other data under the name
    assert asked(results, "explain", run) == 0


@pytest.mark.slow
def test_large_data_that_are_gone_are_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(kept, "LARGEST", 100)
    results = request.getfixturevalue("results")
    assert asked(results, "explain", trial(results)) == 2
    said = capsys.readouterr().err
    assert "data.csv: it cannot be read: No such file" in said
    assert "bring it back as it was" in said
    assert said.count("\n") == 1


def test_kept_data_are_the_data(tmp_path: Path) -> None:
    chosen = own(write(tmp_path, TEXT), missing="mean")
    kept.save(chosen, tmp_path / "data.npz")
    raw, back = datasets.raw_of(chosen), kept.load(tmp_path / "data.npz")
    assert back.digest == raw.digest
    assert (back.inputs, back.scaling, back.notes) == (raw.inputs, raw.scaling, raw.notes)
