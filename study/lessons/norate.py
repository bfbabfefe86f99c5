"""The update written without a learning rate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve
from overshoot.study.figures.theme import OUTCOMES, ROLES
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.numbers import exact, number, percent
from overshoot.study.playground import Playground
from overshoot.study.problems.datasets import DATASETS

STEPS = 100


def update(theta: np.ndarray, gradient: np.ndarray, rate: float) -> np.ndarray:
    """theta := theta - rate * dJ/dtheta."""
    return theta - rate * gradient


def update_without_rate(theta: np.ndarray, gradient: np.ndarray) -> np.ndarray:
    """theta := theta - dJ/dtheta."""
    return theta - gradient


def data() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The diabetes data twice, columns standardised and columns of norm one, (442, 10) each, and y centred."""
    raw = DATASETS["diabetes"].make()
    X = raw.X - raw.X.mean(axis=0)
    return X / X.std(axis=0), X / np.linalg.norm(X, axis=0), raw.y - raw.y.mean()


def gaps(X: np.ndarray, y: np.ndarray, rate: float | None) -> np.ndarray:
    """Share (STEPS + 1,) of the start's loss above its minimum that is left; rate None: the update without one."""
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    theta, above = np.zeros(X.shape[1]), []
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(STEPS + 1):
            above.append(float((((theta - best) @ X.T) ** 2).mean() / 2))
            gradient = X.T @ (X @ theta - y) / len(y)
            theta = update_without_rate(theta, gradient) if rate is None else update(theta, gradient, rate)
    return np.array(above) / above[0]


MATHEMATICS = [
    "<b>Update</b> θ ← θ − r ∇L(θ); written θ := θ − ∂J/∂θ, it has r = 1",
    "<b>Standardised columns</b>: the diagonal of H = XᵀX/m is 1, so λ<sub>max</sub> lies between 1 and the number of columns. Correlated columns bring it above 2, and r = 1 diverges",
    "<b>Columns of norm one</b>: H is smaller by m, and so every limit is m times higher",
]
WRONG_LINE = (
    "A gradient is not a step: it has the units of loss per parameter. The rate makes a step of it, and must know the curvature, which "
    "depends on how the columns are scaled."
)
PLAYGROUNDS = [
    Playground("play", {"problem": "line", "offset": 3, "steps": 60, "a.lr": 1}, open=True),
]
TRY = [
    "The rate is 1, which is what the update without one has. Drag the offset or the spread of x: the same rate diverges, converges and crawls.",
    "Tick “Standardise”: for one column λ is 1, and a rate of 1 arrives in one step. With two columns it no longer would.",
]


def lesson() -> Lesson:
    evidence = gather()
    return Lesson(
        slug="norate",
        question="What happens when the learning rate is left out of the update?",
        answer="It is then 1, whatever the data. On standardised columns 1 is above the limit and the loss explodes; on columns of norm one it "
        f"is {number(evidence.limits['unit'])} times too low and nothing moves. Same code, same data, opposite failures.",
        mathematics=MATHEMATICS,
        right=Code("Right: a rate, below 2 / λ", update),
        wrong=Code("Often published: no rate", update_without_rate),
        wrong_line=WRONG_LINE,
        pictures=_pictures(evidence),
        claims=_claims(evidence),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


@dataclass(frozen=True)
class RatelessEvidence:
    """What the pictures and the claims rest on."""

    curvatures: dict[str, float]
    limits: dict[str, float]
    none: dict[str, np.ndarray]
    good: dict[str, np.ndarray]
    growth: float


def gather() -> RatelessEvidence:
    standard, unit, y = data()
    curvatures = {
        key: float(np.linalg.norm(X, 2)) ** 2 / len(X) for key, X in (("standard", standard), ("unit", unit))
    }
    limits = {key: 2 / value for key, value in curvatures.items()}
    none = {"standard": gaps(standard, y, None), "unit": gaps(unit, y, None)}
    good = {
        "standard": gaps(standard, y, 0.9 * limits["standard"]),
        "unit": gaps(unit, y, 0.9 * limits["unit"]),
    }
    growth = none["standard"][-1] / none["standard"][-2]
    return RatelessEvidence(curvatures=curvatures, limits=limits, none=none, good=good, growth=growth)


def _pictures(evidence: RatelessEvidence) -> list[LessonPicture]:
    return [
        LessonPicture(
            CurvePanel(
                "Standardised columns",
                [
                    LessonCurve("no rate", evidence.none["standard"], OUTCOMES["diverged"], (0, (4, 2))),
                    LessonCurve(
                        f"rate {exact(0.9 * evidence.limits['standard'])}",
                        evidence.good["standard"],
                        ROLES["best"],
                    ),
                ],
                "share of the start’s loss",
                y_range=(1e-3, 1e12),
            ),
            "Loss on standardised columns",
            "The dashed line is straight: the same factor at every step.",
        ),
        LessonPicture(
            CurvePanel(
                "Columns of norm one",
                [
                    LessonCurve("no rate", evidence.none["unit"], OUTCOMES["diverged"], (0, (4, 2))),
                    LessonCurve(
                        f"rate {number(0.9 * evidence.limits['unit'])}", evidence.good["unit"], ROLES["best"]
                    ),
                ],
                "share of the start’s loss",
                y_range=(1e-3, 2),
            ),
            "Loss on columns of norm one",
            "The same code looks as if it had already converged.",
        ),
    ]


def _claims(evidence: RatelessEvidence) -> list[CheckedClaim]:
    return [
        CheckedClaim(
            f"442 patients, 10 measures. Standardised: λ_max = {exact(evidence.curvatures['standard'])}, limit {exact(evidence.limits['standard'])}. Columns of norm one: λ_max = {number(evidence.curvatures['unit'])}, limit {number(evidence.limits['unit'])}.",
            evidence.limits["standard"] < 1 < evidence.limits["unit"],
        ),
        CheckedClaim(
            f"Without a rate the standardised loss grows {number(evidence.growth, 3)}-fold a step, (1 − λ_max)² = {number((1 - evidence.curvatures['standard']) ** 2, 3)}, and stands at {number(evidence.none['standard'][-1])} times its start after {STEPS} steps.",
            bool(
                np.isclose(evidence.growth, (1 - evidence.curvatures["standard"]) ** 2, rtol=1e-3)
                and evidence.none["standard"][-1] > 1e12
            ),
        ),
        CheckedClaim(
            f"On columns of norm one {percent(evidence.none['unit'][-1])} of the loss above its minimum is still there after {STEPS} steps, where the right rate leaves {percent(evidence.good['unit'][-1])}.",
            bool(evidence.none["unit"][-1] > 10 * evidence.good["unit"][-1]),
        ),
        CheckedClaim(
            f"At 0.9 of each limit, both end at the same {percent(evidence.good['unit'][-1])}: in units of the limit the scaling does not matter.",
            bool(
                np.isclose(evidence.good["unit"][-1], evidence.good["standard"][-1], rtol=1e-6)
                and evidence.good["unit"][-1] < 0.1
            ),
        ),
    ]
