"""A published backward pass of two sigmoid layers on a squared error, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve
from overshoot.study.figures.theme import OPTIMIZERS, OUTCOMES, ROLES
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.lessons.logistic import moons
from overshoot.study.numbers import number, percent
from overshoot.study.playground import Playground

STEPS = 600
Weights = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Backward = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, Weights], Weights]


def sigmoid(Z: np.ndarray) -> np.ndarray:
    return np.asarray((1 + np.tanh(Z / 2)) / 2)  # 1 / (1 + e^-z), without overflow


def forward(X: np.ndarray, weights: Weights) -> tuple[np.ndarray, np.ndarray]:
    """X (2, M), a column a sample; activations of the hidden and the output layer (2, M)."""
    W1, b1, W2, b2 = weights
    A1 = sigmoid(W1 @ X + b1)
    return A1, sigmoid(W2 @ A1 + b2)


def backward(X: np.ndarray, Y: np.ndarray, A1: np.ndarray, A2: np.ndarray, weights: Weights) -> Weights:
    """The gradient of (1/M) sum (A2 - Y)^2."""
    _, _, W2, _ = weights
    M = X.shape[1]
    dZ2 = 2 * (A2 - Y) * A2 * (1 - A2) / M
    dW2, db2 = dZ2 @ A1.T, dZ2.sum(axis=1, keepdims=True)
    dZ1 = (W2.T @ dZ2) * A1 * (1 - A1)
    dW1, db1 = dZ1 @ X.T, dZ1.sum(axis=1, keepdims=True)
    return dW1, db1, dW2, db2


def backward_published(
    X: np.ndarray, Y: np.ndarray, A1: np.ndarray, A2: np.ndarray, weights: Weights
) -> Weights:
    """As it is published: W1 where W2 belongs, one number for all biases, and no 1/M."""
    W1, b1, _, b2 = weights
    dZ2 = 2 * (A2 - Y) * A2 * (1 - A2)
    dW2, db2 = dZ2 @ A1.T, np.full_like(b2, dZ2.sum())
    dZ1 = (W1.T @ dZ2) * A1 * (1 - A1)
    dW1, db1 = dZ1 @ X.T, np.full_like(b1, dZ1.sum())
    return dW1, db1, dW2, db2


def start(seed: int = 4) -> Weights:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(2, 2)), np.zeros((2, 1)), rng.normal(size=(2, 2)), np.zeros((2, 1))


def flat(weights: Weights) -> np.ndarray:
    return np.concatenate([w.ravel() for w in weights])


def loss(X: np.ndarray, Y: np.ndarray, weights: Weights) -> float:
    return float(((forward(X, weights)[1] - Y) ** 2).sum() / X.shape[1])


def train(
    X: np.ndarray, Y: np.ndarray, pass_: Backward, rate: float, steps: int = STEPS
) -> tuple[np.ndarray, list[Weights]]:
    """Losses (steps + 1,) and weights on the way."""
    weights, path = start(), []
    for _ in range(steps + 1):
        path.append(weights)
        A1, A2 = forward(X, weights)
        grads = pass_(X, Y, A1, A2, weights)
        weights = tuple(w - rate * g for w, g in zip(weights, grads, strict=True))  # type: ignore[assignment]
    return np.array([loss(X, Y, w) for w in path]), path


def angle(a: np.ndarray, b: np.ndarray) -> float:
    """Degrees between two gradients."""
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


def angles(X: np.ndarray, Y: np.ndarray, path: list[Weights]) -> np.ndarray:
    """Between the published and the true gradient at each of the weights, in degrees."""
    degrees = []
    for weights in path:
        A1, A2 = forward(X, weights)
        degrees.append(
            angle(flat(backward(X, Y, A1, A2, weights)), flat(backward_published(X, Y, A1, A2, weights)))
        )
    return np.array(degrees)


def differences(X: np.ndarray, Y: np.ndarray, weights: Weights) -> np.ndarray:
    """The gradient by central differences."""
    whole, slopes = flat(weights), []
    sizes = np.cumsum([w.size for w in weights])[:-1]

    def at(theta: np.ndarray) -> float:
        parts = (part.reshape(w.shape) for part, w in zip(np.split(theta, sizes), weights, strict=True))
        return loss(X, Y, tuple(parts))  # type: ignore[arg-type]

    for i in range(whole.size):
        h = np.zeros_like(whole)
        h[i] = 6e-6
        slopes.append((at(whole + h) - at(whole - h)) / 1.2e-5)
    return np.array(slopes)


def without_mean(X: np.ndarray, Y: np.ndarray, A1: np.ndarray, A2: np.ndarray, weights: Weights) -> Weights:
    """Only the 1/M left out."""
    return tuple(X.shape[1] * g for g in backward(X, Y, A1, A2, weights))


MATHEMATICS = [
    "<b>Forward</b>: A₁ = σ(W₁X + b₁), A₂ = σ(W₂A₁ + b₂), and L = <sup>1</sup>⁄<sub>M</sub> ‖A₂ − Y‖²",
    "<b>Output</b>: dZ₂ = <sup>2</sup>⁄<sub>M</sub> (A₂ − Y) ∘ A₂ ∘ (1 − A₂)",
    "<b>Back through the layer that it came through</b>: dZ₁ = (<b>W₂ᵀ</b> dZ₂) ∘ A₁ ∘ (1 − A₁)",
    "<b>Each bias</b> gets the sum of its own unit’s deltas over the samples",
]
WRONG_LINE = (
    "W1.T @ dZ2 should be W2.T @ dZ2. Inputs, hidden units and outputs are two each, so the shapes fit and nothing complains. "
    "np.full_like(b, dZ.sum()) gives all units one bias gradient. And without / M the usable rate depends on how many samples there are."
)
PLAYGROUNDS = [
    Playground(
        "play",
        {
            "problem": "network",
            "hidden": 2,
            "activation": "sigmoid",
            "objective": "mse",
            "steps": 600,
            "a.lr": 8,
        },
        open=True,
    )
]
TRY = [
    "Two sigmoid units and a squared error, with the true gradient. Find the rate from which it learns within 600 steps.",
    "Change the loss to cross-entropy: the same network, and lower rates suffice.",
]


def lesson() -> Lesson:
    evidence = gather()
    return Lesson(
        slug="backward",
        question="Which line of this published backward pass is wrong?",
        answer="The delta goes back through the wrong layer’s weights, all biases get one number, and 1/M is missing. No error is raised, and "
        f"the loss goes down. At best it ends at {number(evidence.published[-1])} where the true gradient ends at {number(evidence.right[-1])}.",
        mathematics=MATHEMATICS,
        right=Code("Right", backward),
        wrong=Code("As published", backward_published),
        wrong_line=WRONG_LINE,
        pictures=_pictures(evidence),
        claims=_claims(evidence),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


@dataclass(frozen=True)
class BackwardEvidence:
    """What the pictures and the claims rest on."""

    M: int
    ends: dict[str, np.ndarray]
    best: dict[str, float]
    right: np.ndarray
    published: np.ndarray
    between: np.ndarray
    error: float
    shapes: bool
    scaled: np.ndarray
    uphill: float
    rates: np.ndarray


def gather() -> BackwardEvidence:
    points, labels = moons(160)
    X, Y = points.T, np.stack([1 - labels, labels]).astype(float)
    M = X.shape[1]
    rates = np.geomspace(0.01, 100, 17)
    ends = {
        key: np.array([train(X, Y, pass_, rate)[0][-1] for rate in rates])
        for key, pass_ in (("right", backward), ("published", backward_published), ("no 1/M", without_mean))
    }
    best = {key: float(rates[np.nanargmin(values)]) for key, values in ends.items()}
    right, path = train(X, Y, backward, best["right"])
    published, _ = train(X, Y, backward_published, best["published"])
    between = angles(X, Y, path)
    weights = start()
    A1, A2 = forward(X, weights)
    true = differences(X, Y, weights)
    error = float(np.abs(flat(backward(X, Y, A1, A2, weights)) - true).max() / np.abs(true).max())
    shapes = [g.shape for g in backward_published(X, Y, A1, A2, weights)] == [w.shape for w in weights]
    scaled = train(X, Y, without_mean, best["right"] / M)[0]
    uphill = float((between > 90).mean())
    return BackwardEvidence(
        M=M,
        ends=ends,
        best=best,
        right=right,
        published=published,
        between=between,
        error=error,
        shapes=shapes,
        scaled=scaled,
        uphill=uphill,
        rates=rates,
    )


def _pictures(evidence: BackwardEvidence) -> list[LessonPicture]:
    return [
        LessonPicture(
            CurvePanel(
                "Each at its best rate",
                [
                    LessonCurve(
                        f"right, rate {number(evidence.best['right'])}", evidence.right, ROLES["best"]
                    ),
                    LessonCurve(
                        f"published, rate {number(evidence.best['published'])}",
                        evidence.published,
                        OUTCOMES["diverged"],
                        (0, (4, 2)),
                    ),
                ],
                "mean squared error",
                log="",
            ),
            "Both training curves",
            "Both go down at first, which is why it was published.",
        ),
        LessonPicture(
            CurvePanel(
                "Angle to the true gradient",
                [LessonCurve("published, along the right path", evidence.between, OPTIMIZERS[5])],
                "degrees",
                log="",
                y_range=(0, 180),
            ),
            "Angle between the published and the true gradient",
            "At 0 it would be the gradient; beyond 90 a small step goes uphill.",
        ),
        _by_rate(evidence),
    ]


def _by_rate(evidence: BackwardEvidence) -> LessonPicture:
    return LessonPicture(
        CurvePanel(
            f"Loss after {STEPS} steps, by rate",
            [
                LessonCurve("right", evidence.ends["right"], ROLES["best"], x=evidence.rates),
                LessonCurve(
                    "right but for 1/M",
                    evidence.ends["no 1/M"],
                    ROLES["too large"],
                    (0, (1.5, 1.2)),
                    x=evidence.rates,
                ),
                LessonCurve(
                    "published",
                    evidence.ends["published"],
                    OUTCOMES["diverged"],
                    (0, (4, 2)),
                    x=evidence.rates,
                ),
            ],
            "mean squared error",
            "learning rate",
            log="x",
        ),
        "Final loss by learning rate for three backward passes",
        f"The dotted curve is the green one moved left by a factor of {evidence.M}, the number of samples.",
    )


def _claims(evidence: BackwardEvidence) -> list[CheckedClaim]:
    return [
        CheckedClaim(
            f"The right backward pass agrees with central differences to {number(evidence.error)}.",
            evidence.error < 1e-7,
        ),
        CheckedClaim(
            "Every published gradient has the shape of its weights: no library could complain.",
            evidence.shapes,
        ),
        CheckedClaim(
            f"At the start the two gradients are {evidence.between[0]:.0f}° apart; along the way up to {evidence.between.max():.0f}°, and beyond 90° at {percent(evidence.uphill)} of the steps.",
            bool(evidence.between[0] > 5 and evidence.between.max() > 30),
        ),
        CheckedClaim(
            f"At its best of {len(evidence.rates)} rates the published pass ends at {number(evidence.published[-1], 3)}, the right one at {number(evidence.right[-1], 3)}.",
            bool(
                evidence.published[-1] > 1.05 * evidence.right[-1]
                and evidence.published[-1] < evidence.published[0]
            ),
        ),
        CheckedClaim(
            f"With 1/M left out and nothing else, the rate {number(evidence.best['right'] / evidence.M)} gives the path that {number(evidence.best['right'])} gives: all usable rates are {evidence.M} times smaller, and change with the number of samples.",
            bool(np.allclose(evidence.scaled, evidence.right, rtol=1e-6)),
        ),
    ]
