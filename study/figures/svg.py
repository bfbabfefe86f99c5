"""A figure as SVG to be set into a page: small, its ids its own, its colours the page's variables."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree as ET

import matplotlib as mpl
from matplotlib.figure import Figure

from study.figures.theme import themed

_AUTOMATIC = re.compile(r"(.*_\d+|matplotlib\.axis.*)$")
_NUMBERS = ("d", "x", "y", "width", "height", "transform")


def to_svg(figure: Figure, name: str, variables: dict[str, str]) -> str:
    """The figure as an `<svg>` element that fills the width of its place.

    name: what every id in it starts with, so that the figures of one page share none. variables: the
    CSS variable that takes the place of each colour. Letters stay letters, set in the page's type.
    """
    buffer = io.BytesIO()
    with themed(), mpl.rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    root = ET.fromstring(buffer.getvalue())
    for element in root.iter():
        _plain(element, name, variables)
    _prune(root)
    root.attrib = {"viewBox": root.attrib["viewBox"], "aria-hidden": "true"}
    return ET.tostring(root, encoding="unicode")


def _plain(element: ET.Element, name: str, variables: dict[str, str]) -> None:
    """Without namespaces, automatic ids and decimals beyond the second; see `to_svg`."""
    element.tag = element.tag.rpartition("}")[2]
    element.attrib = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    element.text, element.tail = (text if text and text.strip() else None for text in (element.text, element.tail))
    given = element.attrib
    if _AUTOMATIC.match(given.get("id", "")):
        del given["id"]
    for key in ("id", "href", "clip-path"):
        if key in given:
            given[key] = re.sub(r"^(#|url\(#|)", rf"\g<1>{name}-", given[key])
    for key in _NUMBERS:
        if key in given:
            given[key] = re.sub(r"(\d+\.\d\d)\d+", r"\1", " ".join(given[key].split()))
    if given.get("transform", "").startswith("rotate(-0 "):
        del given["transform"]
    if "style" in given:
        given["style"] = _style(given["style"], variables)


def _style(style: str, variables: dict[str, str]) -> str:
    style = re.sub(r"\s*font-family:[^;]*;?|\bfont: ", lambda m: "font-size: " if "font:" in m[0] else "", style)
    style = re.sub(r"#[0-9a-f]{6}\b", lambda m: f"var({variables[m[0]]})" if m[0] in variables else m[0], style)
    return re.sub(r"\s*([:;])\s*", r"\1", style).strip("; ")


def _prune(parent: ET.Element) -> None:
    """Take out what draws nothing, groups that group nothing, and styles that siblings share."""
    children: list[ET.Element] = []
    for child in parent:
        _prune(child)
        if child.tag in ("metadata", "style") or (child.tag in ("g", "defs") and not len(child)):
            continue
        if child.tag == "path" and child.get("style") == "fill:none":
            continue
        children.extend(child if child.tag == "g" and not child.attrib else [child])
    parent[:] = children
    uses = [child for child in parent if child.tag == "use"]
    styles = {use.attrib.get("style") for use in uses}
    if parent.tag == "g" and len(uses) == len(parent) > 1 and len(styles) == 1 and None not in styles:
        parent.set("style", uses[0].attrib["style"])
        for use in uses:
            del use.attrib["style"]
