"""The small copy of a report that is kept beside the code."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from overshoot.study.figures.panels import smaller_png
from overshoot.study.report.reference_copy import LARGE, ROWS, abridged, keep, without_links


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("| [batch 1 †](http://h/#/e/1/runs/a%28b) | 2 |", "| batch 1 † | 2 |"),
        (r"[adam\(x\] y](https://h/r) and [z](https://h)", r"adam\(x\] y and z"),
        ("It is 3. Runs: [Adam, full](http://h/1), [all cells](http://h/2).\n\nMore.", "It is 3.\n\nMore."),
        ("![a picture](figures/a.png) in [0.2, 0.4] (n)", "![a picture](figures/a.png) in [0.2, 0.4] (n)"),
    ],
)
def test_links_to_the_store_become_text(text: str, kept: str) -> None:
    assert without_links(text) == kept


def picture(path: Path) -> np.ndarray:
    """Two areas of colour, many shades between them, and a mark of a few pixels."""
    grey = np.random.default_rng(0).integers(256, size=(60, 90, 1), dtype=np.uint8)
    pixels = np.repeat(grey, 3, axis=2)
    pixels[:, :30], pixels[:, 60:], pixels[5:8, 70:73] = (170, 20, 60), (250, 250, 250), (0, 110, 180)
    Image.fromarray(pixels).save(path)
    return pixels


def test_a_copys_pictures_take_fewer_bytes_and_keep_their_colors(tmp_path: Path) -> None:
    pixels = picture(tmp_path / "a.png")
    smaller_png(tmp_path / "a.png", tmp_path / "b.png")
    assert (tmp_path / "b.png").stat().st_size < (tmp_path / "a.png").stat().st_size
    copied = np.asarray(Image.open(tmp_path / "b.png").convert("RGB")).astype(int)
    assert copied.shape == pixels.shape
    for at in ((0, 0), (0, 80), (6, 71)):
        assert abs(copied[at] - pixels[at]).max() <= 8


def test_a_copy_holds_the_text_and_the_figures_that_it_names(tmp_path: Path) -> None:
    report, copy = tmp_path / "report", tmp_path / "copies" / "one"
    (report / "figures").mkdir(parents=True)
    (report / "report.md").write_text("![a](figures/a.png) [run](http://h/1) ![a](figures/a.png)")
    for name in ("a.png", "unused.png"):
        picture(report / "figures" / name)
    for _ in range(2):  # the second takes the place of the first
        assert keep(report, copy) == copy / "report.md"
        assert (copy / "report.md").read_text() == "![a](figures/a.png) run ![a](figures/a.png)"
        assert [f.name for f in (copy / "figures").iterdir()] == ["a.png"]
        (copy / "figures" / "stale.png").write_text("old")


def test_without_a_report_the_copy_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "report.md").write_text("kept")
    with pytest.raises(FileNotFoundError):
        keep(tmp_path, tmp_path / "copy")
    assert (tmp_path / "copy" / "report.md").read_text() == "kept"


def test_nothing_but_an_earlier_copy_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match=r"a copy would delete: thesis\.tex"):
        keep(tmp_path, tmp_path)
    with pytest.raises(FileExistsError, match="is not a folder"):
        keep(tmp_path, tmp_path / "thesis.tex")
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def table(rows: int) -> str:
    return "| a |\n| --- |\n" + "| 1 |\n" * rows


def test_a_large_report_is_kept_without_its_problems_and_long_tables(tmp_path: Path) -> None:
    (tmp_path / "report" / "figures").mkdir(parents=True)
    for name in ("a", "b"):
        picture(tmp_path / "report" / "figures" / f"{name}.png")
    text = (
        f"# T\n\n![a](figures/a.png)\n\n{table(ROWS)}\n{table(ROWS + 1)}\n"
        "## Problem by problem\n\n### iris\n\n"
        f"![b](figures/b.png)\n\n{'word ' * (LARGE // 5)}\n\n## What was run\n\nAll.\n"
    )
    (tmp_path / "report" / "report.md").write_text(text)
    brief = keep(tmp_path / "report", tmp_path / "copy").read_text()
    assert brief == abridged(text)
    assert table(ROWS) in brief
    assert f"a table of {ROWS + 1} rows" in brief
    assert "iris" not in brief
    assert "\n## Problem by problem\n\n*Left out" in brief
    assert brief.endswith("## What was run\n\nAll.\n")
    assert [figure.name for figure in (tmp_path / "copy" / "figures").iterdir()] == ["a.png"]
