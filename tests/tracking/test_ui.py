"""`make ui`: one light server, links that open the right view, and a clean end."""

from __future__ import annotations

import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from overshoot.study.findings.run_pages import run_pages
from overshoot.study.tracking import StoreError, open_store
from overshoot.study.tracking import server as ui
from overshoot.study.tracking.views import StudyInfo, note
from tests.tracking.planted_results import planted
from tests.tracking.serving import ROOT, environment, free_ports, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture
def filled(results: Path) -> Path:
    """A results folder with two studied cells and a report."""
    with closing(open_store(results)) as store:
        for optimizer in ("sgd", "adam"):
            result = planted(optimizer)
            store.write("demo", result, pages=run_pages(result.cell, result.trials, result.summary))
        report = results / "demo"
        report.mkdir()
        (report / "report.html").write_text("<!doctype html><title>Overshoot</title><p>what we found</p>")
        store.log_study("demo", 'name = "demo"\n', {"python": "3.11"}, report)
        store.finish()
    return results


def test_links_name_what_they_open() -> None:
    info = StudyInfo(
        "demo", 2, 14, {"cells": "3", "trials/iris": "1", "trials/wine": "2"}, ("adam",), ("32",), "abc"
    )
    heading, *lines = ui.lines(info, "http://host")
    assert heading == "demo: 2 cells, 14 trials"
    links = {name.strip(): link for name, link in (line.rsplit("  ", 1) for line in lines)}
    start = "?workflowType=machine_learning&viewStateShareKey"
    assert links["Cells"] == f"http://host/#/experiments/3/runs{start}=cells"
    assert links["Trials of wine"] == f"http://host/#/experiments/2/runs{start}=trials"
    assert links["Diverged trials of iris"] == f"http://host/#/experiments/1/runs{start}=diverged"
    assert links["Tuned winners of iris"] == f"http://host/#/experiments/1/runs{start}=tuned"
    assert links["Curves of the tuned winners of iris"].endswith("=curves&compareRunsMode=CHART")
    assert (
        links["Experiment file and report"]
        == "http://host/#/experiments/3/runs/abc/artifacts?workflowType=machine_learning"
    )


@pytest.mark.parametrize("part", ["cells", "trials/iris"])
def test_the_note_says_where_to_switch_from_mlflows_empty_pages_to_the_runs(part: str) -> None:
    info = StudyInfo("demo", 2, 14, {"cells": "3", "trials/iris": "1"}, ("adam",), ("32",), "abc")
    first, *rest = note(info, part).splitlines()
    assert "“Model training” at the top left" in first.partition("Further views")[0]
    assert any("“GenAI | Model training”, at the top left below MLflow’s logo" in line for line in rest)


@pytest.mark.slow
def test_the_switch_that_the_note_names_is_there_and_leads_to_the_runs(filled: Path, page: Page) -> None:
    page.set_default_timeout(60_000)
    tip = page.get_by_role("button", name="Got it")  # of MLflow's own, over its page sooner or later
    page.add_locator_handler(tip, lambda button: button.click())
    with served(filled) as opened:
        page.goto(f"{opened.address}/#/experiments")
        page.get_by_role("link", name="demo/cells", exact=True).click()
        switch = page.get_by_text("Model training", exact=True).first
        box, other = switch.bounding_box(), page.get_by_text("GenAI", exact=True).first.bounding_box()
        assert box is not None
        assert other is not None
        assert max(box["x"], box["y"]) < 150, "at the top left"
        assert abs(box["y"] - other["y"]) < 10
        assert other["x"] < box["x"]
        switch.click()
        page.get_by_role("link", name="iris/mlp sgd batch 32").first.wait_for()


def test_a_port_that_was_asked_for_and_is_taken_is_an_error(results: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StoreError, match=f"port {port} is in use"):
            ui.serve(results, port=port)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_server_is_light_local_and_ends_with_all_of_its_processes(
    filled: Path, how: signal.Signals
) -> None:
    ports = free_ports(10)
    with socket.socket() as taken:
        taken.bind((ui.HOST, ports[0]))
        taken.listen()
        with served(filled, ports) as page:
            assert page.port in ports[1:]
            processes = page.server()
            assert len(processes) <= 3
            with urllib.request.urlopen(page.address) as answer:
                assert answer.status == 200
            outside = socket.gethostbyname(socket.gethostname())
            if not outside.startswith("127."):
                with pytest.raises(OSError, match="refused"):
                    socket.create_connection((outside, page.port), timeout=5)
            page.process.send_signal(how)
            assert page.process.wait(30) == (0 if how == signal.SIGINT else 128 + how)
            assert not any(Path(f"/proc/{pid}").exists() for pid in processes)


