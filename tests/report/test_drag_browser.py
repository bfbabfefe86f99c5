"""The rate to be dragged, in a real browser."""

import pytest
from playwright.sync_api import Page, expect

from tests.report.conftest import NASTY

pytestmark = pytest.mark.slow


def curves(page: Page) -> list[str]:
    return page.locator("[data-box=curves] path.run").evaluate_all("all => all.map(p => p.getAttribute('d'))")


def outcome(page: Page):
    return page.locator("#drag [data-say=outcome]")


def choose(page: Page, label: str, option: str) -> None:
    page.locator("#drag .choices").get_by_label(label, exact=True).select_option(label=option)


def test_dragging_changes_the_curve_the_path_and_the_outcome(opened):
    page = opened()
    slider = page.get_by_label("Learning rate", exact=True)
    expect(outcome(page)).to_contain_text("Gradient descent: both runs converged")  # at the best rate
    seen = set()
    for place in range(6):
        slider.fill(str(place))
        path = page.locator("[data-box=map] path.run").first.get_attribute("d")
        seen.add((tuple(curves(page)), path, outcome(page).text_content()))
        assert len(curves(page)) == 2  # both replicates
    assert len({curve for curve, _, _ in seen}) == 5  # the last two diverge alike
    slider.fill("0")
    expect(outcome(page)).to_contain_text("too small a rate for both runs")
    assert page.locator("#drag .cross").count() == 0
    slider.fill("5")
    expect(outcome(page)).to_contain_text("both runs diverged; stopped at update 20")
    assert page.locator("[data-box=curves] .cross").count() == 2
    assert page.locator("[data-box=map] .cross").count() == 2


def test_a_mouse_can_drag_it(opened):
    page = opened()
    slider = page.locator("#drag-rate")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    before = curves(page)
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 3, box["y"] + box["height"] / 2, steps=5)
    page.mouse.up()
    assert slider.input_value() == "0"
    assert curves(page) != before


def test_the_keyboard_moves_it_and_a_screen_reader_hears_rate_outcome_and_loss(opened):
    page = opened()
    slider = page.locator("#drag-rate")
    slider.focus()
    page.keyboard.press("Home")
    said = "learning rate 0.001. Gradient descent: too small a rate for both runs; "
    expect(slider).to_have_attribute("aria-valuetext", said + "training loss ends at 0.9, gap 0.9.")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#drag [data-say=rate]")).to_have_text("0.01")
    page.keyboard.press("End")
    expect(page.locator("#drag [data-say=rate]")).to_have_text("100")
    expect(page.get_by_role("slider", name="Learning rate")).to_be_focused()


def test_limits_are_marked_where_they_are_on_the_slider(opened):
    page = opened()
    slider = page.locator("#drag-rate")
    frame = page.locator("[data-box=rates]").bounding_box()
    for kind, rate in (("predicted", 2.0), ("measured", 2.1)):
        mark = page.locator(f"[data-limit={kind}]").bounding_box()
        marked = mark["x"] + mark["width"] / 2
        knobs = []
        for place in (3, 4):  # rates 1 and 10
            slider.fill(str(place))
            now = page.locator("[data-box=rates] .now").bounding_box()
            knobs.append(now["x"] + now["width"] / 2)
        share = (marked - knobs[0]) / (knobs[1] - knobs[0])
        assert 10**share == pytest.approx(rate, rel=0.03)
        assert frame["x"] < marked < frame["x"] + frame["width"]
    limits = page.locator("#drag [data-say=limit]")
    expect(limits).to_contain_text("Predicted stability limit: 2.00")
    expect(limits).to_contain_text("This rate is 5 times the predicted limit.")
    choose(page, "Batch", "stochastic (batch 1)")
    expect(limits).to_contain_text(
        "No stability limit is predicted: for Gradient descent no learning rate is known"
    )
    assert page.locator("[data-limit]").count() == 0


