"""The playground in a real browser."""

import re
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.slow

LIMIT = 2.0  # of gradient descent where the curvature is 1


def outcome(page: Page, which: int = 0):
    return page.locator(".pg-outcome").nth(which)


def rate(page: Page, which: int = 0):
    return page.get_by_role("slider", name="Learning rate").nth(which)


def at(page: Page, value: float, which: int = 0) -> None:
    box = page.get_by_role("textbox", name="Learning rate as a number").nth(which)
    box.fill(str(value))
    box.press("Tab")


def pixels(page: Page, name: str) -> str:
    return page.locator(f".pg-{name} canvas").evaluate("canvas => canvas.toDataURL()")


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_label(label, exact=True).select_option(label=option)


def settings(page: Page) -> dict[str, str]:
    page.wait_for_timeout(500)  # the address follows a moment after the last change
    words = page.url.partition("#play:")[2]
    return {key: values[0] for key, values in parse_qs(words, keep_blank_values=True).items()}


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (0.01, "Too small"),
        (1.0, "Right"),
        (0.9 * LIMIT, "Overshooting"),
        (0.99 * LIMIT, "Overshooting"),
        (1.01 * LIMIT, "Diverging"),
        (9, "Diverging"),
    ],
)
def test_each_side_of_the_limit_is_called_by_its_name(opened, value, word):
    page = opened("problem=parabola&steps=60")
    at(page, value)
    expect(outcome(page).locator("b")).to_have_text(word)
    expect(page.locator(".pg-limit")).to_contain_text("Predicted limit: 2 / λ = 2, with λ")
    expect(page.locator(".pg-limit")).to_contain_text("right of it each step lands beyond the minimum")


@pytest.mark.parametrize("value", [1.95, 1.97, 1.99])
def test_just_left_of_the_limit_it_says_that_the_run_still_converges(opened, value):
    page = opened("problem=valley&steps=30&condition=8")
    at(page, value)
    expect(outcome(page).locator("b")).to_have_text("Overshooting")
    expect(outcome(page)).to_contain_text(re.compile("converges( in the end, but slowly: after 30 steps|,)"))
    expect(page.locator(".pg-limit")).to_contain_text("Left of it the run converges in the end")


@pytest.mark.parametrize("value", [0.12, 0.2, 0.8])
def test_what_ends_below_the_line_has_converged(opened, value):
    page = opened(f"problem=valley&steps=30&condition=8&a=adam&a.lr={value}")
    expect(outcome(page)).to_contain_text("It converges")
    expect(outcome(page)).to_contain_text("less than 10 % of the starting loss is left from step")


def test_dragging_the_knob_moves_path_curve_and_outcome(opened):
    page = opened("problem=valley")
    box = rate(page).bounding_box()
    seen, middle = set(), box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + float(rate(page).evaluate(KNOB)), middle)
    page.mouse.down()
    for share in (0.1, 0.35, 0.6, 0.9):
        page.mouse.move(box["x"] + share * box["width"], middle, steps=3)
        page.wait_for_timeout(80)
        seen.add((pixels(page, "main"), pixels(page, "loss"), outcome(page).text_content()))
    page.mouse.up()
    assert len(seen) == 4
    expect(outcome(page).locator("b")).to_have_text("Diverging")


KNOB = "i => 13 + (i.value - i.min) / (i.max - i.min) * (i.clientWidth - 26)"


def test_the_knob_is_continuous_and_the_keyboard_moves_it(opened):
    page = opened("problem=parabola")
    at(page, 1.7)
    rate(page).focus()
    page.keyboard.press("ArrowRight")
    assert float(settings(page)["a.lr"]) == pytest.approx(1.7 * 10**0.01, rel=1e-3)
    page.keyboard.press("Shift+ArrowLeft")
    assert float(settings(page)["a.lr"]) == pytest.approx(1.7 * 10**0.009, rel=1e-3)
    page.keyboard.press("PageUp")
    expect(outcome(page).locator("b")).to_have_text("Diverging")
    expect(rate(page)).to_be_focused()
    expect(rate(page)).to_have_attribute(
        "aria-valuetext", re.compile(r"Gradient descent, learning rate 2\.2: Diverging")
    )
    expect(page.get_by_role("status")).to_contain_text("Diverging")


def test_keys_that_come_faster_than_pictures_all_count(opened):
    page = opened("problem=parabola&a.lr=1.7")
    rate(page).evaluate(
        "knob => { for (let i = 0; i < 3; i++) "
        "knob.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight' })); }"
    )
    assert float(settings(page)["a.lr"]) == pytest.approx(1.7 * 10**0.03, rel=1e-3)


