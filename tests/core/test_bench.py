"""The benchmark measures those who train the same networks, and says so of the others."""

import json
from pathlib import Path

import numpy as np
import pytest

import bench.__main__
from bench import growth, measure, tasks
from bench.competitors import COMPETITORS, CORE, NUMPY, PRODUCTS, UPDATE, Competitor, Prepared
from bench.speed_tables import markdown
from bench.tasks import CANCER, COMMON, DIGITS, SETTINGS, STUDY, STUDY_SAMPLES, Task, all_tasks, quick_tasks
from overshoot.study import spec

SCIKIT = next(competitor for competitor in COMPETITORS if competitor.name == "scikit-learn")
JAX = next(competitor for competitor in COMPETITORS if competitor.name == "jax")
STUDY_FILE = Path(__file__).parents[2] / "experiments" / "study.toml"
ABSENT = Competitor("absent", "a library", "bench.no_such_library", needs="a-library")
WRONG = Competitor("wrong", "who stays at the start", __name__, "prepare_nothing")


def prepare_nothing(task):
    """What a competitor with a mistake would be: it takes its time and learns nothing."""
    return Prepared(lambda: None, lambda: task.start, task.trials)


@pytest.fixture(autouse=True)
def _briefly(monkeypatch):
    monkeypatch.setattr(measure, "SECONDS", 0.0)
    monkeypatch.setattr(measure, "REPEATS", (2, 2))


@pytest.mark.parametrize("batch", [1, 32, None])
@pytest.mark.parametrize(
    "network", [DIGITS, CANCER, *STUDY], ids=["digits", "cancer", "iris", "moons", "linear"]
)
@pytest.mark.parametrize("optimizer", COMMON)
def test_those_that_train_the_same_are_measured(network, optimizer, batch):
    sizes, loss = network
    task = Task(sizes, loss, optimizer, batch, 3)
    core, products, update, scikit = results = measure.measure(task, [CORE, PRODUCTS, UPDATE, SCIKIT])
    for result in results:
        assert result.note == ""
        assert result.repeats == 2
        assert 0 < result.best <= result.median
    assert (core.trials, products.trials, update.trials, scikit.trials) == (3, 3, 3, 1)


@pytest.fixture(params=STUDY, ids=["iris", "moons", "linear"])
def rule(request, optimizer, monkeypatch):
    """A task in float64, where two rules that differ anywhere do not end at the same parameters.

    Shorter than what is measured: least squares of a constant would be solved, and RMSprop follow rounding.
    """
    monkeypatch.setattr(tasks, "SAMPLES_A_RUN", 5_000)
    sizes, loss = request.param
    return Task(sizes, loss, optimizer, 16, 3, STUDY_SAMPLES, "float64")


def end(competitor, task):
    """Where a competitor's first trial is after the task's updates."""
    prepared = competitor.prepare(task)
    prepared.run()
    theta = prepared.theta()
    assert theta.dtype == task.precision
    return theta[0]


@pytest.mark.parametrize("optimizer", SETTINGS)
def test_every_rule_is_that_of_the_core_in_numpy(rule):
    np.testing.assert_allclose(end(NUMPY, rule), end(CORE, rule), atol=1e-9)


@pytest.mark.parametrize("optimizer", SETTINGS)
def test_every_rule_is_that_of_the_core_in_jax(rule):
    pytest.importorskip("jax")
    np.testing.assert_allclose(end(JAX, rule), end(CORE, rule), atol=1e-9)


@pytest.mark.parametrize("optimizer", sorted({*SCIKIT.optimizers} - {"adam"}))  # its eps is elsewhere there
def test_every_rule_is_that_of_the_core_in_scikit_learn(rule):
    np.testing.assert_allclose(end(SCIKIT, rule), end(CORE, rule), atol=1e-9)


