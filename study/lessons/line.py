"""A line y = m x + b by gradient descent, beside the least-squares answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.figures.lesson_panels import CurvePanel, FitPanel, LessonCurve, MapPanel
from overshoot.study.figures.theme import INK, OUTCOMES, ROLES
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.numbers import exact, number, percent
from overshoot.study.playground import Playground

STEPS = 60
START = (-0.5, 3.0)
RATES = {"too small": 0.01, "good": None, "overshooting": 0.97, "diverging": 1.05}
"""Over the limit; the good one is the rate that contracts fastest."""
COLORS = {
    "too small": ROLES["too small"],
    "good": ROLES["best"],
    "overshooting": ROLES["too large"],
    "diverging": OUTCOMES["diverged"],
}


def points(count: int = 40, offset: float = 1.0, noise: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """x and y (count,) of y = 2 x + 1 with noise, x with deviation 1 around `offset`."""
    rng = np.random.default_rng(0)
    x = offset + rng.uniform(-np.sqrt(3), np.sqrt(3), count)
    return x, 2 * x + 1 + noise * rng.standard_normal(count)


def step(m: float, b: float, x: np.ndarray, y: np.ndarray, rate: float) -> tuple[float, float]:
    """Both gradients at the same (m, b), then both updates."""
    error = m * x + b - y
    dm = (error * x).mean()
    db = error.mean()
    return m - rate * dm, b - rate * db


def step_in_turn(m: float, b: float, x: np.ndarray, y: np.ndarray, rate: float) -> tuple[float, float]:
    """The intercept's gradient is taken after the slope has moved."""
    m = m - rate * ((m * x + b - y) * x).mean()
    b = b - rate * (m * x + b - y).mean()
    return m, b


def hessian(x: np.ndarray) -> np.ndarray:
    """(2, 2) of the half mean squared error over slope and intercept."""
    rows = np.column_stack([x, np.ones_like(x)])
    return rows.T @ rows / len(x)


