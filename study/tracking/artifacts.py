"""The files of a cell's run: its definition, its two tables, its summary, the last states of diverged
trials, the picture of its rates, and small data of one's own."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from overshoot.study.experiment.cells import Cell, restore
from overshoot.study.files import inside, sync
from overshoot.study.late import Late
from overshoot.study.phases.catalogue import parts
from overshoot.study.phases.results import CURVES as CURVE_COLUMNS
from overshoot.study.phases.results import TRIALS as TRIAL_COLUMNS
from overshoot.study.phases.results import CellResult
from overshoot.study.phases.summary import Summary, decode, encode
from overshoot.study.problems import kept
from overshoot.study.problems.columns import Raw

if TYPE_CHECKING:
    import pandas as pd
    from pyarrow import parquet
else:
    pd, parquet = Late("pandas"), Late("pyarrow.parquet")

CELL, SUMMARY, STATES, DATA = "cell.json", "summary.json", "states.npz", "data.npz"
TRIALS, CURVES = "trials.parquet", "curves.parquet"
PICTURE = "rate-curve.png"
READ = (CELL, SUMMARY, TRIALS, CURVES)
"""What a stored cell is read from."""


def save(
    folder: Path,
    result: CellResult,
    run_ids: list[str],
    data: Raw | None = None,
    picture: bytes | None = None,
) -> None:
    """Write the cell's files; the table of trials gets a column with each trial's run in MLflow.

    data: somebody's own, by default read where the cell says that they are. picture: a PNG.
    """
    result.trials.assign(run_id=pd.Series(run_ids, dtype="str")).to_parquet(
        folder / TRIALS, index=False, write_page_checksum=True
    )
    result.curves.to_parquet(folder / CURVES, index=False, write_page_checksum=True)
    (folder / CELL).write_text(result.cell.definition, encoding="utf-8")
    if data is None:
        kept.save(result.cell.dataset, folder / DATA)
    else:
        kept.write(data, folder / DATA)
    states = [*result.states.values()]
    np.savez(folder / STATES, trials=[*result.states], theta=np.stack(states) if states else np.empty((0, 0)))
    (folder / SUMMARY).write_text(encode(result.summary), encoding="utf-8")
    if picture is not None:
        (folder / PICTURE).write_bytes(picture)


def digests(folder: Path) -> dict[str, str]:
    """name -> SHA-256 of each file in the folder."""
    return {path.name: digest(path) for path in sorted(folder.iterdir())}


def digest(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def damage(folder: Path, known: Mapping[str, str]) -> str | None:
    """What is wrong with a cell's files, whose digests are `known`; None where nothing is.

    A cell of an older version has no digests: its files must be there, and not be empty.
    """
    for name in dict.fromkeys((*READ, STATES, *known)):
        path = inside(folder, folder / name)
        if not path.is_file():
            return f"{name} is missing"
        if not path.stat().st_size:
            return f"{name} is empty"
        if name in known and digest(path) != known[name]:
            return f"{name} is not what was written"
    return None


def settle(folder: Path) -> None:
    """Have a cell's files on the disk, and their names too, before it is said to be finished."""
    for path in folder.iterdir():
        sync(path)
    for place in (folder, *list(folder.parents)[:2]):
        sync(place)


def load(cell: Path, summary: Path, trials: Path) -> tuple[Cell, Summary, pd.DataFrame]:
    """What is in these files; ValueError or OSError for damaged ones, and for those of another version."""
    texts = [path.read_text(encoding="utf-8") for path in (cell, summary)]
    table = _table(trials, TRIAL_COLUMNS | {"run_id": "str"})
    return restore(texts[0]), decode(texts[1], parts()), table


def load_curves(file: Path | BytesIO) -> pd.DataFrame:
    """A cell's curves; ValueError or OSError for a file that is damaged or of another version."""
    return _table(file, CURVE_COLUMNS)


def _table(file: Path | BytesIO, columns: Mapping[str, str]) -> pd.DataFrame:
    """A table, the checksums of its pages compared; ValueError where its columns are not these."""
    with parquet.ParquetFile(file, page_checksum_verification=True) as stored:
        # pandas' own reader takes twice the time over a small table, and threads gain nothing.
        table = stored.read(use_threads=False).to_pandas(use_threads=False)
    got = {name: str(dtype) for name, dtype in table.dtypes.items()}
    if wrong := [name for name, dtype in columns.items() if got.get(str(name)) != dtype]:
        name = wrong[0]
        raise ValueError(f"expected the column {name} of type {columns[name]}, got {got.get(name)}")
    return table


def load_states(path: Path) -> dict[int, np.ndarray]:
    """trial -> (P,) last finite parameters."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
        return dict(zip(stored["trials"].tolist(), stored["theta"], strict=True))
