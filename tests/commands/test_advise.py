"""Advice: theory's rates where theory knows the problem, a probe that checks them, and words for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from overshoot.core import optimizer
from overshoot.study.cli import main
from overshoot.study.commands.advise import Advice, Probe, advise, checked, fastest, notes, question
from overshoot.study.phases.theory import LimitBasis
from overshoot.study.problems.problem import problem_of


def advice(
    dataset: str,
    name: str = "sgd",
    batch: str = "full",
    hidden: Sequence[int] = (),
    target: str | None = None,
) -> Advice:
    (cell,) = question(
        dataset, {"target": target} if target else None, hidden=hidden, optimizers=[name], batches=[batch]
    )
    return advise(cell)


def csv(tmp_path: Path, rows: list[str]) -> str:
    file = tmp_path / "data.csv"
    file.write_text("\n".join(rows), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(("low", "high"), [(0.1, 1.0), (0.01, 5.0), (2.0, 2.0)])
def test_the_fastest_rate_of_gradient_descent_is_two_over_the_sum(low: float, high: float) -> None:
    recursion = optimizer("sgd").recursion
    assert recursion is not None
    assert fastest(recursion, low, high, 2 / high) == pytest.approx(2 / (low + high), rel=1e-6)


@pytest.mark.parametrize("name", ["momentum", "nesterov"])
def test_no_rate_contracts_faster_than_the_fastest(name: str) -> None:
    made = optimizer(name, momentum=0.5)
    recursion, limit = made.recursion, made.critical_rate(1.0)
    assert recursion is not None
    assert limit is not None
    curvatures = np.geomspace(0.02, 1, 30)
    best = recursion.multiplier(fastest(recursion, 0.02, 1.0, limit), curvatures).max()
    others = [recursion.multiplier(rate, curvatures).max() for rate in limit * np.linspace(0.01, 1, 200)]
    assert best <= min(others) + 1e-9


def test_momentum_has_the_middle_of_the_rates_that_contract_alike() -> None:
    """Between (1 - sqrt(0.9))^2 / low and (1 + sqrt(0.9))^2 / high all contract by sqrt(0.9)."""
    recursion = optimizer("momentum", momentum=0.9).recursion
    assert recursion is not None
    limit = 2 * 1.9
    ends = (1 - np.sqrt(0.9)) ** 2 / 0.9, (1 + np.sqrt(0.9)) ** 2
    assert fastest(recursion, 0.9, 1.0, limit) == pytest.approx(np.sqrt(ends[0] * ends[1]), rel=1e-3)


def test_least_squares_with_full_batches_have_their_fastest_rate() -> None:
    """Curvatures from 0.01 to 1: the limit is 2, the rate 2 / 1.01."""
    found = advice("ill_conditioned")
    assert found.prediction.basis == LimitBasis.EXACT
    assert found.prediction.rate == pytest.approx(2, rel=1e-6)
    assert found.rate == pytest.approx(2 / 1.01, rel=1e-6)
    assert found.limit == pytest.approx(2, rel=1e-6)
    assert found.margin == "0.00"
    assert found.why == "fastest: 2 / (0.01 + 1)"
    assert np.isinf(found.probe.gap[found.probe.rates > 2.5]).all()
    assert np.isfinite(found.probe.gap[found.probe.rates < 2]).all()


def test_small_batches_have_half_of_the_lower_of_their_limits() -> None:
    found = advice("ill_conditioned", batch="1")
    assert found.prediction.basis == LimitBasis.ALMOST_SURE
    assert found.prediction.rate is not None
    assert found.prediction.mean_square is not None
    assert found.prediction.mean_square < found.prediction.rate
    assert found.rate == pytest.approx(found.prediction.mean_square / 2)
    assert float(found.margin) == pytest.approx(np.log10(found.prediction.rate / found.rate), abs=0.02)
    assert found.why.endswith("the mean-square limit")


def test_a_velocity_that_a_short_last_batch_pushes_has_half_of_its_own_limit() -> None:
    found = advice("diabetes", "momentum", "64")
    assert found.prediction.rate is not None
    assert found.prediction.mean_square is not None
    assert found.prediction.rate < 0.8 * found.prediction.mean_square
    assert found.rate is not None
    assert found.rate <= found.prediction.rate / 2


def test_a_network_has_half_the_limit_of_its_start_and_the_probe_to_check_it() -> None:
    found = advice("iris", hidden=[8])
    assert found.prediction.basis == LimitBasis.AT_THE_START
    assert found.prediction.rate is not None
    assert found.rate == pytest.approx(found.prediction.rate / 2)
    assert found.probe.at(found.rate) < 1


def test_without_a_limit_the_probe_is_all_there_is() -> None:
    found = advice("iris", "lion", hidden=[8])
    assert (found.prediction.basis, found.prediction.rate) == (LimitBasis.NONE, None)
    assert found.rate == found.probe.best
    assert found.why == "best of the probe; no limit is known"
    assert any("no learning rate is known" in note for note in notes([found]))


GAPS = Probe(np.array([0.1, 0.2, 0.4, 0.8]), np.array([0.5, 0.1, 0.3, np.inf]))


@pytest.mark.parametrize(
    ("rate", "taken", "grounds"),
    [
        (0.1, 0.1, "theory"),
        (0.2, 0.2, "theory"),
        (0.4, 0.2, "best of the probe, which"),
        (0.9, 0.2, "best of the probe, which"),
        (None, 0.2, "best of the probe; no limit is known"),
    ],
)
def test_the_probe_only_lowers(rate: float | None, taken: float, grounds: str) -> None:
    found = checked(rate, "theory", GAPS)
    assert found[0] == taken
    assert found[1].startswith(grounds)


def test_a_probe_of_which_nothing_or_all_diverged() -> None:
    gone = Probe(GAPS.rates, np.full(4, np.inf))
    assert (gone.best, gone.breaks) == (None, 0.1)
    assert checked(0.1, "theory", gone) == (None, "every rate that the probe tried diverged")
    tame = Probe(GAPS.rates, np.array([0.5, 0.3, 0.2, 0.1]))
    assert np.isinf(tame.breaks)
    assert GAPS.breaks == 0.8


def linear_rows(n: int) -> list[str]:
    rng = np.random.default_rng(1)
    x, z = rng.standard_normal((2, n))
    lines = [
        f"{a},{2 * a},{b},4,{a - b + 0.1 * i % 1:.6f}" for i, (a, b) in enumerate(zip(x, z, strict=True))
    ]
    return ["a,twice_a,b,always,y", *lines]


def test_rank_deficient_data_and_constant_inputs_are_advised_on_and_said(tmp_path: Path) -> None:
    """Two inputs are one, another is constant: of five directions three are left, and they set the speed."""
    found = advice(csv(tmp_path, linear_rows(60)), target="y")
    rows = problem_of(found.cell).exact.rows[0]
    curvatures = np.linalg.eigvalsh(rows.T @ rows / len(rows))
    assert (curvatures > 1e-6).sum() == 3
    assert found.prediction.rate == pytest.approx(2 / curvatures[-1], rel=1e-5)
    assert found.rate == pytest.approx(2 / (curvatures[-3] + curvatures[-1]), rel=1e-5)
    said = " ".join(notes([found]))
    assert "1 of 4 inputs are constant" in said
    assert "span 3 of 5 directions" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["irsi"], ["'irsi'", 'did you mean "iris"', "a file of your own"]),
        (["csv"], ["'csv'", "a file of your own or one of"]),
        (["none.csv", "--target", "y"], ["none.csv: it cannot be read: No such file"]),
        (["{file}"], ["--target is missing: name the column", "a, twice_a, b, always, y"]),
        (["{file}", "--target", "z"], ["no column 'z'", "a, twice_a"]),
        (["{one}", "--target", "y"], ["1 sample,", "at least 10"]),
        (["iris", "--target", "y"], ["--target: only a file of your own needs it; iris"]),
        (["iris", "--optimizers", "adm"], ["--optimizers: expected one of", 'did you mean "adam"']),
        (["iris", "--activation", "rleu"], ["--activation: expected one of", 'did you mean "relu"']),
        (["iris", "--batches", "ful"], ['--batches: expected "full"', "got 'ful'", '"16 replacement"']),
        (["iris", "--batches", "0"], ["got '0'"]),
        (
            ["iris", "--batches", "1000"],
            ["--batches: expected at most the 90 training samples of iris, got '1000'"],
        ),
    ],
)
def test_a_wrong_question_is_one_clear_error(
    arguments: list[str], said: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one").mkdir()
    files = {"file": csv(tmp_path, linear_rows(20)), "one": csv(tmp_path / "one", linear_rows(1))}
    assert main(["advise", *(a.format(**files) for a in arguments)]) == 2
    caught = capsys.readouterr()
    assert caught.out == ""
    assert caught.err.startswith("error: ")
    assert caught.err.count("\n") == 1
    for part in said:
        assert part in caught.err


def test_the_command_answers_with_a_table_and_its_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = csv(tmp_path, linear_rows(60))
    asked = [
        "--target",
        "y",
        "--hidden",
        "--optimizers",
        "sgd",
        "adagrad",
        "--batches",
        "full",
        "4 replacement",
    ]
    assert main(["advise", file, *asked]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for part in (
        "sgd",
        "adagrad",
        "exact",
        'known from "almost sure":',
        "best of the probe; no limit is known",
        "Margin",
    ):
        assert part in out


def test_a_question_is_about_every_optimizer_with_every_batch() -> None:
    cells = question("iris", optimizers=["sgd", "adam", "sgd"], batches=["full", "8", "8 fixed"])
    assert [(c.optimizer.id, c.strategy.name) for c in cells] == [
        (name, batch) for name in ("sgd", "adam") for batch in ("full", "8", "8 fixed")
    ]


def test_a_rate_is_given_with_its_conditions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Plain MSE has twice the curvature of half MSE: half the limit, and torch's loss is that one."""
    asked = ["--target", "y", "--hidden", "--optimizers", "sgd", "adam", "--batches", "full"]
    assert main(["advise", csv(tmp_path, linear_rows(60)), *asked]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for part in (
        "60 rows (36 train",
        "loss half_mse",
        "inputs standardised",
        "all 36 training rows",
        "plain MSE",
    ):
        assert part in said
    found = advice(csv(tmp_path, linear_rows(60)), target="y")
    assert found.prediction.rate is not None
    assert f"{found.prediction.rate / 2:.3g}" in said


def test_of_many_rows_a_network_is_probed_on_some_and_least_squares_on_all(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("overshoot.study.commands.advise.MOST", 30)
    file = csv(tmp_path, linear_rows(200))
    said = {hidden: " ".join(notes([advice(file, target="y", hidden=hidden)])) for hidden in ((), (4,))}
    assert "all 120 training rows" in said[()]
    assert "30 of 120 training rows, drawn at random" in said[(4,)]
