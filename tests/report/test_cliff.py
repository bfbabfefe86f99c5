"""The cliff: tables and sentences read back from planted cells, its figures, its place in the page."""

import json
import re

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from study.analysis import cliff as c
from study.analysis import gather
from study.analysis.captions import WORDS
from study.analysis.cliff import CAUSES, NAMES, cliff, findings
from study.analysis.edge import edge_runs
from study.analysis.limits import limits, velocity
from study.analysis.tables import analyse
from study.figures import theme
from study.report import pictures, render
from study.report.cliff import cliff_section
from study.theory import ALMOST_SURE, AT_THE_START, BASES, EXACT, NONE, ORDER
from tests.report.planted import INF, VALLEY, planted
from tests.report.test_figures import artist, axes, contrast, gids
from tests.report.test_report import Parsed

BATCHES = {"full": EXACT, "16": ALMOST_SURE, "16 replacement": ALMOST_SURE}
BY_BATCH = {1: 0.2, 10: 0.8, 100: 1.0}
RISING = {r: 1e-4 * r**2 for r in np.geomspace(1, 100, 7)}
"""rate -> q_end of a method whose floor grows as the rate squared, its best rate the lowest."""


def known(measured, predicted=1.0, basis=EXACT, spread=1.1, **more):
    """What a cell's summary says of a limit that was found."""
    found = {"limit_status": "measured", "limit_measured": measured, "limit_predicted": predicted}
    ends = {"limit_low": measured / spread, "limit_high": measured * spread}
    return found | ends | {"limit_basis": basis} | more


def linear(ratios, problem="toy", optimizer="sgd", **more):
    """A cell for each batch strategy whose measured limit is such a multiple of the predicted one."""
    return [
        planted(problem, optimizer, batch, **known(ratios[batch], basis=basis), **more)
        for batch, basis in BATCHES.items()
        if batch in ratios
    ]


def read(*cells):
    tables = analyse(gather(cells))
    return tables, cliff(tables)


def said(maker, *cells):
    found = maker(*read(*cells))
    return None if found is None else plain(found.text)


def plain(text):
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def panel(picture, i=0):
    return axes(picture.panels.figure())[i]


def everything():
    """Least squares with SGD and heavy ball, a network, a method without a limit, floors and an edge."""
    flat = {"curvature_low": 1.0, "limit_by_batch": json.dumps(BY_BATCH)}
    noisy = {0.1: 0.04, 1.0: 0.02}
    heavy = flat | {"limit_by_batch": json.dumps({1: 0.022, 10: 0.3, 100: 1.9})}
    return [
        *linear({"full": 1.002, "16": 1.2, "16 replacement": 1.1}, noise=noisy, **flat),
        planted("toy", "momentum", "full", **known(1.9, 1.9), **heavy),
        planted("net", "sgd", "full", edge={0.1: [5, 19, 20.5, 20]}, **known(6.0, 2.0, AT_THE_START)),
        planted("net", "momentum", "full", **known(1.0, 2.0, AT_THE_START)),
        *(
            planted(p, "rmsprop", "full", sweep=RISING, limit_status="beyond the grid", limit_basis=NONE)
            for p in ("toy", "net")
        ),
    ]


@pytest.fixture(scope="module")
def blocks():
    tables, _ = read(*everything())
    return {block.title: block for block in cliff_section(tables, looks(tables)).blocks}


@pytest.fixture(scope="module")
def picture(blocks):
    return lambda title: next(iter(blocks[title].pictures.values()))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cliff")
    render("cliff", "Cliff", everything(), {}, folder, workers=1)
    return folder


