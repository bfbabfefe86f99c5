"""What a lesson is: runs, pictures, and claims that hold for the runs, or there is no page."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from overshoot.study.figures.lesson_panels import Panel
from overshoot.study.playground import Playground


class ClaimError(AssertionError):
    """A lesson says what its own runs do not show."""


@dataclass(frozen=True)
class CheckedClaim:
    """A sentence whose numbers come from the runs, and whether the runs bear it out.

    Raises ClaimError when they do not.
    """

    text: str
    holds: bool

    def __post_init__(self) -> None:
        if not self.holds:
            raise ClaimError(f"the runs do not show: {self.text}")


@dataclass(frozen=True)
class Code:
    """A piece of code that the lesson has run. verdict: what it is, above it; function: what is shown."""

    verdict: str
    function: Callable[..., object]

    @property
    def source(self) -> str:
        """The function as it stands in the module, without its types and its docstring."""
        lines = inspect.getsource(self.function).splitlines()
        tree = ast.parse("\n".join(lines)).body[0]
        assert isinstance(tree, ast.FunctionDef)
        first = tree.body[1 if ast.get_docstring(tree) else 0].lineno
        head = f"def {self.function.__name__}({', '.join(inspect.signature(self.function).parameters)}):"
        return "\n".join([head, *lines[first - 1 :]])


@dataclass(frozen=True)
class LessonPicture:
    """A panel, its text for those who do not see it, and what to look at."""

    panel: Panel
    alt: str
    look: str


@dataclass(frozen=True)
class Lesson:
    """One page. question: its title; answer: one sentence. mathematics: lines of HTML. try_: what to do in
    the playground, a sentence each. right, wrong: the code side by side; wrong_line: what is wrong with it."""

    slug: str
    question: str
    answer: str
    mathematics: Sequence[str]
    right: Code
    wrong: Code
    wrong_line: str
    pictures: Sequence[LessonPicture]
    claims: Sequence[CheckedClaim]
    playgrounds: Sequence[Playground]
    try_: Sequence[str]
