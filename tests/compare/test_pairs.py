"""What was changed is paired, options, schedules and batches: by itself where one pair alone can be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from overshoot.study.compare import compare, draw, sentences
from overshoot.study.compare.overlaid_curves import panels
from overshoot.study.compare.pairs import Axes, pairs
from overshoot.study.tracking import StoreError
from tests.compare.test_compare import sides, stored
from tests.figures.drawn import figures

MOMENTUM, MORE, SGD = "momentum", "momentum(momentum=0.99)", "sgd"


def axes(optimizer: str, batch: str = "full", problem: str = "iris/net") -> Axes:
    return problem, optimizer, batch


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ([axes(SGD)], [axes(SGD)], [(axes(SGD), axes(SGD))]),
        ([axes(MOMENTUM)], [axes(MORE)], [(axes(MOMENTUM), axes(MORE))]),
        ([axes("adam")], [axes("adam + warmup")], [(axes("adam"), axes("adam + warmup"))]),
        ([axes(SGD, "32")], [axes(SGD, "1")], [(axes(SGD, "32"), axes(SGD, "1"))]),
        (
            [axes(SGD), axes(MOMENTUM)],
            [axes(SGD), axes(MORE)],
            [(axes(SGD),) * 2, (axes(MOMENTUM), axes(MORE))],
        ),
        ([axes(MOMENTUM)], [axes(MORE), axes("momentum(momentum=0.5)")], []),
        ([axes(SGD)], [axes("adam")], []),
        ([axes(SGD, problem="wine/net")], [axes(SGD)], []),
    ],
)
def test_one_thing_changed_is_paired_where_it_is_unambiguous(
    a: list[Axes], b: list[Axes], found: list[tuple[Axes, Axes]]
) -> None:
    assert pairs(a, b) == found


def test_asked_pairs_hold_within_one_study_as_well() -> None:
    both = [axes(MOMENTUM), axes(MORE), axes(MOMENTUM, "1"), axes(MORE, "1")]
    assert pairs(both, both, [(MOMENTUM, MORE)]) == [(both[0], both[1]), (both[2], both[3])]
    assert pairs(both, both, [("full", "1")]) == [(both[0], both[2]), (both[1], both[3])]
    with pytest.raises(StoreError, match="B has no 'momentun'"):
        pairs(both, both, [(MOMENTUM, "momentun")])


def test_a_pair_has_a_sentence_and_its_curves_in_one_picture(tmp_path: Path) -> None:
    limits = [{"limit_measured": m, "limit_low": 0.99 * m, "limit_high": 1.01 * m} for m in (0.41, 0.0412)]
    a = stored(optimizer=MOMENTUM, **limits[0])
    b = stored(optimizer=MORE, **limits[1])
    comparison = compare(*sides([a], [b]))
    said = " ".join(sentences(comparison))
    assert "(momentum=0.99) in place of" in said
    assert "moves the limit from 0.41 to 0.041" in said
    assert draw(comparison, tmp_path / "pairs.png")
    assert (tmp_path / "pairs.png").stat().st_size > 1000
    parts = figures(panels(comparison, comparison.changes))
    drawn = {line.get_gid() for part in parts for ax in part.axes for line in ax.lines}
    assert {"curve-A", "curve-B", "limit-A", "limit-B"} <= drawn


def test_alike_cells_have_no_picture(tmp_path: Path) -> None:
    assert not draw(compare(*sides([stored()], [stored()])), tmp_path / "pairs.png")
