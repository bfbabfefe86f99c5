"""Warm-up: does the limit rise with its length, and does a better start of Adam's v do as well?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.core.optimizers.adam import Adam
from overshoot.core.optimizers.base import State
from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve
from overshoot.study.figures.theme import OPTIMIZERS, OUTCOMES, ROLES
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.numbers import number
from overshoot.study.playground import Playground

STEPS, SEEDS, GAIN = 300, range(4), 1.5
SHARES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.5)
RATES = {"sgd": np.geomspace(0.1, 10, 21), "adam": np.geomspace(0.01, 3, 21)}
COLORS = {"sgd": OPTIMIZERS[0], "adam": OPTIMIZERS[5]}
TWICE = 2.0
"""A run whose loss goes above so many times its start's was thrown up."""


def start_at_gradient(g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """m and v before the first step: v knows how large gradients are."""
    return np.zeros_like(g), g**2


def start_at_zero(g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """m and v before the first step."""
    return np.zeros_like(g), np.zeros_like(g)


def problem() -> tuple[core.Network, np.ndarray, np.ndarray, np.ndarray]:
    """Network, inputs, targets, and a start for each of SEEDS, larger than usual: (seeds, P)."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(128, 2))
    net = core.Network((2, 32, 32, 1), "relu")
    starts = np.array([GAIN * net.init(np.random.default_rng(seed)) for seed in SEEDS])
    return net, X, np.sin(2 * X[:, 0]) * X[:, 1], starts


@dataclass(frozen=True, eq=False)
class AdamFromGradient(Adam):
    """Adam whose m and v before the first step are `begin` of the first gradient: Kalra & Barkeshli (2024).

    The state's v is the paper's over 1 - beta2, as in `Adam`, and m is its over 1 - beta1.
    """

    @staticmethod
    def begin(g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return start_at_gradient(g)

    def step(self, g: np.ndarray, s: State, theta: np.ndarray, t: int) -> np.ndarray:
        if t == 1:
            m, v = self.begin(g)
            s["m"][:], s["v"][:] = m / (1 - self.beta1), v / (1 - self.beta2)
        return super().step(g, s, theta, t)


@dataclass(frozen=True, eq=False)
class AdamFromZero(AdamFromGradient):
    """The same from zero, which is Adam."""

    @staticmethod
    def begin(g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return start_at_zero(g)


def runs(optimizer: type[core.Optimizer], rates: np.ndarray, share: float = 0.0) -> np.ndarray:
    """Losses (seeds, rates, STEPS + 1), all data at once, with a linear warm-up over this share of the run."""
    net, X, y, starts = problem()
    trace = core.train(
        net,
        optimizer(lr=np.tile(rates, len(starts))),
        np.repeat(starts, len(rates), axis=0),
        net.data(X, y),
        core.BatchStrategy(),
        [0] * (len(rates) * len(starts)),
        range(STEPS + 1),
        schedule=core.schedule("warmup", share=share, start=0.0) if share else None,
        engine="numpy" if issubclass(optimizer, AdamFromGradient) else "auto",
    )
    return next(iter(trace.values.values())).reshape(len(starts), len(rates), -1)


def limits(losses: np.ndarray, rates: np.ndarray) -> float:
    """The lowest rate that throws a run up, or to the last one: geometric mean over the seeds."""
    top = np.nanmax(losses, axis=2)
    thrown = ~(top <= TWICE * losses[:, :, 0]) | ~np.isfinite(losses[:, :, -1])
    first = np.where(thrown.any(axis=1), rates[thrown.argmax(axis=1)], rates[-1])
    return float(np.exp(np.log(first).mean()))


MATHEMATICS = [
    "<b>Warm-up</b>: the rate climbs on a straight line over the first steps. At a low rate the network moves to where the curvature is smaller, and bears more (Kalra &amp; Barkeshli 2024)",
    "<b>Adam’s first steps</b>: with v = 0 at the start, v̂ = g² at t = 1, so every parameter moves by the whole rate, the ones with hardly any gradient too",
    "<b>Another start</b>: v = g² at the start, correction kept. Then v̂ = g² / (1 − β₂) at t = 1: the step is √(1 − β₂) of the rate, 0.03 of it, and grows as √(1 − β₂<sup>t</sup>). A warm-up that needs no schedule",
]
PLAYGROUNDS = [
    Playground(
        "play", {"problem": "valley", "condition": 100, "steps": 100, "a": "adam", "a.lr": 0.5, "b": "sgd"}
    )
]
TRY = [
    "Drag Adam’s rate right: the first steps are as long as the rate, whatever the slope.",
    "Lower beta2 and look at the first steps again: v follows sooner.",
]


def lesson() -> Lesson:
    evidence = gather()
    sgd, adam = evidence.limits["sgd"], evidence.limits["adam"]
    return Lesson(
        slug="warmup",
        question="What does a warm-up buy?",
        answer=f"A higher limit: {number(max(sgd) / sgd[0])} times as high for gradient descent here, {number(max(adam) / adam[0])} times for Adam. A short "
        f"one is enough for Adam: {number(adam[SHARES.index(0.05)] / adam[0])} times with 5 % of the run. A better start of its v gives {number(evidence.started / adam[0])} times, without any schedule.",
        mathematics=MATHEMATICS,
        right=Code("Right: v starts at the first squared gradient", start_at_gradient),
        wrong=Code("Usual, and fragile: v starts at zero", start_at_zero),
        wrong_line="Nothing is wrong with the formula. But its first steps are as long as the rate in every direction, before anything is known of the curvature.",
        pictures=_pictures(evidence),
        claims=_claims(evidence),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


@dataclass(frozen=True)
class WarmupEvidence:
    """limits: of an optimizer, one for each of SHARES; started: the limit of Adam whose v starts at g squared.
    shown: losses (STEPS + 1,) at one rate by name; rate: which. as_core: the limit of the
    same optimizer when it starts at zero."""

    limits: dict[str, list[float]]
    started: float
    as_core: float
    shown: dict[str, np.ndarray]
    rate: float


def gather() -> WarmupEvidence:
    all_runs = {
        name: [runs(core.OPTIMIZERS[name], rates, share) for share in SHARES] for name, rates in RATES.items()
    }
    reach = {
        name: [limits(losses, RATES[name]) for losses in runs_by_share]
        for name, runs_by_share in all_runs.items()
    }
    own, zero = (runs(adam, RATES["adam"]) for adam in (AdamFromGradient, AdamFromZero))
    plain, warmed = all_runs["adam"][0], all_runs["adam"][SHARES.index(0.1)]
    at = int(np.abs(np.log(RATES["adam"] / (5 * reach["adam"][0]))).argmin())
    ways = {"no warm-up": plain, "warm-up, a tenth of the run": warmed, "v starts at g²": own}
    return WarmupEvidence(
        limits=reach,
        started=limits(own, RATES["adam"]),
        as_core=limits(zero, RATES["adam"]),
        shown={name: np.median(losses[:, at] / losses[:, at, :1], axis=0) for name, losses in ways.items()},
        rate=float(RATES["adam"][at]),
    )


def _pictures(evidence: WarmupEvidence) -> list[LessonPicture]:
    labels = {name: core.OPTIMIZERS[name].label for name in RATES}
    shares = 100 * np.array(SHARES)
    colors = (OUTCOMES["diverged"], ROLES["best"], OPTIMIZERS[4])
    return [
        LessonPicture(
            CurvePanel(
                "The limit by the warm-up’s length",
                [
                    LessonCurve(labels[name], np.array(evidence.limits[name]), COLORS[name], x=shares)
                    for name in RATES
                ]
                + [
                    LessonCurve(
                        "Adam, v starts at g²",
                        np.full(2, evidence.started),
                        COLORS["adam"],
                        ":",
                        shares[[0, -1]],
                    )
                ],
                "limit",
                "warm-up, % of the run",
                log="y",
            ),
            "Limit of the rate by the length of the warm-up",
            "Adam gains most, and with a short one; gradient descent needs a longer one. The dotted line needs none.",
        ),
        LessonPicture(
            CurvePanel(
                f"Adam at {number(evidence.rate)}, three ways",
                [
                    LessonCurve(name, losses, color)
                    for (name, losses), color in zip(evidence.shown.items(), colors, strict=True)
                ],
                "share of the start’s loss",
            ),
            "Adam's loss by step without warm-up, with it, and with another start",
            "Without warm-up the first steps throw the loss far up.",
        ),
    ]


def _claims(evidence: WarmupEvidence) -> list[CheckedClaim]:
    sgd, adam = evidence.limits["sgd"], evidence.limits["adam"]
    short = SHARES.index(0.05)
    plain = evidence.shown["no warm-up"]
    return [
        CheckedClaim(
            f"Gradient descent’s limit is {number(sgd[0])} without warm-up, {number(sgd[short])} with one over 5 % of the run and {number(sgd[-1])} with one over half of it.",
            sgd[-1] > 1.5 * sgd[0],
        ),
        CheckedClaim(
            f"Adam’s goes from {number(adam[0])} to {number(adam[short])} with the same, and the highest is {number(max(adam))}.",
            adam[short] > 3 * adam[0],
        ),
        CheckedClaim(
            f"It does not rise for ever: over half of the run instead of 5 % it is {number(adam[-1] / adam[short])} times as high, for Adam.",
            adam[-1] < 3 * adam[short],
        ),
        CheckedClaim(
            f"With v started at the first squared gradient and no warm-up at all, Adam’s limit is {number(evidence.started)}: {number(evidence.started / adam[0])} times that from zero.",
            evidence.started > 3 * adam[0],
        ),
        CheckedClaim(
            f"At {number(evidence.rate)} Adam without warm-up is thrown up to {number(float(plain.max()))} times its start’s loss; the other two stay below {number(float(max(evidence.shown[n].max() for n in list(evidence.shown)[1:])))}.",
            bool(
                plain.max() > 5
                and all(evidence.shown[n].max() < plain.max() / 2 for n in list(evidence.shown)[1:])
            ),
        ),
        CheckedClaim(
            f"The Adam whose v starts elsewhere is the project’s own when it starts at zero: the limits are {number(evidence.as_core)} and {number(adam[0])}.",
            abs(evidence.as_core / adam[0] - 1) < 0.2,
        ),
    ]
