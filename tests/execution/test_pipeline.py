"""Results are stored beside the training: in order, without holding it up, and no error is lost."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from overshoot.study.pipeline import WAITING, _Behind


def test_training_goes_on_while_a_store_is_slow() -> None:
    free, stored = threading.Event(), []

    def slow(result: Any) -> None:
        assert free.wait(60)
        stored.append(result)

    with _Behind(slow) as behind:
        for i in range(WAITING):
            behind.write(i)
        assert stored == []
        free.set()
    assert stored == list(range(WAITING))


def test_an_error_of_the_store_ends_the_run() -> None:
    stored: list[Any] = []

    def full(result: Any) -> None:
        if result == 2:
            raise OSError("no space left on device")
        stored.append(result)

    def run() -> None:
        with _Behind(full) as behind:
            for i in range(100):
                behind.write(i)

    with pytest.raises(OSError, match="no space"):
        run()
    assert stored[:2] == [0, 1]


def test_an_interruption_lets_what_is_under_way_end() -> None:
    begun, stored = threading.Event(), []

    def store(result: Any) -> None:
        begun.set()
        stored.append(result)

    def run() -> None:
        with _Behind(store) as behind:
            behind.write(0)
            assert begun.wait(60)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run()
    assert stored == [0]
