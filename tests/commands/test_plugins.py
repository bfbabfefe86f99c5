"""Methods of one's own: their file is run where it is named, works in workers, and is part of a key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from overshoot import study
from overshoot.core import train
from overshoot.study.cli import main
from overshoot.study.experiment.cells import restore
from overshoot.study.problems import plugins
from overshoot.study.problems.problem import problem_of
from overshoot.study.spec import SpecError, load

METHODS = '''
from dataclasses import dataclass

import numpy as np

from overshoot.core.activations import ACTIVATIONS, Activation
from overshoot.core.losses import LOSSES, Loss
from overshoot.core.optimizers.base import Optimizer, register
from overshoot.core.schedules import Schedule, register as register_schedule
from overshoot.study.problems.registry import dataset


@register("halved", label="Halved descent", paper="mine", search=(1e-3, 1e1), defaults="mine")
class Halved(Optimizer):
    """theta_t = theta_{t-1} - lr g_t / 2."""

    def step(self, g, s, theta, t):
        g *= self.lr * 0.5
        return g


@register_schedule("late", label="late stop")
class Late(Schedule):
    """1, and a tenth over the last tenth of the run."""

    def factor(self, progress):
        return 1.0 if progress < 0.9 else 0.1


def softsign(z):
    z /= 1 + np.abs(z)


def backward(a, delta):
    delta *= (1 - np.abs(a)) ** 2


def bend(a):
    return -2 * np.sign(a) * (1 - np.abs(a))


ACTIVATIONS["softsign"] = Activation("z / (1 + |z|)", softsign, backward, bend)


def total(z, y):
    return ((z - y) ** 4).sum(axis=(1, 2)) / 4


def delta(z, y):
    z -= y
    z **= 3
    z /= z.shape[2]


def curve(z, y, r_z):
    return 3 * (z - y) ** 2 * r_z


LOSSES["fourth"] = Loss("mean fourth power", total, delta, lambda z: None, "real", curve)


@dataset("ramp", "real", "a ramp, made")
def ramp():
    X = np.random.default_rng(0).standard_normal((60, 2))
    return X, X[:, 0] + X[:, 1] ** 2
'''

EXPERIMENT = """
name = "mine"
plugins = ["my_methods.py"]
optimizers = ["sgd", "halved"]
schedules = ["constant", "late"]
batches = ["full"]
[rates]
low = 0.01
high = 10
per_decade = 1
[budget]
examples = 1
epochs = 10
[search]
trials = 2
[confirm]
replicates = 2
[networks.small]
hidden = [3]
activation = "softsign"
loss = "fourth"
[networks.plain]
hidden = []
[[problems]]
datasets = ["ramp"]
network = "small"
[[problems]]
datasets = ["diabetes"]
network = "plain"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with the experiment and its methods, which are taken out of the registries afterwards."""
    (tmp_path / "my_methods.py").write_text(METHODS, encoding="utf-8")
    (tmp_path / "mine.toml").write_text(EXPERIMENT, encoding="utf-8")
    yield tmp_path
    for plugin in list(plugins.LOADED):
        plugins._forget(plugin)


def test_its_content_is_part_of_the_keys_of_the_cells_that_use_it(folder: Path) -> None:
    before = {cell.label: cell for cell in load(folder / "mine.toml").cells}
    assert len(before) == 8
    (folder / "my_methods.py").write_text(METHODS.replace("* 0.5", "* 0.25"), encoding="utf-8")
    after = {cell.label: cell for cell in load(folder / "mine.toml").cells}
    changed = {label for label, cell in after.items() if cell.key != before[label].key}
    assert changed == {label for label in after if "diabetes/plain sgd batch" not in label}
    for cell in after.values():
        assert restore(cell.definition) == cell


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X[:, 0] + X", "X[:, 0] - X"),
        ("z /= z.shape[2]", "z /= 2 * z.shape[2]"),
        ("z /= 1 + np.abs(z)", "z /= 2 + np.abs(z)"),
    ],
)
def test_a_worker_that_stays_trains_with_the_file_that_was_loaded_last(
    old: str, new: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is kept in a process, of data or of compiled code, is known by a name alone."""
    monkeypatch.setattr("overshoot.study.problems.problem.REFERENCE_ITERATIONS", 2)

    def trained(text: str, engine: str = "compiled") -> np.ndarray:
        (folder / "my_methods.py").write_text(text, encoding="utf-8")
        cell = next(c for c in load(folder / "mine.toml").cells if c.dataset.name == "ramp")
        problem, method = problem_of(cell), cell.make_optimizer(lr=0.1)
        start, data = problem.start("sweep-0")[None], problem.parts["train"]
        run = train(problem.net, method, start, data, cell.strategy, [1], [0, 5], engine=engine)
        return np.asarray(run.theta)

    trained(METHODS)
    changed = METHODS.replace(old, new)
    compiled, plain = (trained(changed, engine) for engine in ("compiled", "numpy"))
    np.testing.assert_allclose(compiled, plain, rtol=1e-4)
    assert not np.allclose(compiled, trained(METHODS), rtol=1e-4)


