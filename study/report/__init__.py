"""The report: one self-contained page, and a Markdown twin with its figures."""

from overshoot.study.report.rendering import render

__all__ = ["render"]
