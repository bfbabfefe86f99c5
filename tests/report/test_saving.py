"""What a reader saves from a report: tables as CSV, pictures as SVG and PNG."""

from __future__ import annotations

import csv
import struct
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow

Opened = Callable[..., Page]


def saved(page: Page, button: Locator, folder: Path) -> Path:
    """The file that a button saves, under the name that it has."""
    button.scroll_into_view_if_needed()
    with page.expect_download(timeout=60_000) as download:
        button.click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    return file


def test_a_table_is_saved_with_the_rows_and_columns_that_are_shown(opened: Opened, tmp_path: Path) -> None:
    page = opened()
    page.locator("select[data-filter=optimizer]").select_option("sgd")
    scroll = page.locator("#problem-1 .scroll").first
    button = page.locator("#problem-1").get_by_role("button", name="Save as CSV").first
    file = saved(page, button, tmp_path)
    assert file.suffix == ".csv"
    head, *rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
    assert head[:3] == ["optimizer", "batch", "tuned for training: rate"]
    assert len(head) == scroll.locator("thead tr").last.locator("th").count()
    assert len(rows) == scroll.locator("tbody tr").locator("visible=true").count() == 2
    assert {row[0] for row in rows} == {"Gradient descent"}
    assert all(len(row) == len(head) for row in rows)


@pytest.mark.parametrize("at", ["report.html", "evidence.html"])
def test_a_picture_is_saved_with_its_title_its_conditions_and_all_of_its_panels(
    opened: Opened, tmp_path: Path, at: str
) -> None:
    page = opened(at=at)
    picture = page.locator(".picture").first
    file = saved(page, picture.get_by_role("button", name="Save as SVG"), tmp_path)
    root = ET.fromstring(file.read_text(encoding="utf-8"))
    texts = " ".join(
        " ".join("".join(element.itertext()).split()) for element in root.iter() if "text" in element.tag
    )
    assert picture.get_attribute("data-title") in texts
    conditions = page.evaluate("document.body.dataset.conditions")
    assert conditions.split(". ")[-1] in texts
    assert len(root.findall("{http://www.w3.org/2000/svg}svg")) >= picture.locator("figure").count()
    assert "var(--" not in ET.tostring(root, encoding="unicode")

    image = saved(page, picture.get_by_role("button", name="Save as PNG"), tmp_path).read_bytes()
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    size = struct.unpack(">II", image[16:24])
    assert size == (2 * int(root.attrib["width"]), 2 * int(root.attrib["height"]))
    assert len(image) > 10_000
