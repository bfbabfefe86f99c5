"""Legends, outside of the data: what a colour, mark or line stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.transforms import Affine2D, Transform

from overshoot.study.figures.theme import GRID, INK, MUTED, OUTCOMES, PAPER, ROLE_DASHES, ROLES, Looks

SIZE = (26.0, 12.0)
LINE = 17.0
"""Height of a line of keys, in points."""


@dataclass(frozen=True)
class LegendKey:
    """A sign and what it stands for. line, marker: matplotlib's, empty for none. area: a filled box.
    face: of the marker, where it is not `color`. upright: the line stands."""

    label: str
    color: str
    line: Any = ""
    marker: str = ""
    face: str = ""
    area: bool = False
    upright: bool = False
    size: float = 5.5
    width: float = 1.6


def draw_key(figure: SubFigure, key: LegendKey) -> None:
    """The sign alone, in a box of SIZE."""
    _sign(figure, _points(figure, *SIZE), key, 0, 0)


def draw_keys(figure: Figure, keys: Sequence[LegendKey], width: float, height: float) -> None:
    """All keys with their labels, line by line, at the top of a figure of `width` x `height` points."""
    points = _points(figure, width, height)
    for key, (x, line) in zip(keys, places(keys, width), strict=True):
        y = height - (line + 1) * LINE
        _sign(figure, points, key, x, y)
        at = (x + SIZE[0] + 3, y + SIZE[1] / 2)
        figure.text(*at, key.label, transform=points, color=INK, fontsize=9, va="center")


def lines(keys: Sequence[LegendKey], width: float) -> int:
    """How many lines the keys take."""
    return 1 + places(keys, width)[-1][1] if keys else 0


def places(keys: Sequence[LegendKey], width: float) -> list[tuple[float, int]]:
    """Where each key starts, and in which line, when lines are at most `width` points long."""
    spots, x, line = [], 6.0, 0
    for key in keys:
        needed = SIZE[0] + 3 + 5.6 * len(key.label) + 16
        if x > 6 and x + needed > width:
            x, line = 6.0, line + 1
        spots.append((x, line))
        x += needed
    return spots


def _points(figure: Figure | SubFigure, width: float, height: float) -> Transform:
    """Points from the lower left corner of a figure of `width` x `height` points. Axes of its own for each
    key would take nearly all of the time of a legend."""
    return Affine2D().scale(1 / width, 1 / height) + figure.transSubfigure


def _sign(figure: Figure | SubFigure, points: Transform, key: LegendKey, x: float, y: float) -> None:
    """The key's sign in the box whose lower left corner is (x, y)."""
    middle = (x + SIZE[0] / 2, y + SIZE[1] / 2)
    if key.area:
        box = Rectangle((x + 5, y + 1.5), 16, 9, transform=points)
        box.set(facecolor=key.color, edgecolor=GRID, linewidth=0.5)  # an edge: the box may be white
        figure.add_artist(box)
    if key.line:
        ends = [middle[0]] * 2, [y + 0.5, y + SIZE[1] - 0.5]
        if not key.upright:
            ends = [x + 2, x + SIZE[0] - 2], [middle[1]] * 2
        line = {"color": key.color, "linestyle": key.line, "linewidth": key.width}
        figure.add_artist(Line2D(*ends, solid_capstyle="butt", transform=points, **line))
    if key.marker:
        mark = Line2D(
            *([at] for at in middle),
            marker=key.marker,
            color=key.face or key.color,
            markersize=key.size,
            markeredgecolor=key.color,
            markeredgewidth=1.0 if key.face else 0.5,
            transform=points,
        )
        figure.add_artist(mark)


def batch_keys(looks: Looks, sign: Literal["line", "mark", "bar"] = "line") -> list[LegendKey]:
    """The batch strategies, as lines with marks, as marks alone or as bars."""
    if sign == "bar":
        return [LegendKey(look.label, look.color, area=True) for look in looks.batches.values()]
    line = "-" if sign == "line" else ""
    return [LegendKey(look.label, look.color, line, look.marker) for look in looks.batches.values()]


def family_keys(looks: Looks) -> list[LegendKey]:
    """The families of the optimizers, where their colours say which; of each the colour in its middle."""
    kin: dict[str, list[str]] = {}
    for look in looks.optimizers.values():
        if look.family:
            kin.setdefault(look.family, []).append(look.color)
    return [LegendKey(family, colors[len(colors) // 2], area=True) for family, colors in kin.items()]


DIVERGED = LegendKey("diverged", OUTCOMES["diverged"], marker="X", size=7)


def cross(ax: Axes, x: float, y: float, name: str, size: float = 7) -> None:
    """The mark of a run that diverged, also where that is outside the axes."""
    ax.plot(
        x,
        y,
        marker=DIVERGED.marker,
        markersize=size,
        color=DIVERGED.color,
        markeredgecolor=PAPER,
        markeredgewidth=0.8,
        clip_on=False,
        zorder=6,
        gid=name,
    )


RATE_KEYS = [
    *(LegendKey(name, color, area=True) for name, color in OUTCOMES.items()),
    LegendKey("at the tuned rate, fresh replicates", INK, marker="*", size=9),
    LegendKey("default rate", MUTED, (0, (1, 1.6)), upright=True),
    LegendKey("tolerance: below, converged", OUTCOMES["converged"], (0, (3, 2))),
]
LIMIT_KEYS = [
    LegendKey("predicted limit", INK, (0, (2.5, 1.5)), upright=True),
    LegendKey("measured limit, with its rate", INK, marker="D", size=5),
]
CURVE_KEYS = [
    *(LegendKey(f"{name} rate", ROLES[name], ROLE_DASHES[name]) for name in ROLES),
    DIVERGED,
    LegendKey("tolerance", OUTCOMES["converged"], (0, (3, 2))),
]
PATH_KEYS = [
    LegendKey("start", INK, marker="o", face=PAPER),
    LegendKey("a step for each update", INK, "-", "o", size=2.5),
    LegendKey("later on", MUTED, marker="o", size=2.5),
    LegendKey("best parameters", INK, marker="+", size=7, width=1.4),
    LegendKey("equal loss, twice that of the line within", MUTED, "-", width=0.8),
    DIVERGED,
]
RANGE_KEYS = [
    LegendKey("best rate", INK, marker="o", face=PAPER),
    LegendKey("half of the runs diverge from here on", OUTCOMES["diverged"], marker="X", size=6),
    LegendKey("default rate", INK, "-", upright=True),
]
SCORE_KEYS = [
    LegendKey("tuned rate, with interval", INK, "-", "o"),
    LegendKey("default rate", INK, marker="o", face=PAPER),
    LegendKey("diverged", OUTCOMES["diverged"], marker="X", size=6),
]
DIVERGENCE_KEYS = [
    LegendKey("blew up at this update", INK, marker="o"),
    LegendKey("lasted to the end of its budget", INK, marker="o", face=PAPER),
]
