"""What a mark of a figure says when a pointer rests on it."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from matplotlib.figure import FigureBase
from playwright.sync_api import Page

from overshoot.study.figures.panels import Panels
from overshoot.study.figures.stage import to_svgs
from overshoot.study.figures.tips import tell

SAID = """([selector, pattern]) => {
  const svg = document.querySelector(selector);
  svg.scrollIntoView({ block: "center", behavior: "instant" });
  const title = [...svg.querySelectorAll("title")].find((t) => t.textContent.match(pattern));
  const mark = title.parentElement, box = mark.getBoundingClientRect();
  let place = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  if (mark.tagName === "path" && !mark.getAttribute("d").endsWith("z"))
    place = mark.getPointAtLength(mark.getTotalLength() / 3).matrixTransform(mark.getScreenCTM());
  let element = document.elementFromPoint(place.x, place.y);
  for (; element && element !== svg; element = element.parentElement) {
    const own = [...element.children].find((child) => child.tagName === "title");
    if (own) return own.textContent;
  }
}"""
"""Of the first mark of a drawing that says something like the pattern: what is said on it, of an area in its
middle."""


def line(figure: FigureBase, _: object) -> None:
    ax = figure.add_axes((0, 0, 1, 1))
    (both,) = ax.plot([1, 2, float("nan"), 4], [1, 2, 3, 4], marker="o", gid="both")
    tell(both, "the line", ["first", "second", "#fourth"])
    (short,) = ax.plot([1, 2], [2, 1], marker="s", linestyle="", gid="short")
    tell(short, '<i>"two" & more</i>', ["only one"])
    tell(ax.text(2, 3, "cut…off"), "cut short, set off")


def titles() -> list[tuple[str, str | None]]:
    panels = Panels(line, [None], (200.0, 100.0))
    (svg,) = to_svgs(panels, "x", {})
    return [(e.tag, t.text) for e in ET.fromstring(svg).iter() if (t := e.find("title")) is not None]


def test_a_line_and_each_of_its_points_have_titles() -> None:
    assert titles()[:4] == [("path", "the line"), ("path", "first"), ("path", "second"), ("path", "#fourth")]


def test_points_that_are_not_all_named_share_the_title_of_their_line() -> None:
    assert titles()[4:] == [("path", '<i>"two" & more</i>'), ("g", "cut short, set off")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("picture", "pattern", "said"),
    [
        ("ranges", "usable", "Gradient descent, full: usable from 0.041 to 1"),
        ("gaps", "tuned", "Gradient descent, full, tuned: 0.011 (0.01 to 0.013)"),
        ("rates-1", ", 1:", "1, 1: 0.01, converged"),
        ("rates-2", "measured", "full: measured limit 2.1"),
        ("curves-1-0", "best", "best, 1: 0.01"),
        ("stability", "exact", "Gradient descent, full: 1.05 exact"),
    ],
)
def test_a_mark_says_what_it_is(opened: Callable[..., Page], picture: str, pattern: str, said: str) -> None:
    page = opened()
    page.evaluate("document.querySelectorAll('.curves').forEach((part) => { part.hidden = false; })")
    page.wait_for_selector("body.whole")
    assert page.evaluate(SAID, [f"[data-name='{picture}'] figure svg", pattern]) == said


@pytest.mark.slow
def test_a_pointer_near_a_thin_line_is_told_too(opened: Callable[..., Page]) -> None:
    page = opened()
    figure = page.locator("[data-name='ranges'] figure").first
    figure.scroll_into_view_if_needed()
    bar = figure.locator("path", has=page.locator("title")).first.bounding_box()
    assert bar is not None
    for away, said in ((5, "Gradient descent, full: usable from 0.041 to 1"), (12, "")):
        page.mouse.move(bar["x"] + bar["width"] / 3, bar["y"] - away)
        assert figure.get_attribute("title") == said


@pytest.mark.slow
def test_a_title_is_no_text_of_the_drawing(opened: Callable[..., Page]) -> None:
    texts = opened().locator("figure svg text").all_text_contents()
    assert not [text for text in texts if "usable from" in text]
