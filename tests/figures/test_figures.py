"""The figures, by inspecting what is drawn."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text

from overshoot.study.analysis import gather
from overshoot.study.analysis.study_tables import analyse
from overshoot.study.figures import theme
from overshoot.study.figures.curves import CurveView, Line, draw_curves
from overshoot.study.figures.divergence_times import DivergenceView, draw_divergence
from overshoot.study.figures.pair_rows import RangeView, ScoreView, draw_ranges, draw_scores, rows_size
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.rate_panels import draw_rates
from overshoot.study.report import pictures
from tests.figures.drawn import figures
from tests.planted_cells import INF, VALLEY, planted

LOOKS = theme.looks({"sgd": "Gradient descent", "adam": "Adam"}, {"full": "full batch", "1": "stochastic"})
LOOK = LOOKS.optimizers["sgd"]


def drawn(draw, view) -> Figure:
    (figure,) = figures(Panels(draw, [view], (264, 252)))
    return figure


def artist(ax, gid):
    found = [a for a in [*ax.lines, *ax.patches, *ax.texts] if a.get_gid() == gid]
    assert len(found) == 1, f"{len(found)} artists are called {gid}"
    return found[0]


def gids(ax):
    return {a.get_gid() for a in [*ax.lines, *ax.patches, *ax.texts]}


def luminance(color):
    channels = np.array(to_rgb(color))
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(a, b):
    low, high = sorted([luminance(a), luminance(b)])
    return (high + 0.05) / (low + 0.05)


class TestTheme:
    def test_every_colour_has_a_variable_of_its_own(self):
        for batches in range(1, 9):
            names = [name for name, _, _ in theme.variables(batches).values()]
            assert len(names) == len(set(names)) == 4 + 8 + 5 + 3 + 25 + 6 + batches

    @pytest.mark.parametrize("dark", [False, True])
    def test_lines_and_letters_stand_out_from_paper(self, dark):
        shades = {name: pair[dark] for name, *pair in theme.variables(4).values()}
        for name, color in shades.items():
            if name.startswith(("--role", "--batch")):
                assert contrast(color, shades["--paper"]) >= 3, name
        assert contrast(shades["--ink"], shades["--paper"]) >= 12
        assert contrast(shades["--muted"], shades["--paper"]) >= 4.5

    def test_batch_strategies_are_ordered_in_lightness(self):
        for dark in (False, True):
            lightness = [luminance(color) for color in theme.batch_colors(5, dark)]
            assert lightness == sorted(lightness)

    def test_more_optimizers_than_colours_differ_in_marker_and_dash(self):
        many = theme.looks({str(i): str(i) for i in range(30)}, {"full": "full"}).optimizers.values()
        assert len({(look.color, look.marker, look.dash) for look in many}) == 30

    @pytest.mark.parametrize(
        ("value", "text"), [(1, "1"), (0.1, "0.1"), (100, "100"), (1e-5, "10⁻⁵"), (1e12, "10¹²")]
    )
    def test_decades_are_written_as_people_do(self, value, text):
        assert theme.power_of_ten(value) == text

    @given(st.lists(st.floats(0, 1), max_size=6))
    def test_labels_are_moved_apart_and_keep_their_order(self, wanted):
        moved = theme.spread(wanted, 0.1)
        order = np.argsort(wanted, kind="stable")
        assert np.all(np.diff(np.array(moved)[order]) >= 0.1 - 1e-6)

    def test_labels_that_are_apart_stay_where_they_are(self):
        assert theme.spread([0.9, 0.1, 0.5], 0.1) == pytest.approx([0.9, 0.1, 0.5])


class TestRates:
    @pytest.fixture
    def both(self):
        one_gone = VALLEY | {1.0: [0.01, INF]}
        tables = analyse(gather([planted(), planted(batch="1", sweep=one_gone, tuned=(INF,) * 4)]))
        looks = theme.looks(tables.study.names.optimizers, tables.study.names.batches)
        picture = pictures.problem_rates(tables, looks, "toy/net", "rates")
        return drawn(draw_rates, picture.panels.views[0]).axes

    def test_the_strip_has_a_box_for_each_batch_strategy_and_rate(self, both):
        strip, _ = both
        boxes = {patch.get_gid(): len(patch.get_path().vertices) // 5 for patch in strip.patches}
        assert boxes == {"outcome-too-small": 4, "outcome-converged": 3, "outcome-diverged": 5}
        assert [label.get_text() for label in strip.get_yticklabels()] == ["full", "1"]
        crosses = [line for line in strip.lines if line.get_marker() == "x"]
        assert sum(len(line.get_xdata()) for line in crosses) == 5

    def test_the_names_of_the_strip_have_room(self):
        names = ("full", "256 fixed", "256 replacement")
        tables = analyse(gather([planted(batch=batch) for batch in names]))
        looks = theme.looks(tables.study.names.optimizers, tables.study.names.batches)
        view = pictures.problem_rates(tables, looks, "toy/net", "rates").panels.views[0]
        figure = drawn(draw_rates, view)
        strip, _ = figure.axes
        for label in strip.get_yticklabels():
            assert label.get_window_extent(FigureCanvasAgg(figure).get_renderer()).x0 >= 0

    def test_a_rate_at_which_half_diverged_breaks_the_curve(self, both):
        _, ax = both
        assert np.isnan(artist(ax, "gap-1").get_ydata()).tolist() == [False] * 3 + [True] * 3
        assert artist(ax, "gap-full").get_ydata()[:4] == pytest.approx([0.9, 0.3, 0.05, 0.01])

    def test_tuned_and_default_rates_are_marked(self, both):
        _, ax = both
        star = artist(ax, "tuned-full")
        assert (star.get_xdata()[0], star.get_ydata()[0]) == (0.5, pytest.approx(0.0115))
        assert artist(ax, "default").get_xdata() == [0.01, 0.01]
        assert "default" in [text.get_text() for text in ax.texts]

    def test_a_tuned_rate_that_diverges_stands_at_the_upper_edge(self, both):
        _, ax = both
        assert artist(ax, "tuned-1").get_ydata()[0] == ax.get_ylim()[1]

    def test_both_axes_are_logarithmic_and_share_the_rates(self, both):
        strip, ax = both
        assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
        assert strip.get_xlim() == pytest.approx(np.log10(ax.get_xlim()))

    @pytest.mark.parametrize("last", [0.005, 0.5])
    def test_a_best_rate_at_the_search_boundary_is_said(self, last):
        tables = analyse(gather([planted(sweep={0.1: 0.05, 1.0: 0.01, 10.0: last})]))
        looks = theme.looks(tables.study.names.optimizers, tables.study.names.batches)
        picture = pictures.problem_rates(tables, looks, "toy/net", "rates")
        said = {text.get_text() for text in drawn(draw_rates, picture.panels.views[0]).findobj(Text)}
        assert ("best at the search boundary: full" in said) == (last < 0.01)
        assert ("best rate of full at the search boundary" in picture.tiles[0].alt) == (last < 0.01)

    def test_a_single_rate_can_be_drawn(self):
        tables = analyse(gather([planted(sweep={1.0: 0.05})]))
        looks = theme.looks(tables.study.names.optimizers, tables.study.names.batches)
        views = pictures.problem_rates(tables, looks, "toy/net", "rates").panels.views
        assert len(drawn(draw_rates, views[0]).axes) == 2


class TestCurves:
    def line(self, role, gap, diverged=False, replicate="sweep-0", rate=0.1):
        return Line(role, rate, replicate, diverged, np.arange(len(gap)) * 10.0, np.array(gap))

    def draw(self, *lines, limits=(1e-3, 1e2)):
        return drawn(draw_curves, CurveView(LOOK, lines, 0.1, 100.0, limits)).axes[0]

    def test_there_is_a_line_for_each_replicate(self):
        ax = self.draw(self.line("best", [1, 0.1]), self.line("best", [1, 0.2], replicate="sweep-1"))
        assert {"best-sweep-0", "best-sweep-1"} <= gids(ax)
        assert not any(str(gid).startswith("diverged") for gid in gids(ax))

    def test_a_diverged_run_is_drawn_to_its_last_point_and_crossed_there(self):
        ax = self.draw(self.line("too large", [1, 5, 50], diverged=True))
        cross = artist(ax, "diverged-too-large-sweep-0")
        assert (cross.get_xdata()[0], cross.get_ydata()[0]) == (20, 50)
        assert artist(ax, "too-large-sweep-0").get_ydata().tolist() == [1, 5, 50]

    def test_one_that_leaves_the_panel_is_crossed_where_it_leaves(self):
        ax = self.draw(self.line("too large", [1, 1e4], diverged=True))
        cross = artist(ax, "diverged-too-large-sweep-0")
        assert cross.get_ydata()[0] == 1e2
        assert cross.get_xdata()[0] == pytest.approx(5.0)  # half of the way to 1e4 on a logarithmic scale

    def test_one_whose_loss_is_no_number_leaves_at_once(self):
        ax = self.draw(self.line("too large", [1, INF], diverged=True))
        cross = artist(ax, "diverged-too-large-sweep-0")
        assert cross.get_ydata()[0] == 1e2
        assert 0 <= cross.get_xdata()[0] <= 10
        assert np.isfinite(artist(ax, "too-large-sweep-0").get_ydata()).all()

    def test_one_that_leaves_and_comes_back_is_crossed_at_its_end(self):
        ax = self.draw(self.line("too large", [1, 1e4, 2], diverged=True))
        assert artist(ax, "diverged-too-large-sweep-0").get_ydata()[0] == 2

    def test_a_single_point_beyond_the_panel_is_crossed_at_the_edge(self):
        ax = self.draw(self.line("too large", [1e5], diverged=True))
        assert artist(ax, "diverged-too-large-sweep-0").get_ydata()[0] == 1e2

    def test_rates_are_written_at_the_ends_without_touching(self):
        ax = self.draw(
            self.line("too small", [1, 0.100], rate=0.001),
            self.line("best", [1, 0.101], rate=0.1),
            self.line("too large", [1, 0.102], rate=10.0),
        )
        labels = {text.get_text(): text.get_position()[1] for text in ax.texts}
        assert set(labels) == {"0.001", "0.1", "10"}
        height = ax.get_position().height * 214
        assert np.diff(sorted(labels.values())).min() * height >= 10.9

    def test_where_all_diverged_early_it_says_so_beside_the_cross(self):
        ax = self.draw(self.line("too large", [1, 50], diverged=True, rate=2.154))
        assert [text.get_text() for text in ax.texts] == ["2.2, diverged"]

    def test_gaps_below_the_panel_run_along_its_lower_edge(self):
        ax = self.draw(self.line("best", [1, -1e-9]))
        assert artist(ax, "best-sweep-0").get_ydata()[1] == 1e-3


class TestRows:
    def test_a_bar_spans_the_usable_range(self):
        tables = analyse(gather([planted(), planted(batch="1", sweep={0.1: 0.9, 1.0: 0.5})]))
        looks = theme.looks(tables.study.names.optimizers, tables.study.names.batches)
        view = RangeView("toy", looks, tables.sensitivity, {"sgd": 0.01}, (1e-3, 1e3))
        (ax,) = drawn(draw_ranges, view).axes
        row = tables.sensitivity.iloc[0]
        assert list(artist(ax, "range-sgd-full").get_xdata()) == [row["low"], row["high"]]
        assert "range-sgd-1" not in gids(ax)
        cliffs = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "X"]
        assert cliffs == [pytest.approx(10.0)]
        assert list(artist(ax, "default").get_xdata()) == [0.01, 0.01]

    def scores(self, **values):
        rows = [
            {"optimizer": "sgd", "batch": batch, "role": "tuned", "value": v, "low": v / 2, "high": v * 2}
            for batch, v in values.items()
        ]
        return pd.DataFrame(rows)

    def test_scores_are_at_their_values_with_their_intervals(self):
        view = ScoreView("toy", LOOKS, self.scores(full=0.1), "gap", (0.01, 1), True)
        (ax,) = drawn(draw_scores, view).axes
        assert artist(ax, "tuned-sgd-full").get_xdata() == [0.1]
        assert [0.05, 0.2] in [list(line.get_xdata()) for line in ax.lines]

    @pytest.mark.parametrize(
        ("value", "marker", "edge"), [(INF, "X", 1), (-INF, "X", 0), (50.0, ">", 1), (1e-6, "<", 0)]
    )
    def test_what_lies_beyond_the_panel_is_marked_at_its_edge(self, value, marker, edge):
        view = ScoreView("toy", LOOKS, self.scores(full=value), "gap", (0.01, 1), True)
        (ax,) = drawn(draw_scores, view).axes
        marks = [line for line in ax.lines if line.get_marker() == marker]
        assert [line.get_xdata() for line in marks] == [[edge]]

    def test_every_optimizer_is_named_in_its_colour(self):
        view = ScoreView("toy", LOOKS, self.scores(full=0.1), "gap", (0.01, 1), True)
        (ax,) = drawn(draw_scores, view).axes
        assert [label.get_text() for label in ax.get_yticklabels()] == ["Gradient descent", "Adam"]
        squares = [
            line.get_color() for line in ax.lines if line.get_marker() == "s" and line.get_clip_on() is False
        ]
        assert squares == [look.color for look in LOOKS.optimizers.values()]

    @pytest.mark.parametrize("label", ["SGD", "Schedule-Free AdamW + linear warm-up"])
    def test_names_fit_into_their_panel(self, label):
        looks = theme.looks({"x": label}, {"full": "full batch"})
        view = ScoreView("toy", looks, self.scores().reindex(columns=["role"]), "gap", (0.01, 1), True)
        (figure,) = figures(Panels(draw_scores, [view], rows_size(1, 1)))
        (ax,) = figure.axes
        box = ax.get_yticklabels()[0].get_window_extent(FigureCanvasAgg(figure).get_renderer())
        assert 0 <= box.x0 < box.x1 < ax.get_window_extent().x0

    def test_every_legend_names_the_batch_strategies(self):
        tables = analyse(gather([planted(), planted(batch="1")]))
        looks = theme.looks(tables.study.names.optimizers, tables.study.names.batches)
        found = [*pictures.overview(tables, looks), *pictures.divergence(tables, looks)]
        assert [picture.name for picture in found] == [
            "ranges",
            "gaps",
            "tests",
            "diverged",
            "steps",
            "growth",
        ]
        for picture in found:
            assert {"full batch", "stochastic (batch 1)"} <= {key.label for key in picture.keys}, picture.name

    def test_rows_need_more_height_the_more_there_are(self):
        assert rows_size(8, 4)[1] > rows_size(7, 4)[1] > rows_size(7, 3)[1]


class TestDivergence:
    def view(self, rows):
        trials = pd.DataFrame(rows, columns=["batch", "rate", "lasted", "step"]).astype({"lasted": bool})
        return DivergenceView(LOOK, LOOKS.batches, trials, "step", "update", (0.1, 100), (1, 1000), True)

    def test_runs_that_left_are_filled_and_runs_that_lasted_hollow(self):
        (ax,) = drawn(draw_divergence, self.view([("full", 1.0, False, 5), ("full", 1.0, True, 900)])).axes
        assert artist(ax, "left-full").get_ydata().tolist() == [5]
        assert artist(ax, "lasted-full").get_ydata().tolist() == [900]
        assert artist(ax, "lasted-full").get_markerfacecolor() == theme.PAPER

    def test_what_lies_beyond_stands_at_the_edge(self):
        (ax,) = drawn(draw_divergence, self.view([("1", 1.0, False, 10**6)])).axes
        assert artist(ax, "left-1").get_ydata().tolist() == [1000]

    def test_an_optimizer_that_never_diverged_says_so(self):
        (ax,) = drawn(draw_divergence, self.view([])).axes
        assert "no run diverged" in [text.get_text() for text in ax.texts]
