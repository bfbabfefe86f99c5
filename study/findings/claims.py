"""What a report claims: a sentence, whether it says that no difference is shown, and the runs behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from study.analysis.frame import Study


@dataclass(frozen=True)
class Runs:
    """Runs behind a sentence: the finished cells with these tags (none: all of the study's cells), the
    largest `metric` of their summary first. label: what they are called in the link that lists them."""

    label: str = "all cells"
    tags: dict[str, str] = field(default_factory=dict)
    metric: str = ""


def runs_of(study: Study, metric: str = "", **axes: str) -> Runs:
    """The runs of the cells at these values of `optimizer`, `batch` or `problem`, called by their labels."""
    names = study.names
    known = {"optimizer": names.optimizers, "batch": names.batches, "problem": names.problems}
    tags = {axis: value for axis, value in axes.items() if axis != "problem"}
    if "problem" in axes:
        tags["dataset"], _, tags["network"] = axes["problem"].rpartition("/")
    return Runs(", ".join(known[axis][value] for axis, value in axes.items()) or "all cells", tags, metric)


@dataclass(frozen=True)
class Finding:
    """What it is about, a sentence or a few, the section that holds the evidence, and the runs behind it.
    tie: whether it says that the data show no difference."""

    about: str
    text: str
    evidence: str
    tie: bool = False
    runs: Sequence[Runs] = ()
