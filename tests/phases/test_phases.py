"""A phase is one block: the one of `additions.py` is read, run, counted, stored and restored."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import ClassVar

import pytest

from overshoot.study import phases
from overshoot.study.execution.cost import cost
from overshoot.study.experiment.cells import restore
from overshoot.study.experiment.reader import SpecError
from overshoot.study.phases import catalogue
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.phase import PHASES, in_order, register
from overshoot.study.spec import parse
from overshoot.study.tracking import open_store
from tests.additions import AgainPhase, AgainSettings, AgainSummary
from tests.builders import SMALL, cell


@pytest.fixture
def again() -> Iterator[None]:
    register(AgainPhase)
    yield
    del PHASES["again"]


FILE = """
name = "with-a-dummy"
optimizers = ["sgd"]
batches = [16]

[budget]
examples = 1
epochs = 12

[networks.linear]
hidden = []

[[problems]]
datasets = ["iris"]
network = "linear"

[again]
replicates = {replicates}
"""


@pytest.mark.usefixtures("again")
def test_a_dummy_phase_runs_in_its_place_and_leaves_its_part() -> None:
    asked = cell(protocol=SMALL.having(AgainSettings(3)))
    result, plain = run_cell(asked), run_cell(cell())
    own = result.trials[result.trials["phase"] == "again"]
    assert set(own["role"]) == {"half"}
    assert own["replicate"].tolist() == ["again-0", "again-1", "again-2"]
    assert list(result.trials["phase"].unique()) == ["sweep", "search", "confirm", "again"]
    assert result.summary.part(AgainSummary) == AgainSummary(float(own["rate"].iloc[0]))
    assert result.summary.flat()["again_rate"] == own["rate"].iloc[0]
    assert result.summary.seconds["again"] > 0
    assert plain.summary.get(AgainSummary) is None
    assert len(plain.trials) == len(result.trials) - 3
    more = cost(asked).trials - cost(cell()).trials, cost(asked).updates - cost(cell()).updates
    assert more == (3, own["updates"].sum())


@pytest.mark.usefixtures("again")
def test_a_dummy_phase_is_read_checked_stored_and_restored(tmp_path: Path) -> None:
    [asked] = parse(FILE.format(replicates=4), "dummy.toml").cells
    assert asked.protocol.get(AgainSettings) == AgainSettings(4)
    assert restore(asked.definition) == asked
    assert asked.key != dataclasses.replace(asked, protocol=asked.protocol.without(AgainSettings)).key
    with pytest.raises(SpecError, match=r"again\.replicates: expected a whole number, 1 to 9, got 10"):
        parse(FILE.format(replicates=10), "dummy.toml")
    result = run_cell(cell(protocol=SMALL.having(AgainSettings())))
    with closing(open_store(tmp_path)) as store:
        store.write("dummy", result)
        [stored] = store.read("dummy")
    assert stored.summary == result.summary
    assert stored.cell == result.cell


def test_without_the_phase_its_table_is_an_unknown_key() -> None:
    with pytest.raises(SpecError, match="again: unknown key"):
        parse(FILE.format(replicates=4), "dummy.toml")


@pytest.mark.usefixtures("again")
def test_two_phases_of_one_name_or_rank_are_refused() -> None:
    with pytest.raises(ValueError, match="'again' is taken by the phase 'again'"):
        register(AgainPhase)

    class Late(AgainPhase):
        name: ClassVar[str] = "late"

    with pytest.raises(ValueError, match="35 is taken by the phase 'again'"):
        register(Late)


def test_phases_run_in_this_order() -> None:
    expected = ["sweep", "search", "confirm", "short_run", "limit", "edge", "theory"]
    assert [p.name for p in in_order()] == expected


def test_a_module_of_the_package_is_found_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dropped.py").write_text(
        "from tests.additions import AgainPhase\n"
        "from overshoot.study.phases.phase import register\n"
        "register(AgainPhase)\n"
    )
    monkeypatch.setattr(phases, "__path__", [*phases.__path__, str(tmp_path)])
    catalogue.load()
    try:
        assert "again" in catalogue.parts()
    finally:
        del PHASES["again"], sys.modules["overshoot.study.phases.dropped"]