@pytest.mark.parametrize("optimizer", SETTINGS)
def test_every_rule_is_measured_in_float32(optimizer):
    field = [CORE, NUMPY, JAX, SCIKIT]
    notes = [result.note for result in measure.measure(Task(*STUDY[0], optimizer, 16, 3), field)]
    has = optimizer in SCIKIT.optimizers
    assert notes[:2] == ["", ""]
    assert notes[2] in ("", "not installed: jax")
    assert notes[3] == ("" if has else f"has no {optimizer}")


def test_the_optimizers_are_those_of_the_default_study():
    assert {cell.method for cell in spec.load(STUDY_FILE).cells} == set(SETTINGS)


def test_who_ends_with_another_loss_is_not_measured():
    core, wrong = measure.measure(Task(*DIGITS, "adam", 32, 2), [CORE, WRONG])
    assert core.best is not None
    assert wrong.best is None
    assert wrong.note.startswith("ends with loss 2.")


def test_a_missing_library_is_said_so_and_the_rest_runs():
    results = measure.measure(Task(*DIGITS, "sgd", 256, 2), [CORE, ABSENT])
    assert results[0].best is not None
    assert (results[1].best, results[1].note) == (None, "not installed: a-library")


def test_who_has_not_the_optimizer_is_named_below_the_table():
    task = Task(*STUDY[2], "adagrad", 64, 2, STUDY_SAMPLES, "float64")
    table = markdown(measure.measure(task, [CORE, NUMPY, SCIKIT]))
    assert table.startswith("### 10-1, adagrad, float64, 2 trials\n")
    assert table.endswith("x) |\n\nscikit-learn, a loop: has no adagrad.\n")


def test_a_loop_stands_in_the_table_of_every_number_of_trials():
    results = []
    for trials in (1, 4):
        field = [CORE, PRODUCTS, SCIKIT] if trials == 1 else [CORE, PRODUCTS]
        results += measure.measure(Task(*DIGITS, "sgd", 32, trials), field)
    one, four = markdown(results).split("###")[1:]
    assert one.startswith(" 64-32-10, sgd, 1 trial\n")
    assert four.startswith(" 64-32-10, sgd, 4 trials\n")
    for table in (one, four):
        assert "| | batch 32 |" in table
        assert table.count("scikit-learn, a loop | ") == 1
        assert table.count("x) |") == 2


def test_the_whole_comparison_has_every_combination_once():
    tasks = all_tasks()
    assert len(set(tasks)) == len(tasks) == 2 * 3 * 4 * 4 + 3 * 3 * 5 * 4 + 3 * 6 * 5
    assert {task.optimizer for task in tasks} == set(SETTINGS)
    assert set(quick_tasks()) <= set(tasks)


def test_a_task_has_full_batches_of_the_permutations_that_the_core_draws():
    task = Task(*DIGITS, "sgd", 256, 1)
    assert len(task.data[0]) == 1792
    assert task.order.shape == (task.steps, 256)
    assert sorted(task.order[:7].ravel()) == list(range(1792))
    start = task.layers(task.start)
    np.testing.assert_array_equal(task.flat(start), task.start)


def test_the_command_writes_what_it_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(bench.__main__, "quick_tasks", lambda: [Task(*DIGITS, "sgd", 256, 2)])
    few = growth.axes()[:2]
    short = [growth.Axis(axis.name, axis.label, dict(list(axis.tasks.items())[:2])) for axis in few]
    monkeypatch.setattr(growth, "axes", lambda: short)
    monkeypatch.setattr(bench.__main__, "_pin", lambda: None)
    paths = {name: tmp_path / f"cost.{name}" for name in ("json", "md", "png")}
    options = ["--json", str(paths["json"]), "--markdown", str(paths["md"]), "--figure", str(paths["png"])]
    assert bench.__main__.main(["--quick", *options]) == 0
    found = json.loads(paths["json"].read_text())
    assert {row["competitor"] for row in found["results"]} == {c.name for c in COMPETITORS}
    assert [curve["axis"] for curve in found["growth"]] == ["trials", "trials", "batch", "batch"]
    assert paths["png"].read_bytes().startswith(b"\x89PNG")
    assert "| this core |" in paths["md"].read_text()
    assert "| this core |" in capsys.readouterr().out
