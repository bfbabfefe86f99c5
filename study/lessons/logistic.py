"""Logistic regression as a network of one layer, and dz2 = A2 - Y in a network of two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve
from overshoot.study.figures.theme import OPTIMIZERS, OUTCOMES, ROLES
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.numbers import exact, number, percent
from overshoot.study.playground import Playground

STEPS = 400


def moons(count: int = 120, noise: float = 0.15) -> tuple[np.ndarray, np.ndarray]:
    """Two interleaved half circles: X (count, 2) and y (count,) of 0 and 1."""
    rng = np.random.default_rng(1)
    turn, y = rng.uniform(0, np.pi, count), np.arange(count) % 2
    upper = np.column_stack([np.cos(turn), np.sin(turn)])
    X = np.where(y[:, None] == 0, upper, [1, 0.5] - upper) - [0.5, 0.25]
    return X + noise * rng.standard_normal(X.shape), y


def output_delta(Z: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """dL/dZ of the mean cross-entropy of a sigmoid."""
    A = 1 / (1 + np.exp(-Z))
    return (A - Y) / len(Y)


def output_delta_of_mse(Z: np.ndarray, Y: np.ndarray) -> np.ndarray:
    """The same beside a mean squared error: the sigmoid's slope is missing."""
    A = 1 / (1 + np.exp(-Z))
    slope = A * (1 - A)
    return (A - Y) * slope / len(Y)


def cross_entropy(Z: np.ndarray, Y: np.ndarray) -> float:
    """From the logits: log(1 + e^z) - y z, without a logarithm of a probability."""
    return float((np.logaddexp(0, Z) - Y * Z).mean())


def cross_entropy_of_probabilities(Z: np.ndarray, Y: np.ndarray) -> float:
    """As it is usually written."""
    with np.errstate(all="ignore"):
        A = 1 / (1 + np.exp(-Z))
        return float(-(Y * np.log(A) + (1 - Y) * np.log(1 - A)).mean())


def error_of(delta: np.ndarray, Z: np.ndarray, Y: np.ndarray) -> float:
    """Largest relative error of a delta, beside central differences of the cross-entropy."""
    return core.gradient_error(lambda z: (cross_entropy(z, Y), delta), Z)


