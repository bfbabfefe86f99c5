"""Data of one's own: their identity is their content, and what cannot be trained on is one sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from overshoot.study.commands.advise import advise, question
from overshoot.study.experiment.cells import Cell, Choice, restore
from overshoot.study.problems import datasets
from overshoot.study.problems.datasets import load, raw_of, task_of, train_size
from overshoot.study.problems.description import describe
from overshoot.study.problems.problem import problem_of
from overshoot.study.problems.splitting import parts_of
from overshoot.study.spec import SpecError, parse
from tests.builders import cell
from tests.problems.files import ROWS, TEXT, numbers, own, with_column, with_target, write

EXPERIMENT = """
name = "mine"
seed = 3
optimizers = ["sgd"]
batches = ["full"]
[networks.linear]
hidden = []
[[problems]]
datasets = [{datasets}]
network = "linear"
"""


def experiment(*entries: str) -> str:
    return EXPERIMENT.format(datasets=", ".join(entries))


def limit(path: Path, **options: object) -> float:
    """The exact limit of gradient descent by `advise`."""
    asked = question(
        str(path), {"target": "y", **options}, hidden=(), optimizers=["sgd"], batches=["full"], seed=3
    )
    rate = advise(asked[0]).prediction.rate
    assert rate is not None
    return rate


def test_one_table_under_two_names_has_one_limit_by_advice_and_in_a_study(tmp_path: Path) -> None:
    one, other = write(tmp_path, TEXT, "ok.csv"), write(tmp_path, TEXT.replace(",", "\t"), "copy.tsv")
    text = experiment('{ name = "csv", path = "ok.csv", target = "y" }')
    (only,) = parse(text, "mine.toml", tmp_path).cells
    curvature = np.linalg.eigvalsh(problem_of(only).exact.rows[0].T @ problem_of(only).exact.rows[0] / 36)[-1]
    assert limit(one) == limit(other) == pytest.approx(2 / curvature, rel=1e-6)
    studied, advised = problem_of(only), problem_of(cell_of(other))
    assert np.array_equal(studied.split.X["test"], advised.split.X["test"])
    assert studied.order("sweep-0") == advised.order("sweep-0")
    assert studied.best_loss == advised.best_loss


def cell_of(path: Path) -> Cell:
    return question(str(path), {"target": "y"}, hidden=(), optimizers=["sgd"], batches=["full"], seed=3)[0]


def test_another_value_or_target_is_other_data(tmp_path: Path) -> None:
    plain = own(write(tmp_path, TEXT))
    changed = own(write(tmp_path, TEXT.replace("0.1257", "0.1258", 1), "changed.csv"))
    assert raw_of(plain).digest != raw_of(changed).digest
    assert raw_of(plain).digest != raw_of(own(tmp_path / "data.csv", "a")).digest


def test_a_file_that_changes_is_other_data_and_what_was_pinned_is_not_mistaken_for_it(tmp_path: Path) -> None:
    path = write(tmp_path, TEXT)
    before = own(path)
    write(tmp_path, TEXT.replace("0.1257", "0.1258", 1))
    assert own(path) != before
    with pytest.raises(ValueError, match="has changed since"):
        load(before, 0)


def test_two_files_of_one_name_are_two_datasets_and_a_label_names_them(tmp_path: Path) -> None:
    for folder, text in (("one", TEXT), ("two", with_target([str(i) for i in range(ROWS)]))):
        (tmp_path / folder).mkdir()
        write(tmp_path / folder, text)
    entries = [f'{{ name = "csv", path = "{folder}/data.csv", target = "y" }}' for folder in ("one", "two")]
    cells = parse(experiment(*entries), "mine.toml", tmp_path).cells
    assert [c.dataset.id.split(" ")[0] for c in cells] == ["one/data.csv", "two/data.csv"]
    assert len({c.key for c in cells}) == 2
    (named,) = parse(experiment(entries[0].replace(" }", ', label = "houses" }')), "m.toml", tmp_path).cells
    assert named.dataset.id == "houses"
    with pytest.raises(SpecError, match="once"):
        parse(experiment(entries[0], entries[0]), "mine.toml", tmp_path)


def test_where_a_file_lies_makes_no_difference_to_its_cells(tmp_path: Path) -> None:
    write(tmp_path, TEXT)
    (tmp_path / "moved").mkdir()
    shutil.copy(tmp_path / "data.csv", tmp_path / "moved")
    entry = '{ name = "csv", path = "data.csv", target = "y" }'
    (one,), (other,) = (parse(experiment(entry), "m.toml", tmp_path / f).cells for f in ("", "moved"))
    assert one.dataset != other.dataset
    assert one.key == other.key
    assert restore(one.definition) == one


def test_paths_begin_at_the_experiment_file_and_home_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, TEXT)
    monkeypatch.setenv("HOME", str(tmp_path))
    (only,) = parse(
        experiment('{ name = "csv", path = "~/data.csv", target = "y" }'), "m.toml", Path("/")
    ).cells
    assert dict(only.dataset.options)["path"] == str(path)
    with pytest.raises(SpecError, match=rf"problems\[0\]\.datasets\[0\].*{tmp_path}/none\.csv"):
        parse(experiment('{ name = "csv", path = "none.csv", target = "y" }'), "m.toml", tmp_path)


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        ("", ["csv: target is missing"]),
        (', target = "yy"', ["no column 'yy'", 'did you mean "y"']),
        (", target = 3", ["csv: target must be text, got 3"]),
        (', target = "y", task = "clases"', ["csv: task must be one of auto, classes, real", '"classes"']),
        (', target = "y", missing = "men"', ["missing must be one of refuse, drop, mean", '"mean"']),
        (', target = "y", drop = "a"', ["drop must be a list of names of columns, got 'a'"]),
        (', traget = "y"', ["unknown option 'traget'", 'did you mean "target"']),
    ],
)
def test_a_mistake_in_an_experiment_is_named_with_its_place(
    rest: str, said: list[str], tmp_path: Path
) -> None:
    write(tmp_path, TEXT)
    with pytest.raises(SpecError) as caught:
        parse(experiment(f'{{ name = "csv", path = "data.csv"{rest} }}'), "mine.toml", tmp_path)
    for part in ["mine.toml: problems[0].datasets[0]", *said]:
        assert part in str(caught.value)


def test_it_is_split_and_scaled_by_the_training_rows(tmp_path: Path) -> None:
    chosen = own(write(tmp_path, TEXT))
    split = load(chosen, 0)
    assert task_of(chosen) == split.task == "real"
    assert [len(split.y[part]) for part in ("train", "validation", "test")] == [36, 12, 12]
    assert train_size(chosen) == 36
    np.testing.assert_allclose(split.X["train"].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(split.X["train"].std(axis=0), 1)
    assert (split.y["train"].mean(), split.y["train"].std()) == pytest.approx((1, 1))
    assert abs(split.X["test"].mean()) > 1e-3


def test_unscaled_data_are_as_they_are(tmp_path: Path) -> None:
    split = load(own(write(tmp_path, TEXT), scaling="none", target_scaling="none"), 0)
    everything = np.column_stack([np.vstack([*split.X.values()]), np.concatenate([*split.y.values()])])
    assert np.array_equal(np.sort(everything, axis=0), np.sort(numbers(), axis=0))


def test_missing_values_are_filled_in_with_the_mean_of_the_training_rows(tmp_path: Path) -> None:
    values = numbers()[:, 0].astype(str)
    values[[3, 9]] = "NA"
    chosen = own(write(tmp_path, with_column("c", list(values))), missing="mean")
    parts = load(chosen, 0).X
    assert sum((part[:, 0] == 0).sum() for part in parts.values()) == 2
    unscaled = np.vstack([*load(own(tmp_path / "data.csv", missing="mean", scaling="none"), 0).X.values()])
    known = load(own(tmp_path / "data.csv", missing="mean", scaling="none"), 0).X["train"][:, 0]
    filled = np.setdiff1d(unscaled[:, 0], numbers()[:, 0])
    assert len(filled) == 1
    assert filled[0] == pytest.approx(known[known != filled[0]].mean())


@pytest.mark.parametrize("first", [0, 453201511283000, 4532015112830000, 12345678901234567890])
def test_ids_of_any_length_are_scaled_as_short_ones(first: int, tmp_path: Path) -> None:
    path = write(tmp_path, with_column("id", [str(first + i) for i in range(ROWS)]))
    chosen = own(path)
    train = load(chosen, 0).X["train"][:, 0]
    rows = parts_of(
        raw_of(chosen), "real", {p: datasets._split_seed(0, chosen, p) for p in ("test", "validation")}
    )
    counted = rows["train"].astype(float)
    np.testing.assert_allclose(train, (counted - counted.mean()) / counted.std(), rtol=1e-12)
    assert limit(path) > 1


@pytest.mark.parametrize("size", ["e200", "e-200", "e306", "e-300"])
def test_values_of_any_size_are_as_good_as_others(size: str, tmp_path: Path) -> None:
    text = TEXT.splitlines()
    sized = "\n".join([text[0], *(",".join(v + size for v in line.split(",")) for line in text[1:])])
    plain, large = own(write(tmp_path, TEXT)), own(write(tmp_path, sized, "sized.csv"))
    for part in (
        "train",
        "validation",
        "test",
    ):  # another split, so other rows: what counts is finite and of size 1
        assert np.isfinite(load(large, 0).X[part]).all()
        assert 0.1 < np.abs(load(large, 0).X[part]).mean() < 3
    assert load(large, 0).y["train"].std() == pytest.approx(load(plain, 0).y["train"].std())


def test_values_too_large_to_train_on_unscaled_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, with_target([f"{i}e200" for i in range(1, ROWS + 1)]))
    with pytest.raises(
        ValueError, match=r"the target has .*e\+20., too large to train on unscaled: standardise"
    ):
        own(path, target_scaling="none")


def refusal(path: Path, seed: int, **options: object) -> str:
    """What is said of a file that cannot be learnt from with this seed; nothing where it can."""
    try:
        own(path, seed=seed, **options)
    except ValueError as error:
        return str(error)
    return ""


def test_an_outlier_beyond_all_bounds_of_the_training_rows_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, with_column("c", ["1e300", *(str(i % 5) for i in range(ROWS - 1))]))
    said = [refusal(path, seed) for seed in range(12)]
    assert 0 < said.count("") < 12
    assert all("'c' has a" in text and "is it an outlier" in text for text in said if text)


def test_what_varies_only_outside_the_training_rows_is_a_sentence(tmp_path: Path) -> None:
    rainy = write(tmp_path, with_target(["0"] * 59 + ["1.5"]))
    still = write(tmp_path, "x,y\n" + "".join(f"{5 if i else 6},{i}\n" for i in range(ROWS)), "still.csv")
    for path, what in ((rainy, "the target"), (still, "every input")):
        said = {seed: refusal(path, seed, task="real") for seed in range(12)}
        assert 0 < sum(map(bool, said.values())) < 12
        assert all(f"seed {k}: {what} is constant in the 36 training rows" in v for k, v in said.items() if v)


def test_an_input_that_is_constant_takes_no_part_and_is_said(tmp_path: Path) -> None:
    chosen = own(write(tmp_path, with_column("c", ["0.1"] * ROWS)))
    assert not any(part[:, 0].any() for part in load(chosen, 0).X.values())
    assert "Constant in the training rows, and so of no effect: c." in describe(chosen, 0)
    assert np.isfinite(problem_of(cell_with(chosen)).best_loss)


def cell_with(chosen: Choice) -> Cell:
    return cell(chosen.name, **dict(chosen.options))


def test_data_that_were_kept_stand_in_for_a_file_that_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "KEPT", {})
    chosen = own(write(tmp_path, TEXT))
    raw, split = raw_of(chosen), load(chosen, 0)
    (tmp_path / "data.csv").unlink()
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        load(chosen, 0)
    datasets.keep(raw)
    assert np.array_equal(load(chosen, 0).X["train"], split.X["train"])
