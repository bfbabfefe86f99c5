"""No intercept on centred data: a smooth, convincing curve to the wrong plateau."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.figures.lesson_panels import CurvePanel, FitPanel, LessonCurve
from overshoot.study.figures.theme import OUTCOMES, ROLES
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.lessons.line import points
from overshoot.study.numbers import exact, number, percent
from overshoot.study.playground import Playground

STEPS, RATE = 60, 0.15


def design(x: np.ndarray) -> np.ndarray:
    """x centred, and a column of ones for the intercept."""
    centred = x - x.mean()
    return np.column_stack([centred, np.ones(len(x))])


def design_without_ones(x: np.ndarray) -> np.ndarray:
    """x centred, and nothing else."""
    centred = x - x.mean()
    return centred[:, None]


def run(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses (STEPS + 1,) and the last parameters of gradient descent on half the mean squared error."""
    path = core.descend(
        core.optimizer("sgd", lr=RATE), lambda t: X.T @ (X @ t - y) / len(y), np.zeros(X.shape[1]), STEPS
    )
    return ((path @ X.T - y) ** 2).mean(axis=1) / 2, path[-1]


MATHEMATICS = [
    "<b>With an intercept</b>: ŷ = m (x − x̄) + b; with x centred H is diagonal, so m and b do not disturb each other",
    "<b>Without</b>: ŷ = m (x − x̄). The gradient for m is the same, so m goes the same way to the same slope",
    "<b>What is left for ever</b>: ½ ȳ², half the square of the mean of y, whatever the rate and the number of steps",
]
WRONG_LINE = "Centring x does not centre y. Without the ones every prediction is 0 on average, and y is not. Center y as well, or fit the intercept."
PLAYGROUNDS = [
    Playground(
        "play",
        {"problem": "line", "offset": 0, "intercept": 2, "fitted": False, "steps": 40, "a.lr": 0.5},
        open=True,
    )
]
TRY = [
    "One parameter only, the slope: the point runs to the bottom of the curve, and the bottom is high above 0.",
    "Tick “Fit the intercept”: the curve becomes a bowl, and the line moves onto the points.",
    "Tick “Standardise” instead: y is then centred too, and nothing is lost.",
]


def lesson() -> Lesson:
    evidence = gather()
    return Lesson(
        slug="intercept",
        question="Can a loss curve look right and be wrong?",
        answer="Yes. With x centred and no column of ones, the loss falls smoothly and settles, and the slope is even right. Only the level is wrong: "
        f"the curve settles at {exact(float(evidence.without[0][-1]))} where {exact(evidence.floor)} can be had.",
        mathematics=MATHEMATICS,
        right=Code("Right: a column of ones", design),
        wrong=Code("Often published: none", design_without_ones),
        wrong_line=WRONG_LINE,
        pictures=_pictures(evidence),
        claims=_claims(evidence),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


@dataclass(frozen=True)
class InterceptEvidence:
    """What the pictures and the claims rest on."""

    with_ones: tuple[np.ndarray, np.ndarray]
    without: tuple[np.ndarray, np.ndarray]
    centred: np.ndarray
    floor: float
    excess: float
    r2: dict[str, float]
    slopes: tuple[float, float]
    y: np.ndarray


def gather() -> InterceptEvidence:
    x, y = points()
    with_ones, without = run(design(x), y), run(design_without_ones(x), y)
    centred = x - x.mean()
    floor = float(np.square(y - np.polyval(np.polyfit(x, y, 1), x)).mean() / 2)
    excess = float(without[0][-1]) - floor
    r2 = {
        key: 1 - 2 * float(losses[-1]) / float(y.var())
        for key, losses in (("with", with_ones[0]), ("without", without[0]))
    }
    slopes = float(with_ones[1][0]), float(without[1][0])
    return InterceptEvidence(
        with_ones=with_ones,
        without=without,
        centred=centred,
        floor=floor,
        excess=excess,
        r2=r2,
        slopes=slopes,
        y=y,
    )


def _pictures(evidence: InterceptEvidence) -> list[LessonPicture]:
    return [
        LessonPicture(
            CurvePanel(
                "Two convincing curves",
                [
                    LessonCurve("with an intercept", evidence.with_ones[0], ROLES["best"]),
                    LessonCurve("without", evidence.without[0], OUTCOMES["diverged"], (0, (4, 2))),
                ],
                "loss",
            ),
            "Training loss with and without an intercept",
            "Cover the green line: would you have noticed?",
        ),
        LessonPicture(
            FitPanel(
                "What they fit",
                evidence.centred,
                evidence.y,
                [
                    (
                        "with an intercept",
                        evidence.slopes[0],
                        float(evidence.with_ones[1][1]),
                        ROLES["best"],
                        "-",
                    ),
                    ("without", evidence.slopes[1], 0.0, OUTCOMES["diverged"], (0, (4, 2))),
                ],
                ("x − mean of x", "y"),
            ),
            "Data and both lines",
            "The same slope, through the wrong point. A plot of the predictions shows it at once; the loss curve never does.",
        ),
    ]


def _claims(evidence: InterceptEvidence) -> list[CheckedClaim]:
    return [
        CheckedClaim(
            f"Both end at the same slope: {number(evidence.slopes[0], 4)} and {number(evidence.slopes[1], 4)}.",
            bool(np.isclose(evidence.slopes[0], evidence.slopes[1], rtol=1e-9)),
        ),
        CheckedClaim(
            f"Without the intercept {exact(evidence.excess)} too much is left: half of ȳ² = {exact(float(evidence.y.mean()) ** 2)}.",
            bool(np.isclose(evidence.excess, evidence.y.mean() ** 2 / 2, rtol=1e-4)),
        ),
        CheckedClaim(
            f"Its curve falls by {percent(1 - float(evidence.without[0][-1] / evidence.without[0][0]))}, never rises, and moves by less than a millionth in the last ten steps.",
            bool(
                (np.diff(evidence.without[0]) <= 0).all()
                and evidence.without[0][-11] - evidence.without[0][-1] < 1e-6 * evidence.without[0][0]
                and evidence.without[0][-1] < 0.8 * evidence.without[0][0]
            ),
        ),
        CheckedClaim(
            f"R² tells: {exact(evidence.r2['with'])} with an intercept; {number(evidence.r2['without'])} without, which is {'worse' if evidence.r2['without'] < 0 else 'no better'} than predicting the mean.",
            evidence.r2["with"] > 0.9 and evidence.r2["without"] < 0.05,
        ),
    ]
