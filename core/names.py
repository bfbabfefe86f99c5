"""Look a name up in a table, and say what was meant when it is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")


def nearest(name: object, allowed: Iterable[str]) -> str | None:
    """The one of `allowed` that is spelt most like `name`, or has its letters in another order; None when
    none is near."""
    if not isinstance(name, str) or len(name) > 100:
        return None
    given, known = name.lower(), list(allowed)
    near = [one for one in known if one.lower() == given]
    near += [one for one in known if sorted(one.lower()) == sorted(given)]
    near += difflib.get_close_matches(given, known, n=1)
    return near[0] if near else None


def suggest(name: object, allowed: Iterable[str]) -> str:
    """'; did you mean "adam"?' for the nearest of `allowed`, or nothing when none is near."""
    near = nearest(name, allowed)
    return f'; did you mean "{near}"?' if near else ""


def lookup(table: Mapping[str, T], name: str, kind: str) -> T:
    """`table[name]`; ValueError names the kind, the allowed names and the nearest one."""
    if isinstance(name, str) and name in table:
        return table[name]
    allowed = ", ".join(sorted(table))
    raise ValueError(f"unknown {kind} {name!r}{suggest(name, table)} (allowed: {allowed})")
