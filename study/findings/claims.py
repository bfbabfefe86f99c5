"""What a report claims: a sentence, its evidence, whether it is inconclusive, and the runs behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from overshoot.study.analysis.frame import Study


@dataclass(frozen=True)
class RunLink:
    """Runs behind a sentence: the finished cells with these tags (none: all of the study's cells), the
    largest `metric` of their summary first. label: what they are called in the link that lists them."""

    label: str = "all cells"
    tags: dict[str, str] = field(default_factory=dict)
    metric: str = ""


def runs_of(study: Study, metric: str = "", **axes: str) -> RunLink:
    """The runs of the cells at these values of `optimizer`, `batch` or `problem`, called by their labels."""
    names = study.names
    known = {"optimizer": names.optimizers, "batch": names.batches, "problem": names.problems}
    tags = {axis: value for axis, value in axes.items() if axis != "problem"}
    if "problem" in axes:
        tags["dataset"], _, tags["network"] = axes["problem"].rpartition("/")
    return RunLink(", ".join(known[axis][value] for axis, value in axes.items()) or "all cells", tags, metric)


@dataclass(frozen=True)
class Finding:
    """One thing that the study shows.

    about: its subject, a word or two. claim: one plain sentence that anyone can repeat. evidence: a line on
    what was compared, on how many cells, with the interval. section: the anchor of the section that shows it.
    inconclusive: whether the data show no clear difference in anything that the claim says. runs: behind it.
    details: further numbers. plain: whether the evidence needs no term explained: the story has it too.
    """

    about: str
    claim: str
    evidence: str
    section: str
    inconclusive: bool = False
    runs: Sequence[RunLink] = ()
    details: str = ""
    plain: bool = False

    @property
    def text(self) -> str:
        """The claim, its evidence and the details."""
        return " ".join(part for part in (self.claim, self.evidence, self.details) if part)
