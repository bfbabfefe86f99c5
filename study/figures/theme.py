"""One look for every figure: colours with a meaning, marks to tell them apart without colour, type.

A colour stands for one thing everywhere. Figures are drawn in the colours for light paper; in the page
each of them becomes a CSS variable, so that the same drawing serves a dark page (see `variables`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import matplotlib as mpl
import numpy as np
import seaborn as sns
from matplotlib.colors import LinearSegmentedColormap, to_hex

from overshoot.study.figures.families import family_of, hue, shades
from overshoot.study.numbers import raised

INK, MUTED, GRID, PAPER = "#1d222b", "#69707d", "#dfe3e8", "#fefefe"

# Okabe & Ito (2008), distinct in every kind of colour vision; their yellow, too pale for lines, is olive.
OPTIMIZERS = ("#2f3542", "#e69f00", "#56b4e9", "#009e73", "#d55e00", "#0072b2", "#cc79a7", "#8a7a00")
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
DASHES = ("-", (0, (4, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)))

OUTCOMES = {
    "too small": "#a9cbe8",
    "converged": "#2b9a72",
    "too large": "#f0b23c",
    "diverged": "#a8193d",
    "unresolved": "#b4b9c1",
}
"""Areas, which differ in lightness too. Lines and letters take ROLES, which stand out from paper."""

ROLES = {"too small": "#3f7fb5", "best": "#1b7a58", "too large": "#b3541e"}
ROLE_DASHES = {"too small": (0, (5, 2)), "best": "-", "too large": (0, (1.5, 1.2))}
PREDICTED = (0, (2.5, 1.5))
"""The dashes of a predicted limit."""

SMALL = 9.4
"""Points of the smallest letters of a figure of the report: `SHOWN` of them are 11 CSS pixels."""
SHOWN = 1.18
"""CSS pixels that a point takes on the page, at least; a frame that is narrower scrolls."""

LEVELS = 12
"""Colours of a ratio on each side of 1, so many a decade: the one in the middle is within 10 % of 1."""


def _diverging(low: str, middle: str, high: str) -> tuple[str, ...]:
    """Blue for ratios below 1 and orange for those above, distinct in every kind of colour vision."""
    shades = LinearSegmentedColormap.from_list("ratio", [low, middle, high])
    return tuple(to_hex(color) for color in shades(np.linspace(0, 1, 2 * LEVELS + 1)))


RATIOS = _diverging("#4c96cc", "#f3f3f0", "#e58c33")
_DARK_RATIOS = _diverging("#23608f", "#232830", "#8d5210")
STEPS = tuple(to_hex(color) for color in mpl.colormaps["viridis"](np.linspace(0.0, 0.55, 6)))
_DARK_STEPS = tuple(to_hex(color) for color in mpl.colormaps["viridis"](np.linspace(0.42, 0.95, 6)))
"""Of learning rates in order, apart in lightness."""

_DARK = {
    **dict(zip(RATIOS, _DARK_RATIOS, strict=True)),
    **dict(zip(STEPS, _DARK_STEPS, strict=True)),
    **{INK: "#e7eaf0", MUTED: "#9aa3b2", GRID: "#333a46", PAPER: "#14171d"},
    **{"#2f3542": "#dfe3ea", "#009e73": "#22b98f", "#d55e00": "#ec7a2c", "#0072b2": "#4aa3dc"},
    **{"#8a7a00": "#c9b83c"},
    **{"#a9cbe8": "#40698f", "#2b9a72": "#2f9f79", "#f0b23c": "#d09a34", "#a8193d": "#d24a68"},
    **{"#b4b9c1": "#6c7481", "#3f7fb5": "#74aede", "#1b7a58": "#4cc29a", "#b3541e": "#e58a55"},
}


@dataclass(frozen=True)
class Look:
    """How one optimizer or batch strategy is drawn, and what it is called. family: of an optimizer whose
    colour says which it belongs to, else empty."""

    label: str
    color: str
    marker: str
    dash: str | tuple[float, tuple[float, ...]]
    family: str = ""


@dataclass(frozen=True)
class Looks:
    """The looks of a study's optimizers and batch strategies, by stored name. kin: the colours of families'
    members on light paper, and those on dark."""

    optimizers: dict[str, Look]
    batches: dict[str, Look]
    kin: tuple[tuple[str, str], ...] = ()

    @property
    def themes(self) -> dict[str, tuple[str, str, str]]:
        """Colour of a drawing -> its CSS variable, its value on light paper and its value on dark."""
        return variables(len(self.batches), self.kin)

    @property
    def variables(self) -> dict[str, str]:
        """Colour of a drawing -> the CSS variable that takes its place."""
        return {color: name for color, (name, _, _) in self.themes.items()}

    def only(self, optimizers: Iterable[str]) -> Looks:
        """These optimizers alone, in this order."""
        return replace(self, optimizers={name: self.optimizers[name] for name in optimizers})


def looks(optimizers: dict[str, str], batches: dict[str, str]) -> Looks:
    """Looks for names with labels, in order. Up to eight optimizers have a colour each; more have their
    family's, one shade each, and of kin another marker and dash. Batch strategies, which have an order, go
    from dark to bright."""
    shaded = batch_colors(len(batches))
    drawn = {
        name: Look(label, shaded[i], MARKERS[i % 8], "-") for i, (name, label) in enumerate(batches.items())
    }
    if len(optimizers) > len(OPTIMIZERS):
        return _by_family(optimizers, drawn)
    each = zip(optimizers.items(), OPTIMIZERS, MARKERS, strict=False)
    return Looks({name: Look(label, color, marker, "-") for (name, label), color, marker in each}, drawn)


def _by_family(optimizers: dict[str, str], batches: dict[str, Look]) -> Looks:
    kin: dict[str, list[str]] = {}
    for name in optimizers:
        kin.setdefault(family_of(name), []).append(name)
    own, pairs = {}, []
    for i, (family, names) in enumerate(kin.items()):
        for j, (name, pair) in enumerate(zip(names, shades(hue(family, i), len(names)), strict=True)):
            own[name] = Look(optimizers[name], pair[0], MARKERS[j % 8], DASHES[j % 4], family)
            pairs.append(pair)
    return Looks({name: own[name] for name in optimizers}, batches, tuple(pairs))


def batch_colors(count: int, dark: bool = False) -> list[str]:
    """`count` colours for an ordered quantity, apart in lightness."""
    low, high = (0.50, 0.90) if dark else (0.18, 0.66)
    places = np.linspace(low, high, count) if count > 1 else np.array([low])
    return [to_hex(color) for color in mpl.colormaps["magma"](places)]


def ratio_color(ratio: float) -> str:
    """The colour of a ratio: neutral within 10 % of 1, the strongest from a tenth and from ten times on."""
    place = round(LEVELS * float(np.log10(ratio))) if ratio > 0 else -LEVELS
    return RATIOS[LEVELS + min(max(place, -LEVELS), LEVELS)]


def step_colors(count: int) -> list[str]:
    """`count` colours for learning rates, ascending; beyond six, neighbours share one."""
    places = np.linspace(0, len(STEPS) - 1, count) if count > 1 else np.array([2])
    return [STEPS[round(place)] for place in places]


def variables(batches: int, kin: Sequence[tuple[str, str]] = ()) -> dict[str, tuple[str, str, str]]:
    """Colour of a drawing -> its CSS variable, its value on light paper and its value on dark. kin: further
    colours, on light paper and on dark."""
    named = {"ink": INK, "muted": MUTED, "grid": GRID, "paper": PAPER}
    named |= {f"optimizer-{i}": color for i, color in enumerate(OPTIMIZERS)}
    named |= {f"outcome-{_word(name)}": color for name, color in OUTCOMES.items()}
    named |= {f"role-{_word(name)}": color for name, color in ROLES.items()}
    named |= {f"ratio-{i}": color for i, color in enumerate(RATIOS)}
    named |= {f"step-{i}": color for i, color in enumerate(STEPS)}
    colors = {color: (f"--{name}", color, _DARK.get(color, color)) for name, color in named.items()}
    ordered = zip(batch_colors(batches), batch_colors(batches, dark=True), strict=True)
    for name, pairs in (("batch", ordered), ("kin", kin)):
        colors |= {light: (f"--{name}-{i}", light, dark) for i, (light, dark) in enumerate(pairs)}
    return colors


def themed() -> AbstractContextManager[None]:
    """Context in which figures are drawn: one point is one CSS pixel of the page."""
    style = sns.axes_style("ticks") | {
        "axes.edgecolor": MUTED,
        "axes.labelcolor": INK,
        "axes.facecolor": "none",
        "figure.facecolor": "none",
        "text.color": INK,
        "xtick.color": MUTED,
        "ytick.color": MUTED,
        "grid.color": GRID,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "font.family": ["sans-serif"],
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 9.5,
        "axes.labelsize": 9.5,
        "axes.linewidth": 0.8,
        "grid.linewidth": 0.7,
        "xtick.labelsize": SMALL,
        "ytick.labelsize": SMALL,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "xtick.major.width": 0.8,
        "ytick.major.width": 0.8,
        "xtick.minor.size": 0,
        "ytick.minor.size": 0,
        "lines.linewidth": 1.5,
        "lines.markersize": 3.6,
        "axes.unicode_minus": True,
        "svg.fonttype": "none",
        "path.simplify": True,
    }
    return mpl.rc_context(style)


def power_of_ten(value: float) -> str:
    """A decade as people write it: 0.1, 1, 10, and 10⁻⁵ beyond."""
    exponent = round(np.log10(value))
    return f"{10.0**exponent:g}" if -1 <= exponent <= 2 else f"10{raised(exponent)}"


def spread(places: Iterable[float], least: float) -> list[float]:
    """The places moved apart, as little as may be, until neighbours are at least `least` away; none beyond 0
    and 1 where all have room between."""
    places = np.asarray(list(places), dtype=float)
    order = np.argsort(places, kind="stable")
    apart = least * np.arange(len(places))
    groups: list[tuple[float, int]] = []  # of places that touch: where their first one is, and how many
    for place in places[order] - apart:
        groups.append((float(place), 1))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (b, m), (a, n) = groups.pop(), groups.pop()
            groups.append(((a * n + b * m) / (n + m), n + m))
    moved = np.repeat([place for place, _ in groups], [count for _, count in groups])
    if len(places) and apart[-1] <= 1:
        moved = moved.clip(0, 1 - apart[-1])
    result = np.empty_like(places)
    result[order] = moved + apart
    return [float(place) for place in result]


def _word(name: str) -> str:
    return name.replace(" ", "-")
