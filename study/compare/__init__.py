"""Two experiments, or two versions of one, side by side: which cells changed, and by how much."""

from overshoot.study.compare.changes import Change, StudyComparison, compare
from overshoot.study.compare.overlaid_curves import draw
from overshoot.study.compare.sentences import markdown, sentences, write
from overshoot.study.compare.sides import Side, side

__all__ = ["Change", "Side", "StudyComparison", "compare", "draw", "markdown", "sentences", "side", "write"]
