"""From lessons to pages: run them, draw them, and write the folder when all is whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from overshoot.study.figures.lesson_panels import lesson_svg
from overshoot.study.lessons import (
    adaptive_methods,
    backward,
    batch_sizes,
    best_rate,
    catapult,
    intercept,
    line,
    logistic,
    norate,
    rootloss,
    stochastic_edge,
    warmup,
)
from overshoot.study.lessons.lesson import Lesson
from overshoot.study.playground import fragment, policy, script, style
from overshoot.study.playground.markup import colors, sheet

LESSONS: Sequence[Callable[[], Lesson]] = (
    line.lesson,
    batch_sizes.lesson,
    logistic.lesson,
    backward.lesson,
    norate.lesson,
    rootloss.lesson,
    adaptive_methods.lesson,
    intercept.lesson,
    catapult.lesson,
    stochastic_edge.lesson,
    warmup.lesson,
    best_rate.lesson,
)
"""In the order of the index."""


def write(folder: Path) -> Path:
    """Write a page for each lesson and `index.html` into `folder`; the index's path.

    Raises ClaimError when a lesson's runs do not bear out what it says: nothing in `folder` changes then.
    """
    lessons = [make() for make in LESSONS]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".lessons-") as made:
        whole = Path(made) / "lessons"
        whole.mkdir()
        (whole / "index.html").write_text(render_index(lessons), encoding="utf-8")
        for i, lesson in enumerate(lessons):
            (whole / f"{lesson.slug}.html").write_text(render_lesson(lesson, i, lessons), encoding="utf-8")
        if folder.exists():
            shutil.move(folder, Path(made) / "before")
        os.replace(whole, folder)
    return folder / "index.html"


def render_lesson(lesson: Lesson, place: int, lessons: Sequence[Lesson]) -> str:
    """The page of the lesson at `place` of `lessons`."""
    svgs = [Markup(lesson_svg(picture.panel, f"figure-{i}")) for i, picture in enumerate(lesson.pictures)]
    return _template("lesson.html.j2").render(
        lesson=lesson,
        place=place,
        lessons=lessons,
        svgs=svgs,
        playgrounds=[Markup(fragment(play)) for play in lesson.playgrounds],
        **_assets(script()),
    )


def render_index(lessons: Sequence[Lesson]) -> str:
    return _template("index.html.j2").render(lessons=lessons, **_assets(""))


def _assets(code: str) -> dict[str, Markup]:
    """The page's style and script, whole, and the policy that allows these alone."""
    look = colors() + sheet() + style() + _source("lesson.css")
    allowed = policy([code], [look], drawings=True)
    return {"style": Markup(look), "script": Markup(code), "policy": Markup(allowed)}


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("overshoot.study.lessons"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _template(name: str):  # type: ignore[no-untyped-def]
    return _environment().get_template(name)


def _source(name: str) -> str:
    assert _environment().loader is not None
    return _environment().loader.get_source(_environment(), name)[0]  # type: ignore[union-attr]
