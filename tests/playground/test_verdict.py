"""What the playground calls a rate is what the study and the pictures of the first screen call it."""

from __future__ import annotations

import numpy as np
import pytest

from overshoot.study.analysis.four_rates import ANGLE, CONDITION, RATES, STEPS, four_rates, word_at
from overshoot.study.playground import OPTIMIZERS

pytestmark = pytest.mark.slow

WORDS = """({ optimizer, steps, rates, condition, angle }) => {
  const settings = { ...DEFAULTS, problem: "valley", condition, angle, steps, a: optimizer };
  const model = createModel();
  return rates.map((rate) => {
    model.update({ ...settings, "a.lr": rate });
    model.work(1e9);
    const [{ word, verdict }] = model.judge();
    return [word, verdict.best];
  });
}"""


@pytest.fixture
def words(module):
    """words(optimizer, rates, steps): of each rate its word, and the best rate of the sweep."""

    def call(optimizer: str, rates: list[float], steps: int = STEPS) -> list[tuple[str, float]]:
        bowl = {"condition": CONDITION, "angle": ANGLE, "steps": steps}
        return module(
            "model", "createModel, DEFAULTS", WORDS, {"optimizer": optimizer, "rates": rates, **bowl}
        )

    return call


@pytest.mark.parametrize("optimizer", RATES)
def test_the_playground_calls_the_four_rates_what_the_pictures_call_them(words, optimizer):
    runs = [run for run in four_rates() if run.optimizer == optimizer]
    said = [word for word, _ in words(optimizer, [run.rate for run in runs])]
    assert said == [run.word for run in runs]


@pytest.mark.parametrize("steps", [STEPS, 90])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_rate_is_called_what_the_study_calls_it(words, optimizer, steps):
    rates = np.geomspace(0.003, 8, 60).tolist()
    if optimizer == "sgd":
        rates += [1.95, 1.97, 1.99, 1.999, 2.001, 2.01]
    said = words(optimizer, rates, steps)
    expected = [word_at(optimizer, rate, best, steps) for rate, (_, best) in zip(rates, said, strict=True)]
    assert [word for word, _ in said] == expected
    assert len(set(expected)) >= 3


@pytest.mark.parametrize("steps", [20, STEPS, 60])
def test_gradient_descent_is_never_too_large_below_its_limit(words, steps):
    said = [word for word, _ in words("sgd", [1.85, 1.9, 1.95, 1.97, 1.99, 1.999, 2.05], steps)]
    assert said == ["overshooting"] * 6 + ["diverging"]
