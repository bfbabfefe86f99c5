"""The page and its Markdown twin, parsed."""

import re
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from urllib.parse import unquote

import pytest

from overshoot.study.analysis import gather
from overshoot.study.analysis.study_tables import analyse
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.sweep import SweepSummary
from overshoot.study.report import render, rendering
from overshoot.study.report.rendering import markdown, whole
from overshoot.study.tracking import StoredCell
from tests.builders import SMALL, cell
from tests.planted_cells import INF, planted
from tests.report.conftest import NASTY, PROVENANCE, TITLE, cells

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Parsed(HTMLParser):
    """Every element with its attributes, and the text of the page; an error where tags do not nest."""

    def __init__(self, text):
        super().__init__()
        self.elements: list[tuple[str, dict]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.texts.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", "".join(self.texts).replace("\u202f", " "))

    def all(self, tag, **attributes):
        names = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
        return [a for t, a in self.elements if t == tag and names.items() <= a.items()]


def sentences(text: str) -> set[str]:
    """Those of more than five words, without the dialog that every page has."""
    text = text.partition("This leads to MLflow")[0].replace("\u00a0", " ")
    parts = re.split(r"(?<=[.:?!])\s+(?=[A-Z“0-9])", text)
    return {part.strip(" -") for part in parts if len(part.split()) > 5}


@pytest.fixture(scope="session")
def page(report):
    return Parsed((report / "evidence.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def story(report):
    return Parsed((report / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def twin(report):
    return (report / "report.md").read_text(encoding="utf-8")


class TestPage:
    def test_names_are_shown_and_never_obeyed(self, page):
        assert TITLE in page.text
        assert NASTY in page.text
        assert PROVENANCE["system"] in page.text
        assert page.all("script") == [{}]
        assert not page.all("i")
        assert {name for tag, a in page.elements for name in a if name.startswith("on")} == set()

    def test_they_refer_to_nothing_but_themselves_and_the_store(self, page, story):
        for tag, attributes in [*page.elements, *story.elements]:
            for key in ("src", "href", "action", "data", "poster", "srcset"):
                target = attributes.get(key)
                if target is None or target.startswith(("#", "data:,", "report.html", "evidence.html")):
                    continue
                assert tag == "a", (tag, target)
                assert re.match(r"http://127.0.0.1:5000/#/experiments/7/runs[/?]", target)

    @pytest.mark.parametrize("name", ["report.html", "evidence.html"])
    def test_styles_and_scripts_load_nothing(self, report, name):
        text = (report / name).read_text(encoding="utf-8")
        assert not re.search(r"@import|url\((?!#)|fetch\(|XMLHttpRequest|import\(", text)

    def test_ids_are_unique_and_references_resolve(self, page, report):
        ids = [a["id"] for _, a in page.elements if "id" in a]
        assert len(ids) == len(set(ids))
        text = (report / "evidence.html").read_text(encoding="utf-8")
        assert set(re.findall(r'(?:href="#|url\(#)([^")/]+)', text)) <= set(ids)

    def test_colours_are_variables_that_exist_in_both_schemes(self, report):
        text = (report / "evidence.html").read_text(encoding="utf-8")
        light = set(re.findall(r"(--[a-z0-9-]+):", text.split("@media (prefers-color-scheme: dark)")[0]))
        assert set(re.findall(r"var\((--[a-z0-9-]+)\)", text)) <= light | {"--sans", "--serif"}
        assert text.count("--paper:") == 3  # light, dark, print

    def test_every_section_is_in_the_contents(self, page):
        linked = [a["href"] for a in page.all("a") if a.get("href", "").startswith("#")]
        for section in ("reading", "ranges", "overview", "problems", "divergence", "run"):
            assert f"#{section}" in linked
            assert page.all("section", id=section)
        for section in ("ranks", "speed", "tuning", "axes"):
            assert f"#{section}" in linked
            assert page.all("section", id=section)
        assert {"#problem-1", "#problem-2"} <= set(linked)

    def test_every_panel_is_there_and_says_what_it_shows(self, page):
        figures = page.all("figure", role="img")
        panels = 3 * 2 + 2 * (2 + 2 * 2) + 2 * 2 + 1 + 2 + 2
        panels += (
            3 * 3 + 2 + 3 * 2 + 1
        )  # profiles, trials, axes, stability map; of two problems no test of ranks
        assert len(figures) == panels
        assert all(a["aria-label"] for a in figures)
        keys = len([a for a in page.all("use") if a["href"].startswith("#sign-")])
        signs = len([a for a in page.all("svg") if a.get("id", "").startswith("sign-")])
        assert len(page.all("svg")) == panels + keys + signs + 1

    def test_both_tables_of_each_problem_have_a_row_a_cell_that_leads_to_its_run(self, page):
        runs = [
            unquote(a["href"].partition("/runs/")[2].partition("?")[0])
            for a in page.all("a")
            if "/runs/" in a.get("href", "")
        ]
        wanted = [cell.run_id for cell in cells()]
        assert sorted(set(runs)) == sorted(wanted)
        assert all(runs.count(run) >= 2 for run in wanted)

    def test_numbers_of_the_cells_are_in_the_tables(self, page):
        assert "0.011\u00a0[0.010,\u00a00.013]".replace("\u00a0", " ") in page.text.replace("\u00a0", " ")
        assert "0/4" in page.text

    def test_labels_come_from_the_registry(self, page):
        assert "Gradient descent" in page.text
        assert "Adam (beta1=0.5)" in page.text
        assert "stochastic (batch 1)" in page.text

    def test_a_doubtful_search_is_marked_where_it_is_shown(self, page):
        assert page.text.count("†") >= 3
        assert "at the search boundary" in page.text

    def test_a_search_whose_range_grew_is_marked_in_the_row_of_its_cell_and_listed(self, page):
        assert page.texts.count("full ‡") == 2  # in both tables of its problem
        assert "no\u00a0‡" in page.texts

    def test_every_diverged_run_is_listed(self, page):
        gone = sum(int((cell.trials["outcome"] == "diverged").sum()) for cell in cells())
        assert len(re.findall(r",(?:sweep|search|confirm),", "".join(page.texts))) == gone

    def test_what_was_run_is_told(self, page):
        for text in ("2026-01-02", "seed 2026", "tolerance 0.1", "float32", "sweep: replicates 2", "cores 2"):
            assert text.replace(" ", "") in page.text.replace(" ", "")
        assert "4.0 s" in page.text  # eight cells of half a second


class TestStory:
    def test_it_opens_with_the_picture_then_the_rates_the_playground_and_five_findings(self, story):
        order = [a["id"] for a in story.all("section") if "id" in a]
        assert order == ["opening", "rates", "playground", "play", "findings", "evidence"]
        assert len(story.all("figure")) == len(story.all("figcaption")) == 4
        assert len([a for a in story.all("a") if a["href"].startswith("evidence.html#")]) >= 5

    def test_every_link_into_the_evidence_arrives(self, story, page):
        linked = {
            a["href"].partition("#")[2] for a in story.all("a") if a["href"].startswith("evidence.html#")
        }
        assert linked <= {a["id"] for a in page.all("section") if "id" in a}

    def test_nothing_stands_on_both_pages(self, story, page):
        told = {a["aria-label"] for a in story.all("figure")}
        assert not told & {a["aria-label"] for a in page.all("figure")}
        assert "Which rate to take" not in page.text
        assert len(sentences(story.text)) > 20
        assert not sentences(story.text) & sentences(page.text)

    def test_the_evidence_of_its_findings_links_back_to_them(self, story, page):
        assert len(page.all("a", href="report.html#findings")) == 5
        assert story.all("section", id="findings")

    def test_the_rates_to_take_say_how_far_the_limit_is_and_what_they_hold_for(self, story):
        assert "Gradient descent (sgd)" in story.text
        assert "0.5" in story.text
        assert "20 times" in story.text  # the sweep's boundary 10 over the tuned rate 0.5
        assert "The rates hold for these data as they were scaled here" in story.text

    def test_it_is_small(self, report):
        assert (report / "report.html").stat().st_size < 1e6


class TestTwin:
    def test_no_sentence_stands_twice(self, twin):
        """The parts of single problems apart, which are alike, and the meanings of columns."""
        before, _, after = twin.partition("## Problem by problem")
        text = before + after.partition("## What blew up")[2]
        prose = [line for line in text.splitlines() if not re.match(r"[|!#]|- \*[^*]", line)]
        said = [s for line in prose for s in sentences(re.sub(r"\*| Runs: .*|\(http\S*\)", "", line))]
        assert len(said) > 60
        assert {s for s in said if said.count(s) > 1} == set()

    def test_every_column_of_a_table_says_something(self, twin):
        tables = re.findall(r"(?:^\|.*\|\n)+", twin, flags=re.M)
        for head, _, *rows in (table.splitlines() for table in tables):
            for name, *said in zip(
                *(re.split(r"(?<!\\)\|", line)[1:-1] for line in (head, *rows)), strict=True
            ):
                assert {text.strip() for text in said} - {"–", ""}, name

    def test_every_image_is_there_and_every_file_is_shown(self, twin, report):
        shown = re.findall(r"\]\((figures/[^)]+)\)", twin)
        files = {f"figures/{path.name}" for path in (report / "figures").iterdir()}
        assert set(shown) == files
        assert all((report / name).stat().st_size > 5000 for name in shown)

    def test_names_are_escaped(self, twin):
        assert "<b>" not in twin
        assert "<script>" not in twin
        assert r"\*" in twin
        assert "toy_1" in twin

    def test_tables_have_as_many_cells_in_each_row_as_heads(self, twin):
        tables = re.findall(r"(?:^\|.*\|\n)+", twin, flags=re.M)
        assert len(tables) >= 8
        for table in tables:
            assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1

    def test_it_has_the_same_findings_as_the_pages(self, twin, page, story):
        first = re.findall(r"^\d+\. \*\*(.*?)\*\* \(.*\)$", twin, flags=re.M)
        linked = re.findall(r"^- \*\*\[(.*?)\]\(#what-the-study-found\)\*\* \S", twin, flags=re.M)
        assert set(linked) == set(re.findall(r"^\d+\. \*\*.*?\*\* \((.*)\)$", twin, flags=re.M))
        assert len(first) == len(linked) == 5
        opened = r"^- \*\*(\[.*?\]\(#what-the-study-found\)\*\*|.*?\*\* \(.*?\)) (?:\*Inconclusive\.\* )?(.*)"
        claims = re.findall(opened, twin, flags=re.M)
        evidence = [text.partition(" Runs: ")[0] for _, text in claims if " Runs: " in text]
        details = re.findall(r"^  (\w.*)$", twin, flags=re.M)
        assert len(evidence) >= 5
        assert len(details) >= 5
        for sentences, pages in ((first, [story]), (evidence, [story, page]), (details, [page])):
            for sentence in sentences:
                unescaped = re.sub(r"\\(.)", r"\1", sentence).replace("&lt;", "<").replace("&gt;", ">")
                plain = unescaped.replace("&amp;", "&").replace("\u00a0", " ").replace("\u202f", " ")
                assert any(plain in where.text.replace("\u00a0", " ") for where in pages)

    def test_it_opens_with_the_picture_as_the_story_does(self, twin):
        shown = [twin.index(text) for text in ("(figures/four-rates.png)", "## Which rate to take")]
        assert [*shown, twin.index("## What the study found"), twin.index("## How to read")] == sorted(
            [*shown, twin.index("## What the study found"), twin.index("## How to read")]
        )
        assert twin.index("(figures/four-rates.png)") < 400

    def test_markdown_shows_just_the_text(self):
        assert markdown("a|b_c*<d>`f`\n&") == r"a\|b_c\*&lt;d&gt;\`f\` &amp;"
        assert markdown("_a_ [0, 2]: b") == r"\_a\_ [0, 2]: b"
        assert markdown("[a]: b") == r"\[a]: b"
        assert markdown('["sgd", "adam"]') == '["sgd", "adam"]'
        assert markdown("1 [0, 2] [a](b) [a][b]") == r"1 [0, 2] [a\](b) [a\][b]"


class TestFiles:
    def test_nothing_changes_until_all_is_written(self, tmp_path, monkeypatch):
        for name in ("evidence.html", "report.html", "report.md", "mine.txt"):
            (tmp_path / name).write_text("old")
        (tmp_path / "figures").mkdir()
        (tmp_path / "figures" / "stale.png").write_text("old")

        def fail(page):
            raise RuntimeError("the disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(rendering, "_markdown", fail)
            with pytest.raises(RuntimeError, match="disk"):
                render("x", "x", gather([planted()]), {}, tmp_path, workers=1)
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "evidence.html",
            "figures",
            "mine.txt",
            "report.html",
            "report.md",
        ]
        assert (tmp_path / "report.html").read_text() == "old"
        assert (tmp_path / "figures" / "stale.png").exists()

        render("x", "x", gather([planted()]), {}, tmp_path, workers=1)
        assert (tmp_path / "report.html").read_text().startswith("<!DOCTYPE html>")
        assert not (tmp_path / "figures" / "stale.png").exists()
        assert (tmp_path / "mine.txt").read_text() == "old"
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "evidence.html",
            "figures",
            "mine.txt",
            "report.html",
            "report.md",
        ]

    def test_what_the_runner_leaves_is_what_the_report_reads(self, tmp_path):
        stored = []
        for optimizer in ("sgd", "adam"):
            result = run_cell(cell(optimizer=optimizer, protocol=replace(SMALL, tolerance=0.5)))
            trials = result.trials.assign(run_id=[f"{optimizer}-{i}" for i in range(len(result.trials))])
            tags = {"dataset": "iris", "network": "net", "optimizer": optimizer, "batch": "16"}
            known = (result.cell, result.summary, trials, partial(getattr, result, "curves"))
            stored.append(StoredCell(optimizer, "abc", "1", tags, *known, finished=0))
            tables = analyse(gather(stored))
            found = tables.sensitivity.iloc[-1]
            assert found["width"] == pytest.approx(result.summary.part(SweepSummary).usable_width_decades)
            assert found["best"] == pytest.approx(result.summary.part(SweepSummary).sweep_best_rate)
        render("real", "Real", gather(stored), {}, tmp_path, workers=1)
        page = Parsed((tmp_path / "evidence.html").read_text(encoding="utf-8"))
        assert "tolerance0.5" in page.text.replace(" ", "")
        assert len(page.all("figure", role="img", data_optimizer="adam")) >= 2

    def test_two_processes_draw_the_same_page(self, tmp_path):
        pages = []
        for workers in (1, 2):
            render("x", "x", gather([planted()]), {}, tmp_path / str(workers), workers=workers)
            pages.append((tmp_path / str(workers) / "evidence.html").read_text())
        assert pages[0] == pages[1]

    @pytest.mark.parametrize(
        "sad",
        [
            {"sweep": {0.1: INF, 1.0: INF}, "tuned": (), "default": (INF,) * 3},
            {"sweep": {0.1: 0.05, 1.0: 0.01}, "tuned": (0.01,) * 3, "default": (0.01,) * 3},
            {"sweep": {1.0: [-1e-12, -1e-13]}, "tuned": (1e-12, -1e-12), "default": (0.5, 0.5)},
        ],
        ids=["all diverged", "none diverged", "below the best known loss"],
    )
    def test_a_study_of_one_sad_cell_has_a_page(self, tmp_path, sad):
        render("x", "x", gather([planted(**sad)]), {}, tmp_path, workers=1)
        for name in ("report.html", "evidence.html"):
            assert Parsed((tmp_path / name).read_text(encoding="utf-8")).all("figure", role="img")


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        ("0.029\u00a0[0.021, 0.036]", "0.029 [0.021,\u00a00.036]"),
        ("1.2 (0.8 to 1.3)", "1.2 (0.8\u00a0to\u00a01.3)"),
        ("climb of a tenth", "climb\u00a0of\u00a0a\u00a0tenth"),
        ("a sentence, which may break wherever there is room for no more", None),
    ],
)
def test_a_cell_breaks_only_before_its_interval(cell, shown):
    assert whole(cell) == (shown or cell)
