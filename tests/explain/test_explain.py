"""A run is explained by numbers that theory, computed here apart, agrees with."""

from __future__ import annotations

import dataclasses
import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from overshoot import core
from overshoot.study.analysis.frame import records
from overshoot.study.cli import main
from overshoot.study.experiment import cells
from overshoot.study.experiment.cells import Budget, Choice
from overshoot.study.explain import elsewhere, explain, run_picture
from overshoot.study.explain.facts import Facts, gather
from overshoot.study.explain.narrative import agrees, sections
from overshoot.study.explain.replay import Fork
from overshoot.study.phases.cell import run_cell
from overshoot.study.phases.processor import processor
from overshoot.study.phases.results import CellResult
from overshoot.study.problems.problem import problem_of
from overshoot.study.tracking import Store, StoreError, open_store
from tests.explain.conftest import CELLS
from tests.figures.drawn import figures
from tests.planted_cells import summary_of

Ran = dict[str, CellResult]


def known(ran: Ran, name: str, outcome: str, place: int = 0) -> Facts:
    """The facts of the sweep's trial with this outcome at this place in the order of the rates."""
    result = ran[name]
    swept = result.trials[(result.trials["phase"] == "sweep") & (result.trials["outcome"] == outcome)]
    trial = swept.sort_values("rate")["trial"].iloc[place]
    return gather(
        result.cell,
        result.trials,
        result.curves,
        result.summary,
        int(trial),
        result.states.get(int(trial)),
    )


def said(facts: Facts) -> str:
    return "\n".join(sentence for _, sentences in sections(facts) for sentence in sentences)


def curvature(name: str) -> np.ndarray:
    """Eigenvalues of the Hessian of least squares, from the data themselves."""
    X = problem_of(CELLS[name]).split.X["train"]
    rows = np.hstack([X, np.ones((len(X), 1))])
    return np.linalg.eigvalsh(rows.T @ rows / len(rows))


@pytest.mark.parametrize("name", ["line", "ball"])
def test_on_least_squares_the_measured_growth_is_the_predicted_one(ran: Ran, name: str) -> None:
    facts = known(ran, name, "diverged", 1)
    rate, top = facts.trial["rate"], curvature(name)[-1]
    polynomial = [1, rate * top - 1] if name == "line" else [1, rate * top - 1.9, 0.9]
    predicted = np.abs(np.roots(polynomial)).max()
    assert predicted > 1.05
    assert facts.growth is not None
    assert facts.growth.predicted is not None
    assert max(facts.growth.predicted) == pytest.approx(predicted, rel=1e-6)
    assert facts.growth.measured == pytest.approx(predicted, rel=0.01)
    assert "agrees with the prediction" in said(facts)
    assert f"Update {facts.trial['first_bad_step']} of 60 was the first that failed" in said(facts)


def test_with_weight_decay_growth_is_measured_towards_where_the_run_settles() -> None:
    """With it the training gap stays where the decay holds it, whatever the distance still does."""
    decayed = dataclasses.replace(
        CELLS["line"],
        optimizer=Choice("sgd", (("weight_decay", 0.05),)),
        protocol=dataclasses.replace(
            CELLS["line"].protocol,
            precision="float64",
            budget=Budget(examples=1, epochs=300, evaluations=30),
        ),
    )
    ran = {"decayed": run_cell(decayed)}
    facts = known(ran, "decayed", "converged", 3)
    predicted = 1 - facts.trial["rate"] * (curvature("line")[0] + 0.05)
    assert facts.growth is not None
    assert facts.growth.measured == pytest.approx(predicted, rel=1e-3)
    assert facts.gap[-1] == pytest.approx(facts.gap[-50], rel=0.5)
    assert "the point where weight decay lets it settle" in said(facts)
    assert "agrees with the prediction" in said(facts)
    settled = known(ran, "decayed", "converged", 4)
    assert settled.growth is None
    assert "only rounding errors were left" in said(settled)