def test_the_start_is_dragged_on_the_map_and_moved_by_keys(opened):
    page = opened("problem=valley")
    start = page.get_by_role("button", name="Start at")
    before, picture = start.bounding_box(), pixels(page, "main")
    x, y = before["x"] + before["width"] / 2, before["y"] + before["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 40, steps=4)
    page.mouse.up()
    after = start.bounding_box()
    assert after["x"] - before["x"] == pytest.approx(90, abs=1.5)
    assert after["y"] - before["y"] == pytest.approx(40, abs=1.5)
    assert pixels(page, "main") != picture
    start.focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_timeout(100)
    assert start.bounding_box()["x"] < after["x"]
    assert "start" in settings(page)


def test_points_of_the_line_are_dragged_and_the_answer_follows(opened):
    page = opened("points=6")
    point = page.get_by_role("button", name="Point 2 of 6")
    picture, box = pixels(page, "main"), point.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y - 60, steps=4)
    page.mouse.up()
    assert settings(page)["moved"].startswith("1,")
    assert pixels(page, "main") != picture
    point.focus()
    page.keyboard.press("PageDown")
    expect(page.get_by_role("button", name="Point 3 of 6")).to_be_focused()


def test_two_optimizers_are_in_one_picture_each_with_its_rate(opened):
    page = opened("problem=valley")
    choose(page, "Compare with", "Adam")
    assert rate(page, 1).is_visible()
    at(page, 3, 0)
    at(page, 0.3, 1)
    expect(outcome(page, 0).locator("b")).to_have_text("Diverging")
    expect(outcome(page, 1).locator("b")).to_have_text("Right")
    expect(page.locator(".pg-limit").nth(1)).to_contain_text(
        "Adam has no limit to predict. Each step is about as long as the rate"
    )
    picture = pixels(page, "main")
    page.get_by_label("β₁").fill("0")
    page.wait_for_timeout(100)
    assert pixels(page, "main") != picture
    assert settings(page)["b.beta1"] == "0"


def test_a_problem_chosen_again_is_as_it_was(opened, bowl):
    page = opened(file=bowl)
    assert settings(page) == {}
    choose(page, "Problem", "A valley")
    assert settings(page) == {}
    choose(page, "Problem", "A curved valley (Rosenbrock)")
    first = settings(page)
    assert first["steps"] == "200"
    choose(page, "Problem", "A valley")
    assert settings(page) == {}
    at(page, 0.5)
    choose(page, "Problem", "A curved valley (Rosenbrock)")
    assert settings(page) == first
    choose(page, "Problem", "A valley")
    assert settings(page) == {"a.lr": "0.5"}


def test_an_optimizer_chosen_again_has_its_rate(opened, bowl):
    page = opened(file=bowl)
    choose(page, "Optimizer", "Adam")
    at(page, 0.3)
    choose(page, "Optimizer", "Gradient descent")
    assert settings(page) == {}
    choose(page, "Optimizer", "Adam")
    assert settings(page) == {"a": "adam", "a.lr": "0.3"}
    choose(page, "Compare with", "Nesterov")
    at(page, 0.7, 1)
    choose(page, "Compare with", "nothing")
    choose(page, "Compare with", "Nesterov")
    assert settings(page)["b.lr"] == "0.7"


def test_a_link_keeps_a_rate_that_was_worked_out(opened, bowl):
    page = opened(file=bowl)
    choose(page, "Optimizer", "Adam")
    said = outcome(page).text_content()
    page.wait_for_timeout(500)  # the address follows a moment after the last change
    words = page.evaluate("location.hash.split(':')[1]")
    expect(outcome(opened(words, file=bowl))).to_have_text(said)


def test_it_plays_pauses_and_steps(opened):
    page = opened("problem=valley&steps=40&speed=30")
    count = page.locator(".pg-count")
    expect(count).to_have_text("step 40 of 40")
    page.get_by_role("button", name="Step", exact=True).click()
    expect(count).to_have_text("step 1 of 40")
    page.get_by_role("button", name="Step back").click()
    expect(count).to_have_text("step 0 of 40")
    first = pixels(page, "main")
    page.get_by_role("button", name="Play").click()
    expect(count).to_have_text(re.compile(r"step ([5-9]|[12]\d) of 40"))
    page.get_by_role("button", name="Pause").click()
    held = count.text_content()
    page.wait_for_timeout(200)
    expect(count).to_have_text(held)
    assert pixels(page, "main") != first
    page.get_by_role("button", name="Play").click()
    expect(count).to_have_text("step 40 of 40")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_where_motion_is_not_wanted_it_plays_in_stills(opened):
    page = opened("problem=valley&steps=40&speed=30", reduced_motion="reduce")
    page.evaluate("""() => {
      window.seen = new Set();
      const count = document.querySelector(".pg-count");
      new MutationObserver(() => {
        // On a slow machine the page may still be drawing the end of the path, from before it plays.
        if (seen.size || count.textContent.startsWith("step 0 ")) seen.add(count.textContent);
      }).observe(count, { childList: true });
    }""")
    page.get_by_role("button", name="Play").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible(timeout=10_000)
    assert page.evaluate("[...seen]") == [f"step {n} of 40" for n in range(0, 41, 4)]


