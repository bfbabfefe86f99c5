"""What the lessons say is true of their runs, and their wrong forms are wrong."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from overshoot import core
from overshoot.study.lessons import (
    LESSONS,
    CheckedClaim,
    ClaimError,
    adaptive_methods,
    backward,
    batch_sizes,
    best_rate,
    catapult,
    intercept,
    lesson_pages,
    line,
    logistic,
    norate,
    rootloss,
    stochastic_edge,
    warmup,
)
from overshoot.study.lessons.lesson import Code
from tests.lessons.conftest import made

PLACES = range(len(LESSONS))
MODULES = (
    *(line, batch_sizes, logistic, backward, norate, rootloss, adaptive_methods, intercept),
    *(catapult, stochastic_edge, warmup, best_rate),
)


def test_there_are_twelve_and_each_has_a_page_of_its_own():
    assert [made(place).slug for place in PLACES] == [m.__name__.rpartition(".")[2] for m in MODULES]


@pytest.mark.parametrize("place", PLACES)
def test_a_lesson_is_whole(place):
    lesson = made(place)
    assert len(lesson.claims) >= 4
    assert len(lesson.mathematics) >= 3
    assert len(lesson.pictures) >= 2
    assert lesson.playgrounds
    assert lesson.right.source != lesson.wrong.source
    assert all(any(digit in claim.text for digit in "0123456789") or claim.holds for claim in lesson.claims)


def test_a_claim_that_its_runs_do_not_show_makes_no_page(tmp_path, monkeypatch):
    with pytest.raises(ClaimError, match="the runs do not show: the moon is 3 cheeses"):
        CheckedClaim("the moon is 3 cheeses", holds=False)
    monkeypatch.setattr(line, "step_in_turn", line.step)  # then nothing is wrong with the wrong form
    folder = tmp_path / "lessons"
    folder.mkdir()
    (folder / "index.html").write_text("before")
    with pytest.raises(ClaimError, match="Updated one after the other"):
        lesson_pages.write(folder)
    assert [file.name for file in tmp_path.rglob("*")] == ["lessons", "index.html"]


def test_code_is_shown_as_it_runs_without_types_and_docstring():
    shown = Code("Right", line.step).source
    names: dict = {}
    exec(shown, names)
    x, y = line.points(5)
    assert names["step"](0.3, -1.0, x, y, 0.2) == line.step(0.3, -1.0, x, y, 0.2)
    assert shown.splitlines()[0] == "def step(m, b, x, y, rate):"
    assert '"""' not in shown


def test_the_lines_step_is_the_cores_and_the_one_in_turn_is_not():
    x, y = line.points()
    net = core.Network((1, 1))
    start = np.array([0.3, -0.5])
    gradient = net.loss_and_grad(start, x[:, None], y)[1]
    np.testing.assert_allclose(line.step(0.3, -0.5, x, y, 0.1), start - 0.1 * gradient, rtol=1e-12)
    in_turn = line.step_in_turn(0.3, -0.5, x, y, 0.1)
    assert in_turn[0] == pytest.approx(start[0] - 0.1 * gradient[0])
    assert abs(in_turn[1] - (start[1] - 0.1 * gradient[1])) > 1e-3


def test_a_batchs_gradient_is_right_on_average_and_the_sum_is_as_many_times_it():
    x, y = line.points()
    X, theta = np.column_stack([x, np.ones_like(x)]), np.array([0.5, 2.0])
    whole = batch_sizes.gradient_of_batch(theta, X, y)
    parts = [batch_sizes.gradient_of_batch(theta, X[i : i + 8], y[i : i + 8]) for i in range(0, 40, 8)]
    np.testing.assert_allclose(np.mean(parts, axis=0), whole, rtol=1e-12)
    np.testing.assert_allclose(batch_sizes.gradient_summed(theta, X, y), 40 * whole, rtol=1e-12)


def test_the_right_backward_pass_is_the_cores():
    X, labels = logistic.moons(30)
    Y = np.stack([1 - labels, labels]).astype(float)
    weights = backward.start()
    W1, b1, W2, b2 = weights
    net = core.Network((2, 2, 2), "sigmoid", "sigmoid_mse")
    theta = np.concatenate([np.hstack([W1, b1]).ravel(), np.hstack([W2, b2]).ravel()])
    loss, expected = net.loss_and_grad(theta, X, Y.T)
    assert backward.loss(X.T, Y, weights) == pytest.approx(loss)
    dW1, db1, dW2, db2 = backward.backward(X.T, Y, *backward.forward(X.T, weights), weights)
    found = np.concatenate([np.hstack([dW1, db1]).ravel(), np.hstack([dW2, db2]).ravel()])
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_published_backward_pass_differs_by_just_what_the_lesson_names():
    X, labels = logistic.moons(30)
    X, Y = X.T, np.stack([1 - labels, labels]).astype(float)
    W1, b1, W2, b2 = weights = backward.start()
    A1, A2 = backward.forward(X, weights)
    right = backward.backward(X, Y, A1, A2, weights)
    wrong = backward.backward_published(X, Y, A1, A2, weights)
    np.testing.assert_allclose(wrong[2], 30 * right[2], rtol=1e-12)  # the last layer lacks 1/M alone
    np.testing.assert_allclose(wrong[3], 30 * right[3].sum(), rtol=1e-12)
    mended = backward.backward(X, Y, A1, A2, (W1, b1, W1, b2))  # the first layer's weights in both places
    np.testing.assert_allclose(wrong[0], 30 * mended[0], rtol=1e-12)
    assert W2.shape == W1.shape


