"""What a mark of a figure says of itself when a pointer rests on it.

An artist keeps it as its link, which the drawing passes on; `svg` makes a title of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.artist import Artist

APART = "\ue010"


def tell(artist: Artist, text: str, points: Sequence[str] = ()) -> None:
    """The artist says `text`, or each of its marks, those that are drawn, one of `points`."""
    artist.set_url(APART.join([text, *points]))


def sayings(link: str | None, marks: int) -> tuple[str, Sequence[str]]:
    """What so many marks with a link say together, and what each of them says, empty for nothing."""
    text, *points = (link or "").split(APART)
    if len(points) == marks:
        return "", points
    return ("", [text]) if marks == 1 else (text, [""] * marks)
