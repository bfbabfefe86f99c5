"""A new experiment: for a file of one's own, or a template; it runs as it is."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from overshoot.study.cli import main
from overshoot.study.spec import load
from tests.problems.files import TEXT, with_column, write


def test_a_new_experiment_for_a_file_says_what_was_understood_and_is_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path, with_column("kind", ["x", "y", "z"] * 20), "houses in town.csv")
    asked = ["new", "houses in town.csv", "--target", "y", "--categories", "onehot", "--drop", "b"]
    assert main(asked) == 0
    assert "experiment: houses in town.toml" in capsys.readouterr().out
    path = tmp_path / "houses in town.toml"
    text = path.read_text(encoding="utf-8")
    assert "# csv(" in text
    entry = tomllib.loads(text)["problems"][0]["datasets"][0]
    assert entry == {
        "name": "csv",
        "path": "houses in town.csv",
        "target": "y",
        "categories": "onehot",
        "drop": ["b"],
    }
    experiment = load(path)
    assert experiment.name == "houses-in-town"
    assert len(experiment.cells) == 2 * 3 * 3
    assert main(asked) == 2
    assert "it exists already" in capsys.readouterr().err


def test_the_template_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new"]) == 0
    assert {cell.dataset.name for cell in load(Path("new.toml")).cells} == {"iris"}


def test_a_file_that_cannot_be_learnt_from_leaves_no_experiment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, TEXT)
    assert main(["new", str(file), "--target", "z", "--to", str(tmp_path / "new.toml")]) == 2
    assert "no column 'z'" in capsys.readouterr().err
    assert not (tmp_path / "new.toml").exists()
