"""The lessons, each made once, and their pages."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from overshoot.study.lessons import LESSONS, Lesson
from overshoot.study.lessons.lesson_pages import write


@cache
def made(place: int) -> Lesson:
    return LESSONS[place]()


@pytest.fixture(scope="session")
def pages(tmp_path_factory) -> Path:
    """The folder of all pages."""
    folder = tmp_path_factory.mktemp("results") / "lessons"
    assert write(folder) == folder / "index.html"
    return folder
