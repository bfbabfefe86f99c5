"""Dataclasses as plain values and back: what is stored of a cell, as JSON can hold it."""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

Kind = TypeVar("Kind")

_ONE_AT_A_TIME = threading.Lock()
"""msgspec notes down what a dataclass consists of when it first meets it, and other threads see the note
before it is whole: two that restore the same class for the first time end the process (SIGSEGV)."""


def plain(value: Any) -> Any:
    """`value` in dicts, lists, strings and numbers."""
    return msgspec.to_builtins(value)


def restored(tree: Any, kind: type[Kind]) -> Kind:
    """What `plain` made plain, as a `kind`; ValueError where `tree` is none."""
    with _ONE_AT_A_TIME:
        return msgspec.convert(tree, kind, str_keys=True)
