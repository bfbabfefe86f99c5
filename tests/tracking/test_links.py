"""Links of a report into the store: each leads to runs that are there."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from overshoot.study.analysis import gather
from overshoot.study.phases.cell import run_cell
from overshoot.study.report import render
from overshoot.study.tracking import Store
from overshoot.study.tracking.views import having, runs_link
from tests.builders import cell

STORE = "http://127.0.0.1:5000"


@pytest.mark.slow
def test_every_link_of_a_report_leads_to_finished_runs(store: Store, tmp_path: Path) -> None:
    for optimizer in ("sgd", "adam"):
        store.write("demo", run_cell(cell(optimizer=optimizer)))
    store.log_study("demo", "", {})
    page = render("demo", "Demo", gather(store.read("demo")), {}, tmp_path, workers=1, store=STORE)
    text = unescape(page.with_name("evidence.html").read_text(encoding="utf-8"))
    lists = set(re.findall(rf'href="{STORE}/#/experiments/(\w+)/runs\?([^"]+)"', text))
    runs = set(re.findall(rf'href="{STORE}/#/experiments/\w+/runs/(\w+)\?workflowType=\w+"', text))
    assert len(lists) >= 4
    for experiment, query in lists:
        where = parse_qs(query)["searchFilter"][0]
        found = store.client.search_runs([experiment], where)
        assert found, where
        assert {run.data.tags["kind"] for run in found} == {"cell"}
    assert runs == set(store.finished("demo").values())


@pytest.mark.parametrize("value", ["adam(beta1=0.5)", "it's", 'a "b"', "both ' and \"", "100 %", "a_b"])
def test_any_tag_can_be_searched_for(store: Store, value: str) -> None:
    experiment = store.client.create_experiment("x")
    wanted = store.client.create_run(experiment, tags={"optimizer": value, "kind": "cell"})
    store.client.create_run(experiment, tags={"optimizer": "sgd", "kind": "cell"})
    found = store.client.search_runs([experiment], having({"kind": "cell", "optimizer": value}))
    assert [run.info.run_id for run in found] == [wanted.info.run_id]


def test_the_list_is_sorted_by_the_metric_that_the_sentence_is_about() -> None:
    link = runs_link("3", {"kind": "cell"}, "sweep_boundary")
    assert link.startswith("#/experiments/3/runs?workflowType=machine_learning&startTime=ALL&searchFilter=")
    assert parse_qs(link)["orderByKey"] == ["metrics.`sweep_boundary`"]
    assert "orderByKey" not in runs_link("3", {"kind": "cell"})
