"""Read one table of a TOML file key by key, so that every mistake is reported with its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from core.names import suggest
from study.experiment.cells import Choice


class SpecError(ValueError):
    """An experiment file that cannot be run: the file, the key, what was found, what is allowed."""


@dataclass(frozen=True)
class Item:
    """A value and the place where it stands."""

    place: str
    value: Any

    def is_integer(self) -> bool:
        return isinstance(self.value, int) and not isinstance(self.value, bool)

    def fail(self, allowed: str, hint: str = "") -> NoReturn:
        raise SpecError(f"{self.place}: found {_show(self.value)}, allowed is {allowed}{hint}")


class Reader:
    """One table. Each getter checks one key and remembers it; `done` refuses keys nobody asked for."""

    def __init__(self, source: str, path: str, tree: Mapping[str, Any]):
        self.source, self.path, self.tree = source, path, tree
        self.asked: set[str] = set()

    def item(self, key: str, default: Any = None) -> Item:
        """The value of `key`, or its default; SpecError when it is missing and has none."""
        self.asked.add(key)
        if key not in self.tree and default is None:
            near = suggest(key, set(self.tree) - self.asked).replace("did you mean", "or is it")
            raise SpecError(f"{self._place(key)}: missing; the file must say it{near}")
        return Item(self._place(key), self.tree.get(key, default))

    def has(self, key: str) -> bool:
        return key in self.tree

    @property
    def names(self) -> list[str]:
        return list(self.tree)

    def fail(self, key: str, found: Any, allowed: str) -> NoReturn:
        Item(self._place(key), found).fail(allowed)

    def done(self) -> None:
        """SpecError for the first key that means nothing here."""
        for key in self.tree:
            if key not in self.asked:
                allowed = ", ".join(sorted(self.asked))
                raise SpecError(
                    f"{self._place(key)}: unknown key{suggest(key, self.asked)} (allowed: {allowed})"
                )

    def text(self, key: str, default: str | None = None, pattern: str = r".+") -> str:
        item = self.item(key, default)
        if not isinstance(item.value, str) or not re.fullmatch(pattern, item.value):
            item.fail("text" if pattern == r".+" else "a name of letters, digits, '.', '_' and '-'")
        return item.value

    def one_of(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        item = self.item(key, default)
        if item.value not in allowed:
            item.fail("one of " + ", ".join(allowed), suggest(item.value, allowed))
        return str(item.value)

    def integer(self, key: str, default: int | None = None, low: int = 0, high: int | None = None) -> int:
        item = self.item(key, default)
        if not item.is_integer() or item.value < low or (high is not None and item.value > high):
            item.fail(
                f"a whole number, {low} or more" if high is None else f"a whole number, {low} to {high}"
            )
        return int(item.value)

    def number(self, key: str, default: float | None = None, high: float = float("inf")) -> float:
        """A finite number above zero and below `high`."""
        item = self.item(key, default)
        number = isinstance(item.value, (int, float)) and not isinstance(item.value, bool)
        if not number or not 0 < item.value < high:
            item.fail("a number above 0" + (f" and below {high:g}" if high < float("inf") else ""))
        return float(item.value)

    def items(self, key: str, empty: bool = False) -> list[Item]:
        """The entries of a list, which must have some unless `empty`."""
        item = self.item(key)
        if not isinstance(item.value, list) or not (item.value or empty):
            item.fail("a list" + ("" if empty else " with at least one entry"))
        return [Item(f"{item.place}[{i}]", value) for i, value in enumerate(item.value)]

    def table(self, key: str) -> Reader:
        """A table within this one; an absent one is empty."""
        return self.within(self.item(key, {}))

    def tables(self, key: str) -> list[Reader]:
        """An array of tables."""
        return [self.within(item) for item in self.items(key)]

    def choices(
        self, key: str, known: Mapping[str, Any], kind: str, check: Callable[[Choice], None]
    ) -> list[Choice]:
        """A list of registered names, or of tables { name = ..., options } as `check` allows them."""
        found = [self._choice(item, known, kind, check) for item in self.items(key)]
        self.distinct(key, [choice.id for choice in found])
        return found

    def distinct(self, key: str, values: Iterable[Any]) -> None:
        """SpecError when something is listed twice: its results would be counted twice."""
        for value, count in Counter(values).items():
            if count > 1:
                raise SpecError(f"{self._place(key)}: {_show(value)} is listed {count} times")

    def _choice(
        self, item: Item, known: Mapping[str, Any], kind: str, check: Callable[[Choice], None]
    ) -> Choice:
        value = {"name": item.value} if isinstance(item.value, str) else item.value
        if not isinstance(value, dict) or not isinstance(value.get("name"), str):
            item.fail(f"the name of a registered {kind}, or a table with its name and options")
        if value["name"] not in known:
            place = Item(item.place, value["name"])
            place.fail(f"one of {', '.join(known)}", suggest(value["name"], known))
        choice = Choice(value["name"], tuple(sorted((k, v) for k, v in value.items() if k != "name")))
        try:
            check(choice)
        except ValueError as error:
            raise SpecError(f"{item.place}: {error}") from None
        return choice

    def within(self, item: Item) -> Reader:
        """The table that `item`, one of this table's, is; SpecError when it is something else."""
        if not isinstance(item.value, dict):
            item.fail("a table")
        return Reader(self.source, item.place.removeprefix(f"{self.source}: ") + ".", item.value)

    def _place(self, key: str) -> str:
        return f"{self.source}: {self.path}{key}"


def _show(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)