class Other(http.server.BaseHTTPRequestHandler):
    """Another program's server, which finds everything well."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
def test_a_port_that_another_program_takes_meanwhile_is_left_to_it(filled: Path) -> None:
    ports = free_ports(10)
    others: list[http.server.ThreadingHTTPServer] = []

    def take() -> None:
        while not (filled / "ui.log").exists():
            time.sleep(0.01)
        others.append(http.server.ThreadingHTTPServer((ui.HOST, ports[0]), Other))
        others[0].serve_forever()

    thief = threading.Thread(target=take, daemon=True)
    thief.start()
    with served(filled, ports) as page:
        with others[0]:
            others[0].shutdown()
        thief.join()
        assert page.port in ports[1:]
        with urllib.request.urlopen(page.address) as answer:
            assert b"MLflow" in answer.read()


@pytest.mark.slow
def test_who_has_read_enough_sees_no_traceback(filled: Path) -> None:
    read, write = os.pipe()
    os.close(read)  # as `head` does with what it was piped
    done = subprocess.run(
        [sys.executable, "-m", "study", "ui", "--results", str(filled)],
        cwd=ROOT,
        env=environment(),
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
    )
    os.close(write)
    assert done.returncode == 128 + signal.SIGPIPE
    assert "Traceback" not in done.stderr
    assert "Exception" not in done.stderr


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A browser's page that goes nowhere but to this machine, and must see no error."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1600, "height": 1000})
    page = context.new_page()
    # MLflow asks who is logged in; without a log-in its own server answers 404, as it should.
    page.on("response", lambda r: errors.append(f"{r.status} {r.url}") if r.status >= 400 else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request",
        lambda r: None if "//127.0.0.1" in r.url or r.url[:5] in ("data:", "blob:") else errors.append(r.url),
    )
    yield page
    context.close()
    assert [e for e in errors if not e.endswith("/users/current")] == []


def tick(page: Page, row: int) -> None:
    page.locator(f"[row-index='{row}'] .ag-checkbox-input-wrapper").locator("visible=true").first.click()


def visit(page: Page, link: str, text: str) -> None:
    page.goto("about:blank")  # links differ in their fragment alone, which would load nothing
    page.goto(link)
    page.get_by_text(text, exact=True).first.wait_for()


@pytest.mark.slow
def test_from_the_printed_start_to_a_diverged_runs_curve_in_three_clicks(filled: Path, page: Page) -> None:
    page.set_default_timeout(60_000)
    with served(filled) as opened:
        page.goto(opened.links["Cells"])  # which is where `ui` says to start
        with page.expect_popup() as shown:  # the note's links open a tab
            page.get_by_role("link", name="iris", exact=True).click()
        diverged = shown.value
        diverged.set_default_timeout(60_000)
        diverged.get_by_role("link", name=re.compile("^adam.*sweep-0$")).first.click()
        diverged.get_by_text("Diverged: loss a million times its start by update 96.").first.wait_for()
        diverged.get_by_text("Model metrics", exact=True).first.click()
        diverged.locator(".scatterlayer path.js-line").first.wait_for()


@pytest.mark.slow
def test_a_study_can_be_browsed(filled: Path, page: Page) -> None:
    page.set_default_timeout(60_000)
    with served(filled) as opened:
        visit(page, opened.links["Cells"], "iris/mlp sgd batch 32")
        for optimizer in ("sgd", "adam(beta1=0.5)"):
            page.get_by_role("link", name=f"iris/mlp {optimizer} batch 32").wait_for()
        page.get_by_role("columnheader", name="tuned_rate_training").first.wait_for()
        page.get_by_text("0.3000000").first.wait_for()

        visit(page, opened.links["Diverged trials of iris"], "6 matching runs")
        page.get_by_role("link", name="adam(beta1=0.5) · batch 32 · lr 1.26e-4 · sweep-0").wait_for()

        visit(page, opened.links["Trials of iris"], "14 matching runs")
        search = page.get_by_placeholder("metrics.rmse")
        search.fill("tags.optimizer = 'sgd' and tags.outcome = 'converged'")
        search.press("Enter")
        page.get_by_text("4 matching runs", exact=True).wait_for()

        tick(page, 0)
        tick(page, 1)
        page.get_by_role("button", name="Compare").click()
        page.get_by_role("heading", name="Comparing 2 Runs").wait_for()
        page.get_by_text("sgd · batch 32 · lr 1.26e-3 · sweep-1").first.wait_for()

        visit(page, opened.links["Curves of the tuned winners of iris"], "2 matching runs")
        page.locator(".scatterlayer path.js-line").first.wait_for()

        page.goto(opened.links["Cells"])
        page.get_by_role("link", name="iris/mlp sgd batch 32").click()
        page.get_by_text("Artifacts", exact=True).click()
        page.get_by_text("rate-curve.png", exact=True).click()
        page.locator("img[src^='blob:']").first.wait_for()

        page.goto(opened.links["Experiment file and report"])
        page.get_by_text("report", exact=True).click()
        page.get_by_text("report.html").click()
        page.frame_locator("iframe").get_by_text("what we found").wait_for()
