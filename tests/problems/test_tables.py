"""One table in every shape: the same rows, and one line that says how it was read."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from overshoot.study.problems.datasets import raw_of
from overshoot.study.problems.description import describe
from overshoot.study.problems.tables import read_bytes, read_text
from tests.problems.files import TABLE, TEXT, numbers, own, write

LINES = TEXT.splitlines()
SHAPES: dict[str, tuple[str | bytes, str]] = {
    "semicolons and decimal commas": (TEXT.replace(",", ";").replace(".", ","), "semicolon-separated"),
    "quoted decimal commas": (
        "\n".join(["a,b,y", *(",".join(f'"{v.replace(".", ",")}"' for v in row) for row in TABLE)]),
        "decimal comma",
    ),
    "tabs": (TEXT.replace(",", "\t"), "tab-separated"),
    "bars": (TEXT.replace(",", "|"), "bar-separated"),
    "aligned by spaces": (
        "\n".join("  ".join(f"{v:>8}" for v in line.split(",")) for line in LINES),
        "space-separated",
    ),
    "a byte-order mark": (TEXT.encode("utf-8-sig"), "UTF-8 with a byte-order mark"),
    "Latin-1": (TEXT.replace("a,", "größe,", 1).encode("latin-1"), "Latin-1"),
    "UTF-16": (TEXT.encode("utf-16"), "UTF-16"),
    "UTF-16 without its mark": (TEXT.encode("utf-16-le"), "utf_16_le"),
    "Windows line ends": (TEXT.replace("\n", "\r\n"), "comma-separated"),
    "gzip": (gzip.compress(TEXT.encode()), "comma-separated"),
    "a comment": ("# exported 2024, all of it\n" + TEXT, "comments left out"),
    "names in a comment": ("# " + TEXT, "names in a comment"),
    "a title above": ("Measurements of 2024\n\n" + TEXT, "a line above the table left out"),
    "blank lines": (TEXT.replace("\n", "\n\n", 5) + "   \n\n,,\n", "comma-separated"),
    "trailing commas": (TEXT.replace("\n", ",\n"), "comma-separated"),
    "trailing commas below the names": ("\n".join([LINES[0], *(line + "," for line in LINES[1:])]), "comma"),
    "spaces after commas": (TEXT.replace(",", ", "), "comma-separated"),
    "a line break in a name": (TEXT.replace("b,", '"b\n(kg)",', 1), "names in its first line"),
    "an index": (
        "\n".join(["," + LINES[0], *(f"{i},{line}" for i, line in enumerate(LINES[1:]))]),
        "taken for an index",
    ),
    "row names that the header leaves out": (
        "\n".join([LINES[0], *(f"row {i},{line}" for i, line in enumerate(LINES[1:]))]),
        "taken for an index",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_same_rows_are_the_same_data_however_they_are_written(shape: str, tmp_path: Path) -> None:
    content, said = SHAPES[shape]
    plain = own(write(tmp_path, TEXT, "plain.csv"))
    chosen = own(write(tmp_path, content))
    assert dict(chosen.options)["digest"] == dict(plain.options)["digest"]
    assert np.array_equal(raw_of(chosen).X, numbers()[:, :2])
    first, *rest = describe(chosen, 0)
    assert said in first
    assert "2 inputs" in rest[0]


def test_without_a_header_columns_are_called_by_number(tmp_path: Path) -> None:
    path = write(tmp_path, "\n".join(LINES[1:]))
    assert raw_of(own(path, "3")).digest == raw_of(own(write(tmp_path, TEXT, "plain.csv"))).digest
    assert "first line looks like data" in describe(own(path, "3"), 0)[0]
    with pytest.raises(ValueError, match=r"no column 'y'.*1, 2, 3.*looks like data"):
        own(path)


def test_years_above_numbers_are_names_where_the_user_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT.replace("a,b,y", "2019,2020,2021"))
    assert raw_of(own(path, "3")).X.shape == (61, 2)
    assert raw_of(own(path, "2021", header="yes")).X.shape == (60, 2)


def test_a_table_of_text_alone_has_its_names_in_the_first_line() -> None:
    from overshoot.study.problems.tables import _is_header

    assert _is_header(["city", "kind"], [["Bern", "x"], ["Basel", "y"]])
    assert not _is_header(["5.1", "setosa"], [["4.9", "setosa"], ["6.2", "virginica"]])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", ["a header and rows", "empty"]),
        ("a,b,y\n1,2,3\n4,5\n6,7,8\n", ["line 3", "2 values", "3 names"]),
        ("a,b,y\n1,2,3\n4,5,6,7\n6,7,8\n", ["line 3", "4 values", "3 names"]),
        ("a,a,y\n1,2,3\n", ["2 columns are called 'a'"]),
        (b"PK\x03\x04rest", ["a workbook or an archive", "save the table as CSV"]),
        (bytes(range(256)) * 4, ["not text in an encoding"]),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(
    content: str | bytes, said: list[str], tmp_path: Path
) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=r"data\.csv") as caught:
        read_text(str(path))
    for part in said:
        assert part in str(caught.value)


def test_a_missing_file_says_where_was_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ValueError, match=r"none\.csv: it cannot be read: No such file.*looked for /.*none\.csv"
    ):
        read_bytes("none.csv")
    with pytest.raises(ValueError, match="Is a directory"):
        read_bytes(str(tmp_path))


def test_the_user_may_say_how_a_file_is_written(tmp_path: Path) -> None:
    text = "цена,y\n" + "".join(f"{i % 7},{i}\n" for i in range(20))
    found = raw_of(own(write(tmp_path, text.encode("cp1251")), encoding="cp1251"))
    assert found.inputs == ("цена",)
    odd = TEXT.replace(",", "~")
    assert np.array_equal(raw_of(own(write(tmp_path, odd, "odd.csv"), separator="~")).X, numbers()[:, :2])
    with pytest.raises(ValueError, match="as ascii"):
        own(write(tmp_path, text), encoding="ascii")


def test_parquet_and_numpy_files_have_the_same_rows(tmp_path: Path) -> None:
    plain = raw_of(own(write(tmp_path, TEXT)))
    frame = pd.DataFrame(numbers(), columns=["a", "b", "y"])
    frame.to_parquet(tmp_path / "data.parquet")
    np.savez(tmp_path / "data.npz", X=numbers()[:, :2], y=numbers()[:, 2])
    assert raw_of(own(tmp_path / "data.parquet", kind="parquet")).digest == plain.digest
    arrays = raw_of(own(tmp_path / "data.npz", kind="npz"))
    assert arrays.digest == plain.digest
    assert arrays.inputs == ("X1", "X2")


def test_columns_of_other_types_in_a_parquet_file_are_understood(tmp_path: Path) -> None:
    frame = pd.DataFrame(numbers(), columns=["a", "b", "y"]).assign(
        flag=np.arange(60) % 2 == 0,
        kind=pd.Categorical(["x", "y", "z"] * 20),
        when=pd.date_range("2024-01-01", periods=60),
        count=pd.array([None, *range(59)], dtype="Int64"),
    )
    frame.to_parquet(tmp_path / "data.parquet")
    with pytest.raises(
        ValueError, match=r"'kind' has text \(x, y, z\); 'when' has dates .*'count' has 1 missing"
    ) as caught:
        own(tmp_path / "data.parquet", kind="parquet")
    assert "'flag'" not in str(caught.value)
    chosen = own(
        tmp_path / "data.parquet", kind="parquet", drop=("when",), categories="onehot", missing="drop"
    )
    assert raw_of(chosen).inputs == ("a", "b", "flag", "kind=x", "kind=y", "kind=z", "count")
    assert raw_of(chosen).X.shape == (59, 7)


@pytest.mark.parametrize("kind", ["parquet", "npz"])
def test_a_file_of_another_kind_is_one_sentence(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=rf"data\.{kind}: it cannot be read as"):
        own(write(tmp_path, TEXT, f"data.{kind}"), kind=kind)


def test_arrays_of_different_lengths_are_refused_with_their_shapes(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", X=np.zeros((5, 2)), y=np.zeros(4))
    with pytest.raises(ValueError, match=r"one length n, got X \(5, 2\), y \(4,\)"):
        own(tmp_path / "data.npz", kind="npz")
