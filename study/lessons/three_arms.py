"""A network of several layers that ends in a softmax, trained on three arms of a spiral."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve, RegionPanel
from overshoot.study.figures.theme import OPTIMIZERS, OUTCOMES, ROLES
from overshoot.study.lessons.lesson import CheckedClaim, LessonPicture
from overshoot.study.numbers import number, percent

SIZES = (2, 5, 4, 3)
STEPS = 600
RATES = {"too small": 0.01, "best": 0.3, "too large": 10.0}
COLORS = {"too small": OPTIMIZERS[5], "best": ROLES["best"], "too large": OUTCOMES["diverged"]}


def arms(samples: int = 150) -> tuple[np.ndarray, np.ndarray]:
    """Points (samples, 2) on three noisy arms of a spiral, and the arm of each (samples,)."""
    rng = np.random.default_rng(3)
    arm, radius = np.arange(samples) % 3, rng.uniform(0.1, 1, samples)
    angle = 2 * np.pi * arm / 3 + 4.5 * radius + rng.normal(0, 0.12, samples)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), arm


@dataclass(frozen=True)
class TrainedNetwork:
    """A network, its losses (STEPS + 1,) and its last weights, and the share of its points that it gets right."""

    net: core.Network
    losses: np.ndarray
    theta: np.ndarray
    right: float


def trained(sizes: tuple[int, ...], rate: float) -> TrainedNetwork:
    """Gradient descent on the cross-entropy of all points."""
    X, arm = arms()
    net = core.Network(sizes, "tanh", "softmax_cross_entropy")
    start = net.init(np.random.default_rng(0))
    path = core.descend(
        core.optimizer("sgd", lr=rate), lambda theta: net.loss_and_grad(theta, X, arm)[1], start, STEPS
    )
    right = float((net.predict(path[-1], X).argmax(axis=1) == arm).mean())
    return TrainedNetwork(net, net.loss_and_grad(path, X, arm)[0], path[-1], right)


@dataclass(frozen=True)
class ArmsEvidence:
    """What the pictures and the claim rest on. deep: by kind of rate; alone: a softmax without hidden layers."""

    deep: dict[str, TrainedNetwork]
    alone: TrainedNetwork


def gather() -> ArmsEvidence:
    deep = {kind: trained(SIZES, rate) for kind, rate in RATES.items()}
    return ArmsEvidence(deep, trained((SIZES[0], SIZES[-1]), RATES["best"]))


def pictures(evidence: ArmsEvidence) -> list[LessonPicture]:
    X, arm = arms()
    best = evidence.deep["best"]
    curves = [
        LessonCurve(f"{kind}: rate {number(RATES[kind])}", run.losses, COLORS[kind])
        for kind, run in evidence.deep.items()
    ]
    return [
        LessonPicture(
            CurvePanel("Three layers and a softmax", curves, "cross-entropy"),
            "Cross-entropy of a network of three layers at three rates",
            "The softmax bounds the gradient: too large a rate throws about, and does not overflow.",
        ),
        LessonPicture(
            RegionPanel(
                f"{percent(best.right)} right at rate {number(RATES['best'])}",
                X,
                arm,
                lambda points: np.asarray(best.net.predict(best.theta, points)),
            ),
            "The regions that the trained network gives to the three classes, and the points",
            "Each region is where one probability is the largest.",
        ),
    ]


def claim(evidence: ArmsEvidence) -> CheckedClaim:
    best, small, large = (evidence.deep[kind] for kind in ("best", "too small", "too large"))
    return CheckedClaim(
        f"In {STEPS} steps at rate {number(RATES['best'])} a {SIZES} network’s cross-entropy falls from "
        f"{number(best.losses[0])} to {number(best.losses[-1])}, with {percent(best.right)} of the points right; a "
        f"softmax alone gets {percent(evidence.alone.right)}.",
        bool(
            best.right > 0.95
            and best.losses[-1] < 0.2 * best.losses[0]
            and evidence.alone.right < 0.7
            and small.losses[-1] > 5 * best.losses[-1]
            and np.isfinite(large.losses).all()
            and large.losses[-1] > large.losses[0]
        ),
    )
