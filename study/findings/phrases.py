"""Phrases that several findings share: who comes first, and how clear a difference is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from overshoot.study.comparison import Comparison
from overshoot.study.leadership import Leadership
from overshoot.study.numbers import listing, percent, plural


def who(found: Leadership, labels: Mapping[str, str], does: str, do: str) -> str:
    """Who comes first, a sentence without its full stop: the leader, or the group that ties. `does`, `do`:
    what the first one does, and what several do."""
    names = [labels[method] for method in found.group]
    if found.leader is not None:
        return f"{names[0]} {does}"
    if found.few:
        on = f"On {'this problem' if found.problems == 1 else f'these {found.problems} problems'}"
        return f"{on} {listing(names)} {does if len(names) == 1 else do}, which says little of other problems"
    if len(names) == len(found.methods):
        return f"No optimizer clearly {does}: on problems like these any of the {len(names)} may be first"
    none = "neither" if len(names) == 2 else "none of them"
    return f"{listing(names)} tie: on problems like these {none} clearly {does}"


def shares(found: Leadership, labels: Mapping[str, str], place: str) -> str:
    """How often the first three hold a place when problems are resampled; nothing of few problems."""
    if found.few:
        return ""
    held = [
        f"{labels[method]} in {percent(share)}"
        for method, share in zip(found.methods[:3], found.shares[:3], strict=True)
        if share > 0
    ]
    return f" {place} when the {plural(found.problems, 'problem')} are resampled: {listing(held)}."


def verdict(found: Comparison, reference: float) -> str:
    """How clear it is that a number is not the reference."""
    if found.clear(reference):
        return "clearly different"
    if not found.replicates.excludes(reference):
        return "no clear difference"
    if found.few:
        return "clear on these problems, which are too few to speak for others"
    return "clear on these problems, but not for problems like these"


MOST = 10
"""Names that a sentence lists; of more it gives both ends."""


def in_order(texts: Sequence[str], most: int = MOST) -> str:
    """What has an order, as a list; of more than `most` the first and the last of it."""
    if len(texts) <= most:
        return listing(texts)
    head, tail = texts[: most // 2], texts[-(most // 2) :]
    return f"{', '.join(head)}; {len(texts) - len(head) - len(tail)} between; {listing(tail)}"
