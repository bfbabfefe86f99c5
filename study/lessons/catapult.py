"""The catapult: rates above 2 / lambda at which a wide network is thrown up and comes down in a flatter place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from overshoot import core
from overshoot.study.figures.lesson_panels import CurvePanel, LessonCurve
from overshoot.study.figures.theme import OPTIMIZERS, OUTCOMES, ROLES
from overshoot.study.lessons.lesson import CheckedClaim, Code, Lesson, LessonPicture
from overshoot.study.numbers import number, percent
from overshoot.study.playground import Playground

WIDTH, INPUTS, SAMPLES, STEPS = 256, 4, 8, 600
SEEDS = range(4)
PRODUCTS = np.geomspace(1, 24, 28)
"""Rate times the tangent kernel's largest eigenvalue at the start."""
ACTIVATIONS = {"identity": ("linear", OPTIMIZERS[0]), "relu": ("ReLU", OPTIMIZERS[5])}


def diverged(losses: np.ndarray) -> bool:
    """The run ended above its start, or in numbers that are not finite."""
    return not losses[-1] < losses[0]


def diverged_at_a_rise(losses: np.ndarray) -> bool:
    """The loss rose once."""
    return bool(np.any(np.diff(losses) > 0))


@dataclass(frozen=True)
class Thrown:
    """Runs of one activation. losses: (seeds, rates, STEPS + 1); kernels: (seeds, rates) largest eigenvalue of the
    tangent kernel at the end over that at the start, NaN where the run diverged."""

    losses: np.ndarray
    kernels: np.ndarray

    @property
    def survived(self) -> np.ndarray:
        """The share (rates,) of the seeds that did not diverge."""
        return np.mean([[not diverged(run) for run in runs] for runs in self.losses], axis=0)

    @property
    def highest(self) -> float:
        """The highest product at which at least half of the seeds survived, and at all lower ones."""
        return float(PRODUCTS[np.cumprod(self.survived >= 0.5).astype(bool)][-1])


def start(net: core.Network, seed: int) -> np.ndarray:
    """Both layers of one size, so that the kernel can shrink as far as it has to; ReLU halves what it passes."""
    rng, gain = np.random.default_rng(seed), np.sqrt(2) if net.activation == "relu" else 1.0
    inner = rng.normal(size=(WIDTH, INPUTS)) * gain / (np.sqrt(INPUTS) * WIDTH**0.25)
    outer = rng.normal(size=WIDTH) / WIDTH**0.25
    return np.concatenate([np.column_stack([inner, np.zeros(WIDTH)]).ravel(), outer, [0.0]])


def throw(activation: str) -> Thrown:
    """Gradient descent on half the mean squared error to a linear target, from each of SEEDS at all PRODUCTS."""
    net, rng = core.Network((INPUTS, WIDTH, 1), activation), np.random.default_rng(1)
    X = rng.normal(size=(SAMPLES, INPUTS))
    data = net.data(X, X @ rng.normal(size=INPUTS) / np.sqrt(INPUTS))
    losses, kernels = [], []
    for seed in SEEDS:
        theta = start(net, seed)
        kernel = core.tangent_kernel_sharpness(net, theta, data)[0].value
        stack, seeds = np.tile(theta, (len(PRODUCTS), 1)), [0] * len(PRODUCTS)
        optimizer = core.optimizer("sgd", lr=PRODUCTS / kernel)
        trace = core.train(net, optimizer, stack, data, core.BatchStrategy(), seeds, range(STEPS + 1))
        runs = next(iter(trace.values.values()))
        alive = np.array([not diverged(run) for run in runs])
        ends = core.tangent_kernel_sharpness(net, trace.theta[alive], data)
        shrunk = np.full(len(PRODUCTS), np.nan)
        shrunk[alive] = [end.value / kernel for end in ends]
        losses.append(runs)
        kernels.append(shrunk)
    return Thrown(np.array(losses), np.array(kernels))


MATHEMATICS = [
    "<b>Tangent kernel</b>: λ, the largest eigenvalue of JJᵀ/n, where J is how the outputs change with the parameters. Were the network linear in its parameters, 2/λ would be the limit",
    "<b>Two linear layers</b>, one sample with input 1 and target 0: f ← f (1 − rλ + r²f²), and λ ← λ + r f² (rλ − 4)",
    "<b>The catapult</b>: between 2/λ and 4/λ f grows, and as it does λ shrinks, until rλ is below 2 and f comes down. Above 4/λ λ grows too",
    "<b>With ReLU</b> the upper end is higher: about 12/λ in the wide networks of Lewkowycz et al. (2020)",
]
PLAYGROUNDS = [Playground("play", {"problem": "himmelblau", "steps": 60, "a.lr": 0.012})]
TRY = [
    "The four minima bear different rates, from 0.015 in the steepest to 0.025 in the flattest. Drag the rate from 0.010 up.",
    "Beyond what the minimum bears, the path cannot stay in it: it leaps, and settles only where it is flatter.",
    "Here there is an end to it: above all four limits nothing is flat enough.",
]


