"""The best rate against the batch size: a saturating curve for gradient descent, a peak for sign-like methods."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf

import numpy as np

from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve
from overshoot.study.figures.theme import OPTIMIZERS, OUTCOMES, ROLES
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.numbers import number, percent
from overshoot.study.playground import Playground

BATCHES = 2 ** np.arange(12)
DRAWS = 6000


@dataclass(frozen=True)
class Bowl:
    """A quadratic loss seen through noise. hessian: (d, d); gradient: (d,) of the mean; noise: (d,) standard deviation
    of one sample's gradient in each coordinate, which are independent of each other."""

    hessian: np.ndarray
    gradient: np.ndarray
    noise: np.ndarray

    @property
    def along(self) -> float:
        return float(self.gradient @ self.hessian @ self.gradient)

    @property
    def highest(self) -> float:
        """The best rate of exact gradients."""
        return float(self.gradient @ self.gradient) / self.along

    @property
    def scale(self) -> float:
        """The noise scale tr(H Sigma) / g^T H g: McCandlish et al. (2018), their equation for one step's best rate."""
        return float(np.diag(self.hessian) @ self.noise**2) / self.along

    @property
    def _off(self) -> np.ndarray:
        return self.hessian - np.diag(np.diag(self.hessian))

    @property
    def peak(self) -> float:
        """The batch of the highest best rate of sign descent, where a sign is hardly better than a coin: Li et al. (2024)."""
        ratio = self.gradient / self.noise
        return float(np.pi * np.trace(self.hessian) / (2 * ratio @ self._off @ ratio))

    def sign_rate(self, batch: float) -> float:
        """Best rate of a step along the sign: E[sign] = erf(sqrt(batch / 2) g / noise) in each coordinate."""
        mean = np.array(
            [erf(np.sqrt(batch / 2) * g / s) for g, s in zip(self.gradient, self.noise, strict=True)]
        )
        return float(mean @ self.gradient / (np.trace(self.hessian) + mean @ self._off @ mean))


def best_rate(batch: float, highest: float, noise_scale: float) -> float:
    """Grows with the batch until the gradient is good enough."""
    return highest / (1 + noise_scale / batch)


def best_rate_linear(batch: float, highest: float, noise_scale: float) -> float:
    """Twice the batch, twice the rate."""
    return batch * highest / (1 + noise_scale)


def measured(steps: np.ndarray, gradient: np.ndarray, hessian: np.ndarray) -> float:
    """The rate with the lowest mean loss after one step, of the steps (draws, d): the mean is a parabola in the rate."""
    curve = np.einsum("ri,ij,rj->r", steps, hessian, steps).mean()
    return float((steps @ gradient).mean() / curve)


def bowl() -> Bowl:
    """24 coordinates that all pull the same way, which is where signs gain from being right together."""
    d = 24
    hessian = 0.25 * np.ones((d, d)) + 0.75 * np.eye(d)
    return Bowl(hessian, hessian @ np.full(d, 0.02), np.full(d, 2.0))


@dataclass(frozen=True)
class BestRateEvidence:
    """Best rates (batches,), predicted and measured, of gradient descent and of sign descent on the bowl; regression:
    those of sign descent on least squares, whose noise is not independent."""

    bowl: Bowl
    descent: np.ndarray
    descent_predicted: np.ndarray
    signs: np.ndarray
    signs_predicted: np.ndarray
    regression: np.ndarray

    @property
    def linear(self) -> np.ndarray:
        return np.array([best_rate_linear(b, self.bowl.highest, self.bowl.scale) for b in BATCHES.tolist()])


def gather() -> BestRateEvidence:
    example, rng = bowl(), np.random.default_rng(0)
    descent, signs = [], []
    for batch in BATCHES.tolist():
        noise = rng.normal(size=(DRAWS, len(example.gradient))) * example.noise / np.sqrt(batch)
        g = example.gradient + noise
        descent.append(measured(g, example.gradient, example.hessian))
        signs.append(measured(np.sign(g), example.gradient, example.hessian))
    return BestRateEvidence(
        example,
        np.array(descent),
        np.array([best_rate(b, example.highest, example.scale) for b in BATCHES.tolist()]),
        np.array(signs),
        np.array([example.sign_rate(b) for b in BATCHES.tolist()]),
        regression(),
    )


