"""What each phase leaves in a cell's summary."""

from __future__ import annotations

from study.phases.confirm import ConfirmSummary
from study.phases.edge import EdgeSummary
from study.phases.limit import LimitSummary
from study.phases.search import SearchSummary
from study.phases.summary import Part
from study.phases.sweep import SweepSummary
from study.phases.theory import TheorySummary

PARTS: dict[str, type[Part]] = {
    "sweep": SweepSummary,
    "search": SearchSummary,
    "confirm": ConfirmSummary,
    "limit": LimitSummary,
    "edge": EdgeSummary,
    "theory": TheorySummary,
}
"""Name of a phase -> the kind of its part."""