class TestLimits:
    def test_the_ratio_is_measured_over_predicted(self):
        found = read(planted(**known(0.6, 0.5)))[1].limits.iloc[0]
        assert (found["ratio"], found["basis"], found["status"]) == (pytest.approx(1.2), EXACT, "measured")
        assert found["low"] < found["measured"] < found["high"]

    def test_where_nothing_diverged_the_grid_bounds_the_ratio(self):
        cells = [
            planted("a", limit_status="beyond the grid", limit_predicted=50.0, limit_basis=EXACT),
            planted("b", limit_status="below the grid", limit_predicted=1.0, limit_basis=EXACT),
        ]
        table = limits(gather(cells))
        assert table["at_least"].tolist() == [pytest.approx(2.0), pytest.approx(np.nan, nan_ok=True)]
        assert table["at_most"].tolist() == [pytest.approx(np.nan, nan_ok=True), pytest.approx(1e-3)]
        assert table["ratio"].isna().all()

    def test_stores_without_limits_have_none(self):
        tables, found = read(planted())
        assert found.empty
        assert tables.limits.empty
        assert findings(tables, found) == []
        assert cliff_section(tables, looks(tables)) is None

    def test_some_cells_without_are_left_out(self):
        _, found = read(planted("a", **known(1.0)), planted("b"))
        assert found.limits["problem"].tolist() == ["a/net"]

    def test_agreement_counts_by_basis_the_firmest_first(self):
        cells = linear({"full": 1.005, "16": 1.3}, "a") + linear({"full": 1.05, "16": 0.8}, "b")
        table = read(*cells)[1].agreement.set_index("basis")
        assert list(table.index) == [EXACT, ALMOST_SURE]
        assert table.loc[EXACT, ["near", "fair", "cells"]].tolist() == [1, 2, 2]
        assert table.loc[ALMOST_SURE, ["near", "fair"]].tolist() == [0, 0]
        assert table.loc[ALMOST_SURE, "worst"] == "a-sgd-16"  # ln 1.3 is more than ln 1 / 0.8
        ratio = table.loc[ALMOST_SURE, "ratio"]
        assert (ratio.low, ratio.high) == (pytest.approx(0.8), pytest.approx(1.3))

    @pytest.mark.parametrize(
        ("method", "b"),
        [
            ("momentum", 0.9),
            ("momentum(momentum=0.5)", 0.5),
            ("momentum(weight_decay=0.1, momentum=0.75)", 0.75),
            ("momentum(dampening=0.5)", None),
            ("momentum + cosine", None),
            ("sgd", None),
        ],
    )
    def test_the_velocity_of_a_heavy_ball_is_in_its_name(self, method, b):
        assert velocity(method) == b

    def test_every_basis_has_its_words(self):
        assert set(WORDS) == set(BASES)
        assert set(NAMES) == set(BASES) - {NONE}
        assert set(CAUSES) == {(basis, above) for basis in NAMES for above in (True, False)}


