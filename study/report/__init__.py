"""The report: one self-contained page, and a Markdown twin with its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overshoot.study.report.rendering import render

__all__ = ["render"]


def __getattr__(name: str) -> Any:
    """`render`, loaded when it is first asked for: the plotting libraries take seconds to import."""
    if name == "render":
        from overshoot.study.report.rendering import render

        return render
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
