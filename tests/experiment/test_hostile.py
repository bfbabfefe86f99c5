"""Files that nobody would write by hand: a sentence for each, and soon."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from overshoot.study.cli import Output, main
from overshoot.study.execution.cost import cost
from overshoot.study.experiment.reader import Reader
from overshoot.study.spec import SpecError, experiment, load, parse
from tests.experiment.test_spec import GOOD

NINES, HEX = "9" * 400, "0x" + "f" * 5000
TREE = tomllib.loads(GOOD) | {"budget": {"examples": 4000}, "search": {"trials": 8}, "limit": {"updates": 10}}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("low = 1e-3", f"low = {NINES}", "rates.low: expected a number from 1e-30 to 1e+30"),
        ("low = 1e-3", "low = 1e-320", "rates.low: expected a number from 1e-30"),
        ("high = 1.0", "high = 1e308", "rates.high: expected a number from 1e-30"),
        ("high = 1.0", f"high = {HEX}", "too large to be shown"),
        ("beta1 = 0.5", f"beta1 = {NINES}", "optimizers[1]"),
        ("beta1 = 0.5", f"beta1 = {HEX}", "optimizers[1]"),
        ("beta1 = 0.5", f"weight_decay = {NINES}", "optimizers[1]"),
        ("condition = 10", f"condition = {NINES}", "datasets[1]"),
        ("8]", f"{NINES}]", "batches[1]"),
        ("8]", f"{HEX}]", "batches[1]"),
        ("8]", f"{'9' * 5000}]", "not valid TOML: Exceeds the limit"),
        ("8]", f"{'[' * 900}8{']' * 900}]", "nested"),
        ("8]", "8, " + "[" * 90 + "]" * 90 + "]", "batches[2]"),
        ('"tiny"', '"artifacts"', "the results folder has it for itself"),
        ('"tiny"', '"MLFLOW.db"', "the results folder has it for itself"),
        ('"tiny"', f'"{"a" * 300}"', "name: expected at most 100 characters"),
        ("[rates]", f"{'x' * 300} = 1\n[rates]", "x...: unknown key"),
        (
            "[networks.linear]",
            f"[networks.{'n' * 300}]\nhidden = []\n[networks.linear]",
            "1 to 100 characters",
        ),
        ("hidden = []", f"hidden = [{NINES}]", "hidden[0]"),
        ("[rates]", f"seed = {NINES}\n[rates]", "seed: expected a whole number, 0 to 92233"),
        (
            "[rates]",
            f"search.trials = {10**9}\n[rates]",
            "search.trials: expected a whole number, 1 to 100000",
        ),
        ("[rates]", "limit.precision = 1e-20\n[rates]", "limit.precision: expected a number from 1e-06"),
    ],
)
def test_a_value_that_is_out_of_all_bounds_is_named(old: str, new: str, said: str) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(SpecError) as error:
        parse(text, "tiny.toml")
    assert said in str(error.value)
    assert len(str(error.value)) < 6000


def test_twenty_thousand_keys_are_twenty_faults() -> None:
    with pytest.raises(SpecError, match="19980 more") as error:
        parse("".join(f"key_{i} = {i}\n" for i in range(20_000)) + GOOD, "tiny.toml")
    assert str(error.value).count("\n") == 21


def test_a_million_cells_are_too_many() -> None:
    sizes = ", ".join(str(i) for i in range(1, 91))
    problems = '[[problems]]\ndatasets = ["iris"]\nnetwork = "n{0}"\n'
    networks = "[networks.n{0}]\nhidden = [{0}]\n"
    head = f'name = "many"\noptimizers = ["sgd", "adam"]\nbatches = [{sizes}]\n'
    text = head + "".join(networks.format(i) + problems.format(i) for i in range(1, 6000))
    with pytest.raises(SpecError, match=r"at most 1,000,000 cells in all, got 1,079,820"):
        parse(text, "many.toml")


@pytest.mark.parametrize("kind", ["device", "pipe", "folder", "large", "binary", "null"])
def test_a_file_that_is_no_experiment_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "file.toml"
    if kind == "device":
        file = Path("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "large":
        file.write_bytes(b"#" * 1_000_001)
    elif kind == "binary":
        file.write_bytes(bytes(range(256)))
    else:
        file = Path("a\0b.toml")
    with pytest.raises(SpecError, match="cannot be read"):
        load(file)


def leaves(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to each value of a tree of tables and lists, tables and lists included."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for key, value in inner for found in leaves(value, (*path, key)))]


def replaced(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    tree = copy.deepcopy(tree)
    at = tree
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    return tree


NUMBERS = st.sampled_from([0, -1, 1, 2, 10**400, 1e308, 1e-320, float("nan"), float("inf"), -0.0, True])
TEXTS = st.sampled_from(["", "full", "adam", "iris", "[red]", "a/b", "..", "\0", "x" * 10_000, "name"])
HUGE = st.just("").map(lambda _: 16**5000)  # Python writes out no such number
SCALARS = NUMBERS | HUGE | TEXTS | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
    max_leaves=6,
)
PLACES = st.sampled_from(leaves(TREE)[1:])


@settings(max_examples=400)
@given(PLACES, VALUES)
def test_any_value_in_any_place_is_read_or_refused(path: tuple[Any, ...], value: Any) -> None:
    tree = replaced(TREE, path, value)
    try:
        found = experiment(Reader("tiny.toml", "", tree), "", Path())
    except SpecError:
        return
    for cell in found.cells[:2]:
        assert cost(cell).trials > 0


@settings(max_examples=300)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda b: b.decode("latin-1")))
@example("a = " + "[" * 5000)
@example("a." * 3000 + "b = 1")
@example("a = 1979-13-45T99:99:99")
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises(SpecError):
        parse(text, "tiny.toml")


ARGUMENTS = st.lists(
    st.sampled_from(
        [
            *(
                "run",
                "report",
                "explain",
                "compare",
                "estimate",
                "list",
                "optimizers",
                "--results",
                "--workers",
            ),
            *(
                "--copy",
                "/dev/zero",
                "[red]x[/nothing]",
                "a\0b",
                "9" * 400,
                "-1",
                "",
                "x" * 5000,
                "@latest",
                "...",
            ),
        ]
    )
    | st.text(max_size=6),
    max_size=5,
)


@settings(max_examples=150)
@given(ARGUMENTS)
def test_any_arguments_are_understood_or_refused(arguments: list[str]) -> None:
    try:
        status = main(arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    assert status in (0, 2)


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_closed_output_is_no_traceback(closed: str) -> None:
    command = f"{sys.executable} -m study list schedules {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_brackets_in_a_name_are_no_markup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They were rich's, which ended a run with a traceback in place of a cell's own error."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "[red]a" / "b] :x:"
    folder.mkdir(parents=True)
    text = GOOD.replace("[networks.linear]", '[networks."[/red]"]').replace('"linear"', '"[/red]"')
    (folder / "[x].toml").write_text(text)
    assert main(["estimate", str(folder / "[x].toml")]) == 0
    console = Output(width=200)
    console.print("failed: iris/[/red] sgd :x:", style="red")
    assert "iris/[/red] sgd :x:" in capsys.readouterr().out
    assert main(["list", "--results", str(folder)]) == 2
    assert "[red]a/b] :x:" in capsys.readouterr().err


def test_a_name_commands_no_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.toml"
    file.write_text(GOOD.replace("name = ", 'name = "a\\u001b[31m\\u202eb" # ', 1))
    assert main(["estimate", str(file)]) == 2
    assert 'got "a\\x1b[31m\\u202eb"' in capsys.readouterr().err