def test_the_knob_stands_below_its_line(opened):
    page = opened()
    slider = page.locator("#drag-rate")
    for place, share in ((0, 0.0), (5, 1.0)):
        slider.fill(str(place))
        box, line = slider.bounding_box(), page.locator("[data-box=rates] .now").bounding_box()
        knob = box["x"] + 13 + share * (box["width"] - 26)  # half of the knob's 26 pixels at either end
        assert line["x"] + line["width"] / 2 == pytest.approx(knob, abs=2)


def test_two_optimizers_are_compared_at_the_same_rate(opened):
    page = opened()
    choose(page, "Compare with", "Adam (beta1=0.5)")
    page.locator("#drag-rate").fill("4")
    expect(outcome(page)).to_contain_text("Gradient descent: both runs diverged")
    other = page.locator("#drag [data-say=other]")
    expect(other).to_contain_text("Adam (beta1=0.5): too large a rate for both runs")
    colors = page.locator("[data-box=curves] path.run").evaluate_all("all => all.map(p => p.style.stroke)")
    assert len(colors) == 4
    assert len(set(colors)) == 2
    marks = page.locator("[data-limit]")
    assert marks.evaluate_all("all => all.map(m => `${m.dataset.of} ${m.dataset.limit}`)") == [
        "sgd predicted",
        "sgd measured",
        "adam(beta1=0.5) measured",
    ]
    drawn = marks.evaluate_all("all => all.map(m => m.style.stroke)")
    assert drawn[0] == drawn[1] != drawn[2]
    limits = page.locator("#drag [data-say=limit]")
    expect(limits).to_contain_text("Gradient descent: Predicted stability limit: 2.00")
    expect(limits).to_contain_text("Adam (beta1=0.5): Measured stability limit: 30.0")
    choose(page, "Compare with", "nothing")
    expect(other).to_be_empty()
    assert [mark.get_attribute("style") for mark in marks.all()] == ["", ""]


def test_the_pages_filters_choose_here_too(opened):
    page = opened()
    assert page.locator("[data-box=map]").is_visible()
    page.locator("select[data-filter=problem]").select_option("toy_1/net")
    chosen = page.locator("#drag .choices").get_by_label("Problem", exact=True).locator("option:checked")
    expect(chosen).to_have_text("toy_1")
    assert not page.locator("[data-box=map]").is_visible()  # it has more than two parameters
    page.locator("select[data-filter=optimizer]").select_option("adam(beta1=0.5)")
    expect(outcome(page)).to_contain_text("Adam (beta1=0.5):")


def test_another_choice_stays_at_the_same_rate(opened):
    page = opened()
    page.locator("#drag-rate").fill("1")
    choose(page, "Optimizer", "Adam (beta1=0.5)")
    expect(page.locator("#drag [data-say=rate]")).to_have_text("0.01")


def test_names_are_shown_and_never_obeyed(opened):
    page = opened()
    options = page.locator("#drag .choices").get_by_label("Problem", exact=True).locator("option")
    assert NASTY in options.all_text_contents()
    assert page.locator("#drag script").count() == 1  # the data
    assert page.locator("script").count() == 2


def test_without_scripts_there_is_a_picture_instead(opened):
    page = opened(java_script_enabled=False)
    assert not page.locator("#drag .lab").is_visible()
    assert page.locator("#drag .still figure").locator("visible=true").count() == 2
    assert opened().locator("#drag .still").is_hidden()


@pytest.mark.parametrize("width", [360, 800, 1280])
def test_it_fits_and_the_charts_fill_their_place(opened, width):
    page = opened(width=width)
    choose(page, "Compare with", "Adam (beta1=0.5)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for name in ("rates", "curves", "map"):
        box = page.locator(f"[data-box={name}] > svg").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["width"] > 250
    page.set_viewport_size({"width": 700, "height": 900})
    expect(page.locator("[data-box=rates] > svg")).to_have_attribute(
        "viewBox", f"0 0 {page.locator('[data-box=rates]').evaluate('box => box.clientWidth')} 162"
    )


def test_it_prints_what_is_set(opened):
    page = opened(color_scheme="dark")
    page.locator("#drag-rate").fill("4")
    page.emulate_media(media="print")
    assert page.locator("[data-box=curves] > svg").is_visible()
    assert not page.locator("#drag-rate").is_visible()
    expect(outcome(page)).to_be_visible()
