"""What a report opens with: one bowl at four learning rates, and what happens there in four sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overshoot.core import OPTIMIZERS
from overshoot.study.analysis.four_rates import (
    ANGLE,
    CONDITION,
    KINDS,
    RATES,
    STEPS,
    RatePath,
    bowl,
    four_rates,
    limit,
)
from overshoot.study.analysis.rate_words import RateWord
from overshoot.study.figures.bowl_maps import SIZE, BowlPath, BowlView, draw_bowl
from overshoot.study.figures.panels import Panels
from overshoot.study.numbers import number, percent
from overshoot.study.playground import Playground
from overshoot.study.report.pictures import Picture, Tile

NAME = "four-rates"


@dataclass(frozen=True)
class Opening:
    """sentences: one for each panel. conditions: what the runs were. play: the same bowl, to be moved."""

    picture: Picture
    sentences: Sequence[str]
    conditions: str
    play: Playground


def opening() -> Opening:
    """The same in every report: it needs no study, only the core."""
    paths = four_rates()
    runs = {kind: [run for run in paths if run.kind == kind] for kind in KINDS}
    views = [BowlView(kind, bowl(), [_path(run) for run in runs[kind]], kind == KINDS[0]) for kind in KINDS]
    panels = Panels(draw_bowl, views, SIZE, len(KINDS))
    tiles = [Tile(_said(runs[kind])) for kind in KINDS]
    conditions = (
        f"Least squares in two parameters with curvatures 1 and {number(1 / CONDITION, 3)}, seen from above: "
        f"lines join points of equal loss. Every dot is a step, {STEPS} from one start, all the data in each."
    )
    state: dict[str, str | float | bool] = {
        "problem": "valley",
        "condition": CONDITION,
        "angle": ANGLE,
        "steps": STEPS,
        "a.lr": RATES["sgd"][2],
    }
    return Opening(Picture(NAME, panels, tiles), _sentences(runs), conditions, Playground(state=state))


def _path(run: RatePath) -> BowlPath:
    aside = "" if run.word == run.kind else f"{run.word}:\nis thrown out,\nand comes back"
    return BowlPath(OPTIMIZERS[run.optimizer].label, run.rate, run.theta, aside)


def _said(runs: Sequence[RatePath]) -> str:
    """`Right: Gradient descent at rate 0.8 and Adam at rate 0.2`, or each under its own word."""
    words: dict[str, list[str]] = {}
    for run in runs:
        label = f"{OPTIMIZERS[run.optimizer].label} at rate {number(run.rate)}"
        words.setdefault(run.word, []).append(label)
    return ". ".join(f"{word.capitalize()}: {' and '.join(labels)}" for word, labels in words.items())


def _sentences(runs: Mapping[RateWord, Sequence[RatePath]]) -> list[str]:
    small, _ = runs[RateWord.TOO_SMALL]
    return [
        f"The steps are so short that after {STEPS} of them {percent(float(small.loss[-1]))} of the loss is "
        "still left.",
        "The path goes down into the valley and along it to the minimum.",
        "Each step lands on the other side of the valley, but nearer than before, so it still arrives.",
        f"Above the stability limit, here {number(limit())}, each step lands farther out than the last, and "
        "the loss blows up. Adam’s steps are bounded by its rate: it is thrown out, and comes back.",
    ]
