"""What columns hold: recognised and said, or refused, all of them in one message with the way on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from overshoot.study.problems.datasets import raw_of
from overshoot.study.problems.description import describe
from tests.problems.files import ROWS, TABLE, TEXT, cycle, own, with_column, with_target, write


def said(path: Path, **options: object) -> str:
    return "\n".join(describe(own(path, **options), 0))


def test_numbers_are_a_regression_and_text_and_two_values_are_classes(tmp_path: Path) -> None:
    assert raw_of(own(write(tmp_path, TEXT))).task == "real"
    for name, labels in (("words", ("no", "yes")), ("numbers", ("0", "1"))):
        raw = raw_of(own(write(tmp_path, with_target(cycle(*labels)), f"{name}.csv")))
        assert (raw.task, raw.labels) == ("binary", labels)
        assert np.array_equal(raw.y, np.arange(ROWS) % 2)
    raw = raw_of(own(write(tmp_path, with_target(cycle("9", "10", "11")), "whole.csv"), task="classes"))
    assert (raw.task, raw.labels) == ("classes", ("9", "10", "11"))


def test_few_whole_numbers_are_a_regression_that_is_said_with_the_other_way(tmp_path: Path) -> None:
    path = write(tmp_path, with_target(cycle("0", "1", "2")))
    assert "Warning: the target 'y' has 3 different whole numbers and is taken for a regr" in said(path)
    assert 'task = "classes" takes each for a class' in said(path)
    assert "3 classes (0 20, 1 20 and 2 20)" in said(path, task="classes")


@pytest.mark.parametrize("words", [("TRUE", "FALSE"), ("yes", "No"), ("t", "f")])
def test_truth_values_are_zero_and_one_and_that_is_said(words: tuple[str, str], tmp_path: Path) -> None:
    path = write(tmp_path, with_column("flag", cycle(*words)))
    assert np.array_equal(raw_of(own(path)).X[:, 0], (np.arange(ROWS) + 1) % 2)
    assert "'flag': true is 1 and false is 0." in said(path)


def test_all_offending_columns_are_in_one_message_with_the_way_on(tmp_path: Path) -> None:
    days = [f"2024-01-{i % 28 + 1:02d}" for i in range(ROWS)]
    areas = ["NA" if i == 7 else str(i * i) for i in range(ROWS)]
    rooms = ["red" if i == 4 else str(i % 5) for i in range(ROWS)]
    columns = (
        days,
        cycle("Bern", "Basel", "Chur"),
        areas,
        rooms,
        *zip(*[(r[0], r[2]) for r in TABLE], strict=True),
    )
    rows = [",".join(row) for row in zip(*columns, strict=True)]
    path = write(tmp_path, "\n".join(["when,city,area,rooms,a,y", *rows]))
    with pytest.raises(ValueError, match=r"data\.csv") as caught:
        own(path)
    for part in (
        "'when' has dates (2024-01-01, ",
        "'city' has text (Bern, Basel, Chur)",
        "'area' has 1 missing value (NA; the first in line 9)",
        "'rooms' has 'red' among numbers (line 6)",
        'drop = ["when", "city", "rooms"]',
        'categories = "onehot"',
        'missing = "drop" leaves out 1 row of 60',
        'missing = "mean"',
    ):
        assert part in str(caught.value)
    asked = own(path, drop=("when", "rooms"), categories="onehot", missing="drop")
    assert raw_of(asked).inputs == ("city=Basel", "city=Bern", "city=Chur", "area", "a")
    assert raw_of(asked).X.shape == (59, 5)
    assert "1 row of 60 left out" in "\n".join(describe(asked, 0))


@pytest.mark.parametrize("mark", ["NA", "", "?", "nan", "N/A", "-", "NULL", "#N/A"])
def test_every_mark_of_a_missing_value_is_one(mark: str, tmp_path: Path) -> None:
    lines = TEXT.splitlines()
    lines[5] = f"{mark},{lines[5].split(',', 1)[1]}"
    path = write(tmp_path, "\n".join(lines))
    with pytest.raises(ValueError, match=r"'a' has 1 missing value .*line 6"):
        own(path)
    assert raw_of(own(path, missing="drop")).X.shape == (59, 2)
    filled = raw_of(own(path, missing="mean"))
    assert filled.X.shape == (60, 2)
    assert np.isnan(filled.X).sum() == 1


def test_a_missing_label_is_never_a_class(tmp_path: Path) -> None:
    path = write(tmp_path, with_target(cycle("yes", "no", "?")))
    with pytest.raises(ValueError, match=r"'y' has 20 missing values \(\?; the first in line 4\)"):
        own(path)
    for way in ("drop", "mean"):
        assert raw_of(own(path, missing=way)).labels == ("no", "yes")
    assert "? in 'y' is taken for missing" in said(path, missing="drop")


def test_labels_that_differ_in_case_alone_and_rare_ones_are_warned_of(tmp_path: Path) -> None:
    path = write(tmp_path, with_target(cycle("Yes", "No", "yes")))
    assert "the labels 'Yes' and 'yes' of 'y' differ in case alone" in said(path)
    path = write(tmp_path, with_target(["rare"] * 5 + ["usual"] * 55), "rare.csv")
    assert "very different size: 55 of 'usual', 5 of 'rare'" in said(path)


def test_columns_like_ids_are_warned_of(tmp_path: Path) -> None:
    path = write(tmp_path, with_column("order", [str(1000 + i) for i in range(ROWS)]))
    assert "'order' is another whole number in every row, like an id" in said(path)
    path = write(tmp_path, with_column("area", [str(100 + 37 * i) for i in range(ROWS)]), "area.csv")
    assert "like an id" not in said(path)


@pytest.mark.parametrize(
    ("written", "numbers", "remark"),
    [
        ("${}", 1.5, "has numbers with $"),
        ("{} €", 1.5, "has numbers with €"),
        ("{}%", 1.5, "has numbers with %"),
        ("-${}", -1.5, "has numbers with $"),
    ],
)
def test_money_and_percent_are_recognised_and_said(
    written: str, numbers: float, remark: str, tmp_path: Path
) -> None:
    path = write(tmp_path, with_column("price", [written.format(f"{i + 1.5:.2f}") for i in range(ROWS)]))
    assert raw_of(own(path)).X[0, 0] == numbers
    assert remark in said(path)


@pytest.mark.parametrize(
    ("values", "separator", "number"),
    [
        (['"1,037"', '"1,237,000"'], ",", 1037),
        (['"$1,037.50"', '"$2,000.25"'], ",", 1037.5),
        (["1.037,5", "2.000.000,25"], ";", 1037.5),
        (["1 037,5", "2 000,25"], ";", 1037.5),
        (["1'037.5", "2'000.25"], ",", 1037.5),
    ],
)
def test_thousands_separators_are_recognised_and_said(
    values: list[str], separator: str, number: float, tmp_path: Path
) -> None:
    rows = [f"{i % 7}{separator}{values[i % 2]}{separator}{i}" for i in range(ROWS)]
    path = write(tmp_path, "\n".join([separator.join(["a", "price", "y"]), *rows]))
    assert raw_of(own(path)).X[0, 1] == number
    assert "has thousands separators, as in" in said(path) or "$ and thousands separators" in said(path)


def test_a_comma_that_may_be_either_is_asked_about(tmp_path: Path) -> None:
    path = write(tmp_path, "a;y\n" + "".join(f"{i + 1},{100 + i};{i % 7}\n" for i in range(ROWS)))
    with pytest.raises(
        ValueError, match=r"'a' has numbers such as 1,100: decimal = .* says what the comma is"
    ):
        own(path)
    assert raw_of(own(path, decimal=",")).X[0, 0] == 1.1
    assert raw_of(own(path, decimal=".")).X[0, 0] == 1100


def test_mixed_units_are_refused_with_the_column(tmp_path: Path) -> None:
    path = write(tmp_path, with_column("price", cycle("$1.50", "2.50")))
    with pytest.raises(ValueError, match=r"'price' has numbers with and without units \(\$, none\)"):
        own(path)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (TEXT.replace("a,", "age,", 1), ["no column 'aeg'", 'did you mean "age"', "age, b, y"]),
        (with_column("c", ["inf", *["1"] * 59]), ["'c' has inf (line 2), which is not finite"]),
        (with_target(["3.5"] * ROWS), ["'3.5' throughout", "nothing to learn"]),
        (with_target(["yes"] * 58 + ["no"] * 2), ["2 of class 'no'", "at least 5"]),
        ("a,y\n1,2\n", ["1 sample,", "at least 10"]),
        ("a,y\n" + "1,2\n1,3\n" * 9, ["no input varies"]),
        ("y\n" + "1\n2\n3\n" * 9, ["no input varies"]),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(content: str, expected: list[str], tmp_path: Path) -> None:
    path = write(tmp_path, content)
    with pytest.raises(ValueError, match=r"data\.csv") as caught:
        own(path, inputs=("aeg",)) if "age" in content else own(path)
    for part in expected:
        assert part in str(caught.value)


def test_chosen_inputs_come_in_their_order_and_dropped_ones_do_not(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    assert raw_of(own(path, inputs=("b", "a"))).inputs == ("b", "a")
    assert raw_of(own(path, drop=("a",))).inputs == ("b",)
    assert raw_of(own(path, "a")).inputs == ("b", "y")


def test_empty_columns_are_left_out_and_said(tmp_path: Path) -> None:
    path = write(tmp_path, with_column("notes", cycle("")))
    assert raw_of(own(path)).inputs == ("a", "b")
    assert "no values in 'notes': left out" in said(path)