def test_the_lessons_adam_is_the_cores():
    m = v = total = 0.0
    gradients = [1.0, -0.5, 2.0, 0.1]
    given = iter(gradients)
    path = core.descend(core.optimizer("adam", lr=0.1), lambda t: [next(given)], [0.0], 4)[:, 0]
    for t, g in enumerate(gradients, 1):
        m, v, step = adaptive_methods.adam_step(m, v, g, t, 0.1)
        total -= step
        assert path[t] == pytest.approx(total, rel=1e-6)


def test_a_softmax_is_shifted_by_nothing():
    Z = np.random.default_rng(0).normal(size=(5, 3))
    np.testing.assert_allclose(rootloss.softmax(Z), rootloss.softmax_overflowing(Z), rtol=1e-12)
    assert norate.gaps(*norate.data()[:1], norate.data()[2], 0.1)[-1] < 1
    assert intercept.design_without_ones(np.arange(3.0)).shape == (3, 1)


def test_the_catapults_two_equations_are_those_of_two_linear_layers():
    rng = np.random.default_rng(0)
    u, v, rate = rng.normal(size=7) / 2, rng.normal(size=7) / 2, 0.7
    for _ in range(5):
        f, kernel = u @ v, u @ u + v @ v  # the derivatives of f by u and v are v and u
        u, v = u - rate * f * v, v - rate * f * u
        assert u @ v == pytest.approx(f * (1 - rate * kernel + rate**2 * f**2))
        assert u @ u + v @ v == pytest.approx(kernel + rate * f**2 * (rate * kernel - 4))


def test_a_rise_is_no_divergence():
    thrown_up = np.array([1.0, 5.0, 0.1])
    assert catapult.diverged_at_a_rise(thrown_up)
    assert not catapult.diverged(thrown_up)
    assert catapult.diverged(np.array([1.0, 5.0, np.nan]))


def test_adam_from_zero_is_the_cores_and_from_the_gradient_its_first_step_is_short():
    net, X, y, starts = warmup.problem()
    rates = warmup.RATES["adam"][:3]
    own, adam = (warmup.runs(each, rates) for each in (warmup.AdamFromZero, core.OPTIMIZERS["adam"]))
    np.testing.assert_allclose(own[..., :20], adam[..., :20], rtol=1e-9)
    g = net.loss_and_grad(starts[0], X, y)[1]
    g = g[g != 0]
    path = core.descend(warmup.AdamFromGradient(lr=0.1, **{"eps": 0.0}), lambda theta: g, np.zeros_like(g), 1)
    np.testing.assert_allclose(np.abs(path[1]), 0.1 * np.sqrt(0.001), rtol=1e-9)


def test_a_batch_of_all_rows_feels_no_more_than_the_sharpest_direction():
    net = core.Network((2, 3, 1), "tanh")
    rng = np.random.default_rng(2)
    X, theta = rng.normal(size=(12, 2)), net.init(rng)[None]
    data = net.data(X, X[:, 0] * X[:, 1])
    whole = [np.arange(12)]
    felt = stochastic_edge.curvature_of_batches(net, theta, data, whole)
    assert felt <= stochastic_edge.curvature_of_all(net, theta, data, whole) * (1 + 1e-6)


def test_the_best_rates_are_those_of_the_expected_loss():
    """By sums over all signs, and by the minimum of the expected loss over a fine grid of rates."""
    found = best_rate.Bowl(np.array([[1.0, 0.4], [0.4, 2.0]]), np.array([0.3, -0.5]), np.array([1.0, 1.5]))
    rates = np.linspace(0, 2, 200_001)
    for batch in (1, 7, 300):
        second = np.outer(found.gradient, found.gradient) + np.diag(found.noise**2) / batch
        descent = -rates * (found.gradient @ found.gradient) + rates**2 / 2 * np.trace(found.hessian @ second)
        own = best_rate.best_rate(batch, found.highest, found.scale)
        assert own == pytest.approx(rates[descent.argmin()], abs=2e-5)
        up = stats.norm.cdf(found.gradient / found.noise * np.sqrt(batch))
        loss = np.zeros_like(rates)
        for signs in product((-1, 1), repeat=2):
            s = np.array(signs)
            weight = np.prod(np.where(s > 0, up, 1 - up))
            loss += weight * (-rates * (found.gradient @ s) + rates**2 / 2 * (s @ found.hessian @ s))
        assert found.sign_rate(batch) == pytest.approx(rates[loss.argmin()], abs=2e-5)


def test_the_peak_is_where_small_chances_put_it():
    found = best_rate.bowl()
    batches = np.geomspace(1, 1e4, 4001)
    mean = np.sqrt(2 * batches / np.pi)[:, None] * found.gradient / found.noise  # erf, to first order
    off = found.hessian - np.diag(np.diag(found.hessian))
    rates = mean @ found.gradient / (np.trace(found.hessian) + np.einsum("bi,ij,bj->b", mean, off, mean))
    assert batches[rates.argmax()] == pytest.approx(found.peak, rel=0.01)
