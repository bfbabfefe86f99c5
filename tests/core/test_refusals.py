"""What the core cannot mean is refused: ValueError or TypeError, no other error and no silent number."""

from __future__ import annotations

import copy
import datetime
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overshoot import core
from overshoot.core import BatchStrategy, Network, optimizer
from overshoot.core.limits import batch_variance
from overshoot.core.loop import iterate
from overshoot.core.training import NetworkObjective

NET = Network((2, 1))
THETA = np.array([0.1, 0.2, 0.3])
X = np.array([[1.0, 2.0], [3.0, -4.0], [0.5, 1.0]])
Y = np.array([1.0, 2.0, 3.0])
DATA = NET.data(X, Y)
SGD, HEAVY = optimizer("sgd", lr=0.1), optimizer("momentum").recursion
SINGLE = BatchStrategy(1)

CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "descend": (
        core.descend,
        {
            "optimizer": SGD,
            "gradient": lambda theta: theta,
            "start": [1.0, 2.0],
            "steps": 2,
            "schedule": core.schedule("cosine"),
        },
    ),
    "gradient": (
        lambda returned: core.descend(SGD, lambda theta: returned, [1.0, 2.0], 2),
        {"returned": np.ones(2)},
    ),
    "train": (
        core.train,
        {
            "net": NET,
            "optimizer": SGD,
            "theta": THETA[None],
            "data": DATA,
            "strategy": SINGLE,
            "seeds": [1],
            "evaluate_at": [0, 1],
            "watch": {"validation_loss": DATA},
            "ceiling": 1e6,
            "schedule": core.schedule("constant"),
            "updates_at": [1],
        },
    ),
    "iterate": (
        iterate,
        {
            "optimizer": SGD,
            "objective": NetworkObjective(NET, DATA, SINGLE, [1]),
            "theta": THETA[None],
            "observe": lambda theta, _: {"loss": np.zeros(len(theta))},
            "evaluate_at": [1],
        },
    ),
    "Network": (Network, {"sizes": (2, 1), "activation": "relu", "loss": "half_mse", "initializer": "he"}),
    "init": (NET.init, {"rng": np.random.default_rng(0)}),
    "loss_and_grad": (NET.loss_and_grad, {"theta": THETA, "X": X, "Y": Y}),
    "predict": (NET.predict, {"theta": THETA, "X": X}),
    "evaluate": (NET.evaluate, {"theta": THETA[None], "data": DATA}),
    "data": (NET.data, {"X": X, "Y": Y}),
    "BatchStrategy": (BatchStrategy, {"size": 2, "order": "reshuffled"}),
    "named": (BatchStrategy.named, {"name": "16 fixed"}),
    "cuts": (SINGLE.cuts, {"n": 3}),
    "optimizer": (core.optimizer, {"name": "adam", "lr": 0.1, "beta1": 0.5}),
    "schedule": (core.schedule, {"name": "step", "every": 0.5}),
    "domains": (core.domains, {"name": "adam"}),
    "batch_variance": (batch_variance, {"n": 3, "size": 2}),
    "mean_square_rate": (core.mean_square_rate, {"X": X, "size": 1, "recursion": HEAVY}),
    "noise_floor": (
        core.noise_floor,
        {"X": X, "residuals": Y, "rates": [0.01], "size": 1, "recursion": HEAVY},
    ),
    "fixed_order_rate": (core.fixed_order_rate, {"X": X, "batches": [[0, 1], [2]], "recursion": HEAVY}),
    "lyapunov_exponents": (
        core.lyapunov_exponents,
        {"X": X, "strategy": SINGLE, "seeds": [1], "rates": [0.1], "recursion": HEAVY},
    ),
    "almost_sure_rates": (core.almost_sure_rates, {"X": X, "strategy": SINGLE, "seeds": [1]}),
    "sharpness": (
        core.sharpness,
        {"net": NET, "theta": THETA, "data": DATA, "weight_decay": 0.1, "tolerance": 1e-6, "iterations": 9},
    ),
    "smallest_eigenvalue": (core.smallest_eigenvalue, {"net": NET, "theta": THETA, "data": DATA}),
    "hessian_product": (core.hessian_product, {"net": NET, "theta": THETA, "v": THETA, "data": DATA}),
    "gradient_error": (
        core.gradient_error,
        {"function": lambda theta: (theta @ theta / 2, theta), "theta": THETA},
    ),
}
PLACES = [
    (call, place)
    for call, (_, arguments) in CALLS.items()
    for place in arguments
    if place not in ("objective", "observe")  # the project's own
]