def test_the_address_holds_the_state(opened):
    page = opened()
    choose(page, "Problem", "A valley")
    choose(page, "Compare with", "Nesterov")
    page.get_by_text("Change the problem").click()
    page.get_by_label("Condition number").fill("2")
    at(page, 1.234)
    assert settings(page)["condition"] == "100"
    said, picture = outcome(page).text_content(), pixels(page, "main")
    again = opened(page.url.partition("#play:")[2])
    expect(outcome(again)).to_have_text(said)
    assert pixels(again, "main") == picture
    again.get_by_role("button", name="Start over").click()
    assert settings(again) == {}


@pytest.mark.parametrize("words", ["problem=nonsense", "a=magic&b=x", "a.lr=abc", "steps=NaN&__proto__=1"])
def test_an_address_of_nonsense_is_the_default(opened, words):
    plain, page = opened(), opened(words)
    expect(outcome(page)).to_have_text(outcome(plain).text_content())


def test_a_networks_boundary_moves_with_the_rate_and_own_points_are_added(opened):
    page = opened("problem=network&steps=80&samples=40&hidden=3")
    picture = pixels(page, "main")
    at(page, 0.01)
    expect(outcome(page).locator("b")).to_have_text("Too small")
    assert pixels(page, "main") != picture
    page.get_by_text("Change the problem").click()
    page.get_by_label("Data", exact=True).select_option(label="my own")
    page.locator(".pg-main").click(position={"x": 200, "y": 200})
    page.get_by_label("A click adds").select_option(label="a pink square")
    page.locator(".pg-main").click(position={"x": 300, "y": 250})
    assert [one.split(",")[2] for one in settings(page)["own"].split(";")] == ["0", "1"]


def test_standardised_data_make_a_round_bowl_and_another_limit(opened):
    page = opened("offset=4")
    expect(page.locator(".pg-limit")).not_to_contain_text("= 2, with")
    page.get_by_text("Change the problem").click()
    page.get_by_label("Standardise x and y").check()
    expect(page.locator(".pg-limit")).to_contain_text("2 / λ = 2, with")
    page.get_by_label("Fit the intercept").uncheck()
    assert page.get_by_role("button", name="Start at").count() == 1


def test_a_smaller_batch_lowers_the_predicted_limit(opened):
    page = opened()
    full = limit_of(page)
    page.get_by_text("Change the problem").click()
    page.get_by_label("Batch").fill("0")
    expect(page.locator(".pg-limit")).to_contain_text("with these batches")
    assert limit_of(page) < 0.8 * full


def limit_of(page: Page) -> float:
    return float(re.search(r"[=:] ([\d.]+\d)", page.locator(".pg-limit").text_content())[1])


def test_the_picture_is_saved_as_png(opened):
    page = opened("problem=valley&b=adam")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as PNG").click()
    content = saved.value.path().read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(content[16:20]) > 1500
    assert int.from_bytes(content[20:24]) > 1000


@pytest.mark.parametrize("width", [360, 768, 1280, 1800])
@pytest.mark.parametrize("words", ["b=adam", "problem=network", "problem=parabola"])
def test_it_fits_any_width(opened, width, words):
    page = opened(words, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for canvas in page.locator("canvas").all():
        assert canvas.bounding_box()["width"] > 250
    small = page.locator(".playground *").evaluate_all(
        "all => all.filter(e => e.childNodes.length && parseFloat(getComputedStyle(e).fontSize) < 13).length"
    )
    assert small == 0


@pytest.mark.parametrize("problem", ["valley", "line", "network"])
def test_both_verdicts_and_both_knobs_are_seen_with_the_picture(opened, bowl, problem):
    page = opened(f"problem={problem}&b=adam&a.lr=", height=800, file=bowl)
    page.locator(".pg-top").evaluate("row => row.scrollIntoView()")
    seen = [page.locator(".pg-main"), outcome(page, 0), outcome(page, 1), rate(page, 0), rate(page, 1)]
    for one in seen:
        box = one.bounding_box()
        assert 0 <= box["y"] < box["y"] + box["height"] <= 800
    expect(outcome(page, 1)).to_contain_text("Adam")


def test_a_dark_page_is_dark_and_paper_is_white(opened):
    def corner(page):
        return page.locator(".pg-main canvas").evaluate(
            """c => {
              const copy = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
              copy.drawImage(c, c.width * 0.2, c.height * 0.05, 1, 1, 0, 0, 1, 1);
              return [...copy.getImageData(0, 0, 1, 1).data.slice(0, 3)];
            }"""
        )

    light, dark = opened("problem=valley"), opened("problem=valley", color_scheme="dark")
    assert sum(corner(light)) > 600
    assert sum(corner(dark)) < 200
    dark.emulate_media(media="print")
    dark.wait_for_timeout(100)
    assert sum(corner(dark)) > 600
    assert not dark.get_by_role("button", name="Play").is_visible()
    expect(outcome(dark)).to_be_visible()


def test_without_scripts_it_says_so(opened):
    page = opened(java_script_enabled=False)
    expect(page.locator(".playground")).to_contain_text("switched off")
