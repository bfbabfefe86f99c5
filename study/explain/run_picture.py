"""The figure of an explanation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from overshoot.core.optimizers.base import Recursion
from overshoot.study.explain.facts import Facts
from overshoot.study.figures.explanation import (
    KEYS,
    SIZE,
    GapPanel,
    RatePanel,
    SharpnessPanel,
    draw_explanation,
)
from overshoot.study.figures.panels import Panels
from overshoot.study.figures.stage import write_png
from overshoot.study.phases.limit import LimitSummary
from overshoot.study.phases.outcomes import Outcome
from overshoot.study.phases.theory import TheorySummary


def draw(facts: Facts, path: Path) -> None:
    """Write the figure of a run as PNG."""
    write_png(panels(facts), path, dpi=140)


def panels(facts: Facts) -> Panels:
    """The run's gap, its sharpness, and its rate among the cell's."""
    return Panels(draw_explanation, [_gap(facts), _sharpness(facts), _rates(facts)], SIZE, 3, KEYS)


def _gap(facts: Facts) -> GapPanel:
    diverged = facts.outcome == Outcome.DIVERGED
    return GapPanel(facts.updates, facts.gap, diverged, facts.cell.protocol.tolerance, _exponential(facts))


def _exponential(facts: Facts) -> tuple[list[float], list[float]]:
    """Where the run would have gone from the beginning of the last stretch, at the factor that wins."""
    growth = facts.growth
    if growth is None or growth.predicted is None or growth.decayed or facts.cell.strategy.size is not None:
        return [], []
    factor = max(growth.predicted)
    start = float(facts.gap[facts.updates == growth.first][0])
    if not np.isfinite(factor) or not start > 0:
        return [], []
    return [growth.first, growth.last], [start, start * factor ** (2 * (growth.last - growth.first))]


def _sharpness(facts: Facts) -> SharpnessPanel:
    points = facts.sharpness
    known = facts.felt == facts.divides
    thresholds = [s.threshold if known and s.threshold is not None else np.nan for s in points]
    return SharpnessPanel(
        np.array([s.update for s in points]),
        np.array([s.value for s in points]),
        np.array(thresholds),
        "2/rate" if facts.optimizer.recursion == Recursion() else "stable up to here",
    )


def _rates(facts: Facts) -> RatePanel:
    own = float(facts.trial["q_end"])
    predicted, measured = facts.summary.get(TheorySummary), facts.summary.get(LimitSummary)
    limits = {
        "predicted": predicted.limit_predicted if predicted else None,
        "measured": measured.limit_measured if measured else None,
    }
    return RatePanel(
        facts.rates.rates,
        facts.rates.q,
        float(facts.trial["rate"]),
        np.inf if facts.outcome == Outcome.DIVERGED else own,
        facts.cell.protocol.tolerance,
        {name: float(rate) for name, rate in limits.items() if rate is not None},
    )