def lesson() -> Lesson:
    thrown = gather()
    linear, relu = thrown["identity"].highest, thrown["relu"].highest
    return Lesson(
        slug="catapult",
        question="Can a network survive a rate above 2 / λ?",
        answer=f"Yes, if it is wide. Its loss is thrown up first, and the weights move to a flatter place, where the rate is bearable. With two linear "
        f"layers that works up to 4/λ ({number(linear)} here), with ReLU further ({number(relu)} here).",
        mathematics=MATHEMATICS,
        right=Code("Right: judge the end", diverged),
        wrong=Code("Often done: stop at the first rise", diverged_at_a_rise),
        wrong_line="A loss that rises for some steps is what a catapult looks like. Stopped there, it counts as lost.",
        pictures=_pictures(thrown),
        claims=_claims(thrown),
        playgrounds=PLAYGROUNDS,
        try_=TRY,
    )


def gather() -> dict[str, Thrown]:
    return {activation: throw(activation) for activation in ACTIVATIONS}


def _at(product: float) -> int:
    return int(np.abs(PRODUCTS - product).argmin())


def _pictures(thrown: dict[str, Thrown]) -> list[LessonPicture]:
    return [_losses(thrown["identity"]), _flatter(thrown), _survived(thrown)]


def _losses(linear: Thrown) -> LessonPicture:
    shown = {1.4: ROLES["best"], 3.2: ROLES["too large"], 5.2: OUTCOMES["diverged"]}
    shares = linear.losses[0] / linear.losses[0, :, :1]
    curves = [
        LessonCurve(f"rate {number(PRODUCTS[_at(product)])} / λ", shares[_at(product), :61], color)
        for product, color in shown.items()
    ]
    return LessonPicture(
        CurvePanel("Two linear layers", curves, "share of the start’s loss", y_range=(1e-4, 1e5)),
        "Loss by step at three rates",
        "Below 2/λ the loss falls. Between 2/λ and 4/λ it is thrown up, and comes down all the same. Above, it never does.",
    )


def _flatter(thrown: dict[str, Thrown]) -> LessonPicture:
    curves = []
    for activation, (name, color) in ACTIVATIONS.items():
        runs = thrown[activation]
        most = runs.survived >= 0.5
        ends = PRODUCTS[most] * np.nanmedian(runs.kernels[:, most], axis=0)
        curves.append(LessonCurve(name, ends, color, x=PRODUCTS[most]))
    axes = ("rate × λ at the end", "rate × λ at the start")
    return LessonPicture(
        CurvePanel("Rate times λ at the end", curves, *axes, log="x"),
        "Rate times the kernel's eigenvalue at the end, by that at the start",
        "On a straight line up to 2: λ stays. From there on the end is below 2, whatever the start was: λ has shrunk.",
    )


def _survived(thrown: dict[str, Thrown]) -> LessonPicture:
    curves = [
        LessonCurve(name, thrown[activation].survived, color, x=PRODUCTS)
        for activation, (name, color) in ACTIVATIONS.items()
    ]
    marks = [
        LessonCurve(f"predicted: {product} / λ", np.array([0, 1.0]), color, ":", np.full(2, float(product)))
        for product, (_, color) in zip((4, 12), ACTIVATIONS.values(), strict=True)
    ]
    axes = ("share of the starts", "rate × λ at the start")
    return LessonPicture(
        CurvePanel("What survives", [*curves, *marks], *axes, log="x"),
        "Share of the starts that survive, by rate",
        "Linear layers end near 4, as predicted. ReLU goes further, though not as far as in the published, much larger networks.",
    )


def _claims(thrown: dict[str, Thrown]) -> list[CheckedClaim]:
    linear, relu = thrown["identity"], thrown["relu"]
    window = (PRODUCTS > 2.2) & (PRODUCTS < 3.6)
    tops = linear.losses[:, window].max(axis=2) / linear.losses[:, window, 0]
    ends = linear.losses[:, window, -1] / linear.losses[:, window, 0]
    flat = (PRODUCTS * linear.kernels)[:, window]
    below = np.abs(linear.kernels[:, PRODUCTS < 1.7] - 1).max()
    called = np.mean([diverged_at_a_rise(run) for runs in linear.losses[:, window] for run in runs])
    return [
        CheckedClaim(
            f"Between {number(PRODUCTS[window][0])}/λ and {number(PRODUCTS[window][-1])}/λ all {ends.size} runs of the linear layers rise, the median to {number(float(np.median(tops)))} times the start’s loss, and all come down to less than {number(float(ends.max()))} of it.",
            bool((tops > 1).all() and ends.max() < 0.01),
        ),
        CheckedClaim(
            f"There rate × λ ends between {number(float(flat.min()))} and {number(float(flat.max()))}: below 2, as it must. Below 1.7/λ λ changes by {percent(float(below))} at most.",
            bool(flat.max() < 2.001 and below < 0.1),
        ),
        CheckedClaim(
            f"Half of the starts survive up to {number(linear.highest)}/λ; 4/λ is predicted.",
            3.3 < linear.highest < 4.7,
        ),
        CheckedClaim(
            f"With ReLU half survive up to {number(relu.highest)}/λ: above the 4/λ of linear layers, below the 12/λ of the published networks.",
            4.7 < relu.highest < 12,
        ),
        CheckedClaim(
            f"Stopped at its first rise, {percent(float(called))} of the runs between the two limits would count as diverged; none did.",
            bool(
                called > 0.95 and not any(diverged(run) for runs in linear.losses[:, window] for run in runs)
            ),
        ),
    ]
