"""A stored study as tidy tables, whose rows say what they are of."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from overshoot import study
from overshoot.study.cli import main
from overshoot.study.phases.cell import run_cell
from overshoot.study.tracking import StoreError, open_store
from tests.builders import cell


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a study of two cells."""
    folder = tmp_path_factory.mktemp("tables")
    cells = [cell("iris", name) for name in ("adam", "sgd")]
    with closing(open_store(folder)) as store:
        for one in cells:
            store.write("mine", run_cell(one))
        store.log_study("mine", 'name = "mine"\n', {}, None, [one.key for one in cells])
    return folder


def test_every_row_says_what_it_is_of_and_the_tables_join(results: Path) -> None:
    tables = study.load("mine", results)
    assert list(tables.cells["optimizer"]) == ["adam", "sgd"]
    assert list(tables.cells["trials"]) == [sum(tables.trials["key"] == key) for key in tables.cells["key"]]
    assert set(tables.trials["batch"]) == {"16"}
    joined = tables.curves.merge(tables.trials, on=["key", "trial"], validate="many_to_one")
    assert len(joined) == len(tables.curves)


@pytest.mark.parametrize(("kind", "read"), [("parquet", pd.read_parquet), ("csv", pd.read_csv)])
def test_exported_tables_are_the_tables(kind: str, read: object, results: Path, tmp_path: Path) -> None:
    asked = ["export", "mine", "--format", kind, "--to", str(tmp_path), "--results", str(results)]
    assert main(asked) == 0
    trials = study.load("mine", results).trials
    back = read(tmp_path / f"trials.{kind}")
    assert list(back.columns) == list(trials.columns)
    assert back["rate"].to_numpy() == pytest.approx(trials["rate"].to_numpy(), rel=1e-15)


def test_a_study_that_is_not_stored_is_named_with_those_that_are(results: Path) -> None:
    with pytest.raises(StoreError, match=r"'mein'.*stored: mine"):
        study.load("mein", results)
