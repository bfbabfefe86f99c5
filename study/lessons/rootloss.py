"""A network of several layers ending in a softmax, and the root of the mean squared error as a loss."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve
from overshoot.study.figures.theme import OPTIMIZERS, OUTCOMES, ROLES
from overshoot.study.lessons import three_arms
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.lessons.line import hessian, points
from overshoot.study.numbers import exact, number
from overshoot.study.playground import Playground

STEPS = 300


def softmax(Z: np.ndarray) -> np.ndarray:
    """Rows of logits to rows of probabilities; the largest logit is taken out first."""
    E = np.exp(Z - Z.max(axis=1, keepdims=True))
    return E / E.sum(axis=1, keepdims=True)


def softmax_overflowing(Z: np.ndarray) -> np.ndarray:
    """As it is often written."""
    E = np.exp(Z)
    return E / E.sum(axis=1, keepdims=True)


def rmse_path(x: np.ndarray, y: np.ndarray, rate: float, steps: int = STEPS) -> tuple[np.ndarray, np.ndarray]:
    """RMSE (steps + 1,) and parameters (steps + 1, 2) of gradient descent on the RMSE of a line."""
    net = core.Network((1, 1), loss="rmse")
    path = core.descend(
        core.optimizer("sgd", lr=rate), lambda t: net.loss_and_grad(t, x[:, None], y)[1], [0.0, 0.0], steps
    )
    return net.loss_and_grad(path, x[:, None], y)[0], path


MATHEMATICS = [
    "<b>L layers</b>: A<sub>l</sub> = g(A<sub>l−1</sub>W<sub>l</sub>ᵀ + b<sub>l</sub>), the last one a softmax. With cross-entropy again dZ<sub>L</sub> = (A<sub>L</sub> − Y)/m, and dZ<sub>l</sub> = (dZ<sub>l+1</sub>W<sub>l+1</sub>) ∘ g′(Z<sub>l</sub>) down to the first",
    "<b>RMSE</b> = √MSE, so ∇RMSE = ∇MSE / (2 RMSE): gradient descent on the RMSE at r is descent on ½ MSE at r / RMSE",
    "<b>Limit</b> at a minimum with residual RMSE*: r = 2 RMSE* / λ<sub>max</sub>. Above it the RMSE itself grows until r / RMSE is stable: a bounded cycle",
    "<b>Perfect fit</b>, RMSE* = 0: every rate is above the limit, and the RMSE ends near r λ<sub>max</sub> / 2",
]
WRONG_LINE = "exp(1000) is infinite, and ∞/∞ is NaN. Too large a rate makes logits large, so a run that would have come back ends here. The shift changes no probability."
PLAYGROUNDS = [Playground("play", {"problem": "line", "loss": "rmse", "steps": 100, "a.lr": 0.2}, open=True)]
TRY = [
    "Drag the rate past the predicted limit: no red. The path jumps to and fro across the valley, at a distance that grows with the rate.",
    "Change the loss to ½ mean square, then to the mean square: the limit halves, because the curvature doubles.",
    "Set the noise to 0: with the root no rate converges for good.",
]


def lesson() -> Lesson:
    evidence = gather()
    return Lesson(
        slug="rootloss",
        question="What does a loss that is a root do to the learning rate?",
        answer=f"The RMSE’s gradient does not shrink towards the minimum, so its limit is no cliff: above {exact(evidence.limit)} the run does not blow up, "
        "it cycles for ever. And when the fit is perfect it never quite arrives at any rate.",
        mathematics=MATHEMATICS,
        right=Code("Right: the largest logit taken out", softmax),
        wrong=Code("Often published", softmax_overflowing),
        wrong_line=WRONG_LINE,
        pictures=[*three_arms.pictures(evidence.arms), *_pictures(evidence)],
        claims=[three_arms.claim(evidence.arms), *_claims(evidence)],
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


@dataclass(frozen=True)
class RootEvidence:
    """What the pictures and the claims rest on."""

    rest: float
    below: np.ndarray
    above: np.ndarray
    far: np.ndarray
    exact_runs: dict[float, np.ndarray]
    slope: np.ndarray
    same: np.ndarray
    error: float
    Z: np.ndarray
    broken: np.ndarray
    curvature: float
    ends: dict[float, float]
    limit: float
    tops: dict[float, float]
    arms: three_arms.ArmsEvidence


def gather() -> RootEvidence:
    x, y = points()
    curvature = float(np.linalg.eigvalsh(hessian(x))[1])
    X = np.column_stack([x, np.ones_like(x)])
    rest = float(np.sqrt(((X @ np.linalg.lstsq(X, y, rcond=None)[0] - y) ** 2).mean()))
    limit = 2 * rest / curvature
    below, above, far = (rmse_path(x, y, share * limit)[0] for share in (0.5, 1.5, 6))
    fitted = 2 * x + 1
    exact_runs = {rate: rmse_path(x, fitted, rate)[0] for rate in (0.02, 0.04)}
    ends = {rate: float(run[-50:].mean()) for rate, run in exact_runs.items()}
    tops = {rate: rate * curvature / 2 for rate in exact_runs}
    half, theta = core.Network((1, 1)), np.array([0.4, -0.3])
    root = core.Network((1, 1), loss="rmse")
    value, slope = root.loss_and_grad(theta, x[:, None], y)
    same = half.loss_and_grad(theta, x[:, None], y)[1] / value
    deep = core.Network((2, 5, 4, 3), "tanh", "softmax_cross_entropy")
    rng = np.random.default_rng(0)
    inputs, classes = rng.normal(size=(30, 2)), np.arange(30) % 3
    error = core.gradient_error(lambda t: deep.loss_and_grad(t, inputs, classes), deep.init(rng))
    Z = np.array([[1000.0, 0.0, -1000.0]])
    with np.errstate(all="ignore"):
        broken = softmax_overflowing(Z)
    return RootEvidence(
        rest=rest,
        below=below,
        above=above,
        far=far,
        exact_runs=exact_runs,
        slope=slope,
        same=same,
        error=error,
        Z=Z,
        broken=broken,
        curvature=curvature,
        ends=ends,
        limit=limit,
        tops=tops,
        arms=three_arms.gather(),
    )


def _pictures(evidence: RootEvidence) -> list[LessonPicture]:
    return [
        LessonPicture(
            CurvePanel(
                "RMSE as the loss, noisy line",
                [
                    LessonCurve("half the limit", evidence.below, ROLES["best"]),
                    LessonCurve("1.5 times the limit", evidence.above, ROLES["too large"]),
                    LessonCurve("6 times the limit", evidence.far, OUTCOMES["diverged"]),
                ],
                "RMSE",
                log="",
            ),
            "RMSE at three rates",
            "The upper lines are level: they cycle, and never become infinite.",
        ),
        LessonPicture(
            CurvePanel(
                "RMSE as the loss, perfect line",
                [
                    LessonCurve(f"rate {rate}", run, color)
                    for (rate, run), color in zip(evidence.exact_runs.items(), OPTIMIZERS[4:6], strict=True)
                ],
                "RMSE",
            ),
            "RMSE on data without noise at two rates",
            "Half the rate, half the plateau. With the squared error both would go on falling.",
        ),
    ]


def _claims(evidence: RootEvidence) -> list[CheckedClaim]:
    return [
        CheckedClaim(
            f"Three layers ending in a softmax: the backward pass agrees with differences to {number(evidence.error)}.",
            evidence.error < 1e-6,
        ),
        CheckedClaim(
            f"At logits of ±1000 the shifted softmax gives {', '.join(f'{p:g}' for p in softmax(evidence.Z)[0])}; without the shift: {', '.join('NaN' if np.isnan(p) else f'{p:g}' for p in evidence.broken[0])}.",
            bool(np.isnan(evidence.broken).any() and np.isfinite(softmax(evidence.Z)).all()),
        ),
        CheckedClaim(
            "The RMSE’s gradient is that of ½ MSE over the RMSE, to the last digits.",
            bool(np.allclose(evidence.slope, evidence.same, rtol=1e-12)),
        ),
        CheckedClaim(
            f"Limit 2 · {exact(evidence.rest)} / {exact(evidence.curvature)} = {exact(evidence.limit)}: at half of it the run ends at the least-squares RMSE {exact(evidence.rest)}, at 1.5 times it cycles at {exact(float(evidence.above[-1]))}.",
            bool(
                abs(evidence.below[-1] / evidence.rest - 1) < 1e-3
                and evidence.above[-50:].min() > 1.02 * evidence.rest
            ),
        ),
        CheckedClaim(
            f"At 6 times the limit it is finite after {STEPS} steps and has never been above {exact(float(evidence.far.max()))}.",
            bool(np.isfinite(evidence.far).all() and evidence.far[-1] > 2 * evidence.rest),
        ),
        CheckedClaim(
            f"On a perfect line the RMSE ends at {exact(evidence.ends[0.02])} and {exact(evidence.ends[0.04])} at the rates 0.02 and 0.04, where r λ/2 is {exact(evidence.tops[0.02])} and {exact(evidence.tops[0.04])}.",
            all(0.4 < evidence.ends[r] / evidence.tops[r] < 1.1 for r in evidence.ends)
            and 1.7 < evidence.ends[0.04] / evidence.ends[0.02] < 2.3,
        ),
    ]
