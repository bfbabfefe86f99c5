"""The lessons' pages in a real browser, opened from disk."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from overshoot.study.cli import main
from overshoot.study.lessons import LESSONS
from tests.lessons.conftest import made

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(browser: Browser, pages):
    """Opens a page; it must see no error and ask for nothing."""
    errors: list[str] = []
    contexts = []

    def open_with(name: str, width: int = 1280, **given) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, **given)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else errors.append(r.url))
        page.goto((pages / f"{name}.html").as_uri())
        return page

    yield open_with
    for context in contexts:
        context.close()
    assert errors == []


def test_the_index_leads_through_all_of_them(opened):
    page = opened("index")
    page.get_by_role("link", name=made(0).question).click()
    for place in range(len(LESSONS)):
        expect(page.get_by_role("heading", level=1)).to_have_text(made(place).question)
        expect(page.locator(".crumbs")).to_contain_text(f"Lesson {place + 1} of {len(LESSONS)}")
        page.locator(".next").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Gradient descent in twelve lessons")


@pytest.mark.parametrize("place", range(len(LESSONS)))
def test_a_page_shows_all_of_its_lesson(opened, place):
    lesson = made(place)
    page = opened(lesson.slug)
    for code in (lesson.right, lesson.wrong):
        expect(page.get_by_label(code.verdict)).to_have_text(re.compile(re.escape(code.source.strip()[:40])))
    for claim in lesson.claims:
        expect(page.get_by_text(claim.text, exact=True)).to_be_visible()
    assert page.locator("figure svg").count() == len(lesson.pictures)
    assert page.locator(".playground").count() == len(lesson.playgrounds)
    expect(page.locator(".pg-outcome b").first).to_have_text(
        re.compile("Right|Too small|Overshooting|Too large|Diverging")
    )


@pytest.mark.parametrize("place", range(len(LESSONS)))
@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_fits_and_its_letters_are_large_enough(opened, place, width):
    page = opened(made(place).slug, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    letters = page.locator("figure svg text").evaluate_all(
        "all => all.map(t => parseFloat(getComputedStyle(t).fontSize) * t.getScreenCTM().a)"
    )
    assert min(size for size in letters if size) >= 12.5


def test_dark_pages_have_dark_figures(opened):
    fills = {
        scheme: opened("line", color_scheme=scheme)
        .locator("figure svg text")
        .first.evaluate("t => getComputedStyle(t).fill")
        for scheme in ("light", "dark")
    }
    assert fills["light"] != fills["dark"]


def test_without_scripts_all_but_the_playground_is_there(opened):
    page = opened("line", java_script_enabled=False)
    assert page.locator("figure svg").count() == len(made(0).pictures)
    expect(page.locator(".playground").first).to_contain_text("needs JavaScript")


def test_the_command_writes_them(tmp_path, capsys):
    assert main(["lessons", "--results", str(tmp_path)]) == 0
    assert f"lessons: {tmp_path / 'lessons' / 'index.html'}" in capsys.readouterr().out
    assert len(list((tmp_path / "lessons").glob("*.html"))) == len(LESSONS) + 1
