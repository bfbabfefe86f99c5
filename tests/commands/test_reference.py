"""The reference of keys is what the reader checks: nothing more, nothing less."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overshoot.study.cli import main
from overshoot.study.commands.key_reference import keys, markdown
from overshoot.study.experiment.cells import Budget
from overshoot.study.spec import SpecError, parse

FILES = sorted((Path(__file__).parents[2] / "experiments").glob("*.toml"))


def places(tree: dict[str, Any], path: str = "") -> Iterator[str]:
    """Every key of a file, by its place in the reference."""
    for key, value in tree.items():
        if isinstance(value, dict):
            for name, inner in value.items() if key == "networks" else [("", value)]:
                yield from places(inner, f"{path}{key}.NAME." if name else f"{path}{key}.")
            continue
        yield path + key
        if key in ("problems", "batches"):
            for item in value:
                yield from places(item, f"{path}{key}[].") if isinstance(item, dict) else ()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_key_of_our_experiments_is_in_it(file: Path) -> None:
    known = {key.place for key in keys()}
    assert set(places(tomllib.loads(file.read_text(encoding="utf-8")))) <= known


def test_a_key_has_its_default_and_a_required_one_none() -> None:
    known = {key.place: key for key in keys()}
    assert known["budget.epochs"].default == str(Budget().epochs)
    assert known["limit.precision"].kind == "a number above 0 and below 1"
    assert known["budget.evaluations"].kind == "a whole number from 10 to epochs"
    assert known["title"].default == "the name"
    assert known["plugins"].default == "left out"
    assert not [key.place for key in keys() if key.kind == "a list"]
    assert known["optimizers"].default == ""
    assert known["problems[].datasets[].missing (csv)"].kind == "one of refuse, drop, mean"


def test_what_it_calls_required_is_missed_and_the_rest_is_not() -> None:
    with pytest.raises(SpecError) as caught:
        parse("", "empty.toml")
    said = str(caught.value)
    for key in keys():
        if "." not in key.place:
            assert (f"{key.place}: required key is missing" in said) == (key.default == ""), key.place


def test_it_is_a_document_and_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert "## `[networks.NAME]`" in markdown()
    assert main(["list", "keys"]) == 0
    assert "budget.epochs" in capsys.readouterr().out
