"""What a mark of a figure says of itself when a pointer rests on it.

An artist keeps it as its link, which the drawing passes on; `svg` makes a title of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from matplotlib.artist import Artist

APART = "\ue010"


def tell(artist: Artist, text: str, points: Sequence[str] = ()) -> None:
    """The artist says `text`, or each of its marks, those that are drawn, one of `points`."""
    artist.set_url(APART.join([text, *points]))


def titled(root: ET.Element) -> None:
    """Titles in the place of the links below an SVG element."""
    for link in [element for element in root.iter() if element.tag == "a"]:
        text, *points = link.attrib.get("href", "").split(APART)
        link.tag, link.attrib = "g", {}
        marks = list(link)
        if len(points) == len(marks) > 0:
            for mark, point in zip(marks, points, strict=True):
                _title(mark, point)
        elif len(marks) == 1 and marks[0].tag in ("path", "use"):
            _title(marks[0], text)
        else:
            _title(link, text)


def _title(element: ET.Element, text: str) -> None:
    title = ET.Element("title")
    title.text = text
    element.insert(0, title)