MEANINGLESS = {
    "complex": np.array([1 + 1j, 2 + 0j]),
    "complex number": 1 + 1j,
    "masked": np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False]),
    "masked matrix": np.ma.array(X, mask=X > 2),
    "dates": np.array(["2026-01-01", "2026-01-02"], dtype="datetime64[D]"),
    "a date": datetime.datetime(2026, 1, 1),
    "spans": np.array([1, 2], dtype="timedelta64[s]"),
    "text": "no such thing",
    "texts": ["1.0", "2.0"],
    "bytes": b"1.0",
    "objects": np.array([object(), None]),
    "ragged": [[1.0], [1.0, 2.0]],
    "a dictionary": {"lr": 0.1},
    "a set": {1.0},
    "a class": dict,
    "cubic": np.ones((2, 2, 2, 2)),
}
"""Refused in every place."""

ABSURD = {
    "None": None,
    "empty": [],
    "empty stack": np.empty((0, 3)),
    "no columns": np.empty((3, 0)),
    "NaN": float("nan"),
    "NaNs": [float("nan")] * 3,
    "infinity": float("inf"),
    "huge": 1e300,
    "huge matrix": X * 1e300,
    "tiny matrix": X * 1e-300,
    "negative": -1,
    "long": 10**400,
    "half": 0.5,
    "true": True,
    "zeros": np.zeros((3, 2)),
    "out of range": [[0, 7]],
}
"""Refused, or meant: what comes out is then a number for a reason."""

ALLOWED = {  # None is a default in these places
    *(("descend", "schedule"), ("train", "schedule"), ("sharpness", "iterations"), ("BatchStrategy", "size")),
    *((call, "size") for call in ("batch_variance", "mean_square_rate", "noise_floor")),
}


def ask(call: str, **changes: Any) -> Any:
    function, arguments = CALLS[call]
    arguments = copy.deepcopy(
        arguments
    )  # an objective forgets the trials that left: the next call has its own
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return function(**arguments | changes)


@pytest.mark.parametrize("call", CALLS)
def test_the_calls_are_good_as_they_are(call: str) -> None:
    ask(call)


@pytest.mark.parametrize("what", MEANINGLESS)
@pytest.mark.parametrize(("call", "place"), PLACES, ids=lambda text: text)
def test_what_has_no_meaning_is_refused(call: str, place: str, what: str) -> None:
    with pytest.raises((ValueError, TypeError)) as refused:
        ask(call, **{place: MEANINGLESS[what]})
    assert not isinstance(refused.value, np.linalg.LinAlgError)
    assert str(refused.value)


def answered(call: str, **changes: Any) -> bool:
    """Whether there was an answer, or a refusal of the right kind; every other error passes through."""
    try:
        ask(call, **changes)
    except (ValueError, TypeError) as error:
        return not isinstance(error, np.linalg.LinAlgError)
    return True


@pytest.mark.parametrize("what", ABSURD)
@pytest.mark.parametrize(("call", "place"), PLACES, ids=lambda text: text)
def test_what_is_absurd_is_refused_or_answered(call: str, place: str, what: str) -> None:
    assert answered(call, **{place: ABSURD[what]})


@pytest.mark.parametrize("what", ["NaN", "NaNs"])
@pytest.mark.parametrize(("call", "place"), PLACES, ids=lambda text: text)
def test_nan_is_refused_but_as_parameters(call: str, place: str, what: str) -> None:
    if place in ("theta", "v") and call not in ("train", "iterate", "gradient_error"):
        return  # a trial that left has them: NaN comes out
    with pytest.raises((ValueError, TypeError)):
        ask(call, **{place: ABSURD[what]})


@pytest.mark.parametrize(("call", "place"), PLACES, ids=lambda text: text)
def test_none_is_refused_but_where_it_is_the_default(call: str, place: str) -> None:
    if (call, place) in ALLOWED:
        ask(call, **{place: None})
    elif (call, place) != ("train", "watch"):
        with pytest.raises((ValueError, TypeError)):
            ask(call, **{place: None})


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.integers()
    | st.floats()
    | st.complex_numbers()
    | st.text(max_size=3)
    | st.sampled_from([*MEANINGLESS.values(), *ABSURD.values(), SGD, NET, DATA, SINGLE, HEAVY]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=600, suppress_health_check=[HealthCheck.too_slow])
@given(where=st.sampled_from(PLACES), value=VALUES)
def test_whatever_comes_is_refused_or_answered(where: tuple[str, str], value: Any) -> None:
    call, place = where
    if (call, place) in {("descend", "steps"), ("cuts", "n"), ("Network", "sizes"), ("train", "evaluate_at")}:
        value = min(value, 100) if isinstance(value, int) else value  # a million steps are no mistake
    if (call, place) in {("train", "evaluate_at"), ("train", "updates_at"), ("iterate", "evaluate_at")}:
        value = [min(v, 5) if isinstance(v, int) else v for v in value] if isinstance(value, list) else value
    if place == "sizes" and isinstance(value, list):
        value = [min(v, 9) if isinstance(v, int) else v for v in value]
    assert answered(call, **{place: value})
