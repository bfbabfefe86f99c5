"""Panels as SVG to be set into a page: small, their ids their own, their colours the page's variables."""

from __future__ import annotations

import copy
import io
import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.figure import Figure

from overshoot.study.figures.panels import Panels
from overshoot.study.figures.svg_paths import decimal, shorter
from overshoot.study.figures.theme import themed
from overshoot.study.figures.tips import titled

_AUTOMATIC = re.compile(r"(.*_\d+|matplotlib\.axis.*)$")
_NUMBERS = ("x", "y", "width", "height", "transform")
_REFERENCE = re.compile(r"(?:url\()?#([^)]+)\)?$")
_SMALL = 500
"""Characters of a definition's path up to which it is a mark, whose curves ask for finer steps."""


def to_svgs(figure: Figure, panels: Panels, name: str, variables: Mapping[str, str]) -> list[str]:
    """An `<svg>` element for each of the `panels` in their `figure`, which fills the width of its place.

    name: what every id in them starts with, so that the figures of one page share none. variables: the
    CSS variable that takes the place of each colour. Letters stay letters, set in the page's type.
    """
    buffer = io.BytesIO()
    with themed(), mpl.rc_context({"svg.hashsalt": "overshoot"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    root = ET.fromstring(buffer.getvalue())
    for element in root.iter():
        _plain(element, variables)
    titled(root)
    shared = {e.attrib["id"]: e for e in root.iter() if e.tag in ("path", "clipPath") and "id" in e.attrib}
    _prune(root)
    return [
        _alone(root.find(f".//g[@id='{panels.mark(i)}']"), panels.box(i), shared, f"{name}-{i}")
        for i in range(len(panels.views))
    ]


def _alone(
    group: ET.Element | None, box: tuple[float, float, float, float], shared: dict[str, ET.Element], name: str
) -> str:
    """The group as a document with the definitions that it refers to, all ids starting with `name`."""
    view = " ".join(f"{value:g}" for value in box)
    svg = ET.Element("svg", {"viewBox": view, "aria-hidden": "true"})
    if group is None:
        return _text(svg)
    targets = dict.fromkeys(target for _, _, target in _references(group))
    needed = {target: f"{name}{_letters(k)}" for k, target in enumerate(targets)}
    if needed:
        ET.SubElement(svg, "defs").extend(copy.deepcopy(shared[target]) for target in needed)
    svg.extend(copy.deepcopy(child) for child in group)
    for element, key, target in list(_references(svg)):
        element.set(key, element.attrib[key].replace(f"#{target}", f"#{needed[target]}"))
    for element in svg.iter():
        own = element.attrib.pop("id", None)
        if own in needed:  # other ids are for whoever inspects the figure
            element.set("id", needed[own])
    return _text(svg)


def _letters(k: int) -> str:
    """a, b, ... z, ba, bb, ...: they end a name that ends in a digit, so that no two names are the same."""
    return (_letters(k // 26) if k >= 26 else "") + chr(ord("a") + k % 26)


def _text(svg: ET.Element) -> str:
    return ET.tostring(svg, encoding="unicode").replace(" />", "/>")


def _references(root: ET.Element) -> Iterator[tuple[ET.Element, str, str]]:
    """Element, attribute and id of everything that refers to a definition."""
    for element in root.iter():
        for key in ("href", "clip-path"):
            if match := _REFERENCE.match(element.attrib.get(key, "")):
                yield element, key, match[1]


def _plain(element: ET.Element, variables: Mapping[str, str]) -> None:
    """Without namespaces, automatic ids and decimals that nobody sees; paths in relative steps."""
    element.tag = element.tag.rpartition("}")[2]
    element.attrib = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    element.text, element.tail = (t if t and t.strip() else None for t in (element.text, element.tail))
    given = element.attrib
    if element.tag not in ("path", "clipPath") and _AUTOMATIC.match(given.get("id", "")):
        del given["id"]
    for key in _NUMBERS:
        if key in given:
            given[key] = re.sub(r"(\d+\.\d\d)\d+", r"\1", " ".join(given[key].split()))
    if "d" in given:
        given["d"] = shorter(given["d"], 2 if "id" in given and len(given["d"]) < _SMALL else 1)
    if element.tag == "use":
        given.update({key: decimal(round(float(given[key]) * 10), 1) for key in ("x", "y") if key in given})
    if given.get("transform", "").startswith("rotate(-0 "):
        del given["transform"]
    if "style" in given:
        given["style"] = _style(given["style"], variables)


def _style(style: str, variables: Mapping[str, str]) -> str:
    style = re.sub(r"\s*font-family:[^;]*;?", "", style)
    style = re.sub(
        r"#[0-9a-f]{6}\b", lambda m: f"var({variables[m[0]]})" if m[0] in variables else m[0], style
    )
    return re.sub(r"\s*([:;])\s*", r"\1", style).strip("; ")


def _prune(parent: ET.Element) -> None:
    """Take out what draws nothing or is defined elsewhere, groups that group nothing, and shared styles."""
    children: list[ET.Element] = []
    for child in parent:
        _prune(child)
        empty = child.tag == "g" and not len(child)
        if empty or child.tag in ("metadata", "style", "defs") or child.get("style") == "fill:none":
            continue
        alone = child.tag == "g" and not child.attrib and child.find("title") is None
        children.extend(child if alone else [child])
    parent[:] = children
    uses = [child for child in parent if child.tag == "use"]
    styles = {use.attrib.get("style") for use in uses}
    if parent.tag == "g" and len(uses) == len(parent) > 1 and len(styles) == 1 and None not in styles:
        parent.set("style", uses[0].attrib["style"])
        for use in uses:
            del use.attrib["style"]
