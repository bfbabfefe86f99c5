"""What scikit-learn fetches: read from its cache, which is made here; without a network one sentence."""

from __future__ import annotations

import gzip
import hashlib
import json
import urllib.error
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from overshoot.study.experiment.cells import Choice
from overshoot.study.problems.datasets import raw_of, ready


def fetched(name: str, cache: Path, **options: Any) -> Choice:
    return ready(Choice(name, tuple(sorted({"cache": str(cache), **options}.items()))), Path(), 0)


def test_a_fetcher_reads_what_it_has_in_its_cache(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    table = rng.uniform(1, 5, (50, 9))
    joblib = pytest.importorskip("joblib")  # scikit-learn's own
    joblib.dump(table, tmp_path / "cal_housing_py3.pkz", compress=6)
    chosen = fetched("sklearn", tmp_path, fetch="california_housing", target="MedHouseVal")
    raw = raw_of(chosen)
    assert (raw.X.shape, raw.task) == ((50, 8), "real")
    assert raw.inputs[0] == "MedInc"


ARFF = "@RELATION kinds\n@ATTRIBUTE a REAL\n@ATTRIBUTE kind {x,y}\n@DATA\n"


def test_a_dataset_of_openml_is_read_from_its_cache(tmp_path: Path) -> None:
    """The four answers that OpenML gives, where scikit-learn keeps them."""
    rows = "".join(f"{i}.5,{'xy'[i % 2]}\n" for i in range(40))
    folder = tmp_path / "openml" / "openml.org"
    write(folder / "data/v1/download/9/kinds.arff.gz", ARFF + rows)
    checksum = hashlib.md5((ARFF + rows).encode()).hexdigest()
    features = [
        {"index": "0", "name": "a", "data_type": "numeric", "is_target": "false"},
        {
            "index": "1",
            "name": "kind",
            "data_type": "nominal",
            "nominal_value": ["x", "y"],
            "is_target": "true",
        },
    ]
    common = {"is_ignore": "false", "is_row_identifier": "false", "number_of_missing_values": "0"}
    description = {
        "id": "7",
        "name": "kinds",
        "version": "1",
        "format": "ARFF",
        "url": "https://example.org/data/v1/download/9/kinds.arff",
        "md5_checksum": checksum,
        "status": "active",
        "description": "",
    }
    answers: dict[str, Any] = {
        "api/v1/json/data/list/data_name/kinds/limit/2/data_version/1": {
            "data": {"dataset": [{"did": 7, "name": "kinds", "version": 1, "status": "active"}]}
        },
        "api/v1/json/data/7": {"data_set_description": description},
        "api/v1/json/data/features/7": {"data_features": {"feature": [f | common for f in features]}},
        "api/v1/json/data/qualities/7": {"data_qualities": {"quality": []}},
    }
    for place, answer in answers.items():
        write(folder / f"{place}.gz", json.dumps(answer))
    raw = raw_of(fetched("openml", tmp_path, data="kinds", target="kind"))
    assert (raw.X.shape, raw.task, raw.labels) == ((40, 1), "binary", ("x", "y"))


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()))


def test_without_a_network_it_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    monkeypatch.setattr("sklearn.datasets._openml.urlopen", unreachable)
    for name, option in (("openml", {"data": "kinds"}), ("sklearn", {"fetch": "california_housing"})):
        with pytest.raises(ValueError, match=r"not in the cache and cannot be fetched .*is there a network"):
            fetched(name, tmp_path, target="kind", **option)


def test_an_unknown_fetcher_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="california_housing"):
        fetched("sklearn", tmp_path, fetch="california", target="y")
