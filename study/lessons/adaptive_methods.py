"""Adam, RMSprop and AdaGrad beside plain gradient descent on the same valley."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve, MapPanel
from overshoot.study.figures.theme import OPTIMIZERS
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.numbers import exact, number
from overshoot.study.playground import Playground

STEPS, CONDITION, ALPHA = 300, 100.0, 0.9
METHODS = {"sgd": OPTIMIZERS[0], "adagrad": OPTIMIZERS[3], "rmsprop": OPTIMIZERS[4], "adam": OPTIMIZERS[5]}
TURN = np.radians(30)
AXES = np.array([[np.cos(TURN), -np.sin(TURN)], [np.sin(TURN), np.cos(TURN)]])
H = AXES @ np.diag([1 / CONDITION, 1.0]) @ AXES.T
START = AXES @ np.array([-1.8, 0.8])


def adam_step(m: float, v: float, g: float, t: int, rate: float) -> tuple[float, float, float]:
    """Both means divided by what they lack while they are young."""
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    m_hat = m / (1 - 0.9**t)
    v_hat = v / (1 - 0.999**t)
    return m, v, rate * m_hat / (v_hat**0.5 + 1e-8)


def adam_step_uncorrected(m: float, v: float, g: float, t: int, rate: float) -> tuple[float, float, float]:
    """The means as they are."""
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g * g
    return m, v, rate * m / (v**0.5 + 1e-8)


def path(name: str, rate: float, steps: int = STEPS) -> np.ndarray:
    options = {"alpha": ALPHA} if name == "rmsprop" else {}
    return core.descend(core.optimizer(name, lr=rate, **options), lambda t: t @ H, START, steps)


def left(theta: np.ndarray) -> np.ndarray:
    """Loss (E,) along a path, over that of the start."""
    with np.errstate(over="ignore"):
        values = ((theta @ H) * theta).sum(axis=-1)
    return values / values[0]


def first_steps(step: object, count: int = 30, rate: float = 0.1) -> np.ndarray:
    """Sizes (count,) of Adam's steps under a gradient that stays 1."""
    m = v = 0.0
    sizes = []
    for t in range(1, count + 1):
        m, v, size = step(m, v, 1.0, t, rate)  # type: ignore[operator]
        sizes.append(size)
    return np.array(sizes)


MATHEMATICS = [
    "<b>Gradient descent</b>: θ ← θ − r g, a step that shrinks as the gradient does; limit 2 / λ<sub>max</sub>",
    "<b>AdaGrad</b>: v ← v + g²; θ ← θ − r g / (√v + ε). v only grows, so the steps shrink for good",
    "<b>RMSprop</b>: v ← αv + (1 − α)g²; the same step; here α = 0.9. v forgets, so that near the minimum a step is ± r: a cycle of |θ| = r/2",
    "<b>Adam</b>: a mean m of g as well, and both corrected: m̂ = m / (1 − β₁<sup>t</sup>), v̂ = v / (1 − β₂<sup>t</sup>); θ ← θ − r m̂ / (√v̂ + ε)",
]
WRONG_LINE = "v forgets far more slowly than m, so at first √v is much too small for m: the first step is (1 − β₁)/√(1 − β₂) = 3.2 times the rate, and the next ones are longer still."
PLAYGROUNDS = [
    Playground(
        "play",
        {
            "problem": "valley",
            "condition": 100,
            "angle": 0,
            "steps": 150,
            "a": "sgd",
            "b": "rmsprop",
            "b.lr": 0.03,
            "b.alpha": 0.9,
        },
    )
]
TRY = [
    "Compare the two strips: gradient descent ends in a red cliff, RMSprop in a wide orange zone, where it cannot settle.",
    "Change the second optimizer to AdaGrad, then to Adam, and drag its rate far right: it is thrown out, and comes back.",
    "Turn the valley by 45°: the adaptive methods scale each coordinate, and lose much of their advantage.",
]


