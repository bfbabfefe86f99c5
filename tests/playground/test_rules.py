"""The playground's update rules, gradients and limits, against the core's."""

import numpy as np
import pytest

from overshoot import core
from overshoot.study.playground import OPTIMIZERS

pytestmark = pytest.mark.slow

H = np.array([[3.0, 0.9], [0.9, 0.7]])
START = [-1.3, 1.7]
HYPERPARAMETERS = {
    "momentum": {"momentum": 0.8},
    "nesterov": {"momentum": 0.95},
    "adagrad": {"eps": 1e-3},
    "rmsprop": {"alpha": 0.9, "eps": 1e-4},
    "adam": {"beta1": 0.7, "beta2": 0.95, "eps": 1e-3},
    "adamw": {"beta1": 0.8, "beta2": 0.9, "weight_decay": 0.2},
    "amsgrad": {"beta2": 0.8},
    "lion": {"beta1": 0.6, "beta2": 0.8},
}
PATH = """({ name, h, start, steps, H, curved }) => {
  const theta = Float64Array.from(start), g = new Float64Array(2), s = fresh(name, 2), path = [[...theta]];
  for (let t = 1; t <= steps; t++) {
    for (let i = 0; i < 2; i++) {
      g[i] = H[i][0] * theta[0] + H[i][1] * theta[1];
      if (curved) g[i] += Math.sin(3 * theta[i]);
    }
    RULES[name].step(theta, g, s, t, h);
    path.push([...theta]);
  }
  return path;
}"""


def gradient(curved):
    return lambda theta: H @ theta + (np.sin(3 * theta) if curved else 0)


def test_the_page_has_the_rules_that_it_offers(module):
    assert module("rules", "RULES", "() => Object.keys(RULES)", None) == list(OPTIMIZERS)


@pytest.mark.parametrize("curved", [False, True], ids=["bowl", "ripples"])
@pytest.mark.parametrize("given", [False, True], ids=["defaults", "others"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_rule_makes_the_cores_path(module, name, given, curved):
    chosen = HYPERPARAMETERS.get(name, {}) if given else {}
    defaults = {key: option.default for key, option in core.domains(name).items()}
    for lr in (0.01, 0.3):
        expected = core.descend(core.optimizer(name, lr=lr, **chosen), gradient(curved), START, 100)
        argument = {"name": name, "h": {**defaults, **chosen, "lr": lr}, "start": START, "steps": 100}
        path = np.array(module("rules", "RULES, fresh", PATH, argument | {"H": H.tolist(), "curved": curved}))
        assert np.abs(expected[-1]).max() < 100
        np.testing.assert_allclose(path, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_limit_is_the_cores(module, name):
    optimizer = core.optimizer(name, **HYPERPARAMETERS.get(name, {}))
    recursion = module(
        "rules", "RULES", "([n, h]) => RULES[n].recursion?.(h) ?? null", [name, HYPERPARAMETERS.get(name, {})]
    )
    assert (recursion is None) == (optimizer.recursion is None)
    if recursion is None:
        return
    for curvature in (0.2, 3.0):
        limit = module("limits", "fullLimit", "([r, c]) => fullLimit(r, c)", [recursion, curvature])
        assert limit == pytest.approx(optimizer.critical_rate(curvature), rel=1e-12)


@pytest.mark.parametrize("name", ["sgd", "momentum", "nesterov"])
@pytest.mark.parametrize("size", [1, 4, 12])
def test_a_mean_square_limit_is_the_cores(module, name, size):
    X = np.hstack([np.random.default_rng(1).normal(0.7, 1.0, (12, 1)), np.ones((12, 1))])
    recursion = core.optimizer(name).recursion
    expected = core.mean_square_rate(X, size, recursion=recursion).value
    Hs = [np.outer(x, x).tolist() for x in X]
    given = {key: getattr(recursion, key) for key in ("kick", "carry", "momentum", "feed")}
    limit = module(
        "limits", "meanSquareLimit", "([Hs, b, r]) => meanSquareLimit(Hs, b, r)", [Hs, size, given]
    )
    assert limit == pytest.approx(expected, rel=1e-5)


def test_eigenvalues_are_numpys(module):
    A = np.random.default_rng(2).normal(size=(7, 7))
    found = module("limits", "eigenvalues", "(A) => eigenvalues(A)", (A + A.T).tolist())
    np.testing.assert_allclose(found, np.linalg.eigvalsh(A + A.T)[::-1], atol=1e-12)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "relu"])
@pytest.mark.parametrize("hidden", [0, 5])
def test_a_networks_loss_and_gradient_are_the_cores(module, hidden, activation, loss):
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(9, 2)), rng.integers(0, 2, 9)
    sizes = (2, hidden, 1) if hidden else (2, 1)
    name = {"cross_entropy": "binary_cross_entropy", "mse": "sigmoid_mse"}[loss]
    net = core.Network(sizes, activation, name)
    theta = rng.normal(size=net.size)
    expected = net.loss_and_grad(theta, X, y)
    argument = {
        "points": np.column_stack([X, y]).tolist(),
        "settings": {"hidden": hidden, "activation": activation, "loss": loss, "seed": 0},
        "theta": theta.tolist(),
    }
    function = """({ points, settings, theta }) => {
      const problem = networkProblem(points, settings), g = new Float64Array(problem.dim);
      problem.gradient(theta, g);
      return [problem.value(theta), [...g]];
    }"""
    value, found = module("network", "networkProblem", function, argument)
    assert value == pytest.approx(expected[0], rel=1e-12)
    np.testing.assert_allclose(found, expected[1], atol=1e-12)


