"""Arguments that several commands take, or many of one."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from overshoot.core.names import suggest
from overshoot.study.problems.columns import ALLOWED

COLUMNS = {
    "inputs": "columns to predict the target from (default: all others)",
    "drop": "columns to leave out",
}
READING = {
    "task": "what the target is (default: classes for text or two values, else real numbers, a regression)",
    "categories": "what to do with text inputs (default: refuse); onehot makes one 0/1 column per value",
    "missing": "what to do with rows that have missing values (default: refuse)",
    "scaling": "how inputs are scaled, fitted on the training rows (default: standard)",
    "target_scaling": "how a regression's target is scaled (default: standard)",
    "header": "whether the first line has the columns' names: yes or no (default: detected)",
    "separator": "what separates fields: comma, semicolon, tab, bar, space, a character (default: detected)",
    "decimal": "the decimal mark, a point or a comma (default: detected)",
    "encoding": "encoding of the text (default: detected)",
}
"""Options of a file of one's own, as an experiment has them too."""


def add_reading(command: argparse.ArgumentParser) -> None:
    """The options of a file of one's own."""
    command.add_argument("--target", metavar="COLUMN", help="the column of your file that is to be predicted")
    for name, about in COLUMNS.items():
        command.add_argument(f"--{name}", nargs="+", metavar="COLUMN", help=about)
    for name, about in READING.items():
        command.add_argument(f"--{name.replace('_', '-')}", help=about, **among(ALLOWED.get(name)))


def add_question(advise: argparse.ArgumentParser) -> None:
    advise.add_argument(
        "dataset", help="the name of a dataset (see: list datasets), or the path of your file"
    )
    add_reading(advise)
    advise.add_argument(
        "--plugins",
        type=Path,
        nargs="+",
        default=[],
        metavar="FILE",
        help="Python files that register methods of your own",
    )
    advise.add_argument(
        "--hidden",
        type=count,
        nargs="*",
        default=[32],
        metavar="UNITS",
        help="units of each hidden layer; without numbers a linear model (default: 32)",
    )
    advise.add_argument(
        "--activation", default="relu", help="activation of the hidden layers (default: %(default)s)"
    )
    _add_combinations(advise)
    advise.add_argument(
        "--seed", type=seed, default=0, help="seed of the split and of the initial weights (default: 0)"
    )


def _add_combinations(advise: argparse.ArgumentParser) -> None:
    advise.add_argument(
        "--optimizers",
        nargs="+",
        default=["sgd", "momentum", "adam"],
        metavar="NAME",
        help="names as in: list optimizers (default: sgd momentum adam)",
    )
    advise.add_argument(
        "--batches",
        nargs="+",
        default=["full", "32", "1"],
        metavar="SIZE",
        help='batch sizes: full, a number, or a number and an order, such as "16 replacement" or "16 fixed" '
        "(default: full 32 1)",
    )


def add_race(race: argparse.ArgumentParser) -> None:
    race.add_argument(
        "optimizers",
        nargs="*",
        default=["sgd", "momentum", "adam"],
        metavar="NAME[=RATE]",
        help="optimizers and rates, such as sgd=0.1 adam=0.05 (default: sgd momentum adam at suitable rates)",
    )
    race.add_argument(
        "--surface", default="valley", help="valley, himmelblau or rosenbrock (default: valley)"
    )
    race.add_argument("--steps", type=count, default=100, help="how many steps (default: 100)")


def among(choices: Sequence[str] | None) -> dict[str, Any]:
    """What makes an argument one of `choices`, which are shown and completed, and names the nearest one for
    a wrong one; nothing where there are none."""
    return {} if choices is None else {"choices": choices, "type": _one_of(choices)}


def _one_of(choices: Sequence[str]) -> Callable[[str], str]:
    def chosen(text: str) -> str:
        if text in choices:
            return text
        raise argparse.ArgumentTypeError(
            f'expected one of {", ".join(choices)}, got "{text}"{suggest(text, choices)}'
        )

    return chosen


def count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number, 1 or more, got {text!r}")
    return int(text)


def seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, 0 or more, got {text!r}")
    return int(text)
