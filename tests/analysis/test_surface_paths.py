"""Paths on a loss surface: which runs are chosen, and how the surface is drawn."""

import numpy as np
import pandas as pd
import pytest

from overshoot.study.analysis import gather
from overshoot.study.analysis.study_tables import Tables, analyse
from overshoot.study.analysis.surface_paths import FAR, MARGIN, LossSurface
from overshoot.study.figures.surface_maps import Way, joined, leaving
from tests.planted_cells import BOWL, INF, VALLEY, planted

VALLEY_FLOOR = LossSurface(np.array([1.0, -2.0]), np.array([[5.0, 2.0], [2.0, 1.0]]), 3.0)


def analysed(**changes) -> Tables:
    return analyse(gather([planted(surface=True, **changes)]))


def rates(tables: Tables) -> dict[str, float]:
    return {str(k): v for k, v in tables.paths.groupby("kind", sort=False)["rate"].first().items()}


def test_four_kinds_of_rates_are_chosen():
    bouncing = VALLEY | {3.0: 0.2}
    assert rates(analysed(sweep=dict(sorted(bouncing.items())))) == {
        "too small": 0.01,
        "good": 1.0,
        "overshooting": 3.0,
        "diverging": 10.0,
    }


def test_kinds_that_are_not_there_are_left_out():
    assert set(rates(analysed())) == {"too small", "good", "diverging"}
    assert set(rates(analysed(sweep={0.1: INF, 1.0: INF}, tuned=()))) == {"diverging"}
    assert set(rates(analysed(sweep={0.1: 0.3, 1.0: 0.01}))) == {"too small", "good"}


def test_a_run_that_lasted_but_left_the_map_does_not_count_as_overshooting():
    cell = planted(surface=True, sweep=VALLEY | {3.0: 0.2})
    far = cell.curves["trial"].isin(cell.trials.loc[cell.trials["rate"] == 3.0, "trial"])
    inner = far & cell.curves["update"].between(1, 99)
    cell.curves.loc[inner, "theta_1"] = BOWL.theta[1] + 2 * MARGIN
    assert "overshooting" not in rates(analyse(gather([cell])))


def test_the_divergence_boundary_provides_an_overshooting_run_where_the_sweep_has_none():
    cell = planted(surface=True, sweep=VALLEY | {5.0: 0.3})
    cell.trials.loc[cell.trials["rate"] == 5.0, "phase"] = "limit"
    assert rates(analyse(gather([cell])))["overshooting"] == 5.0


def test_problems_without_a_surface_have_no_paths():
    tables = analyse(gather([planted("plain"), planted("bowl", surface=True)]))
    assert set(tables.paths["problem"]) == {"bowl/net"} == set(tables.surfaces)
    assert analyse(gather([planted()])).paths.empty


def test_the_view_holds_the_starts_and_is_centred_on_the_optimum():
    surface = analysed().surfaces["toy/net"]
    assert surface.half == pytest.approx(MARGIN)  # all start at distance 1
    assert surface.theta.tolist() == [*BOWL.theta]


def test_each_contour_has_twice_the_loss_of_the_one_within_and_the_last_reaches_the_corners():
    ellipses, angle = VALLEY_FLOOR.contours()
    turn = np.radians(angle)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    around = np.linspace(0, 2 * np.pi, 40)
    losses = []
    for a, b in ellipses:
        points = rotation @ np.array([a * np.cos(around), b * np.sin(around)])
        loss = np.einsum("in,ij,jn->n", points, VALLEY_FLOOR.hessian, points) / 2
        assert loss == pytest.approx(loss[0])
        losses.append(loss[0])
    assert np.divide(losses[1:], losses[:-1]) == pytest.approx(2)
    corner = VALLEY_FLOOR.half * np.ones(2)
    assert losses[-1] >= corner @ VALLEY_FLOOR.hessian @ corner / 2


def test_a_path_is_seen_up_to_where_no_line_could_be_drawn():
    theta = VALLEY_FLOOR.theta + 3.0 * np.array([[0, 0.5], [2, 0], [-2 * FAR, 0], [5 * FAR, 0], [np.inf, 0]])
    assert VALLEY_FLOOR.view(theta) == pytest.approx(np.array([[0, 0.5], [2, 0], [-2 * FAR, 0]]))
    assert len(VALLEY_FLOOR.view(np.array([[1.0, -2.0], [np.nan, 0.0], [1.0, 1.0]]))) == 1


def test_a_path_leaves_where_it_crosses_the_edge_for_good():
    theta = VALLEY_FLOOR.theta + np.array([[0, 0], [6, 0], [0, 1], [0, 7], [9, 9]])
    assert leaving(theta, VALLEY_FLOOR) == pytest.approx(np.add(VALLEY_FLOOR.theta, [0, 3]))
    assert leaving(theta[:3], VALLEY_FLOOR) == pytest.approx(np.add(VALLEY_FLOOR.theta, [0, 1]))


def test_updates_are_joined_as_long_as_none_is_missing():
    assert joined(np.array([0, 1, 2, 3, 8, 9])) == 4
    assert Way(0.1, False, np.array([0, 5]), np.zeros((2, 2))).joined == 1


def test_a_path_is_that_of_the_first_replicate():
    tables = analysed()
    chosen = tables.paths.drop_duplicates(["kind"])["update"]
    assert (chosen == 0).all()
    assert not tables.paths.duplicated(["kind", "update"]).any()
    assert isinstance(tables.paths, pd.DataFrame)
