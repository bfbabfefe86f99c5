"""The nearest name: what was meant by a word that is spelt wrong."""

from __future__ import annotations

import pytest

from overshoot.core import OPTIMIZERS
from overshoot.core.names import nearest


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("adam", "adam"),
        ("adma", "adam"),  # difflib finds adamax nearer
        ("Adam", "adam"),
        ("sdg", "sgd"),
        ("nestrov", "nesterov"),
        ("zebra", None),
        (3, None),
        ("a" * 101, None),
    ],
)
def test_the_nearest_name(given: object, meant: str | None) -> None:
    assert nearest(given, OPTIMIZERS) == meant


def test_another_case_is_nearer_than_other_letters() -> None:
    assert nearest("NO", ["on", "no"]) == "no"
    assert nearest("Age", ["gea", "age"]) == "age"
