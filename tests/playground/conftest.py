"""A playground in a page of its own, from disk, and its modules alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from overshoot.study.playground import Playground, bundle, page
from overshoot.study.report.opening import opening


@pytest.fixture(scope="session")
def standalone(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("playground") / "play.html"
    file.write_text(page(Playground(x="hours", y="points"), "Play"), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def bowl(tmp_path_factory) -> Path:
    """The playground of the report: with the bowl of the first pictures."""
    file = tmp_path_factory.mktemp("playground") / "bowl.html"
    file.write_text(page(opening().play, "Bowl"), encoding="utf-8")
    return file


@pytest.fixture
def opened(browser: Browser, standalone: Path):
    """Opens the playground at settings, in words; it must see no error and ask for nothing."""
    errors: list[str] = []
    contexts: list[BrowserContext] = []

    def open_with(
        settings: str = "", width: int = 1280, height: int = 1000, file=standalone, **given
    ) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, **given)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda m: errors.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:", "blob:")) else errors.append(r.url),
        )
        page.goto(f"{file.as_uri()}#play:{settings}" if settings else file.as_uri())
        return page

    yield open_with
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def module(browser: Browser):
    """module(name, names, function, argument): what a function in JavaScript, with these names of a module,
    gives for an argument."""
    context = browser.new_context()
    blank = context.new_page()

    def call(name: str, names: str, function: str, argument: Any) -> Any:
        code = bundle(name, expose=f"{{ {names} }}")
        return blank.evaluate(
            f"(argument) => {{ const {{ {names} }} = {code}; return ({function})(argument); }}", argument
        )

    yield call
    context.close()


Module = Callable[[str, str, str, Any], Any]
