"""Planted differences are found, and nothing else is."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overshoot.core import BatchStrategy
from overshoot.study.cli import main
from overshoot.study.compare import Change, Side, StudyComparison, compare, markdown, sentences, side, write
from overshoot.study.compare.changes import HIGHER, LOWER, UNCLEAR
from overshoot.study.experiment.cells import Budget, Cell, Choice, NetworkSpec, Protocol, Rates
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.results import CellResult
from overshoot.study.statistics import Interval
from overshoot.study.tracking import StoredCell, StoreError, open_store
from tests.builders import cell as small_cell
from tests.explain.conftest import BRIEF
from tests.planted_cells import INF, VALLEY, planted

NOISE = np.random.default_rng(5).normal(0, 0.3, 10)
SETTINGS = json.loads(
    Cell(
        Choice("toy"),
        NetworkSpec("net", (4,)),
        Choice("sgd"),
        BatchStrategy(),
        Rates(1e-3, 1e2, 1),
        Protocol(seed=2026),
    ).definition
)
MINUTE = 60_000


def stored(finished: int = 0, run: str = "", **values: Any) -> StoredCell:
    made = vars(planted(**values))
    return StoredCell(**made | {"finished": finished, "run_id": run or made["run_id"]})


def gaps(factor: float = 1.0, noise: np.ndarray = NOISE) -> list[float]:
    return [float(0.01 * factor * 10**value) for value in noise]


def sides(a: Sequence[StoredCell], b: Sequence[StoredCell], **changed: Any) -> tuple[Side, Side]:
    """Two sides of equal settings, but for those of B that are `changed`."""
    has = json.loads(json.dumps(SETTINGS | changed))
    had = json.loads(json.dumps(SETTINGS))
    return Side("a", tuple(a), {c.key: had for c in a}), Side("b", tuple(b), {c.key: has for c in b})


def only(found: StudyComparison) -> Change:
    [change] = found.changes
    return change


def one(tuned: Sequence[float], **values: Any) -> Change:
    """The change from a cell with the planted gaps to one with these."""
    a, b = stored(tuned=gaps(), run="a"), stored(tuned=tuned, run="b", **values)
    return only(compare(*sides([a], [b])))


def test_a_gap_that_fell_by_half_is_clearly_lower_by_that_factor() -> None:
    change = one(gaps(0.5, NOISE + np.random.default_rng(1).normal(0, 0.02, 10)))
    assert change.verdict == LOWER
    assert change.gap is not None
    assert 10**change.gap.low < 0.5 < 10**change.gap.high
    assert change.changed


def test_the_same_gaps_show_no_clear_difference() -> None:
    change = one(gaps())
    assert change.verdict == UNCLEAR
    assert not change.changed
    assert not change.same


def test_a_tuned_rate_that_diverges_is_higher_and_two_that_do_show_no_difference() -> None:
    assert one([INF] * 10).verdict == HIGHER
    both = sides([stored(tuned=[INF] * 10, run="a")], [stored(tuned=[INF] * 10, run="b")])
    assert only(compare(*both)).verdict == UNCLEAR


def test_other_seeds_or_networks_are_not_paired_and_then_the_spread_counts() -> None:
    a, b = [stored(tuned=gaps(), run="a")], [stored(tuned=gaps(0.7), run="b")]
    assert only(compare(*sides(a, b))).verdict == LOWER
    for changed in (
        {"protocol": SETTINGS["protocol"] | {"seed": 1}},
        {"network": {"name": "net", "hidden": []}},
    ):
        change = only(compare(*sides(a, b, **changed)))
        assert not change.paired
        assert change.verdict == UNCLEAR


def test_holms_correction_counts_all_cells() -> None:
    shifted = gaps(0.9, NOISE + np.random.default_rng(2).normal(0, 0.045, 10))
    alone = one(shifted)
    assert alone.p < 0.05
    names = [f"other{i}" for i in range(40)]
    a = [stored(problem=name, tuned=gaps(), run=f"a-{name}") for name in ["toy", *names]]
    b = [stored(problem="toy", tuned=shifted, run="b-toy")]
    b += [stored(problem=name, tuned=gaps(), run=f"b-{name}") for name in names]
    first = compare(*sides(a, b)).changes[0]
    assert first.p == pytest.approx(min(1, 41 * alone.p))
    assert first.verdict == UNCLEAR


def test_the_very_same_run_is_not_tested() -> None:
    cells = [stored(tuned=gaps(), run="shared"), stored(problem="new", tuned=gaps(), run="old")]
    others = [cells[0], stored(problem="new", tuned=gaps(0.1), run="young")]
    found = compare(*sides(cells, others))
    assert [change.same for change in found.changes] == [True, False]
    assert found.changes[1].verdict == LOWER
    assert "1 of 2 cells are the same stored runs" in " ".join(sentences(found))


def test_a_tuned_rate_moves_when_it_moves_by_more_than_a_step_of_the_grid() -> None:
    for rate, verdict in ((0.5, UNCLEAR), (4.9, UNCLEAR), (5.1, HIGHER), (0.049, LOWER)):
        assert one(gaps(), tuned_rate=rate).rate.verdict == verdict


def test_widths_differ_clearly_where_the_replicates_do() -> None:
    wider = VALLEY | {1e-2: 0.05}
    change = one(gaps(), sweep=wider)
    assert change.width.verdict == HIGHER
    assert change.width.a is not None
    assert change.width.b is not None
    assert change.width.b.value > change.width.a.value + 0.5
    rough = VALLEY | {1e-2: [0.05, 0.3]}
    assert one(gaps(), sweep=rough).width.verdict == UNCLEAR


def test_a_share_of_diverged_runs_is_judged_on_the_same_rates_alone() -> None:
    gone = dict.fromkeys(VALLEY, INF) | {1e-3: 0.5}
    change = one(gaps(), sweep=gone)
    assert change.share.verdict == HIGHER
    assert change.share.b == Interval(5 / 6, 5 / 6, 5 / 6)
    mixed = gone | {rate: [INF, 0.5] for rate in (1e-2, 1e-1, 1.0)}  # one replicate is as the others were
    assert one(gaps(), sweep=mixed).share.verdict == UNCLEAR
    a = stored(tuned=gaps(), run="a")
    moved = {rate * 1.5: ends for rate, ends in gone.items()}
    c = stored(tuned=gaps(), sweep=moved, run="c")
    assert only(compare(*sides([a], [c]))).share.verdict == ""


def test_limits_differ_clearly_beyond_their_replicates_and_their_precision() -> None:
    def limit(middle: float, low: float, high: float) -> dict[str, Any]:
        return {"limit_status": "measured", "limit_measured": middle, "limit_low": low, "limit_high": high}

    base = stored(tuned=gaps(), run="a", **limit(1.0, 0.99, 1.01))
    for values, verdict in (
        ((1.0, 0.99, 1.01), UNCLEAR),
        ((1.02, 1.015, 1.03), UNCLEAR),
        ((1.1, 1.05, 1.2), HIGHER),
        ((0.5, 0.4, 0.6), LOWER),
    ):
        other = stored(tuned=gaps(), run="b", **limit(*values))
        assert only(compare(*sides([base], [other]))).limit.verdict == verdict
    without = stored(tuned=gaps(), run="b", sweep_boundary=10.0)
    assert only(compare(*sides([base], [without]))).limit.verdict == ""


def test_settings_that_differ_are_said_with_both_values_and_where() -> None:
    protocol = SETTINGS["protocol"] | {"budget": dataclasses.asdict(Budget(epochs=99))}
    a, b = [stored(tuned=gaps(), run="a")], [stored(tuned=gaps(), run="b")]
    assert compare(*sides(a, b, protocol=protocol)).settings == ["budget.epochs: 40 in A, 99 in B"]
    assert compare(*sides(a, b)).settings == []
    two = [*a, stored(problem="other", run="c")], [*b, stored(problem="other", run="d")]
    left, right = sides(*two)
    narrower = SETTINGS | {"rates": SETTINGS["rates"] | {"low": 1}}
    right.definitions[two[1][0].key] = json.loads(json.dumps(narrower))
    assert compare(left, right).settings == ["rates.low: 0.001 in A, 1 in B (1 of 2 cells)"]


def test_cells_of_equal_settings_and_other_keys_are_of_another_program() -> None:
    a, b = stored(tuned=gaps(), run="a"), dataclasses.replace(stored(tuned=gaps(), run="b"), key="new")
    assert compare(*sides([a], [b])).settings == ["the version of the program, where all settings agree"]


def test_cells_of_one_side_alone_are_listed_and_nothing_in_common_is_said() -> None:
    a, b = [stored(problem="p", tuned=gaps())], [stored(problem="q", optimizer="adam", tuned=gaps())]
    found = compare(*sides(a, b))
    text = " ".join(sentences(found))
    assert "Only in A: Gradient descent on p, full batch." in text
    assert "Only in B: Adam on q, full batch." in text
    assert "no cell in common" in text
    assert "Every cell" not in markdown(found)


def test_other_processors_are_said() -> None:
    a, b = stored(tuned=gaps(), run="a"), stored(tuned=gaps(), run="b")
    b = dataclasses.replace(b, summary=dataclasses.replace(b.summary, processor="AVX2, openblas Haswell"))
    said = "A was computed on an unknown processor, B on AVX2, openblas Haswell: processors round differently"
    assert said in " ".join(sentences(compare(*sides([a], [b]))))
    for same in ((a, a), (b, b)):
        assert "computed on" not in " ".join(sentences(compare(*sides([same[0]], [same[1]]))))


def test_the_document_has_every_cell_with_its_interval_and_says_where_no_difference_is_clear(
    tmp_path: Path,
) -> None:
    a = [stored(problem=p, tuned=gaps(), run=f"a{p}") for p in "xy"]
    b = [stored(problem="x", tuned=gaps(0.5), run="bx"), stored(problem="y", tuned=gaps(), run="by")]
    path = write(compare(*sides(a, b)), tmp_path)
    assert path == tmp_path / "compare-a-b.md"
    lines = path.read_text(encoding="utf-8").splitlines()
    [x] = [line for line in lines if line.startswith("| Gradient descent on x")]
    [y] = [line for line in lines if line.startswith("| Gradient descent on y")]
    assert "0.50\u00a0[0.50,\u00a00.50] **lower**" in x
    assert "1.0\u00a0[1.0,\u00a01.0] no clear difference" in y
    assert (
        "clearly lower in B in 1 and clearly higher in 0 of 2 cells; 1 show no clear difference"
        in " ".join(lines)
    )
    assert "(replicates paired; Holm's correction)" in " ".join(lines)


@pytest.fixture(scope="module")
def versions() -> list[CellResult]:
    """A cell of a first version of a study, and those of a second with a longer budget, one of them new."""
    longer = dataclasses.replace(BRIEF, budget=Budget(examples=1, epochs=120, evaluations=30))
    linear = {"hidden": (), "rates": Rates(1e-2, 1e1, 2)}
    return [
        run_cell(small_cell("ill_conditioned", "sgd", None, protocol=BRIEF, **linear)),
        run_cell(small_cell("ill_conditioned", "sgd", None, protocol=longer, **linear)),
        run_cell(small_cell("ill_conditioned", "momentum", None, protocol=longer, **linear)),
    ]


@pytest.fixture
def results(versions: list[CellResult], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store in which they were finished a minute after another."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with closing(open_store(tmp_path)) as store:
        for minute, result in enumerate(versions):
            monkeypatch.setattr("time.time", lambda now=minute * MINUTE: 1_000_000_000 + now / 1000)
            store.write("grown", result)
    monkeypatch.undo()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


def keys(found: Side) -> set[str]:
    return {cell.key for cell in found.cells}


def test_versions_of_one_experiment_are_known_by_when_their_cells_were_finished(
    results: Path, versions: list[CellResult]
) -> None:
    old, young, new = (result.cell.key for result in versions)
    with closing(open_store(results)) as store:
        assert keys(side(store, "grown@first")) == {old, new}
        assert keys(side(store, "grown@latest")) == keys(side(store, "grown")) == {young, new}
        assert keys(side(store, "grown@2001-09-09T01:46:41")) == {old}
        assert keys(side(store, "grown@2001-09-09T01:47:41")) == {young}
        assert keys(side(store, "grown@2001-09-09T03:47:41+02:00")) == {young}
        assert keys(side(store, "grown@2030-01-01")) == {young, new}
        found = compare(side(store, "grown@first"), side(store, "grown"))
    assert found.settings == ["budget.epochs: 60 in A, 120 in B (1 of 2 cells)"]
    assert {change.axes[1]: change.same for change in found.changes} == {"sgd": False, "momentum": True}
    assert "finished 2001-09-09 01:46 to 01:48 UTC" in sentences(found)[0]


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ("gown", "a stored experiment, got 'gown'.*did you mean \"grown\""),
        ("grown@lates", 'did you mean "latest"'),
        ("grown@1999-01-01", "no cell of 'grown' was finished at that time"),
        ("experiments/quick.toml", "none of its cells is stored under 'quick'"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(results: Path, wrong: str, expected: str) -> None:
    with closing(open_store(results)) as store, pytest.raises(StoreError, match=expected):
        side(store, wrong)


def test_the_command_compares_versions_and_writes_the_document(
    results: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["compare", "grown@first", "grown", "--results", str(results)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(
        "Settings that differ, in the cells that both have:\nbudget.epochs: 60 in A, 120 in B"
    )
    assert "are the same stored runs" in shown
    document = results / "compare-grown-first-grown.md"
    assert str(document) in shown
    assert "same run" in document.read_text(encoding="utf-8")
    assert main(["compare", "grown", "nothing", "--results", str(results)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
