"""Linear regression with the loss 1/2m: all samples at once, mini-batches, one at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve
from overshoot.study.figures.theme import OPTIMIZERS, OUTCOMES, ROLES
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.lessons.line import losses, points
from overshoot.study.numbers import exact, number, percent
from overshoot.study.playground import Playground

EPOCHS = 30
SIZES = {None: OPTIMIZERS[5], 8: ROLES["best"], 1: ROLES["too large"]}
SEEDS = range(20)


def gradient_of_batch(theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The mean over the batch: divided by the number of samples in it."""
    error = X @ theta - y
    return X.T @ error / len(y)


def gradient_summed(theta: np.ndarray, X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The sum over the batch."""
    error = X @ theta - y
    return X.T @ error


def name(size: int | None) -> str:
    return {None: "all 40: batch", 1: "1: stochastic"}.get(size, f"{size}: mini-batch")


def excess(x: np.ndarray, y: np.ndarray, size: int | None, rate: float, summed: bool = False) -> np.ndarray:
    """Loss over its minimum, mean of SEEDS runs, after each of EPOCHS epochs over reshuffled batches."""
    X = np.column_stack([x, np.ones_like(x)])
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    floor = losses(best[None], x, y)[0]
    gradient = gradient_summed if summed else gradient_of_batch
    count, above = size or len(x), np.empty((len(SEEDS), EPOCHS + 1))
    for seed in SEEDS:
        rng, theta = np.random.default_rng(seed), np.zeros(2)
        above[seed, 0] = losses(theta[None], x, y)[0] - floor
        for epoch in range(EPOCHS):
            order = rng.permutation(len(x))
            for start in range(0, len(x), count):
                rows = order[start : start + count]
                with np.errstate(over="ignore", invalid="ignore"):
                    theta = theta - rate * gradient(theta, X[rows], y[rows])
            above[seed, epoch + 1] = losses(theta[None], x, y)[0] - floor
    return np.asarray(np.mean(above, axis=0))


def plateau(x: np.ndarray, y: np.ndarray, rate: float, updates: int = 20_000) -> float:
    """Loss over its minimum of stochastic descent with samples drawn anew, mean of the last half of the updates."""
    X = np.column_stack([x, np.ones_like(x)])
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    floor = losses(best[None], x, y)[0]
    rng, theta, path = np.random.default_rng(5), best, []
    for i in rng.integers(len(x), size=updates):
        theta = theta - rate * gradient_of_batch(theta, X[i : i + 1], y[i : i + 1])
        path.append(theta)
    return float((losses(np.array(path[updates // 2 :]), x, y) - floor).mean())


MATHEMATICS = [
    "<b>Loss</b> L(θ) = <sup>1</sup>⁄<sub>2m</sub> ‖Xθ − y‖², so the gradient is <sup>1</sup>⁄<sub>m</sub> Xᵀ(Xθ − y): the ½ cancels the 2 of the square",
    "<b>Batch</b> of B rows: g = <sup>1</sup>⁄<sub>B</sub> X<sub>B</sub>ᵀ(X<sub>B</sub>θ − y<sub>B</sub>), right on average. B = m is batch, B = 1 stochastic",
    "<b>Limit</b> of all data: 2 / λ<sub>max</sub>(XᵀX/m). With batches the mean square of the distance needs less: at B = 1 its noise grows with ‖x‖⁴",
    "<b>Plateau</b>: E[L] − L* settles at about rate × noise, whatever the number of epochs",
]
PLAYGROUNDS = [
    Playground("play", {"problem": "line", "steps": 150, "a.lr": 0.15, "batch": 1, "noise": 1}, open=True)
]
TRY = [
    "Drag “Batch” from 1 to all: the path calms down, and the predicted limit moves right.",
    "At batch 1, halve the rate: the cloud about the minimum shrinks.",
    "Set the noise of the data to 0: one at a time converges too, for then every sample has the same minimum.",
]


def lesson() -> Lesson:
    evidence = gather()
    return Lesson(
        slug="batch_sizes",
        question="All the data, a few, or one at a time: what does the batch change?",
        answer="Small batches make many cheap steps and go down fast, then stop going down: their noise keeps the loss on a "
        f"plateau that shrinks with the rate. And they tolerate less: {exact(evidence.limits[1])} instead of {exact(evidence.full)} here.",
        mathematics=MATHEMATICS,
        right=Code("Right: the mean over the batch", gradient_of_batch),
        wrong=Code("Often published: the sum", gradient_summed),
        wrong_line="Without / len(y) the step is B times as long. The usable rate then depends on the batch, and all the data at once "
        f"diverge at a rate {len(evidence.x)} times lower than they need.",
        pictures=_pictures(evidence),
        claims=_claims(evidence),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


@dataclass(frozen=True)
class BatchEvidence:
    """What the pictures and the claims rest on."""

    limits: dict[int | None, float]
    summed: np.ndarray
    full: float
    floors: dict[float, float]
    rate: float
    runs: dict[int | None, np.ndarray]
    theory: dict[float, float]
    x: np.ndarray


def gather() -> BatchEvidence:
    x, y = points()
    X = np.column_stack([x, np.ones_like(x)])
    best = np.linalg.lstsq(X, y, rcond=None)[0]
    start, rate = float(losses(np.zeros((1, 2)), x, y)[0] - losses(best[None], x, y)[0]), 0.05
    runs = {size: excess(x, y, size, rate) / start for size in SIZES}
    limits = {size: core.mean_square_rate(X, size).value for size in SIZES}
    floors = {share: plateau(x, y, share) for share in (0.02, 0.04)}
    theory = {share: float(core.noise_floor(X, y - X @ best, [share], 1, True)[0]) for share in floors}
    summed = excess(x, y, None, rate, summed=True) / start
    full = limits[None]
    return BatchEvidence(
        limits=limits, summed=summed, full=full, floors=floors, rate=rate, runs=runs, theory=theory, x=x
    )


def _pictures(evidence: BatchEvidence) -> list[LessonPicture]:
    return [
        LessonPicture(
            CurvePanel(
                f"Three batches, rate {evidence.rate}",
                [LessonCurve(name(size), evidence.runs[size], color) for size, color in SIZES.items()],
                "share of the start’s loss",
                "epoch",
                y_range=(1e-6, 2),
            ),
            "Loss by epoch for three batch sizes",
            "One at a time is ahead after one epoch, and stays on its plateau from the third on; all at once is slow and does not stop.",
        ),
        LessonPicture(
            CurvePanel(
                "The same rate, summed",
                [
                    LessonCurve("mean over all 40", evidence.runs[None], OPTIMIZERS[5]),
                    LessonCurve("sum over all 40", evidence.summed, OUTCOMES["diverged"], (0, (4, 2))),
                ],
                "share of the start’s loss",
                "epoch",
                y_range=(1e-6, 1e12),
            ),
            "Loss by epoch with the mean and with the sum",
            f"Only the division by {len(evidence.x)} is missing.",
        ),
    ]


def _claims(evidence: BatchEvidence) -> list[CheckedClaim]:
    return [
        CheckedClaim(
            f"After one epoch at {evidence.rate}, stochastic descent has {percent(evidence.runs[1][1])} of the loss left, batches of 8 {percent(evidence.runs[8][1])}, all data {percent(evidence.runs[None][1])}.",
            bool(evidence.runs[1][1] < evidence.runs[8][1] < evidence.runs[None][1]),
        ),
        CheckedClaim(
            f"After {EPOCHS} epochs the stochastic run is at {number(evidence.runs[1][-1])} of the start’s loss, after ten it was at {number(evidence.runs[1][10])}: a plateau.",
            bool(
                0.3 < evidence.runs[1][-1] / evidence.runs[1][10] < 3
                and evidence.runs[None][-1] < evidence.runs[None][10] / 3
            ),
        ),
        CheckedClaim(
            f"Twice the rate, about twice the plateau: {number(evidence.floors[0.02])} at 0.02 and {number(evidence.floors[0.04])} at 0.04; "
            f"theory says {number(evidence.theory[0.02])} and {number(evidence.theory[0.04])}.",
            all(abs(evidence.floors[r] / evidence.theory[r] - 1) < 0.25 for r in evidence.floors)
            and 1.6 < evidence.floors[0.04] / evidence.floors[0.02] < 2.8,
        ),
        CheckedClaim(
            f"The limit falls with the batch: {exact(evidence.full)} for all data, {exact(evidence.limits[8])} for batches of 8, {exact(evidence.limits[1])} one at a time.",
            evidence.full > evidence.limits[8] > evidence.limits[1],
        ),
        CheckedClaim(
            f"Summed instead of averaged, {evidence.rate} blows up, though it is {exact(evidence.full / evidence.rate)} times below the limit of the mean: the limit of the sum is {number(evidence.full / len(evidence.x))}.",
            bool(
                not evidence.summed[-1] < 1e6
                and evidence.full / len(evidence.x) < evidence.rate < evidence.full
            ),
        ),
    ]
