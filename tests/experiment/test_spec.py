"""Experiment files: what is refused, and that the refusal says where, what and what instead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from overshoot.study.experiment.cells import PROTOCOL, Rates, restore
from overshoot.study.phases.edge import EdgeSettings, settings_of
from overshoot.study.spec import Experiment, SpecError, load, parse

GOOD = """
name = "tiny"
optimizers = ["sgd", { name = "adam", beta1 = 0.5 }]
batches = ["full", 8]
[rates]
low = 1e-3
high = 1.0
[networks.linear]
hidden = []
[[problems]]
datasets = ["iris", { name = "ill_conditioned", condition = 10 }]
network = "linear"
"""


def test_the_experiments_that_come_with_the_project_are_valid() -> None:
    files = sorted(Path("experiments").glob("*.toml"))
    assert {"study.toml", "quick.toml"} <= {f.name for f in files}
    for file in files:
        experiment = load(file)
        assert experiment.name == file.stem
        assert len({cell.key for cell in experiment.cells}) == len(experiment.cells)
        for cell in experiment.cells:
            again = restore(cell.definition)
            assert again == cell
            assert again.key == cell.key


def test_a_cell_of_another_version_is_not_restored() -> None:
    definition = parse(GOOD, "tiny.toml").cells[0].definition
    for old, new in (('"strategy"', '"batch"'), ('"low"', '"lowest"')):
        with pytest.raises(ValueError, match=old.strip('"')):
            restore(definition.replace(old, new))
    with pytest.raises(ValueError, match="written by an earlier version of this program"):
        restore(definition.replace(f'"version": {PROTOCOL}', '"version": 3'))
    with pytest.raises(ValueError, match="written by an earlier version of this program"):
        restore(definition.replace(f' "version": {PROTOCOL},', ""))


def test_the_default_study_covers_what_it_promises() -> None:
    cells = load(Path("experiments/study.toml")).cells
    assert len({c.dataset.name for c in cells}) >= 8
    assert len({c.optimizer.name for c in cells}) >= 7
    assert len({c.strategy for c in cells}) >= 4


def test_cells_are_the_product_of_problems_optimizers_and_batches() -> None:
    experiment = parse(GOOD, "tiny.toml")
    assert len(experiment.cells) == 2 * 2 * 2
    assert experiment.cells[0].label == "iris/linear sgd batch full"
    assert experiment.cells[-1].label == "ill_conditioned(condition=10)/linear adam(beta1=0.5) batch 8"
    assert experiment.cells[0].rates == Rates(1e-3, 1.0, 3)


def test_without_rates_each_optimizer_has_its_own_range() -> None:
    without = GOOD.replace("[rates]\nlow = 1e-3\nhigh = 1.0\n", "")
    assert parse(without, "tiny.toml").cells[0].rates == Rates(1e-5, 1e2, 3)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"sgd"', '"sdg"', ["optimizers[0]", '"sdg"', 'did you mean "sgd"', "adam"]),
        ("beta1 = 0.5", "beta1 = 1.5", ["optimizers[1]", "beta1", "1.5", "[0, 1)"]),
        ("beta1 = 0.5", "bta1 = 0.5", ["optimizers[1]", "'bta1'", 'did you mean "beta1"']),
        ("beta1 = 0.5", "lr = -0.1", ["optimizers[1]", "lr", "-0.1"]),
        ("beta1 = 0.5", "lr = 0", ["optimizers[1]", "lr"]),
        ("beta1 = 0.5", 'beta1 = "x"', ["optimizers[1]", "beta1", "number"]),
        ("beta1 = 0.5", "beta1 = true", ["optimizers[1]", "beta1", "number"]),
        ("beta1 = 0.5", "beta1 = [0.5, 0.6]", ["optimizers[1]", "one number"]),
        ('["sgd", { name = "adam", beta1 = 0.5 }]', "[]", ["optimizers", "at least one"]),
        ('["sgd", { name = "adam", beta1 = 0.5 }]', '["sgd", "sgd"]', ["optimizers", "2 times"]),
        ("low = 1e-3", "low = -1e-3", ["rates.low", "-0.001", "above 0"]),
        ("low = 1e-3", 'low = "small"', ["rates.low", '"small"', "number"]),
        ("low = 1e-3", "low = inf", ["rates.low", "inf"]),
        ("low = 1e-3", "low = nan", ["rates.low", "nan"]),
        ("high = 1.0", "high = 1e-4", ["rates.high", "ten times"]),
        ("high = 1.0", "hihg = 1.0", ["rates.high", "missing", '"hihg"']),
        ("high = 1.0", "high = 1.0\nper_decad = 2", ["rates.per_decad", 'did you mean "per_decade"']),
        ("high = 1.0", "high = 1.0\nper_decade = 0", ["rates.per_decade", "1 to 100"]),
        ('"full", 8', '"full", 0', ["batches[1]", "0"]),
        ('"full", 8', '"full", 8.5', ["batches[1]", "8.5"]),
        ('"full", 8', '"full", true', ["batches[1]", "True"]),
        ('"full", 8', '"ful"', ["batches[0]", '"ful"', '"full"']),
        ('"full", 8', "8, 100000", ["problems[0].datasets", "100000", "iris has 90"]),
        ('"full", 8', '8, { size = 8, order = "reshuffled" }', ["batches", '"8" 2 times']),
        ('"full", 8', '{ size = 8, order = "fixd" }', ["batches[0].order", '"fixd"', 'did you mean "fixed"']),
        ('"full", 8', "{ size = 0 }", ["batches[0].size", "0", "1 or more"]),
        ('"full", 8', '{ size = "full", order = "fixed" }', ["batches[0].size", "whole number"]),
        ('"full", 8', '{ order = "fixed" }', ["batches[0].size: required key is missing"]),
        ('"full", 8', "{ size = 8, ordr = 'fixed' }", ["batches[0].ordr", 'did you mean "order"']),
        ('"full", 8', '{ size = 100000, order = "replacement" }', ["problems[0].datasets", "iris has 90"]),
        ('["full", 8]', "[]", ["batches", "at least one"]),
        ('["full", 8]', "8", ["batches", "a list"]),
        ('"iris"', '"irsi"', ["problems[0].datasets[0]", '"irsi"', 'did you mean "iris"']),
        ("condition = 10", "conditon = 10", ["datasets[1]", 'did you mean "condition"']),
        ("condition = 10", "condition = -1", ["datasets[1]", "-1"]),
        ("condition = 10", "samples = 1", ["datasets[1]", "samples"]),
        ("condition = 10", "condition = 0", ["datasets[1]", "condition"]),
        ('name = "tiny"', 'name = "tiny"\nlimit = { precision = 2 }', ["limit.precision", "2", "below 1"]),
        ('name = "tiny"', 'name = "tiny"\nlimit = { updates = 0 }', ["limit.updates", "0", "1 or more"]),
        (
            'name = "tiny"',
            'name = "tiny"\nlimit = { update = 9 }',
            ["limit.update", 'did you mean "updates"'],
        ),
        ('network = "linear"', 'network = "lienar"', ["problems[0].network", 'did you mean "linear"']),
        ('name = "tiny"', 'name = "tiny"\nschedules = ["warmpu"]', ["schedules[0]", '"warmup"']),
        ("hidden = []", "hidden = [0]", ["networks.linear.hidden[0]", "0"]),
        ("hidden = []", "hidden = 3", ["networks.linear.hidden", "3", "a list"]),
        ("hidden = []", "hidden = []\nactivation = 'rleu'", ["networks.linear.activation", '"relu"']),
        ('name = "tiny"', 'name = "../up"', ["name", "../up"]),
        ('name = "tiny"', "", ["name", "missing"]),
        ('name = "tiny"', 'name = "tiny"\nsede = 3', ["sede", 'did you mean "seed"']),
        ('name = "tiny"', 'name = "tiny"\nseed = -3', ["seed", "-3"]),
        ('name = "tiny"', 'name = "tiny"\nbudget = 3', ["budget", "3", "a table"]),
        ('name = "tiny"', 'name = "tiny"\ntolerance = 2', ["tolerance", "2", "below 1"]),
        ('name = "tiny"', 'name = "tiny"\nprecision = "float16"', ["precision", "float32"]),
        ('name = "tiny"', 'name = tiny"', ["not valid TOML", "line 2"]),
        ("[[problems]]", "[[problem]]", ["problems", "missing", '"problem"']),
    ],
)
def test_a_mistake_is_named_with_its_place(old: str, new: str, said: list[str]) -> None:
    assert old in GOOD
    with pytest.raises(SpecError) as caught:
        parse(GOOD.replace(old, new), "tiny.toml")
    for part in ["tiny.toml", *said]:
        assert part in str(caught.value)


def test_batches_may_say_their_order() -> None:
    orders = '8, { size = 8, order = "replacement" }, { size = 8, order = "fixed" }'
    cells = parse(GOOD.replace("8", orders, 1), "tiny.toml").cells[:4]
    assert [c.strategy.name for c in cells] == ["full", "8", "8 replacement", "8 fixed"]
    assert len({c.key for c in cells}) == 4


FAULTY = """
name = "../up"
seed = -3
optimizers = ["sdg", "adam", { name = "adam", beta1 = 2 }]
batches = ["ful", 8, { size = 8, ordr = "fixed" }]
budget = { epochs = 3, evaluations = 900 }
search = 7
[rates]
low = 0
high = 1.0
[edge]
optimizers = ["sgd"]
rate = 4
[networks.linear]
hidden = [0]
activation = "rleu"
[[problems]]
datasets = ["irsi", "moons"]
network = "linaer"
[[problem]]
"""


def test_all_faults_of_a_file_are_said_at_once() -> None:
    with pytest.raises(SpecError) as caught:
        parse(FAULTY, "tiny.toml")
    head, *faults = str(caught.value).splitlines()
    places = [
        "name", "seed", "budget.epochs", "search", "rates.low", "optimizers[0]", "optimizers[2]", "edge.rate",
        "batches[0]", "batches[2].ordr", "batches", "networks.linear.hidden[0]", "networks.linear.activation",
        "problems[0].datasets[0]", "problems[0].network", "problem",
    ]  # fmt: skip
    assert head == f"tiny.toml: {len(places)} faults"
    assert sorted(fault.split(":")[0].strip() for fault in faults) == sorted(places)


def test_one_slip_is_one_fault() -> None:
    """What only follows from a fault that is reported already is not reported as well."""
    for old, new in [
        ("high = 1.0", "hihg = 1.0"),
        ("low = 1e-3", "low = 5"),
        ('"sgd"', '"sdg"'),
        ("[networks.linear]", "budget = { epochs = 'x', evaluations = 900 }\n[networks.linear]"),
        ("[networks.linear]\nhidden = []", ""),
    ]:
        whole = GOOD.replace("[rates]", "edge = { optimizers = ['sgd'] }\n[rates]").replace(old, new)
        with pytest.raises(SpecError) as caught:
            parse(whole.replace("hidden = []", "hidden = [4]"), "tiny.toml")
        assert "\n" not in str(caught.value)


NETWORKS = GOOD.replace("hidden = []", "hidden = [4]")
EDGE = '[edge]\noptimizers = ["sgd", "adam(beta1=0.5)"]\n[networks.linear]'


def test_the_edge_is_asked_for_by_a_table() -> None:
    asked = parse(NETWORKS.replace("[networks.linear]", EDGE), "tiny.toml").cells
    assert [(c.optimizer.id, c.strategy.name) for c in asked if settings_of(c)] == [
        ("sgd", "full"),
        ("adam(beta1=0.5)", "full"),
    ] * 2
    assert settings_of(asked[0]) == EdgeSettings(
        ("sgd", "adam(beta1=0.5)"), rates=4, updates=1000, evaluations=50
    )
    assert not any(settings_of(c) for c in parse(NETWORKS, "tiny.toml").cells)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('["sgd", "adam', '["sdg", "adam', ["edge.optimizers[0]", '"sdg"', 'did you mean "sgd"', "adam"]),
        ('["sgd", "adam', '["sgd", "sgd", "adam', ["edge.optimizers", '"sgd" 2 times']),
        ('["sgd", "adam', '[3, "adam', ["edge.optimizers[0]", "3", "one of sgd, adam(beta1=0.5)"]),
        ('["sgd", "adam(beta1=0.5)"]', "[]", ["edge.optimizers", "at least one"]),
        ('optimizers = ["sgd", "adam(', 'optimizer = ["sgd", "adam(', ["edge.optimizers", "missing"]),
        ("[edge]", "[edge]\nrates = 0", ["edge.rates", "0", "1 to 100"]),
        ("[edge]", "[edge]\nupdates = 9", ["edge.updates", "9", "10 or more"]),
        ("[edge]", "[edge]\nupdates = 20\nevaluations = 21", ["edge.evaluations", "21", "10 to 20"]),
        ("[edge]", "[edge]\nrate = 3", ["edge.rate", 'did you mean "rates"']),
        ('"full", 8', "8", ["edge", 'with "full"']),
        ("hidden = [4]", "hidden = []", ["edge", "hidden layers"]),
    ],
)
def test_a_mistake_in_the_edge_is_named_with_its_place(old: str, new: str, said: list[str]) -> None:
    whole = NETWORKS.replace("[networks.linear]", EDGE)
    assert old in whole
    with pytest.raises(SpecError) as caught:
        parse(whole.replace(old, new), "tiny.toml")
    for part in ["tiny.toml", *said]:
        assert part in str(caught.value)


def test_the_edge_needs_a_line_to_compare_with() -> None:
    whole = NETWORKS.replace("[networks.linear]", '[edge]\noptimizers = ["adagrad"]\n[networks.linear]')
    with pytest.raises(SpecError, match=r'optimizers\[0\]: expected .* critical rate .*got "adagrad"'):
        parse(whole.replace('"sgd"', '"adagrad"'), "tiny.toml")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(SpecError, match="Is a directory"):
        load(tmp_path)
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(SpecError, match="not UTF-8"):
        load(tmp_path / "bytes.toml")


def test_the_command_line_stops_before_any_work(tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text(GOOD.replace('"sgd"', '"sdg"'))
    results = tmp_path / "results"
    done = subprocess.run(
        [sys.executable, "-m", "study", "run", str(file), "--results", str(results)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {file}: optimizers[0]: ")
    assert "Traceback" not in done.stderr
    assert not results.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "experiments/quick.toml", "--workers", "0"], "expected a whole number, 1 or more, got '0'"),
        (
            ["run", "experiments/quick.toml", "--workers", "two"],
            "expected a whole number, 1 or more, got 'two'",
        ),
        (["run", "experiments/quick.toml", "--results", "LICENSE"], "LICENSE: cannot hold the results"),
        (["report", "nosuch", "--results", "LICENSE"], "there is no store of results"),
        (["run"], "file"),
        (["rnu"], "rnu"),
    ],
)
def test_a_wrong_call_is_an_error_in_words(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    call = [sys.executable, "-m", "study", *arguments]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def keys(experiment: Experiment) -> set[str]:
    return {cell.key for cell in experiment.cells}


def test_a_cells_identity_changes_with_whatever_changes_its_numbers() -> None:
    base = keys(parse(GOOD, "a"))
    assert keys(parse(GOOD.replace('name = "tiny"', 'name = "other"'), "b")) == base
    for old, new in [
        ("beta1 = 0.5", "beta1 = 0.6"),
        ("condition = 10", "condition = 11"),
        ("low = 1e-3", "low = 1e-4"),
        ('name = "tiny"', 'name = "tiny"\nseed = 1'),
        ('name = "tiny"', 'name = "tiny"\nprecision = "float64"'),
        ('name = "tiny"', 'name = "tiny"\nlimit = {}'),
        ("8]", '{ size = 8, order = "fixed" }]'),
    ]:
        assert keys(parse(GOOD.replace(old, new), "c")) != base


def test_adding_an_optimizer_leaves_the_other_cells_as_they_are() -> None:
    more = GOOD.replace('"sgd"', '"sgd", "momentum"')
    assert keys(parse(GOOD, "a")) < keys(parse(more, "b"))
