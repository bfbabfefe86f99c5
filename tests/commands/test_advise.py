"""Advice: theory's rates where theory knows the problem, a probe that checks them, and words for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg

from overshoot.core import mean_square_rate, optimizer, train
from overshoot.core.limits import batch_variance
from overshoot.study.cli import main
from overshoot.study.commands.advise import Advice, advise, counted, notes, question
from overshoot.study.commands.fastest import fastest
from overshoot.study.commands.other_samples import RANK, RISK, curvature, safe_share
from overshoot.study.commands.practice import Practice
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


def test_least_squares_with_full_batches_has_its_fastest_rate_within_a_margin() -> None:
    """Curvatures from 0.01 to 1: the limit is 2, the fastest rate 2 / 1.01, too near for other samples."""
    found = advice("ill_conditioned")
    assert found.prediction.basis == LimitBasis.EXACT
    assert found.limit is not None
    assert found.limit.rate == pytest.approx(2, rel=1e-6)
    assert found.rate is not None
    assert 0.5 * 2 < found.rate < 2 / 1.01
    assert found.why.startswith("fastest is 1.98; this is safe for 95")
    assert float(found.margin) == pytest.approx(np.log10(2 / found.rate), abs=0.005)
    assert not any(note.startswith("Middle of a range") for note in notes([found]))
    assert np.isfinite(found.practice.gap).all()


@pytest.mark.parametrize(
    ("name", "batch"), [("sgd", "full"), ("sgd", "1"), ("sgd", "16"), ("momentum", "1"), ("momentum", "16")]
)
def test_few_other_samples_have_their_limit_below_the_rate(tmp_path: Path, name: str, batch: str) -> None:
    """Rows with heavy tails, whose largest curvature depends on which of them are drawn."""
    rng = np.random.default_rng(1)  # whose training part lacks the largest rows
    X = np.exp(2 * rng.standard_normal((120, 3)))
    rows = [",".join(f"{v:.6g}" for v in (*x, x.sum())) for x in X]
    found = advice(csv(tmp_path, ["a,b,c,y", *rows]), name, batch, target="y")
    size, recursion = found.cell.strategy.size, found.cell.make_optimizer().recursion
    assert recursion is not None
    assert found.rate is not None
    assert found.rate <= found.practice.rates[-1]
    below = 0
    for _ in range(100):
        own = X[rng.permutation(120)[:72]]
        own = np.column_stack([(own - own.mean(axis=0)) / own.std(axis=0), np.ones(72)])
        below += mean_square_rate(own, size, recursion=recursion).value < found.practice.rates[-1]
    assert below / 100 <= 2 * RISK
    assert safe_share(problem_of(found.cell), found.cell.strategy) < 1


@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(1, 30), st.data())
def test_the_curvature_that_batches_meet_bounds_the_limit(seed: int, n: int, d: int, data: st.DataObject):
    """Against dense matrices; below 2 over it the mean square shrinks for certain."""
    size = data.draw(st.integers(1, n))
    rows = np.random.default_rng(seed).standard_normal((n, d))
    p = batch_variance(n, size)
    found = curvature(rows, p)
    H = rows.T @ rows / n
    square = (1 - p) * H @ H + p / n * (rows.T * np.square(rows).sum(axis=1)) @ rows
    root = linalg.fractional_matrix_power(np.linalg.pinv(H, rcond=RANK, hermitian=True), 0.5).real
    assert found == pytest.approx(np.linalg.eigvalsh(root @ square @ root)[-1], rel=1e-6)
    if d <= 6:
        assert 2 / found <= mean_square_rate(rows, size).value * (1 + 1e-6)


@pytest.mark.parametrize("batch", ["1", "64"])
def test_random_batches_stay_below_half_of_the_lower_of_their_limits(batch: str) -> None:
    found = advice("ill_conditioned", "momentum", batch)
    assert found.prediction.basis == LimitBasis.ALMOST_SURE
    assert found.prediction.mean_square is not None
    assert found.limit is not None
    assert found.limit.low < found.limit.high
    assert found.practice.rates[-1] == pytest.approx(
        safe_share(problem_of(found.cell), found.cell.strategy)
        * min(found.prediction.mean_square, found.limit.low)
        / 2
    )
    assert found.rate is not None
    assert found.rate <= found.practice.rates[-1]


@pytest.mark.parametrize("name", ["sgd", "lion"])
def test_networks_have_the_middle_of_what_serves_them_below_half_of_the_forecast(name: str) -> None:
    found = advice("iris", name, hidden=[8])
    assert found.limit is not None
    assert found.limit.basis == "short run"
    assert found.limit.low <= found.limit.rate <= found.limit.high
    share = safe_share(problem_of(found.cell, counted(found.cell)), found.cell.strategy)
    assert found.practice.rates[-1] == pytest.approx(share * found.limit.low / 2)
    assert found.practice.plateau is not None
    low, high = found.practice.plateau
    assert found.rate == pytest.approx(np.sqrt(low * high))
    assert found.practice.gap.min() < 0.5
    assert "short part of a training (50 of 223 updates)" in " ".join(notes([found]))


def practice(*gap: float) -> Practice:
    return Practice(np.array([0.1, 0.2, 0.4, 0.8]), np.array(gap), 10, 100)


@pytest.mark.parametrize(
    ("gap", "ends"),
    [
        ((0.5, 0.1, 0.12, 0.9), (0.2, 0.4)),
        ((0.11, 0.3, 0.1, 0.12), (0.4, 0.8)),
        ((0.1, 0.1, 0.1, 0.1), (0.1, 0.8)),
        ((1e-9, 1e-5, 1e-3, 0.1), (0.1, 0.4)),
        ((0.5, 0.4, 0.1, np.inf), (0.4, 0.4)),
    ],
)
def test_a_plateau_is_what_is_alike_about_the_best(gap: tuple[float, ...], ends: tuple[float, float]) -> None:
    assert practice(*gap).plateau == ends
    assert practice(*gap).rate == pytest.approx(np.sqrt(ends[0] * ends[1]))


def test_practice_in_which_everything_diverged_recommends_nothing() -> None:
    gone = practice(*[np.inf] * 4)
    assert (gone.plateau, gone.rate, gone.why) == (None, None, "every rate that was tried diverged")


@pytest.mark.slow
@pytest.mark.parametrize(("name", "batch"), [("sgd", "1"), ("adam", "32"), ("momentum", "full")])
def test_no_rate_ends_much_lower_than_the_one_to_take(name: str, batch: str) -> None:
    """Whole trainings at the rate and at others, about it and far from it: 3 times at most, or converged."""
    found = advice("iris", name, batch, hidden=[32])
    assert found.rate is not None
    problem = problem_of(found.cell)
    rates = np.array([found.rate, *np.geomspace(found.rate / 30, found.rate * 30, 13)])
    theta = np.repeat(problem.start("sweep-0")[None], len(rates), axis=0)
    trace = train(
        problem.net,
        found.cell.make_optimizer(lr=rates),
        theta,
        problem.parts["train"],
        found.cell.strategy,
        [1] * len(rates),
        evaluate_at=[200, 210, 220],
    )
    gap = np.nanmedian(trace.values["train_loss"], axis=1) - problem.best_loss
    initial = problem.net.evaluate(theta[:1], problem.parts["train"])[0] - problem.best_loss
    left = np.where(trace.first_bad_step == 0, gap / initial, np.inf)
    assert left[0] <= 3 * max(left.min(), 0.01)


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
    fastest_at = 2 / (curvatures[-3] + curvatures[-1])
    assert found.rate is not None
    assert found.rate <= fastest_at * (1 + 1e-5)
    assert f"{fastest_at:.3g}" in found.why or "fastest: 2 /" in found.why
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
        'known from "single runs":',
        "middle of",
        "Middle of a range",
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