def test_with_weight_decay_directions_without_data_shrink_by_it_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 60))
    rows = np.column_stack([a, b, a + b, a - 2 * b + rng.normal(size=60)])  # the third follows from two
    file = tmp_path / "flat.csv"
    file.write_text("a,b,c,y\n" + "\n".join(",".join(map(str, row)) for row in rows))
    line = CELLS["line"]
    made = dataclasses.replace(
        line,
        dataset=Choice("csv", (("path", str(file)), ("target", "y"))),
        optimizer=Choice("sgd", (("weight_decay", 0.01),)),
        protocol=dataclasses.replace(
            line.protocol, precision="float64", budget=Budget(examples=1, epochs=600, evaluations=30)
        ),
    )
    facts = known({"flat": run_cell(made)}, "flat", "converged", 4)
    assert facts.growth is not None
    assert facts.growth.curvature[0] == 0
    assert facts.growth.measured == pytest.approx(1 - facts.trial["rate"] * 0.01, rel=1e-4)
    assert "agrees with the prediction" in said(facts)


def test_on_least_squares_the_sharpness_is_the_largest_eigenvalue_everywhere(ran: Ran) -> None:
    facts = known(ran, "line", "converged")
    values = [found.value for found in facts.sharpness]
    np.testing.assert_allclose(values, curvature("line")[-1], rtol=1e-6)
    np.testing.assert_allclose([s.threshold for s in facts.sharpness], 2 / facts.trial["rate"], rtol=1e-12)
    assert facts.growth is not None
    assert facts.growth.curvature == pytest.approx((curvature("line")[0], curvature("line")[-1]), rel=1e-6)


@pytest.mark.parametrize("name", list(CELLS))
def test_training_a_trial_again_gives_the_stored_bits(ran: Ran, name: str) -> None:
    result = ran[name]
    for row in records(result.trials)[::5]:
        facts = gather(result.cell, result.trials, result.curves, result.summary, row["trial"])
        assert facts.same
        assert facts.updates[0] == 0
        assert facts.updates[-1] == row["updates"] or facts.gap[-1] > 1e6


@pytest.mark.parametrize("name", ["net", "noise"])
def test_the_last_sharpness_is_that_of_the_last_finite_state(ran: Ran, name: str) -> None:
    facts = known(ran, name, "diverged", -1)
    problem, state = problem_of(facts.cell), ran[name].states[int(facts.trial["trial"])]
    data = problem.net.data(problem.split.X["train"], problem.split.y["train"])
    with np.errstate(all="ignore"):
        [stored] = core.sharpness(problem.net, state.astype(np.float64), data)
    assert facts.sharpness[-1].update == facts.trial["updates"]
    assert facts.sharpness[-1].value == pytest.approx(stored.value, rel=1e-3)


def test_a_run_that_does_not_repeat_says_so(ran: Ran) -> None:
    result = ran["net"]
    facts = known(ran, "net", "converged")
    mine = (result.curves["trial"] == facts.trial["trial"]) & (result.curves["update"] == 10)
    other = result.curves.assign(train_loss=result.curves["train_loss"].where(~mine, 0.123))
    changed = gather(result.cell, result.trials, other, result.summary, int(facts.trial["trial"]))
    assert not changed.same
    assert "did not reproduce the stored losses" in said(changed)
    assert "did not reproduce the stored losses" not in said(facts)


def test_a_converged_run_has_its_hitting_time_and_no_fork(ran: Ran) -> None:
    facts = known(ran, "line", "converged", -1)
    assert facts.fork is None
    assert "It converged" in said(facts)
    assert f"below a tenth of its start after {int(facts.trial['hit_0.1']):,} examples" in said(facts)
    assert "the run comes closer to the optimum" in said(facts)


@pytest.mark.parametrize("name", ["line", "ball", "net", "adam", "sign"])
def test_the_fork_of_a_rate_far_too_small_finds_it_too_small(ran: Ran, name: str) -> None:
    facts = known(ran, name, "too small")
    assert facts.fork is not None
    assert facts.fork.verdict == "too small"
    assert facts.fork.updates[0] == 61
    assert "Three times the rate does clearly better" in said(facts)


def test_the_fork_of_a_floor_finds_it_too_large(ran: Ran) -> None:
    facts = known(ran, "sign", "too large")
    assert facts.fork is not None
    assert facts.fork.verdict == "too large"


