"""Optimizers racing on a surface."""

import numpy as np
import pytest
from PIL import Image

from overshoot.study.cli import main
from overshoot.study.commands.race import SURFACES


def test_a_race_is_a_film_with_a_picture_a_step(tmp_path, capsys):
    assert main(["race", "sgd=1.5", "adam", "--steps", "5", "--results", str(tmp_path)]) == 0
    file = tmp_path / "race-valley.gif"
    assert str(file) in capsys.readouterr().out
    with Image.open(file) as film:
        first = np.asarray(film.convert("RGB"))
        film.seek(5)  # a picture a step
        assert (np.asarray(film.convert("RGB")) != first).any()


@pytest.mark.parametrize("name", SURFACES)
def test_a_surfaces_gradient_and_hessian_are_its_own(name):
    surface = SURFACES[name]()
    theta, h = np.array([0.7, -1.1]), 1e-5
    value = lambda t: float(surface.scene.value(t[0], t[1]))  # noqa: E731
    slopes = [(value(theta + h * e) - value(theta - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(surface.gradient(theta), slopes, rtol=1e-6)
    bends = [(surface.gradient(theta + h * e) - surface.gradient(theta - h * e)) / (2 * h) for e in np.eye(2)]
    np.testing.assert_allclose(surface.hessian(theta), bends, rtol=1e-6, atol=1e-6)
    for minimum in surface.scene.minima:
        assert np.abs(surface.gradient(minimum)).max() < 1e-3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sdg"], 'did you mean "sgd"'),
        (["sgd=fast"], "expected NAME or NAME=RATE"),
        (["sgd=-1"], "lr"),
        (["sgd", "--surface", "vally"], 'did you mean "valley"'),
    ],
)
def test_what_cannot_race_is_refused_with_the_nearest_name(tmp_path, capsys, arguments, said):
    assert main(["race", *arguments, "--results", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err
