"""Families of optimizers and their colours: where there are too many for a colour each, kin look alike.

A family is the module of `core.optimizers` that an optimizer is written in; a plugin is one of its own.
"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_hex

from overshoot.study.analysis.labels import family

FAMILIES = {
    "momentum": ("descent and momentum", "#3f4859"),
    "averaging": ("averages of the path", "#8a7a00"),
    "adaptive": ("AdaGrad and RMSprop", "#d08400"),
    "adam": ("Adam", "#0069a8"),
    "second_moments": ("Adam, other denominators", "#2b9fc9"),
    "signs": ("signs", "#b44c9b"),
    "layerwise": ("layer by layer", "#00895f"),
    "second_order": ("curvature", "#cf4520"),
    "parameter_free": ("no rate to find", "#7150b5"),
}
"""Module -> what its family is called, and its colour on light paper."""

OTHERS = ("#7d5438", "#5b6b2f", "#94566b")
"""Colours of families that are not among these, in turn."""


def family_of(method: str) -> str:
    """What the family of a stored optimizer is called; "others" for one that this version does not know."""
    module = family(method)
    return FAMILIES[module][0] if module in FAMILIES else module or "others"


def hue(family: str, place: int) -> str:
    """The colour of a family on light paper; `place`: its number among those shown."""
    return dict(FAMILIES.values()).get(family, OTHERS[place % len(OTHERS)])


def shades(color: str, count: int) -> list[tuple[str, str]]:
    """`count` shades of a colour from dark to bright, each for light paper and for dark."""
    light, dark = (
        LinearSegmentedColormap.from_list("shades", [_mixed(color, *low), _mixed(color, *high)])
        for low, high in ((("black", 0.35), ("white", 0.35)), (("white", 0.2), ("white", 0.7)))
    )
    places = np.linspace(0, 1, count) if count > 1 else np.array([0.5])
    return [(to_hex(light(place)), to_hex(dark(place))) for place in places]


def _mixed(color: str, other: str, share: float) -> str:
    return to_hex(LinearSegmentedColormap.from_list("mixed", [color, other])(share))
