import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overshoot import core
from overshoot.core import descend, optimizer

H = np.diag([1.0, 10.0])


def quadratic(theta):
    return theta @ H


@given(st.floats(1e-4, 0.19), st.integers(0, 30))
def test_the_path_of_gradient_descent_on_a_quadratic_is_the_closed_form(lr, steps):
    start = np.array([3.0, -2.0])
    path = descend(optimizer("sgd", lr=lr), quadratic, start, steps)
    assert path.shape == (steps + 1, 2)
    t = np.arange(steps + 1)[:, None]
    np.testing.assert_allclose(path, start * (1 - lr * np.diag(H)) ** t, rtol=1e-10)


def test_the_path_begins_at_the_start():
    start = np.array([0.1, 1e-300])
    np.testing.assert_array_equal(descend(optimizer("adam"), quadratic, start, 3)[0], start)
    np.testing.assert_array_equal(descend(optimizer("adam"), quadratic, start, 0), start[None])


@pytest.mark.parametrize("name", core.OPTIMIZERS)
def test_rows_of_a_stack_are_the_paths_of_each_alone(name):
    starts = np.array([[3.0, -2.0], [1.0, 1.0], [0.5, 0.0]])
    rates = [0.01, 0.3, 0.1]
    path = descend(optimizer(name, lr=rates), quadratic, starts, 200)
    assert path.shape == (201, 3, 2)
    for r, (lr, start) in enumerate(zip(rates, starts, strict=True)):
        np.testing.assert_array_equal(path[:, r], descend(optimizer(name, lr=lr), quadratic, start, 200))


def test_whole_numbers_and_lists_are_starts_and_gradients():
    path = descend(optimizer("sgd", lr=0.5), lambda theta: [float(theta[0]), 0], [2, 1], 2)
    assert path.dtype == np.float64
    np.testing.assert_array_equal(path, [[2, 1], [1, 1], [0.5, 1]])


def test_a_trial_that_overflows_is_nan_from_there_and_the_others_go_on():
    path = descend(optimizer("sgd", lr=[0.1, 1e200]), quadratic, np.ones((2, 2)), 50)
    assert np.isfinite(path[:, 0]).all()
    assert np.isfinite(path[:2, 1]).all()
    assert np.isnan(path[2:, 1]).all()


def test_a_single_trial_that_overflows_is_nan_to_the_end():
    path = descend(optimizer("sgd", lr=1e200), quadratic, np.ones(2), 50)
    assert path.shape == (51, 2)
    assert np.isfinite(path[:2]).all()
    assert np.isnan(path[2:]).all()


def test_a_gradient_that_is_not_a_number_ends_its_trial_alone():
    def torn(theta):
        return np.where(theta < 0.5, np.nan, theta)

    path = descend(optimizer("sgd", lr=[0.4, 0.1]), torn, np.ones((2, 1)), 6)
    np.testing.assert_array_equal(np.isnan(path[:, 0, 0]), [False, False, False, True, True, True, True])
    assert np.isfinite(path[:, 1]).all()


def test_the_function_sees_every_row_even_when_some_have_left():
    seen = []

    def remember(theta):
        seen.append(theta.shape)
        return theta

    descend(optimizer("sgd", lr=[1e200, 0.1]), remember, np.ones((2, 3)), 10)
    assert seen == [(2, 3)] * 10


@given(st.integers(1, 20))
def test_the_function_may_write_on_what_it_gets_and_keep_what_it_gives(steps):
    kept = np.zeros(2)

    def careless(theta):
        kept[:] = theta
        theta[:] = -7
        return kept

    path = descend(optimizer("momentum", lr=0.1), careless, np.array([1.0, 2.0]), steps)
    np.testing.assert_array_equal(path, descend(optimizer("momentum", lr=0.1), np.copy, [1.0, 2.0], steps))


def test_start_is_not_written_to():
    start = np.ones(2)
    start.setflags(write=False)
    descend(optimizer("sgd", lr=0.1), quadratic, start, 3)


WRONG = {
    "a number": (3.0, 1, r"start must be \(n,\) or \(R, n\), got shape \(\)"),
    "no parameters": ([], 1, r"got shape \(0,\)"),
    "three axes": (np.ones((2, 2, 2)), 1, r"got shape \(2, 2, 2\)"),
    "infinity": ([1.0, np.inf], 1, "start must be finite"),
    "NaN": ([1.0, np.nan], 1, "start must be finite"),
    "negative steps": ([1.0], -1, "steps must be a whole number, 0 or more, got -1"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_call_says_what_is_wrong(case):
    start, steps, message = WRONG[case]
    with pytest.raises(ValueError, match=message):
        descend(optimizer("sgd"), lambda theta: theta, start, steps)


@pytest.mark.parametrize("shape", [(), (3,), (1, 2)])
def test_a_gradient_of_another_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"gradient must return shape \(2,\), like start"):
        descend(optimizer("sgd"), lambda theta: np.zeros(shape), np.ones(2), 1)
