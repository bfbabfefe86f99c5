"""Every optimizer walks where an independent implementation walks."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest

from overshoot.core import OPTIMIZERS, optimizer
from overshoot.core.loop import iterate
from tests.references.problems import CHECKPOINTS, PROBLEMS

HERE = Path(__file__).parent
HOW = """{name} has no reference paths. Add a row to REFERENCES in tests/references/generate.py, with an
independent implementation and settings beyond the defaults, and run it as its docstring says."""


@functools.cache
def frozen(name):
    file = HERE / f"{name}.json"
    if not file.exists():
        pytest.fail(HOW.format(name=name), pytrace=False)
    return json.loads(file.read_text(encoding="utf-8"))


class One:
    """A reference problem as an objective for a stack of one trial."""

    def __init__(self, problem):
        self.problem = problem
        self.shapes = problem.shapes

    def gradient(self, theta, t, out):
        return self.problem.gradient(theta[0], t)[None]

    def curvature(self, theta, v, t):
        return (v * self.problem.curvature)[None]  # v * v = 1 is left of it in v * (H v)

    def keep(self, rows):
        raise AssertionError("a reference path never diverges")


def walk(name, options, problem):
    """(checkpoints, n)."""

    def observe(theta, _):
        return {"loss": np.zeros(1), "theta": theta}

    trace = iterate(optimizer(name, **options), One(problem), problem.start[None], observe, CHECKPOINTS)
    return trace.values["theta"][0]


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_walks_where_an_independent_implementation_walks(name, problem):
    for case in frozen(name)["cases"]:
        expected = np.array(case["paths"][problem])
        found = walk(name, case["options"], PROBLEMS[problem])
        # A coordinate that passes near zero has lost digits to those that it had before.
        scale = np.abs(expected).max(axis=None if frozen(name)["mixes"] else 0)
        slack = 1e-9 * np.abs(expected) + 1e-12 * scale
        worst = np.max(np.abs(found - expected) - slack, axis=1)
        bad = [t for t, w in zip(CHECKPOINTS, worst, strict=True) if not w <= 0]
        assert not bad, f"{case['options']}: apart from {frozen(name)['made_with']} at updates {bad}"


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_references_cover_the_defaults_and_every_hyperparameter(name):
    cases = [case["options"] for case in frozen(name)["cases"]]
    made = optimizer(name)
    assert set(cases[0]) <= {"lr"}, "first all defaults, but for a rate that would lead nowhere"
    varied = {key for case in cases for key, value in case.items() if value != made.hyperparameters[key]}
    assert varied == set(made.hyperparameters), "each needs a setting away from its default"
    assert tuple(frozen(name)["checkpoints"]) == CHECKPOINTS


def test_there_are_no_references_without_an_optimizer():
    assert {file.stem for file in HERE.glob("*.json")} <= set(OPTIMIZERS)


def test_references_are_small():
    assert sum(file.stat().st_size for file in HERE.glob("*.json")) < 1e6
