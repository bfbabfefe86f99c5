"""Lines with bands, critical-difference diagrams and spans of ranks, by inspecting what is drawn."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from overshoot.core import OPTIMIZERS
from overshoot.study.analysis import gather
from overshoot.study.analysis.study_tables import analyse
from overshoot.study.figures import theme
from overshoot.study.figures.lines import WIDE, LineView, Scale, Series, draw_lines
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.rank_diagrams import RankView, draw_ranks, rank_size, ticks
from overshoot.study.figures.span_rows import SpanView, draw_spans, span_size
from overshoot.study.figures.stage import RasterMedium, shown
from overshoot.study.report import pictures
from overshoot.study.report.effort_section import axes_section, tuning_section
from overshoot.study.report.rank_section import ranks_section, speed_section
from tests.figures.drawn import figures
from tests.planted_cells import INF, planted

NOTE = "Friedman p = 0.00023 after Holm, 15 problems"
LABELS = {"sgd": "Gradient descent", "adam": "Adam", "lion": "Lion", "sf": "Schedule-Free AdamW + warm-up"}
MORE = {name: f"{kind.label} (eps=1e-09)" for name, kind in OPTIMIZERS.items() if name not in LABELS}
LOOKS = [
    *theme.looks(LABELS, {"full": "full batch"}).optimizers.values(),
    *theme.looks(MORE, {"full": "full batch"}).optimizers.values(),
]
X = np.array([1.0, 2.0, 4.0])


def drawn(draw, view, size):
    """The only axes of the only panel."""
    (figure,) = figures(Panels(draw, [view], size))
    FigureCanvasAgg(figure).draw()
    (ax,) = figure.axes
    return ax


def artists(ax):
    return {a.get_gid(): a for a in [*ax.lines, *ax.texts] if a.get_gid()}


class TestLines:
    def view(self, *bands, named=False):
        series = [Series(f"s{i}", LOOKS[i], X, np.array(band)) for i, band in enumerate(bands)]
        return LineView(
            "title", theme.INK, series, Scale("x", (1, 4), True, (1, 2, 4)), Scale("y", (0, 1)), named
        )

    def test_a_line_lies_within_its_band(self):
        ax = drawn(draw_lines, self.view([[0.2, 0.4, 0.6], [0.1, 0.3, 0.5], [0.3, 0.5, 0.7]]), (264.0, 214.0))
        assert artists(ax)["s0"].get_ydata().tolist() == [0.2, 0.4, 0.6]
        (band,) = ax.collections
        assert band.get_paths()[0].get_extents().intervaly.tolist() == [0.1, 0.7]

    def test_what_lies_beyond_runs_along_the_edge(self):
        ax = drawn(
            draw_lines, self.view([[2.0, INF, -1.0], [0.0, 0.5, -2.0], [INF, INF, 0.0]]), (264.0, 214.0)
        )
        assert artists(ax)["s0"].get_ydata().tolist() == [1, 1, 0]

    def test_ticks_are_where_they_are_wanted(self):
        ax = drawn(draw_lines, self.view([[0.5] * 3] * 3), (264.0, 214.0))
        assert [label.get_text() for label in ax.get_xticklabels()] == ["1", "2", "4"]

    def test_names_at_the_ends_do_not_touch_and_keep_their_order(self):
        ax = drawn(draw_lines, self.view(*[[[v] * 3] * 3 for v in (0.5, 0.505, 0.51, 0.9)], named=True), WIDE)
        places = {
            gid: text.get_position()[1] for gid, text in artists(ax).items() if gid.startswith("label-")
        }
        assert sorted(places, key=places.__getitem__) == ["label-s0", "label-s1", "label-s2", "label-s3"]
        height = ax.get_position().height * WIDE[1]
        assert np.diff(sorted(places.values())).min() * height >= 11.9


class TestRanks:
    def draw(self, ranks, bars, distance=0.5):
        size = rank_size(len(ranks), len(bars))
        view = RankView("all", LOOKS[: len(ranks)], np.array(ranks), distance, bars, NOTE, size[1])
        return drawn(draw_ranks, view, size), size

    def test_every_optimizer_is_joined_to_its_name(self):
        ax, _ = self.draw([1.0, 2.0, 2.5, 4.0], [(1, 2)])
        found = artists(ax)
        names = [found[f"name-{i}"].get_text() for i in range(4)]
        assert names[3] == "Schedule…+ warm-up"
        assert names[:3] == list(LABELS.values())[:3]
        x = [found[f"stem-{i}"].get_xdata()[0] for i in range(4)]
        assert np.diff(x) == pytest.approx(np.array([1.0, 0.5, 1.5]) * (x[3] - x[0]) / 3)

    def test_a_bar_spans_its_group_and_the_ruler_the_critical_distance(self):
        ax, _ = self.draw([1.0, 2.0, 2.5, 4.0], [(1, 2)])
        found = artists(ax)
        first, last = (found[f"stem-{i}"].get_xdata()[0] for i in (1, 2))
        assert list(found["bar-1-2"].get_xdata()) == [first - 3, last + 3]
        ruler = found["distance"].get_xdata()
        assert ruler[1] - ruler[0] == pytest.approx(last - first)
        assert "critical distance 0.5" in [text.get_text() for text in ax.texts]

    def test_a_distance_longer_than_the_axis_says_so(self):
        ax, _ = self.draw([1.2, 1.8], [(0, 1)], distance=3.0)
        assert "critical distance 3.0, longer than the axis" in [text.get_text() for text in ax.texts]

    @pytest.mark.parametrize(
        "ranks", [[1.0, 2.0], [2.5] * 4, [1.1, 1.2, 3.8, 3.9], [*np.linspace(4, 29, 33)]]
    )
    def test_nothing_sticks_out_of_its_panel_or_lies_over_another(self, ranks):
        ax, (width, height) = self.draw(ranks, [(0, len(ranks) - 1)])
        renderer = FigureCanvasAgg(ax.figure).get_renderer()
        to_points = ax.transData.inverted()
        for text in ax.texts:
            box = text.get_window_extent(renderer).transformed(to_points)
            assert min(box.x0, box.x1) >= 0
            assert max(box.x0, box.x1) <= width
            assert min(box.y0, box.y1) >= 0
            assert max(box.y0, box.y1) <= height
        boxes = [text.get_window_extent(renderer) for text in ax.texts]
        boxes += [text.get_window_extent(renderer) for text in ax.figure.texts]
        for i, box in enumerate(boxes):
            assert box.count_overlaps(boxes) == 1, i


def test_labels_stay_between_the_ends_where_they_have_room():
    assert theme.spread([1.0, 1.0, 0.98], 0.1) == pytest.approx([0.9, 1.0, 0.8])
    assert theme.spread([-1.0, 0.0], 0.1) == pytest.approx([0.0, 0.1])
    assert min(theme.spread([0.5] * 4, 0.5)) < 0


def test_an_axis_of_many_ranks_names_every_fifth():
    assert ticks(4) == [1, 2, 3, 4]
    assert ticks(33) == [1, 5, 10, 15, 20, 25, 30]


def test_spans_reach_from_the_lowest_to_the_highest_rank():
    spans = {"problem": np.array([[1.0, 1.5], [1.5, 2.0]]), "replicate": np.array([[1.2, 1.3], [1.7, 1.8]])}
    scale = Scale("mean rank", (0.8, 2.2))
    ax = drawn(draw_spans, SpanView("all", LOOKS[:2], np.array([1.25, 1.75]), spans, scale), span_size(2))
    found = artists(ax)
    assert list(found["problem-0"].get_xdata()) == [1.0, 1.5]
    assert list(found["replicate-1"].get_xdata()) == [1.7, 1.8]
    dots = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert dots == [1.25, 1.75]


@pytest.mark.parametrize(("problems", "shown"), [("ab", 12), ("abcde", 10)])
def test_of_many_optimizers_on_many_problems_the_best_and_the_worst_have_rows(problems, shown):
    cells = [planted(p, o) for p in problems for o in list(OPTIMIZERS)[:12]]
    tables = analyse(gather(cells))
    looks = theme.looks(tables.study.names.optimizers, tables.study.names.batches)
    for picture in pictures.overview(tables, looks):
        assert [len(view.looks.optimizers) for view in picture.panels.views] == [shown] * len(problems)


class TestSections:
    def made(self, section, **given):
        cells = [
            planted(problem=p, optimizer=o, batch=b, **given)
            for p in "abcde"
            for o in ("sgd", "adam", "momentum")
            for b in ("full", "1")
        ]
        found = analyse(gather(cells))
        return section(found, theme.looks(found.study.names.optimizers, found.study.names.batches))

    @pytest.mark.parametrize(
        ("section", "pictures"),
        [
            (ranks_section, {"ranks": 3, "steadiness": 1}),
            (speed_section, {"profiles-1": 3, "profiles-2": 3, "profiles-3": 3}),
            (tuning_section, {"trials": 3}),
            (axes_section, {"axes-examples": 3, "axes-updates": 3, "axes-milliseconds": 3}),
        ],
    )
    def test_each_has_its_findings_and_a_panel_and_words_for_each_view(self, section, pictures):
        found = self.made(section)
        assert {p.name: len(p.panels.views) for p in found.pictures} == pictures
        assert all(len(p.tiles) == len(p.panels.views) for p in found.pictures)
        assert found.findings
        assert all(finding.section == found.anchor and finding.runs for finding in found.findings)

    @pytest.mark.parametrize(
        "sad",
        [
            {"tuned": (), "search": (INF, INF), "search_status": "no_stable_rate"},
            {"tuned": (INF,) * 4, "default": (INF,) * 4},
            {"tuned": (0.5,), "default": (0.5,), "search": (0.5,)},
            {"hits": (INF,) * 4},
        ],
        ids=["no tuned rate", "all diverged", "one replicate", "target never reached"],
    )
    @pytest.mark.parametrize("section", [ranks_section, speed_section, tuning_section, axes_section])
    def test_the_saddest_studies_are_drawn_or_left_out(self, section, sad):
        found = self.made(section, **sad)
        for picture in [] if found is None else found.pictures:
            shown(picture.panels, RasterMedium(72))

    def test_alarms_have_a_row_each_with_what_came_of_them(self):
        (_, block, _) = self.made(tuning_section, extended=1, search_high=1e4).blocks
        (table,) = block.tables.values()
        assert len(table.rows) == 30
        assert list(table.rows[0].cells[3:]) == ["0.001 to 100", "0.001 to 10⁴", "1", "0.5", "0.5", "no ‡"]
        assert table.rows[0].run == ("7", "run-of-a-sgd-full")

    def test_a_search_that_is_not_trusted_says_why(self):
        (_, block, _) = self.made(tuning_section, search_status="at_search_boundary").blocks
        (table,) = block.tables.values()
        assert table.rows[0].cells[-1] == "yes †: at the search boundary"