def trained(net: core.Network, X: np.ndarray, y: np.ndarray, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Losses (STEPS + 1,) of gradient descent, and the last parameters."""
    start = net.init(np.random.default_rng(3))
    path = core.descend(core.optimizer("sgd", lr=rate), lambda t: net.loss_and_grad(t, X, y)[1], start, STEPS)
    return net.loss_and_grad(path, X, y)[0], path[-1]


def descend_by(
    delta: np.ndarray | None, X: np.ndarray, y: np.ndarray, rate: float, squared: bool
) -> np.ndarray:
    """Cross-entropy (STEPS + 1,) of logistic regression whose delta is right, or that of a squared error."""
    rows, theta, losses = np.column_stack([X, np.ones(len(X))]), np.array([-6.0, 6.0, 0.0]), []
    for _ in range(STEPS + 1):
        Z = rows @ theta
        losses.append(cross_entropy(Z, y))
        theta = theta - rate * rows.T @ (output_delta_of_mse(Z, y) if squared else output_delta(Z, y))
    return np.array(losses)


MATHEMATICS = [
    "<b>One layer</b>: Z = Xw + b, A = σ(Z), and L = −<sup>1</sup>⁄<sub>m</sub> Σ [y log a + (1 − y) log(1 − a)]",
    "dL/da = <sup>1</sup>⁄<sub>m</sub> (a − y) / (a (1 − a)) and da/dz = a (1 − a), so <b>dZ = (A − Y) / m</b>, dw = Xᵀ dZ, db = Σ dZ",
    "<b>Two layers</b>: dZ₂ = (A₂ − Y)/m, dW₂ = dZ₂ᵀA₁, dZ₁ = (dZ₂W₂) ∘ g′(Z₁), dW₁ = dZ₁ᵀX: the <i>second</i> layer’s weights carry the delta back",
    "<b>Curvature</b> is at most that of least squares over 4: r &lt; 8 / λ<sub>max</sub>(XᵀX/m) is always safe, and not a limit",
]
WRONG_LINE = (
    "The factor A (1 − A) belongs to the mean squared error. Left in under cross-entropy it is nearly 0 exactly where the "
    "network is surely wrong: it learns least where it should learn most."
)
PLAYGROUNDS = [Playground("play", {"problem": "network", "hidden": 0, "steps": 200, "a.lr": 1}, open=True)]
TRY = [
    "With no hidden unit this is logistic regression. Raise the rate: far past the estimated limit it still learns, for its curvature shrinks as it grows sure.",
    "Add hidden units one by one and watch the boundary bend. At three it can follow the moons.",
    "Change the loss to the mean square and press Play: it sets off more slowly.",
]


def lesson() -> Lesson:
    evidence = gather()
    return Lesson(
        slug="logistic",
        question="Why is the delta of a sigmoid’s output simply A − Y?",
        answer="Because the cross-entropy’s gradient divides by the sigmoid’s slope, and the two cancel. Logistic regression is then a "
        "network of one layer, and a network of two begins its backward pass with the same line.",
        mathematics=MATHEMATICS,
        right=Code("Right for cross-entropy", output_delta),
        wrong=Code("Often published beside it: that of a squared error", output_delta_of_mse),
        wrong_line=WRONG_LINE,
        pictures=_pictures(evidence),
        claims=_claims(evidence),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


@dataclass(frozen=True)
class LogisticEvidence:
    """What the pictures and the claims rest on."""

    errors: tuple[float, float]
    accuracy: dict[str, float]
    two_error: float
    limit: float
    wrong_start: tuple[np.ndarray, np.ndarray]
    naive: float
    stable: float
    curves: dict[str, tuple[np.ndarray, np.ndarray]]


def gather() -> LogisticEvidence:
    X, y = moons()
    Z = np.random.default_rng(0).normal(0, 3, 12)
    Y = (np.arange(12) % 2).astype(float)
    errors = error_of(output_delta(Z, Y), Z, Y), error_of(output_delta_of_mse(Z, Y), Z, Y)
    one, two = (
        core.Network((2, 1), loss="binary_cross_entropy"),
        core.Network((2, 6, 1), "tanh", "binary_cross_entropy"),
    )
    curves = {"one layer": trained(one, X, y, 1.0), "two layers": trained(two, X, y, 1.0)}
    accuracy = {
        key: float(((net.predict(curves[key][1], X)[:, 0] > 0.5) == y).mean())
        for key, net in (("one layer", one), ("two layers", two))
    }
    two_error = core.gradient_error(lambda t: two.loss_and_grad(t, X, y), two.init(np.random.default_rng(0)))
    rows = np.column_stack([X, np.ones(len(X))])
    limit = 8 / float(np.linalg.norm(rows, 2) ** 2 / len(X))
    wrong_start = descend_by(None, X, y, 1.0, False), descend_by(None, X, y, 1.0, True)
    far = np.array([800.0, -800.0])
    naive, stable = (
        cross_entropy_of_probabilities(far, np.array([1.0, 0.0])),
        cross_entropy(far, np.array([1.0, 0.0])),
    )
    return LogisticEvidence(
        errors=errors,
        accuracy=accuracy,
        two_error=two_error,
        limit=limit,
        wrong_start=wrong_start,
        naive=naive,
        stable=stable,
        curves=curves,
    )


def _pictures(evidence: LogisticEvidence) -> list[LessonPicture]:
    return [
        LessonPicture(
            CurvePanel(
                "One layer and two, rate 1",
                [
                    LessonCurve(
                        f"logistic regression: {percent(evidence.accuracy['one layer'])} right",
                        evidence.curves["one layer"][0],
                        OPTIMIZERS[5],
                    ),
                    LessonCurve(
                        f"two layers: {percent(evidence.accuracy['two layers'])} right",
                        evidence.curves["two layers"][0],
                        ROLES["best"],
                    ),
                ],
                "cross-entropy",
            ),
            "Training loss of logistic regression and a network of two layers on two moons",
            "The same first line of the backward pass. One layer can draw only a straight boundary, and stops there.",
        ),
        LessonPicture(
            CurvePanel(
                "From a confidently wrong start",
                [
                    LessonCurve("dZ = (A − Y) / m", evidence.wrong_start[0], ROLES["best"]),
                    LessonCurve(
                        "with the slope left in", evidence.wrong_start[1], OUTCOMES["diverged"], (0, (4, 2))
                    ),
                ],
                "cross-entropy",
                log="",
            ),
            "Cross-entropy of both deltas from a start that is confidently wrong",
            "Look at the first 50 steps: the dashed run barely moves while it is most wrong.",
        ),
    ]


def _claims(evidence: LogisticEvidence) -> list[CheckedClaim]:
    return [
        CheckedClaim(
            f"Beside central differences of the loss, A − Y is off by {number(evidence.errors[0])}; with the slope left in by {percent(evidence.errors[1])}.",
            evidence.errors[0] < 1e-7 and evidence.errors[1] > 0.5,
        ),
        CheckedClaim(
            f"The whole backward pass of the two-layer network agrees with differences to {number(evidence.two_error)}.",
            evidence.two_error < 1e-6,
        ),
        CheckedClaim(
            f"On two moons logistic regression gets {percent(evidence.accuracy['one layer'])} right and two layers {percent(evidence.accuracy['two layers'])}.",
            0.75 < evidence.accuracy["one layer"] < evidence.accuracy["two layers"] - 0.03,
        ),
        CheckedClaim(
            f"From the wrong start, after 50 steps the right delta is at {number(evidence.wrong_start[0][50])}, the other at {number(evidence.wrong_start[1][50])}.",
            bool(evidence.wrong_start[1][50] > 2 * evidence.wrong_start[0][50]),
        ),
        CheckedClaim(
            f"Logistic regression goes down at every step at rate 1, below the safe {exact(evidence.limit)}.",
            bool(evidence.limit > 1 and (np.diff(evidence.curves["one layer"][0]) < 0).all()),
        ),
        CheckedClaim(
            f"At logits of ±800, all right, the logarithm of a probability gives {'NaN' if np.isnan(evidence.naive) else evidence.naive}; from the logits the loss is {number(evidence.stable)}.",
            not np.isfinite(evidence.naive) and evidence.stable == 0,
        ),
    ]
