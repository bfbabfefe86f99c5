"""One report of planted cells, with names that try to break out of the page."""

from pathlib import Path

import pytest

from study.report import render
from tests.report.planted import INF, VALLEY, planted

TITLE = '<b>x</b> & "y"'
NASTY = "<script>alert(1)</script>|*"
PROVENANCE = {"date": "2026-01-02", "system": "<i>Linux</i> & co", "cores": "2"}


def cells():
    """Two problems, two optimizers and two batch strategies; one search at an edge."""
    floor = VALLEY | {10.0: 0.4, 100.0: [0.6, INF]}
    return [
        planted(problem=p, optimizer=o, batch=b, sweep=sweep, **doubt)
        for p in ("toy_1", NASTY)
        for o, sweep in (("sgd", VALLEY), ("adam(beta1=0.5)", floor))
        for b in ("full", "1")
        for doubt in (
            [{"search_edge": "at an edge: not trusted"}] if (p, o, b) == ("toy_1", "sgd", "1") else [{}]
        )
    ]


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    """The folder of a rendered report."""
    folder = tmp_path_factory.mktemp("results") / "study"
    render("planted", TITLE, cells(), PROVENANCE, folder, workers=1, store="http://127.0.0.1:5000/")
    return folder