class TestSentences:
    def test_predictions_are_told_by_what_they_rest_on(self):
        cells = [cell for p in "abcd" for cell in linear({"full": 1.002, "16": 1.2}, p)]
        text = said(c.predictions, *cells)
        assert "with full batches on least squares, where theory is exact: 1.002 [1.002, 1.002]" in text
        assert "over 4 cells, 4 within 1 % (100 % [51, 100]), 4 within 10 %." in text
        assert "random batches on least squares, where it follows the growth of single runs: 1.20" in text
        assert "0 within 1 % (0 % [0, 49]), 0 within 10 %." in text

    def test_no_difference_is_a_tie(self):
        found = c.predictions(*read(*linear({"full": 0.99}, "a"), *linear({"full": 1.01}, "b")))
        assert found.tie
        assert "no difference shown" in found.text
        apart = c.predictions(*read(*linear({"full": 1.01}, "a"), *linear({"full": 1.02}, "b")))
        assert not apart.tie
        assert "no difference" not in apart.text

    def test_the_worst_on_least_squares_and_on_networks_are_named_with_their_cause(self):
        text = said(c.disagreements, *everything())
        assert "furthest off on least squares is that for Gradient descent, mini-batch 16, on toy" in text
        assert "measured 1.2, predicted 1, a factor of 1.20. Close to its limit a run grows" in text
        assert "furthest off on a network is that for Gradient descent, full batch, on net" in text
        assert "measured 6, predicted 2, a factor of 3.00. The loss curves less" in text

    def test_a_difference_below_what_can_be_measured_has_no_other_cause(self):
        assert "cannot agree" in c.cause(EXACT, 1.009, 0.01)
        assert c.cause(EXACT, 1.02, 0.01) == CAUSES[EXACT, True]
        assert c.cause(ORDER, 0.9, 0.01) == CAUSES[ORDER, False]

    def test_single_runs_are_told_from_the_mean(self):
        cells = [
            planted(problem, batch="16", **known(measured, basis=ALMOST_SURE, limit_mean_square=0.8))
            for problem, measured in (("a", 0.9), ("b", 0.96), ("c", 1.005), ("d", 1.2))
        ]
        found = c.single_runs(*read(*cells[:3]))
        text = plain(found.text)
        assert "Over 3 cells, runs were measured to break at 1.20 [1.12, 1.26] times the first" in text
        assert "0.96 [0.90, 1.00] times the second" in text
        assert text.endswith("in 2 between the two.")
        assert not found.tie
        assert said(c.single_runs, *cells).endswith("in 2 between the two.")
        assert c.single_runs(*read(*linear({"full": 1.0, "16": 1.0}))) is None

    def test_reshuffling_is_compared_in_pairs(self):
        cells = [x for p in "ab" for x in linear({"16": 1.5, "16 replacement": 1.0}, p)]
        found = c.reshuffling(*read(*cells))
        assert not found.tie
        assert "raises the measured limit: by a median factor of 1.50 [1.50, 1.50] over 2 pairs" in plain(
            found.text
        )
        assert c.reshuffling(*read(*cells[:2])) is None
        same = [x for p in "ab" for x in linear({"16": 1.0, "16 replacement": 1.0}, p)]
        assert c.reshuffling(*read(*same)).tie

    def test_momentum_is_told_in_units_of_gradient_descent(self):
        text = said(c.momentum, *everything())
        assert "With batches of one sample Heavy ball is predicted to break at 0.11 times gradient" in text
        assert "with all samples at 1.90 times it" in text
        assert "(1 − b) = 0.10 times" in text
        assert "(1 + b) = 1.90 times" in text
        assert text.endswith("Measured on toy: 1.90 with 100 samples.")
        assert c.momentum(*read(*linear({"full": 1.0}))) is None

    def test_the_problems_at_which_momentum_s_limit_is_extreme_are_named(self):
        limits = {"a": {1: 0.1, 100: 1.9}, "b": {1: 0.3, 100: 1.9}}
        cells = [
            planted(p, o, **known(1.0, limit_by_batch=json.dumps(at)))
            for p, heavy in limits.items()
            for o, at in (("sgd", {1: 1.0, 100: 1.0}), ("momentum", heavy))
        ]
        assert "at 0.10 (a) to 0.30 (b) times gradient descent’s limit" in said(c.momentum, *cells)

    def test_the_floor_s_power_is_that_of_the_planted_runs(self):
        tables, found = read(*everything())
        assert found.slopes["slope"].iloc[0].value == pytest.approx(2.0)
        assert found.slopes["rates"].iloc[0] == 6
        text = plain(c.floored(tables, found).text)
        assert "grows as the rate to the power of 2.0 [2.0, 2.0] with RMSprop (median over 2 cells)." in text

    def test_floors_that_are_not_told_apart_are_a_tie(self):
        cells = [
            planted("toy", o, sweep=RISING, limit_basis=NONE, limit_status="beyond the grid")
            for o in ("adam", "rmsprop")
        ]
        assert c.floored(*read(*cells)).tie
        flat = planted("toy", "adagrad", sweep=dict.fromkeys(RISING, 0.1), limit_basis=NONE)
        found = c.floored(*read(*cells, flat))
        assert not found.tie
        assert "0.0 [0.0, 0.0] with AdaGrad" in plain(found.text)

    def test_two_rates_above_the_best_have_no_slope(self):
        cell = planted(optimizer="adam", sweep={1.0: 0.1, 2.0: 0.2, 4.0: 0.4}, limit_basis=NONE)
        tables, found = read(cell)
        assert found.slopes.empty
        assert c.floored(tables, found) is None

    def test_noise_floors_are_means_over_the_last_half_of_settled_runs(self):
        tables, found = read(planted(noise={1.0: 0.02, 0.1: 0.02}, curvature_low=0.5))
        runs = found.noise.set_index("rate")
        curve = np.geomspace(1, 0.01, 11)[5:]
        assert runs.loc[1.0, "measured"].tolist() == [pytest.approx(curve.mean())] * 2
        assert runs.loc[1.0, "settled"].all()  # exp(-1 * 0.5 * 100) is nothing
        assert not runs.loc[0.1, "settled"].any()  # exp(-0.1 * 0.5 * 100) is more than a tenth of 0.02
        text = plain(c.noisy(tables, found).text)
        assert f"with batches reshuffled {curve.mean() / 0.02:.2f}" in text
        assert "(2 runs)" in text

    def test_without_a_flattest_curvature_no_run_has_settled(self):
        tables, found = read(planted(noise={1.0: 0.02}))
        assert len(found.noise) == 2
        assert c.noisy(tables, found) is None
        assert "hollow" in cliff_section(tables, looks(tables)).blocks[-1].text


