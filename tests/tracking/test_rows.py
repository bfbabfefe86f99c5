"""What becomes of a cell in MLflow: names, tags, and metrics that no chart can choke on."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overshoot.study.findings.run_pages import run_pages
from overshoot.study.tracking.rows import (
    CHART,
    POINTS,
    RunRow,
    cell_row,
    drawn,
    noted,
    rate_text,
    thin,
    trial_rows,
)
from tests.tracking.planted_results import LOSSES, STEP, planted

END = 1_700_000_000_000


@pytest.fixture(scope="module")
def trials() -> dict[str, RunRow]:
    return dict(zip(LOSSES, trial_rows("demo", planted(), "7", END), strict=True))


def curve(row: RunRow, metric: str = "train_loss") -> list[tuple[int, float]]:
    return [(p.step, p.value) for p in row.metrics if p.key == metric]


@given(st.integers(0, 3000))
def test_thinning_keeps_both_ends_and_few_points(n: int) -> None:
    kept = thin(n)
    assert len(kept) == n if n <= POINTS else POINTS // 2 < len(kept) <= POINTS + 2
    assert (np.diff(kept) > 0).all()
    assert set(kept[[0, -1]] if n else ()) == ({0, n - 1} if n else set())


def test_thinning_is_denser_where_training_starts() -> None:
    kept = thin(1001)
    assert (kept <= 500).sum() > (kept > 500).sum()


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=12))
def test_a_chart_is_given_finite_losses_of_one_scale(losses: list[float]) -> None:
    shown = np.array(losses)[drawn(np.array(losses))]
    assert np.isfinite(shown).all()
    assert not len(shown) or shown.max() / CHART <= losses[0]


def test_a_curve_that_explodes_is_drawn_up_to_the_cliff(trials: dict[str, RunRow]) -> None:
    assert curve(trials["explodes"]) == [(0, 2.0), (STEP, 3.0), (2 * STEP, 19.0)]
    assert trials["explodes"].tags["off_chart"] == "training loss from 1500 examples on"


def test_a_curve_that_comes_back_is_drawn_without_its_excursion(trials: dict[str, RunRow]) -> None:
    assert curve(trials["comes back"]) == [(0, 2.0), (2 * STEP, 1.0), (3 * STEP, 0.5)]
    assert trials["comes back"].tags["off_chart"] == "training loss from 500 examples on"


def test_nothing_is_drawn_after_a_loss_that_is_not_finite(trials: dict[str, RunRow]) -> None:
    assert curve(trials["not a number"]) == [(0, 2.0), (STEP, 1.5)]
    assert curve(trials["bad from the start"]) == []


def test_a_tame_curve_is_thinned_and_ends_where_it_ended(trials: dict[str, RunRow]) -> None:
    row = trials["descends"]
    assert curve(row) == [(STEP * i, LOSSES["descends"][i]) for i in thin(41)]
    assert [v for _, v in curve(row, "validation_loss")] == [LOSSES["descends"][i] + 0.25 for i in thin(41)]
    assert "off_chart" not in row.tags


def test_one_evaluation_is_one_point(trials: dict[str, RunRow]) -> None:
    assert curve(trials["one evaluation"]) == [(0, 2.0)]


def test_a_trial_says_what_it_was(trials: dict[str, RunRow]) -> None:
    row = trials["explodes"]
    assert row.name == "adam(beta1=0.5) · batch 32 · lr 1.26e-4 · sweep-0"
    assert row.tags == {
        "kind": "trial",
        "cell": planted().cell.key,
        "study": "demo",
        "dataset": "iris",
        "network": "mlp",
        "optimizer": "adam(beta1=0.5)",
        "batch": "32",
        "phase": "sweep",
        "role": "grid",
        "replicate": "sweep-0",
        "outcome": "diverged",
        "reason": "exploded",
        "first_bad_step": "96",
        "off_chart": "training loss from 1500 examples on",
    }
    assert row.params == {
        "dataset": "iris",
        "network": "mlp",
        "optimizer": "adam(beta1=0.5)",
        "batch": "32",
        "phase": "sweep",
        "lr": "0.000125893",
        "beta1": "0.5",
        "beta2": "0.999",
        "eps": "1e-08",
        "weight_decay": "0",
    }


def test_the_learning_rate_and_the_gap_are_axes(trials: dict[str, RunRow]) -> None:
    """And the rate itself is no metric: a comparison of runs would draw it against itself."""
    last = {p.key: p.value for p in trials["explodes"].metrics}
    assert "lr" not in last
    assert last["log10_lr"] == pytest.approx(-3.9)
    assert "log10_q_end" not in last
    tame = {p.key: p.value for p in trials["descends"].metrics}
    assert tame["log10_q_end"] == pytest.approx(40 * math.log10(0.8))


def test_notes_are_what_mlflow_shows_on_the_pages_of_runs(trials: dict[str, RunRow]) -> None:
    result = planted()
    rows = [cell_row("demo", result, "7", END), *trials.values()]
    notes = run_pages(result.cell, result.trials, result.summary).notes
    shown = dict(
        zip(["cell", *trials], (r.tags["mlflow.note.content"] for r in noted(rows, notes)), strict=True)
    )
    assert shown["explodes"] == "Diverged: loss a million times its start by update 96."
    assert shown["cell"].startswith(f"Of {len(trials)} trials ")
    assert noted(rows, []) == rows


def test_a_cell_has_a_picture_of_its_rates_that_is_the_same_each_time() -> None:
    result = planted()
    first, again = (run_pages(result.cell, result.trials, result.summary).picture for _ in range(2))
    assert first is not None
    assert first.startswith(b"\x89PNG")
    assert first == again
    unswept = result.trials[result.trials["phase"] != "sweep"]
    assert run_pages(result.cell, unswept, result.summary).picture is None


def test_scalars_that_no_chart_can_show_are_left_out(trials: dict[str, RunRow]) -> None:
    assert {"q_end", "hit_0.1", "validation_score"}.isdisjoint(p.key for p in trials["explodes"].metrics)
    tame = {p.key: p.value for p in trials["descends"].metrics}
    assert (tame["q_end"], tame["hit_0.1"], tame["test_score"]) == (0.8**40, 5000.0, 0.1 + 0.2)


def test_trials_are_listed_in_their_order_within_the_time_of_the_cell(trials: dict[str, RunRow]) -> None:
    assert [row.start for row in trials.values()] == [END - 1500 + i for i in range(len(trials))]
    assert {row.end for row in trials.values()} == {END}


def test_a_cell_has_its_finite_numbers_as_metrics_and_the_rest_as_tags() -> None:
    row = cell_row("demo", planted(), "7", END)
    metrics = {p.key: p.value for p in row.metrics}
    expected = {"tuned_rate_training": 0.1 + 0.2, "updates_total": 12345, "trials": 7, "seconds_sweep": 1.5}
    assert {name: metrics[name] for name in expected} == expected
    texts = {"search_status": "clear", "sweep_boundary": "inf", "usable_width_decades": "nan"}
    texts |= {"sweep_best_rate": "1e+300", "limit_basis": "exact"}
    assert {name: row.tags[name] for name in texts} == texts
    assert not set(texts) & set(metrics)
    assert json.loads(row.tags["limit_by_batch"]) == {"1": 0.5, "90": 2 / 3}
    assert json.loads(row.tags["surface"])["loss"] == 1e-300
    assert "sweep_margin_decades" not in row.tags | metrics  # what does not exist
    assert (row.tags["kind"], row.tags["key"]) == ("cell", planted().cell.key)
    assert (row.name, row.end - row.start) == (planted().cell.label, 1500)
    assert max(map(len, row.tags.values())) <= 5000


@pytest.mark.parametrize(
    ("rate", "text"),
    [
        (1e-3, "1e-3"),
        (0.0125893, "1.26e-2"),
        (1.0, "1e0"),
        (31.6, "3.16e1"),
        (9.999, "1e1"),
        (1e-10, "1e-10"),
    ],
)
def test_rates_are_written_as_people_write_them(rate: float, text: str) -> None:
    assert rate_text(rate) == text
    assert math.isclose(float(rate_text(rate)), rate, rel_tol=5e-3)
