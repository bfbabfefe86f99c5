"""A stored study as tidy tables, whose rows say what they are of."""

from __future__ import annotations

import json
import sys
import urllib.request
from contextlib import closing
from pathlib import Path

import optuna
import pandas as pd
import pytest

from overshoot import study
from overshoot.study.cli import main
from overshoot.study.phases.cell import run_cell
from overshoot.study.tracking import StoreError, open_store
from tests.builders import cell
from tests.tracking.serving import free_ports, started


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


@pytest.fixture(scope="module")
def searches(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("searches")
    asked = ["export", "mine", "--format", "optuna", "--to", str(folder), "--results", str(results)]
    assert main(asked) == 0
    assert main(asked) == 0, "once more, over what is there"
    return folder / "searches.log"


def test_searches_are_optuna_studies_with_every_rate(results: Path, searches: Path) -> None:
    backend = optuna.storages.journal.JournalFileBackend(str(searches))
    storage = optuna.storages.JournalStorage(backend)
    names = optuna.get_all_study_names(storage)
    assert len(names) == 2 * 3
    tables = study.load("mine", results)
    searched = tables.trials[tables.trials["phase"] == "search"]
    columns = {"training": "q_end", "validation": "validation_loss", "speed": "hit_0.1"}
    for name in names:
        made = optuna.load_study(study_name=name, storage=storage)
        optimizer, claim = "adam" if " adam " in name else "sgd", name.rpartition(" ")[2]
        own = searched[searched["optimizer"] == optimizer]
        assert {trial.params["lr"] for trial in made.trials} == set(own["rate"])
        told = {t.params["lr"]: 10**t.value for t in made.trials if t.value is not None}
        lasted = own.groupby("rate")["outcome"].agg(lambda outcomes: bool((outcomes != "diverged").all()))
        known = [rate for rate in told if lasted[rate]]
        assert len(known) > 1
        medians = own.groupby("rate")[columns[claim]].median()
        assert [told[rate] for rate in known] == pytest.approx([max(medians[rate], 1e-6) for rate in known])
        gone = own.groupby("rate")["outcome"].agg(lambda outcomes: float((outcomes == "diverged").mean()))
        assert not told.keys() & set(gone[gone >= 0.5].index)
        tuned = tables.cells.set_index("optimizer").loc[optimizer, f"tuned_rate_{claim}"]
        assert made.user_attrs["tuned_rate"] == tuned
        reached = own.groupby("rate")["outcome"].agg(lambda outcomes: float((outcomes == "converged").mean()))
        assert told[tuned] <= 1.05 * min(told[rate] for rate in told if reached[rate] > 0.5 or rate == tuned)


@pytest.mark.slow
def test_the_dashboard_shows_them(searches: Path, tmp_path: Path) -> None:
    port = free_ports(1).start
    command = [str(Path(sys.executable).parent / "optuna-dashboard"), str(searches), "--port", str(port)]
    address = f"http://127.0.0.1:{port}/api/studies"
    with started(command, address, {}, tmp_path / "log"), urllib.request.urlopen(address) as answer:
        assert len(json.load(answer)["study_summaries"]) == 2 * 3
