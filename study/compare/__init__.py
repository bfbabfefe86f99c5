"""Two experiments, or two versions of one, side by side: which cells changed, and by how much."""

from study.compare.changes import Change, Comparison, compare
from study.compare.sentences import markdown, sentences, write
from study.compare.sides import Side, side

__all__ = ["Change", "Comparison", "Side", "compare", "markdown", "sentences", "side", "write"]
