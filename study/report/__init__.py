"""The report: one self-contained page, and a Markdown twin with its figures."""

from study.report.rendering import render

__all__ = ["render"]
