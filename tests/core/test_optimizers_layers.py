"""The roads by which an optimizer learns of layers and of curvature."""

import numpy as np
import pytest

from overshoot import core
from overshoot.core import BatchStrategy, Network, optimizer
from overshoot.core.loop import Objective, iterate
from overshoot.core.optimizers.base import layers, norm, total
from overshoot.core.training import NetworkObjective

NET = Network((3, 5, 4, 2), "tanh", "half_mse")
LAYERWISE = ["lars", "lamb", "muon", "adafactor", "shampoo", "cautious_adamw"]


@pytest.fixture
def data(rng):
    return NET.data(rng.standard_normal((20, 3)), rng.standard_normal((20, 2)))


@pytest.fixture
def theta(rng):
    return np.stack([NET.init(rng) + 0.1 for _ in range(3)])


def one_step(name, theta, data, **options):
    """The change (R, P) that the first update on the full batch makes."""
    made = optimizer(name, **options)
    return core.train(NET, made, theta, data, BatchStrategy(), [0] * len(theta), [1]).theta - theta


def gradient(theta, data):
    return NetworkObjective(NET, data, BatchStrategy(), [0] * len(theta)).gradient(theta, 1)


def test_the_layers_of_theta_are_those_of_the_network(theta):
    for ours, nets in zip(layers(theta, NET.shapes), NET.layers(theta), strict=True):
        np.testing.assert_array_equal(ours, nets)
        assert np.shares_memory(ours, theta)


def test_a_vector_is_a_matrix_with_one_row():
    a = np.arange(10.0).reshape(2, 5)
    first, second = layers(a, ((3,), (2, 1)))
    np.testing.assert_array_equal(first, [[[0, 1, 2]], [[5, 6, 7]]])
    np.testing.assert_array_equal(second, [[[3], [4]], [[8], [9]]])


