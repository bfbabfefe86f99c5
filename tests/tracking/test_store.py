"""What goes into the store comes out of it, and MLflow holds nothing that would mislead a reader."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from overshoot.study.experiment import cells
from overshoot.study.phases.results import CURVES, TRIALS
from overshoot.study.pipeline import Account, write_report
from overshoot.study.spec import Outline
from overshoot.study.tracking import Store, StoreError, open_store
from overshoot.study.tracking.rows import CHART
from overshoot.study.tracking.writers import ClientWriter
from tests.tracking.database import active_runs, query
from tests.tracking.planted_results import LOSSES, planted
from tests.tracking.postgresql import Server
from tests.tracking.serving import environment


def use_client(store: Store) -> None:
    store.writer = ClientWriter(store.client)


@pytest.mark.parametrize("through", ["sql", "client"])
def test_a_cell_comes_back_bit_for_bit(any_store: Store, through: str) -> None:
    if through == "client":
        use_client(any_store)
    result = planted()
    run_id = any_store.write("demo", result)
    [cell] = any_store.read("demo")
    assert (cell.key, cell.run_id) == (result.cell.key, run_id)
    assert list(cell.trials) == [*TRIALS, "run_id"]
    assert list(cell.curves) == list(CURVES)
    for stored, original in ((cell.trials[list(TRIALS)], result.trials), (cell.curves, result.curves)):
        pd.testing.assert_frame_equal(stored, original, check_exact=True)
        for name in original.select_dtypes("float64"):
            assert stored[name].to_numpy().tobytes() == original[name].to_numpy().tobytes()
    assert cell.cell == result.cell
    stored_values, values = cell.summary.flat(), result.summary.flat()
    assert list(stored_values) == list(values)
    for name, value in values.items():
        assert repr(stored_values[name]) == repr(value)
    assert math.isnan(stored_values["usable_width_decades"])
    assert stored_values["sweep_boundary"] == math.inf
    assert (cell.tags["dataset"], cell.tags["batch"]) == ("iris", "32")
    [used] = any_store.client.get_run(run_id).inputs.dataset_inputs
    assert used.dataset.name == "iris"
    states = any_store.states(run_id)
    assert states.keys() == result.states.keys()
    for trial, state in result.states.items():
        assert states[trial].dtype == state.dtype
        assert states[trial].tobytes() == state.tobytes()


def test_a_cell_without_diverged_trials_has_no_states(store: Store) -> None:
    run_id = store.write("demo", planted(names=["descends"]))
    assert store.states(run_id) == {}


@pytest.mark.parametrize("through", ["sql", "client"])
def test_each_trial_knows_its_run(store: Store, through: str) -> None:
    if through == "client":
        use_client(store)
    store.write("demo", planted())
    [cell] = store.read("demo")
    assert cell.trials["run_id"].is_unique
    for trial in cell.trials.to_dict("records"):
        run = store.client.get_run(trial["run_id"])
        assert run.data.tags["outcome"] == trial["outcome"]
        assert float(run.data.params["lr"]) == pytest.approx(trial["rate"], rel=1e-5)


def test_runs_are_where_they_are_browsed(store: Store, results: Path) -> None:
    for dataset in ("iris", "wine"):
        store.write("demo", planted(dataset=dataset, names=["descends"] * 2))
    names = [(experiment, status) for experiment, _, status in active_runs(results)]
    assert names == [
        *[("demo/cells", "FINISHED")] * 2,
        *[("demo/trials/iris", "FINISHED")] * 2,
        *[("demo/trials/wine", "FINISHED")] * 2,
    ]


def test_no_metric_in_the_database_is_infinite_nan_or_off_the_chart(store: Store, results: Path) -> None:
    store.write("demo", planted())
    for table in ("metrics", "latest_metrics"):
        rows = query(results, f"select key, value, is_nan from {table}")
        assert len(rows) > len(LOSSES)
        assert not any(is_nan for _, _, is_nan in rows)
        losses = [value for key, value, _ in rows if key.endswith("_loss")]
        assert max(losses) <= CHART * 2.25
        assert all(abs(value) <= 1e12 for _, value, _ in rows)
    diverged = query(results, "select run_uuid from tags where key = 'outcome' and value = 'diverged'")
    assert len(diverged) == 3


def test_finished_cells_are_found_by_key(store: Store) -> None:
    first, second = planted("sgd"), planted("adam")
    ids = {r.cell.key: store.write("demo", r) for r in (first, second)}
    assert store.finished("demo") == ids
    assert store.finished("demo", [first.cell.key, "unknown"]) == {first.cell.key: ids[first.cell.key]}
    assert store.finished("demo", []) == {}
    assert store.finished("another") == {}
    assert [c.key for c in store.read("demo", [second.cell.key])] == [second.cell.key]


def test_of_two_runs_of_a_cell_the_older_counts(store: Store) -> None:
    older = store.write("demo", planted())
    store.write("demo", planted())
    assert list(store.finished("demo").values()) == [older]
    assert [cell.run_id for cell in store.read("demo")] == [older]


def test_studies_are_kept_apart(store: Store) -> None:
    store.write("demo", planted("sgd"))
    store.write("demo.2", planted("adam"))
    assert len(store.finished("demo")) == len(store.finished("demo.2")) == 1
    assert [(s.name, s.cells, s.trials) for s in store.studies()] == [("demo", 1, 7), ("demo.2", 1, 7)]
    assert list(store.studies()[0].experiments) == ["cells", "trials/iris"]


def test_pages_of_runs_are_all_read(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("overshoot.study.tracking.runs.PAGE", 2)
    ids = {store.write("demo", planted(batch=b, names=["descends"])) for b in range(1, 6)}
    assert set(store.finished("demo").values()) == ids
    assert len(store.studies()) == 1


def test_a_report_can_be_made_from_the_store_alone(store: Store, tmp_path: Path) -> None:
    report = tmp_path / "report"
    (report / "figures").mkdir(parents=True)
    (report / "report.html").write_text("one")
    (report / "figures" / "old.png").write_text("old")
    run_id = store.log_study("demo", 'name = "démo"\n', {"python": "3.11"}, report)
    (report / "report.html").write_text("two")
    (report / "figures" / "old.png").rename(report / "figures" / "new.png")
    assert store.log_study("demo", 'name = "new"\n', {"python": "3.12"}, report) == run_id
    assert store.study_text("demo") == 'name = "new"\n'
    assert store.study_provenance("demo") == {"python": "3.12"}
    run = store.client.get_run(run_id)
    assert (run.info.status, run.data.tags["kind"], run.data.tags["python"]) == ("FINISHED", "study", "3.12")
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    assert (folder / "report" / "report.html").read_text() == "two"
    assert [f.name for f in (folder / "report" / "figures").iterdir()] == ["new.png"]
    assert json.loads((folder / "provenance.json").read_text()) == {"python": "3.12"}


def test_a_study_run_is_not_a_cell(store: Store) -> None:
    store.log_study("demo", "", {})
    store.write("demo", planted())
    assert store.read("demo")[0].key == planted().cell.key
    assert [(s.cells, s.run_id is not None) for s in store.studies()] == [(1, True)]


def test_an_unknown_study_is_answered_with_those_there_are(store: Store) -> None:
    with pytest.raises(StoreError, match=r"'demo', .*name the file instead \(stored: none\)"):
        store.study_text("demo")
    store.write("other", planted(names=["descends"]))
    with pytest.raises(StoreError, match=r"'demo', .* \(stored: other\)"):
        store.study_text("demo")
    assert store.read("demo") == []


def test_a_lost_file_is_named(store: Store, results: Path) -> None:
    store.write("demo", planted())
    [lost] = results.rglob("curves.parquet")
    lost.unlink()
    with pytest.raises(StoreError, match=str(lost)):
        store.read("demo")


@pytest.mark.parametrize("how", [shutil.move, shutil.copytree])
def test_results_that_were_moved_or_copied_are_whole_where_they_are_now(
    tmp_path: Path, empty_database: Path, how: Callable[[Path, Path], object]
) -> None:
    old, new = tmp_path / "my results" / "results", tmp_path / "100%_neue" / "results"
    old.mkdir(parents=True)
    shutil.copy(empty_database, old / "mlflow.db")
    with closing(open_store(old)) as store:
        run_id = store.write("demo", planted("sgd"))
        store.log_study("demo", 'name = "demo"\n', {})
    new.parent.mkdir()
    how(old, new)
    before = sorted(tmp_path.glob("my results/**/*"))
    with closing(open_store(new)) as store:
        [cell] = store.read("demo")
        pd.testing.assert_frame_equal(cell.curves, planted("sgd").curves, check_exact=True)
        assert store.study_text("demo") == 'name = "demo"\n'
        store.write("demo", planted("adam"))
        assert [file.path for file in store.client.list_artifacts(run_id)]  # MLflow finds them as well
        assert len(store.read("demo")) == 2
    assert sorted(tmp_path.glob("my results/**/*")) == before  # nothing is written where they were


def test_an_experiment_in_the_trash_is_named(store: Store) -> None:
    store.write("demo", planted())
    store.client.delete_experiment(store.studies()[0].experiments["cells"])
    store.close()
    with closing(open_store(store.results)) as again, pytest.raises(StoreError, match="demo/cells"):
        again.write("demo", planted())


def test_every_page_has_links_to_its_views(store: Store) -> None:
    store.write("demo", planted())
    store.finish()
    for part, experiment in store.studies()[0].experiments.items():
        tags = store.client.get_experiment(experiment).tags
        first = tags["mlflow.note.content"].splitlines()[0]
        views = [key for key in tags if key.startswith("mlflow.sharedViewState.")]
        assert len(views) >= 3
        for key in views:
            view = json.loads(tags[key])
            assert f"[{view['name']}](#/experiments/{experiment}/runs?" in first
            found = store.client.search_runs([experiment], json.loads(view["state"])["searchFilter"])
            assert found or view["name"].startswith("Cells without"), (part, view["name"])
    assert "Learning rates of adam(beta1=0.5)" in first


def test_finishing_gives_sqlite_its_statistics(store: Store, results: Path) -> None:
    store.write("demo", planted())
    store.finish()
    assert ("metrics",) in query(results, "select distinct tbl from sqlite_stat1")
    assert query(results, "pragma journal_mode") == [("wal",)]
    assert not (results / "mlflow.db-wal").stat().st_size


def test_the_environment_names_the_store(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere.db"
    (results / "mlflow.db").rename(elsewhere)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{elsewhere}")
    with closing(open_store(results)) as store:
        store.write("demo", planted())
    assert not (results / "mlflow.db").exists()
    assert len(list((results / "artifacts" / "demo").iterdir())) == 1


@pytest.mark.parametrize(
    "uri", ["mlruns", "./mlruns", "file:///tmp/mlruns", "databricks", "ftp://host/store"]
)
def test_other_kinds_of_store_are_refused(results: Path, uri: str) -> None:
    with pytest.raises(StoreError, match="sqlite://, postgresql://"):
        open_store(results, uri)


@pytest.mark.slow
def test_what_a_server_says_is_passed_on_at_once(results: Path, postgresql: Server) -> None:
    with pytest.raises(StoreError, match=r'cannot be opened: .*"nowhere" does not exist') as said:
        open_store(results, postgresql.address("nowhere"))
    assert "secret" not in str(said.value)


def test_a_driver_that_is_not_installed_is_named(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(
        StoreError, match=r"^postgresql://.* the package psycopg is not installed .*\[postgresql\]"
    ):
        open_store(results, "postgresql://somebody@localhost:1/study")


def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    broken = tmp_path / "broken.db"
    broken.write_text("this is not a database, and long enough to be looked at" * 20)
    with pytest.raises(StoreError, match="no SQLite database"):
        open_store(tmp_path, f"sqlite:///{broken}")


SCRIPT = """
import sys
from pathlib import Path
from overshoot.study.tracking import open_store
from tests.tracking.planted_results import planted
store = open_store(Path(sys.argv[1]))
store.retire_unfinished("demo")
store.write("demo", planted())
store.log_study("demo", "", {})
store.finish()
store.close()
"""


def test_mlflow_is_quiet_and_leaves_the_working_directory_alone(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "results")],
        cwd=here,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)
    assert list(here.iterdir()) == []


def test_importing_the_package_does_not_import_mlflow() -> None:
    code = (
        "import study.tracking, study.tracking.server, sys; "
        "print(*{'mlflow', 'sqlalchemy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_a_report_of_cells_that_are_stored_no_more_says_what_to_do(store: Store, tmp_path: Path) -> None:
    store.write("demo", planted())
    asked = Outline("demo", "Demo", "", ("a key of another version",))
    with pytest.raises(StoreError, match=r"holds 1 cell of 'demo', but none .* run the experiment again"):
        write_report(asked, store, tmp_path / "report", 1, Account(), {})
    with pytest.raises(StoreError, match=r"no finished cell of 'other': run the experiment first"):
        write_report(Outline("other", "", "", ("x",)), store, tmp_path / "report", 1, Account(), {})


def test_a_cell_of_an_earlier_version_is_refused_with_what_to_do(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr(cells, "PROTOCOL", cells.PROTOCOL - 1)
        store.write("demo", planted())
    with pytest.raises(StoreError, match=r"written by an earlier version .*: run the experiment once more"):
        store.read("demo")
