"""The phases of a cell, each of which registers itself: sweep, search, confirm, limit, edge, theory."""

from __future__ import annotations

from study.phases import confirm, edge, limit, search, sweep, theory
from study.phases.phase import Phase, in_order, parts, phases_of

__all__ = ["Phase", "confirm", "edge", "in_order", "limit", "parts", "phases_of", "search", "sweep", "theory"]
