"""Results on their way from another machine: the files of a cell, as the store keeps them, in one archive.

Nothing in it is pickled: JSON, Parquet and NumPy's arrays of numbers.
"""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from overshoot.study.execution.engine import Failure
from overshoot.study.experiment.cells import Cell
from overshoot.study.phases.results import TRIALS, CellResult
from overshoot.study.tracking import artifacts

ERROR = "error.txt"
FILES = (*artifacts.READ, artifacts.STATES)


def pack(results: Sequence[CellResult | Failure]) -> bytes:
    """Results, in order, as bytes."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        for i, result in enumerate(results):
            if isinstance(result, Failure):
                files.writestr(f"{i}/{ERROR}", result.error)
                continue
            with tempfile.TemporaryDirectory() as folder:
                artifacts.save(Path(folder), result, [""] * len(result.trials))
                for name in FILES:
                    files.write(Path(folder) / name, f"{i}/{name}")
    return archive.getvalue()


def unpack(cells: Sequence[Cell], packed: bytes) -> list[CellResult | Failure]:
    """The results of `cells` that `pack` packed; ValueError or OSError for anything else."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as files:
            return [_unpacked(cell, str(i), files) for i, cell in enumerate(cells)]
    except (zipfile.BadZipFile, KeyError) as error:
        raise ValueError(f"these are no results of cells: {error}") from error


def _unpacked(cell: Cell, place: str, files: zipfile.ZipFile) -> CellResult | Failure:
    if f"{place}/{ERROR}" in files.namelist():
        return Failure(cell, files.read(f"{place}/{ERROR}").decode())
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in FILES]
        for path in paths:
            path.write_bytes(files.read(f"{place}/{path.name}"))
        *known, curves_file, states_file = paths
        ran, summary, trials = artifacts.load(*known)
        curves, states = artifacts.load_curves(curves_file), artifacts.load_states(states_file)
    if ran.key != cell.key:
        raise ValueError(f"the worker ran cell {ran.key}, where {cell.key} was asked for")
    return CellResult(cell, trials[[*TRIALS]], curves, states, summary)
