"""What the page may do, in a real browser: whatever gets into it as a name or a label runs no code."""

import base64
import hashlib
import re
from html import unescape

import pytest
from playwright.sync_api import expect

from overshoot.study.report.policy import classes


@pytest.mark.parametrize("name", ["report.html", "evidence.html"])
def test_a_page_allows_its_own_script_and_styles_by_their_hashes(report, name):
    text = (report / name).read_text(encoding="utf-8")
    allowed = re.search(r'<meta http-equiv="Content-Security-Policy" content="([^"]+)">', text)[1]
    assert "default-src 'none'" in unescape(allowed)
    for tag in ("style", "script"):
        [own] = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        assert base64.b64encode(hashlib.sha256(own.encode()).digest()).decode() in unescape(allowed)
    assert not re.search(r"<[^>]*\sstyle=", text)
    assert not re.search(r"<[^>]*\son\w+=", text)
    assert "unsafe" not in allowed


def test_styles_become_classes_that_say_the_same():
    plain, rules = classes(
        {"a": ['<g style="fill:red"/><g style="fill:blue"/>'], "b": ['<g style="fill:red"/>']}
    )
    assert plain == {"a": ['<g class="s0"/><g class="s1"/>'], "b": ['<g class="s0"/>']}
    assert rules == ".s0{fill:red}.s1{fill:blue}"


@pytest.mark.slow
def test_what_is_brought_in_does_not_run(browser, report):
    page = browser.new_page()
    page.goto((report / "report.html").as_uri())
    refused = page.evaluate(
        """async () => {
            const refused = [];
            addEventListener("securitypolicyviolation", (e) => refused.push(e.effectiveDirective));
            const bold = "<b onclick='window.ran = 1' style='color:red'>x</b>";
            document.body.insertAdjacentHTML("beforeend", bold);
            document.body.lastChild.click();
            const script = document.createElement("script");
            script.textContent = "window.ran = 1";
            document.body.append(script);
            await fetch("https://example.org/").catch(() => 0);
            await new Promise((done) => setTimeout(done, 100));
            return [window.ran, refused.sort()];
        }"""
    )
    assert refused == [None, ["connect-src", "script-src-attr", "script-src-elem", "style-src-attr"]]
    page.close()


@pytest.mark.slow
def test_figures_keep_their_looks(opened):
    page = opened()
    line = page.locator("#ranges figure svg [class]").first
    expect(line).not_to_have_css("fill", "")
    drawn = page.locator("#ranges figure svg path").evaluate_all(
        "paths => new Set(paths.map((path) => getComputedStyle(path).stroke)).size"
    )
    assert drawn > 2