def regression() -> np.ndarray:
    """Best rates (batches,) of sign descent on least squares with correlated inputs, batches drawn anew."""
    rng = np.random.default_rng(3)
    n, d = 400, 6
    X = 0.7 * rng.normal(size=(n, 1)) + 0.7 * rng.normal(size=(n, d))
    error = 2 * rng.normal(size=n)
    error -= X @ np.linalg.lstsq(X, error, rcond=None)[0]
    hessian, away = X.T @ X / n, np.full(d, 0.12)
    each = X * (X @ away - error)[:, None]
    rates = []
    for batch in BATCHES.tolist():
        rows = rng.integers(n, size=(DRAWS // 4, batch))
        g = np.array([each[part].mean(axis=0) for part in rows])
        rates.append(measured(np.sign(g), hessian @ away, hessian))
    return np.array(rates)


MATHEMATICS = [
    "<b>One step’s best rate</b>, gradient descent: r(B) = r<sub>max</sub> / (1 + B<sub>noise</sub>/B), where r<sub>max</sub> = gᵀg / gᵀHg and B<sub>noise</sub> = tr(HΣ) / gᵀHg (McCandlish et al. 2018; the form for steps along noisy gradients of a quadratic)",
    "<b>Small batches</b>: r grows with B. <b>Large ones</b>: it stays at r<sub>max</sub>",
    "<b>A step along the sign</b>, noise independent in each coordinate: E[sign g<sub>i</sub>] = erf(√(B/2) μ<sub>i</sub>/σ<sub>i</sub>) = ε<sub>i</sub>, and r(B) = Σ ε<sub>i</sub>μ<sub>i</sub> / (Σ H<sub>ii</sub> + Σ<sub>i≠j</sub> ε<sub>i</sub>ε<sub>j</sub>H<sub>ij</sub>)",
    "<b>A peak</b>: for small ε it lies at π Σ H<sub>ii</sub> / (2 Σ<sub>i≠j</sub> H<sub>ij</sub>μ<sub>i</sub>μ<sub>j</sub>/(σ<sub>i</sub>σ<sub>j</sub>)): beyond it the signs agree, and a step is too long along what they share (Li et al. 2024)",
]
PLAYGROUNDS = [
    Playground("play", {"problem": "line", "steps": 60, "a.lr": 0.3, "batch": 1, "noise": 1}, open=True)
]
TRY = [
    "At batch 1, find the rate whose loss is lowest at the end. Then at all data: it is higher.",
    "Set the noise of the data to 0: the two move together.",
]


def lesson() -> Lesson:
    evidence = gather()
    return Lesson(
        slug="best_rate",
        question="Twice the batch: twice the rate?",
        answer=f"For gradient descent at first, until the batch is about the noise scale ({number(evidence.bowl.scale)} here); then no more. For methods that step along the sign, "
        f"as Adam nearly does, the best rate can even fall again: here it peaks at batch {number(float(BATCHES[evidence.signs.argmax()]))}.",
        mathematics=MATHEMATICS,
        right=Code("Right: it saturates", best_rate),
        wrong=Code("Often said: linear scaling, without an end", best_rate_linear),
        wrong_line="The linear rule is the right one’s beginning. Beyond the noise scale it goes on where there is nothing left to gain, into rates that diverge.",
        pictures=_pictures(evidence),
        claims=_claims(evidence),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


def _pictures(evidence: BestRateEvidence) -> list[LessonPicture]:
    return [_descent(evidence), _signs(evidence), _regression(evidence)]


def _descent(evidence: BestRateEvidence) -> LessonPicture:
    x = BATCHES.astype(float)
    curves = [
        LessonCurve("predicted", evidence.descent_predicted, ROLES["best"], x=x),
        LessonCurve("measured", evidence.descent, OPTIMIZERS[0], ":", x),
        LessonCurve("linear scaling", evidence.linear, OUTCOMES["diverged"], (0, (4, 2)), x),
    ]
    shown = (evidence.descent[0] / 2, 4 * evidence.bowl.highest)
    return LessonPicture(
        CurvePanel("Gradient descent", curves, "best rate", "batch", log="xy", y_range=shown),
        "Best rate of gradient descent by batch",
        "A line at first, then a plateau. The linear rule leaves it near the noise scale.",
    )


def _signs(evidence: BestRateEvidence) -> LessonPicture:
    x, ends = BATCHES.astype(float), np.array([0, evidence.signs.max()])
    curves = [
        LessonCurve("predicted", evidence.signs_predicted, ROLES["best"], x=x),
        LessonCurve("measured", evidence.signs, OPTIMIZERS[0], ":", x),
        LessonCurve("predicted peak", ends, ROLES["best"], (0, (4, 2)), np.full(2, evidence.bowl.peak)),
    ]
    return LessonPicture(
        CurvePanel("Steps along the sign", curves, "best rate", "batch", log="x"),
        "Best rate of sign descent by batch",
        "Up, and down again: with good signs all coordinates move together, and that is a steep direction here.",
    )


def _regression(evidence: BestRateEvidence) -> LessonPicture:
    curves = [LessonCurve("measured", evidence.regression, OPTIMIZERS[0], ":", x=BATCHES.astype(float))]
    return LessonPicture(
        CurvePanel("The same on a regression", curves, "best rate", "batch", log="x"),
        "Best rate of sign descent on least squares by batch",
        "No peak to speak of: correlated inputs make correlated noise, so the signs move together from the start.",
    )


def _claims(evidence: BestRateEvidence) -> list[CheckedClaim]:
    scale, peak = evidence.bowl.scale, evidence.bowl.peak
    off = float(np.abs(evidence.descent / evidence.descent_predicted - 1).max())
    signs_off = float(np.abs(evidence.signs / evidence.signs_predicted - 1).max())
    at = float(BATCHES[evidence.signs.argmax()])
    drop = float(evidence.regression[-1] / evidence.regression.max())
    return [
        CheckedClaim(
            f"Gradient descent’s best rate is predicted to {percent(off)} at all {len(BATCHES)} batches, from {number(float(evidence.descent[0]))} at 1 to {number(float(evidence.descent[-1]))} at {BATCHES[-1]}.",
            off < 0.15,
        ),
        CheckedClaim(
            f"From batch 1 to 2 it grows {number(float(evidence.descent[1] / evidence.descent[0]))}-fold, from {BATCHES[-2]} to {BATCHES[-1]} by {percent(abs(float(evidence.descent[-1] / evidence.descent[-2] - 1)))}: the noise scale is {number(scale)}.",
            bool(
                evidence.descent[1] / evidence.descent[0] > 1.6
                and evidence.descent[-1] / evidence.descent[-2] < 1.1
            ),
        ),
        CheckedClaim(
            f"At batch {BATCHES[-1]} the linear rule asks for {number(float(evidence.linear[-1] / evidence.bowl.highest))} times the best rate; 2 times is where one step gains nothing.",
            bool(evidence.linear[-1] > 2 * evidence.bowl.highest),
        ),
        CheckedClaim(
            f"Along the sign the best rate peaks at batch {number(at)}, predicted is {number(peak)}; at {BATCHES[-1]} it is {percent(float(evidence.signs[-1] / evidence.signs.max()))} of that. The prediction is within {percent(signs_off)} everywhere.",
            0.4 < at / peak < 2.5 and evidence.signs[-1] < 0.85 * evidence.signs.max() and signs_off < 0.15,
        ),
        CheckedClaim(
            f"On the regression there is next to no peak: at {BATCHES[-1]} the best rate is {percent(drop)} of the highest. The theory’s condition, independent noise, does not hold there.",
            drop > 0.9,
        ),
    ]