def losses(path: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Half the mean squared error (E,) along a path (E, 2)."""
    with np.errstate(over="ignore"):
        return ((path @ np.stack([x, np.ones_like(x)]) - y) ** 2).mean(axis=1) / 2


def radius_in_turn(H: np.ndarray, rate: float) -> float:
    """Growth of the distance in an update that moves one parameter after the other."""
    first = np.array([[1 - rate * H[0, 0], -rate * H[0, 1]], [0, 1]])
    second = np.array([[1, 0], [-rate * H[1, 0], 1 - rate * H[1, 1]]])
    return float(np.abs(np.linalg.eigvals(second @ first)).max())


def limit_in_turn(H: np.ndarray) -> float:
    """The rate at which such updates begin to diverge, by bisection."""
    low, high = 0.0, 4 / float(np.linalg.eigvalsh(H)[0])
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if radius_in_turn(H, middle) < 1 else (low, middle)
    return low


MATHEMATICS = [
    "<b>Model</b> ŷ = m x + b, and the <b>loss</b> L(m, b) = <sup>1</sup>⁄<sub>2n</sub> Σ (m x<sub>i</sub> + b − y<sub>i</sub>)²",
    "<b>Gradient</b> ∂L/∂m = <sup>1</sup>⁄<sub>n</sub> Σ (ŷ<sub>i</sub> − y<sub>i</sub>) x<sub>i</sub>, and ∂L/∂b = <sup>1</sup>⁄<sub>n</sub> Σ (ŷ<sub>i</sub> − y<sub>i</sub>)",
    "<b>Update</b> m ← m − r ∂L/∂m, and b ← b − r ∂L/∂b, both gradients at the same (m, b)",
    "<b>Curvature</b> H = <sup>1</sup>⁄<sub>n</sub> Σ (x<sub>i</sub>, 1)ᵀ(x<sub>i</sub>, 1); along a direction of curvature λ an update multiplies the distance by 1 − r λ, so it must be r &lt; 2 / λ<sub>max</sub>",
]
WRONG_LINE = (
    "The second line already uses the new m. It still ends at least squares, so nothing looks wrong, "
    "but it is another method, and its limit is another one."
)
PLAYGROUNDS = [
    Playground("one", {"problem": "parabola", "steps": 30, "a.lr": 1.7, "speed": 2}, autoplay=True),
    Playground("two", {"problem": "line", "steps": STEPS, "a.lr": 0.6, "start": "-0.5,3"}, open=True),
]
TRY = [
    "One parameter first. Drag the knob from left to right and watch the point: it creeps, it walks, it jumps across, it leaves.",
    "Find the rate at which it arrives in a single step. It is half the limit: 1 / λ.",
    "Below, the line itself. Drag the offset of x away from 0: the bowl becomes a narrow valley, and the limit falls. Then tick “Standardise”.",
]


def lesson() -> Lesson:
    evidence = gather()
    return Lesson(
        slug="line",
        question="Too small, good, too large: what does the learning rate do to a straight line?",
        answer=f"Below {exact(evidence.limit)} every step brings the line nearer to the least-squares line; above it every "
        "step throws it farther away. That limit is known before the first step: 2 over the largest curvature.",
        mathematics=MATHEMATICS,
        right=Code("Right: both gradients first", step),
        wrong=Code("Often published: one after the other", step_in_turn),
        wrong_line=WRONG_LINE,
        pictures=_pictures(evidence),
        claims=_claims(evidence),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


@dataclass(frozen=True)
class LineEvidence:
    """What the pictures and the claims rest on."""

    paths: dict[str, np.ndarray]
    m: float
    b: float
    side: np.ndarray
    growth: float
    turn: float
    H: np.ndarray
    best: np.ndarray
    high: float
    left: dict[str, np.ndarray]
    limit: float
    low: float
    rates: dict[str, float]
    x: np.ndarray
    y: np.ndarray


def gather() -> LineEvidence:
    x, y = points()
    H = hessian(x)
    low, high = np.linalg.eigvalsh(H)
    limit = 2 / high
    best = np.polyfit(np.asarray(x), np.asarray(y), 1)
    net = core.Network((1, 1))
    rates = {kind: (share * limit if share else 2 / (low + high)) for kind, share in RATES.items()}
    paths = {
        kind: core.descend(
            core.optimizer("sgd", lr=rate), lambda t: net.loss_and_grad(t, x[:, None], y)[1], START, STEPS
        )
        for kind, rate in rates.items()
    }
    floor = losses(best[None], x, y)[0]
    left = {
        kind: (losses(path, x, y) - floor) / (losses(path, x, y)[0] - floor) for kind, path in paths.items()
    }
    m, b = START
    for _ in range(STEPS):
        m, b = step(m, b, x, y, rates["good"])
    side = np.array([np.linalg.eigh(H)[1][:, 1] @ (t - best) for t in paths["overshooting"]])
    growth = left["diverging"][-1] / left["diverging"][-2]
    turn = limit_in_turn(H)
    return LineEvidence(
        paths=paths,
        m=m,
        b=b,
        side=side,
        growth=growth,
        turn=turn,
        H=H,
        best=best,
        high=high,
        left=left,
        limit=limit,
        low=low,
        rates=rates,
        x=x,
        y=y,
    )


def _maps(evidence: LineEvidence) -> list[LessonPicture]:
    half = 1.3 * float(np.abs(evidence.best - START).max())
    return [
        LessonPicture(
            MapPanel(
                f"{kind}: {exact(rate)}", evidence.paths[kind], evidence.best, evidence.H, half, COLORS[kind]
            ),
            f"Path at the rate {exact(rate)}, which is {kind}",
            LOOKS[kind],
        )
        for kind, rate in evidence.rates.items()
    ]


def _pictures(evidence: LineEvidence) -> list[LessonPicture]:
    return [
        *_maps(evidence),
        LessonPicture(
            CurvePanel(
                "What is left of the loss",
                [
                    LessonCurve(f"{kind}, {exact(evidence.rates[kind])}", evidence.left[kind], COLORS[kind])
                    for kind in evidence.paths
                ],
                y_label="share of the start’s loss",
                y_range=(1e-9, 1e4),
            ),
            "Loss over its minimum at the four rates",
            "A straight line on this axis means the same factor at every step. Too small: a flat line. Diverging: a rising one.",
        ),
        LessonPicture(
            FitPanel(
                "The line itself",
                evidence.x,
                evidence.y,
                [
                    ("least squares", float(evidence.best[0]), float(evidence.best[1]), INK, "-"),
                    (f"good rate, {STEPS} steps", evidence.m, evidence.b, COLORS["good"], (0, (4, 3))),
                    (f"too small, {STEPS} steps", *evidence.paths["too small"][-1], COLORS["too small"], "-"),
                ],
            ),
            "Data, the least-squares line and two fitted lines",
            "At a good rate the two lines are one. At the small one it is still on its way.",
        ),
    ]


def _claims(evidence: LineEvidence) -> list[CheckedClaim]:
    return [
        CheckedClaim(
            f"Largest curvature {exact(evidence.high)}, smallest {exact(evidence.low)}: the limit is 2 / {exact(evidence.high)} = {exact(evidence.limit)}.",
            bool(np.isclose(np.linalg.norm(evidence.H, 2), evidence.high)),
        ),
        *_claims_by_rate(evidence),
        CheckedClaim(
            f"Updated one after the other, the same data diverge from {exact(evidence.turn)} on instead of {exact(evidence.limit)}.",
            bool(
                abs(evidence.turn / evidence.limit - 1) > 0.05
                and _in_turn_agrees(evidence.x, evidence.y, evidence.turn)
            ),
        ),
    ]


def _claims_by_rate(evidence: LineEvidence) -> list[CheckedClaim]:
    predicted = (1 - evidence.rates["diverging"] * evidence.high) ** 2
    return [
        CheckedClaim(
            f"At the good rate, 2 / (λ_min + λ_max) = {exact(evidence.rates['good'])}, gradient descent ends at m = {number(evidence.m, 4)}, "
            f"b = {number(evidence.b, 4)}; least squares says m = {number(evidence.best[0], 4)}, b = {number(evidence.best[1], 4)}.",
            bool(
                np.allclose([evidence.m, evidence.b], evidence.best, atol=1e-4)
                and np.allclose(evidence.paths["good"][-1], [evidence.m, evidence.b])
            ),
        ),
        CheckedClaim(
            f"At {exact(evidence.rates['too small'])}, {percent(evidence.left['too small'][-1])} of the loss is left after {STEPS} steps.",
            bool(0.01 < evidence.left["too small"][-1] < 1),
        ),
        CheckedClaim(
            f"At {exact(evidence.rates['overshooting'])}, 3 % below the limit, each of the {STEPS} steps lands on the other "
            "side of the valley, and a little lower.",
            bool(
                (np.sign(evidence.side[1:]) == -np.sign(evidence.side[:-1])).all()
                and (np.abs(evidence.side[1:]) < np.abs(evidence.side[:-1])).all()
            ),
        ),
        CheckedClaim(
            f"At {exact(evidence.rates['diverging'])}, 5 % above it, the loss grows {number(evidence.growth, 3)}-fold a step in the end, "
            f"as (1 − rλ)² = {number(predicted, 3)} says.",
            bool(evidence.growth > 1 and np.isclose(evidence.growth, predicted, rtol=0.02)),
        ),
    ]


LOOKS = {
    "too small": "Every step is right, and too short.",
    "good": "To and fro across the valley for a few steps, then along it.",
    "overshooting": "From side to side, and still inwards.",
    "diverging": "From side to side, and outwards.",
}


def _in_turn_agrees(x: np.ndarray, y: np.ndarray, limit: float) -> bool:
    """Whether runs below and above the limit of updates in turn do what it says."""
    ends = []
    for share in (0.98, 1.02):
        m = b = 0.0
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(2000):
                m, b = step_in_turn(m, b, x, y, share * limit)
        ends.append(abs(m) + abs(b))
    return ends[0] < 10 < 1e3 < ends[1]
