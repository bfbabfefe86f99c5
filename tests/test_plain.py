"""Plain values and back, from many threads at once."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

import pytest

from overshoot.study.plain import plain, restored


@dataclass(frozen=True)
class Inner:
    rate: float
    note: str | None = None


@dataclass(frozen=True)
class Outer:
    parts: dict[int, Inner]
    rest: tuple[Inner, ...] = ()


def test_plain_values_come_back_as_what_they_were() -> None:
    value = Outer({1: Inner(0.1), 16: Inner(0.2, "large")}, (Inner(0.3),))
    assert restored(plain(value), Outer) == value


@pytest.mark.parametrize("tree", [[], {}, {"parts": {"1": {}}}, {"parts": {"one": {"rate": 1.0}}}])
def test_another_tree_is_refused(tree: object) -> None:
    with pytest.raises(ValueError, match=r"Expected|Object missing"):
        restored(tree, Outer)


MEETING = """
import dataclasses, sys, threading
from overshoot.study.plain import restored

sys.setswitchinterval(1e-6)
tree = {f"b{k}": {f"a{k}": k for k in range(20)} for k in range(10)}

def kind(i):
    inner = dataclasses.make_dataclass(f"Inner{i}", [(f"a{k}", int | None) for k in range(20)])
    return dataclasses.make_dataclass(f"Outer{i}", [(f"b{k}", inner | None) for k in range(10)])

def work():
    start.wait()
    for each in kinds:
        restored(tree, each)

kinds, start = [kind(i) for i in range(100)], threading.Barrier(4)
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_may_meet_a_class_for_the_first_time_together() -> None:
    """Without the lock the process ends by a segmentation fault."""
    subprocess.run([sys.executable, "-c", MEETING], check=True)