@pytest.mark.parametrize(
    ("tenth", "triple", "verdict"),
    [
        (0.01, 0.1, "too large"),
        (0.1, 0.01, "too small"),
        (0.1, 0.1, "unresolved"),
        (0.01, 0.01, "unresolved"),
        (0.099, 0.1, "unresolved"),
        (0.01, np.inf, "too large"),
        (np.inf, np.inf, "unresolved"),
    ],
)
def test_a_fork_speaks_only_for_what_is_clear(tenth: float, triple: float, verdict: str) -> None:
    rough = 0.1 * np.array([1.0, 1.1, 0.9] * 6)
    gap = np.stack([np.full(18, tenth), rough, np.full(18, triple)])
    assert Fork(np.arange(18), gap).verdict == verdict


@pytest.mark.parametrize("name", ["line", "noise", "adam"])
def test_the_fork_never_contradicts_the_place_among_the_rates(ran: Ran, name: str) -> None:
    result = ran[name]
    swept = result.trials[result.trials["phase"] == "sweep"]
    for row in records(swept[swept["outcome"].isin(["too small", "too large"])])[::2]:
        facts = gather(result.cell, result.trials, result.curves, result.summary, row["trial"])
        assert facts.fork is not None
        assert facts.fork.verdict in (row["outcome"], "unresolved")


def test_adam_has_a_sharpness_of_its_own_and_no_factor(ran: Ran) -> None:
    facts = known(ran, "adam", "too small")
    assert facts.growth is not None
    assert facts.growth.predicted is None
    assert facts.sharpness[0].update == 1
    np.testing.assert_allclose([s.threshold for s in facts.sharpness], 38 / facts.trial["rate"], rtol=1e-9)
    assert facts.moved <= 7.3  # (1 - beta1) / sqrt(1 - beta2) is 3.2, the first corrected steps are more
    assert "Theory predicts no such factor for Adam" in said(facts)


def test_a_method_without_any_limit_says_so(ran: Ran) -> None:
    text = said(known(ran, "sign", "too large"))
    assert "For signSGD no sharpness is known above which a rate is unstable" in text
    assert "Theory predicts no such factor for signSGD" in text


def test_batches_are_told_apart_from_the_mean_path(ran: Ran) -> None:
    facts = known(ran, "noise", "diverged")
    assert "for the mean path only" in said(facts)
    assert "agrees with the prediction" not in said(facts)


def test_under_a_schedule_the_threshold_moves_with_the_rate(ran: Ran) -> None:
    facts = known(ran, "cosine", "converged")
    thresholds = [found.threshold for found in facts.sharpness]
    assert thresholds[0] == pytest.approx(2 / facts.trial["rate"])
    assert thresholds == sorted(thresholds)
    assert thresholds[-1] > 100 * thresholds[0]
    assert "under the schedule cosine" in said(facts)


def test_a_run_that_breaks_at_its_first_update_is_explained(ran: Ran) -> None:
    wild = dataclasses.replace(CELLS["line"], rates=dataclasses.replace(CELLS["line"].rates, high=1e40))
    result = run_cell(wild)
    last = result.trials[result.trials["phase"] == "sweep"].sort_values("rate")["trial"].iloc[-1]
    facts = gather(wild, result.trials, result.curves, result.summary, int(last))
    assert facts.trial["updates"] <= 1
    assert facts.growth is None
    assert "too short to measure" in said(facts)


def test_stored_limits_are_set_beside_the_rate(ran: Ran) -> None:
    facts = known(ran, "line", "diverged")
    limit = 2 / curvature("line")[-1]
    summary = summary_of(limit_measured=limit, limit_low=limit, limit_high=limit, limit_predicted=limit)
    text = said(dataclasses.replace(facts, summary=summary))
    times = facts.trial["rate"] / limit
    assert len(re.findall(f"run's rate is {times:.3g} times that", text)) == 2
    without = summary_of(limit_missing="schedule", limit_status="below_grid")
    text = said(dataclasses.replace(facts, summary=without))
    assert "No stability limit is predicted: the schedule changes the learning rate" in text
    assert "at every rate of its grid half of this cell's replicates" in text


