"""Sheets of panels, as files of pixels."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from overshoot.study.figures import theme
from overshoot.study.figures.curves import CurveView, Line, draw_curves
from overshoot.study.figures.keys import CURVE_KEYS, RATE_KEYS, batch_keys, draw_keys, places
from overshoot.study.figures.panels import TITLE, Panels, fitting
from overshoot.study.figures.stage import RasterMedium, shown, to_svgs, write_png
from overshoot.study.figures.svg import VectorMedium
from tests.figures.test_figures import LOOK, LOOKS


class TestPanels:
    def panels(self, count=3, keys=()):
        lines = [Line("best", 0.1, "sweep-0", False, np.array([0.0, 50.0]), np.array([1.0, 0.01]))]
        views = [CurveView(LOOK, lines, 0.1, 100.0, (1e-3, 10.0))] * count
        return Panels(draw_curves, views, (264.0, 214.0), 2, keys)

    def test_panels_lie_side_by_side_under_their_legend(self, tmp_path):
        panels = self.panels(3, CURVE_KEYS)
        write_png(panels, tmp_path / "x.png", 72)
        with Image.open(tmp_path / "x.png") as file:
            sheet = np.asarray(file.convert("RGB")).astype(int)
        assert sheet.shape[:2] == (int(428 + panels.legend), 528)
        first, *others = (sheet[int(y) :, int(x) :][:214, :264] for x, y in map(panels.place, range(3)))
        assert all((part == first).all() for part in others)
        assert (first != 254).any(axis=2).mean() > 0.03
        assert (sheet[int(panels.legend) + 214 :, 264:] == 254).all(), "no fourth panel"

    def test_a_panel_beside_others_is_drawn_as_it_is_alone(self):
        lines = [Line("best", 0.1, "sweep-0", False, np.array([0.0, 50.0]), np.array([1.0, 0.01]))]
        ranges = [(1e-3, 10.0), (1e-3, 10.0), (1e-5, 10.0), (1e-3, 10.0)]
        views = [CurveView(LOOK, lines * (i != 1), 0.1, 100.0, span) for i, span in enumerate(ranges)]
        size = (264.0, 214.0)
        media = VectorMedium(size, {}), RasterMedium(72)
        together = shown(Panels(draw_curves, views, size), *media)
        for view, (layer, pixels) in zip(views, together, strict=True):
            [(own, single)] = shown(Panels(draw_curves, [view], size), *media)
            assert layer == own
            assert (pixels == single).all()

    def test_a_legend_names_every_key_and_breaks_before_it_is_too_wide(self):
        keys = [*batch_keys(LOOKS), *RATE_KEYS]
        figure = Figure(figsize=(528 / 72, 2))
        draw_keys(figure, keys, 528, 144)
        assert [text.get_text() for text in figure.texts] == [key.label for key in keys]
        renderer = FigureCanvasAgg(figure).get_renderer()
        scale = 72 / figure.dpi
        for text in figure.texts:
            assert text.get_window_extent(renderer).x1 * scale <= 528
        found = places(keys, 528)
        assert max(line for _, line in found) >= 1

    @pytest.mark.parametrize("width", [90.0, 242.0, 1e3])
    def test_a_title_stays_in_its_panel(self, width):
        long = "diabetes / rmse, root mean squared error, Gradient descent"
        shown = fitting(long, width)
        figure = Figure(dpi=72)
        text = figure.text(0, 0, shown, fontproperties=TITLE)
        renderer = FigureCanvasAgg(figure).get_renderer()
        assert text.get_window_extent(renderer).width <= width + 3  # rounded to pixels
        assert (shown == long) == (width == 1e3)
        assert long.startswith(shown.partition("…")[0])
        assert long.endswith(shown.partition("…")[2])

    def test_a_png_is_written(self, tmp_path):
        write_png(self.panels(), tmp_path / "x.png", 110)
        assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")

    def svgs(self, name="a", **options):
        panels = self.panels(**options)
        variables = {color: variable for color, (variable, _, _) in theme.variables(2).items()}
        return to_svgs(panels, name, variables)

    def test_each_panel_is_a_document_with_its_own_definitions(self):
        ids = []
        for svg in self.svgs():
            root = ET.fromstring(svg)
            own = [element.get("id") for element in root.iter() if element.get("id")]
            references = re.findall(r'(?:href="#|url\(#)([^")]+)', svg)
            assert references
            assert set(references) <= set(own)
            ids += own
        assert len(ids) == len(set(ids))
        assert all(name.startswith("a-") for name in ids)

    def test_colours_become_variables_and_type_the_pages(self):
        for svg in self.svgs():
            assert not re.search(r"#[0-9a-f]{6}\b", svg)
            assert "font-family" not in svg
            assert "var(--role-best)" in svg
            assert ">training gap q</text>" in svg

    def test_labels_keep_their_digits(self):
        assert ">0.1</text>" in self.svgs()[0]
        lines = [Line("best", 0.00461, "sweep-0", False, np.array([0.0, 50.0]), np.array([1.0, 0.01]))]
        panels = Panels(draw_curves, [CurveView(LOOK, lines, 0.1, 100.0, (1e-3, 10.0))], (264.0, 214.0))
        assert ">0.0046</text>" in to_svgs(panels, "a", {})[0]

    def test_names_are_escaped(self):
        look = theme.looks({"x": '<b>&"x'}, {}).optimizers["x"]
        panels = Panels(draw_curves, [CurveView(look, [], 0.1, 100.0, (1e-3, 10.0))], (264.0, 214.0))
        (svg,) = to_svgs(panels, "a", {})
        assert "<b>" not in svg
        assert "&lt;b&gt;&amp;" in svg
