"""The stochastic edge: under mini-batches it is the batches' own curvature that settles at 2 / rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve
from overshoot.study.figures.theme import INK, OPTIMIZERS
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.numbers import number, percent
from overshoot.study.playground import Playground

SAMPLES, RATE, DRAWS = 64, 0.2, 300
SIZES = (None, 16, 8)
EPOCHS = range(0, 4001, 100)
SEEDS = (3, 4, 5)


def curvature_of_batches(
    net: core.Network, theta: np.ndarray, data: core.Batch, batches: Sequence[np.ndarray]
) -> np.ndarray:
    """Each batch's curvature along its own gradient."""
    return core.batch_sharpness(net, theta, data, batches)


def curvature_of_all(
    net: core.Network, theta: np.ndarray, data: core.Batch, batches: Sequence[np.ndarray]
) -> np.ndarray:
    """The largest curvature of all the data."""
    curvatures = core.sharpness(net, theta, data)
    return np.array([each.value for each in curvatures])


@dataclass(frozen=True)
class FollowedEdge:
    """Runs of one batch size. batches, whole: (seeds, epochs) the two curvatures over 2 / rate; loss: the same shape."""

    batches: np.ndarray
    whole: np.ndarray
    loss: np.ndarray

    def late(self, values: np.ndarray) -> float:
        """Mean over the last third of the epochs and over the seeds."""
        return float(values[:, -len(EPOCHS) // 3 :].mean())


def follow(size: int | None, rate: float = RATE) -> FollowedEdge:
    """SGD on a smooth function of two inputs, with a network of 32 hidden units, and its curvatures on the way."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(SAMPLES, 2))
    net = core.Network((2, 32, 1), "tanh")
    data = net.data(X, np.sin(2 * X[:, 0]) * X[:, 1])
    batches = [rng.choice(SAMPLES, size=size or SAMPLES, replace=False) for _ in range(DRAWS if size else 1)]
    trace = core.train(
        net,
        core.optimizer("sgd", lr=rate),
        np.tile(net.init(np.random.default_rng(1)), (len(SEEDS), 1)),
        data,
        core.BatchStrategy(size),
        SEEDS,
        EPOCHS,
        measure={
            "batches": lambda theta, _: curvature_of_batches(net, theta, data, batches),
            "whole": lambda theta, _: curvature_of_all(net, theta, data, batches),
        },
    )
    loss, *_ = trace.values.values()
    return FollowedEdge(trace.values["batches"] * rate / 2, trace.values["whole"] * rate / 2, loss)


MATHEMATICS = [
    "<b>Edge of stability</b>, all data: while the loss falls the sharpness λ<sub>max</sub>(H) rises, and stops at 2/r",
    "<b>Batch sharpness</b>: E[g<sub>B</sub>ᵀ H<sub>B</sub> g<sub>B</sub>] / E[g<sub>B</sub>ᵀ g<sub>B</sub>], each batch’s own Hessian along its own gradient",
    "<b>Stochastic edge</b> (Andreyev &amp; Beneventano 2024): with mini-batches it is this that settles at 2/r; the sharpness stops lower, the smaller the batch the lower",
]
PLAYGROUNDS = [Playground("play", {"problem": "network", "steps": 240, "a.lr": 1, "batch": 8}, open=True)]
TRY = [
    "Drag “Batch” from 8 to all: the jitter of the loss goes, and the rate that it bears changes.",
    "With all data, raise the rate until the loss begins to swing without leaving: that is the edge.",
]


def lesson() -> Lesson:
    edges = gather()
    small = edges[8]
    return Lesson(
        slug="stochastic_edge",
        question="Which curvature does a mini-batch feel?",
        answer="Its own. Training sharpens until the step is as long as the curvature bears. With all data that is the sharpness; with batches it is the "
        f"curvature of each batch along its own gradient, and the sharpness stays below: {percent(small.late(small.whole))} of 2/r with batches of 8 here.",
        mathematics=MATHEMATICS,
        right=Code("Right: what each batch meets", curvature_of_batches),
        wrong=Code("Often taken: the sharpness of all data", curvature_of_all),
        wrong_line="The sharpness of all data says that there is room left. There is none: each step is taken on a batch, whose curvature along its gradient is higher.",
        pictures=_pictures(edges),
        claims=_claims(edges),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


def gather() -> dict[int | None, FollowedEdge]:
    return {size: follow(size) for size in SIZES}


def _pictures(edges: dict[int | None, FollowedEdge]) -> list[LessonPicture]:
    epochs = np.array(EPOCHS)
    looks = {
        None: "All data: the sharpness climbs to 2/r and stays.",
        16: "Batches of 16: the curvature of the batches is at the edge, the sharpness close to it.",
        8: "Batches of 8: the curvature of the batches comes near the edge; the sharpness stays well below.",
    }
    return [
        LessonPicture(
            CurvePanel(
                f"{'All data' if size is None else f'Batches of {size}'}, rate {RATE}",
                [
                    LessonCurve("sharpness", runs.whole.mean(axis=0), OPTIMIZERS[0], x=epochs),
                    *(
                        [LessonCurve("batch sharpness", runs.batches.mean(axis=0), OPTIMIZERS[5], x=epochs)]
                        if size
                        else []
                    ),
                    LessonCurve("predicted: 2/r", np.ones(2), INK, ":", x=epochs[[0, -1]]),
                ],
                "curvature over 2/r",
                "epoch",
                log="",
                y_range=(0, 1.6),
            ),
            f"Curvatures by epoch, {'all data' if size is None else f'batches of {size}'}",
            looks[size],
        )
        for size, runs in edges.items()
    ]


def _claims(edges: dict[int | None, FollowedEdge]) -> list[CheckedClaim]:
    whole, middle, small = (edges[size] for size in SIZES)
    sharp = {size: runs.late(runs.whole) for size, runs in edges.items()}
    felt = {size: runs.late(runs.batches) for size, runs in edges.items()}
    return [
        CheckedClaim(
            f"With all data the sharpness begins at {percent(float(whole.whole[:, 0].mean()))} of 2/r and ends within {percent(abs(sharp[None] - 1))} of it.",
            bool(whole.whole[:, 0].mean() < 0.7 and abs(sharp[None] - 1) < 0.1),
        ),
        CheckedClaim(
            f"Over the last third of the epochs the batch sharpness is at {percent(felt[16])} of 2/r for batches of 16 and at {percent(felt[8])} for batches of 8.",
            0.8 < felt[16] < 1.2 and 0.7 < felt[8] < 1.3,
        ),
        CheckedClaim(
            f"The sharpness stops at {percent(sharp[16])} with batches of 16 and at {percent(sharp[8])} with batches of 8: the smaller the batch, the lower.",
            sharp[8] < sharp[16] < 1.1 and sharp[8] < 0.9,
        ),
        CheckedClaim(
            f"The batches’ curvature is {number(felt[8] / sharp[8])} times the sharpness at batch 8. One would think that {percent(1 / sharp[8] - 1)} more rate were free.",
            felt[8] > 1.05 * sharp[8],
        ),
        CheckedClaim(
            f"All runs still learn: their losses end at {number(whole.late(whole.loss))}, {number(middle.late(middle.loss))} and {number(small.late(small.loss))}, from {number(float(whole.loss[0, 0]))}.",
            all(runs.late(runs.loss) < runs.loss[0, 0] / 5 for runs in edges.values()),
        ),
    ]
