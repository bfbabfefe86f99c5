"""Read one table of a TOML file key by key, and collect every fault with its place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NoReturn

from overshoot.core.names import nearest, suggest
from overshoot.study.experiment.cells import Choice

LARGEST, LONGEST, MOST = 10**9, 200, 20
"""Whole numbers and texts are at most this large and long unless a key says otherwise; this many faults of a
file are shown."""

RANGE = (1e-30, 1e30)
"""Of real numbers: float32 holds them and their ratios."""


class SpecError(ValueError):
    """An experiment file that cannot be run: for each fault the key, what was expected, what was there."""


class _FaultError(Exception):
    """One fault, on its way to the list of them."""


@dataclass(frozen=True)
class Item:
    """A value and the place where it stands."""

    place: str
    value: Any

    def is_integer(self) -> bool:
        return isinstance(self.value, int) and not isinstance(self.value, bool)

    def fail(self, expected: str, hint: str = "") -> NoReturn:
        """To be called within `Reader.collect` alone."""
        raise _FaultError(f"{self.place}: expected {expected}, got {_show(self.value)}{hint}")


@dataclass
class Reader:
    """One table of a file.

    Each getter checks one key and remembers that it was asked for. A fault goes to `faults`, which all
    tables of a file share, and the getter returns a stand-in, so that the rest of the file is checked too.
    `done` notes the keys that nobody asked for; `stop_at_faults` raises before a stand-in is used.
    """

    source: str
    path: str
    tree: Mapping[str, Any]
    faults: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)

    def collect(self, key: str) -> _Collect:
        """A context in which a fault of `key` is noted, and ends the block."""
        return _Collect(self, key)

    def sound(self, *keys: str) -> bool:
        """Whether what was read of these keys is what the file says."""
        return not self.broken & {*keys}

    def stop_at_faults(self) -> None:
        """SpecError with every fault that was found, if any was."""
        if len(self.faults) == 1:
            raise SpecError(f"{self.source}: {self.faults[0]}")
        if self.faults:
            lines = "".join(f"\n  {fault}" for fault in self.faults[:MOST])
            lines += f"\n  and {len(self.faults) - MOST} more" if len(self.faults) > MOST else ""
            raise SpecError(f"{self.source}: {len(self.faults)} faults{lines}")

    def has(self, key: str) -> bool:
        self.asked.add(key)
        return key in self.tree

    @property
    def names(self) -> list[str]:
        return list(self.tree)

    def fail(self, key: str, got: Any, expected: str) -> None:
        """Note a fault that shows in several keys at once."""
        with self.collect(key):
            Item(self._place(key), got).fail(expected)

    def note(self, key: str, fault: str) -> None:
        """Note a fault in words of its own."""
        with self.collect(key):
            raise _FaultError(f"{self._place(key)}: {fault}")

    def done(self) -> None:
        """Note the keys that mean nothing here."""
        allowed = ", ".join(sorted(self.asked))
        for i, key in enumerate(key for key in self.tree if key not in self.asked):
            near = suggest(key, self.asked) if i < MOST else ""  # of thousands it would take seconds
            self.faults.append(f"{self._place(key)}: unknown key{near} (allowed: {allowed})")

    def text(self, key: str, default: str | None = None, pattern: str = r".+", most: int = LONGEST) -> str:
        with self.collect(key):
            item = self._item(key, default)
            if not isinstance(item.value, str) or not re.fullmatch(pattern, item.value):
                item.fail("text" if pattern == r".+" else "a name of letters, digits, '.', '_' and '-'")
            if len(item.value) > most:
                item.fail(f"at most {most} characters")
            return item.value
        return default or ""

    def one_of(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        with self.collect(key):
            item = self._item(key, default)
            if item.value not in allowed:
                item.fail("one of " + ", ".join(allowed), suggest(item.value, allowed))
            return str(item.value)
        return default or (allowed[0] if allowed else "")

    def integer(self, key: str, default: int | None = None, low: int = 0, high: int | None = None) -> int:
        with self.collect(key):
            item = self._item(key, default)
            top = LARGEST if high is None else high
            if not item.is_integer() or not low <= item.value <= top:
                open_ended = high is None and not (item.is_integer() and item.value > top)
                item.fail(
                    f"a whole number, {low} or more" if open_ended else f"a whole number, {low} to {top}"
                )
            return int(item.value)
        return low if default is None else default

    def at_most(self, key: str, default: int, other: str, most: int, low: int) -> int:
        """A whole number that the value `most` of another key bounds, where that one is sound."""
        return self.integer(key, min(default, most), low=low, high=most if self.sound(other) else None)

    def number(
        self, key: str, default: float | None = None, high: float = float("inf"), low: float = RANGE[0]
    ) -> float:
        """A number from `low` on and below `high`, as far as RANGE goes."""
        with self.collect(key):
            item = self._item(key, default)
            number = isinstance(item.value, (int, float)) and not isinstance(item.value, bool)
            if not number or not 0 < item.value < high:
                item.fail("a number above 0" + (f" and below {high:g}" if high < float("inf") else ""))
            if not low <= item.value <= RANGE[1]:
                item.fail(f"a number from {low:g} to {min(high, RANGE[1]):g}")
            return float(item.value)
        return default or 1.0

    def items(self, key: str, empty: bool = False) -> list[Item]:
        """The entries of a list, which must have some unless `empty`."""
        with self.collect(key):
            item = self._item(key)
            if not isinstance(item.value, list) or not (item.value or empty):
                item.fail("a list" + ("" if empty else " with at least one entry"))
            return [Item(f"{item.place}[{i}]", value) for i, value in enumerate(item.value)]
        return []

    def table(self, key: str) -> Reader:
        """A table within this one; an absent one is empty."""
        with self.collect(key):
            return self.within(self._item(key, {}))
        return self._empty()

    def tables(self, key: str) -> list[Reader]:
        """An array of tables."""
        tables = []
        for item in self.items(key):
            with self.collect(key):
                tables.append(self.within(item))
        return tables

    def choices(
        self, key: str, known: Mapping[str, Any], kind: str, check: Callable[[Choice], object]
    ) -> list[Choice]:
        """A list of registered names, or of tables { name = ..., options } as `check` allows them."""
        choices = []
        for item in self.items(key):
            with self.collect(key):
                choices.append(_choice(item, known, kind, check))
        self.distinct(key, [choice.id for choice in choices if choices.count(choice) > 1])
        return choices

    def distinct(self, key: str, values: Iterable[Any]) -> None:
        """Note what is listed twice: its results would be counted twice."""
        for value, count in Counter(values).items():
            if count > 1:
                self.note(key, f"expected each once, got {_show(value)} {count} times")

    def within(self, item: Item) -> Reader:
        """The table that `item`, one of this table's, is."""
        if not isinstance(item.value, dict):
            item.fail("a table")
        return Reader(self.source, item.place + ".", item.value, self.faults)

    def _empty(self) -> Reader:
        """A stand-in for a table that is none."""
        return Reader(self.source, "", {}, [])

    def _item(self, key: str, default: Any = None) -> Item:
        """The value of `key`, or its default."""
        self.asked.add(key)
        if key not in self.tree and default is None:
            near = nearest(key, set(self.tree) - self.asked)
            self.asked |= {near} if near else set()  # one slip is one fault
            hint = f'; there is a key "{near}": did you mean "{key}"?' if near else ""
            raise _FaultError(f"{self._place(key)}: required key is missing{hint}")
        return Item(self._place(key), self.tree.get(key, default))

    def _place(self, key: str) -> str:
        return self.path + (key if len(key) <= LONGEST else f"{key[: LONGEST // 2]}...")


