"""The rate to be dragged: what its script is given."""

import json
import re

import numpy as np
import pytest

from overshoot.study.analysis import gather
from overshoot.study.analysis.study_tables import analyse
from overshoot.study.figures.theme import looks
from overshoot.study.findings.codes import BASES
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.report.drag import NOT_FINITE, VIEW, Drag, drag, hundredths
from tests.planted_cells import GRID, INF, VALLEY, planted
from tests.report.conftest import LIMIT, NASTY
from tests.report.conftest import cells as planted_cells


def dragged(*cells) -> Drag:
    tables = analyse(gather(cells))
    return drag(tables, looks(tables.study.names.optimizers, tables.study.names.batches))


def test_every_run_of_the_sweep_is_there_and_no_other():
    (cell,) = dragged(planted()).data["cells"]
    assert [len(runs) for runs in cell["runs"]] == [2] * len(VALLEY)
    assert cell["best"] == list(VALLEY).index(1.0)


def test_gaps_are_hundredths_of_decades_and_shared_lists_are_kept_once():
    data = dragged(planted(), planted(optimizer="adam")).data
    assert len(data["lists"]) == 3  # the rates, the examples of runs that lasted and of those that did not
    for cell in data["cells"]:
        assert data["lists"][cell["rates"]] == pytest.approx(GRID, rel=1e-3)
        for q, runs in zip(VALLEY.values(), cell["runs"], strict=True):
            for run in runs:
                assert len(run["q"]) == len(data["lists"][run["x"]])
                assert run["q"][0] == 0
                assert run["e"] == (None if q == INF else q)
                last = NOT_FINITE if q == INF else pytest.approx(100 * np.log10(q), abs=0.51)
                assert run["q"][-1] == last


def test_runs_that_train_longer_than_the_sweep_do_not_stretch_its_axis():
    cell = planted(sweep=VALLEY | {5.0: 0.3})
    assert dragged(cell).data["problems"][0]["budget"] == 1000
    longer = cell.trials["rate"] == 5.0
    cell.trials.loc[longer, "phase"] = "limit"
    cell.curves.loc[cell.curves["trial"].isin(cell.trials.loc[longer, "trial"]), "examples"] *= 8
    found = dragged(cell).data
    assert found["problems"][0]["budget"] == 1000
    assert len(found["cells"][0]["runs"]) == len(VALLEY)


def test_hundredths_of_what_is_no_number_or_below_resolution():
    found = hundredths(np.array([1.0, 0.0, -1e-9, 1e-3, np.nan, INF, 1e300]))
    assert found.tolist() == [0, -600, -600, -300, NOT_FINITE, NOT_FINITE, NOT_FINITE]


def test_paths_are_thousandths_of_the_way_to_the_edge_of_the_map():
    data = dragged(planted(surface=True)).data
    run = data["cells"][0]["runs"][3][0]
    half = data["problems"][0]["surface"]["half"]
    across = np.array(run["p"]).reshape(-1, 2)
    losses = 10 ** (np.array(run["q"]) / 100)
    assert across[:, 0] * half / VIEW == pytest.approx(np.sqrt(losses), abs=0.01)
    assert not across[:, 1].any()
    assert "p" not in dragged(planted()).data["cells"][0]["runs"][0][0]


def test_limits_are_told_as_far_as_they_are_known():
    def limit(**summary):
        return dragged(planted(**summary)).data["cells"][0]["limit"]

    assert limit() == {
        "text": "In the sweep, half of the runs or more diverge from a rate between 1 and 10 on."
    }
    both = limit(**LIMIT, limit_low=2.05, limit_high=2.15)
    assert (both["predicted"], both["measured"]) == (2.0, 2.1)
    assert f"Predicted stability limit: 2.00 ({BASES[LimitBasis.EXACT]})." in both["text"]
    assert "Measured stability limit: 2.10 [2.05, 2.15]." in both["text"]
    alike = limit(**LIMIT, limit_low=2.0999, limit_high=2.1001)["text"]
    assert alike.endswith("limit: 2.10.")
    none = limit(limit_missing="none_known")["text"]
    assert "No stability limit is predicted: for Gradient descent no learning rate is known" in none
    assert limit(limit_predicted=INF).keys() == {"text"}
    assert "No rate up to 0.1" in limit(sweep={0.01: 0.5, 0.1: 0.01})["text"]
    assert "diverge from a rate below 0.1 on" in limit(sweep={0.1: INF, 1.0: INF}, tuned=())["text"]


def test_the_data_in_the_page_are_the_data_and_end_no_script(report):
    text = (report / "report.html").read_text(encoding="utf-8")
    embedded = re.search(r'<script type="application/json" id="drag-data">(.*?)</script>', text, flags=re.S)
    assert embedded is not None
    assert not set("<>&") & set(embedded[1])
    assert json.loads(embedded[1]) == json.loads(json.dumps(dragged(*planted_cells()).data))
    assert NASTY in [problem["label"] for problem in json.loads(embedded[1])["problems"]]


def test_a_whole_study_stays_small():
    """252 cells of 44 runs with 31 points are a page of less than 15 MB, four times over."""
    cells = [planted(optimizer=o, sweep=dict.fromkeys(GRID, 0.01)) for o in ("sgd", "adam")]
    data = json.dumps(dragged(*cells).data["cells"], separators=(",", ":"))
    points = sum(len(run["q"]) for cell in dragged(*cells).data["cells"] for r in cell["runs"] for run in r)
    assert len(data) / points * 252 * 44 * 31 < 15e6 / 4
