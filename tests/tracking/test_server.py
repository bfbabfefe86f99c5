"""An MLflow server is a store like any other: for writing, resuming and reading back."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest

from overshoot.study.phases.results import TRIALS
from overshoot.study.tracking import open_store
from overshoot.study.tracking import server as ui
from overshoot.study.tracking.writers import ClientWriter
from tests.tracking.database import active_runs
from tests.tracking.planted_results import planted
from tests.tracking.serving import served


@pytest.mark.slow
def test_a_server_is_a_store(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = tmp_path / "here"
    report = tmp_path / "report"
    report.mkdir()
    (report / "report.html").write_text("found")
    result = planted(names=["descends", "explodes"])
    with served(results) as server, closing(open_store(here, server.address)) as store:
        assert isinstance(store.writer, ClientWriter)
        run_id = store.write("demo", result)
        [cell] = store.read("demo")
        pd.testing.assert_frame_equal(cell.trials[list(TRIALS)], result.trials, check_exact=True)
        pd.testing.assert_frame_equal(cell.curves, result.curves, check_exact=True)
        assert store.states(run_id)[1].tobytes() == result.states[1].tobytes()
        assert store.finished("demo") == {result.cell.key: run_id}
        for _ in range(2):
            study = store.log_study("demo", 'name = "demo"\n', {"python": "3.11"}, report)
        assert store.study_text("demo") == 'name = "demo"\n'
        assert [f.path for f in store.client.list_artifacts(study, "report")] == ["report/report.html"]
        store.client.create_run(cell.experiment_id, tags={"kind": "cell", "key": "gone", "dataset": "iris"})
        assert store.retire_unfinished("demo") == 1
        store.finish()
        assert [status for *_, status in active_runs(results)] == ["FINISHED"] * 4
        assert not (here / "artifacts").exists()
        capsys.readouterr()
        ui.serve(here, server.address)
        assert f"{server.address}/#/experiments/{cell.experiment_id}/runs?" in capsys.readouterr().out
    # The server's database is a store too, and the same study is in it.
    with closing(open_store(results)) as store:
        assert store.finished("demo") == {result.cell.key: run_id}
