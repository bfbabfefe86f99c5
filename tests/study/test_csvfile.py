"""A user's own data: what is read as what, and what is refused in which words."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from study.experiment.cells import Choice, restore
from study.experiment.spec import SpecError, parse
from study.problems import csvfile
from study.problems.datasets import load, pinned, task_of, train_size
from study.problems.problem import problem_of
from tests.study.builders import cell

ROWS = [f"{i},{(7 * i) % 10},{3 * i + 1}.5,{'yes' if i % 2 else 'no'}" for i in range(20)]
TEXT = "\n".join(["age, weight,price,sold", *ROWS]) + "\n"


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "houses.csv"
    file.write_text(TEXT, encoding="utf-8")
    return str(file)


def rewritten(path: str, old: str, new: str) -> str:
    text = Path(path).read_text(encoding="utf-8")
    assert old in text
    Path(path).write_text(text.replace(old, new), encoding="utf-8")
    return path


def without(path: str, column: int) -> str:
    lines = [line.split(",") for line in TEXT.splitlines()]
    kept = [",".join(line[:column] + line[column + 1 :]) for line in lines]
    Path(path).write_text("\n".join(kept), encoding="utf-8")
    return path


def test_numbers_are_a_regression(path: str) -> None:
    X, y, task = csvfile.read(without(path, 3), "price")
    assert task == "real"
    np.testing.assert_array_equal(y, [3 * i + 1.5 for i in range(20)])
    np.testing.assert_array_equal(X, [[i, (7 * i) % 10] for i in range(20)])


def test_text_and_two_values_are_classes(path: str) -> None:
    _, y, task = csvfile.read(path, "sold")
    assert task == "binary"
    np.testing.assert_array_equal(y, [i % 2 for i in range(20)])
    rewritten(path, "yes", "1")
    assert csvfile.read(rewritten(path, "no", "0"), "sold")[2] == "binary"


def test_the_user_may_say_what_a_column_of_numbers_is(path: str) -> None:
    lines = [f"{i},{i % 3}" for i in range(30)]
    Path(path).write_text("\n".join(["\ufeffx,kind", *lines]), encoding="utf-8")
    assert csvfile.read(path, "kind")[2] == "real"
    X, y, task = csvfile.read(path, "kind", "classes")
    assert (X[7, 0], y[7], task) == (7, 1, "classes")


@pytest.mark.parametrize(
    ("old", "new", "target", "said"),
    [
        ("age", "age", "prise", ["no column 'prise'", 'did you mean "price"', "age, weight, price, sold"]),
        ("3,1,10.5", "3,red,10.5", "sold", ["line 5", "'weight'", "'red'", "inputs are numbers"]),
        ("3,1,10.5", "3,,10.5", "sold", ["line 5", "'weight'", "missing"]),
        ("3,1,10.5", "3,nan,10.5", "sold", ["line 5", "'weight'", "nan", "not finite"]),
        ("3,1,10.5", "3,inf,10.5", "sold", ["line 5", "'weight'", "inf", "not finite"]),
        ("3,1,10.5,yes", "3,1,10.5,", "sold", ["line 5", "'sold'", "missing"]),
        ("3,1,10.5", "3,10.5", "sold", ["line 5", "3 values", "has 4"]),
        ("age", "age", "price", ["line 2", "'sold'", "'no'", "inputs are numbers"]),
        ("yes", "no", "sold", ["'sold'", "'no' throughout", "nothing to learn"]),
        ("19,3,58.5,yes", "19,3,58.5,maybe", "sold", ["1 of class 'maybe'", "at least 5"]),
        (" weight", "price", "sold", ["2 columns are called 'price'"]),
        (TEXT, "", "sold", ["lines: 0"]),
        (TEXT, "x,sold\n", "sold", ["a header and samples", "lines: 1"]),
        (TEXT, "x,sold\n1,yes\n", "sold", ["1 sample,", "at least 10"]),
        (TEXT, "x,sold\n" + "1,yes\n1,no\n" * 9, "sold", ["no input varies"]),
        (TEXT, "sold\n" + "yes\nno\n" * 9, "sold", ["no input varies"]),
        (TEXT, "x,y\n" + "".join(f"{i},3.5\n" for i in range(20)), "y", ["'3.5' throughout"]),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(
    path: str, old: str, new: str, target: str, said: list[str]
) -> None:
    rewritten(path, old, new)
    with pytest.raises(ValueError, match=re.escape(path)) as caught:
        csvfile.read(path, target)
    for part in said:
        assert part in str(caught.value)


def test_files_that_cannot_be_read_say_why(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.csv: cannot be read: No such file"):
        csvfile.read(str(tmp_path / "none.csv"), "y")
    with pytest.raises(ValueError, match="Is a directory"):
        csvfile.read(str(tmp_path), "y")
    (tmp_path / "latin.csv").write_bytes("größe,y\n".encode("latin-1"))
    with pytest.raises(ValueError, match="not UTF-8"):
        csvfile.read(str(tmp_path / "latin.csv"), "y")


def choice(path: str, **options: str) -> Choice:
    return pinned(Choice("csv", tuple(sorted({"path": path, "target": "sold", **options}.items()))))


def test_it_is_split_and_scaled_like_any_other_dataset(path: str) -> None:
    chosen = choice(path)
    split = load(chosen, 0)
    assert task_of(chosen) == split.task == "binary"
    assert [len(split.y[part]) for part in ("train", "validation", "test")] == [12, 4, 4]
    assert train_size(chosen) == 12
    np.testing.assert_allclose(split.X["train"].mean(axis=0), 0, atol=1e-12)


def test_constant_inputs_among_others_take_no_part(path: str) -> None:
    rewritten(path, "age, weight", "age,weight,constant")
    Path(path).write_text(
        "\n".join([f"{line},{'constant' if not i else 3}" for i, line in enumerate(TEXT.splitlines())]),
        encoding="utf-8",
    )
    split = load(choice(path), 0)
    assert not split.X["train"][:, 3].any()
    assert np.isfinite(problem_of(cell("csv", path=path, target="sold")).best_loss)


def test_other_content_is_another_cell(path: str) -> None:
    before = choice(path)
    rewritten(path, "3,1,10.5", "3,1,11.5")
    after = choice(path)
    assert before.id == after.id == "csv(path=houses.csv, target=sold)"
    assert before != after
    with pytest.raises(ValueError, match="has changed since"):
        load(before, 0)


EXPERIMENT = """
name = "mine"
optimizers = ["sgd"]
batches = ["full"]
[networks.linear]
hidden = []
[[problems]]
datasets = [{{ name = "csv", path = '{path}'{rest} }}]
network = "linear"
"""


def test_an_experiment_names_it_with_its_path_and_target(path: str) -> None:
    (only,) = parse(EXPERIMENT.format(path=path, rest=', target = "sold"'), "mine.toml").cells
    assert only.label == "csv(path=houses.csv, target=sold)/linear sgd batch full"
    assert restore(only.definition) == only


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("", ["csv: target is missing"]),
        (', target = "sodl"', ["no column 'sodl'", 'did you mean "sold"']),
        (", target = 3", ["csv: target must be text, got 3"]),
        (', target = "sold", task = "clases"', ["csv: task must be one of auto, classes, real", '"classes"']),
        (', traget = "sold"', ["unknown option 'traget'", 'did you mean "target"']),
    ],
)
def test_a_mistake_in_an_experiment_is_named_with_its_place(path: str, rest: str, said: list[str]) -> None:
    with pytest.raises(SpecError) as caught:
        parse(EXPERIMENT.format(path=path, rest=rest), "mine.toml")
    for part in ["mine.toml: problems[0].datasets[0]", *said]:
        assert part in str(caught.value)