@dataclass(frozen=True)
class _Collect:
    """`contextlib.contextmanager` would do, but type checkers take it for one that lets errors pass."""

    reader: Reader
    key: str

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, _FaultError):
            return False
        self.reader.broken.add(self.key)
        self.reader.faults.append(str(error))
        return True


def _choice(item: Item, known: Mapping[str, Any], kind: str, check: Callable[[Choice], object]) -> Choice:
    value = {"name": item.value} if isinstance(item.value, str) else item.value
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        item.fail(f"the name of a registered {kind}, or a table with its name and options")
    if value["name"] not in known:
        place = Item(item.place, value["name"])
        place.fail(f"one of {', '.join(known)}", suggest(value["name"], known))
    choice = Choice(value["name"], tuple(sorted((k, _hashable(v)) for k, v in value.items() if k != "name")))
    try:
        check(choice)
    except (ValueError, TypeError) as error:
        raise _FaultError(f"{item.place}: {error}") from None
    except (ArithmeticError, RecursionError, MemoryError):
        item.fail(f"options that a {kind} can have: numbers of this size are none")
    return choice


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _show(value: Any) -> str:
    """A value as the file has it, or its start; Python writes no whole number of thousands of digits."""
    try:
        shown = f'"{value}"' if isinstance(value, str) else repr(value)
    except (ValueError, RecursionError):
        return f"a value of type {type(value).__name__} that is too large to be shown"
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST // 2]}... ({len(shown):,} characters)"
