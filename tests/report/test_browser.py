"""The page in a real browser, opened from disk."""

import pytest
from playwright.sync_api import Page, expect

from tests.report.figure_texts import beyond, figure_texts, overlapping, small

pytestmark = pytest.mark.slow


def shown(page: Page, selector: str) -> int:
    return page.locator(selector).locator("visible=true").count()


@pytest.mark.parametrize("width", [360, 768, 1280, 1800])
def test_nothing_sticks_out_at_any_width(opened, width):
    page = opened(width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    figures = page.locator("figure svg").locator("visible=true")
    assert figures.count() > 10
    for i in range(figures.count()):
        box = figures.nth(i).bounding_box()
        assert box["width"] > 200
        assert box["height"] > 60


def test_a_table_breaks_before_its_intervals_rather_than_scroll(opened):
    page = opened(width=1200)
    wide = (
        page.locator(".scroll")
        .locator("visible=true")
        .evaluate_all("all => all.filter(t => t.scrollWidth > t.clientWidth + 1).map(t => t.ariaLabel)")
    )
    assert wide == []
    cell = page.locator("td", has_text="[").locator("visible=true").first
    lines = """td => {
      const range = document.createRange();
      range.selectNodeContents(td);
      return new Set([...range.getClientRects()].map((box) => box.top)).size;
    }"""
    cell.evaluate("td => { td.style.display = 'block'; td.style.width = 0; }")
    assert cell.evaluate(lines) == 2, "it breaks before the interval, which itself does not break"
    cell.evaluate("td => { td.style.width = 'max-content'; }")
    assert cell.evaluate(lines) == 1, "only where there is no room"
    sizes = page.locator("td, th").evaluate_all(
        "all => all.map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 11


def test_choosing_a_problem_hides_the_others(opened):
    page = opened()
    assert shown(page, "section.problem") == 2
    page.locator("select[data-filter=problem]").select_option("toy_1/net")
    assert shown(page, "section.problem") == 1
    expect(page.locator(".filters output")).to_contain_text("1 of 2 problems")
    assert shown(page, "#ranges figure") == 1
    assert shown(page, "nav ol ol a") == 1
    page.get_by_role("button", name="Show all").click()
    expect(page.locator(".filters output")).to_have_text("")
    assert shown(page, "section.problem") == 2


def test_choosing_an_optimizer_leaves_its_rows_and_panels(opened):
    page = opened()
    page.locator("select[data-filter=optimizer]").select_option("sgd")
    assert shown(page, "#problem-1 .tiles figure") == 2  # its rates and its curves
    rows = page.locator("#problem-1 tbody tr").locator("visible=true")
    assert set(rows.evaluate_all("rows => rows.map(row => row.dataset.optimizer)")) == {"sgd"}


def test_choosing_a_batch_strategy_leaves_its_rows_and_shows_its_curves(opened):
    page = opened()
    page.locator("select[data-filter=batch]").select_option("full")
    rows = page.locator("#problem-1 tbody tr").locator("visible=true")
    assert set(rows.evaluate_all("rows => rows.map(row => row.dataset.batch)")) == {"full"}
    # With one row an optimizer, every row names its own.
    assert rows.first.locator("th").first.evaluate("th => getComputedStyle(th).color") != "rgba(0, 0, 0, 0)"
    pressed = page.locator("#problem-1 .tabs [aria-pressed=true]")
    expect(pressed).to_have_text("full batch")
    assert shown(page, '#problem-1 [data-curves="full"]') == 1
    assert shown(page, '#problem-1 [data-curves="1"]') == 0


def test_the_curves_of_one_problem_can_be_switched_by_keyboard(opened):
    page = opened()
    button = page.locator("#problem-2 .tabs button").first
    button.focus()
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    curves, paths = page.locator("#problem-2 .switch").all()
    assert curves.locator("[data-curves]").locator("visible=true").count() == 1
    pressed = paths.locator("[aria-pressed=true]").text_content()
    paths.locator("[aria-pressed=false]").click()
    assert paths.locator("[aria-pressed=true]").text_content() != pressed
    expect(button).to_have_attribute("aria-pressed", "true")  # each switch by itself
    expect(page.locator("#problem-1 .tabs button").first).to_have_attribute("aria-pressed", "false")


def test_without_scripts_everything_is_shown(opened):
    page = opened(java_script_enabled=False)
    assert shown(page, "#problem-1 [data-curves]") == 2
    assert shown(page, ".filters") == 0
    assert shown(page, ".tabs") == 0


def test_a_dark_page_is_dark_and_its_figures_too(opened):
    backgrounds, lines = {}, {}
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        backgrounds[scheme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
        text = page.locator("#ranges figure text").first
        lines[scheme] = text.evaluate("t => getComputedStyle(t).fill")
    assert sum(map(int, backgrounds["light"][4:-1].split(","))) > 700
    assert sum(map(int, backgrounds["dark"][4:-1].split(","))) < 150
    assert lines["light"] != lines["dark"]


def test_names_do_nothing(opened):
    page = opened()
    assert page.title() == 'The evidence: <b>x</b> & "y"'
    assert page.locator("main > header b").count() == 0
    assert page.locator("script").count() == 1


def test_the_contents_lead_to_their_sections_and_follow_the_reader(opened):
    page = opened()
    page.get_by_role("link", name="What blew up").click()
    expect(page.locator("#divergence h2")).to_be_in_viewport()
    expect(page.get_by_role("link", name="What blew up")).to_have_attribute("aria-current", "true")


def test_an_address_leads_to_its_place_and_all_is_laid_out_soon(opened):
    page = opened(at="evidence.html#divergence")
    expect(page.locator("#divergence h2")).to_be_in_viewport()
    opened().wait_for_selector("body.whole")


def test_it_prints_all_figures_on_white(opened):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print")
    assert shown(page, "nav") == 0
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert sum(map(int, background[4:-1].split(","))) > 700
    assert page.pdf(format="A4")[:4] == b"%PDF"


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("at", ["report.html", "evidence.html"])
def test_the_letters_of_every_figure_can_be_read(opened, at, width):
    texts = figure_texts(opened(width=width, at=at))
    assert len(texts) > 10
    assert not small(texts)
    assert not beyond(texts)
    assert not overlapping(texts)
