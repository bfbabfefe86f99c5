"""Files that changed after they were written: no other number in silence, no traceback, and the way on."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overshoot.study.files import sync
from overshoot.study.tracking import Store, StoreError, reading
from overshoot.study.tracking.artifacts import CELL, CURVES, STATES, SUMMARY, TRIALS
from overshoot.study.tracking.rows import RunRow
from tests.tracking.planted_results import planted

FIRST, SECOND = planted("sgd"), planted("adam")
NAMES = (CELL, SUMMARY, TRIALS, CURVES, STATES)


def file_of(store: Store, run_id: str, name: str) -> Path:
    return store.results / "artifacts" / "demo" / run_id / "artifacts" / name


def read_all(store: Store, run_id: str) -> None:
    assert all(len(cell.curves) for cell in store.read("demo"))
    store.definition(run_id)
    store.states(run_id)


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        *((name, harm) for name in NAMES for harm in ("flipped bit", "deleted")),
        *((SUMMARY, harm) for harm in ("emptied", "cut", "other text")),
    ],
)
def test_a_damaged_file_is_said_and_its_cell_is_trained_again(store: Store, name: str, harm: str) -> None:
    kept, run_id = store.write("demo", FIRST), store.write("demo", SECOND)
    file = file_of(store, run_id, name)
    content = bytearray(file.read_bytes())
    if harm == "flipped bit":
        content[len(content) // 2] ^= 1
    changed = {"cut": content[: len(content) // 2], "emptied": b"", "other text": b"{}"}.get(harm, content)
    file.write_bytes(changed)
    if harm == "deleted":
        file.unlink()
    with pytest.raises(StoreError, match=r"trains the cell anew"):
        read_all(store, run_id)
    assert name in store.damaged("demo")[SECOND.cell.key]
    assert store.retire_lost("demo") == 1
    assert store.finished("demo") == {FIRST.cell.key: kept}


def test_one_damaged_cell_alone_is_trained_again(store: Store) -> None:
    run_id = store.write("demo", FIRST)
    file_of(store, run_id, STATES).unlink()
    assert store.retire_lost("demo") == 1


def without_digests(store: Store, run_id: str) -> None:
    """As a cell was stored by older versions, or by whoever made a store to harm its reader."""
    store.client.delete_tag(run_id, reading.FILES)


def test_pages_of_tables_have_checksums_of_their_own(store: Store) -> None:
    """24 of 150 flipped bits in a stored table gave other numbers, and none an error."""
    run_id = store.write("demo", FIRST)
    without_digests(store, run_id)
    whole = store.read("demo")[0].curves
    file = file_of(store, run_id, CURVES)
    content = file.read_bytes()
    random = np.random.default_rng(0)
    for bit in random.integers(0, 8 * len(content), 150):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << (bit % 8)
        file.write_bytes(changed)
        try:
            curves = store.read("demo")[0].curves
        except StoreError:
            continue
        assert curves.equals(whole)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(NAMES), place=st.floats(0, 1), patch=st.binary(max_size=40), cut=st.booleans())
def test_no_bytes_in_a_file_end_in_a_traceback(
    store: Store, name: str, place: float, patch: bytes, cut: bool
) -> None:
    run_id = store.finished("demo").get(FIRST.cell.key) or store.write("demo", FIRST)
    without_digests(store, run_id) if reading.FILES in store.client.get_run(run_id).data.tags else None
    file = file_of(store, run_id, name)
    content = file.read_bytes()
    at = int(place * len(content))
    file.write_bytes(content[:at] + patch + (b"" if cut else content[at + len(patch) :]))
    with suppress(StoreError):
        read_all(store, run_id)
    file.write_bytes(content)


@dataclass(frozen=True)
class Planted:
    """Whoever unpickles one runs code of its maker's choice: here it makes a file."""

    trace: Path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (Path.touch, (self.trace,))


@pytest.mark.parametrize("name", [STATES, CURVES, CELL, SUMMARY])
def test_no_pickle_is_ever_loaded(store: Store, tmp_path: Path, name: str) -> None:
    trace = tmp_path / "loaded"
    pickle.loads(pickle.dumps(Planted(trace)))
    trace.unlink()  # it would
    run_id = store.write("demo", FIRST)
    without_digests(store, run_id)
    file = file_of(store, run_id, name)
    poison = pickle.dumps(Planted(trace))
    if name == STATES:
        objects = np.empty(1, dtype=object)
        objects[0] = Planted(trace)
        with zipfile.ZipFile(file, "w") as archive:
            for part in ("trials", "theta"):
                buffer = io.BytesIO()
                np.save(buffer, objects, allow_pickle=True)
                archive.writestr(f"{part}.npy", buffer.getvalue())
    elif name == CURVES:
        pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        extension = {b"ARROW:extension:name": b"arrow.py_extension_type", b"ARROW:extension:metadata": poison}
        field = pa.field("trial", pa.int64(), metadata=extension)
        metadata = {b"pandas": json.dumps({"columns": []}).encode(), b"overshoot": poison}
        pq.write_table(pa.table([[1]], pa.schema([field], metadata=metadata)), file)
    else:
        file.write_bytes(poison)
    with pytest.raises(StoreError, match=r"damaged|another version"):
        read_all(store, run_id)
    assert not trace.exists()


def test_files_are_on_the_disk_before_a_cell_is_finished(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    finish = store.writer.finish

    def synced(path: Path) -> None:
        order.append(path.name)
        sync(path)

    def finished(runs: Sequence[tuple[str, RunRow]]) -> None:
        order.append("finish")
        finish(runs)

    monkeypatch.setattr("overshoot.study.tracking.artifacts.sync", synced)
    monkeypatch.setattr(store.writer, "finish", finished)
    run_id = store.write("demo", FIRST)
    assert set(NAMES) | {"artifacts", run_id, "demo"} == {*order[:-1]}
    assert order[-1] == "finish"
