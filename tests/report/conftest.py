"""One report of planted cells, with names that try to break out of the page."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from overshoot.study.analysis import gather
from overshoot.study.report import render
from tests.planted_cells import INF, VALLEY, planted

TITLE = '<b>x</b> & "y"'
NASTY = "<script>alert(1)</script>|*"
PROVENANCE = {"date": "2026-01-02", "system": "<i>Linux</i> & co", "cores": "2"}


LIMIT = {"limit_predicted": 2.0, "limit_basis": "exact", "limit_measured": 2.1}
SPECIAL = {
    ("toy_1", "sgd", "1"): {"search_status": "at_search_boundary"},
    ("toy_1", "sgd", "full"): {"extended": 1},
    (NASTY, "sgd", "full"): LIMIT,
    (NASTY, "adam(beta1=0.5)", "full"): {"limit_measured": 30.0},
    (NASTY, "sgd", "1"): {"limit_missing": "none_known"},
}


def cells():
    """Two problems, the second with a loss surface, two optimizers and two batch strategies; one search at
    an edge, one that came clear of it, one limit that is predicted and measured, one only measured."""
    floor = VALLEY | {10.0: 0.4, 100.0: [0.6, INF]}
    return [
        planted(p, o, b, sweep, surface=p == NASTY, **SPECIAL.get((p, o, b), {}))
        for p in ("toy_1", NASTY)
        for o, sweep in (("sgd", VALLEY), ("adam(beta1=0.5)", floor))
        for b in ("full", "1")
    ]


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    """The folder of a rendered report."""
    folder = tmp_path_factory.mktemp("results") / "study"
    render("planted", TITLE, gather(cells()), PROVENANCE, folder, workers=1, store="http://127.0.0.1:5000/")
    return folder


@pytest.fixture
def opened(browser: Browser, report: Path):
    """Opens a page, the evidence unless `at` is another; it must see no error and ask for nothing."""
    errors: list[str] = []
    contexts = []

    def open_with(width: int = 1280, height: int = 900, at: str = "evidence.html", **settings) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else errors.append(r.url),
        )
        page.goto(f"{report.as_uri()}/{at}")
        return page

    yield open_with
    for context in contexts:
        context.close()
    assert errors == []