class TestEdge:
    def runs(self, **edge):
        paths = {float(rate.removeprefix("r").replace("_", ".")): path for rate, path in edge.items()}
        return gather([planted(edge=paths)])

    def test_each_run_is_judged_by_the_last_half_of_its_way(self):
        runs = edge_runs(
            self.runs(r0_1=[5, 19, 20.5, 20], r0_2=[5, 6, 6, 6], r0_4=[3, 9, 9, 9], r0_5=[3, 9, INF])
        ).set_index("rate")
        assert runs["verdict"].to_dict() == {0.1: "at the line", 0.2: "below", 0.4: "above", 0.5: "diverged"}
        assert runs.loc[0.1, ["threshold", "start", "reached"]].tolist() == [20, 5, 20]
        assert runs.loc[0.1, "late"] == pytest.approx(20.25 / 20)
        assert np.isnan(runs.loc[0.2, "reached"])

    def test_sentences_count_those_that_came_to_the_line(self):
        tables = analyse(self.runs(r0_1=[5, 19, 20.5, 20], r0_2=[5, 6, 6, 6], r0_5=[3, 9, INF]))
        text = plain(c.edge(tables, cliff(tables)).text)
        assert "Of 2 runs whose sharpness was followed and that stayed finite, 1 rose from below" in text
        assert "its largest value there was 1.025 [1.025, 1.025] times the line in the median, and" in text
        assert "1.012 [1.012, 1.012] times over the last half of training: it is turned back" in text
        assert text.endswith("1 run never came to it.")

    def test_runs_that_start_above_their_line_are_told_apart(self):
        tables = analyse(self.runs(r1_0=[8, 4, 1, 1]))
        text = plain(c.edge(tables, cliff(tables)).text)
        assert "0 rose from below to the line that their learning rate allows; 0 runs never came" in text
        assert "1 run started above the line" in text
        assert "1 of them ended below it, where the loss curves less. In the median they were at 0.50" in text

    def test_where_none_came_there_it_says_so(self):
        tables = analyse(self.runs(r0_2=[5, 6, 6, 6]))
        assert "0 rose from below" in c.edge(tables, cliff(tables)).text
        assert (
            "No run rose to its line and stayed there" in cliff_section(tables, looks(tables)).blocks[0].text
        )

    def test_runs_without_a_sharpness_or_a_line_are_left_out(self):
        assert edge_runs(self.runs(r0_2=[np.nan, np.nan])).empty
        assert edge_runs(gather([planted()])).empty


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
        cell = planted(limit_status="beyond the grid", limit_predicted=50.0, limit_basis=EXACT)
        tables, _ = read(cell)
        block = cliff_section(tables, looks(tables)).blocks[0]
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
        ax = panel(picture("The limit against the batch size"))
        curve = artist(ax, "curve Gradient descent")
        assert curve.get_xdata().tolist() == [1, 10, 100]
        assert curve.get_ydata().tolist() == [0.2, 0.8, 1.0]
        assert artist(ax, "guide 2 (1 + b) / L").get_ydata().tolist() == pytest.approx([1.9] * 3)
        low = next(line for line in ax.lines if str(line.get_gid()).startswith("guide (1"))
        assert low.get_ydata().tolist() == pytest.approx([0.02, 0.08, 0.1])
        assert list(artist(ax, "measured momentum 100 reshuffled").get_ydata()) == [1.9]
        assert {"measured sgd 16 reshuffled", "measured sgd 16 replacement"} <= gids(ax)

    def test_an_axis_within_a_decade_still_has_numbers(self, picture):
        ax = panel(picture("The limit against the batch size"))
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
        ax = panel(picture("Floors instead of a cliff"))
        assert artist(ax, "floor RMSprop").get_ydata() == pytest.approx(list(RISING.values()))
        assert [text.get_text() for text in ax.texts] == ["2.0"]
        guide = artist(ax, "slope-2")
        x, y = np.log10(guide.get_xdata()), np.log10(guide.get_ydata())
        assert np.diff(y) / np.diff(x) == pytest.approx([2])

    def test_noise_is_drawn_against_its_prediction(self, picture):
        ax = panel(picture("The floor that noise keeps"))
        assert artist(ax, "settled 16").get_xdata().tolist() == [0.04, 0.04, 0.02, 0.02]
        assert len(artist(ax, "early 16").get_xdata()) == 0
        line = artist(ax, "diagonal")
        assert list(line.get_xdata()) == list(line.get_ydata())

    def test_sweeps_show_both_limits_and_their_numbers_apart(self):
        cells = [
            planted("toy", "sgd", b, **known(0.5 + k / 10, 0.4)) for k, b in enumerate(("full", "16", "1"))
        ]
        tables, _ = read(*cells)
        picture = pictures.problem_rates(tables, looks(tables), "toy/net", "rates")
        ax = panel(picture, 1)
        assert list(artist(ax, "predicted-16").get_xdata()) == [0.4, 0.4]
        assert list(artist(ax, "limit-16").get_xdata()) == [0.6]
        numbers = [artist(ax, f"limit-number-{b}") for b in ("full", "16", "1")]
        assert [n.get_text() for n in numbers] == ["0.5", "0.6", "0.7"]
        heights = sorted(n.xy[1] for n in numbers)
        assert np.diff(heights).min() * ax.get_position().height * 252 >= 9
        assert "predicted limit" in [key.label for key in picture.keys]
        assert "limits: full 0.5 (predicted 0.4)" in picture.tiles[0].alt

    def test_sweeps_without_limits_show_none(self):
        tables, _ = read(planted())
        picture = pictures.problem_rates(tables, looks(tables), "toy/net", "rates")
        assert "predicted limit" not in [key.label for key in picture.keys]
        assert not [gid for gid in gids(panel(picture, 1)) if str(gid).startswith(("predicted", "limit"))]
        assert "limits" not in picture.tiles[0].alt

    def test_a_limit_beyond_the_panel_is_left_out(self):
        tables, _ = read(planted(**known(1e6)))
        picture = pictures.problem_rates(tables, looks(tables), "toy/net", "rates")
        assert not [gid for gid in gids(panel(picture, 1)) if str(gid).startswith(("predicted", "limit"))]

    def test_texts_name_what_is_seen(self, blocks):
        texts = {title: plain(block.text) for title, block in blocks.items()}
        assert (
            "Heavy ball, full batch, on toy breaks at 1.9 where 1.9 was predicted"
            in texts["The stability map"]
        )
        assert "Gradient descent, full batch, on net at 6 instead of 2." in texts["The stability map"]
        assert "ends at 1.9, on the upper guide, 1.9" in texts["The limit against the batch size"]
        assert "at rate 0.1 it goes from 5 to the line at 20 by update 20" in texts["The edge of stability"]
        assert "RMSprop 2.0 [2.0, 2.0]" in texts["Floors instead of a cliff"]
        assert "predicted floors from 0.02 to 0.04" in texts["The floor that noise keeps"]


