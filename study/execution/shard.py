"""One part of an experiment's cells out of several, for array jobs that know nothing of each other."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from overshoot.study.execution.cost import cost
from overshoot.study.experiment.cells import Cell


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count`, from 1 on."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """`3/100`; ValueError for anything else."""
        match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError(f"expected a part of several, such as 3/100, got {text!r}")
        return cls(int(match[1]), int(match[2]))

    def of(self, cells: Sequence[Cell]) -> tuple[Cell, ...]:
        """The part's cells, in their order. Every cell is in one part, and in the same on every machine. The
        parts take about as long as each other: the cells are dealt, the longest first, to and fro."""
        seconds = [cost(cell).seconds for cell in cells]
        longest = sorted(range(len(cells)), key=lambda i: (-seconds[i], cells[i].key))
        mine = {i for place, i in enumerate(longest) if self._dealt(place)}
        return tuple(cell for i, cell in enumerate(cells) if i in mine)

    def _dealt(self, place: int) -> bool:
        turn, part = divmod(place, self.count)
        return self.number - 1 == (part if turn % 2 == 0 else self.count - 1 - part)