def test_factors_agree_by_what_they_do_over_many_updates() -> None:
    assert agrees(2.01, 2.0)
    assert not agrees(2.1, 2.0)
    assert not agrees(0.991, 0.998)
    assert not agrees(1.001, 1.0)


def test_the_figure_shows_what_theory_predicts(ran: Ran) -> None:
    facts = known(ran, "line", "diverged")
    lines = {
        line.get_gid(): np.asarray(line.get_xydata())
        for figure in figures(run_picture.panels(facts))
        for ax in figure.axes
        for line in ax.lines
    }
    (start, low), (end, high) = lines["predicted"]
    assert facts.growth is not None
    assert (high / low) ** (0.5 / (end - start)) == pytest.approx(max(facts.growth.predicted or (0,)))
    np.testing.assert_allclose(lines["threshold"][:, 1], 2 / facts.trial["rate"])
    assert lines["rate"][0, 0] == facts.trial["rate"]
    assert set(lines) >= {"gap", "sharpness", "sweep"}


def test_the_run_of_a_trial_is_explained_from_the_store(store: Store, ran: Ran, tmp_path: Path) -> None:
    [cell] = store.read("small", [CELLS["line"].key])
    run_id = cell.trials.sort_values("rate")["run_id"].iloc[-1]
    found = explain(store, run_id, tmp_path)
    assert found.figure == tmp_path / "small" / "explained" / f"{run_id}.png"
    assert found.figure.stat().st_size > 10_000
    [answer] = found.sections[0][1]
    assert answer.startswith("Rate ")
    assert "stability limit; " in answer
    assert "is the best of the sweep" in answer
    assert [heading for heading, _ in found.sections] == [
        "In short",
        "The run",
        "What happened",
        "Why",
        "Beside other rates",
    ]
    assert any("It diverged" in sentence for _, sentences in found.sections for sentence in sentences)


def test_the_run_of_a_cell_is_answered_with_trials_that_can_be_explained(
    store: Store, tmp_path: Path
) -> None:
    [cell] = store.read("small", [CELLS["line"].key])
    found = explain(store, cell.run_id, tmp_path)
    assert found.figure is None
    telling = [sentence.split()[0] for sentence in found.sections[1][1]]
    assert len(telling) == len(set(telling)) >= 5
    outcomes = cell.trials.set_index("run_id")["outcome"]
    assert {"diverged", "converged", "too small"} <= set(outcomes[telling])


def test_a_cell_of_an_earlier_version_is_refused(
    ran: Ran, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_store(tmp_path)) as store:
        with monkeypatch.context() as earlier:
            earlier.setattr(cells, "PROTOCOL", cells.PROTOCOL - 1)
            run_id = store.write("small", ran["adam"])
        with pytest.raises(StoreError, match=r"written by an earlier version.*: run the experiment"):
            explain(store, run_id, tmp_path)


def test_the_command_explains_and_refuses_in_one_line(
    results: Path,
    store: Store,
    capsys: pytest.CaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{results / 'mlflow.db'}")
    [cell] = store.read("small", [CELLS["ball"].key])
    run_id = cell.trials["run_id"].iloc[-1]
    assert main(["explain", f"http://localhost:5000/#/runs/{run_id}", "--results", str(results)]) == 0
    shown = capsys.readouterr().out
    assert "Heavy ball on ill_conditioned" in shown
    assert str(results / "small" / "explained" / f"{run_id}.png") in shown
    for wrong in ("nonsense", "0" * 32, run_id[:5]):
        assert main(["explain", wrong, "--results", str(tmp_path)]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert error.count("\n") == 1
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    assert main(["explain", run_id, "--results", str(tmp_path / "nowhere")]) == 2
    assert "there is no store" in capsys.readouterr().err


def test_a_run_from_another_processor_is_explained_with_a_caution(ran: Ran) -> None:
    assert ran["line"].summary.processor == processor()
    assert elsewhere(ran["line"].summary.processor) == elsewhere("") == []
    [(_, [sentence])] = elsewhere("AVX9, openblas Nowhere")
    assert "on AVX9, openblas Nowhere; it is trained again here on " + processor() in sentence
