"""The figures of the cliff, and its place in the page."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from overshoot.study.analysis import gather
from overshoot.study.figures import theme
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.report import pictures, render
from overshoot.study.report.stability_section import limits_section
from overshoot.study.report.stability_tables import fields
from tests.figures.drawn import figures
from tests.figures.test_figures import artist, contrast, gids
from tests.findings.test_stability_limits import RISING, everything, known, looks, plain, read
from tests.planted_cells import INF, VALLEY, planted
from tests.report.test_report import Parsed


def panel(picture, i=0):
    return [ax for figure in figures(picture.panels) for ax in figure.axes][i]


@pytest.fixture(scope="module")
def blocks():
    tables, _ = read(*everything())
    return {block.title: block for block in limits_section(tables, looks(tables)).blocks}


@pytest.fixture(scope="module")
def picture(blocks):
    return lambda title: next(iter(blocks[title].pictures.values()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    render("limits", "LimitEvidence", gather(everything()), {}, folder, workers=1)
    return folder


class TestFigures:
    def test_the_map_has_a_field_a_cell_with_its_number_and_colour(self, picture):
        stability = picture("The stability map")
        problems = [view.title for view in stability.panels.views]
        ax = panel(stability, problems.index("toy"))
        assert artist(ax, "number-sgd-full").get_text() == "1.00"
        assert artist(ax, "number-sgd-16").get_text() == "1.20"
        assert artist(ax, "field-sgd-full").get_facecolor()[:3] == to_rgb(theme.ratio_color(1.0))
        assert artist(ax, "field-sgd-16").get_facecolor()[:3] == to_rgb(theme.ratio_color(1.2))
        assert artist(ax, "field-rmsprop-full").get_facecolor()[3] == 0
        texts = [text.get_text() for text in ax.texts]
        assert {"exact", "single runs", "no prediction"} <= set(texts)
        assert "sgd full" not in texts
        assert "Gradient descent full: 1.00 exact" in stability.tiles[problems.index("toy")].alt
        assert "RMSprop full: no prediction" in stability.tiles[problems.index("toy")].alt

    def test_bounds_are_shown_as_bounds(self):
        cell = planted(limit_status="above_grid", limit_predicted=50.0, limit_basis=LimitBasis.EXACT)
        tables, _ = read(cell)
        block = limits_section(tables, looks(tables)).blocks[0]
        assert artist(panel(next(iter(block.pictures.values()))), "number-sgd-full").get_text() == "> 2.00"

    def test_colours_are_centred_at_one_and_told_apart_by_side(self):
        assert theme.ratio_color(1.0) == theme.ratio_color(1.09) == theme.ratio_color(0.92)
        assert theme.ratio_color(1.2) != theme.ratio_color(1.0) != theme.ratio_color(1 / 1.2)
        assert theme.ratio_color(1e9) == theme.ratio_color(10.0) == theme.RATIOS[-1]
        assert theme.ratio_color(0.0) == theme.ratio_color(0.1) == theme.RATIOS[0]
        assert len(set(theme.RATIOS)) == 2 * theme.LEVELS + 1

    @pytest.mark.parametrize("dark", [False, True])
    def test_numbers_stand_out_from_every_field(self, dark):
        shades = {name: pair[dark] for name, *pair in theme.variables(4).values()}
        for name, color in shades.items():
            if name.startswith("--ratio"):
                assert contrast(shades["--ink"], color) >= 4.5, name
            if name.startswith("--step"):
                assert contrast(shades["--paper"], color) >= 3, name

    def test_limits_against_batch_size_have_their_guides_and_marks(self, picture):
        ax = panel(picture("The limit and the batch size"))
        curve = artist(ax, "curve Gradient descent")
        assert curve.get_xdata().tolist() == [1, 10, 100]
        assert curve.get_ydata().tolist() == [0.2, 0.8, 1.0]
        assert artist(ax, "guide 2 (1 + b) / L").get_ydata().tolist() == pytest.approx([1.9] * 3)
        low = next(line for line in ax.lines if str(line.get_gid()).startswith("guide (1"))
        assert low.get_ydata().tolist() == pytest.approx([0.02, 0.08, 0.1])
        assert list(artist(ax, "measured momentum 100 reshuffled").get_ydata()) == [1.9]
        assert {"measured sgd 16 reshuffled", "measured sgd 16 replacement"} <= gids(ax)

    def test_an_axis_within_a_decade_still_has_numbers(self, picture):
        ax = panel(picture("The limit and the batch size"))
        low, high = ax.get_ylim()
        assert sum(low <= tick <= high for tick in ax.get_yticks()) >= 2

    def test_sharpness_is_drawn_beside_its_line(self, picture):
        ax = panel(picture("The edge of stability"))
        assert artist(ax, "sharpness-0.1").get_ydata().tolist() == [5, 19, 20.5, 20]
        assert artist(ax, "sharpness-0.1").get_xdata()[0] == ax.get_xlim()[0]  # update 0 has no place
        assert list(artist(ax, "allowed-0.1").get_ydata()) == [20, 20]
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert [text.get_text() for text in ax.texts] == ["0.1"]

    def test_floors_start_at_the_best_rate_and_end_in_their_slope(self, picture):
        ax = panel(picture("Plateaus instead of a limit"))
        assert artist(ax, "floor RMSprop").get_ydata() == pytest.approx(list(RISING.values()))
        assert [text.get_text() for text in ax.texts] == ["2.0"]
        guide = artist(ax, "slope-2")
        x, y = np.log10(guide.get_xdata()), np.log10(guide.get_ydata())
        assert np.diff(y) / np.diff(x) == pytest.approx([2])

    def test_noise_is_drawn_against_its_prediction(self, picture):
        ax = panel(picture("Noise floors"))
        assert artist(ax, "settled 16").get_xdata().tolist() == [0.04, 0.04, 0.02, 0.02]
        assert len(artist(ax, "early 16").get_xdata()) == 0
        line = artist(ax, "diagonal")
        assert list(line.get_xdata()) == list(line.get_ydata())

    def test_sweeps_show_both_limits_and_their_numbers_over_the_curves(self):
        cells = [
            planted("toy", "sgd", b, **known(0.5 + k / 10, 0.4 + (b == "1") / 5))
            for k, b in enumerate(("full", "16", "1"))
        ]
        tables, _ = read(*cells)
        picture = pictures.problem_rates(tables, looks(tables), "toy/net", "rates")
        curves, rows = panel(picture, 1), panel(picture, 2)
        assert list(artist(curves, "predicted-full-16").get_xdata()) == [0.4, 0.4]
        assert list(artist(curves, "predicted-1").get_xdata()) == pytest.approx([0.6, 0.6])
        assert artist(rows, "predicted-for").get_text() == "predicted, full, 16"
        assert list(artist(rows, "limit-16").get_xdata()) == [0.6]
        numbers = [artist(rows, f"limit-number-{b}") for b in ("full", "16", "1")]
        assert [n.get_text() for n in numbers] == ["0.5", "0.6", "0.7"]
        assert [n.xy[1] for n in numbers] == [0.5, 1.5, 2.5]
        assert rows.get_position().y0 > curves.get_position().y1
        assert rows.get_position().height * picture.panels.size[1] == pytest.approx(4 * 11.5)
        assert not [gid for gid in gids(curves) if str(gid).startswith("limit")]
        assert any(key.label.startswith("predicted limit") for key in picture.keys)
        assert "limits: full 0.5 (predicted 0.4)" in picture.tiles[0].alt

    def test_a_prediction_for_all_batches_says_so(self):
        tables, _ = read(*(planted("toy", "sgd", b, **known(0.5, 0.4)) for b in ("full", "1")))
        picture = pictures.problem_rates(tables, looks(tables), "toy/net", "rates")
        assert artist(panel(picture, 2), "predicted-for").get_text() == "predicted, every batch size"

    def test_sweeps_without_limits_show_none(self):
        tables, _ = read(planted())
        picture = pictures.problem_rates(tables, looks(tables), "toy/net", "rates")
        assert not [key for key in picture.keys if key.label.startswith("predicted limit")]
        assert not [gid for gid in gids(panel(picture, 1)) if str(gid).startswith(("predicted", "limit"))]
        assert len(figures(picture.panels)[0].axes) == 2
        assert "limits" not in picture.tiles[0].alt

    def test_a_limit_beyond_the_panel_is_left_out(self):
        tables, _ = read(planted(**known(1e6, 2e6)))
        picture = pictures.problem_rates(tables, looks(tables), "toy/net", "rates")
        for place in (1, 2):
            drawn_there = gids(panel(picture, place))
            assert not [gid for gid in drawn_there if str(gid).startswith(("predicted", "limit"))]

    def test_texts_name_what_is_seen(self, blocks):
        texts = {title: plain(block.text) for title, block in blocks.items()}
        assert (
            "Heavy ball, full batch, on toy diverges from 1.9 on, where 1.9 was predicted"
            in texts["The stability map"]
        )
        assert (
            "; the furthest off is Gradient descent, full batch, on net: measured 6, predicted 2."
            in texts["The stability map"]
        )
        assert "ends at 1.9, on the upper grey guide at 1.9" in texts["The limit and the batch size"]
        assert (
            "at rate 0.1 the sharpness rises from 5 to its threshold, 20, by update 20"
            in texts["The edge of stability"]
        )
        assert "RMSprop 2.0 (2.0 to 2.0)" in texts["Plateaus instead of a limit"]
        assert "predicted noise floors from 0.02 to 0.04" in texts["Noise floors"]


class TestReport:
    def test_the_section_stands_in_page_and_contents(self, folder):
        page = Parsed((folder / "evidence.html").read_text(encoding="utf-8"))
        assert page.all("section", id="limits")
        assert len([a for a in page.all("a") if a.get("href") == "#limits"]) == 1  # the contents
        story = Parsed((folder / "report.html").read_text(encoding="utf-8"))
        assert len([a for a in story.all("a") if a.get("href") == "evidence.html#limits"]) >= 1
        labels = [a["aria-label"] for a in page.all("figure", role="img")]
        assert any(label.startswith("toy: measured limit over predicted limit") for label in labels)
        assert any("sharpness along training" in label for label in labels)
        assert any("slopes on logarithmic axes: RMSprop 2.0" in plain(label) for label in labels)

    def test_long_tables_are_folded(self, folder):
        text = (folder / "evidence.html").read_text(encoding="utf-8")
        folded = re.findall(r"<summary>([^<]*), (\d+) rows</summary>", text)
        assert ("Least squares: limits predicted and measured", "4") in folded

    def test_the_twin_has_pictures_and_tables(self, folder):
        twin = (folder / "report.md").read_text(encoding="utf-8")
        assert "## Stability limits: predicted and measured" in twin
        for name in ("stability", "batch-limits", "edge", "floors-0", "noise"):
            assert f"](figures/{name}.png)" in twin
            assert (folder / "figures" / f"{name}.png").stat().st_size > 5000
        assert re.search(
            r"\| toy \| Gradient descent \| \[full\]\([^)]*\) \|( – \|)? 1 \| 1 \| 0\.911 to 1\.1 \| 1\.00",
            twin,
        )

    @pytest.mark.parametrize(
        "summary",
        [
            {"limit_basis": LimitBasis.EXACT, "limit_predicted": 1.0},
            {"limit_status": "below_grid", "limit_basis": LimitBasis.NONE, "limit_missing": "none_known"},
            {"limit_status": "measured", "limit_measured": 1.0},
            {"limit_by_batch": {1: 0.5}, "limit_basis": LimitBasis.EXACT},
            {"limit_basis": LimitBasis.NONE},
        ],
        ids=["predicted alone", "below and without", "measured alone", "one batch size", "nothing"],
    )
    def test_a_study_that_knows_little_has_a_section(self, summary):
        tables, _ = read(planted(sweep=VALLEY | {10.0: [0.2, INF]}, **summary))
        found = limits_section(tables, looks(tables))
        assert [len(figures(p.panels)) for p in found.pictures] == [len(p.tiles) for p in found.pictures]
        assert all(block.text and (block.pictures or block.tables) for block in found.blocks)


def test_a_bound_has_the_colour_of_the_least_departure_that_it_allows():
    rows = [(2.0, np.nan, np.nan), (np.nan, 0.1, np.nan), (np.nan, 20.0, np.nan), (np.nan, np.nan, 3.0)]
    limits = pd.DataFrame(rows, columns=["ratio", "at_least", "at_most"]).assign(basis="theory")
    found = fields(limits)
    assert found["number"] == ["2.00", "> 0.10", "> 20", "< 3.00"]
    assert found["ratio"] == [2.0, 1.0, 20.0, 1.0]
