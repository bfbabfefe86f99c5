"""Phrases that several findings share: who comes first, how clear a difference is, what a cell is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from overshoot.study.analysis.frame import Study
from overshoot.study.comparison import Comparison, Range
from overshoot.study.leadership import Leadership
from overshoot.study.numbers import listing, percent, plural


def who(lead: Leadership, labels: Mapping[str, str], does: str) -> str:
    """Who comes first, a sentence without its full stop, where that is clear; else that nobody clearly does.
    Who ties changes with the machine and the replicates, so that stands in the evidence alone (`tied`).
    `does`: what the first one does."""
    first = labels[lead.methods[0]]
    if lead.leader is not None:
        return f"{first} {does}"
    clearly = f"is clearly {does[3:]}" if does.startswith("is ") else f"clearly {does}"
    if not lead.few:
        return f"No optimizer {clearly}"
    return f"{too_few(lead.problems)} to say which optimizer {does}"


def too_few(problems: int) -> str:
    """`2 problems are too few`, the beginning of a sentence."""
    return f"{plural(problems, 'problem')} {'is' if problems == 1 else 'are'} too few"


def nothing_clear(*ends: Leadership) -> bool:
    """Whether a claim on who comes first and who comes last is open in both, so that a tag speaks of it."""
    return all(end.leader is None for end in ends)


def shares(lead: Leadership, labels: Mapping[str, str], place: str) -> str:
    """How often the first three hold a place when problems are resampled, where that is 1 % or more; nothing
    of few problems."""
    if lead.few:
        return ""
    held = [
        f"{labels[method]} in {percent(share)}"
        for method, share in zip(lead.methods[:3], lead.shares[:3], strict=True)
        if share >= 0.01
    ]
    return f" {place} when the {plural(lead.problems, 'problem')} are resampled: {listing(held)}."


def tied(lead: Leadership, labels: Mapping[str, str]) -> str:
    """Who shares the first place where nobody leads; nothing where one does, and of few problems."""
    if lead.few or lead.leader is not None or len(lead.group) < 2:
        return ""
    names = in_order([labels[o] for o in lead.group])
    one = "the two" if len(lead.group) == 2 else "these"
    return f" {names} tie for first: one of {one} leads in at least 90\u202f% of resamplings of the problems."


def verdict(comparison: Comparison, reference: float) -> str:
    """How clear it is that a number is not the reference; nothing is concluded from few problems."""
    if isinstance(comparison.problems, Range):
        return f"{too_few(comparison.problems.clusters)} for a verdict"
    if comparison.clear(reference):
        return "clearly different"
    if not comparison.replicates.excludes(reference):
        return "no clear difference"
    return "clear on these problems, but not for problems like these"


def cell_name(study: Study, row: Mapping[str, object]) -> str:
    """`Adam, mini-batch 16, on diabetes`."""
    names = study.names
    optimizer, batch = names.optimizers[str(row["optimizer"])], names.batches[str(row["batch"])]
    return f"{optimizer}, {batch}, on {names.problems[str(row['problem'])]}"


MOST = 10
"""Names that a sentence lists; of more it gives both ends."""


def in_order(texts: Sequence[str], most: int = MOST) -> str:
    """What has an order, as a list; of more than `most` the first and the last of it."""
    if len(texts) <= most:
        return listing(texts)
    head, tail = texts[: most // 2], texts[-(most // 2) :]
    return f"{', '.join(head)}; {len(texts) - len(head) - len(tail)} more between; {listing(tail)}"
