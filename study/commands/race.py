"""Optimizers racing on a surface, as a film for slides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from overshoot import core
from overshoot.core.names import lookup
from overshoot.study import files
from overshoot.study.figures.race_frames import Scene, Track, film
from overshoot.study.numbers import number
from overshoot.study.spec import SpecError


@dataclass(frozen=True)
class RaceSurface:
    """A function of two parameters: its scene, gradient and Hessian at theta (2,), and where races start."""

    scene: Scene
    gradient: Callable[[np.ndarray], np.ndarray]
    hessian: Callable[[np.ndarray], np.ndarray]
    start: tuple[float, float]


def _valley(condition: float = 30.0, turn: float = np.pi / 6) -> RaceSurface:
    c, s = np.cos(turn), np.sin(turn)
    axes = np.array([[c, -s], [s, c]])
    H = axes @ np.diag([1 / condition, 1.0]) @ axes.T
    scene = Scene(
        "A valley",
        lambda x, y: (H[0, 0] * x * x + 2 * H[0, 1] * x * y + H[1, 1] * y * y) / 2,
        np.zeros((1, 2)),
        (0.0, 0.0),
        2.4,
    )
    first, second = axes @ np.array([-1.9, 0.8])
    return RaceSurface(scene, lambda t: t @ H, lambda t: H, (float(first), float(second)))


def _himmelblau() -> RaceSurface:
    def gradient(t: np.ndarray) -> np.ndarray:
        a, b = t[0] ** 2 + t[1] - 11, t[0] + t[1] ** 2 - 7
        return np.array([4 * a * t[0] + 2 * b, 2 * a + 4 * b * t[1]])

    def hessian(t: np.ndarray) -> np.ndarray:
        x, y = t
        cross = 4 * (x + y)
        return np.array([[12 * x * x + 4 * y - 42, cross], [cross, 4 * x + 12 * y * y - 26]])

    minima = np.array([[3, 2], [-2.805118, 3.131313], [-3.779310, -3.283186], [3.584428, -1.848127]])
    scene = Scene(
        "Four minima", lambda x, y: (x * x + y - 11) ** 2 + (x + y * y - 7) ** 2, minima, (0.0, 0.0), 5.4
    )
    return RaceSurface(scene, gradient, hessian, (-0.4, -1.1))


def _rosenbrock() -> RaceSurface:
    def gradient(t: np.ndarray) -> np.ndarray:
        bend = t[1] - t[0] ** 2
        return np.array([-2 * (1 - t[0]) - 40 * t[0] * bend, 20 * bend])

    def hessian(t: np.ndarray) -> np.ndarray:
        x, y = t
        return np.array([[2 - 40 * (y - 3 * x * x), -40 * x], [-40 * x, 20.0]])

    scene = Scene(
        "A curved valley",
        lambda x, y: (1 - x) ** 2 + 10 * (y - x * x) ** 2,
        np.ones((1, 2)),
        (0.0, 0.7),
        2.0,
    )
    return RaceSurface(scene, gradient, hessian, (-1.3, 1.6))


SURFACES: dict[str, Callable[[], RaceSurface]] = {
    "valley": _valley,
    "himmelblau": _himmelblau,
    "rosenbrock": _rosenbrock,
}


def race(surface: str, entries: Sequence[str], steps: int, folder: Path) -> Path:
    """Write `race-SURFACE.gif` into `folder`; its path.

    entries: "NAME" or "NAME=RATE" of each optimizer. Without a rate it is 0.8 of the limit at the first
        minimum, or a twentieth of half the picture's width where the method has no limit.

    Raises SpecError for names that are not known and rates that are none.
    """
    try:
        chosen = lookup(SURFACES, surface, "surface")()
    except ValueError as error:
        raise SpecError(str(error)) from None
    tracks = [_track(chosen, entry, steps) for entry in entries]
    file = files.place(folder, f"race-{surface}.gif")
    film(chosen.scene, tracks, file)
    return file


def _track(surface: RaceSurface, entry: str, steps: int) -> Track:
    optimizer = _optimizer(surface, entry)
    with np.errstate(all="ignore"):
        path = core.descend(optimizer, surface.gradient, surface.start, steps)
        losses = surface.scene.value(*path.T)
    return Track(f"{optimizer.label}, {number(float(optimizer.lr))}", path, losses / losses[0])


def _optimizer(surface: RaceSurface, entry: str) -> core.Optimizer:
    name, _, rate = entry.partition("=")
    try:
        return core.optimizer(name, lr=float(rate) if rate else _rate(surface, core.optimizer(name)))
    except ValueError as error:
        raise SpecError(f"{entry}: expected NAME or NAME=RATE, as adam=0.1; {error}") from None


def _rate(surface: RaceSurface, optimizer: core.Optimizer) -> float:
    curvature = float(np.linalg.eigvalsh(surface.hessian(surface.scene.minima[0]))[-1])
    limit = optimizer.critical_rate(curvature) if optimizer.recursion else None
    return 0.8 * float(limit) if limit is not None else surface.scene.half / 20
