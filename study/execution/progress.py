"""The live display of a running study."""

from __future__ import annotations

import time
from collections import Counter
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
from rich.text import Text

from overshoot.study.phases.results import CellResult

PLAIN_SECONDS = 15.0
"""How often a line is printed where there is no terminal to draw on."""


class Display:
    """Cells done, trials a second, time left. Weighs cells by their cost, so that the time left is not
    thrown off by doing the expensive ones first."""

    def __init__(self, console: Console, cells: int, work: float):
        self.console, self.cells, self.work = console, cells, work
        self.done, self.trials, self.worked = 0, 0, 0.0
        self.outcomes: Counter[str] = Counter()
        self.started = self.printed = time.monotonic()
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            _Left(self),
            console=console,
            disable=not console.is_terminal,
        )
        self.task = self.bar.add_task(self._status(), total=work)

    def __enter__(self) -> Display:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def finished(self, result: CellResult | None, work: float) -> None:
        """A cell came to its end, with a result or without."""
        self.done += 1
        self.worked += work
        if result is not None:
            self.trials += len(result.trials)
            self.outcomes.update(result.trials["outcome"])
        self.bar.update(self.task, advance=work, description=self._status())
        if not self.console.is_terminal and time.monotonic() - self.printed > PLAIN_SECONDS:
            self.printed = time.monotonic()
            self.console.print(f"{self._status()} · {self.left()}", highlight=False)

    def left(self) -> str:
        """The time left, in words."""
        if not self.worked:
            return "time left: …"
        seconds = (time.monotonic() - self.started) * (self.work / self.worked - 1)
        return f"{int(seconds // 60)}:{int(seconds % 60):02d} left"

    def _status(self) -> str:
        rate = self.trials / max(time.monotonic() - self.started, 1e-9)
        return f"{self.done}/{self.cells} cells · {self.trials} trials · {rate:.0f} trials/s"


class _Left(ProgressColumn):
    def __init__(self, display: Display):
        super().__init__()
        self.display = display

    def render(self, task: Task) -> Text:
        return Text(self.display.left(), style="progress.remaining")