@pytest.mark.slow
def test_they_train_in_worker_processes_and_are_said_aloud(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = ["--results", str(folder / "results")]
    assert main(["run", str(folder / "mine.toml"), "--workers", "2", *results]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for part in (
        "my_methods.py was run; it registers optimizer halved",
        "activation softsign",
        "dataset ramp",
    ):
        assert part in said
    tables = study.load("mine", folder / "results")
    assert set(tables.trials["optimizer"]) == {"sgd", "sgd + late", "halved", "halved + late"}
    assert len(tables.trials) == sum(tables.cells["trials"])
    assert {"dataset", "network", "batch", "rate", "outcome", "q_end"} <= set(tables.trials.columns)
    assert set(tables.curves["key"]) == set(tables.cells["key"])
    for kind in ("parquet", "csv"):
        assert main(["export", "mine", "--format", kind, "--to", str(folder / kind), *results]) == 0
        assert {path.name for path in (folder / kind).iterdir()} == {
            f"{t}.{kind}" for t in ("trials", "curves", "cells")
        }
    for plugin in list(plugins.LOADED):
        plugins._forget(plugin)
    assert main(["report", "mine", *results]) == 0
    run = tables.trials.loc[tables.trials["optimizer"] == "halved", "run_id"].iloc[0]
    assert main(["explain", run, *results]) == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nonsense_module", ["line 1", "No module named 'nonsense_module'"]),
        ("x = 1\ny = (", ["line 2", "was never closed"]),
        ("x = 1", ["registers nothing"]),
        (METHODS.replace('"halved"', '"adam"'), ["there is optimizer 'adam' already"]),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_line_and_leaves_nothing(
    text: str, said: list[str], folder: Path
) -> None:
    (folder / "my_methods.py").write_text(text, encoding="utf-8")
    with pytest.raises(SpecError, match="plugins") as caught:
        load(folder / "mine.toml")
    for part in ["my_methods.py", *said]:
        assert part in str(caught.value)
    assert not plugins.LOADED
    assert "softsign" not in plugins.REGISTRIES["activation"]


def test_check_reports_what_is_violated_and_nothing_else(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "my_methods.py"
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out.count("keeps its contract") == 5
    file.write_text(METHODS.replace("g *= self.lr * 0.5", "theta -= self.lr * g"), encoding="utf-8")
    assert main(["check", str(file)]) == 1
    said = capsys.readouterr().out
    assert "overwrites theta in place" in said
    assert said.count("keeps its contract") == 4


def test_a_dataset_that_is_no_dataset_is_a_fault_with_its_place(folder: Path) -> None:
    file = folder / "my_methods.py"
    for old, new, said in (
        ("+ X[:, 1]", "/ 0 * X[:, 1]", "finite numbers"),
        ("return X,", "return X[1:],", "got (59, 2)"),
    ):
        file.write_text(METHODS.replace(old, new), encoding="utf-8")
        with np.errstate(all="ignore"), pytest.raises(SpecError, match="datasets") as caught:
            load(folder / "mine.toml")
        assert said in str(caught.value)


def test_advice_on_a_method_of_ones_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = [
        "--optimizers",
        "halved",
        "--batches",
        "full",
        "--hidden",
        "--plugins",
        str(folder / "my_methods.py"),
    ]
    assert main(["advise", "diabetes", *asked]) == 0
    assert "halved" in capsys.readouterr().out