def test_sums_and_norms_are_of_each_trial(rng):
    a = rng.standard_normal((3, 4, 5))
    np.testing.assert_allclose(total(a), a.sum(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(norm(a)[:, 0, 0], [np.linalg.norm(x) for x in a])
    assert norm(a[:, 0]).shape == (3, 1)


def test_muon_moves_each_layer_by_nearly_orthogonal_steps(theta, data):
    """Five iterations bring singular values that were not tiny to between 0.7 and 1.2."""
    step = one_step("muon", theta, data, lr=0.01, weight_decay=0.0)
    for G, change in zip(NET.layers(gradient(theta, data)), NET.layers(step), strict=True):
        scale = 0.01 * max(1, change.shape[1] / change.shape[2]) ** 0.5
        clear = np.linalg.svd(G)[1] > 0.05 * norm(G)[:, 0]
        values = np.linalg.svd(change / scale)[1]
        assert np.all((values[clear] > 0.65) & (values[clear] < 1.25))
        assert values.max() < 1.25
        alignment = np.einsum("rij,rij->r", G, change)
        assert np.all(alignment < 0)


def test_a_trust_ratio_is_of_each_layer(theta, data):
    for name, options in (("lamb", {}), ("lars", {"trust": 1.0})):
        step = one_step(name, theta, data, lr=0.01, **options)
        for W, change in zip(NET.layers(theta), NET.layers(step), strict=True):
            np.testing.assert_allclose(norm(change), 0.01 * norm(W), rtol=1e-9)


def test_adafactor_keeps_a_row_and_a_column_of_each_layer(theta):
    state = optimizer("adafactor").prepare(NET.shapes).init(theta)
    kept = sum(array[0].size for key, array in state.items() if key != "work")
    assert kept == sum(m + n for m, n in NET.shapes)


def test_adafactor_recovers_squares_of_rank_one():
    """G^2 that is an outer product is what its row and column say: every entry moves by the same."""
    a, b = np.array([1.0, 2.0, 5.0]), np.array([1.0, 0.1, 3.0, 4.0])
    theta = np.ones((1, 12))
    made = optimizer("adafactor", lr=0.1).prepare(((3, 4),))
    step = made.step(np.outer(a, b).reshape(1, 12), made.init(theta), theta, 1)
    np.testing.assert_allclose(step, 0.1, rtol=1e-12)


def test_shampoo_whitens_the_first_gradient(theta, data):
    """L^(-1/4) G R^(-1/4) of one gradient alone has the singular values 1 where G's are not tiny."""
    step = one_step("shampoo", theta, data, lr=1.0, eps=1e-12)
    for G, change in zip(NET.layers(gradient(theta, data)), NET.layers(step), strict=True):
        large = np.linalg.svd(G)[1] > 1e-3
        np.testing.assert_allclose(np.linalg.svd(change)[1][large], 1, rtol=1e-3)


def test_shampoo_takes_roots_at_first_and_then_now_and_then(theta, data):
    """Each trial by its own interval, with the bits that it has alone; other steps only between roots."""

    def points(every):
        made = optimizer("shampoo", lr=0.1, every=every).prepare(NET.shapes)
        state, at, walked = made.init(theta), theta, []
        for t in range(1, 8):
            at = at - made.step(gradient(at, data), state, at, t)
            walked.append(at)
        return np.array(walked)

    always, third, each = points(1), points(3), points(np.array([3.0, 1.0, 3.0]))
    assert (each[:, 1] == always[:, 1]).all()
    assert (each[:, [0, 2]] == third[:, [0, 2]]).all()
    assert (third[:3] == always[:3]).all()
    assert not np.isclose(third[3:], always[3:]).all(axis=(1, 2)).any()


@pytest.mark.parametrize("name", LAYERWISE)
def test_where_a_layer_ends_matters(name, theta, data):
    flat = optimizer(name, lr=0.01).prepare(((NET.size,),))
    step = flat.step(gradient(theta, data), flat.init(theta), theta, 1)
    assert not np.allclose(-step, one_step(name, theta, data, lr=0.01))


FLAT = sorted(set(core.OPTIMIZERS) - {*LAYERWISE, "sophia"})  # whose first step needs more than a gradient


@pytest.mark.parametrize("name", FLAT)
def test_where_a_layer_ends_matters_to_no_other(name, theta, data):
    flat = optimizer(name, lr=0.01).prepare(((NET.size,),))
    step = flat.step(gradient(theta, data), flat.init(theta), theta, 1)
    np.testing.assert_allclose(-step, one_step(name, theta, data, lr=0.01), atol=1e-15)


def hessians(theta, data):
    """(R, P, P), by central differences of each coordinate."""
    h = 1e-5
    columns = [gradient(theta + h * e, data) - gradient(theta - h * e, data) for e in np.eye(NET.size)]
    return np.stack(columns, axis=2) / (2 * h)


def test_the_curvature_of_a_network_is_its_hessian_times_the_direction(theta, data, rng):
    v = rng.standard_normal(NET.size)
    found = NetworkObjective(NET, data, BatchStrategy(), [0] * 3).curvature(theta, v, 1)
    np.testing.assert_allclose(found, hessians(theta, data) @ v, atol=1e-7)


def test_the_curvature_in_float32_is_right_to_a_percent(theta, data, rng):
    v = rng.standard_normal(NET.size)
    expected = hessians(theta, data) @ v
    single = core.Batch(data.rows.astype(np.float32), data.targets.astype(np.float32))
    objective = NetworkObjective(NET, single, BatchStrategy(), [0] * 3)
    found = objective.curvature(theta.astype(np.float32), v.astype(np.float32), 1)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.01 * np.abs(expected).max())


def test_the_curvature_and_the_gradient_are_of_the_same_batch(theta, data, rng):
    v = rng.standard_normal(NET.size)
    objective = NetworkObjective(NET, data, BatchStrategy(6), [3] * 3)
    for t in range(1, 6):
        g = objective.gradient(theta, t)
        objective.curvature(theta, v, t)
        np.testing.assert_array_equal(objective.gradient(theta, t), g)


def test_sophias_probes_find_the_diagonal_of_the_hessian(theta, data):
    """Each estimate is off by the entries beside the diagonal; their mean is not."""
    made = optimizer("sophia").prepare(NET.shapes)
    H = hessians(theta, data)
    probes = [made.probe(theta, t) for t in range(1, 10_001, 10)]
    assert made.probe(theta, 2) is None
    assert set(np.unique(probes)) == {-1, 1}
    mean = np.mean([v * (H @ v) for v in probes], axis=0)
    diagonal = np.diagonal(H, axis1=1, axis2=2)
    off = np.sqrt((H**2).sum(axis=2) - diagonal**2)  # the standard deviation of one estimate
    assert np.all(np.abs(mean - diagonal) < 5 * off / np.sqrt(len(probes)))


class Told(Objective):
    """An objective that knows its curvature, and counts what it is asked."""

    shapes = ((2,),)

    def __init__(self):
        self.asked = []

    def gradient(self, theta, t, out):
        self.asked.append(("gradient", t))
        return theta.copy()

    def curvature(self, theta, v, t):
        self.asked.append(("curvature", t))
        return np.broadcast_to(v, theta.shape)

    def keep(self, rows):
        pass


def test_curvature_is_asked_of_the_objective_and_only_when_it_is_used():
    def observe(theta, _):
        return {"loss": np.zeros(len(theta))}

    for name, expected in (("sophia", [1, 11, 21]), ("adam", [])):
        objective = Told()
        iterate(optimizer(name), objective, np.ones((1, 2)), observe, [25])
        assert [t for what, t in objective.asked if what == "curvature"] == expected
        assert [t for what, t in objective.asked if what == "gradient"] == list(range(1, 26))
