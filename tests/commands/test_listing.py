"""What `list` shows: every name that an experiment file can take, with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from rich.console import Console

from overshoot.core import ACTIVATIONS, INITIALIZERS, LOSSES, OPTIMIZERS, SCHEDULES, domains
from overshoot.core.batches import ORDERS
from overshoot.core.schedules import domains as schedule_domains
from overshoot.study.cli import main
from overshoot.study.commands import listing
from overshoot.study.problems.datasets import DATASETS

REGISTRIES: dict[str, Mapping[str, object]] = {
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "datasets": DATASETS,
    "losses": LOSSES,
    "activations": ACTIVATIONS,
    "initializers": INITIALIZERS,
    "batches": ORDERS,
}


def shown(what: str) -> str:
    console = Console(width=1000)
    with console.capture() as captured:
        console.print(listing.REGISTERED[what]())
    return captured.get()


def test_every_registry_has_a_list() -> None:
    assert listing.REGISTERED.keys() - {"keys"} == REGISTRIES.keys()


@pytest.mark.parametrize("what", REGISTRIES)
def test_the_command_lists_every_name(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", what]) == 0
    first = [line.split()[0] for line in capsys.readouterr().out.splitlines() if line.split()]
    assert REGISTRIES[what].keys() <= {*first}


@pytest.mark.parametrize("what", ["optimizers", "schedules"])
def test_every_hyperparameter_is_shown_with_what_it_does(what: str) -> None:
    text = shown(what)
    known = domains if what == "optimizers" else schedule_domains
    for name in REGISTRIES[what]:
        for key, option in known(name).items():
            assert f"{key} = {option.default:.4g} in {option.domain}: {option.about}" in text


def test_the_rest_is_shown_too() -> None:
    assert all(cls.defaults in shown("optimizers") for cls in OPTIMIZERS.values())
    assert all(loss.label in shown("losses") for loss in LOSSES.values())
    assert all(order.about in shown("batches") for order in ORDERS.values())
    assert all(activation.about in shown("activations") for activation in ACTIVATIONS.values())
    assert all(initializer.about in shown("initializers") for initializer in INITIALIZERS.values())