@pytest.mark.parametrize("loss", ["half_mse", "mse", "rmse"])
@pytest.mark.parametrize("standardised", [False, True])
def test_the_lines_loss_gradient_and_answer_are_the_cores(module, loss, standardised):
    settings = {
        **{"slope": -2, "intercept": 0.5, "offset": 3, "spread": 0.5, "noise": 1, "points": 20, "seed": 4},
        **{"moved": {"3": [9, -9]}, "loss": loss, "standardised": standardised, "fitted": True},
    }
    function = """(settings) => {
      const p = FUNCTIONS.line(settings), theta = [0.3, -0.8], all = [0, 0], some = [0, 0];
      p.gradient(theta, all);
      p.gradient(theta, some, [3, 5, 6]);
      return { points: p.points, best: p.best, inUnits: p.inUnits(p.best), value: p.value(theta), all, some };
    }"""
    found = module("problems", "FUNCTIONS", function, settings)
    points = np.array(found["points"])
    assert points[3].tolist() == [9, -9]
    slope, intercept = np.polyfit(points[:, 0], points[:, 1], 1)
    np.testing.assert_allclose(found["inUnits"], [slope, intercept], rtol=1e-9)
    if standardised:
        points = (points - points.mean(axis=0)) / points.std(axis=0)
    net = core.Network((1, 1), loss=loss)
    value, all_ = net.loss_and_grad([0.3, -0.8], points[:, :1], points[:, 1])
    some = net.loss_and_grad([0.3, -0.8], points[[3, 5, 6], :1], points[[3, 5, 6], 1])[1]
    assert found["value"] == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(found["all"], all_, rtol=1e-9)
    np.testing.assert_allclose(found["some"], some, rtol=1e-9)
    assert np.abs(net.loss_and_grad(np.array(found["best"]), points[:, :1], points[:, 1])[1]).max() < 1e-9


@pytest.mark.parametrize("name", ["parabola", "valley", "himmelblau", "rosenbrock"])
def test_a_functions_gradient_and_hessian_are_its_own(module, name):
    settings = {"curvature": 2.5, "condition": 40, "angle": 25}
    function = """([name, settings, theta]) => {
      const p = FUNCTIONS[name](settings), at = theta.slice(0, p.dim), g = new Array(p.dim);
      p.gradient(at, g);
      const shifted = (i, by) => p.value(at.map((v, k) => v + (k === i ? by : 0)));
      const slopes = at.map((_, i) => (shifted(i, 1e-5) - shifted(i, -1e-5)) / 2e-5);
      const bends = at.map((_, i) => {
        const up = new Array(p.dim), down = new Array(p.dim);
        p.gradient(at.map((v, k) => v + (k === i ? 1e-5 : 0)), up);
        p.gradient(at.map((v, k) => v - (k === i ? 1e-5 : 0)), down);
        return up.map((u, k) => (u - down[k]) / 2e-5);
      });
      const rest = (p.minima ?? [p.best]).map((m) => p.value(m) - p.minimum);
      return { g, slopes, bends, rest, hessian: p.hessian(at) };
    }"""
    found = module("problems", "FUNCTIONS", function, [name, settings, [0.7, -1.2]])
    np.testing.assert_allclose(found["g"], found["slopes"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found["hessian"], found["bends"], rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found["rest"], 0, atol=1e-12)
