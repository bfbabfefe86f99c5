"""Panels as SVG to be set into a page: small, their ids their own, their colours the page's variables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, cast
from xml.sax.saxutils import escape

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase, RendererBase
from matplotlib.colors import rgb2hex
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, weight_dict
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Transform
from numpy.typing import ArrayLike

from overshoot.study.figures.svg_paths import decimal, shorter
from overshoot.study.figures.tips import sayings

_SMALL = 100
"""Points of an outline up to which it is a mark, whose curves ask for finer steps."""
_CIRCLE = Path.unit_circle().cleaned(curves=True)
"""As Matplotlib draws it: of eight curves."""
_NAME, _ID = "\ue001", "\ue002"
"""In the place of a panel's name and of a definition's id, until they are known: letters that no text has."""
_ANCHORS = {"left": "start", "right": "end", "center": "middle"}
_CAPS = {"projecting": "square", "butt": "butt", "round": "round"}


@dataclass(frozen=True)
class Layer:
    """Elements, and the definitions that they refer to: each without its id -> its id."""

    text: str = ""
    defined: Mapping[str, str] = field(default_factory=dict)

    def document(self, size: tuple[float, float], name: str) -> str:
        """An `<svg>` element, which fills the width of its place. name: what its ids start with."""
        made = "".join(text.replace(_ID, key) for text, key in self.defined.items())
        defs = f"<defs>{made}</defs>" if made else ""
        view = f'<svg viewBox="0 0 {size[0]:g} {size[1]:g}" aria-hidden="true">'
        return f"{view}{defs}{self.text}</svg>".replace(_NAME, name)


class VectorMedium(RendererBase):
    """Draws a figure of `size` points as a Layer.

    variables: the CSS variable that takes the place of each colour. Letters stay letters, set in the page's
    type. Lines are joined as SVG joins them by itself.
    """

    def __init__(self, size: tuple[float, float], variables: Mapping[str, str]) -> None:
        super().__init__()
        self.size, self.variables = size, variables
        self.under = Layer()
        self.parts: list[tuple[str, str]] = []
        self.defined: dict[str, str] = {}

    def keep(self, figure: Figure) -> None:
        """What is drawn from now on lies above the figure as it is."""
        self.under = Layer()
        self.under = self.drawn(figure)

    def drawn(self, figure: Figure) -> Layer:
        """The figure above what was kept."""
        self.parts, self.defined = [], dict(self.under.defined)
        figure.draw(self)
        return Layer(self.under.text + _clipped(self.parts), self.defined)

    def flipy(self) -> bool:
        return True

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.size

    def get_text_width_height_descent(
        self, s: str, prop: FontProperties, ismath: Any
    ) -> tuple[float, float, float]:
        return _extent(s, prop)

    def draw_path(
        self, gc: GraphicsContextBase, path: Path, transform: Transform, rgbFace: Any = None
    ) -> None:
        style, line = self._style(gc, rgbFace), rgbFace is None
        clip = (0.0, 0.0, *self.size) if line else None
        simplify = line and path.should_simplify
        whole = path.cleaned(transform, remove_nans=True, clip=clip, simplify=simplify, curves=True)
        data = shorter(self._turned(whole.vertices), whole.codes, 1)
        if data and style != "fill:none":
            _, (said,) = sayings(gc.get_url(), 1)
            self._put(gc, _element("path", f'd="{data}" style="{style}"', said))

    def draw_markers(
        self,
        gc: GraphicsContextBase,
        marker_path: Path,
        marker_trans: Transform,
        path: Path,
        trans: Transform,
        rgbFace: Any = None,
    ) -> None:
        places = trans.transform(path.vertices)
        away = np.abs(places / self.size - 0.5).max(axis=1)  # in panels, from the middle
        places = self._turned(places[away < 2])  # not so for what is no number
        start, outline = _outline(marker_path, marker_trans)
        if not outline or not len(places):
            return
        together, each = sayings(gc.get_url(), len(places))
        marks = [f"M{x} {y}{outline}" for x, y in _hundredths(np.rint(places * 10) * 10 + start)]
        reach = np.ptp(marker_trans.transform(marker_path.vertices), axis=0) + 2 * gc.get_linewidth()
        if not any(each) and (_plain(gc, rgbFace) or _apart(places, reach)):
            marks, each = ["".join(marks)], [together]
        style = f'style="{self._style(gc, rgbFace)}"'
        if len(marks) == 1:
            self._put(gc, _element("path", f'd="{marks[0]}" {style}', each[0]))
            return
        paths = (_element("path", f'd="{mark}"', said) for mark, said in zip(marks, each, strict=True))
        self._put(gc, f"<g {style}>{_title(together)}{''.join(paths)}</g>")

    def draw_text(
        self,
        gc: GraphicsContextBase,
        x: float,
        y: float,
        s: str,
        prop: FontProperties,
        angle: float,
        ismath: Any = False,
        mtext: Text | None = None,
    ) -> None:
        style, turn = _font(prop), f"rotate({_short(-angle)})"
        if mtext and (angle == 0 or mtext.get_rotation_mode() == "anchor"):
            left, foot = mtext.get_transform().transform(mtext.get_unitless_position())
            upright = np.array([np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))])
            # Letters are set along their anchor, wherever the page's type ends; only its line is placed.
            beside = upright @ [x - left, y - (self.size[1] - foot)] * upright
            x, y = left + beside[0], self.size[1] - foot + beside[1]
            style += f";text-anchor:{_ANCHORS[mtext.get_horizontalalignment()]}"
            turn = f"rotate({_short(-angle)} {_short(x)} {_short(y)})" if angle else ""
            place = f'x="{_short(x)}" y="{_short(y)}"' + (f' transform="{turn}"' if turn else "")
        else:
            place = f'transform="translate({_short(x)} {_short(y)}) {turn}"'
        alpha = gc.get_alpha() if gc.get_forced_alpha() else gc.get_rgb()[3]
        style += f";fill:{self._color(gc.get_rgb())}" + (f";opacity:{_short(alpha)}" if alpha != 1 else "")
        text = f'<text style="{style}" {place}>{escape(s)}</text>'
        _, (said,) = sayings(gc.get_url(), 1)
        # Within the text, what it says would be a part of it.
        self.parts.append(("", f"<g>{_title(said)}{text}</g>" if said else text))

    def _put(self, gc: GraphicsContextBase, element: str) -> None:
        self.parts.append((self._clip(gc), element))

    def _turned(self, vertices: ArrayLike) -> np.ndarray:
        """Upwards in a figure is downwards in SVG."""
        return np.asarray(vertices) * (1, -1) + (0, self.size[1])

    def _define(self, element: str) -> str:
        """The id of a definition, which is made where it is new."""
        return self.defined.setdefault(element, f"{_NAME}{_letters(len(self.defined))}")

    def _clip(self, gc: GraphicsContextBase) -> str:
        path, transform = cast(tuple[Path | None, Transform], gc.get_clip_path())
        if path is not None:
            outline = path.cleaned(transform, curves=True)
            shape = f'<path d="{shorter(self._turned(outline.vertices), outline.codes, 1)}"/>'
        elif (box := gc.get_clip_rectangle()) is not None:
            x, y, width, height = (_short(v) for v in (box.x0, self.size[1] - box.y1, box.width, box.height))
            shape = f'<rect x="{x}" y="{y}" width="{width}" height="{height}"/>'
        else:
            return ""
        key = self._define(f'<clipPath id="{_ID}">{shape}</clipPath>')
        return f' clip-path="url(#{key})"'

    def _color(self, rgb: Any) -> str:
        color = rgb2hex(rgb)
        return f"var({self.variables[color]})" if color in self.variables else color

    def _style(self, gc: GraphicsContextBase, face: Any) -> str:
        """What an element says of its area and its line."""
        forced = gc.get_forced_alpha()
        said = {"fill": "none" if face is None else self._color(face)}
        if face is not None and len(face) == 4 and face[3] != 1 and not forced:
            said["fill-opacity"] = _short(face[3])
        if forced and gc.get_alpha() != 1:
            said["opacity"] = _short(gc.get_alpha())
        if width := gc.get_linewidth():
            said |= self._line(gc, width, forced)
        return ";".join(f"{name}:{value}" for name, value in said.items())

    def _line(self, gc: GraphicsContextBase, width: float, forced: bool) -> dict[str, str]:
        said = {"stroke": self._color(gc.get_rgb()), "stroke-width": _short(width)}
        offset, dashes = gc.get_dashes()
        if dashes is not None:
            said |= {
                "stroke-dasharray": ",".join(map(_short, np.ravel(dashes).tolist())),
                "stroke-dashoffset": _short(offset),
            }
        if not forced and gc.get_rgb()[3] != 1:
            said["stroke-opacity"] = _short(gc.get_rgb()[3])
        if gc.get_capstyle() != "butt":
            said["stroke-linecap"] = _CAPS[gc.get_capstyle()]
        return said


def _clipped(parts: Iterable[tuple[str, str]]) -> str:
    """The elements, each after its attribute that clips it, which neighbours share."""
    text = ""
    for clip, run in groupby(parts, key=itemgetter(0)):
        inside = "".join(element for _, element in run)
        text += f"<g{clip}>{inside}</g>" if clip else inside
    return text


def _outline(path: Path, transform: Transform) -> tuple[np.ndarray, str]:
    """Where a mark begins, in hundredths of a point from its place, and its data from there on."""
    mark = path.cleaned(transform, curves=True)
    if (radius := _radius(mark)) is not None:
        return _circle(radius)
    vertices = np.asarray(mark.vertices) * (1, -1)
    digits = 2 if len(vertices) < _SMALL else 1
    start = np.rint(vertices[0] * 10**digits) * 10 ** (2 - digits)
    way = shorter(vertices - start / 100, mark.codes, digits).removeprefix("m0 0").lstrip()
    return start, f"l{way}" if way and not way[0].isalpha() else way


def _radius(mark: Path) -> float | None:
    """Of a mark that is a circle, whatever Matplotlib says of the place where it is closed."""
    if not np.array_equal(cast(Any, mark.codes), cast(Any, _CIRCLE.codes)):
        return None
    curves, unit = np.asarray(mark.vertices)[:-2], np.asarray(_CIRCLE.vertices)[:-2]
    return float(curves.max()) if np.allclose(curves, unit * curves.max()) else None


def _circle(size: float) -> tuple[np.ndarray, str]:
    """As two arcs, which are shorter than curves."""
    radius = int(np.rint(size * 100))
    r, across = decimal(radius, 2), decimal(2 * radius, 2)
    return np.array([-radius, 0]), f"a{r} {r} 0 1 0 {across} 0 {r} {r} 0 1 0-{across} 0z"


def _plain(gc: GraphicsContextBase, face: Any) -> bool:
    """Whether marks that lie on each other look as one path as they do one by one: in one colour, unmixed."""
    colors = [gc.get_rgb()] * bool(gc.get_linewidth()) + [face] * (face is not None)
    alphas = [gc.get_alpha()] if gc.get_forced_alpha() else [color[3] for color in colors if len(color) == 4]
    return all(alpha == 1 for alpha in alphas) and len(set(map(rgb2hex, colors))) < 2


def _apart(places: np.ndarray, reach: np.ndarray) -> bool:
    """Whether marks, each `reach` (2,) across, are clear of each other: side by side, or in a column."""
    return bool((np.diff(np.sort(places, axis=0), axis=0) > reach).all(axis=0).any())


def _hundredths(places: np.ndarray) -> Iterator[tuple[str, str]]:
    """x and y of each of the places (n, 2), told in hundredths of a point."""
    return ((decimal(x, 2), decimal(y, 2)) for x, y in places.astype(int).tolist())


def _element(tag: str, attributes: str, said: str) -> str:
    return f"<{tag} {attributes}>{_title(said)}</{tag}>" if said else f"<{tag} {attributes}/>"


def _title(said: str) -> str:
    return f"<title>{escape(said)}</title>" if said else ""


@lru_cache(1 << 12)
def _extent(text: str, font: FontProperties) -> tuple[float, float, float]:
    width, height, descent = text_to_path.get_text_width_height_descent(text, font, False)
    return width, height, descent


def _font(font: FontProperties) -> str:
    style, weight = font.get_style(), font.get_weight()
    weight = weight_dict[weight] if isinstance(weight, str) else weight
    said = f"font-style:{style};" if style != "normal" else ""
    said += f"font-weight:{weight};" if weight != 400 else ""
    return f"{said}font-size:{_short(font.get_size_in_points())}px"


def _letters(k: int) -> str:
    """a, b, ... z, ba, bb, ...: they end a name that ends in a digit, so that no two names are the same."""
    return (_letters(k // 26) if k >= 26 else "") + chr(ord("a") + k % 26)


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("-0.00", "0")