class TestReport:
    def test_the_section_stands_in_page_contents_and_summary(self, folder):
        page = Parsed((folder / "report.html").read_text(encoding="utf-8"))
        assert page.all("section", id="cliff")
        assert len([a for a in page.all("a") if a.get("href") == "#cliff"]) == 2  # contents and summary
        labels = [a["aria-label"] for a in page.all("figure", role="img")]
        assert any(label.startswith("toy: measured limit over predicted limit") for label in labels)
        assert any("sharpness along training" in label for label in labels)
        assert any("slopes on logarithmic axes: RMSprop 2.0" in plain(label) for label in labels)

    def test_long_tables_are_folded(self, folder):
        text = (folder / "report.html").read_text(encoding="utf-8")
        folded = re.findall(r"<summary>([^<]*), (\d+) rows</summary>", text)
        assert ("Least squares: limits predicted and measured", "4") in folded

    def test_the_twin_has_pictures_and_tables(self, folder):
        twin = (folder / "report.md").read_text(encoding="utf-8")
        assert "## The cliff: predicted and measured" in twin
        for name in ("stability", "batch-limits", "edge", "floors-0", "noise"):
            assert f"](figures/{name}.png)" in twin
            assert (folder / "figures" / f"{name}.png").stat().st_size > 5000
        assert re.search(
            r"\| toy \| Gradient descent \| \[full\]\([^)]*\) \| – \| 1 \| 1 \| 0\.911 to 1\.1 \| 1\.00", twin
        )

    @pytest.mark.parametrize(
        "summary",
        [
            {"limit_basis": EXACT, "limit_predicted": 1.0},
            {"limit_status": "below the grid", "limit_basis": NONE, "limit_why": "it has none"},
            {"limit_status": "measured", "limit_measured": 1.0, "limit_basis": "of a later version"},
            {"limit_by_batch": json.dumps({"1": 0.5}), "limit_basis": EXACT},
            {"limit_basis": NONE},
        ],
        ids=["predicted alone", "below and without", "an unknown basis", "one batch size", "nothing"],
    )
    def test_a_study_that_knows_little_has_a_section(self, summary):
        tables, _ = read(planted(sweep=VALLEY | {10.0: [0.2, INF]}, **summary))
        found = cliff_section(tables, looks(tables))
        assert [len(p.panels.figure().subfigs) for p in found.pictures] == [
            len(p.tiles) for p in found.pictures
        ]
        assert all(block.text and (block.pictures or block.tables) for block in found.blocks)


def looks(tables):
    return theme.looks(tables.study.names.optimizers, tables.study.names.batches)