def lesson() -> Lesson:
    evidence = gather()
    return Lesson(
        slug="adaptive_methods",
        question="What do AdaGrad, RMSprop and Adam change?",
        answer="They divide each step by the size of the gradients seen, so that its length is about the rate. Nothing blows up at rates at which gradient "
        "descent is gone. But RMSprop, which forgets, cannot settle closer than its rate lets it.",
        mathematics=MATHEMATICS,
        right=Code("Right: the young means corrected", adam_step),
        wrong=Code("Often published: not corrected", adam_step_uncorrected),
        wrong_line=WRONG_LINE,
        pictures=_pictures(evidence),
        claims=_claims(evidence),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


@dataclass(frozen=True)
class AdaptiveEvidence:
    """What the pictures and the claims rest on."""

    ends: dict[str, np.ndarray]
    reach: dict[str, float]
    corrected: np.ndarray
    plain: np.ndarray
    core_first: float
    cycle: np.ndarray
    thrown: np.ndarray
    plateau: dict[float, float]
    last: dict[str, float]
    best: dict[str, float]
    labels: dict[str, str]
    rates: np.ndarray


def gather() -> AdaptiveEvidence:
    rates = np.geomspace(1e-3, 30, 40)
    ends = {name: np.array([np.median(left(path(name, rate))[-30:]) for rate in rates]) for name in METHODS}
    ends = {name: np.where(np.isfinite(values), values, np.inf) for name, values in ends.items()}
    reach = {name: decades(rates, values) for name, values in ends.items()}
    best = {name: float(rates[values.argmin()]) for name, values in ends.items()}
    corrected, plain = first_steps(adam_step), first_steps(adam_step_uncorrected)
    core_first = abs(
        float(core.descend(core.optimizer("adam", lr=0.1), lambda t: np.ones(1), [0.0], 1)[1, 0])
    )
    cycle = core.descend(core.optimizer("rmsprop", lr=0.1, alpha=ALPHA), lambda t: t, [1.0], 4000)[-200:, 0]
    thrown = left(path("adagrad", 10.0))
    plateau = {rate: float(np.median(left(path("rmsprop", rate))[-30:])) for rate in (0.05, 0.5)}
    labels = {name: core.OPTIMIZERS[name].label for name in METHODS}
    last = {name: float(values[-1]) for name, values in ends.items()}
    return AdaptiveEvidence(
        ends=ends,
        reach=reach,
        corrected=corrected,
        plain=plain,
        core_first=core_first,
        cycle=cycle,
        thrown=thrown,
        plateau=plateau,
        last=last,
        best=best,
        labels=labels,
        rates=rates,
    )


def _maps(evidence: AdaptiveEvidence) -> list[LessonPicture]:
    return [
        LessonPicture(
            MapPanel(
                f"{evidence.labels[name]}, rate {number(evidence.best[name])}",
                path(name, evidence.best[name]),
                np.zeros(2),
                H,
                2.4,
                color,
                ("θ₁", "θ₂"),
            ),
            f"Path of {evidence.labels[name]} at its best rate",
            MAPS[name],
        )
        for name, color in METHODS.items()
        if name != "rmsprop"
    ]


def _pictures(evidence: AdaptiveEvidence) -> list[LessonPicture]:
    return [
        *_maps(evidence),
        LessonPicture(
            CurvePanel(
                f"Loss after {STEPS} steps, by rate",
                [
                    LessonCurve(
                        evidence.labels[name], np.clip(values, 1e-12, 1e4), METHODS[name], x=evidence.rates
                    )
                    for name, values in evidence.ends.items()
                ],
                "share of the start’s loss",
                "learning rate",
                log="xy",
                y_range=(1e-10, 1e3),
            ),
            "Final loss by learning rate",
            "Gradient descent has a cliff. RMSprop has a slope: the loss rises with the square of the rate. AdaGrad and Adam come back.",
        ),
        LessonPicture(
            CurvePanel(
                "Adam’s steps under a constant gradient",
                [
                    LessonCurve("corrected", evidence.corrected, OPTIMIZERS[5]),
                    LessonCurve("not corrected", evidence.plain, OPTIMIZERS[4], (0, (4, 2))),
                ],
                "step, at rate 0.1",
                log="",
            ),
            "Step sizes with and without correction",
            "Corrected, each step is the rate. Uncorrected, the longest is several times that.",
        ),
    ]


def _claims(evidence: AdaptiveEvidence) -> list[CheckedClaim]:
    return [
        CheckedClaim(
            f"Less than 1 % of the loss is left over {number(evidence.reach['sgd'])} decades of rates for gradient descent, {number(evidence.reach['adam'])} for Adam and {number(evidence.reach['adagrad'])} for AdaGrad.",
            evidence.reach["sgd"] < evidence.reach["adam"]
            and evidence.reach["sgd"] < evidence.reach["adagrad"],
        ),
        CheckedClaim(
            f"At a rate of 30 gradient descent has overflowed; RMSprop stays at {number(evidence.last['rmsprop'])} times the start’s loss, and AdaGrad and Adam come back to {number(evidence.last['adagrad'])} and {number(evidence.last['adam'])} of it.",
            bool(
                not np.isfinite(evidence.last["sgd"])
                and 1 < evidence.last["rmsprop"] < 1e4
                and max(evidence.last["adagrad"], evidence.last["adam"]) < 0.01
            ),
        ),
        CheckedClaim(
            f"RMSprop’s plateau rises with the rate: {number(evidence.plateau[0.05])} of the start’s loss at 0.05, {number(evidence.plateau[0.5])} at 0.5: ten times the rate, about a hundred times the loss.",
            bool(50 < evidence.plateau[0.5] / evidence.plateau[0.05] < 200),
        ),
        CheckedClaim(
            f"RMSprop with rate 0.1 on θ²/2 ends in a cycle of |θ| = {number(float(np.abs(evidence.cycle).mean()))}: half the rate.",
            bool(np.allclose(np.abs(evidence.cycle), 0.05, rtol=0.02)),
        ),
        CheckedClaim(
            f"AdaGrad at rate 10 is thrown up to {number(float(evidence.thrown.max()))} times the start’s loss, and comes back to {number(float(evidence.thrown[-1]))}.",
            bool(evidence.thrown.max() > 5 and evidence.thrown[-1] < 0.1),
        ),
        CheckedClaim(
            f"Adam’s first step is the rate, {number(float(evidence.corrected[0]))}; uncorrected it is {exact(float(evidence.plain[0]))}, and grows to {exact(float(evidence.plain.max()))}.",
            bool(
                np.isclose(evidence.core_first, 0.1)
                and np.isclose(evidence.corrected[0], 0.1)
                and evidence.plain[0] > 0.31
                and evidence.plain.max() > 2 * evidence.plain[0]
            ),
        ),
    ]


MAPS = {
    "sgd": "To and fro across the steep direction, slow along the flat one.",
    "adagrad": "One long step, then shorter and shorter ones: what it divides by only grows.",
    "adam": "It swings across the valley: the mean of the gradients carries on.",
}


def decades(rates: np.ndarray, ends: np.ndarray) -> float:
    """Over how many decades of the rates less than 1 % is left."""
    return float((ends < 0.01).sum() * np.log10(rates[1] / rates[0]))
